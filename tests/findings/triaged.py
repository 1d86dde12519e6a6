"""A finding with one of everything that people and rules bring to it, for the sweeps over doors and pages."""

from datetime import timedelta

from core.permissions import Role
from findings.services.disputes import dispute_finding
from findings.services.evidence import add_evidence
from findings.services.rules import make_rule
from findings.services.tagging import set_tags
from tests.factories import member, now


def triage(finding):
    """Return a rule that waits, made beside: a rule in force, tags, evidence with a file, a dispute."""
    scope, analyst = finding.scope, member(finding.scope, Role.ANALYST)
    told = {"scope": scope, "conditions": {"path": ["tests/**"]}, "by": analyst, "at": now()}
    make_rule(name="Tests", actions={"tags": ["tests"]}, **told)
    set_tags(finding=finding, add=["pci"], by=analyst, at=now())
    add_evidence(
        finding=finding, kind="duplicate_proof", text="The same call.", name="poc.sh",
        blocks=[b"curl http://shop/\n"], by=analyst, at=now(),
    )  # fmt: skip
    dispute_finding(
        finding=finding, about="existence", reason="The argument is a constant.",
        by=member(scope, Role.DEVELOPER), at=now(),
    )  # fmt: skip
    return make_rule(
        name="Noise", actions={"set_aside": "noise"}, reason="Only tests.",
        expires_at=now() + timedelta(days=30), **told,
    )  # fmt: skip
