"""Ordinary good days on a connected organisation: lines that move on, queues, renames, hiccups, clocks.

Each of these fixes is good and honestly told, so that it has to complete, and no job may fail.
"""

import shutil
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from core.permissions import Role
from findings.statuses import Status
from forges.models import KnownAnalysis, Repository
from forges.services.connections import connect
from forges.services.looks import ask_look, ring_for_pull, ring_for_repository
from remediations.models import Remediation
from tests import factories as make
from tests.forges.acme import ANSWERS, in_the_way, opened, propose
from tests.forges.codeql import OTHER_SAFE, SAFE, SHELL, WEAK

pytestmark = pytest.mark.django_db
DONE = Status.MOBILIZATION_COMPLETE
BY_GITHUB = "GitHub <noreply@github.com>"


def finish(acme, pull, how="squash"):
    """Reviewed, seen, merged, scanned by the push, seen."""
    acme.github.review(pull, "rita", body=ANSWERS)
    acme.look()
    acme.github.merge(pull, how, by="rita")
    acme.scanned(pull.repository)
    acme.look()


def move_on(acme, shop, **files):
    """Somebody else's push, whose scan the next push cancelled."""
    acme.github.commit(shop, "main", files or {"z.py": "z = 1\n"}, "Else", author="kim")


def update_branch(acme, shop, pull, tree=None):
    """The branch takes over what the line has gained: by the button, or with ``tree`` as resolved."""
    git = shop.git
    main = git.resolve("main")
    merged = tree or git.merged_tree(main, pull.head_commit)
    commit = git.commit_tree(
        merged, [pull.head_commit, main], "Merge branch 'main' into fix",
        "Dana <dana@example.org>", BY_GITHUB, acme.github.now(),
    )  # fmt: skip
    acme.github.push(shop, pull.head, commit)


def assert_complete(acme, *paths):
    assert acme.failed() == []
    paths = paths or ("app/pack.py",)
    assert in_the_way(acme) == {path: {} for path in paths}
    for path in paths:
        assert acme.finding(path=path).status == DONE


# --- the line moves on, and not every push is scanned ------------------------------------------------
@pytest.mark.slow
@pytest.mark.parametrize("how", ["rebase", "merge"])
def test_a_branch_of_thirty_commits_lands_where_the_last_push_was_not_scanned(acme, shop, how):
    pull = propose(acme, shop)
    for n in range(30):
        acme.github.commit(shop, "fix", {"tests/test_pack.py": f"x = {n}\n"}, f"{n}", author="dana")
    move_on(acme, shop)
    finish(acme, pull, how)
    assert_complete(acme)


@pytest.mark.slow
def test_an_approved_branch_is_updated_by_the_button_and_squashed(acme, shop):
    pull = propose(acme, shop)
    acme.github.review(pull, "rita", body=ANSWERS)
    move_on(acme, shop)
    update_branch(acme, shop, pull)
    acme.look()
    acme.github.merge(pull, "squash", by="rita")
    acme.scanned(shop)
    acme.look()
    assert_complete(acme)


@pytest.mark.slow
def test_a_conflict_in_the_very_file_is_resolved_in_the_branch_and_reviewed_again(acme, shop):
    pull = propose(acme, shop)
    acme.github.review(pull, "rita", body=ANSWERS)
    acme.look()
    move_on(acme, shop, **{"app/pack.py": WEAK + "# packs\n"})
    acme.github.commit(shop, "tmp", {"app/pack.py": SAFE + "# packs\n"}, "x", author="dana")
    update_branch(acme, shop, pull, shop.git.read(shop.git.resolve("tmp")).tree)
    finish(acme, pull)
    assert_complete(acme)


@pytest.mark.slow
def test_a_merge_queue_lands_two_fixes_and_the_last_push_alone_is_scanned(acme, shop):
    one = propose(acme, shop)
    two = propose(acme, shop, "app/ship.py", OTHER_SAFE, "fix-2")
    for pull in (one, two):
        acme.github.review(pull, "rita", body=ANSWERS)
    acme.look()
    for pull in (one, two):
        acme.github.merge(pull, queued=acme.github.enqueue(pull))
    acme.scanned(shop)
    acme.look()
    assert_complete(acme, "app/pack.py", "app/ship.py")


