"""GitHub's alerts: open ones are results, dismissed ones suppressed, fixed ones gone."""

from __future__ import annotations

import json

import pytest

from gate.assemble import assemble
from gate.case import build
from gate.evidence import Document, Source
from gate.records import Level
from tests.gate.formats.samples_read import log_of, only, read, refusal, run, sample


def alert(number=1, tool="CodeQL", state="open", rule="py/x", **more):
    return {
        "number": number,
        "state": state,
        "rule": {"id": rule, "severity": "error", "security_severity_level": "high",
                 "description": "A weakness", "tags": ["security", "external/cwe/cwe-089"]},
        "tool": {"name": tool, "version": "2.20"},
        "most_recent_instance": {
            "commit_sha": "a" * 40, "category": "/language:python",
            "message": {"text": "From here to there."},
            "location": {"path": "app/db.py", "start_line": 4, "end_line": 5,
                         "start_column": 2, "end_column": 9},
        },
        **more,
    }  # fmt: skip


def test_an_alert_is_a_result():
    found = only([alert(7)])
    assert (found.rule, found.level, found.security_severity) == ("py/x", Level.ERROR, 7.0)
    assert (found.message, found.cwes) == ("From here to there.", ("CWE-89",))
    spot = found.location
    assert (spot.path, spot.line, spot.column, spot.end_line, spot.end_column) == (
        "app/db.py",
        4,
        2,
        5,
        9,
    )
    assert found.fingerprints == (("githubAlertNumber/v1", "7"),)


def test_the_list_says_what_all_alerts_share():
    one, other = alert(1), alert(2)
    found = run([one, other])
    assert (found.version, found.revision, found.category) == ("2.20", "a" * 40, "/language:python")
    other["most_recent_instance"]["commit_sha"] = "b" * 40
    assert run([one, other]).revision == ""


def test_it_proves_no_execution_and_no_rule():
    found = sample("code_scanning_alerts.json")
    assert (found.execution_successful, found.lists_rules, found.finished_at) == (None, False, "")
    assert len(found.results) == 2


def test_a_fixed_alert_is_gone_and_a_dismissed_one_is_there():
    dismissed = alert(
        2, state="dismissed", dismissed_reason="false positive", dismissed_comment="no"
    )
    found = run([alert(1, state="fixed"), dismissed, alert(3)])
    assert [one.pointer for one in found.results] == ["/1", "/2"]
    (reason,) = found.results[0].suppressions
    assert (reason.kind, reason.justification) == ("external", "false positive: no")
    assert found.results[1].suppressions == ()


def test_each_tool_has_a_run_of_its_own():
    found = read([alert(1), alert(2, tool="Semgrep OSS"), alert(3)]).runs
    assert [(one.tool, len(one.results)) for one in found] == [("CodeQL", 2), ("Semgrep OSS", 1)]


@pytest.mark.parametrize("number", [0, 1])
def test_the_run_that_found_an_original_is_that_of_its_tool(number):
    tools = ("CodeQL", "Semgrep OSS")
    before = [alert(1), alert(2, tool=tools[1], rule="other")]
    after = [alert(1, state="fixed"), alert(2, tool=tools[1], state="fixed")]
    before, after = (
        Document(f"{name}.json", json.dumps(log).encode())
        for name, log in (("before", before), ("after", after))
    )
    evidence = assemble(
        after=[after], before=[before], findings=[f"before.json#/{number}"], facts={}
    )
    (finder,) = [one.finder.run.tool for one in build(evidence, Source.DECLARED).targets]
    assert finder == tools[number]


def test_an_alert_without_a_tool_is_refused():
    log = log_of("code_scanning_alerts.json")
    log[1]["tool"] = {}
    assert refusal(log) == "report#/1/tool/name: missing: the tool must be named"


def test_an_empty_list_names_no_tool():
    assert "an empty list names no tool" in refusal([])


def test_another_list_is_no_list_of_alerts():
    assert "the document must be an object" in refusal([{"rule": {}, "tool": {}}])
