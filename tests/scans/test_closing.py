"""The whole loop by the doors: a good fix closes with a certificate, a bad one never does.

A later scan that sees it again takes everything back, and what was proven before proves nothing then.
"""

import io
import zipfile
from datetime import timedelta
from itertools import permutations

import pytest

from core.errors import WrongState
from core.events import broken_links
from core.models import Event
from core.permissions import Role
from findings.lifecycle import transition
from findings.models import Finding
from findings.statuses import Presence, Status
from gate import certificate
from remediations.models import Remediation
from scans.certificates import public_keys
from scans.models import Clearance, Verification
from scans.services.clearances import bundle, revoke
from scans.services.doors import judge_fix, newest_verification, request_completion
from scans.services.verification import failing_checks, judge_remediation
from tests.code import Code, code_with_tree, facts_of, sarif_of
from tests.factories import (
    add_member,
    approve,
    code_of,
    complete,
    fixed_code,
    import_finding,
    make_asset,
    make_finding,
    make_remediation,
    make_scope,
    make_user,
    member,
    merge,
    now,
    push,
    safe_file,
    scan_fix,
    take,
    upload_and_ingest,
    weak_file,
)

pytestmark = pytest.mark.django_db


def status(finding: Finding) -> str:
    return Finding.objects.get(pk=finding.pk).status


def failing(finding: Finding) -> set[str]:
    """The checks that stand in the way of the newest judgement."""
    verification = newest_verification(finding)
    return {check["id"] for check in failing_checks(verification.judgement)}


def merged_code(fix: Remediation) -> Code:
    return code_with_tree(fix.merge_tree).committed_as(f"squashed {fix.pk}")


@pytest.fixture
def finding():
    return import_finding()


# --- a good fix ----------------------------------------------------------------------------------
@pytest.mark.parametrize("order", list(permutations(["scan", "review", "merge"])), ids=" ".join)
def test_a_good_fix_completes_when_the_last_of_scan_review_and_merge_is_there(finding, order):
    fix = make_remediation(finding)
    steps = {
        "scan": lambda: scan_fix(fix),
        "review": lambda: approve(fix),
        "merge": lambda: merge(fix),
    }
    for step in order:
        assert status(finding) != Status.MOBILIZATION_COMPLETE
        assert not Clearance.objects.exists()
        steps[step]()
    finding.refresh_from_db()
    clearance = Clearance.objects.get()
    assert finding.status == Status.MOBILIZATION_COMPLETE
    assert (finding.clearance_id, finding.clearance_live) == (clearance.pk, True)
    assert finding.claimed_at <= finding.verified_at == clearance.issued_at
    assert (clearance.verification.verdict, clearance.verification.with_merge) == ("pass", True)
    assert list(broken_links()) == []


def test_a_stock_pipeline_closes_it_with_the_push_scan_of_the_line_after_the_merge(finding):
    """Nobody edits a pipeline: the pull request is reviewed and merged, the line is scanned as always."""
    fix = make_remediation(finding)
    approve(fix)
    fix = merge(fix)
    assert status(finding) == Status.AWAITING_VERIFICATION
    scan = upload_and_ingest(finding.asset, merged_code(fix))
    assert status(finding) == Status.MOBILIZATION_COMPLETE
    used = Clearance.objects.get().verification.scan_roles.get(role="after").scan
    assert used == scan


def test_a_scan_of_the_line_that_is_not_of_what_merged_closes_nothing(finding):
    fix = make_remediation(finding)
    approve(fix)
    merge(fix)
    later = fixed_code(finding.line, finding).change({"app/more.py": "more = 1\n"})
    upload_and_ingest(finding.asset, later)
    assert status(finding) == Status.AWAITING_VERIFICATION


def test_one_fix_closes_each_of_its_findings_with_a_certificate_of_its_own(finding):
    other = import_finding(finding.asset, weakness="pickle.loads(")
    fix = make_remediation(finding, other)
    scan_fix(fix)
    approve(fix)
    merge(fix)
    assert status(finding) == status(other) == Status.MOBILIZATION_COMPLETE
    assert Clearance.objects.filter(finding__in=[finding, other]).count() == 2


