"""Following pull requests: what is true at the host ends up here, whatever the order of the news."""

from itertools import islice, permutations

import pytest
from django.db import connection, transaction

from core.models import Job, JobState
from findings.statuses import Status
from forges.models import PullRequest
from forges.services.looks import ask_due_looks, ring_for_pull
from remediations.models import Remediation, Review
from scans.models import Clearance, Scan, ScanDescent, Verification
from tests import factories as make
from tests.forges.acme import ANSWERS, in_the_way, propose
from tests.forges.codeql import OTHER_SAFE, SAFE, WEAK

pytestmark = pytest.mark.django_db


def approved(acme, *pulls):
    for pull in pulls:
        acme.github.review(pull, "rita", body=ANSWERS)


def test_a_key_that_does_not_open_any_more_is_said_and_not_tried_again(acme, shop, settings):
    pull = propose(acme, shop)
    acme.look()
    row = acme.pull(pull)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another" * 8, []
    ring_for_pull(row.repository_id, row.scope_id, row.number, make.now())
    acme.work()
    row.refresh_from_db()
    assert "does not open" in row.problem
    (failed,) = Job.objects.filter(kind="forge_pull", subject_id=row.pk, state=JobState.FAILED)
    assert failed.error == row.problem


# --- what is a fix -------------------------------------------------------------------------------
def test_a_pull_request_that_names_no_finding_is_kept_and_is_no_fix(acme, shop):
    acme.github.commit(shop, "docs", {"README.md": "more"}, "Words", author="dana")
    pull = acme.github.open_pull(shop, "docs", title="Words", author="dana")
    acme.look()
    row = acme.pull(pull)
    assert (row.remediation, row.title, row.state) == (None, "Words", "open")
    assert not Remediation.objects.exists()


def test_a_finding_of_another_repository_is_not_linked(acme, shop):
    other = acme.github.add_repository("other", {"x.py": "x = 1\n"})
    acme.look()
    acme.github.commit(other, "fix", {"x.py": "x = 2\n"}, "Change", author="dana")
    body = f"Fixes {acme.finding(path='app/pack.py')}"
    acme.github.open_pull(other, "fix", title="x", body=body, author="dana")
    acme.look()
    assert not Remediation.objects.exists()


def test_a_branch_that_is_no_line_makes_no_fix(acme, shop):
    acme.github.commit(shop, "side", {"y.py": "y = 1\n"}, "Side", author="dana")
    pull = propose(acme, shop, base="side")
    acme.look()
    assert acme.pull(pull).remediation is None


def test_a_fork_is_followed_as_any_other(acme, shop):
    finding = acme.finding(path="app/pack.py")
    acme.github.commit(shop, "fix", {"app/pack.py": SAFE}, "Fix", author="eve", fork="eve")
    acme.github.open_pull(
        shop, "fix", title="Fix", body=f"Fixes {finding}", author="eve", fork="eve"
    )
    acme.look()
    assert acme.failed() == []
    fix = Remediation.objects.get()
    assert fix.author == "eve"
    assert list(fix.findings.all()) == [finding]


# --- what happens to it --------------------------------------------------------------------------
def test_a_push_takes_lamps_back_and_the_review_stays_with_its_revision(acme, shop):
    pull = propose(acme, shop)
    acme.scanned_request(pull, ["app/pack.py"])
    approved(acme, pull)
    acme.look()
    first = Remediation.objects.get()
    assert Verification.objects.current().get().right == "pass"
    acme.github.commit(shop, "fix", {"app/pack.py": SAFE + "# more\n"}, "More", author="dana")
    acme.look()
    fix = Remediation.objects.get()
    assert fix.pk == first.pk
    assert fix.head_commit == pull.head_commit != first.head_commit
    assert Review.objects.get().commit == first.head_commit
    assert Verification.objects.current().get().right != "pass"


def test_an_update_of_the_base_keeps_the_approval(acme, shop):
    pull = propose(acme, shop)
    approved(acme, pull)
    acme.scanned_request(pull, ["app/pack.py"])
    acme.look()
    acme.github.commit(shop, "main", {"z.py": "z = 1\n"}, "Else", author="kim")
    merged = shop.git.commit_tree(
        shop.git.merged_tree(shop.git.resolve("main"), pull.head_commit),
        [pull.head_commit, shop.git.resolve("main")], "Merge branch 'main' into fix",
        "Dana <dana@example.org>", "GitHub <noreply@github.com>", acme.github.now(),
    )  # fmt: skip
    acme.github.push(shop, "fix", merged, by="dana")
    acme.look()
    assert acme.failed() == []
    assert Remediation.objects.get().head_commit == merged
    assert Verification.objects.current().get().right == "pass"


