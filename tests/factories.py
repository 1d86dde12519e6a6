"""Rows for tests, made by the product's own services: nothing here that a user could not reach.

The code that is scanned comes from tests/code.py; the reports from there are read by real jobs.
"""

import json
from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from itertools import count
from pathlib import PurePath
from typing import Any

from django.utils import timezone

from core.models import Job, JobState, User
from core.permissions import Role
from ctem import jobs
from findings.lifecycle import TRANSITIONS, Transition, transition
from findings.models import Finding
from findings.services import (
    expire_acceptances,
    perform_transition,
    request_dismissal,
    request_risk_acceptance,
)
from findings.statuses import Status
from remediations.models import Remediation
from remediations.statuses import RemediationState
from scans.models import Clearance, Scan
from scans.services.clearances import revoke
from scans.services.doors import merge_fix, propose_fix, push_fix, request_completion, review_fix
from scans.services.uploads import upload_scan
from scopes.models import Asset, Line, Membership, Policy, Scope
from scopes.services import create_asset, create_scope, set_member, store_policy
from tests.code import Code, code_with_tree, diff_of, facts_of, sarif_of

SERVICES = (Role.PIPELINE, Role.TICKETING)
ANSWERS = {  # what the high tier asks of a reviewer
    "root_cause_removed": "yes",
    "variants_considered": "yes, there are none",
    "behaviour_kept": "yes",
}
_numbers = count(1)


def now() -> datetime:
    """The time of everything that happens in tests: the real one, as jobs use it."""
    return timezone.now()


# --- people and places ---------------------------------------------------------------------------
def make_user(username: str, kind: str = "human") -> User:
    """Return the account of this name; made without a password on first use."""
    known = User.objects.filter(username=username).first()
    return known or User.objects.create_user(username, f"{username}@example.org", kind=kind)


def make_policy(toml: str | bytes, name: str = "test") -> Policy:
    return store_policy(
        toml=toml.encode() if isinstance(toml, str) else toml, name=name, by=None, at=now()
    )


def make_scope(**members: Any) -> Scope:
    """Return a new scope with the default policy; ``members`` as create_scope takes them."""
    number = next(_numbers)
    members = {
        "name": f"Shop {number}",
        "slug": f"shop-{number}",
        "by": None,
        "at": now(),
        **members,
    }
    return create_scope(**members)


def add_member(scope: Scope, user: User, role: Role | str) -> User:
    set_member(scope=scope, user=user, role=Role(role), by=None, at=now())
    return user


def member(scope: Scope, role: Role | str) -> User:
    """Return somebody with this role in the scope, named for it; made on first use."""
    role = Role(role)
    held = Membership.objects.filter(scope=scope, role=role.value).select_related("user").first()
    if held is not None:
        return held.user
    kind = "service" if role in SERVICES else "human"
    return add_member(scope, make_user(f"{role.value}-{scope.slug}", kind), role)


def make_asset(scope: Scope | None = None, **members: Any) -> Asset:
    """Return a new repository with its default line."""
    members = {"name": f"web-{next(_numbers)}", "by": None, "at": now(), **members}
    return create_asset(scope=scope or make_scope(), **members)


def default_line(asset: Asset) -> Line:
    return asset.lines.get(kind="default")


# --- scans ---------------------------------------------------------------------------------------
def run_job(scan: Scan) -> Scan:
    """Do the scan's job as a worker would and return the scan as it is now."""
    job = Job.objects.get(subject_id=scan.pk, kind__in=["ingest", "run"])
    jobs.run(job.pk)
    job.refresh_from_db()
    assert job.state in (JobState.DONE, JobState.FAILED), f"{job.state}: {job.error}"
    return Scan.objects.get(pk=scan.pk)


def upload(
    asset: Asset,
    report: Code | dict | bytes,
    facts: dict | None = None,
    *,
    line: Line | None = None,
    remediation: Remediation | None = None,
    control: bool = False,
    by: User | None = None,
) -> tuple[Scan, bool]:
    """Upload a report; a Code is scanned first, its facts told as a wrapper would."""
    if isinstance(report, Code):
        facts = facts_of(report) if facts is None else facts
        report = sarif_of(report)
    data = report if isinstance(report, bytes) else json.dumps(report).encode()
    if line is None and remediation is None:
        line = default_line(asset)
    return upload_scan(
        asset=asset, data=data, facts=facts or {}, line=line, remediation=remediation, control=control,
        by=by or member(asset.scope, Role.PIPELINE), at=now(),
    )  # fmt: skip


def upload_and_ingest(
    asset: Asset, report: Code | dict | bytes, facts: dict | None = None, **target: Any
) -> Scan:
    """Upload a report (see ``upload``) and do the job that reads it."""
    return run_job(upload(asset, report, facts, **target)[0])


