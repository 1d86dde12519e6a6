"""Verbs on groups: merge findings into one thing to fix, split it, name it. A group closes nothing."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from core.errors import BadInput, Incomplete, WrongState
from core.models import User
from core.permissions import Permission
from core.text import clean_text
from findings.models import Finding, FindingGroup
from findings.services.telling import append_set_event
from findings.services.words import text_given
from scopes.access import check_may
from scopes.models import Scope

MAX_TITLE = 300
MAX_GROUPED = 200  # findings of one group


@transaction.atomic
def merge_findings(
    *, findings: Sequence[Finding], title: str, reason: str, by: User, at: datetime
) -> FindingGroup:
    """Say that findings of one scope are one thing to fix; return their group.

    Those that are in groups bring their whole groups along: the oldest of these stays, with the title
    that is told, else its own. No status changes. Raises BadInput, Incomplete, NotAllowed.
    """
    scope_id = _one_scope(findings)
    check_may(by, Permission.TRIAGE, scope_id)
    reason = text_given("reason", reason)
    _wait_for_others(scope_id)
    rows = _with_their_groups({finding.pk for finding in findings}, scope_id)
    before = sorted({row.group_id for row in rows if row.group_id})
    group = _group_for(before, rows, title, scope_id, by, at)
    ids = [row.pk for row in rows]
    Finding.objects.filter(pk__in=ids).update(group=group)
    _event(group, "merged", by=by, at=at, findings=ids, reason=reason, title=group.title,
           groups=[pk for pk in before if pk != group.pk])  # fmt: skip
    return group


@transaction.atomic
def split_group(
    *, group: FindingGroup, findings: Sequence[int], reason: str, by: User, at: datetime
) -> FindingGroup:
    """Take findings out of their group, with the reason. Of one that would be left alone none is left.

    Raises WrongState where one of them is not in it. What the group was stays in its history.
    """
    check_may(by, Permission.TRIAGE, group.scope_id)
    reason = text_given("reason", reason)
    _wait_for_others(group.scope_id)
    members = _locked(Finding.objects.filter(group=group))
    known, out = {row.pk for row in members}, set(findings)
    if not out or not out <= known:
        wrong = ", ".join(f"CTEM-{pk}" for pk in sorted(out - known)[:20])
        raise WrongState(f"Not in this group: {wrong or 'no finding was named'}.")
    left = known - out
    gone = known if len(left) < 2 else out
    Finding.objects.filter(pk__in=gone).update(group=None)
    _event(group, "split", by=by, at=at, findings=sorted(out), reason=reason,
           left=sorted(known - gone))  # fmt: skip
    return group


@transaction.atomic
def rename_group(*, group: FindingGroup, title: str, by: User, at: datetime) -> FindingGroup:
    """Give a group another title."""
    check_may(by, Permission.TRIAGE, group.scope_id)
    row = FindingGroup.objects.select_for_update(no_key=True).get(pk=group.pk)
    before, row.title = row.title, _title(title)
    row.save(update_fields=["title"])
    _event(row, "renamed", by=by, at=at, title=row.title, before=before)
    return row


def _one_scope(findings: Sequence[Finding]) -> int:
    scopes = {finding.scope_id for finding in findings}
    if len({finding.pk for finding in findings}) < 2:
        raise Incomplete("A group needs two findings at least.")
    if len(scopes) > 1:
        raise BadInput("findings", "are of several scopes; a group is of one")
    return scopes.pop()


def _wait_for_others(scope_id: int) -> None:
    """Who merges and splits in a scope goes one after another: groups are read before they are locked."""
    Scope.objects.select_for_update(no_key=True).get(pk=scope_id)


def _with_their_groups(ids: set[int], scope_id: int) -> list[Finding]:
    """The findings and all that is in their groups, locked by number."""
    if len(ids) > MAX_GROUPED:
        raise BadInput("findings", f"more than a group holds ({len(ids)} > {MAX_GROUPED})")
    of_scope = Finding.objects.filter(scope=scope_id)
    groups = of_scope.filter(pk__in=ids, group__isnull=False).values_list("group_id", flat=True)
    beside = of_scope.filter(group__in=set(groups)).values_list("pk", flat=True)
    ids = {*ids, *beside[: MAX_GROUPED + 1]}
    if len(ids) > MAX_GROUPED:
        raise BadInput("findings", f"more than a group holds, with their groups (> {MAX_GROUPED})")
    return _locked(of_scope.filter(pk__in=ids))


def _locked(rows: Any) -> list[Finding]:
    kept = rows.only("pk", "scope_id", "group_id", "title").order_by("pk")
    return list(kept.select_for_update(of=("self",), no_key=True))


def _group_for(
    before: Sequence[int],
    rows: Sequence[Finding],
    title: str,
    scope_id: int,
    by: User,
    at: datetime,
) -> FindingGroup:
    if not before:
        words = _title(title or rows[0].title)
        return FindingGroup.objects.create(
            scope_id=scope_id, title=words, created_at=at, created_by=by
        )
    group = FindingGroup.objects.select_for_update(no_key=True).get(pk=before[0])
    if title:
        group.title = _title(title)
        group.save(update_fields=["title"])
    return group


def _title(value: str) -> str:
    title = " ".join(clean_text(value).split())
    if not 0 < len(title) <= MAX_TITLE:
        raise BadInput("title", f"must have 1 to {MAX_TITLE} characters")
    return title


def _event(group: FindingGroup, action: str, *, by: User, at: datetime, **data: Any) -> None:
    append_set_event(
        scope_id=group.scope_id, action=f"group.{action}", subject="group", subject_id=group.pk,
        by=by, at=at, data=data, findings=data.get("findings", ()),
    )  # fmt: skip
