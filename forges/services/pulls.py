"""Following a pull request: what is true of it now is fetched, then recorded. The order of news is no matter.

One look takes all: revision, commits, reviews, merge. So messages may come in any order, twice or
never; the last look at the host decides. Nothing is fetched inside a transaction.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from core import blobs, jobs
from core.models import Job
from core.outbound import HostError
from core.text import clean_text
from findings.models import Finding
from findings.statuses import OPEN
from forges.hosts.records import Comparison, HostCommit, HostReview, Pull
from forges.models import HostPerson, PullRequest
from forges.services.alerts import findings_of
from forges.services.analyses import Desk, list_new, relate_fix, take_for_fix
from forges.services.attempts import host_errors
from forges.services.landing import Reviewed, landed
from forges.services.linking import references
from forges.services.opening import open_host
from forges.services.parsing import unparsed
from forges.statuses import Forge, PullState, ReviewState
from gate.diff import parse
from gate.errors import InputError
from gate.patches import patch_id
from remediations import host_reviews
from remediations.models import Remediation
from remediations.services import Landed, withdraw_remediation
from remediations.statuses import RemediationState
from scans.services.doors import fix_is_told, merge_fix, propose_fix, push_fix
from scopes.models import Line

MOST_NAMED = 5  # findings, in a sentence

# Where a host keeps the reports of a pull request.
REPORTS_OF = {
    Forge.GITHUB: ("refs/pull/{}/merge", "refs/pull/{}/head"),
    Forge.GITLAB: tuple(
        f"refs/merge-requests/{{}}/{which}" for which in ("head", "merge", "train")
    ),
}


@dataclass(frozen=True, slots=True)
class Revision:
    """The newest revision of a pull request: from its base to its head."""

    base_commit: str
    base_tree: str
    head_commit: str
    head_tree: str
    diff: bytes | None
    commits: list[dict[str, str]]
    unparsed: list[str]
    pushed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Merge:
    """What landed on the line, and from where."""

    commit: str
    tree: str
    at: datetime | None
    by: str
    landed: Landed


@dataclass(slots=True)
class Look:
    """All that one look at a pull request found."""

    pull: Pull
    line: Line | None = None
    commits: list[HostCommit] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    revision: Revision | None = None
    reviews: list[HostReview] = field(default_factory=list)
    merge: Merge | None = None
    patches: dict[str, str] = field(default_factory=dict)
    people: dict[str, str] = field(default_factory=dict)  # login → Name <mail>


def follow_pull(job: Job) -> None:
    """Fetch one pull request and record what is news; fetch the reports that its fix needs."""
    rows = PullRequest.objects.select_related(
        "repository__connection__actor", "repository__asset", "scope", "remediation"
    )
    row = rows.get(pk=job.subject_id)
    begun = timezone.now()
    if row.repository.connection.has_ended or _is_served(row, job):
        jobs.finish(job, begun)
        return
    with host_errors(job, row):
        desk = Desk(open_host(row.repository.connection), row.repository)
        look = _look(desk, row)
        fix = _record(row, look, begun)
        if fix is not None:
            _fetch_evidence(desk, row, fix, look.pull)
        with transaction.atomic():
            if jobs.finish(job, timezone.now()):
                problem = _why_no_fix(row, look, fix)
                PullRequest.objects.filter(pk=row.pk).update(followed_at=begun, problem=problem)
                if fix is not None:
                    _ring_to_show(row, begun)


def _is_served(row: PullRequest, job: Job) -> bool:
    """Whether a look that began after this one was asked for has come to its end, and knew all that was asked:
    a link is seen by others once it is committed, which is after it was asked for."""
    if row.followed_at is None or row.followed_at <= job.created_at:
        return False
    return not _left(row, row.remediation).exists()


def _left(row: PullRequest, fix: Remediation | None) -> QuerySet[Finding]:
    """The open findings that somebody said a pull request is for, and that its fix does not address."""
    rows = Finding.objects.filter(pk__in=row.asked.values("finding"), status__in=OPEN)
    return rows if fix is None else rows.exclude(pk__in=fix.findings.values("pk"))


def _why_no_fix(row: PullRequest, look: Look, fix: Remediation | None) -> str:
    """Why a pull request is no fix of findings that somebody said it is for; else empty."""
    left = list(_left(row, fix).select_related("line").order_by("pk")[:MOST_NAMED])
    if not left:
        asked_in_vain = fix is None and row.asked.exists()
        return "None of the findings that it was linked to is open." if asked_in_vain else ""
    onto, names = clean_text(look.pull.base_ref, 200), ", ".join(map(str, left))
    if look.line is None:
        return f"It leads to {onto}, which is no line of this asset."
    if elsewhere := [one for one in left if one.line_id != look.line.pk]:
        where = ", ".join(f"{one} is on {one.line}" for one in elsewhere)
        return f"It leads to {onto}, and {where}."
    if look.pull.state == PullState.CLOSED:
        return "It was closed without a merge."
    if fix is not None and fix.state == RemediationState.MERGED:
        return f"It had merged as {fix} before it was linked to {names}: that takes another fix."
    return "" if look.commits else "It has no commits yet."


def _ring_to_show(row: PullRequest, at: datetime) -> None:
    key = f"forge_show:{row.pk}:{at.isoformat()}"
    jobs.enqueue(kind="forge_show", subject_id=row.pk, at=at, key=key)


def _look(desk: Desk, row: PullRequest) -> Look:
    """Fetch what matters, and no more: of what is no fix only the pull request and its commits."""
    pull = desk.host.pull(desk.told, row.number)
    look = Look(pull, line=desk.row.asset.lines.filter(name=pull.base_ref).first())
    fix = _fix(row, pull)
    if look.line is None or (fix is None and pull.state == PullState.CLOSED):
        return look
    look.commits = commits = desk.host.pull_commits(desk.told, row.number)
    look.people = {c.login: clean_text(c.author, 400) for c in commits if c.login}
    look.findings = _findings(desk, row, look, commits)
    if fix is None and not look.findings:
        return look
    is_over = fix is not None and fix.state == RemediationState.MERGED
    if not is_over and pull.state != PullState.CLOSED and commits:
        look.revision = _revision(desk, row, pull, commits)
        look.merge = _merge(desk, row, look.revision, pull, commits)
    look.reviews = desk.host.reviews(desk.told, row.number)
    look.patches = _patches(desk, row, look)
    return look


def _fix(row: PullRequest, pull: Pull) -> Remediation | None:
    """The fix that a pull request is known to be; what was withdrawn and goes on is a new proposal,
    and so is what leads to another branch now."""
    fix = row.remediation
    if fix is None or _has_left(fix, pull):
        return None
    is_over = fix.state == RemediationState.WITHDRAWN
    return None if is_over and pull.state != PullState.CLOSED else fix


def _has_left(fix: Remediation, pull: Pull) -> bool:
    """Whether a pull request that has not merged leads to another branch than the fix's line."""
    return fix.state == RemediationState.PROPOSED and pull.base_ref != fix.line.name


