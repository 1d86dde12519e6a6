"""The GitLab adapter over real HTTP, with real git behind: what is read, what is written, what is refused."""

import json
import time
from dataclasses import replace

import pytest

from core.outbound import HostError
from forges.hosts import gitlab_analyses
from forges.hosts.gitlab import GitLab
from forges.hosts.gitlab_git import tree_id
from forges.hosts.records import Analysis, HostRepository, Lamp
from forges.statuses import AlertState, PullState, ReviewState
from tests.loopback import serving

REPORT = {
    "version": "15.2.4",
    "scan": {"type": "sast", "status": "success", "scanner": {"id": "semgrep", "name": "Semgrep"}},
    "vulnerabilities": [],
}
FILES = {
    "README.md": "A shop\n",
    "app/views.py": "import os\n\n\ndef index():\n    return 1\n",
    "app.py": "x = 1\n",
    "app-1/a.txt": "a\n",
}


@pytest.fixture
def project(world):
    return world.add_project("shop", FILES)


@pytest.fixture
def shop(host, project):
    (repository,) = host.repositories()
    return repository


# --- signing in and being refused ----------------------------------------------------------------
def test_the_account_is_the_user_of_the_token(host):
    assert host.account() == "ctem-bot"


def test_a_token_that_is_not_taken_is_final_and_never_repeated(world, project):
    host = GitLab(api=world.api, account="acme", token="glpat-canary-7d3b")
    with pytest.raises(HostError, match="does not take our token") as caught:
        host.account()
    assert caught.value.final
    assert "canary" not in str(caught.value) + repr(host) + repr(vars(host))


@pytest.mark.parametrize(
    ("status", "headers", "wait"),
    [
        (429, {"Retry-After": "17"}, 17),
        (429, {}, 60),
        (503, {"Retry-After": "5"}, 5),
        (502, {}, None),
    ],
)
def test_a_busy_host_is_asked_again_later(world, host, status, headers, wait):
    world.answers = [(status, headers, b"{}")]
    with pytest.raises(HostError) as caught:
        host.account()
    assert (caught.value.final, caught.value.retry_after) == (False, wait)


def test_nothing_more_is_asked_once_the_rate_is_used_up(world, host):
    world.extra = {"RateLimit-Remaining": "0", "RateLimit-Reset": str(int(time.time()) + 30)}
    host.account()
    asked = len(world.server.requests)
    with pytest.raises(HostError, match="left alone") as caught:
        host.account()
    assert 20 < caught.value.retry_after <= 30
    assert len(world.server.requests) == asked


def test_a_missing_member_and_an_answer_that_is_no_list_are_host_errors(world, host, shop):
    world.answers = [(200, {}, b"{}")]
    with pytest.raises(HostError, match="no 'username'"):
        host.account()
    world.answers = [(200, {}, b"{}")]
    with pytest.raises(HostError, match="not the list"):
        host.branches(shop)
    with pytest.raises(HostError, match="404") as caught:
        host.pull(shop, 99)
    assert caught.value.final


# --- repositories and pages ----------------------------------------------------------------------
def test_all_projects_of_the_group_come_page_by_page(world, host):
    for name in ("a", "b", "c", "d", "e"):
        world.add_project(name, FILES)
    world.most_per_page = 2
    found = host.repositories()
    assert next(found).full_name == "acme/a"
    asked = len(world.server.requests)
    assert [one.full_name for one in found] == ["acme/b", "acme/c", "acme/d", "acme/e"]
    assert len(world.server.requests) == asked + 2


def test_projects_of_a_person_are_read_where_there_is_no_such_group(world, host, project):
    world.is_group = False
    (found,) = host.repositories()
    assert found == HostRepository(
        id=str(project.id),
        full_name="acme/shop",
        default_branch="main",
        web_url="https://gitlab.example/acme/shop",
        clone_url="https://gitlab.example/acme/shop.git",
        pushed_at="2026-11-20T08:01:00Z",
    )
    world.open_merge_request(project, "main")
    assert list(host.changed_pulls("2026-11-20T00:00:00Z")) == [("acme/shop", 1)]


