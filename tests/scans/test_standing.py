"""Standing approvals and look-ups, the whole way: what dependency bots propose, and what covers it."""

from datetime import UTC, timedelta

import pytest

from core.errors import BadInput, NotAllowed, WrongState
from core.events import broken_links
from core.models import Event
from core.permissions import ROLE_PERMISSIONS, Permission, Role
from ctem import tasks
from findings.models import Finding
from findings.statuses import Status
from gate import certificate, dsse
from remediations.models import Release, StandingApproval
from scans.certificates import public_keys
from scans.models import Clearance, Verification
from scans.services.clearances import bundle
from scans.services.doors import judge_fix, newest_verification
from scans.services.releases import record_release
from scans.services.standing import (
    BOTS,
    MAX_DAYS,
    end_standing_approval,
    judge_with_approvals_of_today,
)
from scans.services.verification import failing_checks
from tests.factories import add_member, make_asset, make_user, member, merge, now
from tests.scans.evidence import (
    approve_bumps,
    bump,
    fix_from,
    import_of,
    manifests,
    scan,
    secret_finding,
    secret_fix,
)

pytestmark = pytest.mark.django_db
NOT_APPROVERS = [r for r in Role if Permission.APPROVE not in ROLE_PERMISSIONS[r]]


def soon(days=30):
    return now().astimezone(UTC).date() + timedelta(days=days)


@pytest.fixture
def low(scope):
    """A note about a package: the low tier."""
    return import_of("low", manifests("4.17.20"), make_asset(scope))


def failing(finding):
    return {check["id"] for check in failing_checks(newest_verification(finding).judgement)}


def check_of(finding, check="HUMAN_REVIEW"):
    rows = newest_verification(finding).judgement["checks"]
    return next(row for row in rows if row["id"] == check)


def status(finding):
    return Finding.objects.get(pk=finding.pk).status


def end(row, by=None, reason="Not any more."):
    by = by or member(row.scope, Role.APPROVER)
    return end_standing_approval(approval=row, reason=reason, by=by, at=now())


# --- the whole way -------------------------------------------------------------------------------
def test_a_standing_approval_covers_what_dependabot_bumps_and_the_certificate_says_so(low):
    fix = bump(low)
    assert (failing(low), newest_verification(low).tier) == ({"HUMAN_REVIEW"}, "low")
    row = approve_bumps(low.scope)
    assert check_of(low)["outcome"] == "PASS"
    assert status(low) != Status.MOBILIZATION_COMPLETE  # it has not merged
    merge(fix)
    assert status(low) == Status.MOBILIZATION_COMPLETE
    clearance = Clearance.objects.get(finding=low)
    payload = dsse.decode(clearance.certificate.encode()).payload
    said = dsse.load_json(payload, "certificate")["predicate"]["judgement"]["checks"]
    (told,) = [c for c in said if c["id"] == "HUMAN_REVIEW"]
    assert row.by.username in told["reason"] and row.reason.strip(".") in told["reason"]
    verified = certificate.verify_bundle(bundle(clearance), public_keys())
    assert verified.ok, verified.steps
    assert list(broken_links()) == []


def test_at_the_high_tier_it_covers_nothing(scope):
    scope.exposure, scope.criticality = "internet", "high"
    scope.save()
    finding = import_of("sca", manifests("4.17.20"), make_asset(scope))
    bump(finding)
    approve_bumps(scope)
    assert newest_verification(finding).tier == "high"
    assert "accepts none at the high tier" in check_of(finding)["reason"]
    assert check_of(finding)["outcome"] != "PASS"


def test_an_approval_that_was_ended_covers_nothing(low):
    row = approve_bumps(low.scope)
    fix = bump(low)
    assert failing(low) == set()
    end(row)
    assert failing(low) == {"HUMAN_REVIEW"}
    merge(fix)
    assert status(low) != Status.MOBILIZATION_COMPLETE
    with pytest.raises(WrongState, match="ended already"):
        end(row)


def test_an_approval_that_has_run_out_covers_nothing_and_the_clock_sees_to_it(low, monkeypatch):
    approve_bumps(low.scope, until=soon(1))
    fix = bump(low)
    assert failing(low) == set()
    assert judge_with_approvals_of_today(at=now()) == 0
    later = now() + timedelta(days=3)
    monkeypatch.setattr("ctem.tasks.timezone.now", lambda: later)
    tasks.expire()
    assert failing(low) == {"HUMAN_REVIEW"}
    count = Verification.objects.count()
    assert judge_with_approvals_of_today(at=later + timedelta(hours=1)) == 0
    assert Verification.objects.count() == count
    assert fix.state == "proposed"