def _patches(desk: Desk, row: PullRequest, look: Look) -> dict[str, str]:
    """Commit → patch id of what those approved who are news: it survives an update of the base."""
    fix = _fix(row, look.pull)
    seen = set(fix.reviews.values_list("host_review", flat=True)) if fix is not None else set()
    news = [r for r in look.reviews if r.commit and _name_of(row, r) not in seen]
    commits = {review.commit for review in news if review.state == ReviewState.APPROVED}
    return {commit: _patch(desk, look, commit) for commit in commits}


def _patch(desk: Desk, look: Look, commit: str) -> str:
    """The id of the patch at one revision; empty where it cannot be had any more."""
    if look.revision is not None and commit == look.revision.head_commit:
        return _patch_id(look.revision.diff)
    onto = look.pull.base_ref
    if look.pull.merge_commit:
        onto = _parent(desk.commit(look.pull.merge_commit))
    try:
        return _patch_id(desk.host.compare(desk.told, onto, commit, diff=True).diff)
    except HostError as error:
        if not error.final:
            raise
        return ""


def _patch_id(diff: bytes | None) -> str:
    try:
        return patch_id(parse(diff, "diff")) if diff else ""
    except InputError:
        return ""


def _findings(desk: Desk, row: PullRequest, look: Look, commits: list[HostCommit]) -> list[Finding]:
    """The open findings of this line that the pull request's words name, or somebody said it is for."""
    pull = look.pull
    named = references(
        title=pull.title, body=pull.body, branch=pull.head_ref, web_url=desk.row.web_url,
        messages=[commit.message for commit in commits],
    )  # fmt: skip
    asked = row.asked.values_list("finding_id", flat=True)
    ids = {*named.findings, *findings_of(desk.row, named.alerts), *asked}
    rows = Finding.objects.filter(asset=desk.row.asset, line=look.line, status__in=OPEN, pk__in=ids)
    return list(rows.order_by("pk"))


