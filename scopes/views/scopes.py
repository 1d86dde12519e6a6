"""One's own API tokens and roles, and the audit log."""

from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from core.errors import Refused
from core.events import SYSTEM_CHAIN, chain_of
from core.history import tell
from core.listing import listing
from core.models import ChainHead, Event
from core.views import attempt, person
from scopes.filters import EventFilter
from scopes.forms import TokenForm
from scopes.models import ApiToken, Membership, Scope
from scopes.services import issue_token, revoke_token

MOST_CHAINS = 200


@require_http_methods(["GET", "POST"])
def tokens(request: HttpRequest) -> HttpResponse:
    """Show one's tokens; make one. The key is on the answer to the POST and nowhere else."""
    sent = request.POST if request.method == "POST" else None
    form = TokenForm(sent, user=person(request))
    key, status = "", 200
    if request.method == "POST":
        key, status = _issue(request, form)
        if key:
            form = TokenForm(user=person(request))
    rows = ApiToken.objects.of(person(request)).select_related("scope").order_by("-pk")
    context = {"form": form, "key": key, "tokens": list(rows[:200]), "now": timezone.now()}
    return render(request, "tokens.html", context, status=status)


def _issue(request: HttpRequest, form: TokenForm) -> tuple[str, int]:
    if not form.is_valid():
        return "", 422
    user = person(request)
    try:
        _, key = issue_token(user=user, by=user, at=timezone.now(), **form.cleaned_data)
    except Refused as error:
        messages.error(request, str(error))
        return "", 409
    return key, 201


@require_POST
def token_revoke(request: HttpRequest, pk: int) -> HttpResponse:
    token = get_object_or_404(ApiToken.objects.of(person(request)), pk=pk)
    return attempt(
        request,
        lambda: revoke_token(token=token, by=person(request), at=timezone.now()),
        done=f"The token {token.prefix}… is revoked.",
        back="tokens",
    )


@require_GET
def profile(request: HttpRequest) -> HttpResponse:
    rows = Membership.objects.filter(user=person(request)).select_related("scope")
    return render(
        request, "profile.html", {"memberships": list(rows.order_by("scope__name")[:200])}
    )


@require_GET
def audit(request: HttpRequest) -> HttpResponse:
    scopes = {s.pk: s for s in Scope.objects.visible_to(request.user).order_by("name")}
    mine = Q(scope_id__in=list(scopes)) | Q(chain=SYSTEM_CHAIN, actor_id=request.user.pk)
    listed = listing(
        request, EventFilter, Event.objects.filter(mine).select_related("actor").order_by("-id")
    )
    context = {
        "listed": listed,
        "rows": [
            {"told": t, "scope": scopes.get(t.event.scope_id or 0)} for t in tell(listed.page.rows)
        ],
        "scopes": list(scopes.values()),
        "chains": _chains(scopes),
    }
    return render(request, "audit.html", context)


def _chains(scopes: dict[int, Scope]) -> list[dict[str, Any]]:
    """The heads of the chains in sight, and whether each seals the last event that is there."""
    names = {chain_of(pk): scope for pk, scope in list(scopes.items())[:MOST_CHAINS]}
    heads = list(ChainHead.objects.filter(chain__in=names).order_by("chain"))
    wanted = Q(pk__in=[])
    for head in heads:
        wanted |= Q(chain=head.chain, seq=head.seq)
    last = {event.chain: event for event in Event.objects.filter(wanted).defer("data")}
    return [
        {
            "scope": names[head.chain],
            "head": head,
            "at": last[head.chain].at if head.chain in last else None,
            "holds": head.chain in last and last[head.chain].hash == head.hash,
        }
        for head in heads
    ]
