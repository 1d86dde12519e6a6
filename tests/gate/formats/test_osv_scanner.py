"""OSV-Scanner's JSON is judged as its SARIF is: one result for each group and package."""

from __future__ import annotations

from gate.packages import package_identity
from tests.gate.formats.samples_read import log_of, only, refusal, run, sample


def test_results_are_those_of_its_sarif():
    ours, theirs = sample("osv_groups.json"), sample("osv_groups.sarif")

    def told(result):
        return result.tool, result.rule, result.level, result.message

    assert len(ours.results) == 6
    assert sorted(map(told, ours.results)) == sorted(map(told, theirs.results))


def made(**group):
    known = {"id": "GHSA-35jh-r3h4-6jhm", "aliases": ["CVE-2021-23337"],
             "database_specific": {"cwe_ids": ["CWE-94"]}}  # fmt: skip
    package = {"name": "lodash", "version": "4.17.20", "ecosystem": "npm"}
    groups = [{"ids": ["GHSA-35jh-r3h4-6jhm"], "max_severity": "7.2", **group}]
    found = {"package": package, "vulnerabilities": [known], "groups": groups}
    source = {"path": "/github/workspace/web/package-lock.json", "type": "lockfile"}
    return {"results": [{"source": source, "packages": [found]}], "experimental_config": {}}


def test_a_group_goes_by_its_cve_and_is_a_package():
    found = only(made())
    assert (found.rule, found.aliases) == ("CVE-2021-23337", ("GHSA-35jh-r3h4-6jhm",))
    assert found.message == (
        "Package 'lodash@4.17.20' is vulnerable to 'CVE-2021-23337'"
        " (also known as 'GHSA-35jh-r3h4-6jhm')."
    )
    identity = package_identity(found)
    assert (identity.purl, identity.version) == ("pkg:npm/lodash", "4.17.20")
    assert (found.security_severity, found.cwes) == (7.2, ("CWE-94",))
    assert found.location.path == "web/package-lock.json"


def test_a_vulnerability_of_no_group_is_a_result():
    log = made()
    log["results"][0]["packages"][0]["groups"] = []
    found = only(log)
    assert found.pointer == "/results/0/packages/0/vulnerabilities/0"
    assert found.security_severity is None


def test_nothing_found_is_a_clean_run():
    found = run({"results": [], "experimental_config": {}})
    assert (found.results, found.results_present, found.version) == ((), True, "")


def test_sources_were_examined():
    assert run(made()).artifacts == ("web/package-lock.json",)
    assert sample("osv_groups.json").lists_artifacts is False


def test_a_group_without_an_advisory_is_refused():
    assert refusal(made(ids=[])).startswith("report#/results/0/packages/0/groups/0/ids: missing")


def test_what_is_no_source_with_packages_is_refused():
    assert "report#/results/0" in refusal({"results": [{"tool": "x"}]})
    log = log_of("osv_groups.json")
    log["results"][0]["packages"][0]["package"] = None
    assert "report#/results/0/packages/0/package" in refusal(log)