def test_one_finding_that_is_not_fixed_blocks_itself_and_not_its_sibling(finding):
    other = import_finding(finding.asset, weakness="pickle.loads(")
    fix = make_remediation(finding, other, code=fixed_code(finding.line, finding))
    scan_fix(fix)
    approve(fix)
    merge(fix)
    assert status(finding) == Status.MOBILIZATION_COMPLETE
    assert status(other) == Status.MOBILIZING
    assert "ORIGINAL_ABSENT" in failing(other)


def test_what_colleagues_left_open_on_the_line_is_not_held_against_the_fix(finding):
    import_finding(finding.asset, weakness="pickle.loads(")
    complete(finding)
    assert status(finding) == Status.MOBILIZATION_COMPLETE


def test_a_finding_that_was_sent_back_is_closed_by_the_next_good_revision(finding):
    fix = make_remediation(finding, code=code_of(finding.line).change({"app/parse.py": "x = 1\n"}))
    scan_fix(fix)
    take("claim", finding)
    judge_remediation(fix.pk, at=now())
    fix = push(fix, fixed_code(finding.line, finding))
    assert status(finding) == Status.MOBILIZING
    scan_fix(fix)
    approve(fix)
    merge(fix)
    assert status(finding) == Status.MOBILIZATION_COMPLETE


def test_a_shift_a_rename_and_a_move_of_other_code_do_not_stand_in_the_way(finding):
    head = fixed_code(finding.line, finding).change(
        {"app/parse.py": "# a comment\nimport ast\n\nparse = ast.literal_eval\n"}
    )
    fix = make_remediation(finding, code=head)
    scan_fix(fix)
    approve(fix)
    merge(fix)
    assert status(finding) == Status.MOBILIZATION_COMPLETE


@pytest.mark.parametrize("exposure", ["internal", "partner", "internet"])
@pytest.mark.parametrize("criticality", ["low", "critical"])
def test_a_good_fix_closes_in_every_kind_of_scope(exposure, criticality):
    scope = make_scope(exposure=exposure, criticality=criticality)
    second = add_member(scope, make_user("second"), Role.APPROVER)
    finding = import_finding(make_asset(scope))
    fix = make_remediation(finding)
    scan_fix(fix)
    upload_and_ingest(finding.asset, code_with_tree(fix.base_tree), remediation=fix, control=True)
    approve(fix)
    approve(fix, by=second)
    merge(fix)
    assert status(finding) == Status.MOBILIZATION_COMPLETE, failing(finding)


# --- fixes that do not close ---------------------------------------------------------------------
def nothing(finding: Finding) -> Code:
    return code_of(finding.line).change(
        {"app/parse.py": "import ast\n\nparse = ast.literal_eval  # ok\n"}
    )


def moved(finding: Finding) -> Code:
    return code_of(finding.line).change(
        {finding.path: None, "app/elsewhere.py": weak_file(finding.path)}
    )


def suppressed(finding: Finding) -> Code:
    text = (
        weak_file(finding.path).replace("return eval", "return  eval").rstrip("\n") + "  # nosec\n"
    )
    return code_of(finding.line).change({finding.path: text})


def hidden(finding: Finding) -> Code:
    """Fixed in the report, by a marker that the scanner obeys."""
    return fixed_code(finding.line, finding).change({"app/parse.py": "x = 1  # nosec\n"})


def something_new(finding: Finding) -> Code:
    return fixed_code(finding.line, finding).change(
        {"app/new.py": weak_file("app/new.py", "shell=True")}
    )


def another_config(finding: Finding) -> Code:
    return fixed_code(finding.line, finding).change({".bandit": "[bandit]\nskips = B307\n"})


