"""Cancelling: a scan that waits ends at once, one that runs within seconds, one that is over not at all."""

import threading
import time
from pathlib import Path

import pytest
from django.db import connection

from core.errors import NotAllowed, WrongState
from core.models import Event, Job, JobState
from core.permissions import Role
from ctem import jobs as worker
from findings.models import Finding
from scans.models import Scan
from scans.services.cancel import cancel_scan
from scans.services.uploads import order_scan
from scans.statuses import ScanState
from tests.code import Code
from tests.factories import default_line, make_asset, member, now, run_job, upload, weak_file
from tests.scans.repository import WEAK


def order(repository, recipe="bandit"):
    asset = make_asset(repository=str(repository.folder))
    scan, _ = order_scan(
        asset=asset, recipe=recipe, commit=repository.commit({"a.py": WEAK}),
        line=default_line(asset), by=member(asset.scope, Role.PIPELINE), at=now(),
    )  # fmt: skip
    return scan


def cancel(scan, role=Role.ANALYST):
    return cancel_scan(scan=scan, by=member(scan.scope, role), at=now())


@pytest.mark.django_db
def test_a_scan_that_waits_ends_at_once_and_is_never_started(files, repository):
    scan = cancel(order(repository))
    by = member(scan.scope, Role.ANALYST).username
    assert (scan.state, scan.error) == (ScanState.CANCELLED, f"cancelled by {by}")
    assert scan.finished_at and Job.objects.get().state == JobState.FAILED
    assert not worker.run(Job.objects.get().pk)
    event = Event.objects.get(action="scan.cancelled")
    assert (event.subject_id, event.actor.username) == (scan.pk, by)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("walled", [True, False])
def test_a_scan_that_runs_ends_within_seconds_with_all_it_started(
    files, repository, probe, walled, request
):
    request.getfixturevalue("wall" if walled else "no_wall")
    probe("echo begun; sleep 876543 & sleep 876543; true > {out}")
    scan = order(repository, "probe")
    thread = threading.Thread(target=work, args=[Job.objects.get().pk])
    thread.start()
    wait_for(sleepers)
    began = time.monotonic()
    cancel(Scan.objects.get())
    thread.join(20)
    assert not thread.is_alive() and time.monotonic() - began < 5
    wait_for(lambda: not sleepers())
    scan.refresh_from_db()
    assert scan.state == ScanState.CANCELLED and scan.raw_id is None
    assert "it was cancelled" in scan.log
    assert not Finding.objects.exists() and not Event.objects.filter(action="scan.failed").exists()
    assert Job.objects.get().state == JobState.FAILED


def work(job_id):
    try:
        worker.run(job_id)
    finally:
        connection.close()


def sleepers() -> list[str]:
    found = []
    for process in Path("/proc").iterdir():
        try:
            if (
                process.name.isdigit()
                and (process / "cmdline").read_bytes() == b"sleep\x00876543\x00"
            ):
                found.append(process.name)
        except OSError:
            continue
    return found


def wait_for(condition) -> None:
    until = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.django_db
def test_what_is_over_is_not_cancelled(files, repository):
    scan = run_job(order(repository))
    with pytest.raises(WrongState, match="over"):
        cancel(scan)


@pytest.mark.django_db
def test_an_upload_that_was_cancelled_is_not_read_and_may_be_sent_again(files):
    asset, code = make_asset(), Code({"app/a.py": weak_file("app/a.py")})
    uploaded, _ = upload(asset, code)
    cancel(uploaded)
    job = Job.objects.get()
    assert not worker.run(job.pk) and not Finding.objects.exists()
    again, new = upload(asset, code)
    assert new and again != uploaded
    assert run_job(again).state == ScanState.DONE
    assert Finding.objects.count() == 1


@pytest.mark.django_db
def test_reading_shows_how_far_it_is_and_stops_when_it_is_cancelled(files, monkeypatch):
    rows = [f"eval(name_{n})\n" for n in range(3000)]
    scan, _ = upload(make_asset(), Code({"app/many.py": "".join(rows)}))
    monkeypatch.setattr("scans.services.ingest.TOLD_EACH", -1)
    shown = []

    def told(scan_, state, done=0, total=0):
        Scan.objects.filter(pk=scan_.pk).update(
            state=state, progress_done=done, progress_total=total
        )
        scan_.refresh_from_db()
        shown.append((state, done, total, scan_.seconds_left(now())))
        if state == ScanState.PARSING and done > total // 2:
            cancel(Scan.objects.get())

    monkeypatch.setattr("scans.services.ingest.set_progress", told)
    assert worker.run(Job.objects.get().pk)
    scan.refresh_from_db()
    assert (scan.state, Finding.objects.count()) == (ScanState.CANCELLED, 0)
    done = [row[1] for row in shown]
    assert done == sorted(done) and 0 < done[-1] <= shown[-1][2] == scan.raw.size
    assert shown[0][3] is None and shown[-1][3] is not None and shown[-1][3] >= 0
    assert {state for state, *_ in shown} == {ScanState.PARSING}
    assert Job.objects.get().state == JobState.FAILED


@pytest.mark.django_db
def test_a_scan_that_ends_meanwhile_stays_as_it_ended(files, repository):
    stale = order(repository)
    run_job(Scan.objects.get())
    with pytest.raises(WrongState, match="over"):
        cancel(stale)
    stale.refresh_from_db()
    assert stale.state == ScanState.DONE
    assert not Event.objects.filter(action="scan.cancelled").exists()


@pytest.mark.django_db
@pytest.mark.parametrize("role", [Role.VIEWER, Role.TICKETING])
def test_who_may_not_order_may_not_cancel(files, repository, role):
    scan = order(repository)
    with pytest.raises(NotAllowed):
        cancel(scan, role)
    assert Scan.objects.get().state == ScanState.RECEIVED