def test_an_approval_from_a_later_day_covers_from_that_day(low):
    approve_bumps(low.scope, since=soon(2))
    fix = bump(low)
    assert "which is too late" in check_of(low)["reason"]
    assert judge_with_approvals_of_today(at=now() + timedelta(hours=1)) == 0
    assert judge_with_approvals_of_today(at=now() + timedelta(days=3)) == 1
    assert check_of(low)["outcome"] == "PASS"
    assert fix.state == "proposed"


COVERS_NOTHING = {
    "another bot": {"bots": ["Renovate"]},
    "another ecosystem": {"ecosystems": ["Python"]},
    "other files": {"ecosystems": [], "manifests": ["services/*.json"]},
}


@pytest.mark.parametrize("how", COVERS_NOTHING)
def test_an_approval_covers_what_it_names_and_nothing_else(low, how):
    bump(low)
    approve_bumps(low.scope, **COVERS_NOTHING[how])
    assert check_of(low)["outcome"] == "UNKNOWN"
    approve_bumps(low.scope, ecosystems=[], manifests=["package*.json"])
    assert check_of(low)["outcome"] == "PASS"


def test_a_persons_change_waits_for_a_review_and_is_not_told_of_approvals(low):
    approve_bumps(low.scope)
    old, new = manifests("4.17.20"), manifests("4.17.21")
    fix = fix_from(low, old, new)
    scan(fix.asset, new, "low", remediation=fix)
    assert check_of(low)["outcome"] == "UNKNOWN"
    assert "standing_approvals" not in newest_verification(low).inputs["facts"]


def test_an_approval_of_another_scope_covers_nothing(low):
    bump(low)
    approve_bumps(make_asset().scope)
    assert check_of(low)["outcome"] == "UNKNOWN"


def test_giving_and_ending_are_one_event_each_of_the_scope(low):
    row = end(approve_bumps(low.scope))
    given, ended = Event.objects.filter(action__startswith="scope.standing").order_by("pk")
    assert (given.subject, given.subject_id, given.actor) == ("scope", low.scope_id, row.by)
    assert given.data["bots"] == ["Dependabot"] and given.data["ecosystems"] == ["JavaScript"]
    assert (ended.data["reason"], ended.data["standing_approval"]) == ("Not any more.", row.pk)


# --- who may not, and what may not be ------------------------------------------------------------
@pytest.mark.parametrize("role", NOT_APPROVERS)
def test_only_an_approver_gives_and_ends(scope, role):
    row = approve_bumps(scope)
    by = member(scope, role)
    with pytest.raises(NotAllowed, match="approve"):
        approve_bumps(scope, by)
    with pytest.raises(NotAllowed, match="approve"):
        end(row, by)
    assert StandingApproval.objects.get().ended_at is None


@pytest.mark.parametrize(
    ("name", "kind"), [("a", "ai"), ("b", "service"), ("renovate[bot]", "human")]
)
def test_the_owner_is_a_person(scope, name, kind):
    machine = add_member(scope, make_user(name, kind), Role.APPROVER)
    with pytest.raises(NotAllowed, match="not a person"):
        approve_bumps(scope, machine)


BAD = {
    "no bot": ({"bots": []}, "bots: must name one at least of: Dependabot"),
    "a person": ({"bots": ["Mara"]}, "bots: 'Mara' is none of"),
    "an agent": ({"bots": ["Copilot"]}, "bots: 'Copilot' is none of"),
    "nothing covered": ({"ecosystems": []}, "ecosystems: or manifests must say"),
    "no such ecosystem": ({"ecosystems": ["COBOL"]}, "ecosystems: 'COBOL' is none of"),
    "an empty glob": ({"manifests": [" "]}, "manifests: must not be empty"),
    "too many": ({"manifests": ["a"] * 21}, "21 > 20"),
    "no reason": ({"reason": " "}, "reason: must not be empty"),
    "over": ({"until": soon(0)}, "until: must be in the future"),
    "too far": ({"until": soon(MAX_DAYS + 2)}, "365 days"),
    "afterwards": ({"since": soon(-1)}, "since: is in the past"),
    "upside down": ({"since": soon(20), "until": soon(10)}, "since: is after its end"),
}  # fmt: skip


