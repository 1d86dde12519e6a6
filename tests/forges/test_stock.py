"""What is known of stock set-ups: every row has a source and proves itself by its own examples."""

import re
from datetime import date

import pytest

from forges.hosts.records import Analysis
from forges.hosts.stock import Behaviour, behaviour, rows
from forges.statuses import Forge

ROWS = rows()


def _analysis(example):
    return Analysis(id="1", commit="a" * 40, **example)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.told["id"])
def test_a_row_matches_its_example_first_of_all_rows_and_not_its_counterexample(row):
    host = Forge(row.told["host"])
    assert behaviour(host, _analysis(row.told["match"])).id == row.told["id"]
    assert not row.matches(host, _analysis(row.told["no_match"]))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.told["id"])
def test_a_row_says_where_it_comes_from_and_uses_only_the_known_words(row):
    told = row.told
    assert told["source"].strip()
    assert told["what"].strip()
    assert date.fromisoformat(told["date"]) <= date(2026, 11, 23)
    assert told["scope"] in ("full", "diff", "")
    assert told["trusted"] in ("service", "unknown")
    assert bool(told["uploader"]) == (told["trusted"] == "service")
    assert re.fullmatch("[a-z-]+", told["id"])


def test_no_two_rows_have_one_id():
    assert len({row.told["id"] for row in ROWS}) == len(ROWS)


def test_a_row_of_one_host_says_nothing_of_another():
    example = _analysis({"tool": "CodeQL", "workflow": "(default)", "ref": "refs/heads/main"})
    assert behaviour(Forge.GITHUB, example).id == "github-upload"
    assert behaviour(Forge.GITLAB, example).id == "gitlab-job"


def test_what_no_row_knows_is_told_of_nobody():
    strange = _analysis({"tool": "CodeQL", "workflow": "circleci/7", "ref": "refs/heads/main"})
    assert behaviour(Forge.GITHUB, strange) == Behaviour()


def test_a_report_of_the_api_has_no_uploader_whatever_tool_it_names():
    forged = _analysis({"tool": "CodeQL", "workflow": "(default)", "ref": "refs/heads/main"})
    told = behaviour(Forge.GITHUB, forged)
    assert (told.scope, told.uploader, told.uploader_kind) == ("", "", "")


def test_a_pull_request_is_never_taken_for_a_full_scan_on_github():
    for tool in ("CodeQL", "Semgrep OSS", "Trivy", "Bandit", "anything"):
        for workflow in (
            "dynamic/github-code-scanning/codeql:analyze",
            ".github/workflows/x.yml:a",
        ):
            example = {"tool": tool, "workflow": workflow, "ref": "refs/pull/7/merge"}
            assert behaviour(Forge.GITHUB, _analysis(example)).scope != "full"


def test_the_uploader_names_the_workflow_as_it_is_even_with_braces_in_it():
    odd = _analysis(
        {"tool": "CodeQL", "workflow": ".github/workflows/{x}.yml:a", "ref": "refs/heads/main"}
    )
    told = behaviour(Forge.GITHUB, odd)
    assert told.uploader == "GitHub Actions: .github/workflows/{x}.yml:a"


def test_a_tool_whose_name_only_begins_like_a_known_one_is_another_tool():
    key = ".github/workflows/x.yml:a"
    for tool in ("CodeQL\n", "CodeQLike", "my CodeQL"):
        odd = _analysis({"tool": tool, "workflow": key, "ref": "refs/heads/main"})
        assert behaviour(Forge.GITHUB, odd).scope == ""
