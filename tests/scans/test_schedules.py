"""Scans by the clock: once a day, at the newest commit, and what keeps one from being ordered."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from core.errors import BadInput, NotAllowed, WrongState
from core.models import Event, Job, JobState
from core.permissions import Role
from ctem import jobs as worker
from ctem import tasks
from ctem.celery import app
from findings.models import Finding
from findings.statuses import Status
from scans.models import Scan, ScanSchedule
from scans.runners import checkout
from scans.services.schedules import end_schedule, order_due_scans, set_schedule
from scans.statuses import Purpose
from tests import factories as make
from tests.factories import default_line, make_asset, member, now, run_job
from tests.races import errors, race
from tests.scans.repository import SAFE, WEAK

NIGHT = datetime(2026, 3, 1, 1, 30, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def asset(repository, db):
    return make_asset(repository=str(repository.folder))


def schedule(asset, hour=2, at=NIGHT, role=Role.ADMIN, recipe="bandit"):
    by = member(asset.scope, role)
    return set_schedule(line=default_line(asset), recipe=recipe, hour=hour, by=by, at=at)


def work() -> list[Scan]:
    """Do the jobs that ask where lines stand; return the scans that were ordered."""
    for job in Job.objects.filter(kind="scheduled", state=JobState.QUEUED):
        Job.objects.filter(pk=job.pk).update(next_attempt_at=now())
        assert worker.run(job.pk)
    return list(Scan.objects.order_by("pk"))


def test_the_newest_commit_of_the_line_is_scanned_once_a_day(files, repository, asset):
    schedule(asset)
    assert order_due_scans(at=NIGHT) == 0
    first = repository.commit({"a.py": WEAK})
    assert [order_due_scans(at=NIGHT + n * HOUR) for n in (1, 2, 3)] == [1, 0, 0]
    (scan,) = work()
    assert (scan.commit, scan.purpose, scan.created_by) == (first, Purpose.LINE, None)
    assert scan.line == default_line(asset)
    second = repository.commit({"a.py": SAFE})
    assert order_due_scans(at=NIGHT + DAY + HOUR) == 1
    assert [s.commit for s in work()] == [first, second]
    assert run_job(scan).facts["uploader"] == "runner"


def test_an_hour_that_is_over_today_begins_tomorrow(files, asset):
    schedule(asset, hour=1)
    assert order_due_scans(at=NIGHT + 5 * HOUR) == 0
    assert order_due_scans(at=NIGHT + DAY) == 1


def test_a_beat_that_missed_the_hour_makes_it_up_on_the_same_day(files, asset):
    schedule(asset)
    assert order_due_scans(at=NIGHT + 20 * HOUR) == 1


def test_set_again_the_hour_moves_and_the_day_is_not_scanned_twice(files, asset):
    row = schedule(asset)
    order_due_scans(at=NIGHT + HOUR)
    again = schedule(asset, hour=5, at=NIGHT + 2 * HOUR)
    assert (again.pk, again.hour) == (row.pk, 5)
    assert order_due_scans(at=NIGHT + 6 * HOUR) == 0
    assert Event.objects.filter(action="schedule.set").count() == 2


@pytest.mark.django_db(transaction=True)
def test_two_beats_at_once_make_one_job(files, asset):
    for number in range(3):
        schedule(make_asset(asset.scope, name=f"a{number}", repository=asset.repository))
    at = NIGHT + HOUR
    answers = race(*[lambda: order_due_scans(at=at) for _ in range(4)])
    assert not errors(answers) and sum(answers) == 3
    assert Job.objects.filter(kind="scheduled").count() == 3


def test_what_keeps_a_scan_from_being_ordered_stands_on_the_schedule(
    files, repository, asset, settings
):
    row = schedule(asset)
    repository.commit({"a.py": WEAK})
    repository.git("branch", "--move", "main", "trunk")
    order_due_scans(at=NIGHT + HOUR)
    assert work() == []
    row.refresh_from_db()
    assert row.error.endswith("has no branch 'main'")
    assert Event.objects.filter(action="schedule.failed", subject_id=row.pk).exists()
    settings.RUNNER_REPOSITORIES = []
    order_due_scans(at=NIGHT + DAY + HOUR)
    assert work() == []
    row.refresh_from_db()
    assert "CTEM_RUNNER_REPOSITORIES" in row.error
    settings.RUNNER_REPOSITORIES = [str(repository.folder)]
    repository.git("branch", "--move", "trunk", "main")
    order_due_scans(at=NIGHT + 2 * DAY + HOUR)
    assert len(work()) == 1
    row.refresh_from_db()
    assert row.error == ""


def test_a_branch_that_only_ends_alike_is_not_taken(files, repository, asset):
    schedule(asset)
    repository.commit({"a.py": WEAK})
    repository.git("branch", "--move", "main", "other/refs/heads/main")
    order_due_scans(at=NIGHT + HOUR)
    assert work() == []


def test_ended_it_scans_no_more_and_a_waiting_job_does_nothing(files, asset):
    row = schedule(asset)
    order_due_scans(at=NIGHT + HOUR)
    end_schedule(schedule=row, by=member(asset.scope, Role.ADMIN), at=now())
    assert work() == [] and not ScanSchedule.objects.exists()
    assert order_due_scans(at=NIGHT + DAY + HOUR) == 0
    with pytest.raises(WrongState):
        end_schedule(schedule=ScanSchedule(pk=10**6, scope=asset.scope, line=default_line(asset)),
                     by=member(asset.scope, Role.ADMIN), at=now())  # fmt: skip


@pytest.mark.parametrize("role", [role for role in Role if role != Role.ADMIN])
def test_only_an_administrator_sets_or_ends_one(asset, role):
    row = schedule(asset)
    with pytest.raises(NotAllowed):
        schedule(asset, role=role)
    with pytest.raises(NotAllowed):
        end_schedule(schedule=row, by=member(asset.scope, role), at=now())


def test_what_cannot_be_scheduled_is_refused(asset):
    for wrong, sentence in (({"hour": 24}, "hour"), ({"recipe": "curl"}, "recipe")):
        with pytest.raises(BadInput, match=sentence):
            schedule(asset, **wrong)
    with pytest.raises(BadInput, match="no repository"):
        schedule(make_asset(asset.scope, name="bare"))


def test_the_clock_rings_for_it_every_hour():
    entry = app.conf.beat_schedule["schedules"]
    assert entry["task"] == tasks.order_scans.name and entry["schedule"] == 3600


@pytest.mark.django_db(transaction=True)
def test_where_a_line_stands_is_asked_outside_of_every_transaction(
    files, repository, asset, monkeypatch
):
    asked = []

    def watched(command, **options):
        assert not connection.in_atomic_block
        asked.append("ls-remote" in command)
        return checkout_run(command, **options)

    checkout_run = checkout.run_confined
    monkeypatch.setattr(checkout, "run_confined", watched)
    schedule(asset)
    repository.commit({"a.py": WEAK})
    order_due_scans(at=NIGHT + HOUR)
    assert len(work()) == 1 and asked == [True]


def test_what_was_closed_and_is_seen_again_by_night_is_open_again(files, repository, asset):
    repository.commit({"a.py": WEAK})
    schedule(asset)
    order_due_scans(at=NIGHT + HOUR)
    run_job(work()[0])
    repository.commit({"a.py": "x = 1\n"})
    order_due_scans(at=NIGHT + DAY + HOUR)
    run_job(work()[1])
    gone = Finding.objects.get(rule="B602")
    make.STEPS["vanish"](gone)
    repository.commit({"a.py": WEAK})
    order_due_scans(at=NIGHT + 2 * DAY + HOUR)
    run_job(work()[2])
    gone.refresh_from_db()
    assert gone.status not in (Status.NO_LONGER_PRESENT, Status.MOBILIZATION_COMPLETE)
    assert gone.presence == "present"
