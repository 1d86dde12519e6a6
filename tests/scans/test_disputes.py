"""Disputes, the whole way: two people reject a pair or a cause, and the fix is judged anew."""

import pytest

from core.errors import BadInput, NotAllowed, WrongState
from core.events import broken_links
from core.models import Event
from core.permissions import ROLE_PERMISSIONS, Permission, Role
from findings.models import Finding
from findings.statuses import Status
from gate import certificate, dsse
from remediations.models import Dispute
from scans.certificates import public_keys
from scans.models import Clearance
from scans.services.clearances import bundle
from scans.services.disputes import (
    confirm_dispute,
    pairs_of,
    propose_dispute,
    withdraw_dispute,
)
from scans.services.doors import newest_verification
from scans.services.verification import failing_checks
from tests.code import diff_of
from tests.factories import (
    add_member,
    approve,
    code_of,
    default_line,
    fixed_code,
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
    weak_file,
)

pytestmark = pytest.mark.django_db
REASON = "Another import, of a module that is called with constants only."
PADDING = "".join(f"x{n} = {n}\n" for n in range(12))
WITHOUT = {
    name: [role for role in Role if permission not in ROLE_PERMISSIONS[role]]
    for name, permission in (("propose", Permission.DISPOSE), ("confirm", Permission.APPROVE))
}


@pytest.fixture
def finding(scope):
    """A note about an import, in a file that is long enough for two hunks."""
    asset = make_asset(scope)
    path = "app/tool.py"
    code = code_of(default_line(asset)).change(
        {path: weak_file(path, "import subprocess") + PADDING}
    )
    upload_and_ingest(asset, code, line=default_line(asset))
    finding = Finding.objects.select_related("scope", "asset", "line").get(path=path)
    finding.code = code
    return finding


@pytest.fixture
def fix(finding):
    """Reviewed; takes the import away and imports the same far below: perhaps it only moved (S6)."""
    path = finding.path
    text = f"def show(tool):\n    return parse(tool)\n{PADDING}import subprocess  # for y\n"
    base, head = finding.code, finding.code.change({path: text})
    fix = make_remediation(
        finding, code=head, base_commit=base.commit, base_tree=base.tree, diff=diff_of(base, head)
    )
    scan_fix(fix)
    approve(fix)
    assert failing(finding) == {"ORIGINAL_ABSENT"}
    assert newest_verification(finding).judgement["originals"][0]["stage"] == "S6"
    return fix


def failing(finding):
    return {check["id"] for check in failing_checks(newest_verification(finding).judgement)}


def pair(finding):
    (result,) = pairs_of(newest_verification(finding))
    return result


def status(finding):
    return Finding.objects.get(pk=finding.pk).status


def propose(fix, **changes):
    given = {"remediation": fix, "about": "match", "reason": REASON,
             "by": member(fix.scope, Role.ANALYST), "at": now(), **changes}  # fmt: skip
    if given["about"] == "match":
        given.setdefault("finding", fix.findings.order_by("pk").first())
        if "result" not in given:
            given["result"] = pair(given["finding"])
    return propose_dispute(**given)


def confirm(dispute, by=None):
    by = by or member(dispute.scope, Role.APPROVER)
    return confirm_dispute(dispute=dispute, by=by, at=now())


def withdraw(dispute, by=None, reason="I was wrong."):
    by = by or member(dispute.scope, Role.APPROVER)
    return withdraw_dispute(dispute=dispute, reason=reason, by=by, at=now())


def predicate_of(clearance):
    payload = dsse.decode(clearance.certificate.encode()).payload
    return dsse.load_json(payload, "certificate")["predicate"]


