"""T01, T02: the database itself keeps the promise. Complete needs a live clearance of this finding.

The world is built once, by the doors, and committed. Every attack is a transaction of its own that
must be refused, at the statement or at the commit, and must leave every row as it was.
"""

from collections.abc import Callable, Iterable
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import DatabaseError, IntegrityError, connection, models, transaction
from django.test import TransactionTestCase

from core.events import broken_links
from core.models import Event
from findings.models import Finding, Sighting
from findings.statuses import Status
from remediations.models import Remediation, RemediationFinding, Review
from scans.models import Clearance, Disposition, Scan, Verification, VerificationScan
from scans.services.clearances import revoke
from scans.services.doors import record_disposition
from scopes.models import Line
from tests.emptying import empty_database
from tests.factories import (
    approve,
    code_of,
    import_finding,
    make_finding,
    make_remediation,
    member,
    merge,
    now,
    scan_fix,
    weak_file,
)

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.xdist_group("invariant"),  # one world is enough
]

WATCHED = (
    Finding, Clearance, Verification, VerificationScan, Disposition, Remediation, RemediationFinding,
    Review, Scan, Sighting, Event, Line,
)  # fmt: skip


@pytest.fixture(scope="module")
def world(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda self: None)
        built = build_world()
        built.rows = snapshot()
        yield built
        empty_database()


@pytest.fixture(autouse=True)
def _everything_stays_as_it_was(world):
    yield
    assert snapshot() == world.rows


def snapshot() -> dict[str, list[dict]]:
    return {model.__name__: list(model.objects.order_by("pk").values()) for model in WATCHED}


def build_world() -> SimpleNamespace:
    """Findings in every relation to their proof, and one of another scope."""
    w = SimpleNamespace()
    w.done = import_finding()
    w.asset, w.scope = w.done.asset, w.done.scope
    w.second_fix = make_remediation(
        w.done, code=code_of(w.done.line).change({"app/parse.py": "x = 1\n"})
    )
    w.clearance = complete_by(w.done, make_remediation(w.done))
    w.passed = w.clearance.verification
    w.fix = w.clearance.remediation

    w.other = import_finding(w.asset)
    w.other_clearance = complete_by(w.other, make_remediation(w.other))

    w.bad = import_finding(w.asset)  # a fix that fixes nothing, scanned, reviewed and merged
    bad_code = code_of(w.bad.line).change({"app/new.py": weak_file("app/new.py", "pickle.loads(")})
    bad_fix = make_remediation(w.bad, code=bad_code)
    scan_fix(bad_fix)
    approve(bad_fix)
    merge(bad_fix)
    w.disposition = record_disposition(
        verification=current(w.bad), rule="B301", path="app/new.py", line=2, decision="accepted",
        reason="Known.", by=member(w.scope, "analyst"), at=now(),
    )  # fmt: skip
    w.failed = current(w.bad)

    w.early = import_finding(w.asset)  # all green, not merged
    early_fix = make_remediation(w.early)
    scan_fix(early_fix)
    approve(early_fix)
    w.unmerged = current(w.early)

    w.reopened = import_finding(w.asset)
    w.revoked = complete_by(w.reopened, make_remediation(w.reopened))
    revoke(w.revoked, reason="It came back.", by=None, at=now())

    w.waiting = import_finding(w.asset)  # merged and scanned, not reviewed
    waiting_fix = make_remediation(w.waiting)
    scan_fix(waiting_fix)
    merge(waiting_fix)
    w.unknown = current(w.waiting)

    w.foreign = make_finding(at=Status.MOBILIZATION_COMPLETE)
    w.foreign_clearance = Clearance.objects.get(finding=w.foreign)

    for value in vars(w).values():
        if isinstance(value, models.Model):
            value.refresh_from_db()
    statuses = [w.done.status, w.other.status, w.foreign.status, w.waiting.status, w.early.status]
    assert statuses == ["mobilization_complete"] * 3 + ["awaiting_verification", "mobilizing"]
    assert (w.bad.status, w.reopened.status) == ("mobilizing", "discovered")
    verdicts = [(v.verdict, v.with_merge) for v in (w.passed, w.failed, w.unmerged, w.unknown)]
    assert verdicts == [("pass", True), ("fail", True), ("pass", False), ("unknown", True)]
    return w


def complete_by(finding: Finding, fix: Remediation) -> Clearance:
    scan_fix(fix)
    approve(fix)
    merge(fix)
    return Clearance.objects.get(finding=finding, live=True)