BAD = [
    (nothing, "ORIGINAL_ABSENT"),
    (moved, "ORIGINAL_ABSENT"),
    (suppressed, "ORIGINAL_ABSENT"),
    (hidden, "NO_NEW_SUPPRESSION"),
    (something_new, "NOTHING_NEW"),
    (another_config, "SCANNER_CONFIG_UNTOUCHED"),
]


@pytest.mark.parametrize(
    ("fix_it", "check"), BAD, ids=lambda value: getattr(value, "__name__", value)
)
def test_a_bad_fix_is_reviewed_merged_and_still_open(finding, fix_it, check):
    fix = make_remediation(finding, code=fix_it(finding))
    scan_fix(fix)
    approve(fix)
    merge(fix)
    assert status(finding) == Status.MOBILIZING
    assert check in failing(finding)
    assert not Clearance.objects.exists()
    sent_back = Event.objects.get(action="finding.send_back")
    assert sent_back.data["reason"].startswith(tuple(failing(finding)))
    with pytest.raises(WrongState) as refusal:
        request_completion(finding=finding, by=member(finding.scope, Role.ANALYST), at=now())
    assert check in {row["id"] for row in refusal.value.checks}
    assert all(row["reason"] and row["to_pass"] for row in refusal.value.checks)


def failed_run(code: Code) -> tuple[dict, dict]:
    return sarif_of(code, successful=False), facts_of(code)


def no_results(code: Code) -> tuple[dict, dict]:
    report = sarif_of(code)
    report["runs"][0]["results"] = None
    return report, facts_of(code)


def error_notification(code: Code) -> tuple[dict, dict]:
    report = sarif_of(code)
    report["runs"][0]["invocations"][0]["toolExecutionNotifications"] = [
        {"level": "error", "message": {"text": "out of memory"}}
    ]
    return report, facts_of(code)


def only_the_change(code: Code) -> tuple[dict, dict]:
    return sarif_of(code), {**facts_of(code), "scope": "diff"}


def scope_unsaid(code: Code) -> tuple[dict, dict]:
    return sarif_of(code), {k: v for k, v in facts_of(code).items() if k != "scope"}


def of_no_revision(code: Code) -> tuple[dict, dict]:
    return sarif_of(code), {
        k: v for k, v in facts_of(code).items() if k not in ("commit", "tree", "blobs")
    }


def of_another_revision(code: Code) -> tuple[dict, dict]:
    other = code.change({"app/other.py": "other = 1\n"})
    return sarif_of(code), facts_of(other)


def rule_off(code: Code) -> tuple[dict, dict]:
    return sarif_of(code), {
        **facts_of(code),
        "rules": ["B301", "B404", "B602"],
        "config_digest": "sha256:" + "0" * 64,
    }


def file_left_out(code: Code) -> tuple[dict, dict]:
    report, facts = sarif_of(code), facts_of(code)
    report["runs"][0]["artifacts"] = [{"location": {"uri": "app/parse.py"}}]
    return report, {**facts, "files_scanned": ["app/parse.py"]}


def another_tool(code: Code) -> tuple[dict, dict]:
    report = sarif_of(code)
    report["runs"][0]["tool"]["driver"]["name"] = "Gitleaks"
    return report, {**facts_of(code), "tool_class": "secrets"}


def older_tool(code: Code) -> tuple[dict, dict]:
    return sarif_of(code, version="1.7.0"), facts_of(code)


BAD_SCANS = [
    (failed_run, "EXECUTION_OK"),
    (no_results, "EXECUTION_OK"),
    (error_notification, "EXECUTION_OK"),
    (only_the_change, "SCAN_SCOPE"),
    (scope_unsaid, "SCAN_SCOPE"),
    (of_no_revision, "CONTENT_BINDING"),
    (of_another_revision, "CONTENT_BINDING"),
    (rule_off, "RULE_ACTIVE"),
    (file_left_out, "FILES_ANALYSED"),
    (another_tool, "SAME_CLASS"),
    (older_tool, "TOOL_VERSION"),
]


