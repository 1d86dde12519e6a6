"""Decisions that need two people, and risks that are carried until a date."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from core.errors import BadInput, Incomplete, NotAllowed, WrongState
from core.events import broken_links
from core.models import Event
from core.permissions import Role
from findings.models import Dismissal, Finding, RiskAcceptance
from findings.services import (
    add_comment,
    assign,
    expire_acceptances,
    perform_transition,
    request_dismissal,
    request_risk_acceptance,
)
from findings.statuses import ENDED, Status
from tests.factories import (
    add_member,
    import_finding,
    make_finding,
    make_user,
    member,
    now,
    request_acceptance,
    request_false_positive,
    take,
)

pytestmark = pytest.mark.django_db

KINDS = {
    "accept_risk": (RiskAcceptance, Status.RISK_ACCEPTED),
    "dismiss": (Dismissal, Status.FALSE_POSITIVE),
}


def ask(name: str, finding: Finding, by) -> RiskAcceptance | Dismissal:
    if name == "dismiss":
        return request_dismissal(finding=finding, reason="A constant.", by=by, at=now())
    until = (now() + timedelta(days=30)).date()
    return request_risk_acceptance(
        finding=finding, reason="Soon gone.", until=until, by=by, at=now()
    )


def decide(name: str, finding: Finding, by, at=None, brought=None) -> Finding:
    told = {"by": by, "at": at or now(), "brought": brought or {}}
    return perform_transition(finding=finding, name=name, **told)


@pytest.fixture
def finding():
    return import_finding()


@pytest.mark.parametrize("name", KINDS)
def test_one_asks_and_another_decides(finding, name):
    _, status = KINDS[name]
    analyst, approver = member(finding.scope, Role.ANALYST), member(finding.scope, Role.APPROVER)
    request = ask(name, finding, analyst)
    finding.refresh_from_db()
    assert finding.status == Status.PRIORITIZED
    assert decide(name, finding, approver).status == status
    request.refresh_from_db()
    assert (request.requested_by, request.approved_by) == (analyst, approver)
    assert request.approved_at is not None
    asked, decided = Event.objects.about("finding", finding.pk).order_by("-pk")[:2][::-1]
    assert (asked.actor, decided.actor) == (analyst, approver)
    assert asked.data["reason"] == request.reason


@pytest.mark.parametrize("name", KINDS)
def test_nobody_decides_their_own_request(finding, name):
    approver = member(finding.scope, Role.APPROVER)
    request = ask(name, finding, approver)
    with pytest.raises(NotAllowed, match="nobody approves their own request"):
        decide(name, finding, approver)
    request.refresh_from_db()
    finding.refresh_from_db()
    assert (request.approved_at, finding.status) == (None, Status.PRIORITIZED)
    second = add_member(finding.scope, make_user("second-approver"), Role.APPROVER)
    assert decide(name, finding, second).status == KINDS[name][1]


@pytest.mark.parametrize("name", KINDS)
def test_an_older_request_of_somebody_else_does_not_let_one_decide_for_oneself(finding, name):
    """The newest request is decided: it would be one's own."""
    approver = member(finding.scope, Role.APPROVER)
    ask(name, finding, member(finding.scope, Role.ANALYST))
    ask(name, finding, approver)
    with pytest.raises(NotAllowed):
        decide(name, finding, approver)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("role", [Role.VIEWER, Role.DEVELOPER, Role.PIPELINE, Role.TICKETING])
def test_who_may_not_triage_may_not_ask(finding, name, role):
    with pytest.raises(NotAllowed):
        ask(name, finding, member(finding.scope, role))


@pytest.mark.parametrize("name", KINDS)
def test_a_decision_is_used_up_by_its_transition(finding, name):
    """After reopening, the old approval opens no door a second time."""
    take(name, finding)
    take("reopen", finding)
    with pytest.raises(Incomplete, match="requested first"):
        decide(name, finding, member(finding.scope, Role.APPROVER))


@pytest.mark.parametrize("status", ENDED)
def test_nothing_is_asked_about_a_finding_that_is_not_open(status):
    finding = make_finding(at=status)
    for name in KINDS:
        if (name, status) == ("accept_risk", Status.RISK_ACCEPTED):
            continue  # asks to carry it on
        with pytest.raises(WrongState, match=f"The finding is {status.label}, not open"):
            ask(name, finding, member(finding.scope, Role.ANALYST))


