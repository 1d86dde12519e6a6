"""SARIF 2.1.0: what the clauses say is what the records hold; what is unknown stays unknown."""

from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate import formats
from gate.errors import InputError
from gate.records import Level, Location, Suppression
from tests.gate.sarif_made import at, driver, log, report, result, run

PAIRS = Path(__file__).parent.parent / "cases" / "pairs_bandit"


def refusal(data: bytes | dict) -> str:
    data = data if isinstance(data, bytes) else json.dumps(data).encode()
    with pytest.raises(InputError) as caught:
        formats.read("scan.sarif", data)
    return str(caught.value)


# --- the log ---------------------------------------------------------------------------------


def test_a_report_knows_its_bytes():
    data = json.dumps(log()).encode()
    found = formats.read("scan.sarif", data)
    assert (found.name, found.size) == ("scan.sarif", len(data))
    assert found.sha256 == hashlib.sha256(data).hexdigest()
    assert found.problems == ()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_byte_order_marks_are_understood(encoding):
    data = json.dumps(log({"tool": driver("Werkzeug ü")}), ensure_ascii=False).encode(encoding)
    assert formats.read("scan.sarif", data).runs[0].tool == "Werkzeug ü"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ([], "scan.sarif: not SARIF: the document must be an object"),
        ({"runs": []}, "scan.sarif#/version: must be '2.1.0', is 'missing'"),
        ({"version": "2.0.0", "runs": []}, "scan.sarif#/version: must be '2.1.0', is '2.0.0'"),
        ({"version": "2.1.0"}, "scan.sarif#/runs: missing (3.13.4)"),
        (log(runs={}), "scan.sarif#/runs: must be an array, is an object"),
        (log(runs=[1]), "scan.sarif#/runs/0: must be an object, is a number"),
        (log(runs=[{}]), "scan.sarif#/runs/0/tool/driver/name: missing"),
        (log({"tool": driver(rules={})}), "scan.sarif#/runs/0/tool/driver/rules: must be an array"),
        (log({"results": {}}), "scan.sarif#/runs/0/results: must be an array or null"),
        (log({"results": [7]}), "scan.sarif#/runs/0/results/0: must be an object"),
        (log({"results": [{"ruleId": 7}]}), "scan.sarif#/runs/0/results/0/ruleId: must be a string, is a number"),
        (log({"results": [{"ruleIndex": "7"}]}), "scan.sarif#/runs/0/results/0/ruleIndex: must be an integer"),
        (log({"results": [{"ruleIndex": True}]}), "scan.sarif#/runs/0/results/0/ruleIndex: must be an integer"),
        (log({"results": [{"locations": at("a", startLine=1.5)}]}),
         "scan.sarif#/runs/0/results/0/locations/0/physicalLocation/region/startLine: must be an integer"),
        (log({"results": [{"suppressions": "all"}]}), "scan.sarif#/runs/0/results/0/suppressions: must be"),
        (log({"invocations": [{"executionSuccessful": "yes"}]}),
         "scan.sarif#/runs/0/invocations/0/executionSuccessful: must be true or false, is a string"),
    ],
)  # fmt: skip
def test_what_is_not_sarif_is_refused_with_its_place(given, told):
    assert refusal(given).startswith(told)


@pytest.mark.parametrize("start", [b"\x1f\x8b", b"PK\x03\x04", b"<?xml", b"diff --git a b"])
def test_other_files_are_recognised(start):
    assert "SARIF 2.1.0 is expected" in refusal(start + b" ...")


def test_runs_that_are_null_are_a_problem_and_no_runs():
    found = report(runs=None)
    assert found.runs == ()
    assert "could not get at its data" in found.problems[0]