# --- about a match -------------------------------------------------------------------------------
def test_a_pair_that_two_people_reject_closes_the_finding_and_stands_on_the_certificate(
    finding, fix
):
    before, result = newest_verification(finding), pair(finding)
    dispute = propose(fix)
    assert newest_verification(finding) == before  # one person changes nothing
    confirm(dispute)
    after = newest_verification(finding)
    assert (before.verdict, after.verdict, after.supersedes_id) == ("unknown", "pass", before.pk)
    assert [new["evidence"] for new in after.judgement["new"]] == [
        [result]
    ]  # no longer the original
    merge(fix)
    assert status(finding) == Status.MOBILIZATION_COMPLETE
    clearance = Clearance.objects.get(finding=finding)
    (said,) = predicate_of(clearance)["disputes"]
    assert (said["by"], said["second"]) == ("analyst-shop", "approver-shop")
    assert (said["about"], said["result"], said["reason"]) == ("match", result, REASON)
    verified = certificate.verify_bundle(bundle(clearance), public_keys())
    assert verified.ok, verified.steps
    actions = ("remediation.dispute_proposed", "remediation.dispute_confirmed")
    assert Event.objects.filter(action__in=actions, subject_id=fix.pk).count() == 2
    assert list(broken_links()) == []


def test_a_dispute_that_is_confirmed_last_completes_what_has_merged(finding, fix):
    merge(fix)
    assert status(finding) == Status.AWAITING_VERIFICATION
    confirm(propose(fix))
    assert status(finding) == Status.MOBILIZATION_COMPLETE


def test_a_dispute_of_one_finding_says_nothing_of_its_sibling(finding):
    other = import_finding(finding.asset, weakness="pickle.loads(")
    text = f"def show(tool):\n    return parse(tool)\n{PADDING}import subprocess  # for y\n"
    base = finding.code.change({other.path: weak_file(other.path, "pickle.loads(")})
    upload_and_ingest(finding.asset, base, line=finding.line)
    head = base.change({finding.path: text, **fixed_code(finding.line, other).files
                        | {finding.path: text}})  # fmt: skip
    fix = make_remediation(
        finding, other, code=head, base_commit=base.commit, base_tree=base.tree,
        diff=diff_of(base, head),
    )  # fmt: skip
    scan_fix(fix)
    approve(fix)
    judged = newest_verification(other)
    confirm(propose(fix, finding=finding))
    assert newest_verification(other) == judged
    assert failing(finding) == set()


def test_a_withdrawn_dispute_is_judged_without_and_the_pair_can_be_disputed_again(finding, fix):
    first = confirm(propose(fix))
    withdraw(first)
    assert failing(finding) == {"ORIGINAL_ABSENT"}
    with pytest.raises(WrongState, match="withdrawn already"):
        withdraw(first)
    with pytest.raises(WrongState, match="withdrawn already"):
        confirm(first)
    confirm(propose(fix))
    assert failing(finding) == set()
    assert Event.objects.filter(action="remediation.dispute_withdrawn").count() == 1


def test_one_that_waits_is_withdrawn_by_who_may_propose_and_one_that_counts_by_an_approver(
    finding, fix
):
    analyst = member(fix.scope, Role.ANALYST)
    withdraw(propose(fix), by=analyst)
    counts = confirm(propose(fix))
    with pytest.raises(NotAllowed, match="approve"):
        withdraw(counts, by=analyst)
    with pytest.raises(BadInput, match="reason"):
        withdraw(counts, reason=" ")
    assert failing(finding) == set()


def test_a_dispute_lapses_with_the_scan_that_it_is_about(finding, fix):
    confirm(propose(fix))
    fix = push(fix)
    scan_fix(fix)
    approve(fix)
    assert failing(finding) == {"ORIGINAL_ABSENT"}


def test_what_two_people_said_of_an_older_revision_waits_in_vain(finding, fix):
    waiting = propose(fix)
    fix = push(fix)
    scan_fix(fix)
    with pytest.raises(WrongState, match="No standing judgement pairs"):
        confirm(waiting)


