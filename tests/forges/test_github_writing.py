"""What GitHub's adapter writes: a lamp on a commit and one comment, and nothing else."""

from dataclasses import replace

import pytest

from core.outbound import HostError
from forges.hosts.github_write import MAX_ANNOTATIONS, check_run_of, cut, status_of
from forges.hosts.records import Annotation, Lamp
from tests.forges.fake_github import FakeGitHub


@pytest.fixture
def github(settings):
    with FakeGitHub() as world:
        settings.OUTBOUND_PLAIN_HOSTS = [world.host]
        shop = world.add_repository("shop", {"app.py": "print(1)\n"})
        world.commit(shop, "fix", {"app.py": "print(2)\n"})
        world.open_pull(shop, "fix")
        yield world
        assert not world.contents_written


@pytest.fixture
def shop(github):
    return github.repositories["shop"]


@pytest.fixture
def record(app):
    return next(app.repositories())


@pytest.fixture
def lamp(shop):
    return Lamp(
        name="CTEM: Safe?",
        commit=shop.pulls[1].head_commit,
        outcome="fail",
        blocks=True,
        title="The original is still there",
        summary="**SQL injection** in `app.py`",
        url="https://ctem.example.org/fixes/1",
    )


def remarks(count):
    return tuple(Annotation("app.py", 1, "warning", f"No. {at}", "text") for at in range(count))


# --- check runs ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("outcome", "blocks", "status", "conclusion"),
    [
        ("pass", True, "completed", "success"),
        ("pass", False, "completed", "success"),
        ("fail", True, "completed", "failure"),
        ("fail", False, "completed", "neutral"),
        ("unknown", True, "completed", "action_required"),
        ("unknown", False, "completed", "neutral"),
        ("waiting", True, "in_progress", None),
        ("waiting", False, "in_progress", None),
    ],
)
def test_a_lamp_is_a_check_run_of_the_app(
    app, record, shop, lamp, outcome, blocks, status, conclusion
):
    known = app.show_lamp(record, replace(lamp, outcome=outcome, blocks=blocks), "")
    (run,) = shop.check_runs.values()
    assert known == str(run["id"])
    assert (run["status"], run["conclusion"]) == (status, conclusion)
    assert (run["name"], run["head_sha"]) == ("CTEM: Safe?", lamp.commit)
    assert run["output"] == {"title": lamp.title, "summary": lamp.summary}
    assert run["details_url"] == lamp.url


def test_a_lamp_that_changes_changes_its_check_run(app, record, shop, lamp):
    known = app.show_lamp(record, lamp, "")
    assert app.show_lamp(record, replace(lamp, outcome="pass"), known) == known
    (run,) = shop.check_runs.values()
    assert run["conclusion"] == "success"


def test_a_lamp_that_says_the_same_again_writes_nothing(github, app, record, lamp):
    shown = replace(lamp, annotations=remarks(60))
    known = app.show_lamp(record, shown, "")
    before = len(github.writes)
    assert app.show_lamp(record, shown, known) == known
    assert len(github.writes) == before


def test_a_lamp_on_another_commit_is_another_check_run(github, app, record, shop, lamp):
    known = app.show_lamp(record, lamp, "")
    commit = github.commit(shop, "fix", {"app.py": "print(3)\n"})
    other = app.show_lamp(record, replace(lamp, commit=commit), known)
    assert other != known
    assert shop.check_runs[int(other)]["head_sha"] == commit


def test_a_lamp_that_waits_again_is_a_new_check_run_since_github_keeps_a_conclusion(
    app, record, shop, lamp
):
    known = app.show_lamp(record, lamp, "")
    other = app.show_lamp(record, replace(lamp, outcome="waiting"), known)
    assert other != known
    assert shop.check_runs[int(other)]["status"] == "in_progress"
    assert app.show_lamp(record, lamp, other) == other


def test_a_check_run_that_is_gone_is_made_anew(app, record, shop, lamp):
    known = app.show_lamp(record, lamp, "")
    shop.check_runs.clear()
    assert app.show_lamp(record, lamp, known) != known


def test_many_annotations_go_in_batches_and_end_with_a_word_about_the_rest(
    github, app, record, shop, lamp
):
    app.show_lamp(record, replace(lamp, annotations=remarks(120)), "")
    (run,) = shop.check_runs.values()
    assert [one["title"] for one in run["annotations"]] == [f"No. {at}" for at in range(120)]
    assert [write.method for write in github.writes] == ["POST", "PATCH", "PATCH"]
    app.show_lamp(record, replace(lamp, annotations=remarks(400)), "")
    (_, run) = shop.check_runs.values()
    assert len(run["annotations"]) == MAX_ANNOTATIONS
    assert "More remarks" in run["output"]["summary"]


