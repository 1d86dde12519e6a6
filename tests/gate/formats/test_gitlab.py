"""GitLab's security reports: what they say, matched by the gate, refused by their place."""

import json

import pytest

from gate.diff import parse
from gate.matching import match
from gate.packages import package_identity
from gate.records import Level
from tests.gate.formats.samples_read import read as read_whole
from tests.gate.formats.samples_read import refusal, sample
from tests.gate.formats.samples_read import run as read
from tests.gate.made import git_diff

SEMGREP = {
    "id": "semgrep",
    "name": "Semgrep",
    "url": "https://github.com/semgrep/semgrep",
    "vendor": {"name": "GitLab"},
    "version": "1.130.0",
}
ANALYZER = {**SEMGREP, "id": "semgrep-analyzer", "name": "GitLab Semgrep", "version": "6.7.0"}
SECRET = "glpat-this-is-the-secret-itself"
VIEWS = "import subprocess\n\n\ndef archive(name):\n    subprocess.call(name, shell=True)\n"


def identifier(kind, value, name=""):
    return {"type": kind, "name": name or value, "value": value}


def vulnerability(rule="bandit.B602", path="app/views.py", line=5, scope="archive[0]:1", **more):
    return {
        "id": "4c2fa8c2-1d2f-4b7e-9d3f-7e1c6f1c0a11",
        "name": "OS command injection",
        "description": "subprocess call with shell=True",
        "severity": "High",
        "identifiers": [identifier("semgrep_id", rule), identifier("cwe", "78", "CWE-78")],
        "location": {"file": path, "start_line": line, "end_line": line},
        "tracking": {
            "type": "source",
            "items": [
                {
                    "file": path,
                    "line_start": line,
                    "line_end": line,
                    "signatures": [
                        {"algorithm": "scope_offset", "value": f"{path}|{scope}"},
                        {"algorithm": "location", "value": f"{path}:{line}"},
                    ],
                }
            ],
        },
        **more,
    }


def report(*vulnerabilities, kind="sast", **scan):
    return {
        "version": "15.2.4",
        "scan": {
            "analyzer": ANALYZER,
            "scanner": SEMGREP,
            "type": kind,
            "status": "success",
            "start_time": "2026-11-20T08:00:00",
            "end_time": "2026-11-20T08:01:00",
            **scan,
        },
        "vulnerabilities": list(vulnerabilities),
        "remediations": [],
    }


# --- what a report says --------------------------------------------------------------------------
def test_the_scanner_is_the_tool_and_the_scan_an_invocation():
    run = read(report(vulnerability()))
    assert (run.tool, run.version, run.organization) == ("Semgrep", "1.130.0", "GitLab")
    assert (run.execution_successful, run.category) == (True, "gitlab-sast")
    assert (run.started_at, run.finished_at) == ("2026-11-20T08:00:00Z", "2026-11-20T08:01:00Z")
    assert run.extension_versions == (("GitLab Semgrep", "6.7.0"),)


def test_a_vulnerability_is_a_result_under_its_first_identifier():
    (result,) = read(report(vulnerability())).results
    assert (result.rule, result.level, result.cwes) == ("bandit.B602", Level.ERROR, ("CWE-78",))
    place = result.location
    assert (place.path, place.line, place.end_line) == ("app/views.py", 5, 5)
    assert result.message == "subprocess call with shell=True"
    assert result.fingerprints == (("scope_offset/v1", "app/views.py|archive[0]:1"),)


@pytest.mark.parametrize(
    ("severity", "level", "score"),
    [
        ("Critical", Level.ERROR, 9.0),
        ("High", Level.ERROR, 7.0),
        ("Medium", Level.WARNING, 4.0),
        ("Low", Level.NOTE, 0.1),
        ("Info", Level.NOTE, None),
        ("Unknown", Level.WARNING, None),
        (None, Level.WARNING, None),
    ],
)
def test_severities_keep_their_order(severity, level, score):
    (result,) = read(report(vulnerability(severity=severity))).results
    assert (result.level, result.security_severity) == (level, score)


def test_the_identifiers_that_could_have_been_found_are_the_rules():
    announced = [identifier("semgrep_id", "bandit.B303"), identifier("semgrep_id", "bandit.B602")]
    run = read(report(vulnerability(), primary_identifiers=announced))
    assert [rule.id for rule in run.rules] == ["bandit.B303", "bandit.B602"]
    assert run.rules[1].cwes == ("CWE-78",)


