"""Grype's JSON is judged as its SARIF is; matches that were ignored are there and suppressed."""

from __future__ import annotations

import pytest

from gate.packages import package_identity
from tests.gate.formats.samples_read import log_of, only, read, refusal, run, sample


@pytest.mark.parametrize("name", ["grype_directory", "grype_image"])
def test_results_are_those_of_its_sarif(name):
    ours, theirs = sample(f"{name}.json"), sample(f"{name}.sarif")

    def told(result):
        words = result.tool, result.rule, result.level, result.message, result.security_severity
        spot = result.location.path or result.location.uri
        return *words, spot, package_identity(result)

    assert len(ours.results) == 2
    assert [told(one) for one in ours.results] == [told(one) for one in theirs.results]


def made(severity="High", target=".", kind="directory", path="/web/package-lock.json", **more):
    found = {"id": "GHSA-35jh-r3h4-6jhm", "severity": severity, "cvss": [], **more}
    package = {"name": "lodash", "version": "4.17.20", "type": "npm", "locations": [{"path": path}]}
    related = [{"id": "CVE-2021-23337", "namespace": "nvd:cpe",
                "cvss": [{"metrics": {"baseScore": 7.2}}], "cwes": [{"cwe": "CWE-94"}]}]  # fmt: skip
    return {
        "matches": [
            {"vulnerability": found, "artifact": package, "relatedVulnerabilities": related}
        ],
        "source": {"type": kind, "target": target},
        "descriptor": {"name": "grype", "version": "0.96.0", "timestamp": "2026-11-20T08:00:00Z"},
    }


def test_related_advisories_are_the_same_weakness():
    found = only(made(path="web/package-lock.json"))
    assert found.rule == "GHSA-35jh-r3h4-6jhm-lodash"
    assert found.aliases == ("CVE-2021-23337-lodash",)
    identity = package_identity(found)
    assert (identity.purl, identity.version) == ("pkg:npm/lodash", "4.17.20")
    assert set(identity.advisories) == {"GHSA-35JH-R3H4-6JHM", "CVE-2021-23337"}
    assert (found.cwes, found.security_severity) == (("CWE-94",), 7.2)


def test_the_run_says_version_and_time():
    found = run(made(path="a"))
    assert (found.tool, found.version, found.finished_at) == (
        "grype", "0.96.0", "2026-11-20T08:00:00Z",
    )  # fmt: skip


def test_vendors_come_before_nvd():
    own = [{"metrics": {"baseScore": 5.0}}]
    assert only(made(path="a", namespace="github:language:npm", cvss=own)).security_severity == 5.0


def test_a_folder_that_was_scanned_is_put_before():
    assert (
        only(made(target="./shop", path="package-lock.json")).location.path
        == "shop/package-lock.json"
    )


def test_what_was_ignored_is_there_and_suppressed():
    log = made(path="a")
    (match,) = log["matches"]
    rules = [{"vulnerability": "CVE-2021-23337", "vex-status": "not_affected"}]
    log = {**log, "matches": [], "ignoredMatches": [{**match, "appliedIgnoreRules": rules}]}
    (reason,) = only(log).suppressions
    assert (reason.kind, reason.justification) == ("external", "not_affected: CVE-2021-23337")


def test_absolute_paths_are_told_as_outside():
    assert "not below a known root" in read(log_of("grype_directory.json")).problems[0]


def test_a_match_without_an_advisory_is_refused():
    assert refusal(made(id="")).startswith("report#/matches/0/vulnerability/id: missing")
