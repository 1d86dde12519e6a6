"""Verbs on fixes: propose, push, review, merge, deploy, withdraw. Verdicts are made above, in scans."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from core import blobs
from core.errors import BadInput, NotAllowed, TooLarge, WrongState
from core.events import append_event
from core.models import User, UserKind
from core.permissions import Permission
from core.text import clean_text
from findings.lifecycle import BEFORE_FIX, transition
from findings.models import Finding
from findings.statuses import OPEN, Status
from gate import diff as gate_diff
from gate.errors import InputError
from gate.evidence import Commit
from gate.people import Person, co_authors, person
from gate.provenance import Signal, raised, tell_origin
from remediations.models import (
    AuthorshipSignal,
    ChangedFile,
    Remediation,
    RemediationFinding,
    Review,
)
from remediations.statuses import DECISIONS_HERE, Decision, LandedAs, Origin, RemediationState
from scopes.access import check_may
from scopes.models import Asset, Line
from scopes.workloads import is_of_another

GIT_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
MAX_COMMITS = 500
MAX_FORMER = 1_000
MAX_FINDINGS = 200
DETAILS = {"url": 500, "branch": 250, "author": 200, "agent": 120, "model": 120, "agent_run": 200}


@dataclass(frozen=True, slots=True)
class Landed:
    """From where a merge led: the commit that the line was at just before, and the diff from there.

    ``how``: whether what merged is what was reviewed. The diff is told where it is not the very head:
    the line had moved on, or somebody changed something. ``unparsed``: files that parsed there, and do
    not in what merged.
    """

    base_commit: str
    how: LandedAs
    base_tree: str = ""
    diff: bytes | None = None
    unparsed: Sequence[str] = ()


def _event(
    remediation: Remediation, action: str, *, by: User | None, at: datetime, **data: Any
) -> None:
    append_event(
        scope_id=remediation.scope_id, action=f"remediation.{action}", subject="remediation",
        subject_id=remediation.pk, by=by, at=at, data=data,
    )  # fmt: skip


def check_may_propose(by: User, asset: Asset) -> None:
    """Raise NotAllowed unless ``by`` may propose fixes; a run of a pipeline only for its own asset."""
    _check_may(by, asset.scope_id, asset.pk)


def check_may_tell(by: User, fix: Remediation) -> None:
    """Raise NotAllowed unless ``by`` may tell what became of a fix; a run only for its own asset."""
    _check_may(by, fix.scope_id, fix.asset_id)


def _check_may(by: User, scope_id: int, asset_id: int) -> None:
    check_may(by, Permission.PROPOSE_FIX, scope_id)
    if is_of_another(by, asset_id):
        raise NotAllowed("This pipeline proposes fixes for another asset.")


def check_git_id(where: str, value: str, *, optional: bool = False) -> None:
    """Raise BadInput unless ``value`` is a full commit or tree id (or empty, where optional)."""
    if not (optional and not value) and not GIT_ID.fullmatch(value):
        raise BadInput(
            where, f"{value[:80]!r} is not a full git id (40 or 64 hexadecimal digits, lower case)"
        )


def locked(remediation_id: int, *more: Finding) -> Remediation:
    """Return the fix as it is now, locked with the findings it addresses and ``more``.

    Every verb takes its locks in this order, fix, findings by number, and the head of the chain
    with its events after that; who writes an event first can meet somebody who waits for it.
    """
    rows = Remediation.objects.select_for_update(of=("self",), no_key=True)
    fix = rows.select_related("scope__policy").get(pk=remediation_id)
    _lock_findings([*fix.addressed.values_list("finding_id", flat=True), *(f.pk for f in more)])
    return fix


def locked_fixes_of(finding: Finding) -> list[Remediation]:
    """Return the fixes of a finding that were not withdrawn, by number, locked as ``locked`` does."""
    rows = Remediation.objects.select_for_update(of=("self",), no_key=True)
    rows = rows.exclude(state=RemediationState.WITHDRAWN).filter(addressed__finding=finding)
    fixes = list(rows.order_by("pk"))
    others = RemediationFinding.objects.filter(remediation__in=fixes)
    _lock_findings([*others.values_list("finding_id", flat=True), finding.pk])
    return fixes


def rows_locked_with(fixes: QuerySet[Remediation]) -> list[QuerySet[Any]]:
    """The rows that ``locked`` locks for these fixes, in its order: for who must lock something after them."""
    addressed = RemediationFinding.objects.filter(remediation__in=fixes.values("pk"))
    return [fixes, Finding.objects.filter(pk__in=addressed.values("finding"))]


def _lock_findings(ids: Sequence[int]) -> list[Finding]:
    rows = Finding.objects.filter(pk__in=ids).order_by("pk")
    return list(rows.select_for_update(of=("self",), no_key=True))


def _read_commits(commits: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    if len(commits) > MAX_COMMITS:
        raise BadInput("commits", f"more commits than allowed ({len(commits)} > {MAX_COMMITS})")
    names = ("id", "message", "author", "committer", "author_login", "committer_login")
    return [{name: clean_text(str(c.get(name, "")), 20_000) for name in names} for c in commits]


def _set_revision(
    remediation: Remediation,
    *,
    diff: bytes | None,
    commits: Sequence[Mapping[str, Any]],
    unparsed: Sequence[str],
    at: datetime,
) -> None:
    """Fill what follows from a revision's diff and commits: changed files, signals, origin, author."""
    parsed = _parsed(diff)
    told = _read_commits(commits)
    origin = tell_origin([Commit(**commit) for commit in told], remediation.branch)
    before = remediation.origin  # of older revisions: a new one may raise it, not wash it off
    remediation.diff = blobs.store(diff, at=at) if diff is not None else None
    # A commit can be written anew in another name: who wrote it once has written it.
    former = dict.fromkeys((*remediation.former_hands, *_hands(remediation.commits)))
    remediation.former_hands = list(former)[:MAX_FORMER]
    remediation.commits, remediation.unparsed = told, sorted(unparsed)
    remediation.origin = raised(raised(remediation.declared_origin, origin.origin), before)
    remediation.agent = remediation.agent or clean_text(origin.agent, 120)
    remediation.model = remediation.model or clean_text(origin.model, 120)
    remediation.author = remediation.author or clean_text(told[0]["author"] if told else "", 200)
    remediation.save()
    _replace_changed_files(remediation, parsed)
    _add_signals(remediation, origin.signals)