@pytest.mark.parametrize("path", ["/api/v4/user?page=2", "/api/v4x/user"])
def test_a_next_page_elsewhere_is_refused_before_the_token_goes_there(
    world, host, shop, settings, path
):
    with serving() as elsewhere:
        settings.OUTBOUND_PLAIN_HOSTS = [world.server.host, elsewhere.host]
        root = elsewhere.url if path.startswith("/api/v4/") else world.server.url
        world.answers = [(200, {"Link": f'<{root}{path}>; rel="next"'}, b"[]")]
        with pytest.raises(HostError, match="next page is elsewhere") as caught:
            host.branches(shop)
        assert elsewhere.requests == []
    assert caught.value.final


def test_a_list_without_end_is_refused(world, host, shop):
    path = f"{world.api}/projects/{shop.id}/repository/branches?per_page=100"
    world.answers = [(200, {"Link": f'<{path}>; rel="next"'}, b"[]")] * 2
    with pytest.raises(HostError, match="without end") as caught:
        host.branches(shop)
    assert caught.value.final


def test_branches_are_the_protected_ones_and_have_tips(world, host, project, shop):
    release = world.commit(project, {"README.md": "Release\n"}, branch="release/1.0")
    world.commit(project, {"README.md": "Work\n"}, branch="work")
    project.protected.add("release/1.0")
    assert host.branches(shop) == ["main", "release/1.0"]
    assert host.tip(shop, "release/1.0") == release


# --- merge requests ------------------------------------------------------------------------------
def test_a_merge_request_is_read_as_it_is(world, host, project, shop):
    commit = world.commit(project, {"app.py": "x = 2\n"}, "Fix it", branch="fix")
    world.user("renovate", bot=True)
    world.open_merge_request(project, "fix", "Fix", author="renovate", fork=True, draft=True)
    pull = host.pull(shop, 1)
    assert (pull.state, pull.head_commit, pull.base_ref, pull.head_ref) == (
        PullState.OPEN,
        commit,
        "main",
        "fix",
    )
    assert (pull.author, pull.is_bot, pull.is_fork, pull.is_draft) == ("renovate", True, True, True)
    assert (pull.merged_at, pull.merged_by, pull.merge_commit) == ("", "", "")
    assert pull.created_at.endswith("Z")
    assert list(host.open_pulls(shop)) == [1]


@pytest.mark.parametrize("how", ["merge", "squash", "ff"])
def test_what_landed_on_the_base_branch_is_the_merge_commit(world, host, project, shop, how):
    world.commit(project, {"app.py": "x = 2\n"}, "Fix it", branch="fix")
    pull = world.open_merge_request(project, "fix")
    landed = world.merge(pull, how)
    found = host.pull(shop, 1)
    assert (found.state, found.merge_commit, found.merged_by) == (
        PullState.MERGED,
        landed,
        "approver",
    )
    assert host.tip(shop, "main") == landed
    assert list(host.open_pulls(shop)) == []


def test_changed_merge_requests_come_newest_first_and_only_since_then(world, host, project, shop):
    other = world.add_project("other", FILES, group="acme/sub")
    for one in (project, other, project):
        world.commit(one, {"app.py": f"x = {world.number()}\n"}, branch="fix")
        world.open_merge_request(one, "fix")
    between = world.projects[1].pulls[0].row["updated_at"]
    assert list(host.changed_pulls("2026-11-20T00:00:00Z")) == [
        ("acme/shop", 2),
        ("acme/sub/other", 1),
        ("acme/shop", 1),
    ]
    assert list(host.changed_pulls(between)) == [("acme/shop", 2)]


def test_commits_of_a_merge_request_are_its_own_oldest_first(world, host, project, shop):
    first = world.commit(project, {"app.py": "x = 2\n"}, "One\n\nSigned-off-by: X", branch="fix")
    world.commit(project, {"README.md": "Moved on\n"})
    second = world.commit(project, {"app.py": "x = 3\n"}, "Two", "fix", "Zoë <zoe@example.org>")
    world.open_merge_request(project, "fix")
    found = host.pull_commits(shop, 1)
    assert [one.id for one in found] == [first, second]
    assert found[1].parents == (first,)
    assert found[0].message.startswith("One\n\nSigned-off-by: X")
    assert (found[1].author, found[1].committer) == ("Zoë <zoe@example.org>",) * 2