@pytest.mark.parametrize("model", [RiskAcceptance, Dismissal])
def test_the_database_itself_wants_two_people(finding, model):
    analyst = member(finding.scope, Role.ANALYST)
    request_acceptance(finding)
    request_false_positive(finding)
    for columns in (
        {"approved_by": analyst, "approved_at": now()},
        {"approved_at": now()},
        {"approved_by": member(finding.scope, Role.APPROVER)},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            model.objects.filter(finding=finding).update(**columns)


@pytest.mark.parametrize("name", KINDS)
def test_only_the_request_that_was_read_is_decided(finding, name):
    """While the approver reads, somebody asks for something else."""
    analyst, approver = member(finding.scope, Role.ANALYST), member(finding.scope, Role.APPROVER)
    read, newest = ask(name, finding, analyst), ask(name, finding, analyst)
    for brought in ({"decision": read.pk}, {}):
        with pytest.raises(WrongState, match="newest"):
            decide(name, finding, approver, brought=brought)
    decide(name, finding, approver, brought={"decision": newest.pk})
    read.refresh_from_db()
    newest.refresh_from_db()
    assert (read.approved_by, newest.approved_by) == (None, approver)


def test_a_risk_is_carried_on_by_a_request_since_the_last_approval_alone(finding):
    analyst, approver = member(finding.scope, Role.ANALYST), member(finding.scope, Role.APPROVER)
    old, newest = ask("accept_risk", finding, analyst), ask("accept_risk", finding, analyst)
    decide("accept_risk", finding, approver, brought={"decision": newest.pk})
    for brought in ({}, {"decision": old.pk}):
        with pytest.raises(Incomplete, match="requested first"):
            decide("renew_risk", finding, approver, brought=brought)


@pytest.mark.parametrize("name", KINDS)
def test_a_request_from_before_the_finding_was_reopened_is_not_decided(finding, name):
    ask(name, finding, member(finding.scope, Role.ANALYST))
    take("mark_duplicate", finding)
    take("reopen", finding)
    approver = member(finding.scope, Role.APPROVER)
    with pytest.raises(Incomplete, match="requested first"):
        decide(name, finding, approver)
    ask(name, finding, member(finding.scope, Role.ANALYST))
    assert decide(name, finding, approver).status == KINDS[name][1]


# --- until when ----------------------------------------------------------------------------------
@pytest.mark.parametrize("days", [0, -1, -1000])
def test_a_risk_is_accepted_into_the_future_only(finding, days):
    with pytest.raises(BadInput, match="until: must be in the future"):
        request_acceptance(finding, days=days)


def test_a_request_that_waited_too_long_is_not_decided_any_more(finding):
    request_acceptance(finding, days=1)
    with pytest.raises(Incomplete, match="would already have ended"):
        decide(
            "accept_risk",
            finding,
            member(finding.scope, Role.APPROVER),
            at=now() + timedelta(days=2),
        )


def test_an_accepted_risk_ends_on_its_day_and_not_before():
    finding, other = make_finding(at=Status.RISK_ACCEPTED), make_finding(at=Status.FALSE_POSITIVE)
    assert expire_acceptances(at=now()) == 0
    assert expire_acceptances(at=now() + timedelta(days=1)) == 1
    finding.refresh_from_db()
    other.refresh_from_db()
    assert (finding.status, other.status) == (Status.DISCOVERED, Status.FALSE_POSITIVE)
    event = Event.objects.latest("pk")
    assert (event.action, event.actor, event.data) == (
        "finding.expire",
        None,
        {"findings": [finding.pk]},
    )
    assert expire_acceptances(at=now() + timedelta(days=1)) == 0


def test_expiries_of_two_scopes_stand_on_the_chain_of_each():
    findings = [make_finding(at=Status.RISK_ACCEPTED) for _ in range(2)]
    assert expire_acceptances(at=now() + timedelta(days=2)) == 2
    for finding in findings:
        event = Event.objects.filter(scope_id=finding.scope_id).latest("pk")
        assert event.data == {"findings": [finding.pk]}
    assert list(broken_links()) == []


def test_the_newest_acceptance_says_when_it_ends(finding):
    """Accepted for long, reopened, accepted for a day: the first promise is not the one that counts."""
    approver = member(finding.scope, Role.APPROVER)
    request_acceptance(finding, days=300)
    decide("accept_risk", finding, approver)
    take("reopen", finding)
    request_acceptance(finding, days=1)
    decide("accept_risk", finding, approver)
    assert expire_acceptances(at=now() + timedelta(days=2)) == 1


# --- words and people ----------------------------------------------------------------------------
@pytest.mark.parametrize("text", ["", "  \n "])
def test_empty_words_are_refused_with_the_field(finding, text):
    analyst = member(finding.scope, Role.ANALYST)
    with pytest.raises(BadInput, match="body: must not be empty"):
        add_comment(finding=finding, body=text, by=analyst, at=now())
    with pytest.raises(BadInput, match="reason: must not be empty"):
        request_dismissal(finding=finding, reason=text, by=analyst, at=now())


def test_words_beyond_the_limit_are_refused_with_both_numbers(finding):
    with pytest.raises(BadInput, match=r"20001 > 20000"):
        add_comment(
            finding=finding, body="x" * 20_001, by=member(finding.scope, Role.ANALYST), at=now()
        )


def test_what_a_database_cannot_hold_is_replaced_in_words(finding):
    analyst = member(finding.scope, Role.ANALYST)
    comment = add_comment(finding=finding, body="a\x00\ud800", by=analyst, at=now())
    comment.refresh_from_db()
    assert comment.body == "a\ufffd\ufffd"
    request = request_dismissal(finding=finding, reason="\x00 constant", by=analyst, at=now())
    request.refresh_from_db()
    assert request.reason == "\ufffd constant"
    perform_transition(
        finding=finding,
        name="validate",
        by=analyst,
        at=now(),
        brought={"evidence": "poc\x00\udfff"},
    )
    assert finding.validation_evidence.get().text == "poc\ufffd\ufffd"
    perform_transition(
        finding=finding, name="claim", by=analyst, at=now(), brought={"reason": "done\x00\udfff"}
    )
    assert Event.objects.latest("pk").data["reason"] == "done\ufffd\ufffd"


def test_only_a_member_is_made_responsible(finding):
    analyst, developer = member(finding.scope, Role.ANALYST), member(finding.scope, Role.DEVELOPER)
    assert assign(finding=finding, to=developer, by=analyst, at=now()).assigned_to == developer
    with pytest.raises(Incomplete, match="not a member"):
        assign(finding=finding, to=make_user("outsider"), by=analyst, at=now())
    finding.refresh_from_db()
    assert finding.assigned_to == developer
    assert assign(finding=finding, to=None, by=analyst, at=now()).assigned_to is None
    with pytest.raises(NotAllowed):
        assign(finding=finding, to=developer, by=developer, at=now())