# --- code and fixes ------------------------------------------------------------------------------
def weak_file(path: str, weakness: str = "eval(") -> str:
    """Return a module with one weakness, unlike that of any other path: equal code would count as moved."""
    name = PurePath(path).stem
    call = {"eval(": f"return eval({name})", "pickle.loads(": f"return pickle.loads({name})",
            "shell=True": f"return subprocess.run({name}, shell=True)",
            "import subprocess": f"import subprocess  # {name}"}  # fmt: skip
    return f"def show({name}):\n    {call[weakness]}\n"


def safe_file(path: str) -> str:
    """Return the same module with the weakness mended."""
    name = PurePath(path).stem
    return f"def show({name}):\n    return parse({name})\n"


def code_of(line: Line) -> Code:
    """Return the code of a line today, as far as its findings tell it: fixed where they are proven gone."""
    gone = (Status.MOBILIZATION_COMPLETE, Status.NO_LONGER_PRESENT)
    files = {"app/parse.py": "import ast\n\nparse = ast.literal_eval\n"}
    for finding in Finding.objects.filter(line=line).order_by("pk"):
        word = next(word for word in ("eval(", "pickle.loads(", "shell=True", "import subprocess")
                    if word in finding.snippet)  # fmt: skip
        files[finding.path] = (
            safe_file(finding.path) if finding.status in gone else weak_file(finding.path, word)
        )
    return Code(files)


def fixed_code(line: Line, *findings: Finding) -> Code:
    """Return the code of the line with these findings fixed, and well."""
    return code_of(line).change({finding.path: safe_file(finding.path) for finding in findings})


def make_remediation(
    *findings: Finding,
    code: Code | None = None,
    base: Code | None = None,
    by: User | None = None,
    **details: Any,
) -> Remediation:
    """Propose a fix of the findings by a developer; ``code``: its head revision, else a good fix."""
    asset, line = findings[0].asset, findings[0].line
    base = base or code_of(line)
    head = code or fixed_code(line, *findings)
    by = by or member(asset.scope, Role.DEVELOPER)
    person = f"{by.username} <{by.email}>"
    proposal: dict[str, Any] = {
        "title": "Parse instead of evaluating",
        "base_commit": base.commit, "base_tree": base.tree,
        "head_commit": head.commit, "head_tree": head.tree,
        "diff": diff_of(base, head),
        "commits": [{"id": head.commit, "message": "Parse instead of evaluating\n",
                     "author": person, "committer": person}],
        **details,
    }  # fmt: skip
    return propose_fix(asset=asset, line=line, findings=findings, by=by, at=now(), **proposal)


def push(remediation: Remediation, code: Code | None = None) -> Remediation:
    """Push a new revision; without ``code`` the same content as another commit."""
    base, head = code_with_tree(remediation.base_tree), code_with_tree(remediation.head_tree)
    head = code or head.committed_as(f"amended {next(_numbers)}")
    return push_fix(
        remediation=remediation, head_commit=head.commit, head_tree=head.tree, diff=diff_of(base, head),
        commits=remediation.commits, by=member(remediation.scope, Role.DEVELOPER), at=now(),
    )  # fmt: skip


def approve(remediation: Remediation, by: User | None = None, decision: str = "approved") -> None:
    """Review the newest revision by somebody who did not write it."""
    review_fix(
        remediation=remediation, by=by or member(remediation.scope, Role.ANALYST), decision=decision,
        at=now(), commit=remediation.head_commit, answers=ANSWERS,
    )  # fmt: skip


def merge(remediation: Remediation, code: Code | None = None) -> Remediation:
    """Merge the fix by squashing it: another commit, the same tree unless ``code`` says otherwise."""
    code = code or code_with_tree(remediation.head_tree).committed_as(f"squashed {remediation.pk}")
    return merge_fix(
        remediation=remediation, merge_commit=code.commit, merge_tree=code.tree,
        by=member(remediation.scope, Role.DEVELOPER), at=now(),
    )  # fmt: skip


def scan_fix(remediation: Remediation, code: Code | None = None, **target: Any) -> Scan:
    """Scan the newest revision of the fix, in full, by the pipeline."""
    code = code or code_with_tree(remediation.head_tree)
    return upload_and_ingest(remediation.asset, code, remediation=remediation, **target)


# --- findings ------------------------------------------------------------------------------------
def import_finding(asset: Asset | None = None, weakness: str = "eval(", path: str = "") -> Finding:
    """Return a finding as an import leaves it: a full scan of the line saw one weakness more."""
    asset = asset or make_asset()
    line = default_line(asset)
    path = path or f"app/view_{next(_numbers)}.py"
    code = code_of(line).change({path: weak_file(path, weakness)})
    upload_and_ingest(asset, code, line=line)
    return Finding.objects.select_related("scope", "asset", "line").get(line=line, path=path)


