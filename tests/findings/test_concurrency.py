"""T10: whoever comes at the same moment, one wins, the others are refused, one event is written."""

from datetime import timedelta

import pytest

from core.errors import Refused, WrongState
from core.events import broken_links
from core.models import Event
from core.permissions import Role
from findings.lifecycle import BY_NAME, transition
from findings.models import Finding
from findings.services import add_comment, expire_acceptances, perform_transition
from findings.statuses import Status
from tests.factories import (
    import_finding,
    make_finding,
    member,
    now,
    request_acceptance,
    request_false_positive,
)
from tests.races import errors, race

pytestmark = pytest.mark.django_db(transaction=True)

MANY = 10


def events_of(finding: Finding, prefix: str = "finding.") -> list[str]:
    rows = Event.objects.about("finding", finding.pk).filter(action__startswith=prefix)
    return list(rows.order_by("pk").values_list("action", flat=True))


def test_of_ten_on_the_same_edge_one_wins():
    finding = import_finding()
    by = member(finding.scope, Role.DEVELOPER)
    answers = race(
        *[lambda: transition(finding.pk, "claim", by=by, at=now(), brought={"reason": "done"})]
        * MANY
    )
    assert len(errors(answers)) == MANY - 1
    assert {type(error) for error in errors(answers)} == {WrongState}
    assert events_of(finding) == ["finding.claim"]
    assert list(broken_links()) == []


def test_of_conflicting_edges_what_happened_is_a_way_through_the_table():
    finding = import_finding()
    request_acceptance(finding)
    request_false_positive(finding)
    other = import_finding(finding.asset)
    analyst, approver = member(finding.scope, Role.ANALYST), member(finding.scope, Role.APPROVER)
    asked = Event.objects.count()
    attempts = {
        "claim": (analyst, {"reason": "done"}),
        "validate": (analyst, {"evidence": "seen"}),
        "mark_duplicate": (analyst, {"duplicate_of": other.pk}),
        "dismiss": (approver, {}),
        "accept_risk": (approver, {}),
        "vanish": (None, {"reason": "gone"}),
    }
    answers = race(
        *[
            lambda name=name, by=by, brought=brought: transition(
                finding.pk, name, by=by, at=now(), brought=brought
            )
            for name, (by, brought) in attempts.items()
        ]
    )
    assert all(isinstance(error, Refused) for error in errors(answers)), errors(answers)
    moved = Event.objects.about("finding", finding.pk).order_by("pk")[2:]
    assert Event.objects.count() == asked + len(moved)
    assert len(moved) == len(answers) - len(errors(answers)) >= 1
    status = Status.PRIORITIZED
    for event in moved:
        row = BY_NAME[event.action.removeprefix("finding.")]
        assert status in row.sources
        assert (event.data["from"], event.data["to"]) == (status, row.target)
        status = row.target
    finding.refresh_from_db()
    assert finding.status == status
    assert list(broken_links()) == []


def test_two_approvals_of_one_request_are_one_decision():
    finding = import_finding()
    request_acceptance(finding)
    approver = member(finding.scope, Role.APPROVER)
    answers = race(
        *[
            lambda: perform_transition(
                finding=finding, name="accept_risk", by=approver, at=now(), brought={}
            )
        ]
        * 4
    )
    assert [type(error) for error in errors(answers)] == [WrongState] * 3
    assert events_of(finding).count("finding.accept_risk") == 1


def test_many_who_write_into_one_scope_leave_one_unbroken_chain():
    findings = [import_finding()]
    findings += [import_finding(findings[0].asset) for _ in range(MANY - 1)]
    by = member(findings[0].scope, Role.DEVELOPER)
    answers = race(
        *[
            lambda finding=finding: [
                add_comment(finding=finding, body=f"word {number}", by=by, at=now())
                for number in range(3)
            ]
            for finding in findings
        ]
    )
    assert not errors(answers)
    assert Event.objects.filter(action="finding.commented").count() == 3 * MANY
    assert list(broken_links()) == []


def test_an_expiry_that_meets_a_reopening_moves_the_finding_once():
    for _ in range(3):
        finding = make_finding(at=Status.RISK_ACCEPTED)
        analyst = member(finding.scope, Role.ANALYST)
        answers = race(
            lambda: expire_acceptances(at=now() + timedelta(days=400)),
            lambda finding=finding, analyst=analyst: transition(
                finding.pk, "reopen", by=analyst, at=now(), brought={"reason": "again"}
            ),
        )
        assert all(isinstance(error, WrongState) for error in errors(answers)), errors(answers)
        finding.refresh_from_db()
        assert finding.status == Status.DISCOVERED
        reopened = "finding.reopen" in events_of(finding)
        expired = Event.objects.filter(
            action="finding.expire", scope_id=finding.scope_id, data__findings=[finding.pk]
        ).exists()
        assert reopened is not expired
    assert list(broken_links()) == []
