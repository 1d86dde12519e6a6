"""The loop on a stock GitLab: the SAST template, merge requests and approvals, and nobody edits a project."""

import pytest

from core.models import Job
from findings.statuses import Status
from forges.models import KnownAnalysis
from remediations.models import Remediation, Review
from scans.models import Clearance, Scan, Verification
from tests.forges.acme import in_the_way
from tests.forges.codeql import SAFE, SHELL, WEAK
from tests.forges.tanuki import new_gitlab, report_of, tanuki_on

pytestmark = pytest.mark.django_db


@pytest.fixture
def gitlab(tmp_path):
    with new_gitlab(tmp_path) as gitlab:
        yield gitlab
    assert gitlab.violations == []


@pytest.fixture
def group(gitlab, settings, db):
    return tanuki_on(gitlab, settings)


@pytest.fixture
def shop(group):
    """A project with the template and one weakness, seen by the first look."""
    return seen(group)


def seen(group):
    shop = group.gitlab.add_project(
        "shop", {"app/pack.py": WEAK, "app/other.py": "x = 1\n", "README.md": "# Shop\n"}
    )
    group.scanned(shop)
    group.look()
    assert group.failed() == []
    return shop


def proposed(group, shop, content=SAFE, **members):
    finding = group.finding(path="app/pack.py")
    group.gitlab.commit(shop, {"app/pack.py": content}, "Use a list", "no-shell")
    return group.gitlab.open_merge_request(
        shop, "no-shell", title="No shell", body=f"Fixes {finding}", **members
    )


def test_the_first_look_finds_project_line_report_and_finding(group, shop):
    row = group.repository(shop)
    assert [line.name for line in row.asset.lines.all()] == ["main"]
    scan = Scan.objects.get(asset=row.asset)
    assert (scan.state, scan.source, scan.commit) == (
        "done",
        "fetched",
        shop.text("rev-parse", "main"),
    )
    assert (scan.facts["scope"], scan.facts["uploader_kind"]) == ("full", "service")
    finding = group.finding()
    assert (finding.rule, finding.path, finding.start_line) == (SHELL, "app/pack.py", 5)


@pytest.mark.parametrize("how", ["merge", "squash", "ff"])
def test_a_merge_request_is_approved_and_merged_its_push_is_scanned_and_the_finding_completes(
    group, shop, how
):
    pull = proposed(group, shop)
    group.look()
    assert group.failed() == []
    fix = Remediation.objects.get()
    assert list(fix.findings.all()) == [group.finding()]
    assert group.finding().status == Status.MOBILIZING
    group.gitlab.approve(pull, "approver")
    landed = group.gitlab.merge(pull, how)
    group.look()
    assert group.finding().status == Status.AWAITING_VERIFICATION
    assert not Clearance.objects.exists()
    group.scanned(shop)
    group.look()
    assert group.failed() == []
    assert in_the_way(group) == {"app/pack.py": {}}
    finding = group.finding()
    assert finding.status == Status.MOBILIZATION_COMPLETE
    clearance = Clearance.objects.get(finding=finding)
    assert clearance.live and clearance.certificate
    assert Remediation.objects.get().merge_commit == landed
    assert group.gitlab.writes == []


# --- what does not count -------------------------------------------------------------------------
def test_nothing_closes_on_the_merge_alone_or_without_an_approval(group, shop):
    pull = proposed(group, shop)
    group.look()
    group.gitlab.merge(pull, "squash", by="developer")
    group.look()
    assert group.finding().status == Status.AWAITING_VERIFICATION
    group.scanned(shop)
    group.look()
    assert set(in_the_way(group)["app/pack.py"]) == {"HUMAN_REVIEW"}
    assert group.finding().status != Status.MOBILIZATION_COMPLETE


@pytest.mark.parametrize(
    ("login", "level", "said"), [("developer", 30, "approved"), ("guest", 20, "commented")]
)
def test_the_author_and_who_may_not_push_approve_in_vain(group, shop, login, level, said):
    pull = proposed(group, shop)
    group.gitlab.approve(pull, login, level)
    group.gitlab.merge(pull, "squash")
    group.scanned(shop)
    group.look()
    assert group.failed() == []
    assert [r.decision for r in Review.objects.all()] == [said]
    assert set(in_the_way(group)["app/pack.py"]) == {"HUMAN_REVIEW"}


