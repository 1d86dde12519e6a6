"""Tags that people put on findings and take off."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from core.bulk import listed
from core.errors import BadInput, NotAllowed, Refused
from core.events import append_event
from core.models import User
from core.permissions import Permission
from findings.actions import read_tag
from findings.models import Finding, FindingTag
from findings.services.applying import tag_rows
from scopes.access import check_may
from scopes.models import Scope

MOST_OF_ONE = 50  # tags of one finding
MAX_TAGGED = 1_000  # findings at once


@dataclass(frozen=True, slots=True)
class Tagged:
    """What became of one finding, or would: the tags that it got and lost; ``refusal`` None is done."""

    finding: int
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    refusal: Refused | None = None


@transaction.atomic
def set_tags(
    *, finding: Finding, add: Sequence[str] = (), remove: Sequence[str] = (), by: User, at: datetime
) -> list[str]:
    """Put tags on a finding and take others off; return those that it has now, in order.

    What it has already, or has not, stays so. Raises BadInput.
    """
    check_may(by, Permission.TRIAGE, finding.scope_id)
    new, gone = _read(add, remove)
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


@transaction.atomic
def tag_many(
    *,
    findings: Sequence[Finding],
    add: Sequence[str] = (),
    remove: Sequence[str] = (),
    by: User,
    at: datetime,
    dry_run: bool = False,
) -> list[Tagged]:
    """Put tags on up to 1,000 findings and take others off; answer for each, in their order.

    What is refused is left out, with the reason; the rest takes a few statements and an event for each
    scope. With ``dry_run`` nothing is written. Raises BadInput for too many, or where no tag is told.
    """
    if len(findings) > MAX_TAGGED:
        raise BadInput("findings", f"more than allowed at once ({len(findings)} > {MAX_TAGGED})")
    new, gone = _read(add, remove)
    if not new | gone:
        raise BadInput("add", "a tag has to be told")
    by_scope: dict[int, list[int]] = defaultdict(list)
    for finding in findings:
        by_scope[finding.scope_id].append(finding.pk)
    allowed = Scope.objects.permitting(by, Permission.TRIAGE).filter(pk__in=by_scope)
    may = set(allowed.values_list("pk", flat=True))
    answers = {
        pk: Tagged(pk, refusal=NotAllowed("Your role in this scope does not allow you to triage."))
        for scope, ids in by_scope.items() if scope not in may for pk in ids
    }  # fmt: skip
    mine = {scope: ids for scope, ids in sorted(by_scope.items()) if scope in may}
    told = [_changes(ids, new, gone, lock=not dry_run) for ids in mine.values()]
    for changes in told:
        answers |= changes
    if not dry_run:
        for scope, changes in zip(mine, told, strict=True):
            _write_tags(scope, [one for one in changes.values() if not one.refusal], by, at)
        for scope, changes in zip(mine, told, strict=True):
            _tell_tags(scope, changes.values(), sorted(new), sorted(gone), by, at)
    return [answers[finding.pk] for finding in findings]


def _read(add: Sequence[str], remove: Sequence[str]) -> tuple[set[str], set[str]]:
    new = {read_tag(name, f"add.{n}") for n, name in enumerate(add)}
    gone = {read_tag(name, f"remove.{n}") for n, name in enumerate(remove)}
    if both := sorted(new & gone):
        raise BadInput("remove", f"{both[0]} is to be added and removed")
    return new, gone


def _changes(ids: list[int], new: set[str], gone: set[str], *, lock: bool) -> dict[int, Tagged]:
    """What tagging would change of each of these findings of one scope."""
    rows = Finding.objects.filter(pk__in=listed(sorted(ids))).order_by("pk")
    if lock:
        list(rows.select_for_update(of=("self",), no_key=True).values_list("pk"))
    has: dict[int, set[str]] = defaultdict(set)
    tagged = FindingTag.objects.filter(finding__in=listed(ids))
    for pk, name in tagged.values_list("finding_id", "tag__name"):
        has[pk].add(name)
    told = {}
    for pk in ids:
        added, removed = sorted(new - has[pk]), sorted(gone & has[pk])
        told[pk] = Tagged(pk, tuple(added), tuple(removed))
        if len(has[pk]) + len(added) - len(removed) > MOST_OF_ONE:
            told[pk] = Tagged(
                pk, refusal=BadInput("add", f"a finding has at most {MOST_OF_ONE} tags")
            )
    return told


def _write_tags(scope_id: int, changes: Sequence[Tagged], by: User, at: datetime) -> None:
    lost: dict[str, list[int]] = defaultdict(list)
    for one in changes:
        for name in one.removed:
            lost[name].append(one.finding)
    for name, ids in lost.items():
        FindingTag.objects.filter(tag__name=name, finding__in=listed(ids)).delete()
    tags = tag_rows(scope_id, {name for one in changes for name in one.added})
    FindingTag.objects.bulk_create(
        FindingTag(finding_id=one.finding, tag_id=tags[name], scope_id=scope_id, at=at, by=by)
        for one in changes for name in one.added
    )  # fmt: skip


def _tell_tags(
    scope_id: int,
    changes: Iterable[Tagged],
    added: list[str],
    removed: list[str],
    by: User,
    at: datetime,
) -> None:
    ids = sorted(one.finding for one in changes if one.added or one.removed)
    if ids:
        append_event(
            scope_id=scope_id, action="finding.tagged", subject="scope", subject_id=scope_id,
            by=by, at=at, data={"added": added, "removed": removed, "findings": ids},
        )  # fmt: skip
