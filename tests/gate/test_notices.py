"""What a scanner says of its own run: notifications, signals, times, revisions, baselines, packs."""

from __future__ import annotations

from typing import Any

import pytest

from gate.checks.notices import is_gap
from gate.records import Level, Notification
from tests.gate.made import SINK, changed, good_facts, judged, outcome, sarif

NOTED = {"level": "warning", "message": {"text": "x"}}


def _noted(**notification: Any) -> dict[str, Any]:
    told = {"executionSuccessful": True, "toolExecutionNotifications": [NOTED | notification]}
    return sarif(invocations=[told])


@pytest.mark.parametrize(
    "text",
    [
        "could not parse app\\db.py",
        "failed: app%2Fdb.py",
        "failed: APP/DB.PY",
        "could not parse db.py",
    ],
)
def test_a_warning_names_a_file_in_any_spelling(text):
    assert outcome("FILES_ANALYSED", after=_noted(message={"text": text})) == "FAIL"


def test_a_warning_about_another_file_of_the_same_name_is_not_about_this_one():
    assert outcome("FILES_ANALYSED", after=_noted(message={"text": "skipped lib/db.py"})) == "PASS"


@pytest.mark.parametrize(
    "notification",
    [
        {"message": {"text": "1 file could not be parsed and was skipped"}},
        {"locations": [{"physicalLocation": {"artifactLocation": {"uri": "file:///tmp/zz/q.py"}}}]},
    ],
)
def test_a_warning_that_may_be_about_any_file_is_unknown(notification):
    assert outcome("FILES_ANALYSED", after=_noted(**notification)) == "UNKNOWN"
    before = _noted(**notification)
    before["runs"][0]["results"] = sarif([SINK])["runs"][0]["results"]
    assert outcome("FILES_ANALYSED", before=before, after=_noted(**notification)) == "PASS"


@pytest.mark.parametrize(
    ("name", "check"),
    [
        ("CONTEXT-BUDGET", "EXECUTION_OK"), ("RESOURCE-LIMIT", "EXECUTION_OK"),
        ("TOOL-UNAVAILABLE", "EXECUTION_OK"), ("DATA-ACCESS-DENIED", "EXECUTION_OK"),
        ("RULE-COVERAGE-GAP", "RULE_ACTIVE"),
    ],
)  # fmt: skip
def test_what_an_ai_scanner_did_not_get_to_is_unknown_at_any_level(name, check):
    assert outcome(check, after=_noted(descriptor={"id": name}, level="note")) == "UNKNOWN"


@pytest.mark.parametrize(
    "told",
    [{"exitSignalName": "SIGKILL"}, {"exitSignalNumber": 9}, {"processStartFailureMessage": "no"}],
)
def test_a_run_that_broke_off_did_not_succeed(told):
    after = sarif(invocations=[{"executionSuccessful": True, **told}])

    assert outcome("EXECUTION_OK", after=after) == "FAIL"


def test_times_that_cannot_be_are_no_record():
    late = changed(good_facts(), "after.started_at", "2026-11-23T10:50:00Z")
    late = changed(late, "after.finished_at", "2026-11-23T10:30:00Z")

    assert outcome("EXECUTION_OK", facts=late) == "FAIL"
    future = changed(good_facts(), "at", "2026-11-22T00:00:00Z")
    assert outcome("EXECUTION_OK", facts=future) == "UNKNOWN"
    assert outcome("SCAN_FRESH", facts=future) == "FAIL"


def test_a_time_nobody_can_reckon_with_is_refused_with_its_place():
    with pytest.raises(ValueError, match=r"at: .*limit: a year from"):
        judged(facts=changed(good_facts(), "at", "9999-12-31T23:59:59Z"))


def test_a_shortened_revision_must_begin_the_commit_that_the_facts_name():
    def told(revision: str) -> dict[str, Any]:
        entry = {"repositoryUri": "https://example.org/x", "revisionId": revision}
        return sarif(versionControlProvenance=[entry])

    assert outcome("CONTENT_BINDING", after=told("deadbee")) == "FAIL"
    assert outcome("CONTENT_BINDING", after=told("b" * 9)) == "PASS"
    assert outcome("CONTENT_BINDING", after=told("v1.2.0")) == "PASS"
    before = told("d" * 40)
    before["runs"][0]["results"] = sarif([SINK])["runs"][0]["results"]
    assert outcome("CONTENT_BINDING", before=before) == "FAIL"


def test_a_report_of_only_what_is_new_to_its_baseline_is_unknown():
    result = SINK | {"rule": "B404", "level": "note", "line": 1}
    after = sarif([result])
    after["runs"][0]["results"][0]["baselineState"] = "new"

    assert outcome("SCAN_SCOPE", after=after) == "UNKNOWN"
    after["runs"][0]["results"][0]["baselineState"] = "unchanged"
    assert outcome("SCAN_SCOPE", after=after) == "PASS"


def test_an_older_pack_of_rules_is_an_older_tool():
    def pack(version: str, results: Any = ()) -> dict[str, Any]:
        report = sarif(results)
        report["runs"][0]["tool"]["extensions"] = [{"name": "queries", "version": version}]
        return report

    assert outcome("TOOL_VERSION", before=pack("1.2.0", [SINK]), after=pack("0.1.0")) == "FAIL"
    assert outcome("TOOL_VERSION", before=pack("1.2.0", [SINK]), after=pack("1.3.0")) == "PASS"


def test_a_rule_that_was_not_applicable_was_not_evaluated():
    facts = changed(good_facts(), "after.version", "1.9.5")
    kinds = {
        kind: sarif([SINK | {"kind": kind, "level": "none"}], version="1.9.5")
        for kind in ("pass", "notApplicable", "informational")
    }
    found = {
        kind: outcome("RULE_ACTIVE", after=after, facts=facts) for kind, after in kinds.items()
    }

    assert found == {"pass": "PASS", "notApplicable": "UNKNOWN", "informational": "UNKNOWN"}


def test_a_tool_that_calls_every_result_new_was_compared_with_nothing():
    result = SINK | {"rule": "B404", "level": "note", "line": 1}
    scans = [sarif(found, tool="NightVision", version="1") for found in ([SINK, result], [result])]
    for scan in scans:
        for told in scan["runs"][0]["results"]:
            told["baselineState"] = "new"

    assert outcome("SCAN_SCOPE", before=scans[0], after=scans[1]) == "PASS"
    scans[1]["runs"][0]["baselineGuid"] = "11111111-1111-4111-8111-111111111111"
    assert outcome("SCAN_SCOPE", before=scans[0], after=scans[1]) == "UNKNOWN"


@pytest.mark.parametrize(("rule", "gap"), [("CWE-78/os", True), ("CWE-79/os", False)])
def test_a_gap_of_an_ai_scanner_counts_for_every_name_of_the_weakness(rule, gap):
    told = Notification("", "execution", Level.WARNING, "", id="RULE-COVERAGE-GAP", rule=rule)
    assert is_gap(told, {"CWE-78/shell", "CWE-78"}) is gap