def _parsed(diff: bytes | None) -> gate_diff.Diff | None:
    return None if diff is None else check_diff("diff", diff)


def check_diff(where: str, diff: bytes) -> gate_diff.Diff:
    """Return a diff as it is read. Raises TooLarge, or BadInput that names its line."""
    if len(diff) > settings.MAX_DIFF_BYTES:
        raise TooLarge(
            where, f"larger than allowed ({len(diff)} > {settings.MAX_DIFF_BYTES} bytes)"
        )
    try:
        return gate_diff.parse(diff, where)
    except InputError as error:
        raise BadInput(error.where, error.what) from error


def _set_diff(remediation: Remediation, diff: bytes | None, at: datetime) -> None:
    parsed = _parsed(diff)
    remediation.diff = blobs.store(diff, at=at) if diff is not None else None
    _replace_changed_files(remediation, parsed)


def _replace_changed_files(remediation: Remediation, diff: gate_diff.Diff | None) -> None:
    remediation.changed_files.all().delete()
    ChangedFile.objects.bulk_create(_changed_files(remediation, diff))


def _add_signals(remediation: Remediation, signals: Sequence[Signal]) -> None:
    """Keep what told the origin; signals of older revisions stay, as the origin does."""
    kept = set(remediation.signals.values_list("kind", "commit", "text"))
    AuthorshipSignal.objects.bulk_create(
        AuthorshipSignal(
            remediation=remediation, kind=s.kind, agent=clean_text(s.agent, 120), origin=s.origin,
            confidence=s.confidence, commit=s.commit[:64], text=clean_text(s.text, 500),
        )
        for s in signals
        if (s.kind, s.commit[:64], clean_text(s.text, 500)) not in kept
    )  # fmt: skip