# --- about a cause -------------------------------------------------------------------------------
@pytest.fixture
def brought_in(finding):
    """A fix that brings in something above the threshold, as the gate sees it."""
    head = finding.code.change(
        {finding.path: "def show(tool):\n    return parse(tool)\n" + PADDING,
         "app/new.py": weak_file("app/new.py", "pickle.loads(")}
    )  # fmt: skip
    fix = make_remediation(
        finding, code=head, base_commit=finding.code.commit, base_tree=finding.code.tree,
        diff=diff_of(finding.code, head),
    )  # fmt: skip
    scan_fix(fix)
    approve(fix)
    assert failing(finding) == {"NOTHING_NEW"}
    return fix


def new_result(finding):
    (new,) = newest_verification(finding).judgement["new"]
    return new["evidence"][0]


def test_another_cause_by_two_people_takes_a_new_result_off_the_fix(finding, brought_in):
    result = new_result(finding)
    dispute = propose(brought_in, about="cause", result=result, cause="base_moved")
    assert failing(finding) == {"NOTHING_NEW"}
    confirm(dispute)
    assert failing(finding) == set()
    (new,) = newest_verification(finding).judgement["new"]
    assert (new["cause"], new["blocks"]) == ("base_moved", False)
    assert "disputed by analyst-shop and approver-shop" in new["reason"]
    merge(brought_in)
    clearance = Clearance.objects.get(finding=finding)
    assert predicate_of(clearance)["disputes"][0]["cause"] == "base_moved"
    assert certificate.verify_bundle(bundle(clearance), public_keys()).ok


CAUSES = {
    "the same": ({"cause": "fix"}, WrongState, "cause fix already"),
    "none": ({"cause": ""}, BadInput, "none of: fix"),
    "no such": ({"cause": "bad_luck"}, BadInput, "none of: fix"),
    "not new": ({"result": "scan-1.sarif#/runs/0/results/0"}, WrongState, "calls scan-1"),
    "a run": ({"result": "scan-2.sarif#/runs/0"}, WrongState, "No standing judgement calls"),
}


@pytest.mark.parametrize("why", CAUSES)
def test_a_cause_that_cannot_be_disputed_so_is_refused(finding, brought_in, why):
    changes, error, said = CAUSES[why]
    given = {"result": new_result(finding), "cause": "base_moved", **changes}
    with pytest.raises(error, match=said):
        propose(brought_in, about="cause", **given)
    with pytest.raises(BadInput, match="finding: is not for"):
        propose(brought_in, about="cause", **given, finding=finding)
    assert not Dispute.objects.exists()


# --- who may not, and what may not be ------------------------------------------------------------
@pytest.mark.parametrize("role", WITHOUT["propose"])
def test_who_may_not_dispose_disputes_nothing(fix, role):
    with pytest.raises(NotAllowed, match="dispose"):
        propose(fix, by=member(fix.scope, role))


@pytest.mark.parametrize("role", WITHOUT["confirm"])
def test_who_is_no_approver_confirms_nothing(finding, fix, role):
    dispute = propose(fix, by=member(fix.scope, Role.APPROVER))
    with pytest.raises(NotAllowed):
        confirm(dispute, by=member(fix.scope, role))
    assert failing(finding) == {"ORIGINAL_ABSENT"}


def test_nobody_confirms_their_own_dispute_by_no_second_account_either(finding, fix):
    approver = member(fix.scope, Role.APPROVER)
    dispute = propose(fix, by=approver)
    twin = make_user("other-name")
    type(twin).objects.filter(pk=twin.pk).update(email=approver.email.upper())
    twin.refresh_from_db()
    for same in (approver, add_member(fix.scope, twin, Role.APPROVER)):
        with pytest.raises(NotAllowed, match="their own dispute"):
            confirm(dispute, by=same)
    confirm(dispute, by=add_member(fix.scope, make_user("second"), Role.APPROVER))
    assert failing(finding) == set()