def _revision(desk: Desk, row: PullRequest, pull: Pull, commits: list[HostCommit]) -> Revision:
    """From where the change began to its head. A known base of the same head is kept."""
    fix = _fix(row, pull)
    head = desk.commit(pull.head_commit)
    if fix is not None and fix.head_commit == pull.head_commit:
        compared = Comparison(fix.base_commit, "ahead")
    elif pull.state == PullState.MERGED and pull.merge_commit == pull.head_commit:
        compared = desk.host.compare(desk.told, _parent(commits[0]), head.id, diff=True)
    elif pull.state == PullState.MERGED:
        onto = _parent(desk.commit(pull.merge_commit))
        compared = desk.host.compare(desk.told, onto, head.id, diff=True)
    else:
        compared = desk.host.compare(desk.told, pull.base_ref, head.id, diff=True)
    return Revision(
        base_commit=compared.merge_base, base_tree=desk.commit(compared.merge_base).tree,
        head_commit=head.id, head_tree=head.tree, diff=compared.diff,
        commits=[_told(commit) for commit in commits], pushed_at=_pushed(head, pull),
        unparsed=unparsed(desk, compared.merge_base, head.id, compared.diff),
    )  # fmt: skip


def _parent(commit: HostCommit) -> str:
    return commit.parents[0] if commit.parents else commit.id


def _told(commit: HostCommit) -> dict[str, str]:
    return {
        "id": commit.id, "message": commit.message, "author": commit.author,
        "committer": commit.committer, "author_login": commit.login,
        "committer_login": commit.committer_login,
    }  # fmt: skip


def _pushed(head: HostCommit, pull: Pull) -> datetime | None:
    """When the head came: when it was committed, which is told by the clock of whoever did; by the
    host's, not after the pull request last changed."""
    times = [_time(head.committed_at), _time(pull.updated_at)]
    return min((at for at in times if at), default=None)


def _time(text: str) -> datetime | None:
    return parse_datetime(text) if text else None


def _merge(
    desk: Desk, row: PullRequest, revision: Revision, pull: Pull, commits: list[HostCommit]
) -> Merge | None:
    if pull.state != PullState.MERGED or not pull.merge_commit:
        return None
    merged, fix, diff = desk.commit(pull.merge_commit), _fix(row, pull), revision.diff
    if diff is None and fix is not None and fix.head_commit == revision.head_commit and fix.diff_id:
        diff = blobs.load(fix.diff_id)  # of this very revision: it was not asked for again
    reviewed = Reviewed(revision.base_commit, revision.head_commit, revision.head_tree, diff)
    return Merge(
        commit=merged.id, tree=merged.tree, at=_time(pull.merged_at), by=pull.merged_by,
        landed=landed(desk, reviewed, merged, commits),
    )  # fmt: skip


@transaction.atomic
def _record(row: PullRequest, look: Look, at: datetime) -> Remediation | None:
    """Write what one look found; return the fix that the pull request is, if it is one."""
    pull, actor = look.pull, row.repository.connection.actor
    row = PullRequest.objects.select_for_update(of=("self",)).get(pk=row.pk)
    known = _people(row, look)
    fix = _fix(row, pull)
    if row.remediation is not None and _has_left(row.remediation, pull):
        _leave(row, row.remediation, pull, at)
    if look.revision is not None and look.line is not None:
        fix = _revised(fix, look, look.line, look.revision, actor, at)
    if fix is not None:
        told = [_reviewed(row, look, review, known) for review in look.reviews if review.commit]
        host_reviews.record_host_reviews(remediation=fix, reviews=told, by=actor, at=at)
        if look.merge is not None:
            fix = _merged(fix, look.merge, actor, at)
        elif _is_given_up(row, pull, fix):
            reason = f"{clean_text(pull.url, 500)} was closed without a merge."
            fix = withdraw_remediation(remediation=fix, reason=reason, by=actor, at=at)
        else:
            fix_is_told(remediation=fix, at=at)
    row.remediation, row.state, row.head_commit = fix, pull.state, pull.head_commit
    row.title, row.url = clean_text(pull.title, 300), pull.url[:500]
    row.save(update_fields=["remediation", "state", "head_commit", "title", "url"])
    return fix


def _is_given_up(row: PullRequest, pull: Pull, fix: Remediation) -> bool:
    """Whether a pull request was closed, and no other one has its fix: of one head there may be two."""
    if pull.state != PullState.CLOSED or fix.state != RemediationState.PROPOSED:
        return False
    return not _is_shared(row, fix)


def _is_shared(row: PullRequest, fix: Remediation) -> bool:
    return fix.pulls.exclude(pk=row.pk).exclude(state=PullState.CLOSED).exists()