@pytest.mark.parametrize(
    ("scanned", "check"), BAD_SCANS, ids=lambda value: getattr(value, "__name__", value)
)
def test_a_good_fix_with_a_scan_that_proves_nothing_stays_open_until_a_true_one_comes(
    finding, scanned, check
):
    """T04, end to end: the reason is shown, and the true clean scan closes it."""
    fix = make_remediation(finding)
    report, facts = scanned(code_with_tree(fix.head_tree))
    upload_and_ingest(finding.asset, report, facts, remediation=fix)
    approve(fix)
    fix = merge(fix)
    assert status(finding) in (Status.AWAITING_VERIFICATION, Status.MOBILIZING)
    assert check in failing(finding)
    assert not Clearance.objects.exists()
    upload_and_ingest(finding.asset, merged_code(fix))
    assert status(finding) == Status.MOBILIZATION_COMPLETE, failing(finding)


def test_a_scan_of_the_head_does_not_close_what_merged_differently(finding):
    fix = make_remediation(finding)
    scan_fix(fix)
    approve(fix)
    merged = fixed_code(finding.line, finding).change(
        {finding.path: safe_file(finding.path) + "x = 1\n"}
    )
    merge(fix, merged)
    assert status(finding) != Status.MOBILIZATION_COMPLETE
    assert "CONTENT_BINDING" in failing(finding)


def test_without_a_review_with_a_rejection_or_with_an_older_review_nothing_closes(finding):
    fix = make_remediation(finding)
    approve(fix)
    fix = push(fix, fixed_code(finding.line, finding).change({"app/more.py": "more = 1\n"}))
    scan_fix(fix)
    merge(fix)
    assert failing(finding) == {"HUMAN_REVIEW"}
    approve(fix, decision="commented")
    assert failing(finding) == {"HUMAN_REVIEW"}
    approve(fix, decision="rejected")
    assert failing(finding) == {"HUMAN_REVIEW"}
    assert status(finding) != Status.MOBILIZATION_COMPLETE
    approve(fix)
    assert status(finding) == Status.MOBILIZATION_COMPLETE


def test_a_rejection_by_another_person_is_not_outvoted_by_an_approval(finding):
    fix = make_remediation(finding)
    approve(fix, by=member(finding.scope, Role.APPROVER), decision="rejected")
    scan_fix(fix)
    approve(fix)
    merge(fix)
    assert status(finding) != Status.MOBILIZATION_COMPLETE


def test_the_author_cannot_scan_alone(finding):
    developer = member(finding.scope, Role.DEVELOPER)
    fix = make_remediation(finding)
    scan_fix(fix, by=developer)
    approve(fix)
    merge(fix)
    assert status(finding) != Status.MOBILIZATION_COMPLETE
    assert "INDEPENDENCE" in failing(finding)


def test_a_fix_by_a_machine_of_a_grave_finding_needs_two_reviewers():
    finding = import_finding(weakness="shell=True")
    person = "Copilot <198982749+Copilot@users.noreply.github.com>"
    head = fixed_code(finding.line, finding)
    fix = make_remediation(
        finding,
        commits=[{"id": head.commit, "message": "Fix\n", "author": person, "committer": person}],
    )
    scan_fix(fix)
    approve(fix)
    merge(fix)
    assert newest_verification(finding).tier == "high"
    assert "HUMAN_REVIEW" in failing(finding)


# --- asking --------------------------------------------------------------------------------------
def test_asking_for_completion_says_what_is_missing(finding):
    viewer = member(finding.scope, Role.VIEWER)

    def refusal() -> WrongState:
        with pytest.raises(WrongState) as caught:
            request_completion(finding=Finding.objects.get(pk=finding.pk), by=viewer, at=now())
        return caught.value

    assert "No fix of this finding is known" in str(refusal())
    fix = make_remediation(finding)
    assert "Open under FIX-" in str(refusal())
    assert "SCAN_LINKED" in {check["id"] for check in refusal().checks}
    scan_fix(fix)
    approve(fix)
    assert "has passed but has not merged" in str(refusal())
    merge(fix)
    assert "mobilization complete" in str(refusal())


