"""A fix with a waiver and a dispute in each state, for the tests that attack or race them."""

from datetime import timedelta
from types import SimpleNamespace

from core.permissions import Role
from remediations.models import Dispute, Waiver
from scans.services.disputes import confirm_dispute, propose_dispute, withdraw_dispute
from scans.services.doors import newest_verification
from scans.services.waivers import give_waiver, revoke_waiver
from tests.code import code_with_tree, facts_of, sarif_of
from tests.factories import (
    add_member,
    fixed_code,
    import_finding,
    make_remediation,
    make_user,
    member,
    now,
    upload_and_ingest,
    weak_file,
)


def build_world():
    """A fix with two findings that stand, a waiver and a dispute in each state, and a foreign fix."""
    w = SimpleNamespace()
    w.finding = import_finding()
    scope = w.finding.scope
    for role in Role:
        member(scope, role)
    w.analyst, w.approver = member(scope, Role.ANALYST), member(scope, Role.APPROVER)
    w.second = add_member(scope, make_user(f"second-{scope.slug}"), Role.APPROVER)
    w.other = import_finding(w.finding.asset, weakness="pickle.loads(")  # not of this fix
    w.fix = make_remediation(w.finding, code=moved_code(w.finding))
    upload_and_ingest(w.fix.asset, *with_the_rule_off(w.fix), remediation=w.fix)
    w.elsewhere = make_remediation(import_finding())
    w.waiver = waive(w, "RULE_ACTIVE")
    w.revoked = waive(w, "TOOL_VERSION")
    w.revoked = revoke_waiver(waiver=w.revoked, reason="No.", by=w.approver, at=now())
    first, second, third = (
        new["evidence"][0] for new in newest_verification(w.finding).judgement["new"][:3]
    )
    w.proposed, w.confirmed = dispute(w, first), dispute(w, second)
    w.confirmed = confirm_dispute(dispute=w.confirmed, by=w.approver, at=now())
    w.withdrawn = dispute(w, third)
    w.withdrawn = withdraw_dispute(dispute=w.withdrawn, reason="No.", by=w.analyst, at=now())
    return w


def moved_code(finding):
    names = ("app/a.py", "app/b.py", "app/c.py", "app/d.py")
    return fixed_code(finding.line, finding).change({n: weak_file(n, "shell=True") for n in names})


def with_the_rule_off(fix):
    """An older scanner, with the rule off that found the original."""
    code = code_with_tree(fix.head_tree)
    return sarif_of(code, version="1.7.0"), {**facts_of(code), "rules": ["B602"]}


def waive(w, check):
    until = (now() + timedelta(days=9)).date()
    return give_waiver(
        remediation=w.fix, check=check, reason="Known.", until=until, by=w.approver, at=now()
    )


def dispute(w, result):
    return propose_dispute(
        remediation=w.fix, about="cause", result=result, cause="base_moved", reason="Not ours.",
        by=w.analyst, at=now(),
    )  # fmt: skip


def objections_to(fix):
    """A waiver and a dispute as they stand with a fix that is done: rows to look at, no evidence.

    For worlds that need one of everything; what they do is tested where they are given.
    """
    scope, at = fix.scope, now()
    about = {"scope": scope, "remediation": fix, "reason": "Known.", "at": at}
    Waiver.objects.create(
        **about, commit=fix.head_commit, check_id="TESTS_INTACT", by=member(scope, Role.APPROVER),
        until=(at + timedelta(days=9)).date(),
    )  # fmt: skip
    Dispute.objects.create(
        **about, about="cause", result="scan-1.sarif#/runs/0/results/9", cause="base_moved",
        by=member(scope, Role.ANALYST),
    )  # fmt: skip