def test_smaller_departures_are_listed_and_do_not_stop_the_reading():
    versions = [{"repositoryUri": "u", "revisionId": revision} for revision in "ab"]
    raw = {
        "baselineState": "existing",
        "suppressions": [{"kind": "byHand", "status": "maybe"}],
        "rule": {"toolComponent": {"name": "no such"}, "index": 4},
        "locations": at("a", startLine=3.0),
    }
    invocation = {"executionSuccessful": True, "exitCode": 2**40, "commandLine": "scan ."}
    found = report(
        {
            "versionControlProvenance": versions,
            "invocations": [invocation],
            "artifacts": [{"hashes": {"sha-256": "short"}}],
            "tool": driver(
                rules=[{"name": "no id", "properties": {"tags": "CWE-79", "cwe": ["CWE-80"]}}]
            ),
            "results": [raw, {"message": {"text": "m"}, "ruleIndex": 0}],
        }
    )
    first, second = found.runs[0].results
    assert (first.location.line, first.suppressed, second.cwes) == (3, True, ("CWE-79", "CWE-80"))
    assert (found.runs[0].exit_code, found.runs[0].command_line) == (None, "scan .")
    assert [problem.split(": ", 1)[1] for problem in found.problems] == [
        "missing",
        "out of range and was left out",
        "'existing' is not a baseline state of SARIF",
        "an index into rules that refers to nothing",
        "names no rule",
        "missing (3.27.11)",
        "'byHand' is not a kind of suppressions in SARIF",
        "'maybe' is not a status of suppressions in SARIF",
        "several revisions were scanned; the first is used",
        "not a SHA-256",
    ]


# --- the run ---------------------------------------------------------------------------------


def test_results_that_are_null_are_not_zero_results():
    assert run(results=[]).results_present is True
    assert run(results=None).results_present is False
    assert formats.read("s", json.dumps(log({"x": 1})).encode()).runs[0].results_present is True
    elsewhere = {"results": [{"location": {"uri": "more.sarif"}}]}
    assert run(externalPropertyFileReferences=elsewhere).results_present is False


def test_the_frame_of_a_run_is_read():
    found = run(
        tool=driver(version="1", semanticVersion="1.2.3", organization="Acme"),
        automationDetails={"id": "nightly/python/2026-11-20"},
        versionControlProvenance=[
            {"repositoryUri": "https://example.org/x"},
            {"repositoryUri": "https://example.org/r", "revisionId": "c0ffee"},
        ],
        baselineGuid="g",
        properties={"incrementalMode": ["overlay", "diff-informed"]},
    )
    assert (found.version, found.organization, found.category) == (
        "1.2.3",
        "Acme",
        "nightly/python",
    )
    assert (found.revision, found.repository) == ("c0ffee", "https://example.org/r")
    assert (found.baseline_guid, found.incremental_mode) == ("g", "overlay,diff-informed")


def test_several_invocations_succeed_only_together():
    good = {"executionSuccessful": True, "exitCode": 0, "startTimeUtc": "1", "endTimeUtc": "2"}
    bad = {"executionSuccessful": False, "exitCode": 3, "arguments": ["a b"], "endTimeUtc": "4"}
    assert run().execution_successful is None
    assert run(invocations=[good, good]).execution_successful is True
    assert run(invocations=[good, {}]).execution_successful is None
    both = run(invocations=[good, bad])
    assert (both.execution_successful, both.exit_code) == (False, 3)
    assert (both.started_at, both.finished_at, both.command_line) == ("1", "4", "'a b'")
    assert run(invocations=[good, {"executionSuccessful": True}]).exit_code is None


def test_snake_case_is_a_problem_and_not_read():
    found = report({"invocations": [{"execution_successful": True}]})
    assert found.runs[0].execution_successful is None
    assert found.problems[0].startswith("/runs/0/invocations/0: member 'execution_successful'")