def current(finding: Finding) -> Verification:
    return Verification.objects.current().get(finding=finding)


# --- ways to write -------------------------------------------------------------------------------
def raw(sql: str, *values) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


def by_sql(row: models.Model, **columns) -> None:
    sets = ", ".join(f'"{name}" = %s' for name in columns)
    raw(f'UPDATE "{row._meta.db_table}" SET {sets} WHERE id = %s', *columns.values(), row.pk)  # noqa: S608


def fields_of(row: models.Model, columns: Iterable[str]) -> list[str]:
    names = {field.column: field.name for field in row._meta.concrete_fields}
    return [names[column] for column in columns]


def by_update(row: models.Model, **columns) -> None:
    type(row).objects.filter(pk=row.pk).update(**columns)


def by_bulk_update(row: models.Model, **columns) -> None:
    fresh = type(row).objects.get(pk=row.pk)
    for name, value in columns.items():
        setattr(fresh, name, value)
    type(row).objects.bulk_update([fresh], fields_of(row, columns))


def by_save(row: models.Model, **columns) -> None:
    fresh = type(row).objects.get(pk=row.pk)
    for name, value in columns.items():
        setattr(fresh, name, value)
    fresh.save()


def by_upsert(row: models.Model, **columns) -> None:
    fresh = type(row).objects.get(pk=row.pk)
    for name, value in columns.items():
        setattr(fresh, name, value)
    type(row).objects.bulk_create(
        [fresh], update_conflicts=True, update_fields=fields_of(row, columns), unique_fields=["id"]
    )


WAYS = (by_sql, by_update, by_bulk_update, by_save, by_upsert)


def copy(row: models.Model, **columns) -> int:
    """INSERT a copy of a row with other values by raw SQL; return its number."""
    fields = [field for field in row._meta.concrete_fields if not field.primary_key]
    names = ", ".join(f'"{field.column}"' for field in fields)
    values = ", ".join("%s" if field.column in columns else f'"{field.column}"' for field in fields)
    table = row._meta.db_table
    given = [columns[field.column] for field in fields if field.column in columns]
    assert len(given) == len(columns), f"{columns} are not all columns of {table}"
    with connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO "{table}" ({names}) SELECT {values} FROM "{table}"'  # noqa: S608
            " WHERE id = %s RETURNING id",
            [*given, row.pk],
        )
        return cursor.fetchone()[0]


def proven(clearance_id: int) -> dict:
    return {"status": "mobilization_complete", "clearance_id": clearance_id, "clearance_live": True,
            "verified_at": now()}  # fmt: skip


def forge(w, finding: Finding, verification: Verification, **columns) -> None:
    """Write a clearance for the finding on the strength of this verification, and complete it."""
    clearance = copy(w.clearance, **{
        "finding_id": finding.pk, "verification_id": verification.pk,
        "remediation_id": verification.remediation_id, **columns,
    })  # fmt: skip
    by_sql(finding, **proven(clearance))


def refused(write: Callable[[], None]) -> None:
    with pytest.raises((IntegrityError, DatabaseError)), transaction.atomic():
        write()


# --- the finding's own row -----------------------------------------------------------------------
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("start", ["waiting", "early", "bad", "reopened"])
def test_a_status_alone_completes_nothing(world, start, way):
    refused(lambda: way(getattr(world, start), status="mobilization_complete"))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "clearance", [10**9, 0, -1, "other_clearance", "foreign_clearance", "revoked", "clearance"]
)
def test_a_finding_is_not_completed_by_a_clearance_that_is_not_its_own(world, clearance, way):
    if isinstance(clearance, str):
        clearance = getattr(world, clearance).pk
    refused(lambda: way(world.waiting, **proven(clearance)))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "columns",
    [
        {"clearance_id": None},
        {"clearance_live": None},
        {"clearance_live": False},
        {"verified_at": None},
        {"clearance_id": None, "clearance_live": None},
        {"clearance_id": None, "clearance_live": None, "verified_at": None},
        {"status": "discovered"},
        {"status": "risk_accepted"},
        {"status": "no_longer_present"},
    ],
)
def test_a_complete_finding_keeps_its_whole_proof_or_is_not_complete(world, columns, way):
    refused(lambda: way(world.done, **columns))


@pytest.mark.parametrize("live", [True, False, None])
def test_a_revoked_clearance_holds_nothing_up(world, live):
    refused(lambda: by_sql(world.reopened, **{**proven(world.revoked.pk), "clearance_live": live}))