def test_asking_again_records_no_second_judgement(finding):
    fix = make_remediation(finding)
    scan_fix(fix)
    judged = Verification.objects.count()
    for _ in range(3):
        judge_fix(remediation=fix, by=member(finding.scope, Role.DEVELOPER), at=now())
    assert Verification.objects.count() == judged


def test_a_pass_that_came_before_the_claim_counts_when_the_claim_comes(finding):
    """Sent back, passed meanwhile, claimed again: the proof is there and is used."""
    fix = make_remediation(finding)
    merge(fix)
    approve(fix)
    take_back(finding)
    scan_fix(fix)
    assert status(finding) == Status.MOBILIZATION_COMPLETE


def take_back(finding: Finding) -> None:
    transition(finding.pk, "send_back", by=None, at=now(), brought={"reason": "by hand"})


def test_every_judgement_is_kept_and_the_later_supersedes_the_earlier(finding):
    fix = make_remediation(finding)
    scan_fix(fix)
    approve(fix)
    merge(fix)
    rows = list(Verification.objects.order_by("pk"))
    assert [row.verdict for row in rows] == ["unknown", "pass", "pass"]
    assert [row.with_merge for row in rows] == [False, False, True]
    assert [row.supersedes for row in rows] == [None, *rows[:-1]]
    assert list(Verification.objects.current()) == rows[-1:]


# --- the certificate -----------------------------------------------------------------------------
def test_the_clearance_is_an_offline_proof(finding):
    clearance = complete(finding)
    found = certificate.verify_bundle(bundle(clearance), public_keys())
    assert found.ok, [step for step in found.steps if not step.ok]
    assert (found.trusted, found.verdict, found.finding["id"]) == (True, "pass", str(finding))
    said = certificate.open_envelope(clearance.certificate.encode(), public_keys())
    assert {subject["name"] for subject in said["subject"]} == {"merge", "head"}
    fix = clearance.remediation
    assert said["subject"][0]["digest"] == {
        "gitCommit": fix.merge_commit,
        "gitTree": fix.merge_tree,
    }
    assert said["predicate"]["deployed_at"] == "not recorded"
    event = Event.objects.get(action="finding.complete")
    assert event.data["certificate_sha256"] == certificate.certificate_digest(
        clearance.certificate.encode()
    )
    assert event.actor is None


def test_a_changed_evidence_file_in_the_bundle_is_found(finding):
    with zipfile.ZipFile(io.BytesIO(bundle(complete(finding)))) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    reports = [name for name, content in members.items() if b'"results"' in content[:5000]]
    assert reports
    changed = {**members, **{name: members[name].replace(b"B307", b"B306") for name in reports}}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in changed.items():
            archive.writestr(name, content)
    assert not certificate.verify_bundle(out.getvalue(), public_keys()).ok


def test_a_revoked_certificate_says_so_in_its_bundle(finding):
    clearance = complete(finding)
    revoke(clearance, reason="It came back.", by=None, at=now())
    clearance.refresh_from_db()
    found = certificate.verify_bundle(bundle(clearance), public_keys())
    assert not found.ok
    assert [step.step for step in found.steps if not step.ok] == ["revocation"]
    assert found.revoked[0]["reason"] == "It came back."


# --- seen again ----------------------------------------------------------------------------------
def back_again(finding: Finding, note: str = "regression") -> Code:
    return code_of(finding.line).change({finding.path: weak_file(finding.path)}, note)


def test_a_later_scan_that_sees_it_again_revokes_and_reopens_with_the_reason(finding):
    clearance = complete(finding)
    scan = upload_and_ingest(
        finding.asset, back_again(finding).change({"app/later.py": "later = 1\n"})
    )
    finding.refresh_from_db()
    clearance.refresh_from_db()
    assert finding.status == Status.DISCOVERED
    assert (
        finding.clearance_id,
        finding.clearance_live,
        finding.verified_at,
        finding.claimed_at,
    ) == (None,) * 4
    assert (clearance.live, clearance.revoked_by) == (False, None)
    assert clearance.revoked_at is not None
    assert f"scan {scan.pk}" in clearance.revoked_reason
    assert f"{scan.document_name}#/runs/0/results/0" in clearance.revoked_reason
    assert Event.objects.get(action="finding.revoke").data["reason"] == clearance.revoked_reason
    assert list(broken_links()) == []


