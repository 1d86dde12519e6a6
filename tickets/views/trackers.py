"""Pages of trackers and of a finding's tickets: each sends one verb. A secret is on the answer to its POST."""

import json
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from core.errors import Refused
from core.listing import listing
from core.permissions import Permission
from core.views import attempt, person, put_refusal, refuse_form
from findings.models import Finding
from findings.views.findings import visible_finding
from scopes.access import can
from scopes.models import Scope
from tickets.models import Ticket, TrackerConnection
from tickets.services.tickets import ask_ticket, unlink_ticket
from tickets.services.tracker_preview import Preview, preview_ticket
from tickets.services.trackers import (
    change_tracker,
    check_tracker,
    connect_tracker,
    disconnect_tracker,
    renew_tracker_secret,
    replace_tracker_key,
)
from tickets.tracker_filters import TrackerFilter
from tickets.tracker_forms import ChangeForm, ConnectForm, KeyForm, TicketForm, TryForm

MOST = 50  # rows of each that a page lists


@require_GET
def trackers(request: HttpRequest) -> HttpResponse:
    rows = TrackerConnection.objects.visible_to(request.user).select_related("scope")
    listed = listing(request, TrackerFilter, rows.order_by("-id"))
    return render(request, "integrations/trackers.html", {"listed": listed})


@require_GET
def tracker(request: HttpRequest, pk: int) -> HttpResponse:
    return _show(request, _visible(request, pk))


@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Show the form; connect a tracker. The webhook's secret is on the answer to the POST."""
    user = person(request)
    if not Scope.objects.permitting(user, Permission.ADMINISTER).exists():
        return _form(request, None, 200 if request.method == "GET" else 403)
    if request.method == "GET":
        return _form(request, ConnectForm(user=user))
    form = ConnectForm(request.POST, user=user)
    if not form.is_valid():
        return _form(request, form, 400)
    try:
        made, secret = connect_tracker(by=user, at=timezone.now(), **form.cleaned_data)
    except Refused as refusal:
        put_refusal(form, refusal)
        return _form(request, form, 400)
    return _show(request, _visible(request, made.pk), secret)


@require_POST
def change(request: HttpRequest, pk: int) -> HttpResponse:
    row, form = _visible(request, pk), ChangeForm(request.POST)
    if not form.is_valid():
        return refuse_form(request, form, back=row.get_absolute_url())
    told = dict(form.cleaned_data)
    told["rule"] = {**row.rule, "bands": told.pop("bands")}
    return _verb(request, row, change_tracker, "Changed.", **told)


