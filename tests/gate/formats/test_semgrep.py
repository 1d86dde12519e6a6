"""Semgrep's JSON: results as in its SARIF; files, errors and what was left out beyond it."""

from __future__ import annotations

import pytest

from gate.records import Level, Suppression
from tests.gate.formats.samples_read import log_of, only, refusal, run, sample


def test_results_are_those_of_its_sarif_that_nobody_silenced():
    ours, theirs = sample("semgrep.json"), sample("semgrep.sarif")

    def told(result):
        spot = result.location
        lines = spot.path, spot.line, spot.column, spot.end_line, spot.end_column
        return result.tool, result.rule, result.level, result.message, result.cwes, lines

    shown = [told(one) for one in theirs.results if not one.suppressed]
    assert [told(one) for one in ours.results] == shown
    # The other one stands in the SARIF alone: of this format, silenced looks like gone.
    assert len(theirs.results) == len(ours.results) + 1


def test_files_errors_and_rules_are_told():
    found = sample("semgrep.json")
    assert found.version == "1.182.0"
    assert found.artifacts == ("app/clean.py", "app/views.py")  # but not what did not parse
    assert found.lists_artifacts
    assert ([rule.id for rule in found.rules], found.lists_rules) == (
        ["shell-true", "eval-used", "md5-used"], True,
    )  # fmt: skip
    told = [(note.level, note.id, note.paths) for note in found.notifications]
    assert told == [
        (Level.WARNING, "PartialParsing", ("app/broken.py",)),
        (Level.WARNING, "analysis_failed_parser_or_internal_error", ("app/broken.py",)),
        (Level.NOTE, "semgrepignore_patterns_match", ("ignored.py",)),
    ]


def test_without_time_nobody_knows_which_rules_were_on():
    log = log_of("semgrep.json")
    del log["time"]
    assert run(log).lists_rules is False


def made(**extra):
    start = {"line": 3, "col": 1}
    result = {"check_id": "r", "path": "a.py", "start": start, "end": start, "extra": extra}
    return {"version": "1.1", "results": [result], "errors": [], "paths": {"scanned": ["a.py"]}}


@pytest.mark.parametrize(
    ("word", "level"),
    [
        ("ERROR", Level.ERROR), ("WARNING", Level.WARNING), ("INFO", Level.NOTE),
        ("CRITICAL", Level.ERROR), ("HIGH", Level.ERROR), ("MEDIUM", Level.WARNING),
        ("LOW", Level.NOTE), ("new word", Level.WARNING),
    ],
)  # fmt: skip
def test_severities_have_levels(word, level):
    assert only(made(severity=word)).level is level


def test_a_fingerprint_counts_unless_it_wants_a_login():
    assert only(made(fingerprint="abc_0")).fingerprints == (("matchBasedId/v1", "abc_0"),)
    assert only(made(fingerprint="requires login")).fingerprints == ()


def test_code_counts_unless_it_wants_a_login():
    assert only(made(lines="  eval(x)")).location.snippet == "  eval(x)"
    assert only(made(lines="requires login")).location.snippet is None


def test_what_is_ignored_is_there_and_suppressed():
    assert only(made(is_ignored=True)).suppressions == (Suppression("inSource"),)


def test_weaknesses_come_as_one_word_or_several():
    assert only(made(metadata={"cwe": "CWE-95: Eval"})).cwes == ("CWE-95",)
    assert only(made(metadata={"cwe": ["CWE-95: Eval", "CWE-78"]})).cwes == ("CWE-95", "CWE-78")


def test_an_error_is_an_error():
    log = made() | {"errors": [{"code": 2, "level": "error", "type": "Timeout", "message": "m"}]}
    (note,) = run(log).notifications
    assert (note.level, note.id, note.message, note.paths) == (Level.ERROR, "Timeout", "m", ())


def test_a_result_without_its_rule_is_refused():
    log = made()
    del log["results"][0]["check_id"]
    assert refusal(log).startswith("report#/results/0/check_id: missing")