@pytest.mark.slow
def test_a_merge_is_scanned_again_and_again(acme, shop):
    pull = propose(acme, shop)
    acme.github.review(pull, "rita", body=ANSWERS)
    acme.look()
    acme.github.merge(pull, "squash", by="rita")
    acme.scanned(shop)
    acme.scanned(shop)
    acme.look()
    acme.scanned(shop)
    acme.look()
    assert_complete(acme)


# --- what a fix may be ------------------------------------------------------------------------------
@pytest.mark.slow
def test_one_pull_request_of_many_commits_fixes_two_findings_in_two_files(acme, shop):
    pull = propose(acme, shop)
    for n in range(60):
        acme.github.commit(shop, "fix", {"tests/test_pack.py": f"x = {n}\n"}, f"{n}", author="dana")
    acme.github.commit(shop, "fix", {"app/ship.py": OTHER_SAFE}, "other", author="dana")
    acme.github.edit(pull, body=f"{pull.body}, {acme.finding(path='app/ship.py')}")
    finish(acme, pull)
    assert_complete(acme, "app/pack.py", "app/ship.py")


@pytest.mark.slow
def test_a_fix_renames_the_file_that_it_edits(acme):
    more = "".join(f"\n\ndef step_{n}(folder):\n    return folder + '{n}'\n" for n in range(10))
    shop = acme.github.add_repository("shop", {"app/pack.py": WEAK + more})
    acme.scanned(shop)
    acme.look()
    finding = acme.finding()
    files = {"app/pack.py": None, "app/packing.py": SAFE + more}
    acme.github.commit(shop, "fix", files, "Use a list", author="dana")
    body = f"Fixes {finding}"
    pull = acme.github.open_pull(shop, "fix", title="No shell", body=body, author="dana")
    finish(acme, pull)
    assert_complete(acme)


@pytest.mark.slow
def test_a_file_that_git_does_not_see_as_renamed_asks_the_reviewer(acme, shop):
    finding = acme.finding(path="app/pack.py")
    files = {"app/pack.py": None, "app/packing.py": SAFE}
    acme.github.commit(shop, "fix", files, "Use a list", author="dana")
    body = f"Fixes {finding}"
    pull = acme.github.open_pull(shop, "fix", title="No shell", body=body, author="dana")
    acme.github.review(pull, "rita", body=ANSWERS)
    acme.look()
    acme.github.merge(pull, "squash", by="rita")
    acme.scanned(shop)
    acme.look()
    assert list(in_the_way(acme)["app/pack.py"]) == ["SCOPE_OF_CHANGE"]
    acme.github.review(pull, "rita", body=f"{ANSWERS}acknowledged_files: app/packing.py\n")
    acme.look()
    assert_complete(acme)


@pytest.mark.slow
def test_a_bot_proposes_and_two_people_approve(acme, shop):
    finding = acme.finding(path="app/pack.py")
    acme.github.commit(shop, "fix", {"app/pack.py": SAFE}, "Use a list", author="dependabot[bot]")
    pull = acme.github.open_pull(
        shop, "fix", title="No shell", body=f"Fixes {finding}", author="dependabot", bot=True
    )
    acme.github.review(pull, "sam", body=ANSWERS)
    finish(acme, pull)
    assert_complete(acme)


@pytest.mark.slow
def test_a_diff_that_the_host_does_not_give_waits_without_a_failed_job(acme, shop):
    pull = propose(acme, shop)
    acme.github.diff_limit = 10
    finish(acme, pull)
    assert acme.failed() == []
    assert acme.finding(path="app/pack.py").status == Status.AWAITING_VERIFICATION
    assert "NOTHING_NEW" in in_the_way(acme)["app/pack.py"]


# --- the life of a pull request -----------------------------------------------------------------------
@pytest.mark.slow
def test_a_pull_request_is_closed_looked_at_reopened_and_merged(acme, shop):
    pull = propose(acme, shop)
    acme.github.review(pull, "rita", body=ANSWERS)
    acme.look()
    acme.github.close(pull)
    acme.look()
    assert Remediation.objects.get().state == "withdrawn"
    acme.github.reopen(pull)
    acme.github.merge(pull, "squash", by="rita")
    acme.scanned(shop)
    acme.look()
    assert_complete(acme)