def _leave(row: PullRequest, fix: Remediation, pull: Pull, at: datetime) -> None:
    """Withdraw a fix whose pull request leads elsewhere now: what merges there fixes nothing here."""
    if not _is_shared(row, fix):
        url, onto = clean_text(pull.url, 500), clean_text(pull.base_ref, 200)
        reason = f"{url} leads to {onto} now, not to {fix.line.name}."
        by = row.repository.connection.actor
        withdraw_remediation(remediation=fix, reason=reason, by=by, at=at)


def _revised(
    fix: Remediation | None, look: Look, line: Line, revision: Revision, actor: Any, at: datetime
) -> Remediation:
    """The fix at this revision, addressing the findings that are named now."""
    pull = look.pull
    if fix is not None and fix.head_commit != revision.head_commit:
        fix = push_fix(
            remediation=fix, head_commit=revision.head_commit, head_tree=revision.head_tree,
            base_commit=revision.base_commit, base_tree=revision.base_tree, diff=revision.diff,
            commits=revision.commits, by=actor, at=at, pushed_at=revision.pushed_at,
            unparsed=revision.unparsed,
        )  # fmt: skip
    addressed = set(fix.findings.values_list("pk", flat=True)) if fix is not None else set()
    new = [finding for finding in look.findings if finding.pk not in addressed]
    if fix is not None and not new:
        return fix
    proposed = {"pushed_at": revision.pushed_at} if revision.pushed_at else {}
    return propose_fix(
        asset=line.asset, line=line, findings=new, base_commit=revision.base_commit,
        head_commit=revision.head_commit, by=actor, at=at, title=pull.title or f"#{pull.number}",
        diff=revision.diff, commits=revision.commits, unparsed=revision.unparsed, base_tree=revision.base_tree,
        head_tree=revision.head_tree, url=pull.url, branch=pull.head_ref, author=pull.author,
        **proposed,
    )  # fmt: skip


def _name_of(row: PullRequest, review: HostReview) -> str:
    return f"{row.repository_id}#{row.number}/{review.id}"


def _people(row: PullRequest, look: Look) -> dict[str, str]:
    """Keep who commits under which name, and return that of the reviewers as far as it is known."""
    connection = row.repository.connection
    HostPerson.objects.bulk_create(
        [HostPerson(connection=connection, login=login[:200], mention=mention)
         for login, mention in look.people.items()],
        update_conflicts=True, unique_fields=["connection", "login"], update_fields=["mention"],
    )  # fmt: skip
    logins = {review.login for review in look.reviews}
    rows = HostPerson.objects.filter(connection=connection, login__in=logins)
    return dict(rows.values_list("login", "mention"))


def _reviewed(
    row: PullRequest, look: Look, review: HostReview, known: Mapping[str, str]
) -> host_reviews.HostReview:
    """A review as it counts here: who could not have pushed has commented, whatever they clicked."""
    decision = review.state.value
    if decision in ("approved", "rejected") and not review.may_write:
        decision = "commented"
    return host_reviews.HostReview(
        id=_name_of(row, review), login=review.login, decision=decision,
        commit=review.commit, at=_time(review.at) or timezone.now(),
        kind="bot" if review.is_bot else "human", comment=review.body,
        patch_id=look.patches.get(review.commit, ""), mention=known.get(review.login, ""),
    )  # fmt: skip


def _merged(fix: Remediation, merge: Merge, actor: Any, at: datetime) -> Remediation:
    return merge_fix(
        remediation=fix, merge_commit=merge.commit, merge_tree=merge.tree, by=actor, at=at,
        merged_at=merge.at, merged_by=merge.by, landed=merge.landed,
    )  # fmt: skip


def _fetch_evidence(desk: Desk, row: PullRequest, fix: Remediation, pull: Pull) -> None:
    """Take the reports that the fix needs, and see which scans of the line contain its merge."""
    if not fix.findings.filter(status__in=OPEN).exists():
        return
    if fix.state == RemediationState.WITHDRAWN:
        return
    refs = _refs(desk, row, pull)
    for ref in refs:
        list_new(desk, ref)
    take_for_fix(desk, fix, refs)
    if fix.state == RemediationState.MERGED:
        relate_fix(desk, fix)


def _refs(desk: Desk, row: PullRequest, pull: Pull) -> list[str]:
    """Where reports of a pull request are kept; GitLab's template scans its branch, not the request.

    A fork's branch is not one of ours, and the reports of a line are the line's.
    """
    forge = Forge(desk.row.connection.forge)
    refs = [ref.format(row.number) for ref in REPORTS_OF[forge]]
    is_ours = forge == Forge.GITLAB and not pull.is_fork
    if is_ours and not desk.row.asset.lines.filter(name=pull.head_ref).exists():
        refs.append(f"refs/heads/{pull.head_ref}")
    return refs
