"""CycloneDX: one result for each vulnerability and component; excuses are suppressions."""

from __future__ import annotations

import pytest

from gate.packages import package_identity
from gate.records import Level
from tests.gate.formats.samples_read import only, refusal, run, sample

PURL = "pkg:npm/%40acme/lodash@4.17.20"


def made(*, tools=None, components=None, affects=({"ref": "a"},), **vulnerability):
    found = {
        "id": "CVE-2021-23337",
        "description": "Code injection.",
        "cwes": [94],
        **vulnerability,
    }
    found["affects"] = list(affects)
    own = {"bom-ref": "a", "name": "lodash", "version": "4.17.20", "purl": PURL}
    metadata = {"timestamp": "2026-11-20T08:00:00Z", "tools": tools or {"components": [
        {"type": "application", "name": "trivy", "version": "0.67", "group": "aquasecurity"},
        {"type": "application", "name": "other", "version": "2"},
    ]}}  # fmt: skip
    return {
        "bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": metadata,
        "components": [own] if components is None else components, "vulnerabilities": [found],
    }  # fmt: skip


def test_a_vulnerability_is_a_package_by_its_purl():
    found = only(made(references=[{"id": "GHSA-35jh-r3h4-6jhm", "source": {}}]))
    assert (found.tool, found.rule, found.cwes) == ("trivy", "CVE-2021-23337", ("CWE-94",))
    assert found.message == "Package @acme/lodash (npm), version 4.17.20: Code injection."
    identity = package_identity(found)
    assert (identity.purl, identity.version) == ("pkg:npm/@acme/lodash", "4.17.20")
    assert set(identity.advisories) == {"CVE-2021-23337", "GHSA-35JH-R3H4-6JHM"}
    assert (found.location.uri, found.location.path) == ("", None)


def test_the_tools_are_named_in_both_forms():
    found = run(made())
    assert (found.tool, found.version, found.organization) == ("trivy", "0.67", "aquasecurity")
    assert found.extension_versions == (("other", "2"),)
    assert found.finished_at == "2026-11-20T08:00:00Z"
    old = [{"vendor": "OWASP", "name": "Dependency-Track", "version": "4.8"}]
    found = run(made(tools=old))
    assert (found.tool, found.version, found.organization) == ("Dependency-Track", "4.8", "OWASP")


@pytest.mark.parametrize(
    ("state", "suppressed"),
    [
        ("not_affected", True), ("false_positive", True), ("resolved", True),
        ("resolved_with_pedigree", True), ("exploitable", False), ("in_triage", False),
    ],
)  # fmt: skip
def test_a_word_of_somebody_suppresses_and_takes_nothing_away(state, suppressed):
    analysis = {"state": state, "justification": "code_not_reachable", "detail": "Not called."}
    found = only(made(analysis=analysis))
    assert found.suppressed is suppressed
    if suppressed:
        (reason,) = found.suppressions
        assert reason.justification == f"{state}: code_not_reachable: Not called."


@pytest.mark.parametrize(
    ("ratings", "level", "score"),
    [
        ([{"severity": "critical", "score": 9.8, "method": "CVSSv31"}], Level.ERROR, 9.8),
        ([{"severity": "low"}, {"severity": "high"}], Level.ERROR, 7.0),
        ([{"severity": "medium", "score": 88, "method": "other"}], Level.WARNING, 4.0),
        ([{"score": 3.1, "method": "CVSSv3"}], Level.NOTE, 3.1),
        ([{"severity": "unknown"}], Level.WARNING, None),
        ([], Level.WARNING, None),
    ],
)
def test_the_worst_rating_counts(ratings, level, score):
    found = only(made(ratings=ratings))
    assert (found.level, found.security_severity) == (level, score)


def test_one_vulnerability_in_two_components_is_two_results():
    inner = {"bom-ref": "b", "name": "log4j-core", "version": "2.14.1",
             "purl": "pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1?type=jar"}  # fmt: skip
    outer = {"bom-ref": "o", "name": "app", "components": [inner]}
    link = "urn:cdx:f08a6ccd-4dce-4759-bd84-c626675d60a7/1#pkg:deb/debian/apt@1%3A1.4.8?arch=amd64"
    found = run(made(components=[outer], affects=[{"ref": "b"}, {"ref": link}])).results
    told = [package_identity(one) for one in found]
    assert [(one.purl, one.version) for one in told] == [
        ("pkg:maven/org.apache.logging.log4j:log4j-core", "2.14.1"),
        ("pkg:deb/apt", "1:1.4.8"),
    ]
    assert [one.pointer for one in found] == [
        "/vulnerabilities/0/affects/0", "/vulnerabilities/0/affects/1",
    ]  # fmt: skip


def test_where_a_component_was_found_is_its_path():
    spot = {"occurrences": [{"location": "web/package-lock.json#3"}]}
    own = {"bom-ref": "a", "name": "lodash", "purl": "pkg:npm/lodash@1.0", "evidence": spot}
    assert only(made(components=[own])).location.path == "web/package-lock.json"
    told = [{"name": "aquasecurity:trivy:FilePath", "value": "app/x.jar"}]
    own = {"bom-ref": "a", "name": "x", "properties": told}
    assert only(made(components=[own])).location.path == "app/x.jar"


def test_grype_writes_it_and_its_packages_are_known():
    found = sample("cyclonedx_grype.json")
    assert (found.tool, found.version) == ("grype", "0.41.0")
    identity = package_identity(found.results[0])
    assert identity.ecosystem == "maven"
    assert "log4j" in identity.name


def test_an_sbom_alone_has_no_results_to_look_at():
    log = made()
    del log["vulnerabilities"]
    found = run(log)
    assert (found.results, found.results_present) == ((), False)


def test_a_vulnerability_without_an_id_is_refused():
    assert refusal(made(id=None)).startswith("report#/vulnerabilities/0/id: missing")
    assert refusal(made(id=7)) == "report#/vulnerabilities/0/id: must be a string, is a number"
