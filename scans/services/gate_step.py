"""A pipeline's one step: find or propose the fix, and the judgement where no finding is named."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from core import blobs
from core.models import User
from findings.models import Finding
from gate import policy as gate_policy
from gate.judgement import judge
from remediations.models import Remediation
from remediations.services import locked
from remediations.statuses import RemediationState
from scans.services.doors import propose_fix, push_fix
from scans.services.known import judged_with_known
from scans.services.verification import build_evidence, collect
from scans.statuses import Verdict
from scopes.models import Asset, Line

REVISION = ("head_commit", "head_tree", "base_commit", "base_tree", "diff", "commits")
WORST_FIRST = (Verdict.FAIL, Verdict.UNKNOWN, Verdict.PASS)


@transaction.atomic
def propose_or_reuse(
    *,
    asset: Asset,
    line: Line,
    findings: Sequence[Finding],
    by: User,
    at: datetime,
    **fix: Any,
) -> Remediation:
    """Return the fix that a pipeline tells of, so that the same step twice changes nothing.

    It is the one with the same base and head; else, where the same pull request is open, that gets
    the new revision; else a new one. Findings that it does not address yet are linked.
    ``fix``: as for propose_remediation. Raises what the verbs below it raise.
    """
    # Before the first event, in the order of propose_remediation: the line, the fix, its findings.
    Line.objects.select_for_update(no_key=True).get(pk=line.pk)
    told = Remediation.objects.filter(asset=asset, line=line).exclude(
        state=RemediationState.WITHDRAWN
    )
    known = told.filter(base_commit=fix["base_commit"], head_commit=fix["head_commit"]).first()
    if known is None and fix.get("url"):
        known = told.filter(url=fix["url"], state=RemediationState.PROPOSED).order_by("-pk").first()
        if known is not None:
            known = locked(known.pk, *findings)
            revision = {name: fix[name] for name in REVISION if name in fix}
            push_fix(remediation=known, by=by, at=at, **revision)
    addressed = set(known.findings.values_list("pk", flat=True)) if known is not None else set()
    unlinked = [finding for finding in findings if finding.pk not in addressed]
    return propose_fix(asset=asset, line=line, findings=unlinked, by=by, at=at, **fix)


def judge_what_is_new(fix: Remediation, *, at: datetime) -> dict[str, Any]:
    """Return the judgement of a fix that names no finding: did it bring in anything new?

    Nothing is recorded: a verification is always of one finding.
    """
    dossier = collect(fix, [], at=at)
    diff = blobs.load(fix.diff_id) if fix.diff_id else None
    stored = fix.scope.policy
    policy = gate_policy.load(stored.toml.encode(), stored.name)
    evidence = build_evidence(dossier, diff, [])
    (answer,), _ = judged_with_known(
        fix, evidence, lambda told: [judge(told, policy, lamp="safe").to_dict()]
    )
    return answer


def worst(verdicts: Sequence[str]) -> str:
    """Return the verdict over several: a fail fails all, and nothing proves nothing."""
    return next((v.value for v in WORST_FIRST if v in verdicts), Verdict.UNKNOWN.value)