def second_approver(fix, name="second", kind="human"):
    return add_member(fix.scope, make_user(name, kind), Role.APPROVER)


@pytest.mark.parametrize(
    "who", [("robot", "ai"), ("service", "service"), ("renovate[bot]", "human")]
)
def test_an_account_that_is_no_person_neither_disputes_nor_confirms(fix, who):
    machine = second_approver(fix, *who)
    with pytest.raises(NotAllowed, match="not a person"):
        propose(fix, by=machine)
    dispute = propose(fix)
    with pytest.raises(NotAllowed, match="not a person"):
        confirm(dispute, by=machine)


def test_the_fixer_neither_disputes_nor_confirms_nor_withdraws(finding, fix):
    """Whoever pushes the next revision is a fixer too, and what they said counts no more."""
    fixer = second_approver(fix, "fixer")
    type(fix).objects.filter(pk=fix.pk).update(
        commits=[{**fix.commits[0], "committer": f"F <{fixer.email}>"}]
    )
    with pytest.raises(NotAllowed, match="their own fix"):
        propose(fix, by=fixer)
    dispute = propose(fix)
    with pytest.raises(NotAllowed, match="their own fix"):
        confirm(dispute, by=fixer)
    with pytest.raises(NotAllowed, match="their own fix"):
        withdraw(dispute, by=fixer)
    assert failing(finding) == {"ORIGINAL_ABSENT"}


def test_who_became_a_fixer_after_proposing_has_not_disputed(finding, fix):
    analyst = member(fix.scope, Role.ANALYST)
    dispute = propose(fix, by=analyst)
    type(fix).objects.filter(pk=fix.pk).update(author=analyst.username)
    with pytest.raises(NotAllowed, match=f"not for the fixer, and {analyst.username}"):
        confirm(dispute)


def test_nobody_disputes_while_nobody_knows_who_made_the_fix(finding, fix):
    result = pair(finding)
    type(fix).objects.filter(pk=fix.pk).update(commits=[], author="", agent="")
    with pytest.raises(WrongState, match="Nobody knows who made"):
        propose(fix, result=result)


BAD = {
    "no reason": ({"reason": "\t"}, BadInput, "reason: must not be empty"),
    "a bell": ({"reason": "\x07"}, BadInput, "control characters"),
    "an outcome": ({"about": "outcome", "result": "x"}, BadInput, "none of: match, cause"),
    "no finding": ({"finding": None, "result": "x"}, BadInput, "finding: is missing"),
    "a cause too": ({"cause": "fix"}, BadInput, "cause: is not for"),
    "no pair": ({"result": "scan-2.sarif#/runs/0/results/9"}, WrongState, "pairs CTEM-"),
    "the original": ({"result": "scan-1.sarif#/runs/0/results/0"}, WrongState, "pairs CTEM-"),
    "a whole run": ({"result": "scan-2.sarif#/runs/0"}, WrongState, "pairs CTEM-"),
}


@pytest.mark.parametrize("why", BAD)
def test_what_no_standing_judgement_says_is_not_disputed(fix, why):
    changes, error, said = BAD[why]
    with pytest.raises(error, match=said):
        propose(fix, **changes)
    assert not Dispute.objects.exists()


def test_a_finding_of_another_fix_is_not_disputed_here(finding, fix):
    other = import_finding(finding.asset)
    with pytest.raises(BadInput, match="is not one that"):
        propose(fix, finding=other, result=pair(finding))


def test_one_thing_is_disputed_once_at_a_time(fix):
    propose(fix)
    with pytest.raises(WrongState, match="disputed already"):
        propose(fix, by=member(fix.scope, Role.APPROVER))


def test_nothing_that_is_closed_is_disputed(finding, fix):
    result = pair(finding)
    confirm(propose(fix))
    merge(fix)
    with pytest.raises(WrongState, match="it is closed"):
        propose(fix, finding=finding, result=result)
