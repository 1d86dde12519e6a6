"""T01, T24 for what is said beside the scans: what the verbs refuse, raw SQL is refused, on both engines."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from core.models import Event
from remediations.models import Proof, Release, SecretRevocation, StandingApproval
from tests.factories import now
from tests.scans.evidence import build_world

MODELS = (SecretRevocation, Proof, Release, StandingApproval, Event)


def rows():
    return [list(model.objects.order_by("pk").values()) for model in MODELS]


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


WORDS = ("word", "fetched", "proof", "release", "approval", "ended")


@pytest.mark.parametrize("name", WORDS)
def test_no_column_is_written_twice_and_no_row_deleted(world, name):
    row = getattr(world, name)
    free = {"ended_at", "ended_by_id", "ended_reason"}
    for field in row._meta.concrete_fields:
        if field.column not in free:
            value = row.pk + 9 if field.primary_key else other_than(world, row, field)
            refused(lambda field=field, value=value: update(row, **{field.column: value}))
    refused(row.delete)
    refused(lambda: sql(f'DELETE FROM "{row._meta.db_table}" WHERE id = %s', row.pk))  # noqa: S608


def other_than(world, row, field):
    """Another value that the column could hold."""
    known = {
        "by_id": world.approver.pk if row.by_id != world.approver.pk else world.analyst.pk,
        "scope_id": world.elsewhere.scope_id, "finding_id": world.elsewhere.pk,
        "remediation_id": world.fix.pk, "state": "never_live", "outcome": "works",
        "source": "declared" if getattr(row, "source", "") == "fetched" else "fetched",
        "bots": '["Renovate"]', "ecosystems": '["Go"]', "manifests": '["*"]',
        "exists": False, "yanked": True,
    }  # fmt: skip
    if field.column in known:
        return known[field.column]
    kind = field.get_internal_type()
    if kind == "DateTimeField":
        return now() - timedelta(days=400)
    return now().date() - timedelta(days=400) if kind == "DateField" else "f" * 40


NEVER = {
    "word": (
        {"source": "sure"}, {"source": "measured"}, {"source": "fetched"}, {"method": ""},
        {"state": "gone"}, {"as_of": "2199-01-01 00:00:00+00:00"},
        {"committed_at": "2199-01-01 00:00:00+00:00"},
    ),
    "fetched": ({"evidence": ""},),
    "proof": (
        {"source": "sure"}, {"source": "fetched"}, {"outcome": "perhaps"}, {"commit": ""},
        {"base_commit": ""}, {"as_of": "2199-01-01 00:00:00+00:00"},
    ),
    "release": (
        {"source": "declared"}, {"evidence": ""}, {"package": ""}, {"version": ""},
        {"exists": False, "yanked": True}, {"as_of": "2199-01-01 00:00:00+00:00"},
    ),
    "approval": (
        {"reason": ""}, {"bots": "[]"}, {"ecosystems": "[]"}, {"until": "2020-01-01"},
        {"since": "2199-01-01"}, {"ended_reason": "x"}, {"ended_at": "2026-01-01 00:00:00+00:00"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NEVER)
def test_the_database_takes_none_that_says_less_than_it_must(world, name):
    for attack in NEVER[name]:
        refused(lambda attack=attack: copy(getattr(world, name), **attack))


def test_a_proof_is_of_two_revisions(world):
    refused(lambda: copy(world.proof, commit=world.proof.base_commit))


def test_each_stays_in_its_scope_and_with_its_finding(world):
    foreign = world.elsewhere
    refused(lambda: copy(world.word, scope_id=foreign.scope_id))
    refused(lambda: copy(world.word, finding_id=foreign.pk))
    refused(lambda: copy(world.proof, scope_id=foreign.scope_id))
    refused(lambda: copy(world.proof, finding_id=foreign.pk))
    refused(lambda: copy(world.proof, finding_id=world.finding.pk))  # of another fix
    refused(lambda: copy(world.proof, remediation_id=world.fix.pk))


def test_a_standing_approval_is_ended_whole_and_never_taken_up_again(world):
    at = now()
    refused(lambda: update(world.approval, ended_at=at))
    refused(lambda: update(world.approval, ended_at=at, ended_by_id=world.approver.pk))
    refused(lambda: update(world.approval, ended_reason="x"))
    refused(lambda: update(world.ended, ended_at=None, ended_by_id=None, ended_reason=""))
    refused(lambda: update(world.ended, ended_reason="Another one."))


def test_the_attacks_above_would_be_seen_if_they_succeeded(world):
    """The same ways to write, with what is allowed, work."""
    with transaction.atomic():
        copy(world.word, state="active")
        copy(world.fetched, evidence="x")
        copy(world.proof, outcome="works")
        copy(world.release, version="9")
        copy(world.approval, manifests='["*.lock"]', ecosystems="[]")
        update(world.approval, ended_at=now(), ended_by_id=world.approver.pk, ended_reason="No.")
        connection.check_constraints()
        transaction.set_rollback(True)
