"""Imports that are killed at each statement, that poison workers, that run at once, that hold what no
database holds (T08, T09, T11, T22): what is left is what one import after the other leaves."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from rest_framework.test import APIClient

from core.events import broken_links
from core.models import Event, Job, JobState
from ctem import jobs as worker
from findings.models import Finding, Sighting
from findings.statuses import Presence
from gate.formats import read
from scans.ingest.records import result_from_json
from scans.models import Scan
from scans.statuses import ScanState
from tests.factories import make_asset, make_scope, member, run_job, upload
from tests.races import errors, race
from tests.scans.test_jobs import CODE, database_url, die_at, lose_lease

pytestmark = pytest.mark.django_db(transaction=True)


def facts(number: int) -> dict:
    return {"scope": "full", "commit": f"{number:040x}"}


def report(*results: dict) -> dict:
    run = {
        "tool": {"driver": {"name": "Probe", "version": "1"}},
        "invocations": [{"executionSuccessful": True}],
        "results": list(results),
    }
    return {"version": "2.1.0", "runs": [run]}


def result(path: str, line: int, rule: str = "R1", message: str = "") -> dict:
    region = {"startLine": line, "snippet": {"text": f"call({path[-40:]!r})"}}
    place = {"artifactLocation": {"uri": path}, "region": region}
    return {
        "ruleId": rule, "level": "warning", "message": {"text": message or f"{rule} in {path[-40:]}"},
        "locations": [{"physicalLocation": place}],
    }  # fmt: skip


# --- kill -9 at every statement ------------------------------------------------------------------
MOST_STATEMENTS = 90  # more than an import takes


def left(scan: Scan) -> dict:
    """All that one import wrote, without numbers and times."""
    findings = Finding.objects.filter(asset=scan.asset_id)
    names = ("rule", "path", "start_line", "status", "presence", "seen_digest")
    return {
        "findings": sorted(findings.values_list(*names)),
        "sightings": Sighting.objects.filter(finding__in=findings).count(),
        "scan": Scan.objects.values_list("state", "counts", "error", "progress_done").get(
            pk=scan.pk
        ),
        "events": sorted(
            Event.objects.filter(subject="scan", subject_id=scan.pk).values_list(
                "action", flat=True
            )
        ),
        "job": Job.objects.get(subject_id=scan.pk, kind="ingest").state,
    }


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_worker_may_be_killed_before_any_statement_of_an_import():
    scope = make_scope()
    run_job(upload(make_asset(scope), CODE)[0])  # the tool is known
    scans = [upload(make_asset(scope), CODE)[0] for _ in range(MOST_STATEMENTS)]
    jobs = [Job.objects.get(subject_id=scan.pk) for scan in scans]
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("killed_at_statements.py"))]
        + [str(job.pk) for job in jobs],
        cwd=django_settings.BASE_DIR, capture_output=True, text=True, timeout=250, check=True,
        env={**os.environ, "DATABASE_URL": database_url(),
             "CTEM_DATA_DIR": str(django_settings.DATA_DIR), "PYTHONPATH": str(django_settings.BASE_DIR)},
    )  # fmt: skip
    ended = json.loads(done.stdout)
    killed = ended.index(0)
    assert ended == [-9] * killed + [0] * (MOST_STATEMENTS - killed)
    assert killed > 20
    whole = left(scans[-1])
    assert whole["job"] == JobState.DONE
    for number, (scan, job) in enumerate(zip(scans[:killed], jobs, strict=False), 1):
        assert left(scan) == whole or left(scan)["findings"] == [], f"statement {number}"
        assert not (left(scan)["findings"] == [] and left(scan)["job"] == JobState.DONE), number
        if left(scan)["job"] == JobState.RUNNING:
            lose_lease(job)
        worker.run(job.pk)
        assert left(scan) == whole, f"statement {number}"
    assert list(broken_links()) == []


@pytest.mark.slow
def test_a_report_that_kills_each_worker_is_set_aside_in_sight_and_the_next_is_read():
    asset = make_asset()
    poison, good = upload(asset, CODE)[0], upload(asset, CODE.committed_as("next"))[0]
    job = Job.objects.get(subject_id=poison.pk)
    for attempt in (1, 2, 3):
        die_at("before applying", job)
        job.refresh_from_db()
        assert (job.state, job.attempts) == (JobState.RUNNING, attempt)
        lose_lease(job)
        worker.sweep()
    assert not worker.run(job.pk)
    client = APIClient()
    client.force_authenticate(member(asset.scope, "viewer"))
    shown = client.get(f"/api/v1/scans/{poison.pk}/").json()
    assert shown["state"] == ScanState.QUARANTINED
    assert (
        shown["error"] == "given up after 3 attempts, it failed in every attempt: the worker died"
    )
    assert run_job(good).state == ScanState.DONE
    assert Finding.objects.count() == 2


# --- many at once --------------------------------------------------------------------------------
FILES = [f"src/{letter}.py" for letter in "abcdefghijkl"]
AT_ONCE = 8


def numbered(number: int) -> dict:
    """A full scan of its own: some files with a weakness, each a few lines further down than before."""
    told = [path for at, path in enumerate(FILES) if (at * 7 + number * 5) % 8 > 2]
    results = [result(path, 10 + number * 3, f"R{FILES.index(path) % 3}") for path in told]
    return report(*results, result("src/shared.py", 5 + number, "R9"))


def state_of(asset, scans: list[Scan]) -> dict:
    findings = Finding.objects.filter(asset=asset)
    names = ("rule", "path", "start_line", "presence", "status")
    return {
        "findings": sorted(findings.values_list(*names)),
        "counts": [Scan.objects.get(pk=scan.pk).counts for scan in scans],
        "sightings": sorted(
            Sighting.objects.filter(finding__in=findings).values_list("path", "start_line", "stage")
        ),
    }


@pytest.mark.slow
@pytest.mark.parametrize("turn", range(3))
def test_eight_imports_of_one_asset_at_once_leave_what_some_order_of_them_leaves(turn):
    asset = make_asset()
    scans = {upload(asset, numbered(n), facts(n))[0].pk: n for n in range(AT_ONCE)}
    rows = [Scan.objects.get(pk=pk) for pk in scans]
    answers = race(*[lambda scan=scan: run_job(scan) for scan in rows])
    assert not errors(answers), errors(answers)[:1]
    imported = Event.objects.filter(action="scan.imported", scope_id=asset.scope_id)
    order = [scans[pk] for pk in imported.order_by("seq").values_list("subject_id", flat=True)]
    assert sorted(order) == list(range(AT_ONCE))
    by_order = sorted(rows, key=lambda scan: order.index(scans[scan.pk]))
    other = make_asset()
    again = [run_job(upload(other, numbered(n), facts(n))[0]) for n in order]
    assert state_of(asset, by_order) == state_of(other, again)
    last = {result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
            for result in numbered(order[-1])["runs"][0]["results"]}  # fmt: skip
    present = Finding.objects.filter(asset=asset, presence=Presence.PRESENT)
    assert set(present.values_list("path", flat=True)) == last
    assert Finding.objects.filter(asset=asset).count() <= len(FILES) + 1
    assert list(broken_links()) == []


# --- what no database holds ----------------------------------------------------------------------
DIRTY = "a\x00b\ud800c"
CLEAN = "a\ufffdb\ufffdc"
HUGE = DIRTY + "x" * (10 << 20)


def stored_text() -> str:
    """Every text of every finding and sighting, as the database gives it."""
    rows = [*Finding.objects.values(), *Sighting.objects.values(), *Scan.objects.values()]
    return json.dumps(rows, default=str, ensure_ascii=False)


@pytest.mark.slow
@pytest.mark.parametrize("place", ["message", "path", "rule"])
def test_ten_megabytes_of_what_cannot_be_stored_are_kept_cut_and_clean(place):
    """Held against what the reader gives, which knows no database: so both engines keep the same."""
    asset = make_asset()
    told = {
        "message": result("src/a.py", 3, message=HUGE),
        "path": result(f"src/{HUGE}/a.py", 3),
        "rule": result("src/a.py", 3, rule=HUGE, message="m"),
    }[place]
    data = json.dumps(report(told, result("src/other.py", 7))).encode()
    scan = run_job(upload(asset, data, facts(1))[0])
    assert (scan.state, scan.counts.get("new")) == (ScanState.DONE, 2), scan.error
    rows = list(Finding.objects.order_by("pk"))
    found = read(scan.document_name, data).runs[0].results
    assert [result_from_json(row.seen) for row in rows] == list(found)
    text = stored_text()
    assert "\x00" not in text and not any("\ud800" <= char <= "\udfff" for char in text)
    assert len(text) < 300_000
    kept = {"message": rows[0].message, "path": found[0].location.uri, "rule": rows[0].rule}[place]
    assert CLEAN in kept and len(kept) <= 16_000
    assert rows[0].path == ("" if place == "path" else "src/a.py")  # a path that was cut is none
    again = run_job(upload(asset, data + b"\n", facts(2))[0])
    assert (again.counts.get("new", 0), again.counts.get("absent", 0)) == (0, 0)
    assert list(broken_links()) == []


@pytest.mark.parametrize("place", ["message", "path", "rule"])
def test_what_cannot_be_stored_is_replaced_by_the_same_sign_on_every_engine(place):
    asset = make_asset()
    told = {
        "message": result("src/a.py", 3, message=DIRTY),
        "path": result(f"src/{DIRTY}.py", 3),
        "rule": result("src/a.py", 3, rule=DIRTY),
    }[place]
    run_job(upload(asset, report(told), facts(1))[0])
    row = Finding.objects.get()
    kept = {"message": row.message, "path": row.path, "rule": row.rule}
    assert kept[place] == {"message": CLEAN, "path": f"src/{CLEAN}.py", "rule": CLEAN}[place]
    assert "\x00" not in stored_text()