def test_it_is_seen_again_even_where_it_moved_or_hides_behind_a_suppression(finding):
    complete(finding)
    report = sarif_of(back_again(finding))
    report["runs"][0]["results"][0]["suppressions"] = [{"kind": "inSource"}]
    upload_and_ingest(finding.asset, report, facts_of(back_again(finding)))
    finding.refresh_from_db()
    assert (finding.status, finding.presence) == (Status.DISCOVERED, Presence.SUPPRESSED)
    complete_again(finding)
    elsewhere = code_of(finding.line).change(
        {finding.path: None, "lib/moved.py": weak_file(finding.path)}, "moved"
    )
    upload_and_ingest(finding.asset, elsewhere)
    assert status(finding) == Status.DISCOVERED


def complete_again(finding: Finding) -> Clearance:
    """A second, honest fix of a finding that came back."""
    finding.refresh_from_db()
    base = code_of(finding.line)
    upload_and_ingest(finding.asset, base.committed_as(f"base again {finding.status_since}"))
    head = base.change({finding.path: safe_file(finding.path) + "# for good\n"})
    fix = make_remediation(finding, code=head)
    scan_fix(fix)
    approve(fix)
    merge(fix)
    return Clearance.objects.get(finding=finding, live=True)


def test_older_code_that_is_scanned_late_revokes_nothing(finding):
    fix_base = code_of(finding.line)
    upload_and_ingest(finding.asset, fix_base.committed_as("before the fix"))
    clearance = complete(finding)
    assert clearance.remediation.base_commit == fix_base.commit
    upload_and_ingest(finding.asset, fix_base, {**facts_of(fix_base), "category": ""})  # the base
    again = fix_base.committed_as("before the fix")
    upload_and_ingest(finding.asset, again, {**facts_of(again), "command": "bandit again"})
    assert status(finding) == Status.MOBILIZATION_COMPLETE


def test_a_scan_that_started_before_the_merge_and_ended_after_it_revokes_nothing(finding):
    """A pipeline was still at work on the line when the fix merged."""
    started = (now() - timedelta(minutes=10)).isoformat(timespec="seconds")
    late = code_of(finding.line).committed_as("a commit just before the merge")
    fix = make_remediation(finding)
    scan_fix(fix)
    approve(fix)
    merge(fix)
    upload_and_ingest(finding.asset, late, {**facts_of(late), "started_at": started})
    finding.refresh_from_db()
    assert (finding.status, finding.presence) == (Status.MOBILIZATION_COMPLETE, Presence.PRESENT)


def test_a_scan_of_a_pull_request_revokes_nothing(finding):
    complete(finding)
    other = import_finding(finding.asset)
    fix = make_remediation(other, code=back_again(finding))
    scan_fix(fix)
    assert status(finding) == Status.MOBILIZATION_COMPLETE


def test_what_is_like_it_elsewhere_revokes_nothing(finding):
    complete(finding)
    upload_and_ingest(
        finding.asset, code_of(finding.line).change({"app/x.py": weak_file("app/x.py")})
    )
    assert status(finding) == Status.MOBILIZATION_COMPLETE
    assert Finding.objects.count() == 2


