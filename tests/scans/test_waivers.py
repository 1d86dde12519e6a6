"""Waivers, the whole way: who may set what aside, what it changes, and when that ends."""

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
from gate.checks import CHECKS
from remediations.models import Waiver
from remediations.services import withdraw_remediation
from remediations.statuses import NEVER_WAIVED
from scans.certificates import public_keys
from scans.models import Clearance, Verification
from scans.services.clearances import bundle
from scans.services.doors import newest_verification, request_completion
from scans.services.verification import failing_checks
from scans.services.waivers import MAX_DAYS, give_waiver, judge_ended_waivers, revoke_waiver
from tests.code import code_with_tree, facts_of, sarif_of
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
    scan_fix,
    upload_and_ingest,
)

pytestmark = pytest.mark.django_db
NOT_APPROVERS = [r for r in Role if Permission.APPROVE not in ROLE_PERMISSIONS[r]]
REASON = "The rule was renamed; its successor is on."


def soon(days=30):
    return now().astimezone(UTC).date() + timedelta(days=days)


def scan_with_the_rule_off(fix):
    """A true scan of the fix, but nobody can tell that the rule that found the original was on."""
    code = code_with_tree(fix.head_tree)
    told = {**facts_of(code), "rules": ["B301", "B404", "B602"]}
    return upload_and_ingest(fix.asset, sarif_of(code), told, remediation=fix)


@pytest.fixture
def finding(scope):
    return import_finding(make_asset(scope))


@pytest.fixture
def fix(finding):
    """A good fix, reviewed, whose scan had the rule off: RULE_ACTIVE fails and nothing else."""
    fix = make_remediation(finding)
    scan_with_the_rule_off(fix)
    approve(fix)
    assert failing(finding) == {"RULE_ACTIVE"}
    return fix


def failing(finding):
    return {check["id"] for check in failing_checks(newest_verification(finding).judgement)}


def outcome(finding, check="RULE_ACTIVE"):
    rows = newest_verification(finding).judgement["checks"]
    return next(row for row in rows if row["id"] == check)["outcome"]


def waive(fix, **changes):
    given = {"remediation": fix, "check": "RULE_ACTIVE", "reason": REASON, "until": soon(),
             "by": member(fix.scope, Role.APPROVER), "at": now(), **changes}  # fmt: skip
    return give_waiver(**given)


def status(finding):
    return Finding.objects.get(pk=finding.pk).status


def predicate_of(clearance):
    payload = dsse.decode(clearance.certificate.encode()).payload
    return dsse.load_json(payload, "certificate")["predicate"]


# --- the whole way -------------------------------------------------------------------------------
def test_a_fix_that_fails_a_check_closes_once_the_check_is_waived_and_the_certificate_says_so(
    finding, fix
):
    before = newest_verification(finding)
    waiver = waive(fix)
    after = newest_verification(finding)
    assert (before.verdict, after.verdict, after.supersedes_id) == ("fail", "pass", before.pk)
    assert outcome(finding) == "WAIVED"
    assert status(finding) != Status.MOBILIZATION_COMPLETE  # it has not merged
    merge(fix)
    assert status(finding) == Status.MOBILIZATION_COMPLETE
    clearance = Clearance.objects.get(finding=finding)
    told = {"check": "RULE_ACTIVE", "by": waiver.by.username, "reason": REASON,
            "until": waiver.until.isoformat()}  # fmt: skip
    said = predicate_of(clearance)
    assert said["waivers"] == [told]
    (row,) = [c for c in said["judgement"]["checks"] if c["id"] == "RULE_ACTIVE"]
    assert row["outcome"] == "WAIVED" and REASON in row["reason"]
    verified = certificate.verify_bundle(bundle(clearance), public_keys())
    assert verified.ok, verified.steps
    assert list(broken_links()) == []


def test_a_waiver_is_one_event_that_says_what_and_until_when(finding, fix):
    waiver = waive(fix)
    event = Event.objects.get(action="remediation.waived")
    assert (event.subject, event.subject_id, event.actor) == ("remediation", fix.pk, waiver.by)
    assert event.data["check"] == "RULE_ACTIVE"
    assert event.data["until"] == waiver.until.isoformat()


def test_a_waiver_that_comes_last_completes_what_has_merged(finding, fix):
    merge(fix)
    assert status(finding) == Status.MOBILIZING
    waive(fix, finding=finding)
    assert status(finding) == Status.MOBILIZATION_COMPLETE


