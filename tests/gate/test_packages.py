"""Which package a result is about: every row of the catalogue proves itself by its own examples."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gate.catalogue import load
from gate.packages import PackageIdentity, advisories, class_of, locks_of, package_identity
from gate.records import Level, Location, Result

ROWS = load("tools.json")["packages"]
LODASH = PackageIdentity("npm", "lodash", "4.17.20", ("CVE-2021-23337",))


def result(given: dict[str, Any], aliases: tuple[str, ...] = ()) -> Result:
    place = Location(uri=given["path"], path=given["path"])
    told = (given["rule"], given["rule"], Level.ERROR, given["message"], place)
    return Result("/runs/0/results/0", given["tool"], *told, aliases=aliases)


@pytest.mark.parametrize("row", ROWS, ids=[row["id"] for row in ROWS])
def test_a_shape_reads_its_examples_and_nothing_else(row):
    for example in row["match"]:
        found = package_identity(result(example))
        assert found is not None, example
        assert (found.purl, found.version) == (example["purl"], example["version"])
        assert list(found.advisories) == example["advisories"]
        assert list(found.fixed) == example["fixed"]
    for example in row["no_match"]:
        assert package_identity(result(example)) is None, example


def test_a_former_id_of_the_rule_is_an_alias_of_the_advisory():
    example = next(row for row in ROWS if row["id"] == "osv-scanner")["match"][1]
    found = package_identity(result(example, aliases=("CVE-2023-39325", "GO-2023-2102")))

    assert found is not None
    assert found.advisories == ("GHSA-4374-P667-P6C8", "CVE-2023-39325", "GO-2023-2102")


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (PackageIdentity("npm", "lodash", "4.17.19", ("GHSA-X", "CVE-2021-23337")), True),
        (PackageIdentity("", "lodash", "", ("CVE-2021-23337",)), True),
        (PackageIdentity("pypi", "lodash", "4.17.20", ("CVE-2021-23337",)), False),
        (PackageIdentity("npm", "lodash.merge", "4.6.1", ("CVE-2021-23337",)), False),
        (PackageIdentity("npm", "lodash", "4.17.20", ("CVE-2020-28500",)), False),
    ],
)
def test_two_results_are_one_weakness_by_package_and_alias(other, same):
    assert LODASH.is_same_weakness(other) is same


def test_a_weakness_that_a_description_only_mentions_is_no_alias():
    text = (
        "Package: curl\nInstalled Version: 7.61.0-r0\nVulnerability CVE-2018-14618\n"
        "Severity: HIGH\nFixed Version: 7.61.1-r0\nLike CVE-2017-8816."
    )
    found = package_identity(
        result({"tool": "Trivy", "rule": "CVE-2018-14618", "path": "x", "message": text})
    )

    assert found is not None
    assert found.advisories == ("CVE-2018-14618",)


@pytest.mark.parametrize("text", ["CVE-2021-1" + "9" * 5000, "npm:" * 9000, "GHSA-" * 9000])
def test_hostile_texts_are_read_quickly(text):
    assert len(advisories(text)) <= 1


@pytest.mark.parametrize(
    "row", load("tools.json")["classes_of_results"], ids=lambda row: row["class"]
)
def test_a_result_of_another_class_than_its_tool_is_told_by_its_message(row):
    def of(example: Any) -> str:
        told = example if isinstance(example, dict) else {"rule": "x", "message": example}
        name = {"trivy": "Trivy", "snyk-oss": "Snyk Open Source"}.get(row["engines"][0])
        return class_of(result({"tool": name or row["engines"][0], "path": "x"} | told))

    assert all(of(example) == row["class"] for example in row["match"])
    assert not any(of(example) for example in row["no_match"])


@pytest.mark.parametrize(
    ("tool", "kind", "cwes", "known"),
    [
        ("SomeTool", "sast", ("CWE-798",), "secrets"),
        ("Some Agent", "agentic", ("CWE-22", "CWE-321"), "secrets"),
        ("Trivy", "sca", ("CWE-798",), ""),
        ("SomeTool", "sast", ("CWE-89",), ""),
    ],
)
def test_a_hard_coded_secret_is_a_secret_whatever_tool_reports_it(tool, kind, cwes, known):
    told = {"tool": tool, "rule": "x", "path": "x", "message": "x"}

    assert class_of(replace(result(told), cwes=cwes), kind) == known


def test_a_lock_file_stands_beside_its_manifest():
    assert "web/package-lock.json" in locks_of("web/package.json")
    assert locks_of("Gemfile") == ("Gemfile.lock",)
    assert locks_of("web/app.js") == ()


@pytest.mark.parametrize("rows", ["packages", "classes_of_results"])
def test_every_row_says_where_it_comes_from_and_when(rows):
    assert all(row["source"] and row["date"] for row in load("tools.json")[rows])