def make_finding(
    at: Status = Status.PRIORITIZED,
    *,
    asset: Asset | None = None,
    weakness: str = "eval(",
    path: str = "",
) -> Finding:
    """Return a finding that came to ``at`` on the shortest way through the table of transitions."""
    finding = import_finding(asset, weakness, path)
    for row in shortest_path(Status(finding.status), at):
        take(row.name, finding)
        finding.refresh_from_db()
    assert finding.status == at
    return finding


def shortest_path(
    start: Status, target: Status, *, without: Iterable[str] = ()
) -> list[Transition]:
    """Return the rows that lead from one status to the other, fewest first."""
    ways: deque[tuple[Status, list[Transition]]] = deque([(start, [])])
    seen = {start}
    while ways:
        status, way = ways.popleft()
        if status == target:
            return way
        for row in TRANSITIONS:
            if status in row.sources and row.target not in seen and row.name not in without:
                seen.add(row.target)
                ways.append((row.target, [*way, row]))
    raise AssertionError(f"no way leads from {start} to {target}")


def take(name: str, finding: Finding) -> None:
    """Make one transition happen the way it happens in the product."""
    STEPS[name](finding)


def _perform(name: str, role: Role, **brought: Any) -> Callable[[Finding], None]:
    def step(finding: Finding) -> None:
        perform_transition(
            finding=finding, name=name, by=member(finding.scope, role), at=now(), brought=brought
        )

    return step


def fix_of(finding: Finding) -> Remediation:
    """Return the finding's newest fix; a good one is proposed if there is none."""
    fix = finding.remediations.exclude(state=RemediationState.WITHDRAWN).order_by("-pk").first()
    return fix or make_remediation(finding)


def complete(finding: Finding) -> Clearance:
    """Bring all the evidence and let the gate complete the finding."""
    fix = fix_of(finding)
    if fix.state == RemediationState.PROPOSED:
        scan_fix(fix)
        approve(fix)
        merge(fix)
    finding.refresh_from_db()
    if finding.status != Status.MOBILIZATION_COMPLETE:
        request_completion(finding=finding, by=member(finding.scope, Role.ANALYST), at=now())
    return Clearance.objects.get(finding=finding, live=True)


def request_acceptance(finding: Finding, days: int = 1) -> None:
    request_risk_acceptance(
        finding=finding, reason="The service is switched off next week.",
        until=(now() + timedelta(days=days)).date(), by=member(finding.scope, Role.ANALYST), at=now(),
    )  # fmt: skip


def request_false_positive(finding: Finding) -> None:
    request_dismissal(
        finding=finding, reason="The argument is a constant.",
        by=member(finding.scope, Role.ANALYST), at=now(),
    )  # fmt: skip


def _accept(finding: Finding) -> None:
    request_acceptance(finding)
    _perform("accept_risk", Role.APPROVER)(finding)


def _renew(finding: Finding) -> None:
    request_acceptance(finding, days=30)
    _perform("renew_risk", Role.APPROVER)(finding)


def _dismiss(finding: Finding) -> None:
    request_false_positive(finding)
    _perform("dismiss", Role.APPROVER)(finding)


def _mark_duplicate(finding: Finding) -> None:
    _perform("mark_duplicate", Role.ANALYST, duplicate_of=import_finding(finding.asset).pk)(finding)


def _vanish(finding: Finding) -> None:
    transition(
        finding.pk, "vanish", by=None, at=now(), brought={"reason": "Two full scans lack it."}
    )


def _revoke(finding: Finding) -> None:
    revoke(
        Clearance.objects.get(finding=finding, live=True), reason="It came back.", by=None, at=now()
    )


STEPS: dict[str, Callable[[Finding], Any]] = {
    "prioritize": _perform("prioritize", Role.ANALYST),
    "validate": _perform("validate", Role.ANALYST, evidence="Reproduced by hand."),
    "mobilize": make_remediation,
    "claim": _perform("claim", Role.DEVELOPER, reason="Fixed in the last release."),
    "send_back": lambda finding: push(fix_of(finding)),
    "complete": complete,
    "accept_risk": _accept,
    "renew_risk": _renew,
    "dismiss": _dismiss,
    "mark_duplicate": _mark_duplicate,
    "vanish": _vanish,
    "expire": lambda finding: expire_acceptances(at=now() + timedelta(days=3)),
    "reopen": _perform("reopen", Role.ANALYST, reason="Looked again."),
    "revoke": _revoke,
}