def test_a_waiver_for_one_finding_leaves_the_other_where_it_was(finding):
    other = import_finding(finding.asset, weakness="pickle.loads(")
    fix = make_remediation(finding, other)
    code = code_with_tree(fix.head_tree)
    told = {**facts_of(code), "rules": ["B404", "B602"]}
    upload_and_ingest(fix.asset, sarif_of(code), told, remediation=fix)
    approve(fix)
    judged = newest_verification(other)
    waive(fix, finding=finding)
    assert (outcome(finding), outcome(other)) == ("WAIVED", "FAIL")
    assert newest_verification(other) == judged  # nothing was said of it
    merge(fix)
    assert status(finding) == Status.MOBILIZATION_COMPLETE
    assert status(other) == Status.MOBILIZING
    clearance = Clearance.objects.get(finding=finding)
    assert certificate.verify_bundle(bundle(clearance), public_keys()).ok
    waive(fix)  # now for all that are still open
    assert status(other) == Status.MOBILIZATION_COMPLETE
    assert "waivers" in predicate_of(Clearance.objects.get(finding=other))


def test_a_certificate_of_a_finding_that_nobody_waived_for_says_nothing_of_waivers(finding):
    fix = make_remediation(finding)
    scan_fix(fix)
    approve(fix)
    merge(fix)
    assert not {"waivers", "disputes"} & set(predicate_of(Clearance.objects.get()))


# --- how it ends ---------------------------------------------------------------------------------
def test_a_revoked_waiver_is_judged_without_and_one_way(finding, fix):
    waiver = waive(fix)
    approver = member(fix.scope, Role.APPROVER)
    revoked = revoke_waiver(waiver=waiver, reason="The rule is on again.", by=approver, at=now())
    assert (revoked.revoked_by, failing(finding)) == (approver, {"RULE_ACTIVE"})
    merge(fix)
    assert status(finding) == Status.MOBILIZING
    with pytest.raises(WrongState, match="revoked already"):
        revoke_waiver(waiver=waiver, reason="Again.", by=approver, at=now())
    assert Event.objects.filter(action="remediation.waiver_revoked").count() == 1
    waive(fix)
    assert status(finding) == Status.MOBILIZATION_COMPLETE


@pytest.mark.parametrize("role", NOT_APPROVERS)
def test_only_an_approver_revokes(finding, fix, role):
    waiver = waive(fix)
    with pytest.raises(NotAllowed):
        revoke_waiver(waiver=waiver, reason="No.", by=member(fix.scope, role), at=now())
    with pytest.raises(BadInput, match="reason"):
        revoke_waiver(waiver=waiver, reason=" ", by=member(fix.scope, Role.APPROVER), at=now())
    assert outcome(finding) == "WAIVED"


def test_a_waiver_that_ends_leaves_the_clearance_and_is_not_seen_by_later_judgements(finding):
    """It was judged while it held; what is judged afterwards sees that it has ended."""
    later = now() + timedelta(days=3)
    other = import_finding(finding.asset, weakness="pickle.loads(")
    fixes = [make_remediation(finding), make_remediation(other)]
    for fix in fixes:
        code = code_with_tree(fix.head_tree)
        told = {**facts_of(code), "rules": ["B404", "B602"]}
        upload_and_ingest(fix.asset, sarif_of(code), told, remediation=fix)
        approve(fix)
        waive(fix, until=soon(1))
    merge(fixes[0])
    assert status(finding) == Status.MOBILIZATION_COMPLETE
    asker = member(finding.scope, Role.ANALYST)
    with pytest.raises(WrongState, match="RULE_ACTIVE") as refused:
        request_completion(finding=other, by=asker, at=later)
    assert "does not hold at this time" in refused.value.checks[0]["reason"]
    assert outcome(other) == "FAIL"
    assert status(finding) == Status.MOBILIZATION_COMPLETE
    clearance = Clearance.objects.get(live=True)
    assert certificate.verify_bundle(bundle(clearance), public_keys()).ok


def test_the_clock_judges_again_what_rests_on_a_waiver_that_has_ended_and_only_once(
    finding, fix, monkeypatch
):
    waive(fix, until=soon(1))
    assert judge_ended_waivers(at=now()) == 0
    later = now() + timedelta(days=3)
    monkeypatch.setattr("ctem.tasks.timezone.now", lambda: later)
    tasks.expire()
    assert (outcome(finding), newest_verification(finding).at) == ("FAIL", later)
    count = Verification.objects.count()
    assert judge_ended_waivers(at=later) == 0
    assert Verification.objects.count() == count


def test_a_waiver_ends_with_the_revision_it_was_given_for(finding, fix):
    """A push takes every lamp back; who waives has looked at one revision."""
    waive(fix)
    fix = push(fix)
    scan_with_the_rule_off(fix)
    approve(fix)
    assert failing(finding) == {"RULE_ACTIVE"}
    waive(fix)
    assert failing(finding) == set()


# --- who may not, and what may not be ------------------------------------------------------------
def test_the_database_knows_the_checks_that_nobody_waives():
    assert set(NEVER_WAIVED) == {check.id for check in CHECKS if not check.can_be_waived}


@pytest.mark.parametrize("check", NEVER_WAIVED)
def test_a_check_that_nobody_can_waive_is_waived_by_nobody(fix, check):
    with pytest.raises(NotAllowed, match=f"{check} can be waived by nobody"):
        waive(fix, check=check)
    assert not Waiver.objects.exists()