def test_a_review_by_who_may_not_push_is_a_comment_and_a_dismissed_one_is_none(acme, shop):
    pull = propose(acme, shop)
    acme.github.review(pull, "visitor", permission="read", body=ANSWERS)
    mine = acme.github.review(pull, "rita", body=ANSWERS)
    acme.look()
    decided = dict(Review.objects.values_list("login", "decision"))
    assert decided == {"visitor": "commented", "rita": "approved"}
    acme.github.dismiss(mine)
    acme.look()
    last = Review.objects.filter(login="rita").order_by("-pk").first()
    assert last.decision == "dismissed"


def test_closed_is_withdrawn_and_opened_again_is_a_new_proposal(acme, shop):
    pull = propose(acme, shop)
    acme.look()
    acme.github.close(pull)
    acme.look()
    assert Remediation.objects.get().state == "withdrawn"
    pull.state, pull.closed_at = "open", None
    acme.github.edit(pull, title="Once more")
    acme.look()
    assert [fix.state for fix in Remediation.objects.order_by("pk")] == ["withdrawn", "proposed"]
    assert acme.pull(pull).remediation == Remediation.objects.latest("pk")


def test_a_bots_pull_request_and_its_review_are_told_as_such(acme, shop):
    pull = propose(acme, shop)
    acme.github.review(pull, "helper[bot]", body=ANSWERS)
    acme.look()
    assert Review.objects.get().login_kind == "bot"
    assert Verification.objects.filter(right="pass").count() == 0


# --- which scan proves it ------------------------------------------------------------------------
def test_one_scan_of_a_later_commit_proves_two_fixes(acme, shop):
    first = propose(acme, shop)
    second = propose(acme, shop, "app/ship.py", OTHER_SAFE, "fix-2")
    approved(acme, first, second)
    acme.look()
    acme.github.merge(first, "squash", by="rita")
    acme.scanned(shop)  # as a base for the second; for the first the very merge
    acme.github.merge(second, "squash", by="rita")
    acme.scanned(shop)
    acme.look()
    assert acme.failed() == []
    assert in_the_way(acme) == {"app/pack.py": {}, "app/ship.py": {}}
    assert {f.status for f in acme.scope.findings.all()} == {Status.MOBILIZATION_COMPLETE}


def test_where_only_a_later_commit_was_scanned_it_serves_if_it_contains_the_merge(acme, shop):
    pull = propose(acme, shop)
    acme.scanned_request(pull, ["app/pack.py"])
    approved(acme, pull)
    acme.look()
    acme.github.merge(pull, "squash", by="rita")
    acme.github.commit(shop, "main", {"z.py": "z = 1\n"}, "Right after", author="kim")
    acme.scanned(shop)
    acme.look()
    assert acme.failed() == []
    row = ScanDescent.objects.get(relation="contains")
    assert row.blobs["app/pack.py"] == row.merge_blobs["app/pack.py"]
    finding = acme.finding(path="app/pack.py")
    assert in_the_way(acme) == {"app/pack.py": {}}
    assert finding.status == Status.MOBILIZATION_COMPLETE


def test_a_report_of_older_code_that_comes_late_opens_nothing_again(acme, shop):
    acme.github.commit(shop, "main", {"z.py": "z = 1\n"}, "Else", author="kim")
    older = shop.git.resolve("main")
    pull = propose(acme, shop)
    approved(acme, pull)
    acme.scanned(shop)
    acme.look()
    acme.github.commit(shop, "main", {"y.py": "y = 1\n"}, "Else", author="kim")
    acme.scanned(shop)
    acme.look()
    acme.github.merge(pull, "squash", by="rita")
    acme.scanned(shop)
    acme.look()
    assert acme.finding(path="app/pack.py").status == Status.MOBILIZATION_COMPLETE
    acme.scanned(shop, older)  # a run of yesterday that was queued
    acme.look()
    assert acme.failed() == []
    assert ScanDescent.objects.get(scan=Scan.objects.latest("pk")).relation == "lacks"
    assert acme.finding(path="app/pack.py").status == Status.MOBILIZATION_COMPLETE


