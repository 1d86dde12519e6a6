"""Proofs of concept, the whole way: what worked before a fix of an agentic finding, and after it."""

from datetime import timedelta

import pytest

from core.errors import BadInput, NotAllowed, WrongState
from core.models import Event
from core.permissions import ROLE_PERMISSIONS, Permission, Role
from gate import certificate
from remediations.models import Proof
from scans.certificates import public_keys
from scans.models import Clearance
from scans.services.clearances import bundle
from scans.services.doors import newest_verification
from scans.services.proofs import record_proof
from scans.services.verification import failing_checks
from tests.code import code_with_tree
from tests.factories import (
    add_member,
    approve,
    import_finding,
    make_asset,
    make_remediation,
    make_user,
    member,
    merge,
    now,
    push,
)
from tests.scans.evidence import SAFE, UNSAFE, agentic_finding, fix_from, scan

pytestmark = pytest.mark.django_db
RUN = {"vendor": "Raptor", "model": "raptor-large-2"}


@pytest.fixture
def finding(scope):
    return agentic_finding(make_asset(scope))


@pytest.fixture
def fix(finding):
    fix = fix_from(finding, UNSAFE, SAFE)
    for number in (1, 2):
        facts = {**RUN, "agent_run": f"run-{number}"}
        scan(fix.asset, SAFE, "agentic", remediation=fix, facts={**facts, "category": str(number)})
    return fix


def failing(finding):
    return {check["id"] for check in failing_checks(newest_verification(finding).judgement)}


def check_of(finding, check="POSITIVE_CONTROL"):
    rows = newest_verification(finding).judgement["checks"]
    return next(row for row in rows if row["id"] == check)


def prove(fix, by=None, **more):
    given = {"finding": fix.findings.get(), "outcome": "fails", "at": now(), **more}
    return record_proof(remediation=fix, by=by or member(fix.scope, Role.ANALYST), **given)


# --- the whole way -------------------------------------------------------------------------------
def test_an_agentic_finding_closes_once_its_proof_of_concept_fails_on_the_fix(finding, fix):
    approve(fix)
    assert failing(finding) == {"POSITIVE_CONTROL"}
    row = prove(fix, evidence="exploit.sh, exit status 1")
    assert failing(finding) == set()
    assert row.by.username in check_of(finding)["reason"]
    merge(fix)  # another commit, the same tree: it counts
    clearance = Clearance.objects.get(finding=finding)
    verified = certificate.verify_bundle(bundle(clearance), public_keys())
    assert verified.ok, verified.steps
    assert (row.base_commit, row.tree, row.source) == (UNSAFE.commit, SAFE.tree, "declared")


def test_a_proof_that_still_works_fails_and_its_author_may_say_it_anew(finding, fix):
    prove(fix, outcome="works")
    assert "still works" in check_of(finding, "ORIGINAL_ABSENT")["reason"]
    prove(fix, add_member(fix.scope, make_user("second"), Role.ANALYST))
    assert check_of(finding, "ORIGINAL_ABSENT")["outcome"] == "FAIL"  # the first stands
    prove(fix)
    assert check_of(finding, "ORIGINAL_ABSENT")["outcome"] != "FAIL"


def test_a_push_takes_proofs_back(finding, fix):
    prove(fix)
    assert check_of(finding)["outcome"] == "PASS"
    changed = code_with_tree(fix.head_tree).change({"README.md": "Changed.\n"})
    fix = push(fix, changed)
    scan(fix.asset, changed, "agentic", remediation=fix)
    assert check_of(finding)["outcome"] == "UNKNOWN"
    assert "proofs" not in newest_verification(finding).inputs["facts"]
    with pytest.raises(WrongState, match="is not the newest"):
        prove(fix, commit=SAFE.commit)


def test_a_proof_is_one_event_of_the_fix(fix):
    row = prove(fix)
    event = Event.objects.get(action="remediation.proof_recorded")
    assert (event.subject_id, event.actor, event.data["proof"]) == (fix.pk, row.by, row.pk)
    assert event.data["outcome"] == "fails"


def test_what_merged_otherwise_is_proven_anew(finding, fix):
    prove(fix)
    merged = code_with_tree(fix.head_tree).change({"README.md": "Merged.\n"}, note="merged")
    fix = merge(fix, merged)
    scan(fix.asset, merged, "agentic", remediation=fix)
    assert check_of(finding)["outcome"] == "UNKNOWN"
    assert prove(fix).commit == merged.commit
    assert check_of(finding)["outcome"] == "PASS"


# --- who may not, and what may not be ------------------------------------------------------------
@pytest.mark.parametrize("role", Role)
def test_people_who_may_review_and_services_that_may_upload_prove(fix, role):
    service = role in (Role.PIPELINE, Role.TICKETING)
    needed = Permission.UPLOAD_SCAN if service else Permission.REVIEW
    may = needed in ROLE_PERMISSIONS[role] and role is not Role.DEVELOPER  # who made the fix
    if may:
        row = prove(fix, member(fix.scope, role), evidence="The log of the run.")
        assert row.source == ("fetched" if service else "declared")
    else:
        with pytest.raises(NotAllowed):
            prove(fix, member(fix.scope, role), evidence="The log of the run.")
    assert Proof.objects.exists() == may


def test_what_made_the_fix_does_not_prove_it(finding):
    details = {"model": "claude-opus-4-5", "agent_run": "https://ci.example/runs/7"}
    fix = fix_from(finding, UNSAFE, SAFE, **details)
    for given in ({"model": "claude-opus-4-5"}, {"agent_run": "https://ci.example/runs/7/jobs/1"}):
        with pytest.raises(NotAllowed, match="What made the fix"):
            prove(fix, **given)
    prove(fix, model="gpt-6", agent_run="https://ci.example/runs/8")


def test_nobody_proves_while_nobody_knows_who_made_the_fix(finding):
    with pytest.raises(WrongState, match="Nobody knows who made"):
        prove(fix_from(finding, UNSAFE, SAFE, commits=[]))


BAD = {
    "no such outcome": ({"outcome": "maybe"}, "outcome: 'maybe' is none of"),
    "tomorrow": ({"as_of": now() + timedelta(days=1)}, "as_of: is in the future"),
    "two lines": ({"model": "a\nb"}, "model: must be one line"),
    "a bell": ({"evidence": "\x07"}, "evidence: holds control characters"),
}


@pytest.mark.parametrize("why", BAD)
def test_what_cannot_be_used_is_refused_with_its_place(fix, why):
    changes, said = BAD[why]
    with pytest.raises(BadInput, match=said):
        prove(fix, **changes)
    assert not Proof.objects.exists()


def test_only_findings_of_agentic_scanners_of_this_fix_are_proven(fix):
    other = import_finding(make_asset(fix.scope))
    with pytest.raises(BadInput, match="is not one that"):
        prove(fix, finding=other)
    with pytest.raises(WrongState, match="no agentic scanner"):
        prove(make_remediation(other))
    with pytest.raises(BadInput, match="what was seen"):
        prove(fix, member(fix.scope, Role.PIPELINE))