@pytest.mark.parametrize("resets", [True, False])
def test_an_approval_before_a_push_does_not_count_whether_gitlab_resets_it_or_not(
    group, shop, resets
):
    shop.resets_approvals = resets
    pull = proposed(group, shop)
    group.gitlab.approve(pull, "approver")
    group.look()
    assert Review.objects.get().decision == "approved"
    group.gitlab.push(shop, {"app/pack.py": SAFE + "# more\n"}, branch="no-shell")
    group.look()
    last = Review.objects.order_by("-pk").first()
    assert last.decision == ("dismissed" if resets else "approved")
    assert last.commit == pull.versions[0][1] != Remediation.objects.get().head_commit
    group.gitlab.merge(pull)
    group.scanned(shop)
    group.look()
    assert group.failed() == []
    assert set(in_the_way(group)["app/pack.py"]) == {"HUMAN_REVIEW"}
    assert group.finding().status != Status.MOBILIZATION_COMPLETE


def test_an_approval_that_is_taken_back_does_not_count(group, shop):
    pull = proposed(group, shop)
    group.gitlab.approve(pull, "approver")
    group.look()
    group.gitlab.unapprove(pull, "approver")
    group.gitlab.merge(pull)
    group.scanned(shop)
    group.look()
    assert Review.objects.latest("pk").decision == "dismissed"
    assert set(in_the_way(group)["app/pack.py"]) == {"HUMAN_REVIEW"}


def test_a_job_that_failed_left_no_report_that_counts(group, shop):
    pull = proposed(group, shop)
    group.gitlab.approve(pull, "approver")
    landed = group.gitlab.merge(pull)
    group.gitlab.add_report(
        shop, "refs/heads/main", landed, report=report_of(shop, landed), status="failed"
    )
    group.look()
    left = KnownAnalysis.objects.get(commit=landed)
    assert (left.state, left.note) == ("left", "the host says: The job failed.")
    assert group.finding().status == Status.AWAITING_VERIFICATION


# --- where reports of a merge request are --------------------------------------------------------
def before_the_merge(ref):
    return {
        "of the branch": "refs/heads/no-shell",
        "of the request": "refs/merge-requests/1/head",
        "of its result": "refs/merge-requests/1/merge",
    }[ref]


@pytest.mark.parametrize("ref", ["of the branch", "of the request"])
def test_a_pipeline_lights_the_lamp_and_a_push_takes_it_back(group, shop, ref):
    pull = proposed(group, shop)
    group.gitlab.approve(pull, "approver")
    group.scanned(shop, pull.head, before_the_merge(ref))
    group.look()
    assert group.failed() == []
    assert Verification.objects.current().get().right == "pass"
    group.gitlab.push(shop, {"app/pack.py": SAFE + "# more\n"}, branch="no-shell")
    group.look()
    assert Remediation.objects.get().head_commit == pull.head
    assert Verification.objects.current().get().right != "pass"


def test_a_fork_whose_branch_is_called_main_brings_no_report_of_our_main(group, shop):
    group.gitlab.commit(shop, {"app/pack.py": SAFE}, "Use a list", "theirs")
    pull = group.gitlab.open_merge_request(
        shop, "theirs", title=f"Fixes {group.finding()}", author="eve", fork=True
    )
    pull.source = "main"
    group.look()
    assert group.failed() == []
    assert Remediation.objects.get().author == "eve"
    assert not Remediation.objects.get().scans.exclude(purpose="control").exists()


def test_a_merge_trains_pipeline_of_the_commit_that_landed_serves(group, shop):
    pull = proposed(group, shop)
    group.gitlab.approve(pull, "approver")
    landed = group.gitlab.merge(pull)
    group.look()
    group.scanned(shop, landed, "refs/merge-requests/1/train")
    group.look()
    assert group.failed() == []
    assert in_the_way(group) == {"app/pack.py": {}}
    assert group.finding().status == Status.MOBILIZATION_COMPLETE


@pytest.mark.parametrize("how", ["merge", "squash"])
def test_it_closes_while_the_target_moves_on(group, shop, how):
    pull = proposed(group, shop)
    group.gitlab.commit(shop, {"app/colleague.py": "y = 2\n"}, "Another's work")
    group.scanned(shop)
    group.look()
    group.gitlab.approve(pull, "approver")
    group.gitlab.merge(pull, how)
    group.scanned(shop)
    group.look()
    assert group.failed() == []
    assert in_the_way(group) == {"app/pack.py": {}}
    assert group.finding().status == Status.MOBILIZATION_COMPLETE


