"""The catalogues: every row has a source and a date, and proves itself by its own examples."""

from __future__ import annotations

import json
import re
from datetime import date
from importlib import resources
from typing import Any

import jsonschema
import pytest

from gate.catalogue import load, tools
from gate.diff import parse
from gate.evidence import Commit
from gate.globs import matches
from gate.provenance import CONFIDENCE_RANK, ORIGIN_RANK, tell_origin
from gate.touches import marks, touches
from tests.gate.made import git_diff

MARKS = load("suppressions.json")["rows"]
FILES = load("scanner_files.json")["rows"]
AUTHORS = load("authorship.json")["rows"]
TESTS = load("tests.json")["rows"]
MANIFESTS = load("manifests.json")["rows"]
CAPS = load("caps.json")["rows"]


def _ids(rows: list[dict[str, Any]]) -> list[str]:
    return [str(row.get("id") or row.get("ecosystem") or row["patterns"][0]) for row in rows]


@pytest.mark.parametrize("rows", [MARKS, FILES, AUTHORS, TESTS, MANIFESTS, CAPS])
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


@pytest.mark.parametrize("row", AUTHORS, ids=_ids(AUTHORS))
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
    assert row["what"] in ("skip", "assert", "test")


@pytest.mark.parametrize("row", MANIFESTS, ids=_ids(MANIFESTS))
def test_a_manifest_row_finds_its_examples_and_nothing_else(row):
    assert all(matches(row["patterns"], path) for path in row["match"])
    assert not any(matches(row["patterns"], path) for path in row["no_match"])


def test_patterns_stay_quick_on_long_hostile_lines():
    for line in ("#" * 50_000, "/*" * 25_000, "a: " * 16_000, " " * 50_000, "nosem" * 10_000):
        assert isinstance(_marks_in(line), set)


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
