"""Moving many findings: what it costs, and that each is moved or refused on its own."""

from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext

from core.models import Event
from scans.models import Verification
from scans.services import moves
from tests import factories as make

STATEMENTS_OF_A_MOVE = 13  # savepoints, the lock, may they, the row, the event and its chain


def test_a_bulk_move_asks_the_database_a_bounded_number_of_times_for_each(api, world):
    """And appends the event that each alone would have had."""
    findings = [make.import_finding(world.asset).pk for _ in range(12)]
    body = {"name": "claim", "reason": "Fixed."}
    client = api(world.developer)

    def statements(pks):
        with CaptureQueriesContext(connection) as asked:
            told = client.post("findings/bulk-transitions/", {**body, "findings": pks}).json()
        assert told["done"] == len(pks)
        return len(asked)

    few, many = statements(findings[:2]), statements(findings[2:])
    assert (many - few) / 8 <= STATEMENTS_OF_A_MOVE
    for pk in findings:
        assert Event.objects.about("finding", pk).filter(action="finding.claim").count() == 1


def test_what_the_database_refuses_of_one_stops_none_of_the_others(api, world, monkeypatch):
    other = make.import_finding(world.asset)
    from_table = moves.move

    def move(*, finding, **told):
        if finding.pk == world.fresh.pk:
            raise IntegrityError("as a constraint says it")
        return from_table(finding=finding, **told)

    monkeypatch.setattr("scans.services.moves.move", move)
    body = {"name": "claim", "reason": "Fixed.", "findings": [world.fresh.pk, other.pk]}
    told = api(world.developer).post("findings/bulk-transitions/", body).json()
    assert [(row["done"], (row["problem"] or {}).get("status")) for row in told["answers"]] == [
        (False, 409), (True, None)]  # fmt: skip


def test_the_gates_judgement_stays_where_it_refuses_one_of_many(api, world):
    client, path = api(world.analyst), "findings/bulk-transitions/"
    client.post(path, {"name": "claim", "reason": "Fixed.", "findings": [world.open.pk]})
    before = Verification.objects.filter(finding=world.open).count()
    told = client.post(path, {"name": "complete", "findings": [world.open.pk]}).json()
    assert told["refused"] == 1 and told["answers"][0]["problem"]["checks"]
    assert Verification.objects.filter(finding=world.open).count() > before
