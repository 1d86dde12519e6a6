"""The catalogues: every row has a source and a date, and proves itself by its own examples."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from datetime import date
from importlib import resources
from typing import Any

import jsonschema
import pytest

from gate.catalogue import load, tools
from gate.diff import Diff, FileDiff, Hunk, Line, parse
from gate.engines import kin, reads, reads_as_text
from gate.evidence import Commit
from gate.globs import matches
from gate.marks import marks
from gate.people import co_authors
from gate.provenance import CONFIDENCE_RANK, ORIGIN_RANK, machine, tell_origin
from gate.touches import touches
from tests.gate.made import git_diff

ENGINES = load("engines.json")
MARKS = load("suppressions.json")["rows"]
FILES = load("scanner_files.json")["rows"]
AUTHORS = load("authorship.json")["rows"]
LOGINS = [row for row in AUTHORS if row["kind"] == "login"]
SIGNALS = [row for row in AUTHORS if row["kind"] != "login"]
TESTS = load("tests.json")["rows"]
MANIFESTS = load("manifests.json")["rows"]
CAPS = load("caps.json")["rows"]


def _ids(rows: list[dict[str, Any]]) -> list[str]:
    return [str(row.get("id") or row.get("ecosystem") or row["patterns"][0]) for row in rows]


_ALL = [MARKS, FILES, AUTHORS, TESTS, MANIFESTS, CAPS]
_OF_ENGINES = [ENGINES["names"], ENGINES["without_marks"], ENGINES["read_everything"]]


@pytest.mark.parametrize("rows", [*_ALL, *_OF_ENGINES])
def test_every_row_says_where_it_comes_from_and_when(rows):
    assert rows
    for row in rows:
        assert row["source"].strip(), row
        assert date.fromisoformat(row["date"]) <= date(2026, 11, 23), row


@pytest.mark.parametrize("rows", [MARKS, AUTHORS, TESTS])
def test_no_two_rows_have_one_id(rows):
    assert len({row["id"] for row in rows}) == len(rows)


@pytest.mark.parametrize("row", MARKS, ids=_ids(MARKS))
def test_a_suppression_row_finds_its_examples_and_nothing_else(row):
    assert row["match"]
    assert row["no_match"]
    for line in row["match"]:
        assert row["id"] in _marks_in(line), line
    for line in row["no_match"]:
        assert row["id"] not in _marks_in(line), line


@pytest.mark.parametrize("row", MARKS, ids=_ids(MARKS))
def test_every_example_of_a_suppression_row_holds_one_of_its_words(row):
    assert all(word == word.casefold() for word in row["words"])
    for line in row["match"]:
        assert any(word in line.casefold() for word in row["words"]), line


@pytest.mark.parametrize("row", MARKS, ids=_ids(MARKS))
def test_no_repetition_in_a_suppression_pattern_is_without_bounds(row):
    endless = r"(?:\.|\\S|\[\^[^\]]*\]|\))[*+]"

    assert not re.search(endless, row["pattern"].replace("(?:all\\s+|any\\s+|of\\s+)*", ""))


def _marks_in(line: str) -> set[str]:
    diff = parse(git_diff({"src/x": ("a\n", f"a\n{line}\n")}).encode())
    return {mark.row for mark in marks(diff)}


@pytest.mark.parametrize("row", FILES, ids=_ids(FILES))
def test_a_scanner_file_row_finds_its_examples_and_nothing_else(row):
    for path in row["match"]:
        assert matches(row["patterns"], path), path
    for path in row["no_match"]:
        assert not matches(row["patterns"], path), path
    for member in ("section", "key", "line"):
        re.compile(row.get(member, ""))


WEIGHED = [row for row in FILES if "line_examples" in row]


@pytest.mark.parametrize("row", WEIGHED, ids=_ids(WEIGHED))
def test_a_row_of_a_shared_file_weighs_its_example_lines_as_it_says(row):
    for weight, examples in row["line_examples"].items():
        for example in examples:
            diff = Diff((_file(row["match"][0], example.split("\n")),), "")
            kinds = {touch.kind for touch in touches(diff) if touch.tools == tuple(row["tools"])}
            told = "maybe" if "maybe" in kinds else "sure" if kinds else "none"
            assert told == weight, example


def _file(path: str, texts: list[str]) -> FileDiff:
    lines = tuple(
        Line("+", None, at, text[1:]) if text.startswith("+") else Line(" ", at, at, text)
        for at, text in enumerate(texts, 1)
    )
    return FileDiff(path, path, "modified", hunks=(Hunk(1, 1, 1, 1, lines),))


@pytest.mark.parametrize("row", ENGINES["names"], ids=lambda row: row["match"][0])
def test_a_row_of_names_finds_its_examples_and_nothing_else(row):
    assert all(kin(name).issuperset(row["tools"]) for name in row["match"])
    assert not any(re.search(row["pattern"], name) for name in row["no_match"])


def test_a_name_that_holds_an_engines_name_as_a_word_is_its_kin():
    assert "bandit" in kin("gitlab bandit analyzer")
    assert "bandit" not in kin("bandits")


def test_a_scanner_does_not_read_files_of_other_tools_and_prose():
    assert [reads("bandit", path) for path in ("a.py", "a.md", "a.js", "run", "a.new")] == [
        True, False, False, True, True,
    ]  # fmt: skip
    assert reads("semgrep", "a.md")
    assert reads("gitleaks", "a.md")
    assert reads_as_text("gitleaks", "a.md")
    assert not reads_as_text("gitleaks", "a.png")
    assert not reads_as_text("grype", "a.py")


def test_the_kinds_of_scanner_files_are_those_that_checks_know():
    kinds = {row["kind"] for row in FILES}

    assert kinds == {"config", "suppression", "workflow", "agent", "surfaced"}


def test_a_row_that_names_a_tool_names_its_engine_as_the_list_of_tools_spells_it():
    engines = {tool.name.casefold(): tool.engine for tool in tools()}
    for row in (*MARKS, *FILES):
        wanted = {engines[name] for name in row["tools"] if name in engines}
        assert wanted <= set(row["tools"]), row


def test_the_engines_with_most_findings_can_be_told_to_be_silent():
    named = {tool for row in MARKS for tool in row["tools"]}
    files = {tool for row in FILES for tool in row["tools"]}

    assert {
        "bandit",
        "semgrep",
        "codeql",
        "gosec",
        "gitleaks",
        "trivy",
        "checkov",
        "eslint",
    } <= named
    assert {"bandit", "semgrep", "codeql", "gitleaks", "trivy", "checkov", "eslint"} <= files


@pytest.mark.parametrize("row", LOGINS, ids=_ids(LOGINS))
def test_a_row_of_logins_tells_its_machine_from_people(row):
    assert row["origin"] in ORIGIN_RANK
    assert machine(row["match"]) == row["agent"]
    assert machine(f"{row['match']}[bot]") == row["agent"]
    assert not machine(row["no_match"])


def test_the_rows_of_trailers_and_models_have_a_source_and_examples():
    rows = load("authorship.json")
    for row in (*rows["hands"], *rows["models"]):
        assert row["source"].strip()
        assert date.fromisoformat(row["date"])
    for row in rows["hands"]:
        assert co_authors(f"Fix\n\n{row['key'].title()}: Jo <jo@example.org>")
    for row in rows["models"]:
        assert all(re.search(row["pattern"], model) for model in row["match"])
        assert not any(re.search(row["pattern"], model) for model in row["no_match"])


@pytest.mark.parametrize("row", SIGNALS, ids=_ids(SIGNALS))
def test_an_authorship_row_finds_its_example_and_not_its_counterexample(row):
    assert row["origin"] in ORIGIN_RANK
    assert row["confidence"] in CONFIDENCE_RANK
    assert row["origin"] in _origins(row, row["match"])
    assert row["origin"] not in _origins(row, row["no_match"])


def _origins(row: dict[str, Any], text: str) -> set[str]:
    """The origins that signals of the row's kind tell of its example."""
    person = "Jane <jane@example.org>"
    made = {
        "author-mail": Commit("", "m", f"Some Name <{text}>", person),
        "author-name": Commit("", "m", f"{text} <jane@example.org>", person),
        "trailer-mail": Commit("", f"m\n\nCo-authored-by: Name <{text}>", person, person),
        "trailer": Commit("", f"m\n\n{text}", person, person),
        "footer": Commit("", f"m\n\n{text}", person, person),
        "subject": Commit("", text, person, person),
    }
    told = (
        tell_origin([], branch=text)
        if row["kind"] == "branch"
        else tell_origin([made[row["kind"]]])
    )
    return {signal.origin for signal in told.signals if signal.kind == row["kind"]}


