"""T02: completing meets revoking, on two connections, in both orders. Never complete without live proof.

Below the doors, where only the database's keys stand between two writers; then through the doors.
"""

import threading

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from core.errors import Refused, WrongState
from core.events import broken_links
from core.models import Event
from findings.lifecycle import transition
from findings.models import Finding
from findings.statuses import Status
from scans.models import Clearance, Verification
from scans.services.clearances import revoke
from scans.services.doors import request_completion
from scans.services.verification import judge_remediation
from tests.factories import (
    approve,
    complete,
    import_finding,
    make_remediation,
    member,
    merge,
    now,
    scan_fix,
)
from tests.races import errors, race

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 50
OPEN_AGAIN = {
    "status": "discovered",
    "clearance_id": None,
    "clearance_live": None,
    "verified_at": None,
}


def fresh_clearance(clearance: Clearance) -> int:
    """Another live clearance of the same passing verification; the finding does not point to it."""
    row = Clearance.objects.get(pk=clearance.pk)
    row.pk = None
    row.live, row.revoked_at, row.revoked_by, row.revoked_reason = True, None, None, ""
    row.save(force_insert=True)
    return row.pk


def complete_below(finding_id: int, clearance_id: int) -> None:
    Finding.objects.filter(pk=finding_id).update(
        status="mobilization_complete",
        clearance_id=clearance_id,
        clearance_live=True,
        verified_at=now(),
    )


def revoke_below(clearance_id: int) -> None:
    Clearance.objects.filter(pk=clearance_id).update(
        live=False, revoked_at=now(), revoked_reason="race"
    )


def flip_below(verification_id: int) -> None:
    Verification.objects.filter(pk=verification_id).update(verdict="fail")


def interleave(first, second) -> list[Exception]:
    """Both write, then both commit: ``first`` writes first; who commits first is left to them."""
    written = threading.Event()

    def one() -> None:
        try:
            with transaction.atomic():
                first()
                written.set()
                threading.Event().wait(0.002)
        finally:
            written.set()

    def other() -> None:
        written.wait(5)
        with transaction.atomic():
            second()

    return errors(race(one, other))


def lies() -> list[int]:
    """Findings that are complete without a live clearance of a pass with the merge."""
    live = Clearance.objects.filter(
        live=True, verification__verdict="pass", verification__with_merge=True
    )
    return list(
        Finding.objects.complete()
        .exclude(clearance_id__in=live.values("pk"), clearance_live=True)
        .values_list("pk", flat=True)
    )


@pytest.mark.postgresql
@pytest.mark.parametrize("order", ["complete first", "revoke first"])
def test_completing_and_revoking_at_once_never_leaves_a_lie(order):
    finding = import_finding()
    proof = complete(finding)
    revoke(proof, reason="start", by=None, at=now())
    winners = set()
    for _ in range(ROUNDS):
        clearance = fresh_clearance(proof)
        writes = [
            lambda clearance=clearance: complete_below(finding.pk, clearance),
            lambda clearance=clearance: revoke_below(clearance),
        ]
        failed = interleave(*writes if order == "complete first" else writes[::-1])
        assert len(failed) <= 1
        assert all(isinstance(error, IntegrityError) for error in failed), failed
        assert lies() == []
        state = Finding.objects.get(pk=finding.pk).status
        live = Clearance.objects.get(pk=clearance).live
        assert (state == Status.MOBILIZATION_COMPLETE) is live, "both or neither has happened"
        winners.add(live)
        with transaction.atomic():
            Finding.objects.filter(pk=finding.pk).update(**OPEN_AGAIN)
            if live:
                revoke_below(clearance)
    assert winners  # whoever won, somebody did each time


@pytest.mark.postgresql
@pytest.mark.parametrize("order", ["complete first", "flip first"])
def test_completing_and_flipping_the_verdict_at_once_never_leaves_a_lie(order):
    finding = import_finding()
    proof = complete(finding)
    revoke(proof, reason="start", by=None, at=now())
    for _ in range(ROUNDS):
        clearance = fresh_clearance(proof)
        writes = [
            lambda clearance=clearance: complete_below(finding.pk, clearance),
            lambda: flip_below(proof.verification_id),
        ]
        (failed,) = interleave(*writes if order == "complete first" else writes[::-1])
        assert isinstance(failed, DatabaseError)
        assert "append-only" in str(failed)
        assert lies() == []
        assert Finding.objects.get(pk=finding.pk).status == Status.MOBILIZATION_COMPLETE
        with transaction.atomic():
            Finding.objects.filter(pk=finding.pk).update(**OPEN_AGAIN)
            revoke_below(clearance)


def test_of_many_revocations_at_once_one_counts():
    for _ in range(3):
        proof = complete(import_finding())
        answers = race(*[lambda proof=proof: revoke(proof, reason="back", by=None, at=now())] * 4)
        assert [type(error) for error in errors(answers)] == [WrongState] * 3
        assert (
            Event.objects.filter(action="finding.revoke", subject_id=proof.finding_id).count() == 1
        )
        assert lies() == []
    assert list(broken_links()) == []


def test_the_last_missing_piece_from_many_sides_completes_once():
    """A scan, a review and a merge arrive together, and somebody asks for completion meanwhile."""
    finding = import_finding()
    analyst, developer = member(finding.scope, "analyst"), member(finding.scope, "developer")
    fix = make_remediation(finding)
    answers = race(
        lambda: scan_fix(fix),
        lambda: approve(fix, by=analyst),
        lambda: merge(fix),
        lambda: request_completion(finding=finding, by=developer, at=now()),
    )
    assert all(isinstance(error, Refused) for error in errors(answers)), errors(answers)
    judge_remediation(fix.pk, at=now())
    finding.refresh_from_db()
    assert finding.status == Status.MOBILIZATION_COMPLETE
    assert Clearance.objects.filter(finding=finding).count() == 1
    assert Event.objects.filter(action="finding.complete").count() == 1
    assert lies() == []
    assert list(broken_links()) == []


def test_two_fixes_of_one_finding_complete_it_once():
    finding = import_finding()
    analyst = member(finding.scope, "analyst")
    fixes = [make_remediation(finding), make_remediation(finding, title="Another way",
             base_commit="a" * 40)]  # fmt: skip
    for fix in fixes:
        scan_fix(fix)
        approve(fix, by=analyst)
    answers = race(*[lambda fix=fix: merge(fix) for fix in fixes])
    assert not errors(answers)
    assert Clearance.objects.filter(finding=finding, live=True).count() == 1
    assert Event.objects.filter(action="finding.complete").count() == 1


def test_completing_meets_every_other_way_out():
    for name, brought in (
        ("mark_duplicate", "other"),
        ("vanish", {"reason": "gone"}),
        ("claim", {"reason": "done"}),
    ):
        finding = import_finding()
        if brought == "other":
            brought = {"duplicate_of": import_finding(finding.asset).pk}
        fix = make_remediation(finding)
        scan_fix(fix)
        approve(fix)
        by = None if name == "vanish" else member(finding.scope, "analyst")
        answers = race(
            lambda fix=fix: merge(fix),
            lambda finding=finding, name=name, by=by, brought=brought: transition(
                finding.pk, name, by=by, at=now(), brought=brought
            ),
        )
        assert all(isinstance(error, Refused) for error in errors(answers)), errors(answers)
        assert lies() == []
        finding.refresh_from_db()
        assert finding.status in ("mobilization_complete", "duplicate", "no_longer_present")
    assert list(broken_links()) == []
