"""What a ticket would hold, before it is made. Reads only, and asks no tracker."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.errors import BadInput
from core.models import User
from core.permissions import Permission
from findings.models import Finding
from scopes.access import check_may
from tickets.models import TrackerConnection
from tickets.services import tracker_words as words
from tickets.services.tracker_opening import CLIENTS
from tickets.services.tracker_rules import wanted_by_rules
from tickets.statuses import TrackerKind
from tickets.trackers.base import Account, Draft
from tickets.trackers.mapping import account_of, read_mapping

MARKER = "ctem-…"  # made with the ticket


@dataclass(frozen=True, slots=True)
class Preview:
    """``fields``: what the tracker would be sent. ``by_rules``: findings that rules want a ticket for now."""

    finding: Finding
    fields: dict[str, Any]
    assignee: str
    by_rules: int


def preview_ticket(
    *,
    tracker: TrackerConnection,
    finding: Finding,
    by: User,
    mapping: Mapping[str, Any] | None = None,
) -> Preview:
    """Return the ticket of a finding by a mapping, or by the tracker's own.

    Raises NotAllowed, BadInput that names the place in the mapping.
    """
    check_may(by, Permission.CLAIM, tracker.scope_id)
    if finding.scope_id != tracker.scope_id:
        raise BadInput("finding", "is of another scope than the tracker")
    kind = TrackerKind(tracker.kind)
    told = tracker.mapping if mapping is None else read_mapping(mapping, kind)
    draft = Draft(
        title=words.title_of(finding), text=words.text_of(finding), band=finding.priority_band,
        marker=MARKER, values=words.facts_of(finding, told.get("values", {})),
    )  # fmt: skip
    account = Account(base=tracker.base, project=tracker.project, account=tracker.account, key="")
    owner = finding.assigned_to
    return Preview(
        finding,
        CLIENTS[kind](account, told).fields_of(draft),
        account_of(told, owner.username if owner else None),
        wanted_by_rules(tracker).count(),
    )
