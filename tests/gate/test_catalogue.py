"""The catalogue of tools: every row says where it comes from, and no name means two tools."""

from __future__ import annotations

import datetime

import pytest

from gate import catalogue

CLASSES = {
    "agentic",
    "sast",
    "sca",
    "secrets",
    "iac",
    "container",
    "dast",
    "cloud",
    "fuzz",
    "manual",
}


@pytest.mark.parametrize("row", catalogue.tools(), ids=lambda row: row.name)
def test_every_row_is_complete(row):
    assert row.tool_class in CLASSES
    assert row.rules in ("inventory", "fired", "varies")
    assert row.engine and row.vendor and row.source
    assert datetime.date.fromisoformat(row.date)
    assert all(ending.startswith(".") or ending[0].isalpha() for ending in row.extensions)


def test_no_name_means_two_tools():
    names = [name.casefold() for row in catalogue.tools() for name in {row.name, *row.aliases}]
    for row in catalogue.tools():
        for name in (row.name, *row.aliases):
            assert catalogue.tool(name.upper()) is row
    assert len(names) >= len(catalogue.tools())


def test_tools_are_found_by_what_their_sarif_says():
    assert catalogue.tool("semgrep").engine == "semgrep"
    assert catalogue.tool("CodeQL command-line toolchain").rules == "inventory"
    assert catalogue.tool("bandit").success == (0, 1)
    assert catalogue.tool("Nobody's Scanner") is None


def test_an_unknown_tool_still_has_its_constants_recognised():
    fingerprints = catalogue.fingerprints("Nobody's Scanner")
    assert not fingerprints.identifies("any", " Requires Login ")
    assert not fingerprints.identifies("COMMITSHA/v2", "c0ffee")
    assert fingerprints.identifies("any", "c0ffee")
