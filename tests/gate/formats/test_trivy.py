"""Trivy's JSON is judged as its SARIF is; what was excused is there and suppressed."""

from __future__ import annotations

import pytest

from gate.formats.trivy import system_path
from gate.packages import class_of, package_identity
from gate.records import Level, Suppression
from tests.gate.formats.samples_read import log_of, only, refusal, run, sample


def test_results_are_those_of_its_sarif():
    ours, theirs = sample("trivy_alpine.json"), sample("trivy_alpine.sarif")
    assert len(ours.results) == 4

    def told(result):
        package = package_identity(result)
        words = result.tool, result.rule, result.level, result.message, result.location.path
        return *words, result.security_severity, package.purl, package.version, package.fixed

    assert [told(one) for one in ours.results] == [told(one) for one in theirs.results]
    assert [rule.id for rule in ours.rules] == [rule.id for rule in theirs.rules]


def test_the_scanner_says_its_version_and_when_it_was_done():
    found = sample("trivy_alpine.json")
    assert (found.version, found.finished_at[:10]) == ("dev", "2021-08-25")
    assert found.results[0].cwes == ("CWE-330",)
    assert found.results[0].fingerprints[0][0] == "trivyFingerprint/v1"


def test_what_was_excused_is_there_and_suppressed():
    found = sample("trivy_npm_suppressed.json")
    excused = [one for one in found.results if one.suppressions]
    assert len(excused) == 1
    (reason,) = excused[0].suppressions
    assert reason.kind == "external"
    assert reason.justification.startswith("not_affected")
    assert package_identity(excused[0]).ecosystem == "npm"


def test_secrets_and_misconfigurations_are_told_from_packages():
    secrets = sample("trivy_secrets.json").results
    assert {class_of(one, "sca") for one in secrets} == {"secrets"}
    assert all(one.location.line for one in secrets)
    (found,) = sample("trivy_dockerfile.json").results
    assert class_of(found, "sca") == "iac"
    assert package_identity(found) is None


def test_files_that_it_is_about_were_examined():
    assert sample("trivy_dockerfile.json").artifacts == ("Dockerfile",)
    assert sample("trivy_npm_suppressed.json").artifacts == ("package-lock.json",)


def made(**members):
    return {
        "SchemaVersion": 2,
        "Results": [{"Target": "package-lock.json", "Class": "lang-pkgs", **members}],
    }


@pytest.mark.parametrize(
    ("word", "level", "score"),
    [
        ("CRITICAL", Level.ERROR, 9.5), ("HIGH", Level.ERROR, 8.0), ("MEDIUM", Level.WARNING, 5.5),
        ("LOW", Level.NOTE, 2.0), ("UNKNOWN", Level.NOTE, 0.0),
    ],
)  # fmt: skip
def test_severities_have_levels_and_scores(word, level, score):
    found = only(made(Vulnerabilities=[{"VulnerabilityID": "CVE-1-1", "Severity": word}]))
    assert (found.level, found.security_severity) == (level, score)


def test_the_score_is_that_of_the_source_of_the_severity():
    scores = {"nvd": {"V3Score": 9.8}, "ghsa": {"V3Score": 6.1}}
    given = {"VulnerabilityID": "CVE-1-1", "Severity": "MEDIUM", "CVSS": scores}
    assert only(made(Vulnerabilities=[given | {"SeveritySource": "ghsa"}])).security_severity == 6.1


def test_a_check_that_passed_is_no_result():
    rows = [{"ID": "DS002", "Status": "PASS"}, {"ID": "DS001", "Status": "EXCEPTION"}]
    found = run(made(Misconfigurations=rows))
    assert [one.rule for one in found.passed] == ["DS002"]
    assert found.results[0].suppressions == (
        Suppression("external", justification="exception of a policy"),
    )


def test_a_commit_is_the_revision():
    metadata = {"Commit": "a" * 40, "RepoURL": "https://git.example.org/shop"}
    found = run({**made(), "Metadata": metadata})
    assert (found.revision, found.repository) == ("a" * 40, "https://git.example.org/shop")


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("alpine:3.20 (alpine 3.20.1)", "library/alpine"),
        ("ghcr.io/acme/shop:1.2 (debian 12.5)", "acme/shop"),
        ("acme/shop@sha256:" + "a" * 64 + " (debian 12.5)", "acme/shop"),
        ("localhost:5000/shop (debian 12)", "shop"),
        ("testdata/alpine-310.tar.gz (alpine 3.10.2)", "testdata/alpine-310.tar.gz"),
        ("/srv/image.tar (alpine 3.10.2)", "/srv/image.tar"),
    ],
)
def test_an_image_goes_by_its_repository(target, path):
    assert system_path(target) == path


def test_no_results_at_all_is_not_a_clean_scan():
    assert run({"SchemaVersion": 2, "ArtifactName": "."}).results_present is False
    assert run({"SchemaVersion": 2, "Results": []}).results_present is True


def test_another_schema_is_refused():
    assert refusal({"SchemaVersion": 3}) == "report#/SchemaVersion: must be 2"


def test_a_vulnerability_without_an_id_is_refused():
    log = log_of("trivy_alpine.json")
    del log["Results"][0]["Vulnerabilities"][2]["VulnerabilityID"]
    assert refusal(log) == "report#/Results/0/Vulnerabilities/2: names no rule"
