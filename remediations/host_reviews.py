"""Recording what people decided about a fix on its code host. What it is worth, the gate says."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from core.errors import BadInput
from core.events import append_event
from core.models import User
from core.text import clean_text
from remediations.models import Remediation, Review
from remediations.services import check_git_id, check_may_tell, locked
from remediations.statuses import Decision

MAX_ANSWERS = 20
_ANSWER = re.compile(
    r"^[ \t>*+-]*([A-Za-z][A-Za-z _]{2,60}?)[ \t*]*[:=][ \t*]*(\S.{0,2000})$", re.M
)


def answers_in(text: str) -> dict[str, str]:
    """The answers that a review's text gives: ``root_cause_removed: yes, …`` or ``Root cause removed: …``."""
    found = _ANSWER.findall(text[:20_000])[:MAX_ANSWERS]
    return {"_".join(key.lower().split()): clean_text(said.strip()) for key, said in found}


@dataclass(frozen=True, slots=True)
class HostReview:
    """One review as its host tells it. ``id`` is its name there, the same for good."""

    id: str
    login: str
    decision: str
    commit: str
    at: datetime
    kind: str = "human"  # or bot, by the host's word
    comment: str = ""
    patch_id: str = ""  # of the diff that was looked at
    mention: str = ""  # Name <mail> that the login commits under, where the host tells


@transaction.atomic
def record_host_reviews(
    *, remediation: Remediation, reviews: Sequence[HostReview], by: User, at: datetime
) -> list[Review]:
    """Record those that are new or say something else than before; return the new rows.

    A review of an older revision is recorded with that revision. Raises BadInput, NotAllowed.
    """
    check_may_tell(by, remediation)
    for told in reviews:
        check_git_id("review.commit", told.commit)
        if told.decision not in list(Decision):
            raise BadInput("review.decision", f"{told.decision[:40]!r} is none we know")
    remediation = locked(remediation.pk)
    known = {row.host_review: row for row in remediation.reviews.order_by("pk")}
    made = [_row(remediation, told) for told in reviews if _is_news(told, known.get(told.id))]
    for row in made:
        row.save(force_insert=True)
        append_event(
            scope_id=remediation.scope_id, action="remediation.reviewed", subject="remediation",
            subject_id=remediation.pk, by=by, at=at,
            data={"decision": row.decision, "commit": row.commit, "login": row.login,
                  "host_review": row.host_review},
        )  # fmt: skip
    return made


def _is_news(told: HostReview, known: Review | None) -> bool:
    return known is None or (known.decision, known.commit) != (told.decision, told.commit)


def _row(remediation: Remediation, told: HostReview) -> Review:
    is_head = told.commit == remediation.head_commit
    return Review(
        remediation=remediation, login=clean_text(told.login, 200), login_kind=told.kind,
        host_review=clean_text(told.id, 300), decision=Decision(told.decision), commit=told.commit,
        tree=remediation.head_tree if is_head else "", comment=clean_text(told.comment, 20_000),
        answers=answers_in(told.comment), at=told.at, patch_id=told.patch_id[:64],
        login_mention=clean_text(told.mention, 400),
    )  # fmt: skip