def test_notifications_of_both_arrays_have_an_effective_level():
    found = run(
        tool=driver(
            rules=[{"id": "R1"}],
            notifications=[
                {"id": "N0", "defaultConfiguration": {"level": "error"},
                 "messageStrings": {"gone": {"text": "'{0}' is {1}, {{really}} {9}"}}},
                {"id": "N1"},
            ],
        ),
        invocations=[
            {
                "executionSuccessful": True,
                "toolExecutionNotifications": [
                    {"descriptor": {"index": 0}, "message": {"id": "gone", "arguments": ["a.py", "not there"]}},
                    {"message": {"text": "plain"}, "associatedRule": {"index": 0}},
                ],
                "toolConfigurationNotifications": [
                    {"descriptor": {"id": "N1"}, "message": {"text": "low"}, "locations": at("./b%20c.py")},
                    {"level": "note", "message": {"text": ""}, "exception": {"message": "boom"}},
                ],
                "notificationConfigurationOverrides": [
                    {"descriptor": {"id": "N1"}, "configuration": {"level": "error"}}
                ],
            }
        ],
    ).notifications  # fmt: skip
    assert [(n.array, n.level, n.message) for n in found] == [
        ("execution", Level.ERROR, "'a.py' is not there, {really} {9}"),
        ("execution", Level.WARNING, "plain"),
        ("configuration", Level.ERROR, "low"),
        ("configuration", Level.NOTE, "boom"),
    ]
    assert [(n.id, n.rule, n.paths) for n in found] == [
        ("N0", "", ()),
        ("", "R1", ()),
        ("N1", "", ("b c.py",)),
        ("", "", ()),
    ]
    assert found[2].pointer == "/runs/0/invocations/0/toolConfigurationNotifications/0"


def test_a_notification_about_a_file_nobody_can_place_is_about_any_file():
    places = [*at("a.py"), *at("../b.py")]
    entry = {"message": {"text": "m"}, "locations": places}
    (found,) = run(invocations=[{"toolExecutionNotifications": [entry]}]).notifications
    assert found.paths == ()


def test_artifacts_are_what_was_examined():
    digest = "AB" * 32
    found = run(
        artifacts=[
            {
                "location": {"uri": "b.py"},
                "roles": ["analysisTarget"],
                "hashes": {"sha-256": digest},
            },
            {"location": {"uri": "settings.toml"}, "roles": ["toolSpecifiedConfiguration"]},
            {"location": {"uri": "lib.jar"}},
            {"location": {"uri": "/in/lib.class"}, "parentIndex": 2, "hashes": {"sha-256": digest}},
            {"location": {"uri": "../out.py"}},
        ]
    )
    assert found.artifacts == ("b.py", "lib.jar")
    assert found.hashes == (("b.py", digest.lower()),)


def test_the_metrics_of_bandit_are_its_coverage():
    metrics = {"_totals": {}, "./app/100%25.py": {}, "app/views.py": {}}
    properties = {"metrics": metrics}
    assert run(tool=driver("Bandit"), properties=properties).artifacts == (
        "app/100%25.py",
        "app/views.py",
    )
    assert run(tool=driver("Other"), properties=properties).artifacts == ()


# --- rules ------------------------------------------------------------------------------------


def test_rules_of_driver_and_extensions_are_read():
    tags = ["security", "external/cwe/cwe-089", "CWE-564: Hibernate"]
    rule = {
        "id": "R1",
        "name": "Name",
        "shortDescription": {"text": "short"},
        "fullDescription": {"text": "full"},
        "helpUri": "https://example.org",
        "defaultConfiguration": {"level": "error", "enabled": False},
        "deprecatedIds": ["R0"],
        "properties": {"tags": tags, "security-severity": "8.1"},
    }
    tool = driver(rules=[rule]) | {"extensions": [{"name": "pack", "rules": [{"id": "X1"}]}]}
    first, second = run(tool=tool).rules
    assert (first.id, first.name, first.description, first.help_uri) == (
        "R1", "Name", "full", "https://example.org",
    )  # fmt: skip
    assert (first.level, first.enabled, first.security_severity) == (Level.ERROR, False, 8.1)
    assert (first.cwes, first.aliases) == (("CWE-89", "CWE-564"), ("R0",))
    assert (second.id, second.level, second.enabled) == ("X1", Level.WARNING, True)