@pytest.mark.parametrize("row", TESTS, ids=_ids(TESTS))
def test_a_test_row_finds_its_examples_and_nothing_else(row):
    pattern = re.compile(row["pattern"])

    assert all(pattern.search(line) for line in row["match"])
    assert not any(pattern.search(line) for line in row["no_match"])
    assert row["what"] in ("skip", "hollow", "swallow", "assert", "test", "class")


@pytest.mark.parametrize("row", MANIFESTS, ids=_ids(MANIFESTS))
def test_a_manifest_row_finds_its_examples_and_nothing_else(row):
    assert all(matches(row["patterns"], path) for path in row["match"])
    assert not any(matches(row["patterns"], path) for path in row["no_match"])


_LONG = 100_000


def _took(run: Callable[[], object]) -> float:
    started = time.process_time()
    run()
    return time.process_time() - started


@pytest.mark.parametrize("row", MARKS, ids=_ids(MARKS))
def test_suppression_patterns_stay_quick_on_long_hostile_lines(row):
    parts = {*row["match"], *(line[:-1] for line in row["match"]), *row["words"], "#", " "}
    for part in parts:
        line = (part * _LONG)[:_LONG]
        assert _took(lambda line=line: _marks_in(line)) < 2, part


@pytest.mark.parametrize("row", FILES, ids=_ids(FILES))
def test_patterns_of_scanner_files_stay_quick_on_long_hostile_lines(row):
    path = row["match"][0]
    for part in ('"', '"a" ', " ", "[", "[a ", "a = ", "a.", '\\"', "a/", "bandit ", '": "a'):
        for line in ((part * _LONG)[:_LONG], '"' + (part * _LONG)[:_LONG] + "!"):
            diff = Diff((_file(path, [line, f"+{line}"]),), "")
            assert _took(lambda diff=diff: touches(diff)) < 2, part