def test_a_weakness_that_comes_back_opens_the_finding_again(acme, shop):
    pull = propose(acme, shop)
    approved(acme, pull)
    acme.look()
    acme.github.merge(pull, "squash", by="rita")
    acme.scanned(shop)
    acme.look()
    acme.github.commit(shop, "main", {"app/pack.py": WEAK}, "Revert", author="kim")
    acme.scanned(shop)
    acme.look()
    assert acme.failed() == []
    assert acme.finding(path="app/pack.py").status != Status.MOBILIZATION_COMPLETE
    assert not Clearance.objects.get().live


# --- messages ------------------------------------------------------------------------------------
def six_events(acme, shop):
    """A fix from its pull request to its push scan: six messages, and how it must end."""
    before = len(acme.github.deliveries)
    pull = propose(acme, shop)
    acme.github.commit(shop, "fix", {"app/pack.py": SAFE + "# more\n"}, "More", author="dana")
    approved(acme, pull)
    acme.github.merge(pull, "squash", by="rita")
    acme.scanned(shop)
    sent = acme.github.deliveries[before:]
    wanted = [d for d in sent if d.event in ("pull_request", "pull_request_review", "workflow_run")]
    pushes = [d for d in sent if d.event == "push"]
    return [*wanted, *pushes[-1:]][-6:]


def settled(acme):
    """What must be the same in the end, whatever came when."""
    fix = Remediation.objects.get()
    return (
        acme.finding(path="app/pack.py").status, fix.state, fix.head_commit, fix.merge_commit,
        sorted(Review.objects.values_list("login", "decision", "commit")),
        Clearance.objects.filter(live=True).count(), PullRequest.objects.count(),
        sorted(Scan.objects.values_list("commit", "purpose", "state")),
    )  # fmt: skip


def in_order(acme, deliveries, one_by_one):
    """Deliver, do the work after each message or after all, tell how it ended, and take it all back."""
    with transaction.atomic():
        for delivery in deliveries:
            acme.deliver(delivery)
            if one_by_one:
                acme.work()
        acme.work()
        told = settled(acme), acme.failed()
        transaction.set_rollback(True)
    return told


def test_a_sample_of_orders_of_six_messages_ends_the_same_worked_off_one_by_one(acme, shop):
    events = six_events(acme, shop)
    assert len(events) == 6
    orders = list(islice(permutations(events), 0, 720, 90))
    told = [in_order(acme, order, one_by_one=True) for order in orders]
    assert told[0][0][0] == Status.MOBILIZATION_COMPLETE
    assert all(one == told[0] for one in told)
    assert told[0][1] == []


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_all_720_orders_of_six_messages_end_the_same(acme, shop):
    """A second each: all on SQLite, every twelfth on PostgreSQL, which changes nothing about them."""
    events = six_events(acme, shop)
    step = 1 if connection.vendor == "sqlite" else 12
    orders = list(islice(permutations(events), 0, None, step))
    assert len(orders) == 720 // step
    told = {str(in_order(acme, order, one_by_one=False)) for order in orders}
    assert len(told) == 1
    assert "mobilization_complete" in next(iter(told))


@pytest.mark.parametrize("lost", range(6))
def test_a_lost_message_is_healed_by_the_poll_and_a_doubled_one_does_nothing(acme, shop, lost):
    events = six_events(acme, shop)
    for delivery in (*events[:lost], *events[lost + 1 :], *events[lost + 1 :]):
        acme.deliver(delivery)
    acme.work()
    acme.look()
    assert acme.failed() == []
    assert acme.finding(path="app/pack.py").status == Status.MOBILIZATION_COMPLETE


def test_the_poll_looks_at_each_connection_once_in_its_time(acme, settings):
    settings.FORGE_POLL_SECONDS = 600
    acme.look()
    requests = len(acme.github.requests)
    ask_due_looks(at=make.now())
    acme.work()
    assert len(acme.github.requests) == requests
    settings.FORGE_POLL_SECONDS = 0
    ask_due_looks(at=make.now())
    acme.work()
    assert len(acme.github.requests) > requests