def _changed_files(remediation: Remediation, diff: gate_diff.Diff | None) -> list[ChangedFile]:
    rows = []
    for file in diff.files if diff else ():
        lines = [line for hunk in file.hunks for line in hunk.lines]
        rows.append(
            ChangedFile(
                remediation=remediation,
                path=clean_text(file.new_path or file.old_path or "", 1000),
                old_path=clean_text(file.old_path or "", 1000),
                change=file.status,
                added=sum(line.kind == "+" for line in lines),
                removed=sum(line.kind == "-" for line in lines),
            )
        )
    return rows


def _link(remediation: Remediation, findings: Sequence[Finding], *, by: User, at: datetime) -> None:
    for finding in _lock_findings([finding.pk for finding in findings]):
        if (finding.asset_id, finding.line_id) != (remediation.asset_id, remediation.line_id):
            raise BadInput("findings", f"{finding} is not on this line of this asset")
        if finding.status not in OPEN:
            raise WrongState(
                f"{finding} is {Status(finding.status).label}; only open findings are fixed."
            )
        _, new = RemediationFinding.objects.get_or_create(
            remediation=remediation, finding=finding, scope_id=remediation.scope_id
        )
        if new and finding.status in BEFORE_FIX:
            transition(
                finding.pk, "mobilize", by=by, at=at, brought={"remediation_id": remediation.pk}
            )


def _clean_details(details: Mapping[str, Any]) -> dict[str, Any]:
    """The details that are given, texts cleaned and cut. Raises BadInput for an unknown origin."""
    declared = details.get("declared_origin") or Origin.UNKNOWN
    if declared not in list(Origin):
        raise BadInput("declared_origin", f"{declared!r} is none of: {', '.join(Origin)}")
    given = {name: value for name, value in details.items() if value}
    return {
        name: clean_text(value, DETAILS[name]) if name in DETAILS else value
        for name, value in given.items()
    }


@transaction.atomic
def propose_remediation(
    *,
    asset: Asset,
    line: Line,
    findings: Sequence[Finding],
    base_commit: str,
    head_commit: str,
    by: User,
    at: datetime,
    title: str,
    diff: bytes | None = None,
    commits: Sequence[Mapping[str, Any]] = (),
    unparsed: Sequence[str] = (),
    **details: Any,
) -> Remediation:
    """Record a proposed fix and link the findings it addresses, which start being mobilized.

    ``diff`` is the ``git diff -M`` from base to head, ``commits`` what git shows of each commit; the
    origin is told from them, and a ``declared_origin`` may only raise it. ``details``: base_tree,
    head_tree, url, branch, pushed_at, author, agent, model, agent_run, declared_origin. The same
    base and head again return the first fix, with further findings linked.
    Raises BadInput (naming the line of a diff that cannot be read), NotAllowed, WrongState.
    """
    check_may_propose(by, asset)
    check_git_id("base_commit", base_commit)
    check_git_id("head_commit", head_commit)
    for name in ("base_tree", "head_tree"):
        check_git_id(name, details.get(name, ""), optional=True)
    if len(findings) > MAX_FINDINGS:
        raise BadInput("findings", f"more findings than allowed ({len(findings)} > {MAX_FINDINGS})")
    Line.objects.select_for_update(no_key=True).get(pk=line.pk)  # of two at once, one makes the fix
    same = Remediation.objects.filter(
        asset=asset, line=line, base_commit=base_commit, head_commit=head_commit
    )
    remediation = same.exclude(state=RemediationState.WITHDRAWN).first()
    if remediation is not None:
        locked(remediation.pk, *findings)
    else:
        _lock_findings([finding.pk for finding in findings])
        remediation = Remediation(
            scope_id=asset.scope_id, asset=asset, line=line, title=clean_text(title, 300),
            base_commit=base_commit, head_commit=head_commit, created_at=at, created_by=by,
            **{"pushed_at": at, **_clean_details(details)},
        )  # fmt: skip
        _set_revision(remediation, diff=diff, commits=commits, unparsed=unparsed, at=at)
        _event(remediation, "proposed", by=by, at=at, head=head_commit, origin=remediation.origin,
               agent=remediation.agent, findings=[f.pk for f in findings])  # fmt: skip
    _link(remediation, findings, by=by, at=at)
    return remediation