@pytest.mark.parametrize(
    "status",
    [
        "Mobilization_Complete", "MOBILIZATION_COMPLETE", "mobilization_complete ", " mobilization_complete",
        "mobilization-complete", "mobilisation_complete", "complete", "closed", "", "verified",
    ],
)  # fmt: skip
def test_a_status_is_spelt_exactly_or_refused(world, status):
    for way in WAYS:
        refused(lambda way=way: way(world.waiting, status=status))
    refused(lambda: by_sql(world.waiting, **{**proven(world.clearance.pk), "status": status}))


@pytest.mark.parametrize(
    "columns",
    [
        {"verified_at": now()},
        {"clearance_id": 1},
        {"clearance_live": True},
        {"clearance_live": False},
        {"status": "duplicate"},
        {"presence": "gone"},
        {"severity": "High"},
    ],
)
def test_an_open_finding_carries_no_trace_of_proof_and_no_unknown_word(world, columns):
    refused(lambda: by_sql(world.waiting, **columns))


def test_no_finding_is_born_complete(world):
    refused(lambda: copy(world.waiting, status="mobilization_complete"))
    refused(lambda: copy(world.waiting, **proven(world.clearance.pk)))
    refused(lambda: copy(world.done))
    for options in ({}, {"ignore_conflicts": True}):
        for columns in (proven(world.clearance.pk), {"status": "mobilization_complete"}):
            born = Finding.objects.get(pk=world.waiting.pk)
            born.pk = None
            for name, value in columns.items():
                setattr(born, name, value)
            with transaction.atomic():  # IGNORE may swallow the row, it may not let it in
                try:
                    with transaction.atomic():
                        Finding.objects.bulk_create([born], **options)
                        connection.check_constraints()
                except DatabaseError:
                    pass


def test_a_finding_is_no_duplicate_of_itself_or_of_another_scopes(world):
    refused(lambda: by_sql(world.waiting, status="duplicate", duplicate_of_id=world.waiting.pk))
    refused(lambda: by_sql(world.waiting, status="duplicate", duplicate_of_id=world.foreign.pk))
    refused(lambda: by_sql(world.waiting, duplicate_of_id=world.other.pk))


# --- the clearance -------------------------------------------------------------------------------
def test_a_failed_verification_labelled_pass_clears_nothing(world):
    refused(lambda: forge(world, world.bad, world.failed))
    refused(lambda: forge(world, world.waiting, world.unknown))
    for verdict in ("fail", "unknown", "Pass", ""):
        refused(lambda verdict=verdict: forge(world, world.bad, world.failed, verdict=verdict))


def test_another_findings_verification_clears_nothing(world):
    refused(lambda: forge(world, world.waiting, world.passed))
    refused(
        lambda: forge(
            world, world.waiting, world.passed, remediation_id=world.unknown.remediation_id
        )
    )
    refused(lambda: forge(world, world.waiting, world.other_clearance.verification))
    refused(lambda: forge(world, world.waiting, world.foreign_clearance.verification))


def test_a_clearance_names_the_remediation_that_was_verified(world):
    revoked = world.revoked
    refused(
        lambda: forge(
            world, world.reopened, revoked.verification, remediation_id=world.second_fix.pk
        )
    )
    refused(lambda: forge(world, world.reopened, revoked.verification, remediation_id=world.fix.pk))


def test_a_pass_before_the_merge_clears_nothing(world):
    refused(lambda: forge(world, world.early, world.unmerged))
    refused(lambda: forge(world, world.early, world.unmerged, with_merge=False))


@pytest.mark.parametrize(
    "column", ["verdict", "with_merge", "live", "verification_id", "finding_id"]
)
def test_nothing_in_a_clearance_may_be_missing(world, column):
    refused(lambda: forge(world, world.reopened, world.revoked.verification, **{column: None}))


def test_a_finding_has_one_live_clearance_at_most(world):
    refused(lambda: copy(world.clearance))


def test_a_clearance_stands_in_the_scope_of_its_finding(world):
    scope = world.foreign.scope_id
    refused(lambda: forge(world, world.reopened, world.revoked.verification, scope_id=scope))