def test_a_large_diff_full_of_words_is_given_up_soon_and_does_not_pass():
    line = "+check the rule # nosec\n"
    text = f"--- a/x.py\n+++ b/x.py\n@@ -1 +1,40000 @@\n-a\n{line * 40_000}"
    diff = parse(f"diff --git a/x.py b/x.py\n{text}".encode())

    assert _took(lambda: marks(diff)) < 5
    assert marks(diff)[-1].row == "too-many"


@pytest.mark.parametrize(
    ("pattern", "path", "found"),
    [
        (".bandit", "deep/down/.bandit", True),
        (".bandit", "x.bandit", False),
        ("*.rego", "a/b.rego", True),
        ("tests/**", "pkg/tests/a/b.py", True),
        ("tests/**", "mytests/a.py", False),
        (".github/workflows/**", ".github/workflows/ci.yml", True),
        ("a*.yml", "ab/c.yml", False),
        ("AGENTS.md", "agents.md", True),
    ],
)
def test_globs_mean_what_the_catalogues_say(pattern, path, found):
    assert matches([pattern], path) is found


def test_a_heading_of_another_section_does_not_speak_for_the_scanners_lines():
    old = "[tool.ruff]\nx = 1\n\n[tool.bandit]\nskips = []\n"
    new = old.replace("skips = []", 'skips = ["B602"]')

    (touch,) = touches(parse(git_diff({"pyproject.toml": (old, new)}).encode()))
    assert (touch.path, touch.line, touch.tools) == ("pyproject.toml", 5, ("bandit",))


def test_the_schema_of_the_judgement_is_a_schema():
    schema = json.loads(resources.files("gate").joinpath("data/judgement.schema.json").read_bytes())

    jsonschema.Draft202012Validator.check_schema(schema)
