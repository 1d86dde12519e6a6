"""Many rows in few statements, on both engines."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core import bulk
from core.models import Job, JobState
from scopes.models import Scope
from tests import factories as make

pytestmark = pytest.mark.django_db
NAMES = (
    "kind", "subject_id", "key", "state", "attempts", "postponed", "next_attempt_at", "error",
    "created_at",
)  # fmt: skip


def rows(number: int, kind: str = "ingest") -> list[tuple]:
    now = bulk.moment(timezone.now())
    return [
        (kind, n, f"{kind}{n}", JobState.QUEUED.value, 0, 0, now, "", now) for n in range(number)
    ]


@pytest.mark.parametrize("number", [3, 300])
def test_rows_are_added_by_one_statement_with_the_values_given(number):
    with CaptureQueriesContext(connection) as asked:
        bulk.insert(Job, NAMES, iter(rows(number)))
    assert len(asked) == 1
    found = Job.objects.order_by("subject_id")
    assert list(found.values_list("subject_id", flat=True)) == list(range(number))
    assert abs((found[0].created_at - timezone.now()).total_seconds()) < 60


def test_keys_that_were_taken_and_not_used_yet_are_not_given_again():
    taken = [*bulk.new_ids(Job, 3), *bulk.new_ids(Job, 2)]
    assert taken == sorted(set(taken)) and len(taken) == 5
    bulk.insert(Job, ("id", *NAMES), [(taken[4], *rows(1)[0])])
    assert bulk.new_ids(Job, 1)[0] > taken[4]
    assert Job.objects.create(kind="x", key="x", subject_id=1, created_at=timezone.now(),
                              next_attempt_at=timezone.now()).pk > taken[4]  # fmt: skip


def test_nothing_is_asked_for_no_rows():
    with CaptureQueriesContext(connection) as asked:
        bulk.insert(Job, NAMES, [])
        bulk.update(Job, ("kind",), iter(()))
    assert len(asked) == 0


def test_each_row_is_set_to_values_of_its_own_and_others_are_left_alone():
    bulk.insert(Job, NAMES, rows(5))
    jobs = list(Job.objects.order_by("subject_id"))
    bulk.update(
        Job, ("kind", "subject_id"), [(job.pk, f"new{n}", 10 + n) for n, job in enumerate(jobs[:3])]
    )
    bulk.update(Job, ("error",), [(jobs[4].pk, "twice in one transaction")])
    assert list(Job.objects.order_by("pk").values_list("kind", "subject_id", "error")) == [
        ("new0", 10, ""), ("new1", 11, ""), ("new2", 12, ""), ("ingest", 3, ""),
        ("ingest", 4, "twice in one transaction"),
    ]  # fmt: skip


@pytest.mark.parametrize("number", [4, 5])
def test_very_many_rows_are_written_in_runs_and_none_is_left_out(monkeypatch, number):
    monkeypatch.setattr(bulk, "AT_ONCE", 2)
    bulk.insert(Job, NAMES, iter(rows(number)))
    keys = Job.objects.order_by("pk").values_list("pk", flat=True)
    bulk.update(Job, ("error",), ((pk, f"error {n}") for n, pk in enumerate(keys)))
    told = Job.objects.order_by("pk").values_list("subject_id", "error")
    assert list(told) == [(n, f"error {n}") for n in range(number)]


def test_ids_are_nobody_elses():
    bulk.insert(Job, NAMES, rows(1))
    ids = list(bulk.new_ids(Job, 3))
    assert len(set(ids)) == 3
    assert min(ids) > Job.objects.get().pk
    told = zip(ids, rows(3, "given"), strict=True)
    bulk.insert(Job, ("id", *NAMES), [(pk, *row) for pk, row in told])
    bulk.insert(Job, NAMES, rows(1, "later"))
    assert Job.objects.get(kind="later").pk > max(ids)
    assert list(bulk.new_ids(Job, 0)) == []


def test_constraints_hold():
    bulk.insert(Job, NAMES, rows(1))
    with pytest.raises(IntegrityError), transaction.atomic():
        bulk.insert(Job, NAMES, rows(1))
    job = Job.objects.get()
    with pytest.raises(IntegrityError), transaction.atomic():
        bulk.update(Job, ("state",), [(job.pk, "asleep")])


def test_any_number_of_ids_is_one_parameter():
    scope = make.make_scope()
    with CaptureQueriesContext(connection) as asked:
        assert list(Scope.objects.filter(pk__in=bulk.listed(range(scope.pk, 100_000)))) == [scope]
        assert not Scope.objects.filter(pk__in=bulk.listed([])).exists()
    assert len(asked) == 2