def test_relationships_and_taxa_lead_to_weaknesses():
    taxonomies = [
        {"name": "OWASP", "taxa": [{"id": "A1"}]},
        {"name": "CWE", "guid": "AA", "taxa": [{"id": "22"}, {"id": "CWE-073"}]},
    ]
    target = {"target": {"index": 0, "toolComponent": {"guid": "aa"}}}
    rules = [{"id": "R", "relationships": [target]}]
    taxa = [
        {"id": "79", "toolComponent": {"name": "CWE"}},
        {"index": 1, "toolComponent": {"index": 1}},
        {"id": "12", "toolComponent": {"name": "OWASP"}},
    ]
    raw = {"ruleId": "R", "taxa": taxa, "properties": {"cwe": "CWE-7"}}
    found = result(raw, tool=driver(rules=rules), taxonomies=taxonomies)
    assert found.cwes == ("CWE-7", "CWE-73", "CWE-79", "CWE-22")


@pytest.mark.parametrize(
    ("raw", "rule", "level"),
    [
        ({"ruleId": "D1"}, "D1", "error"),
        ({"ruleId": "D1/sub"}, "D1/sub", "error"),
        ({"ruleIndex": 1}, "D1", "error"),
        ({"rule": {"id": "D1"}}, "D1", "error"),
        ({"rule": {"index": 0, "toolComponent": {"index": 0}}}, "X0", "note"),
        ({"rule": {"index": 0, "toolComponent": {"name": "pack"}}}, "X0", "note"),
        ({"rule": {"guid": "EE", "toolComponent": {"guid": "ff"}}}, "X0", "note"),
        ({"ruleIndex": 0, "rule": {"toolComponent": {"index": 0}}}, "X0", "note"),
        ({"ruleId": "X0"}, "X0", "note"),
        ({"ruleId": "D1", "ruleIndex": 0}, "D1", "error"),
        ({"ruleId": "unknown"}, "unknown", "warning"),
        ({"ruleId": "D1", "ruleIndex": 99}, "D1", "error"),
        ({}, "", "warning"),
    ],
)
def test_the_rule_of_a_result_is_found(raw, rule, level):
    rules = [{"id": "D0"}, {"id": "D1", "defaultConfiguration": {"level": "error"}}]
    extension = {"name": "pack", "guid": "FF", "rules": [
        {"id": "X0", "guid": "ee", "defaultConfiguration": {"level": "note"}}]}  # fmt: skip
    found = result(raw, tool=driver(rules=rules) | {"extensions": [extension]})
    assert (found.rule, found.rule_key, found.level) == (rule, rule, level)


def test_an_index_that_contradicts_the_rule_id_is_a_problem():
    rules = [{"id": "D0"}, {"id": "D1"}]
    raw = {"ruleId": "D1", "ruleIndex": 0, "message": {"text": "m"}}
    found = report({"tool": driver(rules=rules), "results": [raw]})
    assert "ruleId is used" in found.problems[0]


# --- the level --------------------------------------------------------------------------------


def overridden(raw: dict, *levels: str) -> Level:
    """The level of a result of rule R (note) where each invocation overrides it with a level."""
    invocations = [
        {"ruleConfigurationOverrides": [{"descriptor": {"id": "R"}, "configuration": {"level": level}}]}
        for level in levels
    ]  # fmt: skip
    rules = [{"id": "R", "defaultConfiguration": {"level": "note"}}]
    return result({"ruleId": "R"} | raw, tool=driver(rules=rules), invocations=invocations).level


def test_levels_follow_clause_3_27_10():
    assert overridden({}) is Level.NOTE
    assert overridden({"level": "error"}, "none") is Level.ERROR
    assert overridden({}, "error") is Level.ERROR
    assert overridden({}, "error", "error") is Level.NOTE, "which invocation, nobody says"
    assert overridden({"provenance": {"invocationIndex": 1}}, "none", "error") is Level.ERROR
    assert overridden({"provenance": {"invocationIndex": -1}}, "error") is Level.NOTE
    assert overridden({"kind": "review"}, "error") is Level.NONE
    assert overridden({"level": "HIGH"}) is Level.NOTE, "no level of SARIF: as if absent"


