"""Vectors and CVEs are taken from reports as they are told."""

import json

import pytest

from gate.cvss import best_vector, cves_in, cves_of, vector_of
from gate.formats import read
from scans.ingest.records import result_from_json, seal
from tests.findings.feeds_made import report
from tests.gate.formats.test_contract import data

V4 = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"
V31 = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
V30 = "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
V2 = "AV:N/AC:L/Au:N/C:P/I:N/A:N"


def test_the_newest_version_is_taken_and_of_one_version_the_first():
    assert best_vector([V2, V30, V31, V4]) == V4
    assert best_vector([V2, f"({V2})"]) == V2
    assert best_vector([V31, V31.replace("A:H", "A:N")]) == V31
    assert best_vector([f" /{V2}"]) == V2


@pytest.mark.parametrize(
    "text", ["", "CVSS:3.1", "CVSS:9.9/AV:N", "AV:N", "see CVSS:3.1/AV:N/AC:L", f"{V31}\x00", V31 + "/X:Y" * 60]
)  # fmt: skip
def test_what_is_no_vector_is_not_taken(text):
    assert best_vector([text]) == ""


def test_properties_of_any_name_that_speaks_of_cvss_are_read():
    assert vector_of({"cvssV3_vector": V31, "cvssv2_vector": V2}) == V31
    assert vector_of({"CVSS": {"version": "3.1", "vectorString": V31}}) == V31
    assert vector_of({"vector": V31, "cvssv3_baseScore": 9.8, "cvss": None}) == ""


def test_cves_are_found_in_rules_and_other_names():
    assert cves_in(["CVE-2021-44228-log4j-core", "cve-2019-0001, CVE-2021-44228"]) == (
        "CVE-2021-44228",
        "CVE-2019-0001",
    )
    assert cves_in(["GHSA-jfh8-c2jp-5v3q", "XCVE-2021-44228", "CVE-21-1"]) == ()


def first(name):
    for run in read(name, data(name)).runs:
        for result in run.results:
            if result.cvss:
                return result
    raise AssertionError(name)


@pytest.mark.parametrize(
    ("name", "vector"),
    [
        ("trivy_alpine.json", "CVSS:3.1/"),
        ("trivy_alpine.sarif", "CVSS:3.1/"),
        ("grype_directory.json", "CVSS:3.1/"),
        ("grype_image.json", "CVSS:3.1/"),
        ("cyclonedx_grype.json", "CVSS:3.1/"),
        ("nuclei.jsonl", "CVSS:3.0/"),
    ],
)
def test_reports_of_real_tools_tell_vectors_and_cves(name, vector):
    result = first(name)
    assert result.cvss.startswith(vector)
    assert all(cve.startswith("CVE-") for cve in cves_of(result))


def test_a_result_has_the_vector_of_its_rule_unless_it_tells_a_newer_one():
    log = report(("CVE-2021-44228-log4j", "error", {"cvssv3_vector": V31}))
    told = read("a.sarif", json.dumps(log).encode()).runs[0].results[0]
    assert (told.cvss, cves_of(told)) == (V31, ("CVE-2021-44228",))
    log["runs"][0]["results"][0]["properties"] = {"cvssV4Vector": V4}
    assert read("a.sarif", json.dumps(log).encode()).runs[0].results[0].cvss == V4
    log["runs"][0]["results"][0]["properties"] = {"cvssv2_vector": V2}
    assert read("a.sarif", json.dumps(log).encode()).runs[0].results[0].cvss == V31


def test_advisories_tables_and_gitlab_tell_vectors():
    table = f"tool,rule,severity,file,cvss vector\nX,CVE-2021-44228,high,pom.xml,{V31}\n"
    assert read("a.csv", table.encode()).runs[0].results[0].cvss == V31
    log = json.loads(data("osv_groups.json"))
    for package in log["results"][0]["packages"]:
        for one in package["vulnerabilities"]:
            one["severity"] = [{"type": "CVSS_V3", "score": V31}]
    assert {one.cvss for one in read("a.json", json.dumps(log).encode()).runs[0].results[:1]} == {
        V31
    }
    log = json.loads(data("gitlab_dependencies.json"))
    log["vulnerabilities"][0]["cvss_vectors"] = [{"vendor": "NVD", "vector": V31}]
    assert read("a.json", json.dumps(log).encode()).runs[0].results[0].cvss == V31


def test_the_vector_is_kept_sealed_and_results_without_one_keep_their_digest():
    log = report(("CVE-2021-44228-log4j", "error", {"cvssv3_vector": V31}))
    told = read("a.sarif", json.dumps(log).encode()).runs[0].results[0]
    sealed = seal(told)
    assert json.loads(sealed.text)["cvss"] == V31
    assert result_from_json(json.loads(sealed.pointed(told.pointer))) == told
    plain = read("a.sarif", json.dumps(report(("B1", "error", {}))).encode()).runs[0].results[0]
    assert "cvss" not in json.loads(seal(plain).text)
