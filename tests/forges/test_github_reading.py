"""GitHub's adapter reads: each method against the fake, over HTTP, held against GitHub's description."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from core.outbound import HostError
from forges.hosts.github import GitHub
from forges.statuses import AlertState, PullState, ReviewState
from tests.forges.fake_github import FakeGitHub

LATER = "2026-11-23T12:00:00Z"


@pytest.fixture
def github(settings):
    with FakeGitHub() as world:
        settings.OUTBOUND_PLAIN_HOSTS = [world.host]
        yield world


@pytest.fixture(params=["app", "token"])
def host(github, request):
    sign_in = github.app_sign_in() if request.param == "app" else {"token": github.token}
    return GitHub(api=github.api, account="acme", **sign_in)


@pytest.fixture
def shop(github):
    return github.add_repository("shop", {"app.py": "print(1)\n", "lib/deep/a.py": "x = 1\n"})


def seen(host):
    """The record of the one repository."""
    (record,) = host.repositories()
    return record


# --- repositories --------------------------------------------------------------------------------
def test_repositories_are_told_with_the_id_that_stays(host, shop):
    record = seen(host)
    assert (record.id, record.full_name) == (str(shop.id), "acme/shop")
    assert record.default_branch == "main"
    assert record.clone_url == "https://github.com/acme/shop.git"
    assert record.pushed_at.endswith("Z")
    assert not record.archived


def test_more_repositories_than_one_page_holds_are_all_read(github, host):
    first = github.add_repository("r0")
    for number in range(1, 131):  # the same git behind each: only the list is asked for
        copy = type(first)(**{**first.__dict__, "id": github.next_id(), "name": f"r{number}"})
        copy.full_name = f"acme/{copy.name}"
        github.repositories[copy.name] = copy
    names = [record.full_name for record in host.repositories()]
    assert len(names) == len(set(names)) == 131
    pages = [path for _, path in github.requests if path.endswith(("/repositories", "/repos"))]
    assert len(pages) == 2


def test_a_user_s_own_repositories_are_those_that_he_owns(settings):
    with FakeGitHub(org="dana", kind="User") as world:
        settings.OUTBOUND_PLAIN_HOSTS = [world.host]
        world.tokens = {"ghp_dana": "dana", "ghp_other": "other"}
        world.add_repository("notes")
        own = GitHub(api=world.api, account="dana", token="ghp_dana")
        assert [one.full_name for one in own.repositories()] == ["dana/notes"]
        assert ("GET", "/user/repos") in world.requests
        other = GitHub(api=world.api, account="dana", token="ghp_other")
        assert [one.full_name for one in other.repositories()] == ["dana/notes"]
        assert ("GET", "/users/dana/repos") in world.requests


def test_protected_branches_and_tips(github, host, shop):
    sha = github.commit(shop, "release/1.x", {"app.py": "print(2)\n"})
    shop.protected.add("release/1.x")
    github.commit(shop, "topic", {"app.py": "print(3)\n"})
    record = seen(host)
    assert sorted(host.branches(record)) == ["main", "release/1.x"]
    assert host.tip(record, "release/1.x") == sha
    with pytest.raises(HostError) as refused:
        host.tip(record, "no-such")
    assert refused.value.final


# --- pull requests -------------------------------------------------------------------------------
@pytest.fixture
def pull(github, shop):
    github.commit(
        shop,
        "fix",
        {"app.py": "print(2)\n"},
        "Fix it",
        author="dana",
        coauthors=["Bob <bob@x.org>"],
    )
    return github.open_pull(shop, "fix", title="Fix it", body="Closes #1", author="dana")


def test_an_open_pull_has_no_merge_commit_though_github_tells_a_trial(github, host, pull):
    told = host.pull(seen(host), pull.number)
    assert pull.test_merge
    assert (told.state, told.merge_commit, told.merged_at) == (PullState.OPEN, "", "")
    assert (told.title, told.body, told.author) == ("Fix it", "Closes #1", "dana")
    assert (told.base_ref, told.head_ref, told.head_commit) == ("main", "fix", pull.head_commit)
    assert (told.is_bot, told.is_draft, told.is_fork) == (False, False, False)


@pytest.mark.parametrize("how", ["merge", "squash", "rebase"])
def test_a_merged_pull_tells_what_landed_and_who_merged(github, app, shop, pull, how):
    github.commit(shop, "main", {"other.py": "y = 1\n"}, "Base moved")
    landed = github.merge(pull, how, by="rita")
    record = seen(app)
    told = app.pull(record, pull.number)
    assert (told.state, told.merge_commit, told.merged_by) == (PullState.MERGED, landed, "rita")
    commit = app.commit(record, landed)
    assert len(commit.parents) == (2 if how == "merge" else 1)
    assert app.tip(record, "main") == landed
    assert app.blobs(record, landed, ["app.py"]) == app.blobs(record, pull.head_commit, ["app.py"])
    if how != "rebase":
        assert commit.committer == "GitHub <noreply@github.com>"
    if how == "squash":
        assert "Co-authored-by: Bob <bob@x.org>" in commit.message


def test_what_a_merge_queue_made_is_what_landed(github, app, shop, pull):
    queued = github.enqueue(pull)
    assert github.merge(pull, queued=queued) == queued
    assert app.pull(seen(app), pull.number).merge_commit == queued


def test_a_closed_pull_is_not_a_merged_one(github, app, pull):
    github.close(pull)
    told = app.pull(seen(app), pull.number)
    assert (told.state, told.merge_commit) == (PullState.CLOSED, "")


def test_a_fork_is_told_also_when_it_is_gone(github, app, shop):
    github.commit(shop, "fix", {"app.py": "print(2)\n"}, author="eve", fork="eve")
    pull = github.open_pull(shop, "fix", author="eve", fork="eve")
    assert app.pull(seen(app), pull.number).is_fork
    pull.fork_is_gone = True
    assert app.pull(seen(app), pull.number).is_fork


def test_a_bot_is_told_by_github_s_own_word(github, app, shop):
    github.commit(shop, "bump", {"app.py": "print(2)\n"}, author="dependabot[bot]")
    pull = github.open_pull(shop, "bump", author="dependabot", bot=True)
    told = app.pull(seen(app), pull.number)
    assert (told.author, told.is_bot) == ("dependabot[bot]", True)


def test_commits_come_oldest_first_with_people_and_accounts(github, app, shop, pull):
    github.commit(shop, "fix", {"app.py": "print(3)\n"}, "More", author="Agent <agent@nowhere.org>")
    first, second = app.pull_commits(seen(app), pull.number)
    assert (first.login, first.author) == ("dana", github.account("dana").person)
    assert "Co-authored-by: Bob <bob@x.org>" in first.message
    assert (second.login, second.author) == ("", "Agent <agent@nowhere.org>")
    assert second.parents == (first.id,)
    assert second.id == pull.head_commit
    assert first.committed_at.endswith("Z")


@pytest.mark.slow
def test_more_commits_than_githubs_pages_hold_are_all_read(github, app, shop):
    for number in range(260):
        github.commit(shop, "many", {"n.txt": f"{number}\n"}, f"Commit {number}")
    pull = github.open_pull(shop, "many")
    commits = app.pull_commits(seen(app), pull.number)
    assert [one.message for one in commits] == [f"Commit {number}" for number in range(260)]


def test_reviews_tell_whether_who_decided_may_write(github, app, pull):
    github.review(pull, "rita", "APPROVED", permission="write")
    github.review(pull, "rolf", "CHANGES_REQUESTED", permission="read", body="No")
    github.review(pull, "copilot[bot]", "APPROVED")
    github.review(pull, "carl", "COMMENTED")
    github.dismiss(github.review(pull, "rita", "APPROVED"))
    github.review(pull, "", "APPROVED")  # whose account is gone
    told = app.reviews(seen(app), pull.number)
    assert [(one.login, one.state, one.may_write, one.is_bot) for one in told] == [
        ("rita", ReviewState.APPROVED, True, False),
        ("rolf", ReviewState.REJECTED, False, False),
        ("copilot[bot]", ReviewState.APPROVED, None, True),
        ("carl", ReviewState.COMMENTED, None, False),
        ("rita", ReviewState.DISMISSED, None, False),
        ("", ReviewState.APPROVED, None, False),
    ]
    assert {one.commit for one in told} == {pull.head_commit}
    asked = [path for _, path in github.requests if path.endswith("/permission")]
    assert len(asked) == 2  # once for each who decided, though rita came twice


def test_a_reviewer_who_is_no_collaborator_may_not_write(github, app, shop, pull):
    github.review(pull, "rita", "APPROVED")
    del shop.permissions["rita"]
    (told,) = app.reviews(seen(app), pull.number)
    assert told.may_write is False


def test_more_reviews_than_a_page_holds_are_all_read(github, app, pull):
    for _ in range(105):
        github.review(pull, "rita", "APPROVED")
    assert len(app.reviews(seen(app), pull.number)) == 105


def test_open_pulls_are_those_that_are_open(github, app, shop, pull):
    github.commit(shop, "other", {"o.py": "o = 1\n"})
    other = github.open_pull(shop, "other")
    github.close(pull)
    assert list(app.open_pulls(seen(app))) == [other.number]


def test_changed_pulls_are_searched_beyond_the_end_of_a_search(github, app, shop, clock):
    github.commit(shop, "fix", {"app.py": "print(2)\n"})
    for _ in range(25):
        clock.tick()
        github.open_pull(shop, "fix")
    github.search_limit = 10
    found = list(app.changed_pulls(clock.start))
    assert found == [("acme/shop", number) for number in range(1, 26)]


def test_pulls_that_all_changed_in_one_second_do_not_hold_the_search_up(github, app, shop, clock):
    github.commit(shop, "fix", {"app.py": "print(2)\n"})
    for _ in range(5):
        github.open_pull(shop, "fix")
    clock.tick()
    last = github.open_pull(shop, "fix")
    github.search_limit = 3
    found = list(app.changed_pulls(clock.start))
    assert ("acme/shop", last.number) in found


def test_only_what_changed_since_then_is_found(github, app, shop, clock):
    github.commit(shop, "fix", {"app.py": "print(2)\n"})
    github.open_pull(shop, "fix")
    clock.tick(60)
    since = clock.text()
    github.commit(shop, "other", {"o.py": "o = 1\n"})
    other = github.open_pull(shop, "other")
    assert list(app.changed_pulls(since)) == [("acme/shop", other.number)]


def test_a_search_that_ran_out_of_time_is_asked_again_later(github, app, shop):
    answer = {"total_count": 1, "incomplete_results": True, "items": []}
    github.fault("GET /search", 200, answer=answer)
    with pytest.raises(HostError) as refused:
        list(app.changed_pulls(LATER))
    assert not refused.value.final


@pytest.fixture
def clock(github):
    """The world's time in the test's hand."""

    class Clock:
        at = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
        start = "2026-11-23T11:59:00Z"

        def tick(self, seconds=1):
            self.at += timedelta(seconds=seconds)

        def text(self):
            return self.at.strftime("%Y-%m-%dT%H:%M:%SZ")

    made = Clock()
    github.now = lambda: made.at
    return made


# --- content -------------------------------------------------------------------------------------
def test_a_comparison_tells_the_merge_base_and_git_s_own_diff(github, host, shop, pull):
    start = pull.base_commit
    moved = github.commit(shop, "main", {"other.py": "y = 1\n"}, "Base moved")
    told = host.compare(seen(host), moved, pull.head_commit, diff=True)
    assert (told.merge_base, told.status, told.commits) == (start, "diverged", 1)
    assert told.diff == shop.git.run("diff", "-M", start, pull.head_commit)


@pytest.mark.parametrize(
    ("base", "head", "status"),
    [
        ("first", "second", "ahead"),
        ("second", "first", "behind"),
        ("first", "first", "identical"),
    ],
)
def test_a_comparison_tells_how_the_head_relates_to_the_base(github, app, shop, base, head, status):
    commits = {"first": shop.git.resolve("main")}
    commits["second"] = github.commit(shop, "main", {"app.py": "print(2)\n"})
    told = app.compare(seen(app), commits[base], commits[head], diff=False)
    assert told.status == status
    assert told.diff is None
    assert [path for _, path in github.requests if "/compare/" in path] == [
        f"/repos/acme/shop/compare/{commits[base]}...{commits[head]}"
    ]


def test_a_diff_that_github_does_not_give_whole_is_none(github, app, pull):
    github.diff_limit = 10
    told = app.compare(seen(app), pull.base_commit, pull.head_commit, diff=True)
    assert told.diff is None
    assert told.merge_base == pull.base_commit


def test_a_diff_of_a_rename_says_so_and_binary_files_break_nothing(github, app, shop):
    text = "".join(f"line {number}\n" for number in range(30))
    base = github.commit(shop, "main", {"old.py": text, "b.bin": b"\0\1"})
    head = github.commit(shop, "main", {"old.py": None, "new.py": text, "b.bin": b"\0\2"})
    told = app.compare(seen(app), base, head, diff=True)
    assert told.diff is not None
    assert b"rename from old.py" in told.diff
    assert b"Binary files" in told.diff


def test_blobs_are_those_of_files_at_the_commit(github, host, shop):
    sha = shop.git.resolve("main")
    wanted = ["app.py", "lib/deep/a.py", "lib", "no/such.py"]
    told = host.blobs(seen(host), sha, wanted)
    assert told == {
        path: shop.git.word("rev-parse", f"{sha}:{path}") for path in ("app.py", "lib/deep/a.py")
    }


def test_a_tree_that_github_cuts_is_walked_where_it_is_needed(github, app, shop):
    many = {f"far/{number}/f.txt": "x\n" for number in range(30)}
    sha = github.commit(shop, "main", many)
    github.tree_limit = 35
    wanted = ["app.py", "lib/deep/a.py", "lib/none.py", "app.py/x"]
    told = app.blobs(seen(app), sha, wanted)
    assert sorted(told) == ["app.py", "lib/deep/a.py"]
    assert told["lib/deep/a.py"] == shop.git.word("rev-parse", f"{sha}:lib/deep/a.py")
    trees = [path for _, path in github.requests if "/git/trees/" in path]
    assert len(trees) == 4  # whole, root, lib, lib/deep


def test_a_folder_that_github_cuts_is_no_proof_that_a_file_is_not_there(github, app, shop):
    sha = github.commit(shop, "main", {f"far/{number}.txt": "x\n" for number in range(30)})
    github.tree_limit = 10
    with pytest.raises(HostError) as refused:
        app.blobs(seen(app), sha, ["far/x.py"])
    assert refused.value.final


# --- code scanning -------------------------------------------------------------------------------
SARIF = {
    "version": "2.1.0",
    "runs": [
        {
            "tool": {"driver": {"name": "CodeQL", "rules": [{"id": "py/x"}, {"id": "py/y"}]}},
            "invocations": [{"executionSuccessful": True}],
            "results": [{"ruleId": "py/x", "message": {"text": "x"}, "locations": []}],
        }
    ],
}
RAW = json.dumps(SARIF).encode()


def test_analyses_are_told_newest_first_and_of_one_ref_where_asked(github, host, shop, pull):
    sha = shop.git.resolve("main")
    github.add_analysis(
        shop, "refs/heads/main", sha, "CodeQL", RAW, version="2.23.0", category="/language:python"
    )
    trial = pull.test_merge
    github.add_analysis(shop, pull.merge_ref, trial, "Trivy", b"no sarif", error="too many runs")
    newest, first = host.analyses(seen(host))
    assert (newest.ref, newest.commit, newest.tool) == (pull.merge_ref, trial, "Trivy")
    assert (newest.error, newest.results, newest.rules) == ("too many runs", 0, None)
    assert (first.version, first.category) == ("2.23.0", "/language:python")
    assert (first.results, first.rules, first.error) == (1, 2, "")
    assert first.workflow == ".github/workflows/codeql.yml:analyze"
    (only,) = host.analyses(seen(host), "refs/heads/main")
    assert only == first


def test_a_report_comes_as_github_converts_it_and_not_over_the_limit(github, app, shop):
    sha = shop.git.resolve("main")
    github.add_analysis(shop, "refs/heads/main", sha, "CodeQL", RAW)
    record = seen(app)
    (analysis,) = app.analyses(record)
    told = json.loads(app.report(record, analysis, 100_000))
    (run,) = told["runs"]
    assert run["versionControlProvenance"][0]["revisionId"] == sha
    assert [result["ruleId"] for result in run["results"]] == ["py/x"]
    assert "invocations" not in run
    with pytest.raises(HostError) as refused:
        app.report(record, analysis, 100)
    assert refused.value.final


def test_more_analyses_than_a_page_holds_are_read_page_by_page(github, app, shop):
    sha = shop.git.resolve("main")
    for _ in range(120):
        github.add_analysis(shop, "refs/heads/main", sha, "CodeQL", RAW)
    record = seen(app)
    assert len({one.id for one in app.analyses(record)}) == 120
    github.requests.clear()
    next(app.analyses(record))
    assert len(github.requests) == 1  # stop early and nothing more is asked


def test_a_repository_without_code_scanning_has_no_analyses_and_no_alerts(github, host, shop):
    record = seen(host)
    assert list(host.analyses(record)) == list(host.alerts(record, "")) == []  # 404: none yet
    shop.code_scanning = False
    assert list(host.analyses(record)) == list(host.alerts(record, "")) == []  # 403: not on


def test_a_missing_permission_is_an_error_and_not_an_empty_list(github, app, shop):
    github.fault("code-scanning", 403, message="Resource not accessible by integration")
    with pytest.raises(HostError, match="permission is missing") as refused:
        list(app.analyses(seen(app)))
    assert refused.value.final


@pytest.mark.parametrize(
    ("ended", "told"), [("success", True), ("failure", False), ("cancelled", False), ("", None)]
)
def test_how_the_run_ended_that_made_a_report(github, app, shop, pull, ended, told):
    github.add_analysis(shop, "refs/heads/main", pull.base_commit, "CodeQL", RAW, run=ended)
    github.add_analysis(shop, pull.merge_ref, pull.test_merge, "CodeQL", RAW, run=ended)
    record = seen(app)
    assert [app.succeeded(record, one) for one in app.analyses(record)] == [told, told]


def test_the_run_of_another_workflow_or_a_later_one_says_nothing(github, app, shop, clock):
    sha = shop.git.resolve("main")
    key = ".github/workflows/scan.yml:scan"
    github.add_analysis(shop, "refs/heads/main", sha, "Trivy", RAW, analysis_key=key)
    record = seen(app)
    (analysis,) = app.analyses(record)
    shop.runs[0].path = ".github/workflows/other.yml"
    assert app.succeeded(record, analysis) is None
    shop.runs[0].path = ".github/workflows/scan.yml"
    assert app.succeeded(record, analysis) is True
    clock.tick(60)
    shop.runs[0].at = github.now()
    assert app.succeeded(record, analysis) is None


def test_a_report_that_no_workflow_made_has_no_run(github, app, shop):
    sha = shop.git.resolve("main")
    github.add_analysis(shop, "refs/heads/main", sha, "X", RAW, analysis_key="(default)")
    record = seen(app)
    (analysis,) = app.analyses(record)
    github.requests.clear()
    assert app.succeeded(record, analysis) is None
    assert not github.requests


def test_runs_that_are_not_for_us_to_see_are_not_told(github, app, shop):
    sha = shop.git.resolve("main")
    github.add_analysis(shop, "refs/heads/main", sha, "CodeQL", RAW)
    record = seen(app)
    (analysis,) = app.analyses(record)
    github.fault("actions/runs", 403, message="Resource not accessible by integration")
    assert app.succeeded(record, analysis) is None
    github.fault("actions/runs", 500)
    with pytest.raises(HostError):
        app.succeeded(record, analysis)


def test_alerts_come_newest_change_first_and_end_at_what_is_known(github, app, shop, clock):
    github.add_analysis(shop, "refs/heads/main", shop.git.resolve("main"), "CodeQL", RAW)
    old = github.add_alert(shop, "py/old", "app.py", 3)
    clock.tick(60)
    since = clock.text()
    fixed = github.add_alert(shop, "py/fixed", "app.py", state="fixed")
    clock.tick()
    shut = github.add_alert(shop, "py/x", "app.py", 7)
    github.dismiss_alert(shut, "dana", "won't fix", "as agreed")
    first, second = app.alerts(seen(app), since)
    assert (first.number, first.state, first.rule) == (
        str(shut.number),
        AlertState.DISMISSED,
        "py/x",
    )
    assert (first.dismissed_by, first.dismissed_reason) == ("dana", "won't fix")
    assert (first.dismissed_comment, first.dismissed_at) == ("as agreed", clock.text())
    assert (first.path, first.line, first.tool) == ("app.py", 7, "CodeQL")
    assert (second.number, second.state) == (str(fixed.number), AlertState.FIXED)
    assert [one.number for one in app.alerts(seen(app), "")][-1] == str(old.number)


# --- nothing but reading -------------------------------------------------------------------------
def test_reading_everything_writes_nothing(github, host, shop, pull):
    record = seen(host)
    host.account()
    host.pull(record, 1), host.reviews(record, 1), host.pull_commits(record, 1)
    list(host.changed_pulls(LATER)), list(host.analyses(record)), list(host.alerts(record, ""))
    assert github.writes == github.contents_written == []