@pytest.mark.parametrize("way", WAYS)
def test_a_clearance_is_not_revoked_under_a_complete_finding(world, way):
    columns = {"live": False, "revoked_at": now(), "revoked_reason": "no"}
    refused(lambda: way(world.clearance, **columns))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "columns",
    [
        {"live": True, "revoked_at": None, "revoked_reason": ""},
        {"live": True},
        {"revoked_reason": "another reason"},
        {"revoked_at": now() + timedelta(days=1)},
        {"revoked_at": None},
        {"certificate": "{}"},
    ],
)
def test_a_revocation_is_for_good(world, columns, way):
    refused(lambda: way(world.revoked, **columns))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("certificate", "{}"), ("key_id", "other"), ("issued_at", now()), ("verdict", "fail"),
        ("with_merge", False), ("scope_id", "foreign.scope_id"), ("finding_id", "waiting.pk"),
        ("remediation_id", "second_fix.pk"), ("verification_id", "failed.pk"),
        ("revoked_reason", "not revoked at all"), ("revoked_at", now()),
    ],
)  # fmt: skip
def test_a_clearance_is_not_edited(world, column, value, way):
    if isinstance(value, str) and "." in value:
        name, attribute = value.split(".")
        value = getattr(getattr(world, name), attribute)
    refused(lambda: way(world.clearance, **{column: value}))


def test_a_clearance_is_not_revoked_without_reason_and_date(world):
    for columns in ({"live": False}, {"live": False, "revoked_at": now()},
                    {"live": False, "revoked_reason": "no"}, {"live": None}):  # fmt: skip

        def write(columns=columns) -> None:
            by_sql(
                world.done,
                status="discovered",
                clearance_id=None,
                clearance_live=None,
                verified_at=None,
            )
            by_sql(world.clearance, **columns)

        refused(write)


# --- the verification and what it rests on -------------------------------------------------------
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["passed", "failed", "unmerged", "unknown"])
def test_a_verdict_is_not_flipped_afterwards(world, name, way):
    row = getattr(world, name)
    other = "fail" if row.verdict == "pass" else "pass"
    refused(lambda: way(row, verdict=other, safe=other, right=other))
    refused(lambda: way(row, with_merge=not row.with_merge))
    refused(
        lambda: (
            way(row, judgement={"verdict": "pass"})
            if way is not by_sql
            else way(row, judgement="{}")
        )
    )


def test_a_verification_passes_with_both_lamps_or_not(world):
    for columns in ({"verdict": "pass"}, {"verdict": "pass", "safe": "pass", "right": "unknown"},
                    {"verdict": "pass", "safe": "unknown"}, {"verdict": "Pass", "safe": "pass"}):  # fmt: skip
        refused(lambda columns=columns: copy(world.failed, supersedes_id=None, **columns))


def test_a_verification_is_of_a_finding_that_its_fix_addresses_in_this_scope(world):
    passed = world.passed
    for columns in (
        {"finding_id": world.waiting.pk},
        {"remediation_id": world.unknown.remediation_id},
        {"scope_id": world.foreign.scope_id},
        {"finding_id": world.foreign.pk},
    ):
        refused(lambda columns=columns: copy(passed, supersedes_id=None, **columns))


@pytest.mark.parametrize("way", WAYS)
def test_a_verification_is_not_pointed_elsewhere(world, way):
    for column, value in (("remediation_id", world.second_fix.pk), ("finding_id", world.waiting.pk),
                          ("supersedes_id", None), ("scope_id", world.foreign.scope_id)):  # fmt: skip
        refused(lambda column=column, value=value: way(world.failed, **{column: value}))


def test_a_link_under_a_verification_is_not_moved(world):
    pair = RemediationFinding.objects.get(remediation=world.fix, finding=world.done)
    for columns in ({"finding_id": world.waiting.pk}, {"remediation_id": world.unknown.remediation_id},
                    {"scope_id": world.foreign.scope_id}):  # fmt: skip
        refused(lambda columns=columns: by_sql(pair, **columns))


@pytest.mark.parametrize(
    "what", ["passed", "failed", "clearance", "revoked", "done", "fix", "scope", "asset", "pair", "scan",
             "review", "role", "disposition", "event"],
)  # fmt: skip
def test_evidence_is_not_deleted(world, what):
    rows = {
        "pair": RemediationFinding.objects.get(remediation=world.fix, finding=world.done),
        "scan": world.passed.scan_roles.filter(role="after").first().scan,
        "review": world.fix.reviews.first(),
        "role": world.passed.scan_roles.first(),
        "event": Event.objects.about("finding", world.done.pk).first(),
    }
    row = rows.get(what) or getattr(world, what)
    refused(lambda: raw(f'DELETE FROM "{row._meta.db_table}" WHERE id = %s', row.pk))  # noqa: S608
    refused(row.delete)