@pytest.mark.parametrize("role", NOT_APPROVERS)
def test_who_is_no_approver_waives_nothing(fix, role):
    with pytest.raises(NotAllowed, match="approve"):
        waive(fix, by=member(fix.scope, role))


def test_an_approver_of_another_scope_waives_nothing(fix, outsider):
    add_member(outsider.memberships.get().scope, stranger := make_user("stranger"), Role.APPROVER)
    with pytest.raises(NotAllowed):
        waive(fix, by=stranger)


@pytest.mark.parametrize("kind", ["service", "ai"])
def test_an_account_that_is_no_person_waives_nothing(fix, kind):
    machine = add_member(fix.scope, make_user("helper", kind), Role.APPROVER)
    with pytest.raises(NotAllowed, match="not a person"):
        waive(fix, by=machine)


@pytest.mark.parametrize("name", ["dependabot[bot]", "copilot-swe-agent[bot]"])
def test_an_account_that_goes_by_the_name_of_a_machine_waives_nothing(fix, name):
    machine = add_member(fix.scope, make_user(name), Role.APPROVER)
    with pytest.raises(NotAllowed, match="not a person"):
        waive(fix, by=machine)


def commits_by(author, **more):
    return [{"id": "c" * 40, "message": "Fix\n", "author": author, "committer": author, **more}]


FIXERS = {
    "author": lambda u: {"commits": commits_by(f"{u.username} <x@y.example>")},
    "author's mail": lambda u: {"commits": commits_by(f"Somebody <{u.email}>")},
    "committer": lambda u: {"commits": commits_by("dev <d@e.example>", committer=f"x <{u.email}>")},
    "co-author": lambda u: {
        "commits": commits_by("dev <d@e.example>", message=f"F\n\nCo-authored-by: z <{u.email}>\n")
    },
    "told author": lambda u: {"author": u.username, "commits": commits_by("dev <d@e.example>")},
    "submitter": lambda u: {"by": u, "commits": commits_by("dev <d@e.example>")},
}


@pytest.mark.parametrize("how", FIXERS)
def test_the_fixer_waives_no_check_of_their_own_fix(finding, how):
    approver = member(finding.scope, Role.APPROVER)
    fix = make_remediation(finding, **FIXERS[how](approver))
    scan_with_the_rule_off(fix)
    with pytest.raises(NotAllowed, match="their own fix"):
        waive(fix)
    assert not Waiver.objects.exists()
    waive(fix, by=add_member(fix.scope, make_user("second"), Role.APPROVER))
    assert outcome(finding) == "WAIVED"


def test_nobody_waives_while_nobody_knows_who_made_the_fix(finding):
    fix = make_remediation(finding, commits=[])
    scan_with_the_rule_off(fix)
    with pytest.raises(WrongState, match="Nobody knows who made"):
        waive(fix)


BAD = {
    "no such check": ({"check": "RULE_ACTIV"}, "no check called"),
    "no reason": ({"reason": " \n "}, "reason: must not be empty"),
    "a bell": ({"reason": "ring \x07"}, "control characters"),
    "today": ({"until": soon(0)}, "in the future"),
    "yesterday": ({"until": soon(-1)}, "in the future"),
    "too far": ({"until": soon(MAX_DAYS + 2)}, "365 days"),
}


@pytest.mark.parametrize("why", BAD)
def test_what_cannot_be_used_is_refused_with_its_place(fix, why):
    changes, said = BAD[why]
    with pytest.raises(BadInput, match=said):
        waive(fix, **changes)
    assert not Waiver.objects.exists()


def test_the_last_day_that_is_allowed_is(finding, fix):
    waive(fix, until=soon(MAX_DAYS))
    assert outcome(finding) == "WAIVED"


def test_what_is_not_in_the_way_is_not_waived(finding, fix):
    with pytest.raises(WrongState, match="TESTS_INTACT is not in the way"):
        waive(fix, check="TESTS_INTACT")
    with pytest.raises(BadInput, match="is not one that"):
        waive(fix, finding=import_finding(finding.asset))
    with pytest.raises(WrongState, match="not scanned yet"):
        waive(make_remediation(import_finding(finding.asset)))


def test_the_same_waiver_is_given_once_and_a_longer_one_after_it(fix):
    waive(fix, until=soon(10))
    with pytest.raises(WrongState, match="waived already"):
        waive(fix, until=soon(10))
    waive(fix, until=soon(20))
    assert Waiver.objects.count() == 2


def test_nothing_of_a_withdrawn_fix_or_a_closed_finding_is_waived(finding, fix):
    waive(fix)
    merge(fix)
    with pytest.raises(WrongState, match="it is closed"):
        waive(fix, until=soon(60))
    other = import_finding(finding.asset)
    withdrawn = make_remediation(other)
    scan_with_the_rule_off(withdrawn)
    withdraw_remediation(
        remediation=withdrawn, reason="No.", by=member(fix.scope, Role.DEVELOPER), at=now()
    )
    with pytest.raises(WrongState, match="withdrawn"):
        waive(withdrawn)