@pytest.mark.parametrize("why", BAD)
def test_what_cannot_be_used_is_refused_with_its_place(scope, why):
    changes, said = BAD[why]
    with pytest.raises(BadInput, match=said):
        approve_bumps(scope, **changes)
    assert not StandingApproval.objects.exists()


def test_bots_and_ecosystems_are_kept_by_the_names_of_the_catalogue(scope):
    row = approve_bumps(
        scope, bots=["dependabot[bot]", "renovate", "Dependabot"], ecosystems=["NPM", "pypi"]
    )
    assert (row.bots, row.ecosystems) == (["Dependabot", "Renovate"], ["JavaScript", "Python"])
    assert {"Dependabot", "Renovate"} <= set(BOTS)


# --- look-ups ------------------------------------------------------------------------------------
def look_up(scope, by=None, **more):
    given = {"package": "pkg:npm/lodash", "version": "4.17.22", "exists": True, "at": now(),
             "evidence": "GET registry.example.org/lodash/4.17.22: 200", **more}  # fmt: skip
    return record_release(scope=scope, by=by or member(scope, Role.PIPELINE), **given)


@pytest.fixture
def bumped(scope):
    """Somebody moved lodash to a version that the finding does not name."""
    finding = import_of("sca", manifests("4.17.20"), make_asset(scope))
    old, new = manifests("4.17.20"), manifests("4.17.22")
    fix = fix_from(finding, old, new)
    scan(fix.asset, new, "sca", remediation=fix)
    return finding


def test_a_version_that_was_looked_up_exists_for_the_gate_and_the_newest_look_up_counts(bumped):
    before = check_of(bumped, "CLASS_SPECIFIC")
    look_up(bumped.scope, version="4.17.99")
    look_up(bumped.scope, package="pkg:pypi/lodash")
    assert check_of(bumped, "CLASS_SPECIFIC") == before
    look_up(bumped.scope, exists=False, as_of=now() - timedelta(hours=1))
    assert check_of(bumped, "CLASS_SPECIFIC")["outcome"] == "FAIL"
    look_up(bumped.scope, package="pkg:npm/Lodash")
    told = check_of(bumped, "CLASS_SPECIFIC")
    assert told["outcome"] == "PASS" and "exists as a look-up says (fetched)" in told["reason"]
    look_up(bumped.scope, yanked=True)
    assert "was withdrawn" in check_of(bumped, "CLASS_SPECIFIC")["reason"]
    assert Event.objects.filter(action="scope.release_recorded").count() == 5


def test_a_look_up_in_another_scope_says_nothing_here(bumped):
    before = check_of(bumped, "CLASS_SPECIFIC")
    look_up(make_asset().scope, exists=False)
    judge_fix(
        remediation=bumped.remediations.get(), by=member(bumped.scope, Role.DEVELOPER), at=now()
    )
    assert check_of(bumped, "CLASS_SPECIFIC") == before


def test_a_finding_of_no_package_is_not_told_of_look_ups(scope):
    look_up(scope)
    finding = secret_finding(make_asset(scope))
    secret_fix(finding)
    assert "releases" not in newest_verification(finding).inputs["facts"]


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.PIPELINE])
def test_a_persons_word_is_no_look_up(scope, role):
    with pytest.raises(NotAllowed):
        look_up(scope, member(scope, role))
    assert not Release.objects.exists()


NO_LOOK_UP = {
    "no package URL": ({"package": "lodash"}, "package: is no package URL"),
    "with its version": ({"package": "pkg:npm/lodash@1"}, "package: is no package URL"),
    "no version": ({"version": " "}, "version: must not be empty"),
    "nothing seen": ({"evidence": " "}, "evidence: must say what was seen"),
    "withdrawn, and never there": ({"exists": False, "yanked": True}, "yanked: a version that"),
    "tomorrow": ({"as_of": now() + timedelta(days=1)}, "as_of: is in the future"),
}


@pytest.mark.parametrize("why", NO_LOOK_UP)
def test_a_look_up_that_cannot_be_is_refused_with_its_place(scope, why):
    changes, said = NO_LOOK_UP[why]
    with pytest.raises(BadInput, match=said):
        look_up(scope, **changes)
    assert not Release.objects.exists()