@require_POST
def preview(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what the ticket of the most urgent open finding would hold by the mapping as it was sent."""
    row, form, by = _visible(request, pk), TryForm(request.POST), person(request)
    finding = (
        Finding.objects.filter(scope=row.scope_id).open().order_by("-priority_score", "-pk").first()
    )
    if not form.is_valid():
        return refuse_form(request, form, back=row.get_absolute_url())
    if finding is None:
        messages.info(request, "The scope has no open finding to try it with.")
        return _show(request, row, sent=request.POST)
    try:
        tried = preview_ticket(
            tracker=row, finding=finding, by=by, mapping=form.cleaned_data["mapping"]
        )
    except Refused as refusal:
        messages.error(request, str(refusal))
        return _show(request, row, sent=request.POST)
    return _show(request, row, sent=request.POST, tried=tried)


@require_POST
def check(request: HttpRequest, pk: int) -> HttpResponse:
    done = "The tracker is asked within seconds; the answer shows here."
    return _verb(request, _visible(request, pk), check_tracker, done)


@require_POST
def new_key(request: HttpRequest, pk: int) -> HttpResponse:
    row, form = _visible(request, pk), KeyForm(request.POST)
    if not form.is_valid():
        return refuse_form(request, form, back=row.get_absolute_url())
    return _verb(
        request, row, replace_tracker_key, "It is tried within seconds.", **form.cleaned_data
    )


@require_POST
def end(request: HttpRequest, pk: int) -> HttpResponse:
    done = "Disconnected. Tickets stay there as they are."
    return _verb(request, _visible(request, pk), disconnect_tracker, done)


@require_POST
def new_secret(request: HttpRequest, pk: int) -> HttpResponse:
    """Make another secret for the webhook and show it, this once."""
    row, by = _visible(request, pk), person(request)
    try:
        _, secret = renew_tracker_secret(tracker=row, by=by, at=timezone.now())
    except Refused as refusal:
        messages.error(request, str(refusal))
        secret = ""
    return _show(request, _visible(request, pk), secret)


@require_GET
def projects(request: HttpRequest, slug: str) -> HttpResponse:
    """The projects in which a scope keeps tickets: a part of the page of discovery rules, which may name one."""
    scope = get_object_or_404(Scope.objects.visible_to(request.user), slug=slug)
    rows = TrackerConnection.objects.live().filter(scope=scope).order_by("project", "name")
    return render(request, "integrations/_projects.html", {"trackers": list(rows[:MOST])})


# --- the tickets of a finding
@require_GET
def tickets(request: HttpRequest, pk: int) -> HttpResponse:
    """The tickets of a finding and what may be done with them: a part of its page."""
    finding = visible_finding(request, pk)
    rows = Ticket.objects.filter(finding=finding).select_related("connection")
    form = TicketForm(scope_id=finding.scope_id, auto_id="id_ticket_%s")
    may = can(person(request), Permission.CLAIM, finding.scope_id)
    has_trackers = TrackerConnection.objects.live().filter(scope=finding.scope_id).exists()
    context = {
        "finding": finding,
        "tickets": list(rows.order_by("-pk")[:MOST]),
        "may": may,
        "form": form if may and has_trackers else None,
        "has_trackers": has_trackers,
    }
    return render(request, "integrations/_tickets.html", context)


@require_POST
def ask(request: HttpRequest, pk: int) -> HttpResponse:
    """Order a ticket, or link one by its key."""
    finding = visible_finding(request, pk)
    back = f"{finding.get_absolute_url()}#tickets"
    form = TicketForm(request.POST, scope_id=finding.scope_id)
    if not form.is_valid():
        return refuse_form(request, form, back=back)
    told, by = form.cleaned_data, person(request)
    return attempt(
        request,
        lambda: ask_ticket(
            finding=finding, tracker=told["connection"], by=by, at=timezone.now(), key=told["key"]
        ),
        done="The tracker is asked within seconds.",
        back=back,
    )


@require_POST
def unlink(request: HttpRequest, pk: int) -> HttpResponse:
    rows = Ticket.objects.visible_to(request.user).select_related("finding")
    row, by = get_object_or_404(rows, pk=pk), person(request)
    return attempt(
        request,
        lambda: unlink_ticket(ticket=row, by=by, at=timezone.now()),
        done="Unlinked. In the tracker it stays as it is.",
        back=f"{row.finding.get_absolute_url()}#tickets",
    )


def _visible(request: HttpRequest, pk: int) -> TrackerConnection:
    rows = TrackerConnection.objects.visible_to(request.user).select_related(
        "scope", "actor", "created_by", "ended_by"
    )
    return get_object_or_404(rows, pk=pk)


def _show(
    request: HttpRequest,
    shown: TrackerConnection,
    secret: str = "",
    sent: QueryDict | None = None,
    tried: Preview | None = None,
) -> HttpResponse:
    """The page. ``sent``: what stands in the form again, with what it would do."""
    site = settings.PUBLIC_URL or request.build_absolute_uri("/").rstrip("/")
    may = can(person(request), Permission.ADMINISTER, shown.scope_id) and not shown.has_ended
    rows = shown.tickets.select_related("finding").order_by("-pk")
    context: dict[str, Any] = {
        "tracker": shown,
        "secret": secret,
        "tickets": list(rows[:MOST]),
        "most": MOST,
        "may_change": may,
    }
    if may:
        now = {name: getattr(shown, name) for name in ("name", "reopens", "comments", "mapping")}
        now["bands"] = shown.rule.get("bands", [])
        context |= {
            "webhook": f"{site}{reverse('tracker-hook', args=[shown.hook])}",
            "form": ChangeForm(sent, initial=now, auto_id="id_change_%s"),
            "tried": tried
            and {
                "finding": tried.finding,
                "fields": json.dumps(tried.fields, indent=2, ensure_ascii=False).replace(
                    "\\n", "\n"
                ),  # as people read it
                "assignee": tried.assignee,
                "by_rules": tried.by_rules,
            },
            "is_open": sent is not None,
            "key_form": KeyForm(initial={"account": shown.account}, auto_id="id_key_%s"),
        }
    return render(request, "integrations/tracker.html", context)


def _form(request: HttpRequest, form: ConnectForm | None, status: int = 200) -> HttpResponse:
    return render(request, "integrations/tracker_new.html", {"form": form}, status=status)


def _verb(
    request: HttpRequest, row: TrackerConnection, verb: Any, done: str, **brought: Any
) -> HttpResponse:
    by = person(request)
    return attempt(
        request,
        lambda: verb(tracker=row, by=by, at=timezone.now(), **brought),
        done=done,
        back=row.get_absolute_url(),
    )
