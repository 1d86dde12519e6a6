"""Tags that people put on findings and take off."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from core.errors import BadInput
from core.events import append_event
from core.models import User
from core.permissions import Permission
from findings.actions import read_tag
from findings.models import Finding, FindingTag
from findings.services.applying import tag_rows
from scopes.access import check_may

MOST_OF_ONE = 50  # tags of one finding


@transaction.atomic
def set_tags(
    *, finding: Finding, add: Sequence[str] = (), remove: Sequence[str] = (), by: User, at: datetime
) -> list[str]:
    """Put tags on a finding and take others off; return those that it has now, in order.

    What it has already, or has not, stays so. Raises BadInput.
    """
    check_may(by, Permission.TRIAGE, finding.scope_id)
    new = {read_tag(name, f"add.{n}") for n, name in enumerate(add)}
    gone = {read_tag(name, f"remove.{n}") for n, name in enumerate(remove)}
    if both := sorted(new & gone):
        raise BadInput("remove", f"{both[0]} is to be added and removed")
    Finding.objects.select_for_update(no_key=True).get(pk=finding.pk)
    has = set(finding.tagged.values_list("tag__name", flat=True))
    added, removed = sorted(new - has), sorted(gone & has)
    if len(has) + len(added) - len(removed) > MOST_OF_ONE:
        raise BadInput("add", f"a finding has at most {MOST_OF_ONE} tags")
    finding.tagged.filter(tag__name__in=removed).delete()
    tags = tag_rows(finding.scope_id, added)
    FindingTag.objects.bulk_create(
        FindingTag(finding=finding, tag_id=pk, scope_id=finding.scope_id, at=at, by=by)
        for pk in tags.values()
    )
    if added or removed:
        append_event(
            scope_id=finding.scope_id, action="finding.tagged", subject="finding",
            subject_id=finding.pk, by=by, at=at, data={"added": added, "removed": removed},
        )  # fmt: skip
    return sorted((has | new) - gone)
