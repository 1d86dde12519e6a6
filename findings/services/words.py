"""What people write about a finding: read and kept as plain text."""

from datetime import datetime

from django.db import transaction

from core.errors import BadInput
from core.events import append_event
from core.models import User
from core.permissions import Permission
from core.text import clean_text
from findings.models import Comment, Finding
from scopes.access import check_may

MAX_TEXT = 20_000


def text_given(where: str, value: str) -> str:
    value = clean_text(value).strip()
    if not value:
        raise BadInput(where, "must not be empty")
    if len(value) > MAX_TEXT:
        raise BadInput(where, f"longer than allowed ({len(value)} > {MAX_TEXT} characters)")
    return value


@transaction.atomic
def add_comment(*, finding: Finding, body: str, by: User, at: datetime) -> Comment:
    """Add a comment, as plain text."""
    check_may(by, Permission.CLAIM, finding.scope_id)
    comment = Comment.objects.create(finding=finding, body=text_given("body", body), at=at, by=by)
    append_event(
        scope_id=finding.scope_id, action="finding.commented", subject="finding",
        subject_id=finding.pk, by=by, at=at, data={"comment": comment.pk},
    )  # fmt: skip
    return comment
