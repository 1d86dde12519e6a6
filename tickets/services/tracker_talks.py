"""What people in a tracker say and whom they assign, taken over without an echo.

A comment is taken over once, as one of the connection's service account that names who wrote it. What we wrote
ourselves carries a mark at its end. Who is assigned there answers here, where the mapping names them and the
service account may triage: its role *ticketing* may not, an administrator may give it another one.
"""

import re
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from core.errors import Refused
from core.events import append_event
from core.models import User
from core.text import clean_text
from findings.models import Comment, Finding
from findings.services import add_comment
from findings.services.assigning import assign
from tickets.models import Ticket, TicketRemark
from tickets.services.tracker_words import remark_text
from tickets.statuses import THERE, StepKind, StepState, Talks
from tickets.trackers.base import Remark
from tickets.trackers.mapping import username_of

MOST_REMARK = 15_000  # characters that are taken over of one comment
_OURS = re.compile(r"\[ctem-[0-9a-f]{20}\]\s*\Z")


def is_unheard(ticket: Ticket) -> bool:
    """Whether its comments have to be read: it is another version than that up to which they were."""
    return ticket.connection.comments == Talks.BOTH and ticket.version != ticket.heard_version


@transaction.atomic
def record_remarks(ticket: Ticket, remarks: Sequence[Remark], *, version: str, at: datetime) -> int:
    """Take over what was said since the last time; return how many comments were made.

    ``version``: of the ticket, as it was told before its comments were asked for. Of a ticket that was
    linked by its key, what was said before stays there.
    """
    row = (
        Ticket.objects.select_for_update(no_key=True).select_related("connection").get(pk=ticket.pk)
    )
    if row.state not in THERE:
        return 0
    heard = set(row.remarks.values_list("external_id", flat=True))
    new = [r for r in remarks if clean_text(r.id, 64) not in heard and not _OURS.search(r.text)]
    is_first = row.heard_version == "" and _was_adopted(row)
    finding = Finding.objects.get(pk=row.finding_id)
    made = []
    for remark in new:
        taken = None if is_first or not remark.text.strip() else _take(row, finding, remark, at)
        made.append(TicketRemark(ticket=row, external_id=clean_text(remark.id, 64),
                                 comment=taken, heard_at=at))  # fmt: skip
    TicketRemark.objects.bulk_create(made)
    row.heard_version = version
    row.save(update_fields=["heard_version"])
    return sum(remark.comment is not None for remark in made)


def _take(row: Ticket, finding: Finding, remark: Remark, at: datetime) -> Comment:
    text = remark_text(row.key, remark.author, clean_text(remark.text, MOST_REMARK))
    return add_comment(finding=finding, body=text, by=row.connection.actor, at=at)


def _was_adopted(row: Ticket) -> bool:
    return row.steps.filter(kind=StepKind.ADOPT, state=StepState.DONE).exists()


def assigned_there(row: Ticket, at: datetime) -> None:
    """Let who is assigned there answer here, inside the caller's transaction; what is refused is an event."""
    name = username_of(row.connection.mapping, row.assignee_key)
    person = User.objects.filter(username=name, is_active=True).first() if name else None
    finding = Finding.objects.get(pk=row.finding_id)
    if person is None or finding.assigned_to_id == person.pk:
        return
    refused = ""
    try:
        with transaction.atomic():
            assign(finding=finding, to=person, by=row.connection.actor, at=at)
            Ticket.objects.filter(pk=row.pk).update(told_to=person)
    except Refused as error:
        refused = str(error)
    append_event(
        scope_id=row.scope_id, action="ticket.assigned_there", subject="ticket", subject_id=row.pk,
        by=row.connection.actor, at=at,
        data={"finding": row.finding_id, "key": row.key, "to": name, "refused": refused},
    )  # fmt: skip