# --- reviews -------------------------------------------------------------------------------------
@pytest.fixture
def pull(world, project):
    world.commit(project, {"app.py": "x = 2\n"}, "Fix it", branch="fix")
    return world.open_merge_request(project, "fix")


def test_an_approval_is_bound_to_the_revision_that_was_there(world, host, project, shop, pull):
    old = pull.head
    world.approve(pull, "approver", level=40)
    new = world.push(project, {"app.py": "x = 3\n"}, branch="fix")
    world.approve(pull, "second", level=20)
    found = host.reviews(shop, 1)
    assert [(one.login, one.state, one.commit, one.may_write) for one in found] == [
        ("approver", ReviewState.APPROVED, old, True),
        ("second", ReviewState.APPROVED, new, False),
    ]
    assert found[0].at < found[1].at
    assert not any(one.is_bot for one in found)


def test_an_approval_that_was_taken_back_or_reset_by_a_push_stands_no_more(
    world, host, project, shop, pull
):
    project.resets_approvals = True
    world.approve(pull, "approver")
    world.unapprove(pull, "approver")
    world.approve(pull, "second")
    world.push(project, {"app.py": "x = 3\n"}, branch="fix")
    assert [one.state for one in host.reviews(shop, 1)] == [ReviewState.DISMISSED] * 2
    world.approve(pull, "second")
    last = host.reviews(shop, 1)[-1]
    assert (last.login, last.state, last.commit) == ("second", ReviewState.APPROVED, pull.head)
    assert len(host.reviews(shop, 1)) == 3


def test_of_two_approvals_of_one_person_only_the_last_stands(world, host, project, shop, pull):
    world.approve(pull, "approver")
    world.unapprove(pull, "approver")
    world.approve(pull, "second")
    world.approve(pull, "approver")
    assert [(one.login, one.state) for one in host.reviews(shop, 1)] == [
        ("approver", ReviewState.DISMISSED),
        ("second", ReviewState.APPROVED),
        ("approver", ReviewState.APPROVED),
    ]


def test_changes_that_were_requested_are_a_rejection(world, host, shop, pull):
    world.request_changes(pull, "approver")
    (found,) = host.reviews(shop, 1)
    assert (found.state, found.commit, found.may_write) == (ReviewState.REJECTED, pull.head, True)


def test_a_comment_in_gitlabs_own_words_decides_nothing(world, host, shop, pull):
    world.say(pull, "outsider", "approved this merge request")
    world.say(pull, "outsider", "requested changes")
    assert host.reviews(shop, 1) == []


def test_an_approval_nobody_noted_is_bound_by_gitlabs_own_moment(world, host, project, shop, pull):
    """Notes may be gone; an older GitLab does not say when: then it is bound to nothing."""
    old = pull.head
    world.approve(pull, "approver")
    world.push(project, {"app.py": "x = 3\n"}, branch="fix")
    pull.notes.clear()
    assert [one.commit for one in host.reviews(shop, 1)] == [old]
    pull.approvals["approver"] = None
    (found,) = host.reviews(shop, 1)
    assert (found.state, found.commit, found.at) == (ReviewState.APPROVED, "", "")


def test_where_gitlab_does_not_say_when_its_note_does(world, host, project, shop, pull):
    """Before version 18 the list of approvals has names only."""
    old = pull.head
    world.approve(pull, "approver")
    when = pull.approvals["approver"]
    world.push(project, {"app.py": "x = 3\n"}, branch="fix")
    pull.approvals["approver"] = None
    (found,) = host.reviews(shop, 1)
    assert (found.state, found.commit) == (ReviewState.APPROVED, old)
    assert found.at == when.replace(".000Z", "Z")


def test_an_approval_at_the_moment_of_a_push_is_of_the_revision_before(
    world, host, project, shop, pull
):
    old = pull.head
    world.approve(pull, "approver")
    world.push(project, {"app.py": "x = 3\n"}, branch="fix")
    number, head, base, _ = pull.versions[-1]
    pull.versions[-1] = number, head, base, pull.approvals["approver"]
    assert [one.commit for one in host.reviews(shop, 1)] == [old]