def test_rules_run_as_their_overrides_say():
    rules = [{"id": "R", "defaultConfiguration": {"enabled": False}}, {"id": "Q"}]
    overrides = [
        {"descriptor": {"index": 0}, "configuration": {"enabled": True, "level": "note"}},
        {"descriptor": {"id": "Q"}, "configuration": {"enabled": False}},
        {"descriptor": {"id": "elsewhere"}, "configuration": {"enabled": False}},
    ]
    found = run(tool=driver(rules=rules), invocations=[{"ruleConfigurationOverrides": overrides}])
    assert found.disabled_rules == ("Q", "elsewhere")
    assert (found.rules[0].enabled, found.rules[0].level) == (True, Level.NOTE)


# --- results ----------------------------------------------------------------------------------


def test_a_result_is_read_with_its_place():
    region = {"startLine": 3, "startColumn": 5, "endColumn": 9, "snippet": {"text": "eval(x)\n"}}
    raw = {"ruleId": "R", "guid": "g", "locations": at("src/a%20b.py", **region)}
    found = result(raw)
    assert found.pointer == "/runs/0/results/0"
    assert (found.tool, found.message, found.guid, found.kind) == ("Tool", "m", "g", "fail")
    assert found.location == Location("src/a%20b.py", "src/a b.py", 3, 5, 3, 9, "eval(x)\n")


def test_a_result_without_location_is_where_its_analysis_target_is():
    assert result({"analysisTarget": {"uri": "a.py"}}).location == Location("a.py", "a.py")
    assert result({}).location == Location()


def test_a_line_that_no_file_has_is_left_out():
    found = report({"results": [{"locations": at("a", startLine=0, startColumn=2**40)}]})
    place = found.runs[0].results[0].location
    assert (place.line, place.column) == (None, None)
    assert [problem.rsplit("/", 1)[1] for problem in found.problems[-2:]] == [
        "startLine: 0 is out of range and was left out",
        f"startColumn: {2**40} is out of range and was left out",
    ]


def test_kinds_without_a_finding_are_set_aside_and_absent_results_dropped():
    kinds = ["fail", "open", "review", "pass", "notApplicable", "informational", "weird"]
    raws = [{"message": {"text": "m"}, "kind": kind} for kind in kinds]
    raws.append({"message": {"text": "m"}, "baselineState": "absent"})
    found = run(results=raws)
    assert [entry.kind for entry in found.results] == ["fail", "open", "review", "fail"]
    assert [entry.kind for entry in found.passed] == ["pass", "notApplicable", "informational"]


def test_suppressions_are_kept_and_suppressed_is_not_absent():
    raws = [
        None,
        [],
        [{"kind": "inSource"}],
        [{"kind": "external", "status": "rejected", "justification": "no"}],
        [{"kind": "external", "status": "underReview"}],
    ]
    found = run(results=[{"message": {"text": "m"}, "suppressions": raw} for raw in raws]).results
    assert [entry.suppressed for entry in found] == [False, False, True, False, True]
    assert found[2].suppressions == (Suppression("inSource", "accepted"),)
    assert found[3].suppressions == (Suppression("external", "rejected", "no"),)


def test_the_files_of_flows_and_related_places_are_gathered():
    def step(uri):
        return {"location": at(uri)[0]}

    raw = {
        "locations": [*at("a.py"), *at("also.py")],
        "relatedLocations": at("related.py"),
        "codeFlows": [{"threadFlows": [{"locations": [step("b.py"), step("a.py"), {"index": 0}]}]}],
        "stacks": [{"frames": [step("stack.py"), step("../outside.py")]}],
    }
    found = result(raw, threadFlowLocations=[step("shared.py")])
    assert found.flow_paths == ("also.py", "related.py", "b.py", "a.py", "shared.py", "stack.py")


