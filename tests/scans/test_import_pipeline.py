"""Imports at size: a fixed number of statements, nothing rewritten that did not change, never wrong."""

import copy
import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bench.ingest import reports
from findings.lifecycle import transition
from findings.models import Finding, Rule, Series, Sighting
from findings.statuses import Presence, Status
from scans.models import Scan, ScanResults
from tests.factories import make_asset, now, run_job, upload, upload_and_ingest

pytestmark = pytest.mark.django_db
LINES = 400


def fact(number: int, **members) -> dict:
    return {"scope": "full", "commit": f"{number:040d}", **members}


def made(number: int, *, fingerprints: bool = True, snippets: bool = True, rules: int = 7) -> dict:
    """A report of that many different results, 20 in a file."""
    results = []
    for n in range(number):
        region = {"startLine": 10 + n % 20 * 9, "startColumn": 5}
        if snippets:
            region["snippet"] = {"text": f"    value_{n} = load(source_{n % 20})"}
        result = {
            "ruleId": f"rule-{n % rules}", "level": ("error", "warning", "note")[n % 3],
            "message": {"text": f"value_{n} is used unchecked."},
            "locations": [{"physicalLocation": {
                "artifactLocation": {"uri": f"src/mod{n // 20}.py"}, "region": region}}],
        }  # fmt: skip
        if fingerprints:
            result["partialFingerprints"] = {"primaryLocationLineHash": f"{n:016x}:1"}
        results.append(result)
    listed = [
        {"id": f"rule-{n}", "name": f"Rule{n}", "shortDescription": {"text": f"Rule number {n}"},
         "helpUri": f"https://rules.example/{n}"} for n in range(rules)
    ]  # fmt: skip
    run = {
        "tool": {"driver": {"name": "Bench", "rules": listed}}, "results": results,
        "invocations": [{"executionSuccessful": True}],
    }  # fmt: skip
    return {"version": "2.1.0", "runs": [run]}


def changed(report: dict, change) -> dict:
    """A copy with ``change`` done to each result."""
    new = copy.deepcopy(report)
    for number, result in enumerate(new["runs"][0]["results"]):
        change(number, result)
    return new


def region_of(result: dict) -> dict:
    return result["locations"][0]["physicalLocation"]["region"]


def rows() -> list[tuple]:
    return list(
        Finding.objects.order_by("pk").values_list(
            "pk", "path", "start_line", "presence", "status", "seen_digest", "current", "seen_until"
        )
    )


def imported(asset, report: dict, number: int, **members) -> Scan:
    scan = upload_and_ingest(asset, report, fact(number, **members))
    assert scan.error == ""
    return scan


@pytest.fixture
def asset():
    return make_asset()


# --- how much is asked and written ---------------------------------------------------------------
def statements(asset, report: dict, number: int) -> int:
    scan, _ = upload(asset, report, fact(number))
    with CaptureQueriesContext(connection) as asked:
        run_job(scan)
    return len(asked)


def moved(report: dict) -> dict:
    return changed(
        report, lambda n, r: region_of(r).update(startLine=region_of(r)["startLine"] + 12)
    )


def test_the_number_of_statements_does_not_depend_on_the_number_of_results():
    imported(make_asset(), made(1), 1)  # the tool has a row from then on
    told = []
    for size in (20, 400):
        asset = make_asset()
        first = made(size)
        half = copy.deepcopy(moved(first))
        del half["runs"][0]["results"][::2]
        told.append([
            statements(asset, first, 1), statements(asset, first, 2),
            statements(asset, moved(first), 3), statements(asset, half, 4),
            statements(asset, first, 5),
        ])  # fmt: skip
    assert told[0] == told[1]
    assert max(told[0]) < 60


def test_a_scan_that_changes_nothing_adds_one_row_and_changes_none(asset):
    report = made(LINES)
    imported(asset, report, 1)
    before, sightings = rows(), Sighting.objects.count()
    reordered = copy.deepcopy(report)
    reordered["runs"][0]["results"].reverse()
    for number, again in enumerate((report, reordered), 2):
        scan = imported(asset, again, number)
        assert scan.counts == {"results": LINES, "unchanged": LINES}
    assert rows() == before
    assert Sighting.objects.count() == sightings
    assert ScanResults.objects.count() == 3
    assert Finding.objects.first().last_seen_at == scan.finished_at