def test_who_cannot_be_seen_as_a_member_is_not_told(world, host, project, shop, pull):
    world.approve(pull, "approver")
    project.members.clear()
    assert [one.may_write for one in host.reviews(shop, 1)] == [False]


# --- commits, trees, blobs -----------------------------------------------------------------------
def test_a_tree_worked_out_from_its_entries_is_gits(world, host, project, shop):
    """Folders are ordered as if they ended in a slash: app-1, app.py, app."""
    (project.folder / "run.sh").write_text("#!/bin/sh\n")
    (project.folder / "run.sh").chmod(0o755)
    (project.folder / "link").symlink_to("app.py")
    world.most_per_page = 2
    commit = world.commit(project, {"größe.txt": "1\n", "with space/a": "b\n", "Z": ""}, "Müller")
    found = host.commit(shop, commit)
    assert found.tree == project.text("rev-parse", f"{commit}^{{tree}}")
    assert found.parents == (project.text("rev-parse", f"{commit}^"),)
    assert (found.id, found.message.strip()) == (commit, "Müller")


def test_a_tree_whose_names_are_not_known_to_the_byte_is_not_told(world, host, project, shop):
    (
        project.folder.joinpath("x").parent / b"l\xe4rm.txt".decode(errors="surrogateescape")
    ).write_text("")
    assert host.commit(shop, world.commit(project)).tree == ""
    assert tree_id([]) == ""


def test_trees_of_sha_256_repositories_are_worked_out_too():
    blob = "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813"
    found = tree_id([{"name": "a", "mode": "100644", "id": blob}])
    assert len(found) == 64


def test_blobs_are_found_folder_by_folder_and_only_files(world, host, project, shop):
    (project.folder / "link").symlink_to("app.py")
    commit = world.commit(project, {"app/ü b.py": "1\n"})
    wanted = ["app.py", "app/views.py", "app/ü b.py", "app", "link", "app/none.py", "no/such.py"]
    found = host.blobs(shop, commit, wanted)
    assert found == {
        path: project.text("rev-parse", f"{commit}:{path}")
        for path in ("app.py", "app/views.py", "app/ü b.py")
    }


# --- scans ---------------------------------------------------------------------------------------
def test_reports_of_jobs_come_newest_first_and_by_ref(world, host, project, shop):
    commit = project.text("rev-parse", "main")
    world.add_report(project, "refs/heads/main", commit, report=REPORT)
    world.add_report(project, "refs/merge-requests/1/head", commit, report=REPORT, status="failed")
    world.add_report(project, "refs/tags/v1", commit, "secret_detection", REPORT, job="secrets")
    found = list(host.analyses(shop))
    assert [(one.tool, one.ref, one.workflow, one.succeeded) for one in found] == [
        ("secret_detection", "refs/tags/v1", "secrets", True),
        ("sast", "refs/merge-requests/1/head", "semgrep-sast", False),
        ("sast", "refs/heads/main", "semgrep-sast", True),
    ]
    assert [one.error for one in found] == ["", "The job failed.", ""]
    assert (found[2].commit, found[2].category) == (commit, "gitlab-sast")
    assert [one.ref for one in host.analyses(shop, "refs/heads/main")] == ["refs/heads/main"]
    assert [one.ref for one in host.analyses(shop, "refs/heads/v1")] == []


def test_of_many_pipelines_only_the_newest_are_looked_into(world, host, project, shop, monkeypatch):
    monkeypatch.setattr(gitlab_analyses, "MOST_PIPELINES", 2)
    for number in range(4):
        world.add_report(project, "main", world.commit(project), report=REPORT, job=f"job-{number}")
    before = len(world.server.requests)
    assert [a.workflow for a in host.analyses(shop, "refs/heads/main")] == ["job-3", "job-2"]
    assert len(world.server.requests) - before == 3


