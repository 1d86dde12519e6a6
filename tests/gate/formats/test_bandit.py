"""Bandit's JSON says what its SARIF says, but for the version and that it ran."""

from __future__ import annotations

from dataclasses import replace

from gate.records import Level, Location
from tests.gate.formats.samples_read import log_of, refusal, run, sample


def test_results_are_those_of_its_sarif():
    ours, theirs = sample("bandit.json"), sample("bandit.sarif")
    assert len(ours.results) == 5

    def plain(result):
        place = replace(result.location, uri="")
        return replace(result, pointer="", location=place)

    assert [plain(one) for one in ours.results] == [plain(one) for one in theirs.results]
    assert [rule.id for rule in ours.rules] == [rule.id for rule in theirs.rules]


def test_files_errors_and_the_time_are_told():
    ours, theirs = sample("bandit.json"), sample("bandit.sarif")
    assert ours.artifacts == theirs.artifacts
    assert ours.artifacts == ("app/broken.py", "app/clean.py", "app/views.py", "ignored.py")
    assert ours.lists_artifacts
    (error,) = ours.notifications
    assert (error.level, error.paths) == (Level.ERROR, ("app/broken.py",))
    assert "syntax error" in error.message
    assert ours.finished_at.endswith("Z")


def test_what_it_does_not_say_is_unknown():
    found = sample("bandit.json")
    assert (found.version, found.execution_successful, found.started_at) == ("", None, "")


def test_a_result_without_lines_has_its_number():
    log = log_of("bandit.json")
    log["results"] = [{"test_id": "B1", "filename": "a b%20.py", "line_number": 3}]
    (found,) = run(log).results
    assert found.location == Location("a%20b%2520.py", "a b%20.py", 3, end_line=3)
    assert (found.level, found.cwes) == (Level.WARNING, ())


def test_a_result_without_its_test_is_refused():
    log = log_of("bandit.json")
    del log["results"][1]["test_id"]
    assert refusal(log) == "report#/results/1/test_id: missing: nothing says which rule this is"