def test_the_same_file_is_not_read_again(asset, monkeypatch):
    report = made(20)
    first = imported(asset, report, 1)
    monkeypatch.setattr("scans.services.ingest.read", None)
    again = imported(asset, report, 2)
    assert (again.tool, again.tool_class, again.counts) == (
        first.tool, first.tool_class, {"results": 20, "unchanged": 20},
    )  # fmt: skip
    assert Series.objects.get().last_scan_id == again.pk


@pytest.mark.parametrize("members", [{"scope": "diff"}, {}])
def test_the_same_file_told_otherwise_is_read_again(asset, members):
    report = made(20)
    imported(asset, report, 1)
    half = copy.deepcopy(report)
    del half["runs"][0]["results"][::2]
    imported(asset, half, 2, **members)
    again = imported(asset, report, 3)
    assert Finding.objects.filter(presence=Presence.PRESENT).count() == 20
    assert again.counts["unchanged"] == 20


def test_the_same_file_after_another_one_is_read_again(asset):
    report = made(20)
    imported(asset, report, 1)
    half = copy.deepcopy(report)
    del half["runs"][0]["results"][::2]
    imported(asset, half, 2)
    assert Finding.objects.filter(presence=Presence.ABSENT).count() == 10
    imported(asset, report, 3)
    assert Finding.objects.filter(presence=Presence.PRESENT).count() == 20


def test_what_vanished_and_is_in_the_same_file_again_is_reopened(asset):
    report = made(3)
    imported(asset, report, 1)
    gone = Finding.objects.first()
    transition(gone.pk, "vanish", by=None, at=now(), brought={"reason": "Its host is gone."})
    imported(asset, report, 2)
    gone.refresh_from_db()
    assert gone.status == Status.DISCOVERED


def test_rules_are_kept_once_and_follow_the_tool(asset):
    report = made(40)
    imported(asset, report, 1)
    assert Rule.objects.count() == 7
    assert Finding.objects.first().help_uri == "https://rules.example/0"
    report["runs"][0]["tool"]["driver"]["rules"][0]["helpUri"] = "https://rules.example/new"
    imported(make_asset(asset.scope), report, 2)
    assert Rule.objects.count() == 7
    assert Finding.objects.first().help_uri == "https://rules.example/new"


# --- never wrong ---------------------------------------------------------------------------------
def renamed(number: int, result: dict) -> None:
    place = result["locations"][0]["physicalLocation"]["artifactLocation"]
    if place["uri"] == "src/mod0.py":
        place["uri"] = "src/renamed.py"


def reworded(number: int, result: dict) -> None:
    result["message"]["text"] = f"Attention: value_{number} comes from outside."


def moved_down(number: int, result: dict) -> None:
    region_of(result)["startLine"] += 12


def edited(number: int, result: dict) -> None:
    if "snippet" in region_of(result):
        region_of(result)["snippet"]["text"] += "  # looked at"


def worse(number: int, result: dict) -> None:
    result["level"] = "error"


KINDS = {
    "with both": {}, "no fingerprints": {"fingerprints": False}, "no snippets": {"snippets": False},
    "neither": {"fingerprints": False, "snippets": False},
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("change", [moved_down, renamed, reworded, edited, worse])
def test_what_only_looks_different_is_the_same(asset, change, kind):
    report = made(200, **KINDS[kind])
    imported(asset, report, 1)
    ids = list(Finding.objects.order_by("pk").values_list("pk", flat=True))
    after = changed(report, change)
    scan = imported(asset, after, 2)
    assert scan.counts.get("new", 0) == scan.counts.get("absent", 0) == 0
    assert list(Finding.objects.order_by("pk").values_list("pk", flat=True)) == ids
    told = [
        (r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], region_of(r)["startLine"],
         r["level"]) for r in after["runs"][0]["results"]
    ]  # fmt: skip
    assert list(Finding.objects.order_by("pk").values_list("path", "start_line", "level")) == told
    assert [finding.message for finding in Finding.objects.order_by("pk")] == [
        r["message"]["text"] for r in after["runs"][0]["results"]
    ]


