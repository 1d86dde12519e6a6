"""Nuclei's findings, a line each or in one list; what was sent and received stays out."""

from __future__ import annotations

import json

import pytest

from gate import formats
from gate.records import Level
from tests.gate.formats.samples_read import SAMPLES, read, refusal, run, sample


def finding(**more):
    info = {"name": "Exposed metrics", "severity": "medium", "description": "All may look.",
            "classification": {"cve-id": ["cve-2024-1"], "cwe-id": ["cwe-200"]}}  # fmt: skip
    return {
        "template-id": "prometheus-metrics", "info": info, "type": "http", "host": "https://a.example",
        "matched-at": "https://a.example/metrics", "matcher-status": True,
        "request": "GET / Authorization: Bearer SECRET", "response": "SECRET",
        "extracted-results": ["SECRET"], "curl-command": "curl -H SECRET", **more,
    }  # fmt: skip


def lines(*findings):
    return "".join(f"{json.dumps(one)}\n" for one in findings)


def test_a_finding_is_where_it_matched():
    (found, _) = run(lines(finding(), finding(**{"matcher-name": "go"}))).results
    assert (found.rule, found.level, found.security_severity) == (
        "prometheus-metrics", Level.WARNING, 4.0,
    )  # fmt: skip
    assert (found.location.uri, found.location.path) == ("https://a.example/metrics", None)
    assert (found.cwes, found.aliases) == (("CWE-200",), ("CVE-2024-1",))


def test_one_line_is_a_report_as_well():
    assert len(run(lines(finding())).results) == 1
    assert len(run([finding()]).results) == 1


def test_a_score_is_better_than_a_word():
    scored = finding()
    scored["info"]["classification"]["cvss-score"] = 5.9
    assert run([scored]).results[0].security_severity == 5.9


def test_what_was_sent_and_received_is_not_kept():
    assert "SECRET" not in repr(read(lines(finding(), finding())))


def test_a_matcher_that_did_not_match_is_no_result():
    found = run([finding(**{"matcher-status": False})])
    assert (found.results, len(found.passed)) == ((), 1)


def test_what_it_does_not_say_is_unknown():
    found = sample("nuclei.jsonl")
    assert (found.version, found.execution_successful, found.finished_at) == ("", None, "")


def test_older_lines_are_read():
    old = {
        "templateID": "t",
        "info": {"name": "n", "severity": "high"},
        "matched": "https://a.example/",
    }
    assert run(lines(old, old)).results[0].location.uri == "https://a.example/"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (lines(finding()) + "{broken\n", "report line 2 at byte 1: not JSON"),
        (lines(finding(), finding(info=3)), "report#/1/info: must be an object"),
        (lines(finding()) + "[]\n", "report#/1: must be an object"),
        (lines(finding()) + '{"a": NaN}\n', "report line 2 at byte 6"),
        (lines(finding(), {"info": {}}), "report#/1/template-id: missing"),
    ],
)
def test_a_line_that_cannot_be_read_is_refused_with_its_number(text, told):
    assert refusal(text).startswith(told)


def test_an_empty_file_is_no_report():
    assert "not JSON" in refusal("")


def test_both_forms_point_to_the_same_places():
    one = formats.read("x", lines(finding(), finding()).encode()).runs
    assert one == formats.read("x", json.dumps([finding(), finding()]).encode()).runs
    assert [result.pointer for result in one[0].results] == ["/0", "/1"]
    assert (SAMPLES / "nuclei.json").read_bytes()[:1] == b"["