@transaction.atomic
def push_revision(
    *,
    remediation: Remediation,
    head_commit: str,
    by: User,
    at: datetime,
    diff: bytes | None = None,
    commits: Sequence[Mapping[str, Any]] = (),
    head_tree: str = "",
    base_commit: str = "",
    base_tree: str = "",
    pushed_at: datetime | None = None,
    unparsed: Sequence[str] = (),
) -> Remediation:
    """Replace the revision of an unmerged fix. Scans and reviews of the older one no longer count.

    ``pushed_at``: when it came, if that was before ``at``.
    """
    check_may_tell(by, remediation)
    check_git_id("head_commit", head_commit)
    for name, value in (
        ("head_tree", head_tree),
        ("base_commit", base_commit),
        ("base_tree", base_tree),
    ):
        check_git_id(name, value, optional=True)
    remediation = locked(remediation.pk)
    if remediation.state != RemediationState.PROPOSED:
        raise WrongState(f"The fix is {remediation.state}; a new change is a new fix.")
    before = remediation.head_commit
    remediation.head_commit, remediation.head_tree = head_commit, head_tree
    if base_commit:
        remediation.base_commit, remediation.base_tree = base_commit, base_tree
    remediation.pushed_at = pushed_at or at
    _set_revision(remediation, diff=diff, commits=commits, unparsed=unparsed, at=at)
    for finding in remediation.findings.filter(status=Status.AWAITING_VERIFICATION):
        transition(finding.pk, "send_back", by=None, at=at,
                   brought={"reason": f"A new revision of {remediation} was pushed."})  # fmt: skip
    _event(remediation, "pushed", by=by, at=at, **{"from": before, "to": head_commit})
    return remediation


def is_own(remediation: Remediation, user: User) -> bool:
    """Whether ``user`` wrote any of the fix, or proposed it in person."""
    return remediation.created_by_id == user.pk or has_written(remediation, user)


def as_person(user: User) -> Person:
    """An account of ours as the gate compares people."""
    return Person(
        name=" ".join(user.get_full_name().casefold().split()),
        mail=user.email.casefold(),
        login=user.username.casefold(),
    )


def has_written(remediation: Remediation, user: User) -> bool:
    """Whether ``user`` had a hand in any commit of the fix, or is said to be its author."""
    me = as_person(user)
    mentions = remediation.author, *remediation.former_hands, *_hands(remediation.commits)
    return any(person(m).is_same(me) for m in mentions)


def _hands(commits: Collection[Mapping[str, str]]) -> list[str]:
    """Everybody who had a hand in commits, in the words of git and of their host."""
    named = ("author", "committer", "author_login", "committer_login")
    told = [commit.get(name, "") for commit in commits for name in named]
    told += [other for commit in commits for other in co_authors(commit["message"])]
    return [mention for mention in dict.fromkeys(told) if mention]