def test_whether_the_job_of_a_report_ended_well_is_known(world, host, project, shop):
    world.add_report(project, "refs/heads/main", "0" * 40, report=REPORT, status="failed")
    job = world.add_report(project, "refs/heads/main", "0" * 40, report=REPORT)
    well, badly = host.analyses(shop)
    asked = len(world.server.requests)
    assert (host.succeeded(shop, well), host.succeeded(shop, badly)) == (True, False)
    assert len(world.server.requests) == asked
    untold = [replace(one, succeeded=None) for one in (well, badly)]
    assert [host.succeeded(shop, one) for one in untold] == [True, False]
    job["status"] = "running"
    assert host.succeeded(shop, untold[0]) is None


@pytest.mark.parametrize("name", ["../../secrets", "out/../../x.sarif", "a//b.sarif", ""])
def test_a_name_that_a_job_chose_leads_nowhere_else(world, host, project, shop, name):
    world.add_report(
        project, "refs/heads/main", "0" * 40, "sarif", REPORT, name=name or "./x.sarif"
    )
    assert list(host.analyses(shop)) == []
    analysis = Analysis(f"{shop.id}/5/sarif/{name}", "refs/heads/main", "0" * 40, "sarif")
    with pytest.raises(HostError, match="no analysis"):
        host.report(shop, analysis, 1000)


def test_a_running_job_has_no_report_yet(world, host, project, shop):
    world.add_report(project, "refs/heads/main", "0" * 40, report=REPORT, status="running")
    assert list(host.analyses(shop)) == []


def test_a_report_comes_as_it_is_from_the_archive_or_alone(world, host, project, shop):
    for archived in (True, False):
        world.add_report(project, "refs/heads/main", "0" * 40, report=REPORT, archived=archived)
        analysis = next(iter(host.analyses(shop)))
        assert json.loads(host.report(shop, analysis, 10_000)) == REPORT
    world.gives_file_types = False  # before version 19 the parameter is not known
    with pytest.raises(HostError, match="artifacts:paths") as caught:
        host.report(shop, analysis, 10_000)
    assert caught.value.final


def test_sarif_in_an_archive_is_found_where_gitlab_lists_it(world, host, project, shop):
    sarif = {"version": "2.1.0", "runs": []}
    world.add_report(project, "refs/heads/main", "0" * 40, "sarif", sarif, name="out/a b.sarif")
    (analysis,) = host.analyses(shop)
    assert (analysis.tool, analysis.category) == ("sarif", "")
    assert host.report(shop, analysis, 1000) == b'{"version": "2.1.0", "runs": []}'
    world.has_artifact_tree = False
    assert list(host.analyses(shop)) == []


@pytest.mark.parametrize("report", [b"nonsense", b"[]", {"version": "15.0.0"}, b"PK\3\4 zip"])
def test_a_report_that_cannot_be_read_is_refused_for_good(world, host, project, shop, report):
    world.add_report(project, "refs/heads/main", "0" * 40, report=report)
    (analysis,) = host.analyses(shop)
    with pytest.raises(HostError, match="cannot be used") as caught:
        host.report(shop, analysis, 10_000)
    assert caught.value.final


def test_a_report_over_the_limit_or_of_another_project_is_refused(world, host, project, shop):
    world.add_report(project, "refs/heads/main", "0" * 40, report=REPORT)
    (analysis,) = host.analyses(shop)
    with pytest.raises(HostError, match="more than allowed"):
        host.report(shop, analysis, 100)
    elsewhere = HostRepository("1", "acme/x", "main", "", "")
    with pytest.raises(HostError, match="another project"):
        host.report(elsewhere, analysis, 10_000)


def test_a_store_that_gitlab_sends_us_to_does_not_get_the_token(
    world, host, project, shop, settings
):
    world.add_report(project, "refs/heads/main", "0" * 40, report=REPORT)
    (analysis,) = host.analyses(shop)
    with serving() as store:
        settings.OUTBOUND_PLAIN_HOSTS = [world.server.host, store.host]
        store.answers["/kept?sig=1"] = 200, {}, str(REPORT).replace("'", '"').encode()
        world.answers = [(302, {"Location": f"{store.url}/kept?sig=1"}, b"")]
        assert b"Semgrep" in host.report(shop, analysis, 10_000)
        (asked,) = store.requests
    assert "private-token" not in asked.headers


