"""What the database says when two changes are in each other's way, as an answer of the API."""

import sqlite3

import psycopg
import pytest
from django.db import OperationalError, connection, transaction

from core.models import User
from ctem.errors import RETRY_SECONDS, problem_response
from tests import factories as make
from tests.races import errors, race


def told_by(cause):
    error = OperationalError(str(cause))
    error.__cause__ = cause
    return problem_response(error, {})


def busy():
    error = sqlite3.OperationalError("database is locked")
    error.sqlite_errorname = "SQLITE_BUSY"
    return error


@pytest.mark.parametrize("cause", [psycopg.errors.DeadlockDetected(), busy()])
def test_a_change_that_was_taken_back_for_another_may_be_tried_again(cause):
    answer = told_by(cause)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == str(RETRY_SECONDS)
    assert answer.data["type"] == "urn:ctem:problem:unavailable"


@pytest.mark.parametrize(
    "cause", [psycopg.errors.DiskFull(), sqlite3.OperationalError("no such table: nothing")]
)
def test_what_else_a_database_says_is_a_fault_of_ours(cause):
    assert told_by(cause) is None


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_the_one_that_postgresql_ends_in_a_circle_is_told_so():
    rows = [make.make_user("one"), make.make_user("other")]

    def lock(first, second):
        with transaction.atomic():
            User.objects.select_for_update().get(pk=first.pk)
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_sleep(0.3)")
            User.objects.select_for_update().get(pk=second.pk)

    (ended,) = errors(race(lambda: lock(*rows), lambda: lock(*rows[::-1])))
    assert problem_response(ended, {}).status_code == 503
