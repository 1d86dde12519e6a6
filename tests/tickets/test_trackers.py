"""The verbs on trackers and tickets: who may, what is refused, what is told; and no secret anywhere. T35."""

import json
import logging

import pytest
from django.db import IntegrityError, connection, transaction

from core.errors import BadInput, NotAllowed, WrongState
from core.models import Event
from core.permissions import Role
from scopes.models import Membership
from tests import factories as make
from tests.tickets.tracked import Followed, ticketed, tracker_of
from tickets.models import Ticket, TrackerConnection
from tickets.services.tickets import ask_ticket, unlink_ticket
from tickets.services.tracker_opening import webhook_secrets
from tickets.services.trackers import (
    change_tracker,
    check_tracker,
    disconnect_tracker,
    renew_tracker_secret,
    replace_tracker_key,
)

pytestmark = pytest.mark.django_db
VERBS = (change_tracker, check_tracker, renew_tracker_secret, disconnect_tracker)


def test_each_verb_leaves_an_event_without_secrets(scope, admin):
    at = make.now()
    tracker, secret = tracker_of(scope)
    change_tracker(tracker=tracker, name="Other", reopens="never", by=admin, at=at)
    change_tracker(tracker=tracker, name="Other", by=admin, at=at)  # nothing new
    check_tracker(tracker=tracker, by=admin, at=at)
    replace_tracker_key(tracker=tracker, key="an0ther-T0KEN", by=admin, at=at)
    _, fresh = renew_tracker_secret(tracker=tracker, by=admin, at=at)
    assert webhook_secrets(TrackerConnection.objects.get(), at) == [fresh, secret]
    disconnect_tracker(tracker=tracker, by=admin, at=at)
    told = list(Event.objects.filter(subject="tracker").order_by("seq"))
    assert [event.action.removeprefix("tracker.") for event in told] == [
        "connected", "changed", "check_asked", "key_replaced", "secret_renewed", "ended"]  # fmt: skip
    assert told[1].data == {"name": ["Jira", "Other"], "reopens": ["always", "never"]}
    text = json.dumps([event.data for event in Event.objects.all()])
    for hidden in (secret, fresh, "T0KEN", tracker.hook):
        assert hidden not in text
    row = TrackerConnection.objects.get()
    assert (row.sealed_key, row.sealed_secret, row.actor.is_active) == ("", "", False)


def test_only_administrators_change_a_tracker_and_an_ended_one_is_changed_by_nobody(scope, admin):
    tracker, _ = tracker_of(scope)
    for role in Role:
        if role is Role.ADMIN:
            continue
        for verb in VERBS:
            with pytest.raises(NotAllowed):
                verb(tracker=tracker, by=make.member(scope, role), at=make.now())
    disconnect_tracker(tracker=tracker, by=admin, at=make.now())
    for verb in VERBS:
        with pytest.raises(WrongState):
            verb(tracker=tracker, by=admin, at=make.now())


def test_the_service_account_may_claim_and_no_more(scope):
    tracker, _ = tracker_of(scope)
    assert Membership.objects.get(user=tracker.actor).role == Role.TICKETING
    assert not tracker.actor.has_usable_password()


@pytest.mark.parametrize(
    ("members", "where"),
    [
        ({"kind": "redmine"}, "kind"),
        ({"name": " "}, "name"),
        ({"base": "http://10.0.0.1/s3cret"}, "base"),
        ({"base": "https://user:s3cret@jira.example"}, "base"),
        ({"project": "sec"}, "project"),
        ({"account": "a:b"}, "account"),
        ({"kind": "github", "project": "acme"}, "project"),
        ({"kind": "github", "project": "acme/..", "account": ""}, "project"),
        ({"kind": "gitlab", "project": "acme/web"}, "account"),
        ({"kind": "servicenow", "project": "incident", "account": ""}, "account"),
        ({"kind": "servicenow", "project": "incident^x"}, "project"),
        ({"key": "s3cret with space"}, "key"),
        ({"reopens": "often"}, "reopens"),
        ({"mapping": {"colour": 1}}, "mapping/colour"),
        ({"mapping": {"labels": ["a b"]}}, "mapping/labels/0"),
        ({"mapping": {"priorities": {"P9": "x"}}}, "mapping/priorities/P9"),
        ({"mapping": {"issue_type": ""}}, "mapping/issue_type"),
        ({"rule": {"bands": ["P9"]}}, "rule/bands"),
        ({"rule": {"bands": ["P1"], "most": 0}}, "rule/most"),
        ({"rule": {"statuses": ["mobilization_complete"]}}, "rule/statuses"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_place_and_not_repeated(scope, members, where):
    with pytest.raises(BadInput) as refused:
        tracker_of(scope, **members)
    assert refused.value.where == where and "s3cret" not in str(refused.value)
    assert not TrackerConnection.objects.exists()


def test_a_name_is_given_once_in_a_scope(scope):
    tracker_of(scope)
    with pytest.raises(WrongState, match="already has a tracker"):
        tracker_of(scope)


def test_a_finding_has_one_ticket_in_a_tracker_of_its_own_scope(admin):
    finding = make.import_finding()
    ticket = ticketed(finding)
    by = make.member(finding.scope, Role.DEVELOPER)
    asked = {"finding": finding, "by": by, "at": make.now()}
    with pytest.raises(WrongState, match="has a ticket"):
        ask_ticket(tracker=ticket.connection, **asked)
    elsewhere, _ = tracker_of(make.make_scope())
    with pytest.raises(BadInput, match="another scope"):
        ask_ticket(tracker=elsewhere, **asked)
    with pytest.raises(BadInput, match="key"):
        ask_ticket(tracker=ticket.connection, key="../x", **asked)
    with pytest.raises(NotAllowed):
        unlink_ticket(ticket=ticket, by=make.member(finding.scope, Role.VIEWER), at=make.now())
    unlink_ticket(ticket=ticket, by=by, at=make.now())
    with pytest.raises(WrongState):
        unlink_ticket(ticket=ticket, by=by, at=make.now())
    assert ask_ticket(tracker=ticket.connection, **asked).state == "waiting"


def test_the_database_keeps_tickets_in_their_scope(scope):
    finding = make.import_finding()
    tracker, _ = tracker_of(scope)
    with pytest.raises(IntegrityError), transaction.atomic():
        Ticket.objects.create(
            connection=tracker,
            scope=finding.scope,
            finding=finding,
            marker="m",
            asked_at=make.now(),
        )
        connection.check_constraints()


def test_no_token_is_in_a_log_a_row_or_a_repr(jira, clock, caplog):
    caplog.set_level(logging.DEBUG)
    story = Followed(jira, clock)
    story.ticket()
    jira.is_cloud = False
    story.poll()
    text = caplog.text + repr(vars(TrackerConnection.objects.get()))
    text += json.dumps(list(Event.objects.values_list("data", flat=True)))
    text += json.dumps(list(Ticket.objects.values("problem", "address")))
    assert "T0KEN" not in text and story.secret not in text
