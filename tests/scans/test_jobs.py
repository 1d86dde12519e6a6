"""The work itself under leases: a killed, slow or poisoned worker leaves no half state (T08, T22, T23)."""

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from django.conf import settings as django_settings
from django.db import connection

from core import jobs
from core.events import broken_links
from core.models import Event, Job, JobState
from ctem import jobs as worker
from findings.models import Finding, Sighting
from gate.formats import read
from scans.models import Scan
from scans.services.ingest import apply_report, fail_scan, ingest_scan, set_progress
from scans.statuses import ScanState
from tests.code import Code
from tests.factories import make_asset, now, run_job, upload, weak_file
from tests.races import errors, race
from tests.scans.killed_worker import PLACES

pytestmark = pytest.mark.django_db

CODE = Code({"app/a.py": weak_file("app/a.py"), "app/b.py": weak_file("app/b.py")})
PAST = timedelta(seconds=1)


@pytest.fixture
def scan():
    return upload(make_asset(), CODE)[0]


@pytest.fixture
def job(scan):
    return Job.objects.get(subject_id=scan.pk)


def lose_lease(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(lease_until=now() - PAST)


def world() -> dict:
    """All that an import writes, without numbers and times."""
    return {
        "findings": sorted(
            Finding.objects.values_list("rule", "path", "start_line", "status", "presence")
        ),
        "sightings": sorted(Sighting.objects.values_list("path", "start_line", "stage")),
        "scans": sorted(Scan.objects.values_list("state", "counts__new", "error", "progress_done")),
        "events": sorted(Event.objects.filter(subject="scan").values_list("action", flat=True)),
        "jobs": sorted(Job.objects.values_list("state", flat=True)),
        "chain": list(broken_links()),
    }


# --- the worker's side ---------------------------------------------------------------------------
def test_a_job_is_done_once(scan, job):
    assert worker.run(job.pk)
    done = world()
    assert not worker.run(job.pk)
    assert not worker.run(10**9)
    assert world() == done
    assert done["jobs"] == [JobState.DONE]


def test_a_job_that_somebody_holds_is_left_alone(scan, job):
    jobs.claim(job.pk, now())
    assert not worker.run(job.pk)
    assert Scan.objects.get().state == ScanState.RECEIVED


def test_an_unexpected_error_gives_the_job_back_and_writes_nothing(scan, job, monkeypatch, caplog):
    def broken(job: Job) -> None:
        raise ZeroDivisionError("half way")

    monkeypatch.setitem(worker.HANDLERS, "ingest", broken)
    assert worker.run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.error) == (JobState.QUEUED, "ZeroDivisionError: half way")
    assert job.next_attempt_at > now()
    assert not Finding.objects.exists()
    assert "half way" in caplog.text
    monkeypatch.undo()
    Job.objects.update(next_attempt_at=now())
    run_job(scan)
    assert Finding.objects.count() == 2