def old_evidence(finding: Finding, clearance: Clearance) -> dict:
    fix = Remediation.objects.get(pk=clearance.remediation_id)
    code = merged_code(fix)
    analyst = member(finding.scope, Role.ANALYST)
    return {
        "asking": lambda: request_completion(
            finding=Finding.objects.get(pk=finding.pk), by=analyst, at=now()
        ),
        "claiming": lambda: take("claim", Finding.objects.get(pk=finding.pk)),
        "the old scan again": lambda: upload_and_ingest(
            finding.asset, code, {**facts_of(code), "command": "bandit -r ."}, remediation=fix
        ),
        "the old line scan again": lambda: upload_and_ingest(
            finding.asset, sarif_of(code), {**facts_of(code), "command": "bandit -r ."}
        ),
        "another review": lambda: approve(fix, by=member(finding.scope, Role.APPROVER)),
        "a judgement": lambda: judge_remediation(fix.pk, at=now()),
    }


OLD = (
    "asking",
    "claiming",
    "the old scan again",
    "the old line scan again",
    "another review",
    "a judgement",
)


@pytest.mark.parametrize("what", OLD)
def test_what_proved_it_before_it_came_back_proves_nothing_afterwards(finding, what):
    clearance = complete(finding)
    upload_and_ingest(finding.asset, back_again(finding))
    assert status(finding) == Status.DISCOVERED
    evidence = old_evidence(finding, clearance)
    assert set(evidence) == set(OLD)
    try:
        evidence[what]()
    except WrongState:
        assert what == "asking"
    if what == "claiming":
        with pytest.raises(WrongState):
            evidence["asking"]()
    assert status(finding) != Status.MOBILIZATION_COMPLETE
    assert not Clearance.objects.filter(finding=finding, live=True).exists()


def test_a_new_fix_closes_it_again_and_the_first_certificate_stays_revoked(finding):
    first = complete(finding)
    upload_and_ingest(finding.asset, back_again(finding))
    second = complete_again(finding)
    first.refresh_from_db()
    assert (first.live, second.live) == (False, True)
    assert status(finding) == Status.MOBILIZATION_COMPLETE
    assert certificate.verify_bundle(bundle(second), public_keys()).ok
    said = certificate.open_envelope(second.certificate.encode(), public_keys())
    digest = certificate.certificate_digest(first.certificate.encode())
    assert said["predicate"]["validity"]["supersedes"] == digest


def test_what_no_scan_reported_any_more_comes_back_on_sight():
    finding = make_finding(at=Status.NO_LONGER_PRESENT)
    upload_and_ingest(finding.asset, back_again(finding))
    finding.refresh_from_db()
    assert (finding.status, finding.presence) == (Status.DISCOVERED, Presence.PRESENT)


@pytest.mark.parametrize("ended", [Status.FALSE_POSITIVE, Status.RISK_ACCEPTED, Status.DUPLICATE])
def test_what_people_decided_is_not_undone_by_a_scan(ended):
    finding = make_finding(at=ended)
    upload_and_ingest(finding.asset, code_of(finding.line).committed_as("next"))
    finding.refresh_from_db()
    assert (finding.status, finding.presence) == (ended, Presence.PRESENT)


# --- what the fix brought in ---------------------------------------------------------------------
def test_what_a_fix_brought_in_becomes_a_finding_that_names_it(finding):
    fix = make_remediation(finding, code=something_new(finding))
    scan_fix(fix)
    approve(fix)
    assert newest_verification(finding).judgement["new"][0]["cause"] == "fix"
    assert Finding.objects.count() == 1  # not before it reaches the line
    fix = merge(fix)
    upload_and_ingest(finding.asset, merged_code(fix))
    born = Finding.objects.exclude(pk=finding.pk).get()
    assert (born.introduced_by_id, born.rule, born.path) == (fix.pk, "B602", "app/new.py")
    assert status(finding) == Status.MOBILIZING


def test_nothing_passes_under_a_fix_while_what_it_brought_in_stands(finding):
    other = import_finding(finding.asset, weakness="pickle.loads(")
    code = fixed_code(finding.line, finding, other).change(
        {"app/new.py": weak_file("app/new.py", "shell=True")}
    )
    fix = make_remediation(finding, other, code=code)
    scan_fix(fix)
    approve(fix)
    merge(fix)
    for one in (finding, other):
        assert status(one) == Status.MOBILIZING
        assert "NOTHING_NEW" in failing(one)