def test_annotations_that_changed_are_not_added_to_old_ones(app, record, shop, lamp):
    known = app.show_lamp(record, replace(lamp, annotations=remarks(3)), "")
    other = app.show_lamp(record, replace(lamp, annotations=remarks(1)), known)
    assert other != known
    assert len(shop.check_runs[int(other)]["annotations"]) == 1


def test_odd_annotations_become_ones_that_github_takes(app, record, shop, lamp):
    odd = Annotation("app.py", 0, "error", "t" * 400, "ü" * 70_000)
    app.show_lamp(record, replace(lamp, annotations=(odd,)), "")
    (run,) = shop.check_runs.values()
    (told,) = run["annotations"]
    assert (told["start_line"], told["annotation_level"], len(told["title"])) == (1, "notice", 255)
    assert len(told["message"].encode()) <= 64 * 1024


def test_a_long_summary_is_cut_to_what_github_takes(app, record, shop, lamp):
    app.show_lamp(record, replace(lamp, summary="ü" * 70_000, title="\0" + "t" * 300), "")
    (run,) = shop.check_runs.values()
    assert len(run["output"]["summary"].encode()) <= 65_535
    assert run["output"]["summary"].endswith("…")
    assert len(run["output"]["title"]) == 255


def test_a_summary_keeps_the_word_about_the_rest_also_when_it_is_cut(lamp):
    told = check_run_of(replace(lamp, summary="x" * 70_000, annotations=remarks(300)), [])
    assert len(told["output"]["summary"]) <= 65_535
    assert told["output"]["summary"].endswith("links to.")


# --- commit statuses -----------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("outcome", "blocks", "state", "words"),
    [
        ("pass", True, "success", "The original"),
        ("pass", False, "success", "The original"),
        ("fail", True, "failure", "The original"),
        ("unknown", True, "failure", "The original"),
        ("fail", False, "success", "Not passed, warns only: The original"),
        ("unknown", False, "success", "Not passed, warns only: The original"),
        ("waiting", True, "pending", "The original"),
        ("waiting", False, "pending", "The original"),
    ],
)
def test_with_a_token_a_lamp_is_a_commit_status(
    token, record, shop, lamp, outcome, blocks, state, words
):
    known = token.show_lamp(record, replace(lamp, outcome=outcome, blocks=blocks), "")
    (status,) = shop.statuses
    assert known == status["context"] == "CTEM: Safe?"
    assert status["state"] == state
    assert status["description"].startswith(words)
    assert status["sha"] == lamp.commit


def test_a_status_description_is_cut_to_what_github_takes(lamp):
    assert len(status_of(replace(lamp, title="t" * 300))["description"]) == 140


# --- the comment ---------------------------------------------------------------------------------
def test_the_comment_is_written_once_changed_and_made_anew_when_it_is_gone(app, record, shop):
    known = app.comment(record, 1, "First", "")
    assert app.comment(record, 1, "Second", known) == known
    assert [one["body"] for one in shop.comments.values()] == ["Second"]
    shop.comments.clear()
    assert app.comment(record, 1, "Third", known) != known
    assert [one["body"] for one in shop.comments.values()] == ["Third"]


def test_a_long_comment_is_cut_to_what_github_takes(token, record, shop):
    token.comment(record, 1, "x" * 70_000 + "\ud800", "")
    (comment,) = shop.comments.values()
    assert len(comment["body"]) <= 65_536


@pytest.mark.parametrize("message", ["Repository was archived so is read-only.", "is locked"])
def test_where_nothing_can_be_written_is_final(github, app, record, lamp, message):
    github.fault("POST", 403, times=3, message=message)
    for write in (lambda: app.comment(record, 1, "x", ""), lambda: app.show_lamp(record, lamp, "")):
        with pytest.raises(HostError, match="nothing can be written") as refused:
            write()
        assert refused.value.final


def test_a_known_comment_is_not_made_anew_because_github_is_down(github, app, record, shop):
    known = app.comment(record, 1, "First", "")
    github.fault("PATCH", 502)
    with pytest.raises(HostError):
        app.comment(record, 1, "Second", known)
    assert len(shop.comments) == 1


def test_text_is_cut_between_characters():
    assert cut("äöü", 6) == "äöü"
    assert cut("äöüx", 6) == "ä…"
    assert cut("a\0b", 10) == "a\ufffdb"
