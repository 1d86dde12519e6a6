"""The list of connections, one connection with what it saw, its progress. Nothing is changed here."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import Case, Value, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_GET

from core.listing import listing
from core.models import User
from core.permissions import Permission
from core.views import person
from forges.filters import ConnectionFilter
from forges.forms import ChangeForm, KeyForm
from forges.models import Connection, KnownAnalysis, PullRequest
from forges.services.progress import Progress, progress_of, webhook_address, with_counts
from forges.statuses import Forge, SignIn
from forges.views.needs import needs_of
from scopes.access import can

MOST = 50  # rows of each that the page of a connection lists
MOST_MESSAGES = 20


@dataclass(frozen=True, slots=True)
class Row:
    """A connection in the list."""

    connection: Connection
    progress: Progress


def visible(request: HttpRequest, pk: int) -> Connection:
    """Return a connection that the user may see, with the counts of its repositories; else 404."""
    rows = Connection.objects.visible_to(request.user).select_related(
        "scope", "actor", "created_by", "ended_by"
    )
    return get_object_or_404(with_counts(rows), pk=pk)


@require_GET
def integrations(request: HttpRequest) -> HttpResponse:
    rows = Connection.objects.visible_to(request.user).select_related("scope")
    listed = listing(request, ConnectionFilter, with_counts(rows).order_by("-id"))
    now = timezone.now()
    context = {
        "listed": listed,
        "rows": [Row(row, progress_of(row, now)) for row in listed.page.rows],
    }
    return render(request, "integrations/list.html", context)


@require_GET
def connection(request: HttpRequest, pk: int) -> HttpResponse:
    return show(request, visible(request, pk))


@require_GET
def progress(request: HttpRequest, pk: int) -> HttpResponse:
    """The part of a connection's page that changes while looks last; asked for again until they end."""
    shown = visible(request, pk)
    now = progress_of(shown, timezone.now())
    context = {"connection": shown, "progress": now}
    response = render(request, "integrations/_progress.html", context)
    if not now.is_busy:
        response["HX-Refresh"] = "true"
    return response


def show(request: HttpRequest, shown: Connection, secret: str = "") -> HttpResponse:
    """The page of a connection; ``secret``: of its webhook, shown this once."""
    user = person(request)
    context = {
        "connection": shown,
        "progress": progress_of(shown, timezone.now()),
        "secret": secret,
        "webhook": webhook_address(shown, request.build_absolute_uri("/")),
        "is_public": bool(settings.PUBLIC_URL),
        "needs": needs_of(Forge(shown.forge), SignIn(shown.sign_in)),
        **_seen(shown),
        **_forms(user, shown),
    }
    return render(request, "integrations/detail.html", context)


def _seen(shown: Connection) -> dict[str, Any]:
    has_problem = Case(When(problem="", then=Value(1)), default=Value(0))
    repositories = shown.repositories.select_related("asset").order_by(has_problem, "full_name")
    pulls = PullRequest.objects.filter(repository__connection=shown).select_related(
        "repository", "remediation"
    )
    reports = KnownAnalysis.objects.filter(repository__connection=shown)
    return {
        "repositories": list(repositories[:MOST]),
        "pulls": list(pulls.defer("remediation__commits", "shown").order_by("-pk")[:MOST]),
        "reports": list(
            reports.select_related("repository", "scan")
            .defer("listed", "scan__facts", "scan__log", "scan__recipe")
            .order_by("-pk")[:MOST]
        ),
        "messages_in": list(shown.messages.order_by("-pk")[:MOST_MESSAGES]),
        "most": MOST,
    }


def _forms(user: User, shown: Connection) -> dict[str, Any]:
    may = can(user, Permission.ADMINISTER, shown.scope_id) and not shown.has_ended
    if not may:
        return {"may_look": can(user, Permission.TRIAGE, shown.scope_id) and not shown.has_ended}
    now = {
        "name": shown.name,
        "include": shown.include,
        "release_branches": shown.release_branches,
        "mode": shown.mode,
    }
    return {
        "may_look": True,
        "may_change": True,
        "change_form": ChangeForm(initial=now, auto_id="id_change_%s"),
        "key_form": KeyForm(auto_id="id_key_%s"),
    }
