"""Campaigns, groups and proposed fixes for tests, made by the product's own verbs."""

from core.permissions import Role
from findings.models import Campaign, Finding, FindingGroup
from findings.services import add_findings, merge_findings, start_campaign
from remediations.models import Proposal
from remediations.proposing import Taken, take_in_proposals
from tests import factories as make


def patch_of(finding, text="return parse(x)"):
    """A patch of the finding's line, as git writes it."""
    line, old = finding.start_line, finding.snippet.splitlines()[0]
    return (
        f"diff --git a/{finding.path} b/{finding.path}\n--- a/{finding.path}\n+++ b/{finding.path}\n"
        f"@@ -{line} +{line} @@\n-{old}\n+    {text}\n"
    )


def bring(finding, text=None, **more) -> Taken:
    """Bring a file of proposed fixes; without text a patch of the finding's line."""
    data = text if text is not None else patch_of(finding)
    told = {"by": make.member(finding.scope, Role.PIPELINE), "at": make.now(), **more}
    return take_in_proposals(
        asset=finding.asset, line=finding.line,
        data=data if isinstance(data, bytes) else data.encode(), **told,
    )  # fmt: skip


def make_proposal(finding) -> Proposal:
    return bring(finding).proposals[0]


def make_campaign(*findings: Finding) -> Campaign:
    scope = findings[0].scope
    told = {"by": make.member(scope, Role.ANALYST), "at": make.now()}
    campaign = start_campaign(scope=scope, name="No eval", goal="Nothing is evaluated.", **told)
    ids = [finding.pk for finding in findings]
    add_findings(campaign=campaign, findings=Finding.objects.filter(pk__in=ids), **told)
    return campaign


def make_group(*findings: Finding) -> FindingGroup:
    by = make.member(findings[0].scope, Role.ANALYST)
    return merge_findings(
        findings=findings, title="Unsafe parsing", reason="One parser.", by=by, at=make.now()
    )


def mobilized(one: Finding, other: Finding) -> None:
    """A campaign and a group of two open findings, and a proposed fix of the first."""
    make_campaign(one, other)
    make_group(one, other)
    make_proposal(one)
