"""Leases: one holder at a time, a lost lease writes nothing, three attempts and then aside."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from core import jobs
from core.models import Job, JobState
from tests.factories import now
from tests.races import errors, race

pytestmark = pytest.mark.django_db

LEASE = timedelta(seconds=60)  # the default of CTEM_JOB_LEASE_SECONDS


@pytest.fixture
def at():
    return now()


@pytest.fixture
def job(at):
    return jobs.enqueue(kind="ingest", subject_id=1, at=at)


def reload(job: Job) -> Job:
    return Job.objects.get(pk=job.pk)


def test_the_same_key_twice_is_one_job(job, at):
    assert jobs.enqueue(kind="ingest", subject_id=1, at=at) == job
    assert Job.objects.count() == 1


def test_a_claimed_job_is_not_claimed_again_while_its_lease_lasts(job, at):
    held = jobs.claim(job.pk, at)
    assert (held.state, held.attempts, held.lease_until) == (JobState.RUNNING, 1, at + LEASE)
    assert jobs.claim(job.pk, at + LEASE) is None
    assert not jobs.due(at + LEASE).exists()


def test_a_job_whose_lease_ran_out_goes_to_the_next_worker(job, at):
    jobs.claim(job.pk, at)
    later = at + LEASE + timedelta(seconds=1)
    assert [due.pk for due in jobs.due(later)] == [job.pk]
    assert jobs.claim(job.pk, later).attempts == 2


def test_a_renewed_lease_lasts_longer(job, at):
    held = jobs.claim(job.pk, at)
    assert jobs.renew(held, at + LEASE / 2)
    assert jobs.claim(job.pk, at + LEASE + timedelta(seconds=1)) is None


def test_a_worker_that_lost_its_lease_can_neither_renew_finish_nor_give_back(job, at):
    lost = jobs.claim(job.pk, at)
    later = at + LEASE * 2
    winner = jobs.claim(job.pk, later)
    before = Job.objects.filter(pk=job.pk).values().get()
    assert not jobs.renew(lost, later)
    assert not jobs.finish(lost, later)
    assert not jobs.finish(lost, later, state=JobState.FAILED, error="too late")
    jobs.retry_later(lost, later, "too late")
    assert Job.objects.filter(pk=job.pk).values().get() == before
    assert jobs.finish(winner, later)
    assert reload(job).state == JobState.DONE


def test_a_finished_job_is_never_due_again(job, at):
    jobs.finish(jobs.claim(job.pk, at), at)
    assert jobs.claim(job.pk, at + timedelta(days=1)) is None
    assert not jobs.finish(reload(job), at)


def test_a_job_that_failed_unexpectedly_is_tried_again_at_growing_distances(job, at):
    pauses = []
    for _ in range(3):
        held = jobs.claim(job.pk, at)
        jobs.retry_later(held, at, "KeyError: 'x'")
        again = reload(job)
        assert (again.state, again.error, again.lease_until) == (
            JobState.QUEUED,
            "KeyError: 'x'",
            None,
        )
        pauses.append(again.next_attempt_at - at)
        assert jobs.claim(job.pk, at) is None
        at = again.next_attempt_at
    assert pauses == sorted(set(pauses))


def test_three_attempts_without_an_end_put_a_job_aside(job, at):
    for _ in range(3):
        assert jobs.quarantine_exhausted(at) == []
        jobs.claim(job.pk, at)
        at += LEASE + timedelta(seconds=1)
    assert jobs.claim(job.pk, at) is None
    assert [aside.pk for aside in jobs.quarantine_exhausted(at)] == [job.pk]
    aside = reload(job)
    assert (aside.state, aside.lease_until, aside.finished_at) == (JobState.QUARANTINED, None, at)
    assert "every attempt" in aside.error
    assert jobs.quarantine_exhausted(at) == []
    assert not jobs.due(at + timedelta(days=1)).exists()


@pytest.mark.parametrize(
    "columns",
    [
        {"state": "running", "lease_until": None},
        {"state": "done", "lease_until": now()},
        {"state": "Done"},
        {"state": "sleeping"},
    ],
)
def test_the_database_refuses_a_job_in_no_state(job, columns):
    with pytest.raises(IntegrityError), transaction.atomic():
        Job.objects.filter(pk=job.pk).update(**columns)


def test_a_job_that_is_withdrawn_ends_for_whoever_holds_it(job, at):
    held = jobs.claim(job.pk, at)
    assert jobs.withdraw(kind="ingest", subject_id=1, at=at, error="cancelled by ada")
    assert not jobs.renew(held, at) and not jobs.finish(held, at) and not jobs.held(held).exists()
    jobs.retry_later(held, at, "killed")
    ended = reload(job)
    assert (ended.state, ended.error, ended.finished_at) == (
        JobState.FAILED,
        "cancelled by ada",
        at,
    )
    assert not jobs.withdraw(kind="ingest", subject_id=1, at=at, error="again")
    assert not jobs.withdraw(kind="run", subject_id=1, at=at, error="another kind")


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_that_hear_the_bell_one_gets_the_job():
    job = jobs.enqueue(kind="ingest", subject_id=1, at=now())
    for attempt in (1, 2, 3):
        answers = race(*[lambda: jobs.claim(job.pk, now())] * 8)
        assert not errors(answers)
        (winner,) = [answer for answer in answers if answer is not None]
        assert winner.attempts == attempt
        Job.objects.update(lease_until=now() - timedelta(seconds=1))
    assert race(*[lambda: jobs.claim(job.pk, now())] * 3) == [None] * 3


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_is_down_costs_no_job(settings, monkeypatch, caplog):
    def down(*_, **__):
        raise ConnectionRefusedError("no broker")

    monkeypatch.setattr("celery.current_app.send_task", down)
    job = jobs.enqueue(kind="ingest", subject_id=1, at=now())
    assert "the sweeper will: no broker" in caplog.text
    assert jobs.claim(job.pk, now()) is not None