def test_what_one_scan_found_gives_no_rule_a_level_that_the_next_one_lacks():
    announced = [identifier("semgrep_id", "bandit.B602")]
    found = read(report(vulnerability(severity="Low"), primary_identifiers=announced))
    clean = read(report(primary_identifiers=announced))
    assert [(r.id, r.level) for r in found.rules] == [(r.id, r.level) for r in clean.rules]


@pytest.mark.parametrize(
    ("scan", "successful"),
    [
        ({"status": "success"}, True),
        ({"status": "failure"}, False),
        ({"messages": [{"level": "fatal", "value": "Permission denied"}]}, False),
        ({"messages": [{"level": "warn", "value": "One file was left out"}]}, True),
    ],
)
def test_a_scan_that_broke_off_has_not_succeeded(scan, successful):
    run = read(report(**scan))
    assert run.execution_successful is successful
    words = [(note.level, note.message) for note in run.notifications]
    said = {"fatal": Level.ERROR, "warn": Level.WARNING}
    assert words == [(said[note["level"]], note["value"]) for note in scan.get("messages", ())]


def test_a_scan_that_does_not_say_how_it_ended_is_not_known_to_have_succeeded():
    made = report(vulnerability())
    del made["scan"]["status"]
    assert read(made).execution_successful is None


def test_a_scan_of_the_change_alone_says_so():
    run = read(report(vulnerability(), partial_scan={"mode": "differential"}))
    assert "diff-informed" in run.incremental_mode
    assert read(report()).incremental_mode == ""


def test_a_flag_excuses_nothing():
    flag = {"type": "flagged-as-likely-false-positive", "origin": "vet", "description": "x"}
    (result,) = read(report(vulnerability(flags=[flag]))).results
    assert (result.suppressions, result.kind) == ((), "fail")


def test_names_of_files_come_back_whole():
    found = read(report(vulnerability(path="app/ä b#%20.py"))).results
    assert [one.location.path for one in found] == ["app/ä b#%20.py"]


def test_a_rule_that_is_only_a_weakness_goes_by_its_name():
    only = [identifier("cwe", "89", "CWE-89")]
    (result,) = read(report(vulnerability(identifiers=only))).results
    assert (result.rule, result.cwes) == ("CWE-89", ("CWE-89",))


# --- secrets and packages ------------------------------------------------------------------------
def test_a_secret_is_never_repeated():
    made = report(
        vulnerability(
            "gitlab_personal_access_token",
            raw_source_code_extract=SECRET,
            tracking={"items": [{"signatures": [{"algorithm": "rule_value", "value": SECRET}]}]},
            details={"token": {"type": "text", "value": SECRET}},
        ),
        kind="secret_detection",
    )
    run = read(made)
    assert run.category == "gitlab-secret-detection"
    assert SECRET not in repr(run)
    ((key, value),) = run.results[0].fingerprints
    assert (key, len(value)) == ("rule_value/v1", len("sha256:") + 64)


def package(version="4.17.20", **more):
    return {
        "id": "x",
        "name": "Prototype pollution",
        "severity": "Critical",
        "solution": "Upgrade to version 4.17.21 or above.",
        "identifiers": [
            identifier("gemnasium", "c7a8b1f0-0000-4a4a-8b1f-000000000001", "Gemnasium-c7a8"),
            identifier("cve", "CVE-2021-23337"),
            identifier("ghsa", "GHSA-35jh-r3h4-6jhm"),
        ],
        "location": {
            "file": "web/package-lock.json",
            "dependency": {"package": {"name": "lodash"}, "version": version},
        },
        **more,
    }


def test_a_package_is_known_by_its_advisories_and_versions():
    (result,) = read(report(package(), kind="dependency_scanning")).results
    assert (result.rule, result.location.path) == ("CVE-2021-23337", "web/package-lock.json")
    found = package_identity(result)
    assert (found.purl, found.version, found.fixed) == ("pkg:npm/lodash", "4.17.20", ("4.17.21",))
    assert {"CVE-2021-23337", "GHSA-35JH-R3H4-6JHM"} <= set(found.advisories)


def test_a_package_that_was_updated_but_is_still_vulnerable_is_still_there():
    old = read(report(package(), kind="dependency_scanning")).results
    new = read(report(package("4.17.19"), kind="dependency_scanning")).results
    assert match(old, new).unmatched_after == ()