@pytest.mark.slow
@pytest.mark.parametrize("order", ["closed first", "merged first"])
def test_of_two_pull_requests_of_one_head_one_is_closed_and_the_other_merged(acme, shop, order):
    pull = propose(acme, shop)
    acme.github.push(shop, "fix-b", pull.head_commit)
    body = f"Fixes {acme.finding(path='app/pack.py')}"
    other = acme.github.open_pull(shop, "fix-b", title="Again", body=body, author="dana")
    acme.look()
    if order == "closed first":
        acme.github.close(pull)
    finish(acme, other)
    acme.look()
    if order == "merged first":
        acme.github.close(pull)
        acme.look()
    assert_complete(acme)


@pytest.mark.slow
def test_a_draft_becomes_ready_and_its_test_merge_is_scanned(acme, shop):
    pull = propose(acme, shop, draft=True)
    acme.github.review(pull, "rita", body=ANSWERS)
    acme.look()
    acme.github.edit(pull, draft=False)
    acme.scanned_request(pull, ["app/pack.py"])
    finish(acme, pull)
    assert_complete(acme)


def test_the_first_look_meets_a_fix_that_has_merged(acme):
    github = acme.github
    shop = github.add_repository("shop", {"app/pack.py": WEAK})
    acme.scanned(shop)
    github.add_alert(shop, SHELL, "app/pack.py", 5)
    github.commit(shop, "alert-autofix-1", {"app/pack.py": SAFE}, "fix", author="dana")
    pull = github.open_pull(shop, "alert-autofix-1", title="fix", body="Fixes it", author="dana")
    github.review(pull, "rita", body=ANSWERS)
    github.merge(pull, "squash", by="rita")
    acme.scanned(shop)
    acme.look()
    assert acme.failed() == []
    assert not acme.scope.findings.exists()  # the newest report does not show it


# --- the life of a repository -------------------------------------------------------------------------
@pytest.mark.slow
def test_a_repository_is_deleted_and_made_anew_thrice(acme, shop):
    finding = acme.finding(path="app/pack.py")
    for _ in range(3):
        acme.github.repositories.pop("shop")
        shutil.rmtree(shop.git.folder)
        shop = acme.github.add_repository("shop", {"app/pack.py": WEAK})
        acme.scanned(shop)
        acme.look()
        assert acme.failed() == []
    names = list(Repository.objects.order_by("pk").values_list("asset__name", flat=True))
    assert len(names) == len(set(names)) == 4
    acme.github.commit(shop, "fix", {"app/pack.py": SAFE}, "fix", author="dana")
    acme.github.open_pull(shop, "fix", title=f"Fixes {finding}", author="dana")
    acme.look()
    assert not finding.remediations.exists()  # it was another repository
    assert acme.failed() == []


@pytest.mark.slow
def test_a_repository_is_renamed_while_a_fix_is_open(acme, shop):
    pull = propose(acme, shop)
    acme.look()
    acme.github.rename(shop, "store")
    finish(acme, pull)
    assert Repository.objects.count() == 1
    assert_complete(acme)


@pytest.mark.slow
def test_a_new_repository_takes_the_name_of_a_renamed_one(acme, shop):
    acme.github.rename(shop, "store")
    shop.git.folder = shop.git.folder.rename(shop.git.folder.with_name("store.git"))
    new = acme.github.add_repository("shop", {"app/pack.py": WEAK})
    acme.scanned(new)
    acme.look()
    assert acme.failed() == []
    rows = Repository.objects.order_by("pk")
    assert [row.full_name for row in rows] == ["acme/store", "acme/shop"]
    assert len({row.asset_id for row in rows}) == 2
    assert len({row.asset.name for row in rows}) == 2
    finding = acme.scope.findings.get(asset=rows[1].asset)
    acme.github.commit(new, "fix", {"app/pack.py": SAFE}, "fix", author="dana")
    body = f"Fixes {finding}"
    finish(acme, acme.github.open_pull(new, "fix", title="No shell", body=body, author="dana"))
    assert acme.failed() == []
    finding.refresh_from_db()
    assert finding.status == DONE


@pytest.mark.slow
def test_an_account_is_connected_again_and_again(acme, shop):
    admin = make.member(acme.scope, Role.ADMIN)
    for n in range(3):
        app = acme.github.app_sign_in()
        app["key"] = app.pop("private_key")
        connection, _ = connect(
            scope=acme.scope, forge="github", name=f"Acme {n}", account="acme", sign_in="app",
            api=acme.github.api, by=admin, at=timezone.now(), mode="observe", **app,
        )  # fmt: skip
        ask_look(connection, timezone.now())
        acme.work()
        assert acme.failed() == []
    names = list(Repository.objects.values_list("asset__name", flat=True))
    assert len(names) == len(set(names)) == 4


