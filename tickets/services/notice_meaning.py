"""Which events concern whom: the one place that reads the data of events for notices."""

from collections.abc import Iterable
from dataclasses import dataclass

from core.models import Event, User
from findings.models import ClockNotice, Finding
from findings.statuses import Notice as Clock
from remediations.models import Remediation
from scans.statuses import Verdict
from tickets.models import TrackerConnection, WebhookEndpoint
from tickets.statuses import NoticeKind

CLOCKS = {
    f"sla.{Clock.DUE_SOON}": NoticeKind.DUE,
    f"sla.{Clock.OVERDUE}": NoticeKind.DUE,
    f"sla.{Clock.STAGE_OVERDUE}": NoticeKind.DUE,
    f"sla.{Clock.ACCEPTANCE_ENDS}": NoticeKind.ACCEPTANCE_ENDS,
}
COMMENTED = ("finding.commented", "finding.comment_changed")


STOPS: dict[str, type[WebhookEndpoint] | type[TrackerConnection]] = {
    "webhook.disabled": WebhookEndpoint,
    "tracker.refused": TrackerConnection,
}


@dataclass(frozen=True, slots=True)
class Meaning:
    """What kind of event it is to people, and which findings it is about for each (by user id)."""

    kind: NoticeKind
    people: dict[int, list[int]]


def meaning_of(event: Event) -> Meaning | None:
    """Return whom an event concerns; None: nobody. Nobody is told of what they did themselves."""
    if event.action == "finding.assigned":
        return _assigned(event)
    if event.action in COMMENTED and event.data.get("mentions"):
        return _mentioned(event)
    if event.action == "finding.judged" and event.data.get("verdict") == Verdict.FAIL:
        return _judged(event)
    if event.action in CLOCKS:
        return _clock(event)
    if event.action in STOPS:
        return _stopped(event)
    return None


def _assigned(event: Event) -> Meaning | None:
    name = event.data.get("to")
    user = User.objects.filter(username=name).first() if name else None
    if user is None or user.pk == event.actor_id:
        return None
    one = [event.subject_id] if event.subject == "finding" else []
    return Meaning(NoticeKind.ASSIGNED, {user.pk: event.data.get("findings", one)})


def _mentioned(event: Event) -> Meaning:
    """Whose names a comment holds after an @, as far as they are members of the scope still."""
    members = User.objects.filter(
        username__in=event.data["mentions"], memberships__scope=event.scope_id, is_active=True
    )
    people = members.order_by("pk").values_list("pk", flat=True)
    others = {pk: [event.subject_id] for pk in people if pk != event.actor_id}
    return Meaning(NoticeKind.MENTION, others)


def _judged(event: Event) -> Meaning:
    """Who answers for the finding, and who proposed the fix."""
    fix = Remediation.objects.filter(pk=event.data.get("remediation"), scope=event.scope_id).first()
    people = _by_assignee([event.subject_id], event.scope_id)
    if fix is not None and fix.created_by_id is not None:
        people.setdefault(fix.created_by_id, [event.subject_id])
    return Meaning(NoticeKind.VERIFICATION_FAILED, people)


def _clock(event: Event) -> Meaning:
    """Who answers for the findings; the event names not all of them, the notices of clocks do."""
    told = ClockNotice.objects.filter(
        scope=event.scope_id, kind=event.action.removeprefix("sla."), at=event.at
    )
    ids = told.order_by("pk").values_list("finding_id", flat=True)
    return Meaning(CLOCKS[event.action], _by_assignee(ids, event.scope_id))


def _stopped(event: Event) -> Meaning | None:
    """Who made the webhook or connected the tracker; it is about no finding."""
    rows = STOPS[event.action].objects.filter(pk=event.subject_id, scope=event.scope_id)
    maker = rows.values_list("created_by", flat=True).first()
    return None if maker is None else Meaning(NoticeKind.STOPPED, {maker: []})


def _by_assignee(findings: Iterable[int], scope_id: int | None) -> dict[int, list[int]]:
    rows = Finding.objects.filter(pk__in=findings, scope=scope_id, assigned_to__isnull=False)
    people: dict[int, list[int]] = {}
    for user, pk in rows.order_by("pk").values_list("assigned_to_id", "pk"):
        people.setdefault(user, []).append(pk)
    return people