def test_an_image_goes_by_its_name_without_tag_and_digest():
    def found(image):
        dependency = package()["location"]["dependency"]
        location = {"image": image, "operating_system": "debian:12", "dependency": dependency}
        (result,) = read(report(package(location=location), kind="container_scanning")).results
        return result.location.path

    assert found("registry.example:5000/shop/web:1.2") == "registry.example:5000/shop/web"
    assert found(f"shop/web@sha256:{'a' * 64}") == found("shop/web:2") == "shop/web"


# --- matching ------------------------------------------------------------------------------------
def test_the_same_report_twice_is_unchanged_and_a_fixed_one_is_gone():
    other = vulnerability("bandit.B608", "app/store.py", 11, "find[0]:2", name="SQL injection")
    before = read(report(vulnerability(), other)).results
    again = read(report(vulnerability(), other)).results
    same = match(before, again, parse(b""))
    assert (len(same.pairs), same.unmatched_before, same.unmatched_after) == (2, (), ())
    fixed = git_diff({"app/views.py": (VIEWS, VIEWS.replace(", shell=True", ""))})
    gone = match(before, read(report(other)).results, parse(fixed.encode()))
    assert (len(gone.pairs), gone.unmatched_before, gone.unmatched_after) == (1, (0,), ())


def test_a_result_that_moved_with_its_code_is_the_same_by_its_signature():
    before = read(report(vulnerability())).results
    after = read(report(vulnerability(line=9))).results
    moved = git_diff({"app/views.py": (VIEWS, "# 1\n# 2\n# 3\n# 4\n" + VIEWS)})
    (pair,) = match(before, after, parse(moved.encode())).pairs
    assert pair.is_present
    (pair,) = match(before, after).pairs
    assert pair.is_present


# --- what cannot be read -------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("content", "where"),
    [
        ({"scan": {"type": "dast"}, "vulnerabilities": []}, "/scan/type"),
        ({"scan": [], "vulnerabilities": []}, "/scan"),
        ({"scan": {"type": "sast"}, "vulnerabilities": None}, "/vulnerabilities"),
        ({"scan": {"type": "sast"}, "vulnerabilities": []}, "/scan/scanner/name"),
        (report("text"), "/vulnerabilities/0"),
        (report(vulnerability(identifiers=[])), "/vulnerabilities/0/identifiers"),
        (report(vulnerability(identifiers=[{"type": "x"}])), "/vulnerabilities/0/identifiers/0/value"),
        (report(vulnerability(), vulnerability(location={"file": 1})), "/vulnerabilities/1/location/file"),
        (report(vulnerability(location={"file": "a", "end_line": ""})), "/vulnerabilities/0/location/end_line"),
        (report(vulnerability(severity=3)), "/vulnerabilities/0/severity"),
        (report(messages={"level": "info"}), "/scan/messages"),
    ],
)  # fmt: skip
def test_what_is_no_report_is_refused_with_its_place(content, where):
    assert refusal(content).startswith(f"report#{where}: ")


def test_lone_surrogates_do_not_break_the_text():
    made = json.dumps(report(vulnerability(description="x"))).replace('"x"', '"\\ud800"')
    assert read_whole(made).runs[0].results[0].message == "\ufffd"


# --- what tools wrote ----------------------------------------------------------------------------
def test_semgrep_writes_gitlabs_report_itself():
    found = sample("gitlab_sast_semgrep.json")
    assert (found.version, found.execution_successful, found.lists_rules) == (
        "1.182.0",
        True,
        False,
    )
    first = found.results[0]
    assert (first.rule, first.level, first.security_severity) == ("shell-true", Level.ERROR, 7.0)
    assert first.fingerprints == (("gitlabId/v1", "9c0c4080-8163-d2a5-a9c6-100d105093f2"),)


def test_an_image_that_trivy_scanned_is_packages():
    found = sample("gitlab_container_trivy.json")
    assert found.category == "gitlab-container-scanning"
    identity = package_identity(found.results[0])
    assert (identity.name, identity.advisories[0][:4]) == ("libcrypto1.1", "CVE-")


def test_the_rules_that_could_have_been_found_are_all_that_were_on():
    announced = [identifier("semgrep_id", "bandit.B602")]
    assert read(report(primary_identifiers=announced)).lists_rules is True
    assert read(report(vulnerability())).lists_rules is False


def test_a_weakness_may_be_written_as_a_number():
    found = vulnerability(identifiers=[identifier("x", "r"), {"type": "cwe", "value": 78}])
    assert read(report(found)).results[0].cwes == ("CWE-78",)