@pytest.mark.parametrize("moved", [False, True])
def test_a_full_scan_of_the_head_serves_where_what_landed_is_the_same_tree(group, shop, moved):
    pull = proposed(group, shop)
    group.scanned(shop, pull.head, "refs/heads/no-shell")
    group.gitlab.approve(pull, "approver")
    if moved:
        group.gitlab.commit(shop, {"app/colleague.py": "y = 2\n"}, "Another's work")
        group.scanned(shop)
    group.gitlab.merge(pull, "squash")
    group.look()
    assert group.failed() == []
    assert (group.finding().status == Status.MOBILIZATION_COMPLETE) is not moved
    group.scanned(shop)
    group.look()
    assert in_the_way(group) == {"app/pack.py": {}}
    assert group.finding().status == Status.MOBILIZATION_COMPLETE


# --- messages ------------------------------------------------------------------------------------
def rung(group, event):
    """Deliver the last message of an event; return the kinds of the jobs that wait then."""
    sent = [one for one in group.gitlab.deliveries if one[0]["x-gitlab-event"] == event]
    group.deliver(sent[-1])
    return list(Job.objects.filter(state="queued").values_list("kind", flat=True))


def test_messages_ring_for_the_merge_request_and_for_the_project(group, shop):
    pull = proposed(group, shop)
    assert rung(group, "Merge Request Hook") == ["forge_pull"]
    group.work()
    assert group.pull(pull).remediation is not None
    group.gitlab.approve(pull, "approver")
    group.gitlab.merge(pull)
    assert rung(group, "Merge Request Hook") == ["forge_pull"]
    group.work()
    assert group.finding().status == Status.AWAITING_VERIFICATION
    group.scanned(shop)
    assert rung(group, "Pipeline Hook") == ["forge_repository"]
    group.work()
    assert group.failed() == []
    assert group.finding().status == Status.MOBILIZATION_COMPLETE
    group.gitlab.push(shop, {"z.py": "z = 1\n"})
    assert rung(group, "Push Hook") == ["forge_repository"]


def test_lost_and_doubled_messages_are_healed_by_the_poll(group, shop):
    before = len(group.gitlab.deliveries)
    pull = proposed(group, shop)
    group.gitlab.approve(pull, "approver")
    group.gitlab.merge(pull)
    group.scanned(shop)
    first, *lost, last = group.gitlab.deliveries[before:]
    for one in (last, first, last):
        group.deliver(one)
    group.work()
    group.look()
    assert lost and group.failed() == []
    assert group.finding().status == Status.MOBILIZATION_COMPLETE
    assert Clearance.objects.count() == 1


# --- what merge requests are told ----------------------------------------------------------------
def told(group, commit):
    return {
        name: row["status"] for (sha, name), row in group.gitlab.statuses.items() if sha == commit
    }


def notes(pull):
    return [note["body"] for note in pull.notes if note["author"]["username"] == "ctem-bot"]


@pytest.mark.parametrize("mode", ["warn", "block"])
def test_lamps_are_commit_statuses_and_one_note_and_only_block_mode_fails(
    gitlab, settings, db, mode
):
    settings.PUBLIC_URL = "https://ctem.example.org"
    group = tanuki_on(gitlab, settings, mode=mode)
    shop = seen(group)
    pull = proposed(
        group, shop, SAFE + '\n\ndef find(cursor, name):\n    cursor.execute(f"select {name}")\n'
    )
    group.scanned(shop, pull.head, "refs/merge-requests/1/head")
    group.look()
    assert group.failed() == []
    assert set(told(group, pull.head)) == {"CTEM: Safe?", "CTEM: Right?"}
    expected = "success" if mode == "warn" else "failed"
    assert set(told(group, pull.head).values()) == {expected}
    (note,) = notes(pull)
    assert "NOTHING_NEW" in note
    group.gitlab.push(shop, {"app/pack.py": SAFE}, branch="no-shell")
    group.scanned(shop, pull.head, "refs/merge-requests/1/head")
    group.gitlab.approve(pull, "approver")
    group.look()
    assert told(group, pull.head) == {"CTEM: Safe?": "success", "CTEM: Right?": "success"}
    assert len(notes(pull)) == 1 and notes(pull) != [note]
    written = {path.rpartition("/")[0].rpartition("/")[2] for _, path, _ in gitlab.writes}
    assert written <= {"statuses", "notes", "1"}
    wrote = len(gitlab.writes)
    group.look()
    assert len(gitlab.writes) == wrote
