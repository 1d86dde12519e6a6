"""What GitLab found is stored, the secrets that it found are not."""

import json

import pytest

from core.errors import BadInput
from forges.hosts.gitlab_report import without_secrets
from gate import formats

SECRET = "glpat-this-is-the-secret-itself"


def report(kind="secret_detection"):
    signature = {"algorithm": "rule_value", "value": SECRET}
    found = {
        "id": "x", "name": "A token", "severity": "Critical", "raw_source_code_extract": SECRET,
        "identifiers": [{"type": "gitleaks_rule_id", "name": "token", "value": "token"}],
        "location": {"file": "app/settings.py", "start_line": 3},
        "tracking": {"items": [{"signatures": [signature]}]},
        "details": {"token": {"type": "text", "value": SECRET}},
        "cve": f"app/settings.py:{SECRET}:token",
    }  # fmt: skip
    scan = {"type": kind, "status": "success", "scanner": {"id": "s", "name": "Gitleaks"}}
    made = {"version": "15.2.4", "scan": scan, "vulnerabilities": [found]}
    return json.dumps(made, separators=(",", ":")).encode()


def test_a_secret_is_nowhere_in_what_is_stored():
    kept = without_secrets(report())
    assert SECRET.encode() in report()
    assert SECRET.encode() not in kept
    assert len(kept) < len(report())


def test_the_gate_reads_the_same_from_both():
    before, after = (formats.read("x", one).runs for one in (report(), without_secrets(report())))
    assert before == after
    ((key, value),) = after[0].results[0].fingerprints
    assert (key, value[:7]) == ("rule_value/v1", "sha256:")


def test_it_can_be_done_twice():
    once = without_secrets(report())
    assert without_secrets(once) == once


@pytest.mark.parametrize("content", [report("sast"), b"[]", b"{}", b'{"scan": []}'])
def test_any_other_report_stays_as_it_was(content):
    assert without_secrets(content) == content


@pytest.mark.parametrize("content", [b"<xml>", b"[" * 100_000, b'{"a": NaN}'])
def test_what_is_no_json_is_refused(content):
    with pytest.raises(BadInput, match="not JSON"):
        without_secrets(content)


def test_odd_members_are_left_for_the_reader_to_refuse():
    odd = {"scan": {"type": "secret_detection"}, "vulnerabilities": [1, {"tracking": [2]}]}
    assert json.loads(without_secrets(json.dumps(odd).encode())) == odd