@pytest.mark.parametrize("way", WAYS)
def test_reviews_roles_dispositions_and_events_are_not_edited(world, way):
    event = Event.objects.about("finding", world.done.pk).first()
    refused(lambda: way(world.fix.reviews.first(), commit="0" * 40))
    refused(lambda: way(Review.objects.first(), decision="approved"))
    refused(lambda: way(world.passed.scan_roles.filter(role="after").first(), role="before"))
    refused(lambda: way(world.disposition, reason="other"))
    refused(lambda: way(event, actor_id=None))
    refused(lambda: way(event, seq=10**6))


# --- scopes --------------------------------------------------------------------------------------
def test_nothing_is_moved_into_or_tied_to_another_scope(world):
    scope, line = world.foreign.scope_id, world.foreign.line_id
    scan = Scan.objects.filter(scope_id=scope).first()
    sighting = world.waiting.sightings.first()
    for write in (
        lambda: by_sql(world.waiting, scope_id=scope),
        lambda: by_sql(world.waiting, asset_id=world.foreign.asset_id),
        lambda: by_sql(world.waiting, line_id=line),
        lambda: by_sql(world.waiting, introduced_by_id=world.foreign_clearance.remediation_id),
        lambda: by_sql(world.done, scope_id=scope, asset_id=world.foreign.asset_id, line_id=line),
        lambda: by_sql(world.asset, scope_id=scope),
        lambda: by_sql(world.done.line, scope_id=scope),
        lambda: by_sql(world.done.line, asset_id=world.foreign.asset_id),
        lambda: by_sql(sighting, scope_id=scope),
        lambda: copy(sighting, scan_id=scan.pk),
        lambda: by_sql(world.fix, scope_id=scope),
        lambda: by_sql(world.fix, line_id=line),
        lambda: by_sql(world.fix, asset_id=world.foreign.asset_id),
        lambda: copy(world.passed.scan_roles.first(), scan_id=scan.pk),
        lambda: copy(
            world.passed.scan_roles.first(), verification_id=world.foreign_clearance.verification_id
        ),
        lambda: by_sql(scan, scope_id=world.scope.pk),
        lambda: by_sql(scan, line_id=world.done.line_id),
    ):
        refused(write)


def test_only_a_merge_has_a_merge_commit(world):
    for columns in (
        {"state": "proposed"},
        {"merge_commit": ""},
        {"merged_at": None},
        {"state": "Merged"},
    ):
        refused(lambda columns=columns: by_sql(world.fix, **columns))


# --- honest writes pass --------------------------------------------------------------------------
class Honest:
    """A transaction that the database would commit; taken back at the end."""

    def __enter__(self) -> None:
        self.atomic = transaction.atomic()
        self.atomic.__enter__()

    def __exit__(self, *error) -> None:
        if error[0] is None:
            connection.check_constraints()
            transaction.set_rollback(True)
        self.atomic.__exit__(*error)


def test_revoking_and_reopening_in_one_transaction_passes(world):
    with Honest():
        by_sql(world.clearance, live=False, revoked_at=now(), revoked_reason="no")
        by_sql(
            world.done,
            status="discovered",
            clearance_id=None,
            clearance_live=None,
            verified_at=None,
        )
    with Honest():
        by_sql(
            world.done,
            status="discovered",
            clearance_id=None,
            clearance_live=None,
            verified_at=None,
        )
        by_sql(world.clearance, live=False, revoked_at=now(), revoked_reason="no")
    with Honest():
        revoke(world.clearance, reason="no", by=None, at=now())


def test_a_clearance_of_a_pass_with_merge_completes_its_finding(world):
    with Honest():
        forge(world, world.reopened, world.revoked.verification)


def test_a_finding_that_passes_is_completed_by_the_door(world):
    with Honest():
        approve(Remediation.objects.get(pk=world.unknown.remediation_id))
        world.waiting.refresh_from_db()
        assert world.waiting.status == Status.MOBILIZATION_COMPLETE
    world.waiting.refresh_from_db()
    with Honest():
        merge(Remediation.objects.get(pk=world.unmerged.remediation_id))
        world.early.refresh_from_db()
        assert world.early.status == Status.MOBILIZATION_COMPLETE
    world.early.refresh_from_db()


def test_an_honest_world_has_no_broken_link(world):
    assert list(broken_links()) == []