def test_the_worse_security_severity_counts():
    rules = [{"id": "R", "properties": {"security-severity": "4.0"}}]
    for own, expected in (("9.8", 9.8), (1, 4.0), ("HIGH", 4.0), ("nan", 4.0), (11, 4.0)):
        raw = {"ruleId": "R", "properties": {"security-severity": own}}
        assert result(raw, tool=driver(rules=rules)).security_severity == expected


def test_messages_are_looked_up_and_filled_in():
    rules = [{"id": "R", "messageStrings": {"default": {"text": "{1} of {0}"}}}]
    tool = driver(rules=rules, globalMessageStrings={"other": {"text": "global"}})
    message = {"id": "default", "arguments": ["x", "y{0}"]}
    assert result({"ruleId": "R", "message": message}, tool=tool).message == "y{0} of x"
    assert result({"ruleId": "R", "message": {"id": "other"}}, tool=tool).message == "global"
    assert result({"message": {"markdown": "**m**"}}).message == "**m**"


# --- fingerprints ------------------------------------------------------------------------------


def prints(*raws: dict, **members) -> list[tuple]:
    """The fingerprints of results at lines 1, 2, 3 ... of one rule."""
    results = [
        {"ruleId": "R", "message": {"text": "m"}, "locations": at("a", startLine=line)} | raw
        for line, raw in enumerate(raws, 1)
    ]
    return [entry.fingerprints for entry in run(results=results, **members).results]


def test_fingerprints_of_both_kinds_are_kept_in_order():
    raw = {"fingerprints": {"z/v1": "1"}, "partialFingerprints": {"a/v1": "2"}}
    assert prints(raw) == [(("a/v1", "2"), ("z/v1", "1"))]


def test_volatile_keys_and_constants_identify_nothing():
    volatile = {"commitSha/v1": "c0ffee", "Email": "a@example.org", "keep": "x"}
    assert prints({"partialFingerprints": volatile}, tool=driver("gitleaks")) == [(("keep", "x"),)]
    assert prints({"fingerprints": {"matchBasedId/v1": "requires login"}}) == [()]
    assert prints({"partialFingerprints": {"primaryLocationStartColumnFingerprint": "4"}}) == [()]


def test_a_value_at_two_places_of_one_rule_identifies_nothing():
    same = {"fingerprints": {"h": "same"}}
    assert prints(same, same, {"fingerprints": {"h": "own"}}) == [(), (), (("h", "own"),)]
    assert prints(same, same | {"ruleId": "Q"}) == [(("h", "same"),)] * 2


def test_a_fingerprint_that_is_no_text_is_a_problem():
    raw = {"ruleId": "R", "message": {"text": "m"}, "fingerprints": {"a/b": {"x": "y"}}}
    found = report({"results": [raw]})
    assert found.problems == ("/runs/0/results/0/fingerprints/a~1b: not a string; not used",)


# --- AI scanners ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule_id", "tags", "key"),
    [
        ("CWE-78/api-handler", [], "CWE-78"),
        ("CWE-078", [], "CWE-78"),
        ("NOVEL-thing", ["CWE-78"], "NOVEL-thing"),
        ("own-name", ["CWE-78"], "CWE-78"),
        ("own-name", ["CWE-78", "CWE-20"], "own-name"),
    ],
)
def test_rules_of_ai_scanners_are_compared_by_their_weakness(rule_id, tags, key):
    rules = [{"id": rule_id, "properties": {"tags": tags}}]
    raw = {"ruleId": rule_id, "partialFingerprints": {"h": "1"}}
    found = result(raw, tool=driver(rules=rules), properties={"ai/origin": "generated"})
    assert (found.rule, found.rule_key, found.fingerprints) == (rule_id, key, ())
    assert result(raw, tool=driver(rules=rules)).rule_key == rule_id


def test_the_origin_of_an_ai_run_is_told():
    assert run(properties={"ai/origin": "synthesized"}).ai_origin == "synthesized"


# --- whole files ---------------------------------------------------------------------------------


