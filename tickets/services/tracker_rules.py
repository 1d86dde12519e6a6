"""Tickets that nobody asks for by hand: by the connection's rule, and by rules of discovery with its project."""

from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet

from findings.models import AppliedRule, DiscoveryRule, Finding
from findings.statuses import OPEN, Status
from tickets.models import Ticket, TrackerConnection
from tickets.services.tickets import add_ticket
from tickets.statuses import TicketState

MOST = 100  # tickets made so that may be open at once, where the rule says no other
MOST_AT_ONCE = 20
STAGES = [status.value for status in OPEN if status != Status.AWAITING_VERIFICATION]


def wanted_by_rules(tracker: TrackerConnection) -> QuerySet[Finding]:
    """Return the findings that a rule wants a ticket for here and that never had one, the most urgent first."""
    meets = _by_connection(tracker) | _by_discovery(tracker)
    had = Ticket.objects.filter(connection=tracker, finding=OuterRef("pk"))
    rows = Finding.objects.filter(meets, ~Exists(had), scope_id=tracker.scope_id, set_aside="")
    return rows.order_by("-priority_score", "-pk")


def ask_by_rules(tracker: TrackerConnection, at: datetime) -> None:
    """Ask for tickets of what rules want, up to their bound, inside the caller's transaction."""
    mine = Ticket.objects.filter(connection=tracker, asked_by__isnull=True)
    there = mine.filter(state__in=[TicketState.WAITING, TicketState.OPEN]).count()
    room = tracker.rule.get("most", MOST) - there
    if room <= 0:
        return
    for finding in wanted_by_rules(tracker)[: min(room, MOST_AT_ONCE)]:
        add_ticket(finding=finding, tracker=tracker, by=None, at=at)


def _by_connection(tracker: TrackerConnection) -> Q:
    if not tracker.rule:
        return Q(pk__in=[])
    meets = Q(status__in=tracker.rule["statuses"] or STAGES)
    if bands := tracker.rule["bands"]:
        meets &= Q(priority_band__in=bands)
    return meets


def _by_discovery(tracker: TrackerConnection) -> Q:
    """What a rule of discovery did to them is kept with them; a rule that has ended asks for nothing more."""
    rules = DiscoveryRule.objects.filter(
        scope=tracker.scope_id, actions__ticket_project=tracker.project, ended_at__isnull=True
    )
    ids = list(rules.values_list("pk", flat=True))
    if not ids:
        return Q(pk__in=[])
    did = AppliedRule.objects.filter(
        rule__in=ids, undone_at__isnull=True, did__ticket_project=tracker.project
    )
    return Q(pk__in=did.values("finding"), status__in=STAGES)
