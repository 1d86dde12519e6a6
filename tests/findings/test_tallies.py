"""The counts that pages show are those of the findings, whoever writes."""

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from findings.models import Finding, Tally
from findings.statuses import Presence, Severity
from findings.tallies import KINDS, compact, differences
from tests.code import Code
from tests.factories import make_asset, upload_and_ingest, weak_file

pytestmark = pytest.mark.django_db
PATHS = ("app/a.py", "app/b.py", "app/c.py")


@pytest.fixture
def asset():
    asset = make_asset()
    upload_and_ingest(asset, Code({path: weak_file(path) for path in PATHS}))
    return asset


def counted(**which) -> int:
    return sum(Tally.objects.filter(**which).values_list("n", flat=True))


def test_what_an_import_adds_and_changes_is_counted(asset):
    assert counted(asset=asset, presence=Presence.PRESENT) == 3
    upload_and_ingest(asset, Code({PATHS[0]: weak_file(PATHS[0])}))
    assert counted(asset=asset, presence=Presence.PRESENT) == 1
    assert counted(asset=asset, presence=Presence.ABSENT) == 2
    assert differences() == []


def raw(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


WRITES = {
    "one row": lambda: Finding.objects.filter(path=PATHS[0]).update(severity=Severity.LOW),
    "all rows": lambda: Finding.objects.update(priority_band="P1"),
    "back and forth": lambda: [Finding.objects.update(severity=s) for s in Severity],
    "what does not count": lambda: Finding.objects.update(title="other"),
    "raw SQL": lambda: raw("UPDATE findings_finding SET tool = 'other' WHERE path <> 'app/a.py'"),
    "delete": lambda: raw("DELETE FROM findings_sighting") or raw("DELETE FROM findings_finding"),
}


@pytest.mark.parametrize("write", WRITES)
def test_whoever_writes_is_counted(asset, write):
    WRITES[write]()
    assert differences() == []
    assert counted() == Finding.objects.count()


def test_what_is_rolled_back_is_not_counted(asset):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        Finding.objects.update(severity=Severity.LOW)
        raise ZeroDivisionError
    assert counted(severity=Severity.LOW) == 0
    assert differences() == []


def test_summing_up_leaves_the_sums(asset, monkeypatch):
    for severity in Severity:
        Finding.objects.update(severity=severity)
    monkeypatch.setattr("findings.tallies.ENOUGH", 0)
    compact()
    compact()
    assert differences() == []
    if connection.vendor == "postgresql":
        assert Tally.objects.count() == 1


def test_the_check_finds_what_is_wrong(asset):
    call_command("tally_fsck")
    Tally.objects.filter(asset=asset).update(n=7)
    with pytest.raises(CommandError, match="1 difference"):
        call_command("tally_fsck")
    with (
        connection.schema_editor()
        if connection.vendor == "postgresql"
        else connection.cursor() as it
    ):
        on = " ON findings_finding" if connection.vendor == "postgresql" else ""
        it.execute(f"DROP TRIGGER findings_tally_update{on}")
    assert differences()[-1] == "the trigger findings_tally_update is missing"
    assert len(KINDS) == 3