def test_the_bandit_reports_are_read_without_a_problem():
    reports = {
        path.stem: formats.read(path.name, path.read_bytes()) for path in PAIRS.glob("*.sarif")
    }
    assert len(reports) == 12
    assert all(found.problems == () for found in reports.values())
    before = reports["00_before"].runs[0]
    assert (before.tool, before.version, before.organization) == ("Bandit", "1.9.4", "PyCQA")
    assert [(r.rule, r.location.path, r.location.line, r.level) for r in before.results] == [
        ("B404", "app/views.py", 1, "note"),
        ("B602", "app/views.py", 7, "error"),
        ("B324", "app/views.py", 11, "error"),
        ("B403", "app/views.py", 15, "note"),
        ("B301", "app/views.py", 17, "warning"),
    ]
    assert before.results[1].cwes == ("CWE-78",)
    assert before.artifacts == ("app/util.py", "app/views.py")
    assert reports["11_path_excluded"].runs[0].artifacts == ("app/util.py",)
    broken = reports["03_syntax_error"].runs[0]
    assert broken.execution_successful is True
    assert [(n.array, n.level, n.paths) for n in broken.notifications] == [
        ("configuration", "error", ("app/views.py",))
    ]


FULL = json.loads((PAIRS / "03_syntax_error.sarif").read_text()) | {
    "runs": [
        json.loads((PAIRS / "00_before.sarif").read_text())["runs"][0]
        | {
            "invocations": json.loads((PAIRS / "03_syntax_error.sarif").read_text())["runs"][0]["invocations"],
            "artifacts": [{"location": {"uri": "a", "index": 0}, "roles": ["resultFile"]}],
            "taxonomies": [{"name": "CWE", "taxa": [{"id": "78"}]}],
            "originalUriBaseIds": {"SRCROOT": {"uri": "file:///r/"}},
        }
    ]
}  # fmt: skip
ODD = st.sampled_from(
    [None, True, -1, 0, 7, 10**30, 1.5, "", "x", "\x00\ud800", [], [[]], [None], {}, {"a": {}}, {"id": 1}]
)  # fmt: skip


def nodes(value, path=()):
    yield path
    children = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, child in children:
        yield from nodes(child, (*path, key))


PLACES = [path for path in nodes(FULL) if path]


@settings(max_examples=250, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(PLACES), ODD), min_size=1, max_size=3), st.integers(0, 9))
def test_a_damaged_report_is_read_or_refused_and_nothing_else(damage, seed):
    damaged = json.loads(json.dumps(FULL))
    for path, value in damage:
        put(damaged, path, value)
    text = json.dumps(damaged)
    if seed == 0:
        cut = random.Random(len(text)).randrange(len(text))
        text = text[:cut] + text[cut + 1 :]
    try:
        found = formats.read("scan.sarif", text.encode())
    except InputError as error:
        assert error.where.startswith("scan.sarif")
    else:
        assert "\x00" not in repr(found).replace("\\x00", "\x00")


def put(value, path, new):
    for key in path[:-1]:
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            return
    if isinstance(value, dict | list) and path[-1] in (
        value if isinstance(value, dict) else range(len(value))
    ):
        value[path[-1]] = new


def test_metrics_of_files_whose_names_are_no_text_are_cleaned():
    properties = {"metrics": {"a\ud800.py": {}, "b\x00.py": {}}}
    found = run(tool=driver("Bandit"), properties=properties)
    assert found.artifacts == ("a\ufffd.py", "b\ufffd.py")


@pytest.mark.parametrize(
    ("name", "told"), [("SIGKILL", "signal SIGKILL"), ("segv", "signal segv"), ("SUCCESS", ""),
                       ("MISSING CLASS,BUGS FOUND", "")]
)  # fmt: skip
def test_only_the_name_of_a_signal_says_that_a_tool_broke_off(name, told):
    (run,) = report({"invocations": [{"executionSuccessful": True, "exitSignalName": name}]}).runs
    assert run.failure == told