@pytest.mark.parametrize(("members", "presence"), [
    ({}, Presence.ABSENT), ({"scope": "diff"}, Presence.UNKNOWN), ({"scope": None}, Presence.UNKNOWN),
])  # fmt: skip
def test_half_of_a_report_says_gone_only_of_a_full_scan(asset, members, presence):
    report = made(100)
    first = imported(asset, report, 1)
    half = copy.deepcopy(report)
    del half["runs"][0]["results"][::2]
    told = {name: value for name, value in fact(2, **members).items() if value is not None}
    scan = upload_and_ingest(asset, half, told)
    assert Finding.objects.filter(presence=presence).count() == 50
    assert scan.counts.get("new", 0) == 0
    lost = Finding.objects.filter(presence=presence).first()
    assert lost.last_seen_at == first.finished_at
    back = imported(asset, report, 3)
    lost.refresh_from_db()
    assert (lost.presence, lost.last_seen_at) == (Presence.PRESENT, back.finished_at)
    assert Finding.objects.count() == 100


def test_a_fingerprint_that_two_results_share_hides_neither(asset):
    report = changed(
        made(40), lambda n, r: r["partialFingerprints"].update(primaryLocationLineHash="same:1")
    )
    imported(asset, report, 1)
    again = copy.deepcopy(report)
    again["runs"][0]["results"].reverse()
    for number, told in enumerate((report, again, moved(report)), 2):
        scan = imported(asset, told, number)
        assert (scan.counts.get("new", 0), scan.counts.get("absent", 0)) == (0, 0)
    assert Finding.objects.filter(presence=Presence.PRESENT).count() == 40


def set_aside(finding: Finding, status: Status) -> None:
    """As two people would have decided, without them."""
    if status == Status.NO_LONGER_PRESENT:
        transition(finding.pk, "vanish", by=None, at=now(), brought={"reason": "Gone."})
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE findings_finding SET status = %s WHERE id = %s", [status, finding.pk]
        )


@pytest.mark.parametrize(
    "status", [Status.FALSE_POSITIVE, Status.RISK_ACCEPTED, Status.NO_LONGER_PRESENT]
)
@pytest.mark.parametrize("change", [edited, renamed])
def test_nothing_inherits_a_decision_that_may_be_about_something_else(asset, change, status):
    report = made(20, fingerprints=False, snippets=change is edited)
    imported(asset, report, 1)
    for finding in Finding.objects.order_by("pk"):
        set_aside(finding, status)
    scan = imported(asset, changed(report, change), 2)
    assert scan.counts["new"] == 20
    assert set(Finding.objects.filter(pk__gt=finding.pk).values_list("status", flat=True)) == {
        Status.PRIORITIZED
    }


def test_code_that_was_gone_and_other_code_at_its_place_are_two_findings(asset):
    report = made(3, fingerprints=False)
    imported(asset, report, 1)
    none = copy.deepcopy(report)
    none["runs"][0]["results"] = []
    imported(asset, none, 2)
    scan = imported(asset, changed(report, edited), 3)
    assert scan.counts["new"] == 3


def test_results_that_are_equal_in_all_stay_as_many(asset):
    report = made(5)
    report["runs"][0]["results"] *= 3
    imported(asset, report, 1)
    assert Finding.objects.count() == 15
    report["runs"][0]["results"].reverse()
    scan = imported(asset, report, 2)
    assert scan.counts == {"results": 15, "unchanged": 15}
    del report["runs"][0]["results"][0]
    scan = imported(asset, report, 3)
    assert (scan.counts["unchanged"], scan.counts["absent"]) == (14, 1)


def test_what_the_benchmark_imports_counts_as_it_says(asset, tmp_path):
    for number, step in enumerate(reports.steps(400)):
        reports.write(tmp_path / "report", 400, step.variant)
        scan = imported(asset, json.loads((tmp_path / "report").read_bytes()), number)
        assert scan.counts == step.counts, step.name


def test_the_benchmark_makes_the_same_report_each_time(tmp_path):
    for name in ("first", "reversed", "changed"):
        for at in range(2):
            reports.write(tmp_path / str(at), 100, name)
        assert (tmp_path / "0").read_bytes() == (tmp_path / "1").read_bytes()
        (tmp_path / "0").rename(tmp_path / name)
    files = {name: (tmp_path / name).read_bytes() for name in ("first", "reversed", "changed")}
    assert len(set(files.values())) == 3