@transaction.atomic
def record_review(
    *,
    remediation: Remediation,
    by: User,
    decision: str,
    at: datetime,
    commit: str,
    comment: str = "",
    answers: Mapping[str, str] | None = None,
) -> Review:
    """Record a person's decision on the newest revision. Nobody reviews their own fix."""
    check_may(by, Permission.REVIEW, remediation.scope_id)
    if by.kind != UserKind.HUMAN:
        raise NotAllowed("A review is a person's decision; this account is not a person.")
    if decision not in DECISIONS_HERE:
        raise BadInput("decision", f"{decision[:40]!r} is none of: {', '.join(DECISIONS_HERE)}")
    remediation = locked(remediation.pk)
    if remediation.state == RemediationState.WITHDRAWN:
        raise WrongState("The fix was withdrawn.")
    if is_own(remediation, by):
        raise NotAllowed("Nobody reviews their own fix; someone else has to.")
    if commit != remediation.head_commit:
        raise WrongState(
            f"The revision {commit[:12]} is not the newest; look at {remediation.head_commit[:12]} first."
        )
    review = Review.objects.create(
        remediation=remediation, reviewer=by, decision=Decision(decision), commit=commit,
        tree=remediation.head_tree, comment=clean_text(comment, 20_000),
        answers=dict(answers or {}), at=at,
    )  # fmt: skip
    _event(remediation, "reviewed", by=by, at=at, decision=review.decision, commit=commit)
    return review


@transaction.atomic
def record_merge(
    *,
    remediation: Remediation,
    merge_commit: str,
    merge_tree: str,
    by: User,
    at: datetime,
    merged_at: datetime | None = None,
    merged_by: str = "",
    landed: Landed | None = None,
) -> Remediation:
    """Record that the fix reached its line: a claim for each finding it addresses, proof of none.

    ``landed``: from where the merge led, where that is known.
    """
    check_may_tell(by, remediation)
    check_git_id("merge_commit", merge_commit)
    check_git_id("merge_tree", merge_tree, optional=True)
    if landed is not None:
        check_git_id("base_commit", landed.base_commit)
        check_git_id("base_tree", landed.base_tree, optional=True)
    remediation = locked(remediation.pk)
    if remediation.state == RemediationState.MERGED:
        if remediation.merge_commit != merge_commit:
            raise WrongState(f"The fix has merged as {remediation.merge_commit[:12]} already.")
        return remediation
    if remediation.state == RemediationState.WITHDRAWN:
        raise WrongState("The fix was withdrawn.")
    remediation.state = RemediationState.MERGED
    remediation.merge_commit, remediation.merge_tree = merge_commit, merge_tree
    remediation.merged_at, remediation.merged_by = merged_at or at, clean_text(merged_by, 200)
    if landed is not None:
        remediation.landed_from, remediation.landed_as = landed.base_commit, landed.how
        remediation.unparsed = sorted({*remediation.unparsed, *landed.unparsed})
    if landed is not None and landed.how != LandedAs.HEAD:
        remediation.base_commit, remediation.base_tree = landed.base_commit, landed.base_tree
        _set_diff(remediation, landed.diff, at)
    remediation.save()
    reason = f"{remediation} merged as {merge_commit[:12]}."
    for finding in remediation.findings.filter(status__in=(*BEFORE_FIX, Status.MOBILIZING)):
        transition(finding.pk, "claim", by=by, at=at, brought={"reason": reason})
    _event(remediation, "merged", by=by, at=at, commit=merge_commit, tree=merge_tree)
    return remediation


@transaction.atomic
def record_deployment(
    *, remediation: Remediation, deployed_at: datetime, by: User, at: datetime
) -> Remediation:
    """Record when the merged fix was deployed."""
    check_may_tell(by, remediation)
    remediation = locked(remediation.pk)
    if remediation.state != RemediationState.MERGED:
        raise WrongState("Only a merged fix is deployed.")
    remediation.deployed_at = deployed_at
    remediation.save(update_fields=["deployed_at"])
    _event(remediation, "deployed", by=by, at=at, deployed_at=deployed_at.isoformat())
    return remediation


@transaction.atomic
def withdraw_remediation(
    *, remediation: Remediation, reason: str, by: User, at: datetime
) -> Remediation:
    """Record that the fix will not merge; what it would have brought in is withdrawn with it."""
    check_may_tell(by, remediation)
    remediation = locked(remediation.pk)
    if remediation.state != RemediationState.PROPOSED:
        raise WrongState(f"The fix is {remediation.state}.")
    remediation.state = RemediationState.WITHDRAWN
    remediation.save(update_fields=["state"])
    _event(remediation, "withdrawn", by=by, at=at, reason=clean_text(reason, 2000))
    return remediation
