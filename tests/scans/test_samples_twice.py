"""Reports as real tools wrote them, imported again: what is the same stays the same, in every format."""

import csv
import io
import json
from pathlib import Path

import pytest

from findings.models import Finding
from findings.statuses import Presence
from gate.errors import InputError
from gate.formats import read
from scans.models import Scan
from scans.statuses import ScanState
from tests.factories import make_asset, run_job, upload

pytestmark = pytest.mark.django_db

GATE = Path(__file__).resolve().parents[1] / "gate"
SAMPLES = {
    path.name: path
    for folder in (GATE / "samples", GATE / "formats" / "samples")
    for path in sorted(folder.iterdir())
    if path.suffix != ".md"
}


def rewritten(data: bytes, name: str) -> bytes:
    """The same report as another program would write it: other order of members, other white space."""
    text = data.decode("utf-8-sig")
    if name.endswith(".csv"):
        told = [line for line in text.splitlines(keepends=True) if line.startswith("#")]
        file = io.StringIO(newline="")
        rows = csv.reader(text.splitlines()[len(told) :])
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows(rows)
        return ("".join(told) + file.getvalue()).encode()
    if name.endswith(".jsonl"):
        rows = [json.dumps(json.loads(line), sort_keys=True) for line in text.splitlines() if line]
        return "\r\n".join(rows).encode()
    return json.dumps(json.loads(text), indent=3, sort_keys=True).encode()


def facts(commit: int, **more: str) -> dict:
    return {"scope": "full", "commit": f"{commit:040x}", **more}


def shown() -> list[tuple]:
    names = ("pk", "rule", "path", "start_line", "presence", "status", "level", "seen_digest")
    return list(Finding.objects.order_by("pk").values_list(*names))


@pytest.mark.parametrize("name", SAMPLES)
def test_a_real_report_again_brings_nothing_new_and_loses_nothing(name):
    data, asset = SAMPLES[name].read_bytes(), make_asset()
    try:
        results = sum(len(run.results) for run in read(name, data).runs)
    except InputError:
        results = None
    first, _ = upload(asset, data, facts(1))
    first = run_job(first)
    if results is None:
        assert first.state == ScanState.FAILED
        assert not Finding.objects.exists()
        return
    assert (first.state, first.counts.get("results", 0)) == (ScanState.DONE, results), first.error
    assert first.counts.get("new", 0) == Finding.objects.count()
    before = shown()
    for number, again in enumerate((rewritten(data, name), data, rewritten(data, name)), 2):
        scan, new = upload(asset, again, facts(number))
        assert new
        scan = run_job(scan)
        told = {word: scan.counts.get(word, 0) for word in ("new", "absent", "unknown", "moved")}
        assert (scan.state, told) == (ScanState.DONE, dict.fromkeys(told, 0)), scan.error
        assert scan.counts.get("results", 0) == results
        assert shown() == before
    assert not Finding.objects.filter(presence=Presence.ABSENT).exists()
    assert upload(asset, data, facts(1)) == (first, False)
    assert Scan.objects.count() == 4


def run_of(name: str, *rules: str) -> dict:
    results = [
        {"ruleId": rule, "message": {"text": f"{name} {n}"}, "locations": [{"physicalLocation": {
            "artifactLocation": {"uri": f"{name}/{n}.py"}, "region": {"startLine": 3}}}]}
        for n, rule in enumerate(rules)
    ]  # fmt: skip
    for result in results:
        if not result["ruleId"]:
            del result["ruleId"]
    return {"tool": {"driver": {"name": "Probe"}}, "automationDetails": {"id": f"{name}/"},
            "invocations": [{"executionSuccessful": True}], "results": results}  # fmt: skip


MADE = {
    "several runs of several categories": [run_of("one", "R1", "R2"), run_of("two", "R1", "R3")],
    "results without a rule": [run_of("one", "", "R1", "")],
    "no results": [run_of("one")],
}


@pytest.mark.parametrize("name", MADE)
def test_what_real_reports_have_now_and_then_stays_the_same_too(name):
    data, asset = json.dumps({"version": "2.1.0", "runs": MADE[name]}).encode(), make_asset()
    results = sum(len(run["results"]) for run in MADE[name])
    assert run_job(upload(asset, data, facts(1))[0]).state == ScanState.DONE
    assert Finding.objects.count() == results
    before = shown()
    for number, again in enumerate((rewritten(data, name), data, data), 2):
        scan = run_job(upload(asset, again, facts(number))[0])
        assert (scan.state, scan.counts.get("unchanged", 0)) == (ScanState.DONE, results)
        assert shown() == before


def test_the_samples_are_of_every_format():
    kinds = {Path(name).suffix for name in SAMPLES}
    assert kinds == {".sarif", ".json", ".jsonl", ".csv"}
    assert len(SAMPLES) >= 50