def test_an_error_amid_the_writing_leaves_nothing_of_it(scan, job, monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError("after the findings")

    monkeypatch.setattr("scans.services.ingest._rows_digest", broken)
    worker.run(job.pk)
    assert (Finding.objects.count(), Sighting.objects.count()) == (0, 0)
    assert Scan.objects.get().state == ScanState.APPLYING
    monkeypatch.undo()
    Job.objects.update(next_attempt_at=now())
    assert run_job(scan).state == ScanState.DONE


def test_a_stored_file_that_is_gone_is_tried_again_and_then_set_aside_with_the_reason(
    scan, job, files, caplog
):
    for _ in range(3):
        Job.objects.update(next_attempt_at=now())
        assert worker.run(job.pk)
    Job.objects.update(next_attempt_at=now())
    worker.sweep()
    scan.refresh_from_db()
    job.refresh_from_db()
    assert (job.state, scan.state) == (JobState.QUARANTINED, ScanState.QUARANTINED)
    assert "FileNotFoundError" in scan.error


# --- the sweeper ---------------------------------------------------------------------------------
@pytest.fixture
def rung(monkeypatch):
    """The jobs that the sweeper rang for."""
    bells = []
    monkeypatch.setattr("core.jobs.ring", bells.append)
    return bells


def test_the_sweeper_rings_for_what_is_due_and_for_nothing_else(scan, job, rung):
    other = Job.objects.get(subject_id=upload(make_asset(), CODE)[0].pk)
    worker.sweep()
    assert set(rung) == {job.pk, other.pk}
    rung.clear()
    jobs.claim(job.pk, now())
    jobs.finish(jobs.claim(other.pk, now()), now())
    worker.sweep()
    assert rung == []
    lose_lease(job)
    worker.sweep()
    assert rung == [job.pk]


def test_a_poisoned_job_is_tried_three_times_and_then_set_aside_in_sight(scan, job, rung, caplog):
    other = upload(make_asset(), CODE)[0]
    for attempt in (1, 2, 3):
        assert jobs.claim(job.pk, now()).attempts == attempt  # and the worker dies
        lose_lease(job)
        worker.sweep()
    scan.refresh_from_db()
    job.refresh_from_db()
    assert (job.state, scan.state) == (JobState.QUARANTINED, ScanState.QUARANTINED)
    assert (scan.error, scan.finished_at is not None) == (job.error, True)
    assert "every attempt" in scan.error
    assert "quarantined" in caplog.text
    assert not worker.run(job.pk)
    assert run_job(other).state == ScanState.DONE  # the queue flows


def test_the_sweeper_leaves_a_scan_that_is_done_alone(scan, job, rung):
    run_job(scan)
    Job.objects.update(state="running", attempts=3, lease_until=now() - PAST)
    worker.sweep()
    assert Scan.objects.get().state == ScanState.DONE


# --- a worker that lost its lease ----------------------------------------------------------------
def test_a_worker_that_lost_its_lease_writes_nothing(scan, job):
    """It stopped for a minute after reading; meanwhile another one did it all."""
    lost = jobs.claim(job.pk, now())
    mine = Scan.objects.select_related("scope", "line", "raw").get(pk=scan.pk)
    report = read(mine.document_name, b'{"version": "2.1.0", "runs": []}')
    lose_lease(job)
    run_job(scan)
    done, row = world(), Scan.objects.values().get()
    set_progress(mine, ScanState.PARSING, 0, 99)
    set_progress(mine, ScanState.APPLYING, 0, 99)
    apply_report(mine, lost, report)
    fail_scan(mine, lost, "too late", now())
    ingest_scan(lost)
    assert (world(), Scan.objects.values().get()) == (done, row)


def test_a_worker_that_lost_its_lease_to_one_that_is_still_at_it_writes_nothing(scan, job):
    lost = jobs.claim(job.pk, now())
    mine = Scan.objects.select_related("scope", "line", "raw").get(pk=scan.pk)
    lose_lease(job)
    winner = jobs.claim(job.pk, now())
    apply_report(mine, lost, read(mine.document_name, b'{"version": "2.1.0", "runs": []}'))
    fail_scan(mine, lost, "too late", now())
    assert not Event.objects.filter(action__in=["scan.imported", "scan.failed"]).exists()
    ingest_scan(winner)
    assert Finding.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_a_lease_is_renewed_while_the_work_lasts(settings, monkeypatch):
    settings.JOB_LEASE_SECONDS = 0.3
    job = Job.objects.get(subject_id=upload(make_asset(), CODE)[0].pk)
    taken = []

    def slow(held: Job) -> None:
        for _ in range(10):
            time.sleep(0.08)
            taken.append(jobs.claim(held.pk, now()))
        jobs.finish(held, now())

    monkeypatch.setitem(worker.HANDLERS, "ingest", slow)
    assert worker.run(job.pk)
    assert taken == [None] * 10
    job.refresh_from_db()
    assert (job.state, job.attempts) == (JobState.DONE, 1)


@pytest.mark.django_db(transaction=True)
def test_many_workers_and_a_sweeper_do_many_jobs_once_each(monkeypatch):
    asset = make_asset()
    todo = [
        Job.objects.get(subject_id=upload(asset, CODE.committed_as(f"n {n}"))[0].pk).pk
        for n in range(4)
    ]
    monkeypatch.setattr("core.jobs.ring", lambda job_id: None)

    def work(order: list[int]) -> int:
        return sum(worker.run(job_id) for job_id in order)

    answers = race(*[lambda n=n: work(todo[n:] + todo[:n]) for n in range(4)], worker.sweep)
    assert not errors(answers)
    assert sum(answers[:4]) == 4
    assert set(Job.objects.values_list("state", "attempts")) == {(JobState.DONE, 1)}
    assert Finding.objects.count() == 2


# --- kill -9 -------------------------------------------------------------------------------------
def database_url() -> str:
    """The address of the test database, for another process."""
    said = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{said['NAME']}"
    who = (
        f"{quote(said['USER'])}:{quote(said['PASSWORD'])}"
        if said["PASSWORD"]
        else quote(said["USER"])
    )
    return f"postgres://{who}@{said['HOST']}:{said['PORT']}/{said['NAME']}"


QUICK_AND_SLOW = [
    place if place == "amid the findings" else pytest.param(place, marks=pytest.mark.slow)
    for place in PLACES
]


def die_at(place: str, job: Job) -> None:
    """Let a worker in a process of its own do the job and be killed at ``place``."""
    ended = subprocess.run(
        [sys.executable, Path(__file__).with_name("killed_worker.py"), str(job.pk), place],
        cwd=django_settings.BASE_DIR,
        env={**os.environ, "DATABASE_URL": database_url(), "CTEM_JOB_LEASE_SECONDS": "1",
             "CTEM_DATA_DIR": str(django_settings.DATA_DIR), "PYTHONPATH": str(django_settings.BASE_DIR)},
        capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()[-2000:]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("place", QUICK_AND_SLOW)
def test_a_worker_that_is_killed_leaves_what_an_uninterrupted_one_leaves(place):
    scan = upload(make_asset(), CODE)[0]
    job = Job.objects.get(subject_id=scan.pk)
    die_at(place, job)
    job.refresh_from_db()
    if place == "after the commit":
        assert (job.state, Finding.objects.count()) == (JobState.DONE, 2)
    else:
        assert job.state == JobState.RUNNING
        assert (Finding.objects.count(), Sighting.objects.count()) == (0, 0)
        while not jobs.due(now()).exists():
            time.sleep(0.05)
        assert worker.run(job.pk)
    assert world() == {
        "findings": sorted(
            ("B307", path, 2, "prioritized", "present") for path in ("app/a.py", "app/b.py")
        ),
        "sightings": [("app/a.py", 2, ""), ("app/b.py", 2, "")],
        "scans": [("done", 2, "", 2)],
        "events": ["scan.imported", "scan.received"],
        "jobs": ["done"],
        "chain": [],
    }
