"""What people write about a finding: read and kept as plain text."""

import hashlib
import re
from datetime import datetime
from typing import Any

from django.db import transaction

from core.errors import BadInput, NotAllowed, WrongState
from core.events import append_event
from core.models import User
from core.permissions import Permission
from core.text import clean_text
from findings.models import Comment, Finding
from scopes.access import can, check_may

MAX_TEXT = 20_000
MOST_MENTIONED = 50  # people of one comment
MENTION = re.compile(r"(?<![\w@.+-])@([\w.@+-]{1,150})")


def text_given(where: str, value: str) -> str:
    value = clean_text(value).strip()
    if not value:
        raise BadInput(where, "must not be empty")
    if len(value) > MAX_TEXT:
        raise BadInput(where, f"longer than allowed ({len(value)} > {MAX_TEXT} characters)")
    return value


def mentioned(body: str, scope_id: int) -> list[str]:
    """Return the names after an @ that are of active members of the scope, in their order."""
    names: dict[str, None] = {}
    for told in MENTION.findall(body):
        names.setdefault(told)
        names.setdefault(told.rstrip(".@+-"))  # the end of a sentence is no part of a name
    asked = list(names)[: 4 * MOST_MENTIONED]
    members = User.objects.filter(
        username__in=asked, memberships__scope=scope_id, is_active=True
    ).values_list("username", flat=True)
    known = set(members)
    return [name for name in asked if name in known][:MOST_MENTIONED]


@transaction.atomic
def add_comment(*, finding: Finding, body: str, by: User, at: datetime) -> Comment:
    """Add a comment, as plain text. Who is mentioned (@name) is told of it, if they want to be."""
    check_may(by, Permission.CLAIM, finding.scope_id)
    comment = Comment.objects.create(finding=finding, body=text_given("body", body), at=at, by=by)
    names = mentioned(comment.body, finding.scope_id)
    _tell(comment, "commented", by, at, **({"mentions": names} if names else {}))
    return comment


@transaction.atomic
def change_comment(*, comment: Comment, body: str, by: User, at: datetime) -> Comment:
    """Put one's own comment into other words. The log keeps the digests of both, not the words.

    Only who is mentioned anew is told. Raises NotAllowed for another's, WrongState for a removed one.
    """
    row = _locked(comment)
    check_may(by, Permission.CLAIM, row.finding.scope_id)
    if row.by_id != by.pk:
        raise NotAllowed("Only who wrote a comment changes it.")
    before, row.body = row.body, text_given("body", body)
    if row.body == before:
        return row
    row.changed_at = at
    row.save(update_fields=["body", "changed_at"])
    known = set(mentioned(before, row.finding.scope_id))
    names = [name for name in mentioned(row.body, row.finding.scope_id) if name not in known]
    told = {"before": _digest(before), "after": _digest(row.body)}
    _tell(row, "comment_changed", by, at, **told, **({"mentions": names} if names else {}))
    return row


@transaction.atomic
def remove_comment(*, comment: Comment, by: User, at: datetime) -> Comment:
    """Remove a comment's words; that there was one stays. For who wrote it, and administrators.

    Raises NotAllowed, WrongState where it is removed already.
    """
    row = _locked(comment)
    if row.by_id != by.pk and not can(by, Permission.ADMINISTER, row.finding.scope_id):
        raise NotAllowed("Only who wrote a comment, or an administrator of the scope, removes it.")
    check_may(by, Permission.CLAIM, row.finding.scope_id)
    before, row.body, row.removed_at, row.removed_by = row.body, "", at, by
    row.save(update_fields=["body", "removed_at", "removed_by"])
    _tell(row, "comment_removed", by, at, before=_digest(before))
    return row


def _locked(comment: Comment) -> Comment:
    rows = Comment.objects.select_for_update(of=("self",), no_key=True).select_related("finding")
    row = rows.get(pk=comment.pk)
    if row.removed_at is not None:
        raise WrongState("The comment was removed.")
    return row


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _tell(comment: Comment, what: str, by: User, at: datetime, **more: Any) -> None:
    finding = comment.finding
    append_event(
        scope_id=finding.scope_id, action=f"finding.{what}", subject="finding", subject_id=finding.pk,
        by=by, at=at, data={"comment": comment.pk, **more},
    )  # fmt: skip