@pytest.mark.slow
def test_the_default_branch_is_renamed_while_a_fix_is_open(acme, shop):
    pull = propose(acme, shop)
    acme.look()
    shop.git.run("branch", "-m", "main", "trunk")
    shop.default_branch, shop.protected, pull.base = "trunk", {"trunk"}, "trunk"
    acme.scanned(shop, branch="trunk")
    acme.look()
    acme.github.review(pull, "rita", body=ANSWERS)
    acme.github.merge(pull, "squash", by="rita")
    acme.scanned(shop, branch="trunk")
    acme.look()
    assert acme.failed() == []


def test_repositories_without_code_scanning_are_no_failure(acme, shop):
    other = acme.github.add_repository("plain", {"x.py": "x = 1\n"})
    other.code_scanning = False
    acme.look()
    assert acme.failed() == []


# --- hiccups ------------------------------------------------------------------------------------------
@pytest.mark.slow
@pytest.mark.parametrize(
    "match",
    ["/pulls/1$", "analyses/", "/reviews", "compare", "git/trees", "/actions/runs", "/commits"],
)
def test_the_host_fails_for_a_while_in_the_middle(acme, shop, match):
    pull = propose(acme, shop)
    acme.github.review(pull, "rita", body=ANSWERS)
    acme.github.merge(pull, "squash", by="rita")
    acme.scanned(shop)
    acme.github.fault(match, status=502, times=3)
    for _ in range(6):
        acme.look()
    assert acme.finding(path="app/pack.py").status == DONE


@pytest.mark.slow
def test_the_hosts_limit_is_reached_in_the_middle(acme, shop):
    pull = propose(acme, shop)
    acme.github.review(pull, "rita", body=ANSWERS)
    acme.github.merge(pull, "squash", by="rita")
    acme.scanned(shop)
    acme.github.requests_left = 12
    acme.look()
    acme.github.requests_left = None
    acme.look()
    acme.look()
    assert acme.finding(path="app/pack.py").status == DONE


@pytest.mark.slow
def test_a_report_that_is_not_there_yet_comes_later(acme, shop):
    pull = propose(acme, shop)
    acme.github.review(pull, "rita", body=ANSWERS)
    acme.look()
    acme.github.merge(pull, "squash", by="rita")
    acme.scanned(shop)
    acme.github.fault(r"analyses/\d+", status=404, times=1)
    acme.look()
    acme.look()
    assert KnownAnalysis.objects.exists()
    assert_complete(acme)


@pytest.mark.slow
@pytest.mark.parametrize("minutes", [2, -2])
@pytest.mark.parametrize("moved", [False, True])
@pytest.mark.parametrize("order", ["scan first", "merge first"])
def test_the_hosts_clock_is_two_minutes_off(acme, minutes, moved, order):
    acme.github.now = lambda: datetime.now(UTC) + timedelta(minutes=minutes)
    shop = opened(acme)
    pull = propose(acme, shop)
    acme.look()
    acme.github.review(pull, "rita", body=ANSWERS)
    acme.github.merge(pull, "squash", by="rita")
    if moved:
        move_on(acme, shop)
    acme.scanned(shop)
    row = acme.repository(shop)
    if order == "scan first":
        ring_for_repository(row, timezone.now())
        acme.work()
        ring_for_pull(row.pk, row.scope_id, pull.number, timezone.now())
        acme.work()
    acme.look()
    acme.look()
    assert_complete(acme)


@pytest.mark.slow
def test_the_clock_of_the_developer_is_ten_minutes_ahead(acme, shop):
    finding, now = acme.finding(path="app/pack.py"), acme.github.now
    acme.github.now = lambda: now() + timedelta(minutes=10)
    acme.github.commit(shop, "fix", {"app/pack.py": SAFE}, "Use a list", author="dana")
    acme.github.now = now
    body = f"Fixes {finding}"
    pull = acme.github.open_pull(shop, "fix", title="No shell", body=body, author="dana")
    acme.look()
    finish(acme, pull)
    assert_complete(acme)