def test_gitlabs_own_vulnerabilities_are_alerts_and_none_without_them(world, host, project, shop):
    assert list(host.alerts(shop, "2026-11-20T00:00:00Z")) == []
    found = {"location": {"file": "app.py", "start_line": 3}, "scanner": {"name": "Semgrep"}}
    metadata = json.dumps({**found, "identifiers": [{"value": "bandit.B602"}]})
    reviewer = world.user("approver")["id"]
    row = {
        "id": 5,
        "state": "detected",
        "report_type": "sast",
        "finding": {"raw_metadata": metadata},
        "updated_at": "2026-11-20T09:00:00.500Z",
    }
    project.vulnerabilities = [
        row,
        {
            **row,
            "id": 6,
            "state": "dismissed",
            "updated_at": "2026-11-21T09:00:00Z",
            "dismissed_by_id": reviewer,
            "dismissed_at": "2026-11-21T09:00:00Z",
        },
        {**row, "id": 7, "updated_at": "2026-11-19T09:00:00Z"},
        {**row, "id": 8, "state": "resolved", "finding": {"raw_metadata": "broken"}},
    ]
    found = list(host.alerts(shop, "2026-11-20T09:00:00Z"))
    assert [(one.number, one.state) for one in found] == [
        ("6", AlertState.DISMISSED),
        ("5", AlertState.OPEN),
        ("8", AlertState.FIXED),
    ]
    assert (found[0].dismissed_by, found[0].tool, found[0].rule) == (
        "approver",
        "Semgrep",
        "bandit.B602",
    )
    assert (found[1].path, found[1].line) == ("app.py", 3)
    assert found[1].url == "https://gitlab.example/acme/shop/-/security/vulnerabilities/5"


# --- telling -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("outcome", "blocks", "state"),
    [
        ("pass", True, "success"),
        ("fail", True, "failed"),
        ("unknown", True, "failed"),
        ("waiting", True, "pending"),
        ("pass", False, "success"),
        ("fail", False, "success"),
        ("waiting", False, "success"),
    ],
)
def test_a_lamp_is_a_commit_status(world, host, project, shop, outcome, blocks, state):
    commit = project.text("rev-parse", "main")
    lamp = Lamp("CTEM: Safe?", commit, outcome, blocks, "T" * 300, "", "https://ctem.example/1")
    known = host.show_lamp(shop, lamp, "")
    assert host.show_lamp(shop, lamp, known) == known
    (_, _, body), _ = world.writes
    assert (body["state"], body["name"], body["target_url"]) == (
        state,
        "CTEM: Safe?",
        "https://ctem.example/1",
    )
    assert len(body["description"]) == 255
    honest = blocks or outcome == "pass"
    assert body["description"].startswith("T" if honest else f"{outcome} (does not block): T")


def test_a_lamp_on_a_commit_that_is_gone_is_final(host, shop):
    lamp = Lamp("CTEM: Safe?", "0" * 40, "pass", True, "Safe", "", "")
    with pytest.raises(HostError, match="404") as caught:
        host.show_lamp(shop, lamp, "")
    assert caught.value.final


def test_there_is_one_comment_which_is_changed_and_made_anew_when_gone(world, host, shop, pull):
    known = host.comment(shop, 1, "One", "")
    assert host.comment(shop, 1, "Two", known) == known
    assert [note["body"] for note in pull.notes] == ["Two"]
    pull.notes.clear()
    again = host.comment(shop, 1, "Three", known)
    assert again != known
    assert [method for method, _, _ in world.writes] == ["POST", "PUT", "PUT", "POST"]


def test_nothing_is_written_by_reading(world, host, project, shop, pull):
    world.add_report(project, "refs/heads/main", "0" * 40, report=REPORT)
    host.reviews(shop, 1), host.pull(shop, 1), list(host.analyses(shop)), host.pull_commits(shop, 1)
    assert world.writes == []
    assert {asked.method for asked in world.server.requests} == {"GET"}


def test_the_fake_holds_requests_to_its_table(world, host, shop):
    client = host._client
    for path, query in (
        ("nothing/here", {}),
        ("user", {"x": 1}),
        (f"projects/{shop.id}/merge_requests", {"state": "open"}),
    ):
        with pytest.raises(HostError, match="400"):
            client.get(path, **query)
    assert len(world.violations) == 3
    world.violations.clear()
