"""T01, T24 for waivers and disputes: what the verbs refuse, raw SQL is refused as well, on both engines."""

import pytest
from django.db import DatabaseError, connection, transaction

from core.models import Event
from remediations.models import Dispute, Waiver
from remediations.statuses import NEVER_WAIVED
from tests.factories import now
from tests.scans.objections import build_world


def rows():
    return [list(model.objects.order_by("pk").values()) for model in (Waiver, Dispute, Event)]


@pytest.fixture(scope="module")
def _built(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock(), transaction.atomic():
        yield build_world()
        transaction.set_rollback(True)


@pytest.fixture
def world(_built, db):
    before = rows()
    yield _built
    assert rows() == before


def sql(text, *values):
    with connection.cursor() as cursor:
        cursor.execute(text, values)


def update(row, **columns):
    sets = ", ".join(f'"{name}" = %s' for name in columns)
    sql(f'UPDATE "{row._meta.db_table}" SET {sets} WHERE id = %s', *columns.values(), row.pk)  # noqa: S608


def copy(row, **columns):
    """INSERT a copy of a row with other values."""
    fields = [field.column for field in row._meta.concrete_fields if not field.primary_key]
    assert set(columns) <= set(fields), columns
    names = ", ".join(f'"{name}"' for name in fields)
    values = ", ".join("%s" if name in columns else f'"{name}"' for name in fields)
    given = [columns[name] for name in fields if name in columns]
    table = row._meta.db_table
    text = f'INSERT INTO "{table}" ({names}) SELECT {values} FROM "{table}" WHERE id = %s'  # noqa: S608
    sql(text, *given, row.pk)


def refused(attack):
    with pytest.raises(DatabaseError), transaction.atomic():
        attack()
        connection.check_constraints()


FROZEN_IN_WAIVERS = {
    "reason": "Other.", "until": "2099-01-01", "check_id": "TESTS_INTACT", "commit": "f" * 40,
    "at": "2020-01-01 00:00:00+00:00", "finding_id": None,
}  # fmt: skip


@pytest.mark.parametrize("column", FROZEN_IN_WAIVERS)
def test_no_column_of_a_waiver_is_written_twice(world, column):
    value = FROZEN_IN_WAIVERS[column] or world.finding.pk
    refused(lambda: update(world.waiver, **{column: value}))
    refused(lambda: update(world.revoked, **{column: value}))


def test_a_waiver_is_given_by_nobody_else_afterwards(world):
    for column in ("by_id", "remediation_id", "scope_id"):
        value = {"by_id": world.second.pk, "remediation_id": world.elsewhere.pk,
                 "scope_id": world.elsewhere.scope_id}[column]  # fmt: skip
        refused(lambda column=column, value=value: update(world.waiver, **{column: value}))


def test_rows_are_not_deleted(world):
    for row in (world.waiver, world.revoked, world.proposed, world.confirmed, world.withdrawn):
        table = row._meta.db_table
        refused(lambda t=table, pk=row.pk: sql(f"DELETE FROM {t} WHERE id = %s", pk))  # noqa: S608
        refused(row.delete)


def test_a_waiver_is_revoked_whole_and_never_taken_up_again(world):
    at = now()
    refused(lambda: update(world.waiver, revoked_at=at))
    refused(lambda: update(world.waiver, revoked_at=at, revoked_by_id=world.approver.pk))
    refused(lambda: update(world.waiver, revoked_reason="x"))
    refused(lambda: update(world.revoked, revoked_at=None, revoked_by_id=None, revoked_reason=""))
    refused(lambda: update(world.revoked, revoked_reason="Another one."))


@pytest.mark.parametrize("check", NEVER_WAIVED)
def test_the_database_takes_no_waiver_of_a_check_that_nobody_waives(world, check):
    refused(lambda: copy(world.waiver, check_id=check))


def test_a_waiver_stays_in_its_scope_and_with_a_finding_of_its_fix(world):
    refused(lambda: copy(world.waiver, scope_id=world.elsewhere.scope_id))
    refused(lambda: copy(world.waiver, remediation_id=world.elsewhere.pk))
    refused(lambda: copy(world.waiver, finding_id=world.other.pk))
    refused(lambda: copy(world.waiver, finding_id=world.elsewhere.findings.get().pk))
    refused(lambda: copy(world.waiver, reason=""))


NEVER_OF_A_DISPUTE = {
    "no such state": {"state": "sure"},
    "no such matter": {"about": "outcome"},
    "no such cause": {"cause": "luck"},
    "no cause": {"cause": ""},
    "a match of nothing": {"about": "match", "cause": ""},
    "a match with a cause": {"about": "match"},
    "no reason": {"reason": ""},
    "no result": {"result": ""},
    "confirmed by nobody": {"state": "confirmed"},
    "withdrawn by nobody": {"state": "withdrawn"},
    "withdrawn, and it stands": {"withdrawn_at": "2020-01-01 00:00:00+00:00"},
}


@pytest.mark.parametrize("why", NEVER_OF_A_DISPUTE)
def test_the_database_takes_no_dispute_that_says_less_than_it_must(world, why):
    refused(lambda: copy(world.proposed, **{"result": "scan-9.sarif#/runs/0/results/9",
                                            **NEVER_OF_A_DISPUTE[why]}))  # fmt: skip


def test_one_result_has_one_dispute_that_stands(world):
    refused(lambda: copy(world.proposed))
    refused(lambda: copy(world.proposed, result=world.confirmed.result))


def test_a_dispute_stays_in_its_scope_and_with_a_finding_of_its_fix(world):
    new = {"result": "scan-9.sarif#/runs/0/results/9"}
    refused(lambda: copy(world.proposed, **new, scope_id=world.elsewhere.scope_id))
    refused(lambda: copy(world.proposed, **new, remediation_id=world.elsewhere.pk))
    refused(lambda: copy(world.proposed, **new, about="match", cause="",
                         finding_id=world.other.pk))  # fmt: skip


def test_who_disputed_does_not_confirm_it_in_the_database_either(world):
    at = now()
    refused(
        lambda: update(world.proposed, state="confirmed", second_id=world.analyst.pk, second_at=at)
    )
    refused(lambda: update(world.proposed, state="confirmed"))
    refused(lambda: update(world.proposed, state="confirmed", second_id=world.approver.pk))
    refused(lambda: update(world.proposed, second_id=world.approver.pk, second_at=at))


def test_a_dispute_goes_one_way(world):
    at = now()
    gone = {"state": "withdrawn", "withdrawn_at": at, "withdrawn_by_id": world.analyst.pk,
            "withdrawn_reason": "No."}  # fmt: skip
    for attack in (
        {"state": "proposed", "second_id": None, "second_at": None},
        {"second_id": world.second.pk},
        {"second_at": at},
        {**gone, "second_id": None, "second_at": None},
        {**gone, "second_id": world.second.pk},
        {**gone, "second_at": at},
        {**gone, "withdrawn_reason": ""},
        {**gone, "withdrawn_by_id": None},
    ):
        refused(lambda attack=attack: update(world.confirmed, **attack))
    back = {"withdrawn_at": None, "withdrawn_by_id": None, "withdrawn_reason": ""}
    for attack in (
        {"state": "proposed", **back},
        {"state": "confirmed", "second_id": world.second.pk, "second_at": at, **back},
        {"withdrawn_reason": "Another one."},
        {"second_id": world.second.pk, "second_at": at},
    ):
        refused(lambda attack=attack: update(world.withdrawn, **attack))


@pytest.mark.parametrize("column", ["reason", "result", "cause", "about", "by_id", "finding_id"])
def test_what_was_disputed_is_not_rewritten(world, column):
    value = {"cause": "unknown", "by_id": world.second.pk, "finding_id": world.finding.pk}
    for row in (world.proposed, world.confirmed, world.withdrawn):
        refused(lambda row=row: update(row, **{column: value.get(column, "match")}))


def test_the_attacks_above_would_be_seen_if_they_succeeded(world):
    """The same ways to write, with what is allowed, work."""
    with transaction.atomic():
        update(world.confirmed, state="withdrawn", withdrawn_at=now(),
               withdrawn_by_id=world.analyst.pk, withdrawn_reason="No.")  # fmt: skip
        update(world.proposed, state="confirmed", second_id=world.second.pk, second_at=now())
        update(world.waiver, revoked_at=now(), revoked_by_id=world.second.pk, revoked_reason="No.")
        copy(world.waiver, check_id="TESTS_INTACT", finding_id=world.finding.pk)
        copy(world.proposed, result="scan-9.sarif#/runs/0/results/9", state="proposed",
             second_id=None, second_at=None)  # fmt: skip
        connection.check_constraints()
        transaction.set_rollback(True)
