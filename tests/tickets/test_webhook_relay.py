"""The outbox: exactly the events that were committed, each once, in their order. T20."""

import pytest
from django.db import IntegrityError, transaction

from core.models import Event
from tests import factories as make
from tests.races import errors, race
from tests.tickets.hooked import happen, hook, ids, states, told_of
from tickets.models import Delivery, WebhookEndpoint
from tickets.services import webhook_relay, webhook_sending
from tickets.services.webhook_relay import relay, relay_endpoint
from tickets.services.webhook_sending import send_due
from tickets.services.webhooks import pause_webhook, resume_webhook

pytestmark = pytest.mark.django_db


class Crash(BaseException):
    """The process ends here."""


def crash(*_args, **_named):
    raise Crash


def told(endpoint):
    return list(endpoint.deliveries.order_by("number").values_list("seq", "action"))


def test_what_happened_after_it_was_made_is_told_once_in_order(scope):
    happen(scope, "finding.before")
    endpoint, _ = hook(scope)
    made = happen(scope, "finding.a", "finding.b")
    assert relay(at=make.now()) == 2
    assert relay(at=make.now()) == 0
    assert told(endpoint) == [(event.seq, event.action) for event in made]
    assert told_of(scope, "finding.c")[-1].number == 3


def test_only_actions_that_meet_a_pattern_are_told_and_the_cursor_passes_the_others(scope):
    endpoint, _ = hook(scope, actions=["finding.*", "scan.imported"])
    (_, _, last) = happen(scope, "scan.imported", "findings.owned", "scan.failed")
    relay(at=make.now())
    assert [action for _, action in told(endpoint)] == ["scan.imported"]
    endpoint.refresh_from_db()
    assert endpoint.cursor == last.seq


def test_events_of_other_scopes_are_not_told(scope):
    endpoint, _ = hook(scope, actions=["*"])
    happen(make.make_scope(), "finding.elsewhere")
    relay(at=make.now())
    scopes = {delivery.event.scope_id for delivery in endpoint.deliveries.all()}
    assert scopes == {scope.pk}


def test_more_than_is_read_at_once_is_told_whole(scope, monkeypatch):
    monkeypatch.setattr(webhook_relay, "AT_ONCE", 2)
    endpoint, _ = hook(scope)
    made = happen(scope, *[f"finding.n{n}" for n in range(5)])
    assert relay(at=make.now()) == 5
    assert [seq for seq, _ in told(endpoint)] == [event.seq for event in made]


def test_what_waits_is_bounded_and_the_rest_stays_in_the_chain(scope, monkeypatch):
    monkeypatch.setattr(webhook_relay, "MOST_WAITING", 2)
    monkeypatch.setattr(webhook_relay, "AT_ONCE", 1)
    endpoint, _ = hook(scope)
    happen(scope, *[f"finding.n{n}" for n in range(4)])
    assert relay(at=make.now()) == 2
    endpoint.deliveries.update(state="sent", next_attempt_at=None, ended_at=make.now())
    assert relay(at=make.now()) == 2
    assert len(told(endpoint)) == 4


def test_what_happens_while_it_is_paused_is_told_when_it_is_resumed(scope, admin):
    endpoint, _ = hook(scope)
    pause_webhook(endpoint=endpoint, by=admin, at=make.now())
    happen(scope, "finding.meanwhile")
    assert relay(at=make.now()) == 0
    resume_webhook(endpoint=endpoint, by=admin, at=make.now())
    assert relay(at=make.now()) == 1


# --- T20 -----------------------------------------------------------------------------------------
def test_what_was_rolled_back_is_never_told(scope):
    endpoint, _ = hook(scope)
    with pytest.raises(Crash), transaction.atomic():
        happen(scope, "finding.rolled_back")
        raise Crash
    (event,) = happen(scope, "finding.committed")
    relay(at=make.now())
    assert told(endpoint) == [(event.seq, "finding.committed")]


def test_a_crash_between_deliveries_and_cursor_loses_and_doubles_nothing(scope):
    endpoint, _ = hook(scope)
    made = happen(scope, "finding.a", "finding.b")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WebhookEndpoint, "save", crash)
        with pytest.raises(Crash):
            relay(at=make.now())
    assert not endpoint.deliveries.exists()
    relay(at=make.now())
    assert [seq for seq, _ in told(endpoint)] == [event.seq for event in made]


def test_a_crash_before_sending_sends_it_after_the_lease(receiver, url, scope, clock):
    endpoint, _ = hook(scope, url)
    told_of(scope)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(webhook_sending, "_attempt", crash)
        with pytest.raises(Crash):
            send_due(endpoint.pk, clock=clock)
    assert not receiver.requests and states(endpoint) == ["waiting"]
    assert send_due(endpoint.pk, clock=clock) == 0
    clock.forward(seconds=61)
    assert send_due(endpoint.pk, clock=clock) == 1
    assert states(endpoint) == ["sent"]


def test_a_crash_after_sending_sends_the_same_message_again(receiver, url, scope, clock):
    endpoint, _ = hook(scope, url)
    (delivery,) = told_of(scope)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(webhook_sending, "_record", crash)
        with pytest.raises(Crash):
            send_due(endpoint.pk, clock=clock)
    clock.forward(seconds=61)
    send_due(endpoint.pk, clock=clock)
    assert ids(receiver) == [delivery.message_id] * 2
    assert receiver.requests[0].body == receiver.requests[1].body
    assert states(endpoint) == ["sent"]


def test_a_worker_that_lost_its_lease_writes_nothing(receiver, url, scope, clock):
    endpoint, _ = hook(scope, url)
    told_of(scope)
    late = webhook_sending._take(endpoint.pk, clock())
    clock.forward(seconds=61)
    assert send_due(endpoint.pk, clock=clock) == 1
    answer = webhook_sending.Outcome(500, "late", 1)
    assert webhook_sending._record(late, answer, clock()) is False
    assert states(endpoint) == ["sent"] and endpoint.deliveries.get().last_status == 200


@pytest.mark.django_db(transaction=True)
def test_workers_that_relay_at_once_tell_each_event_once(scope):
    endpoint, _ = hook(scope)
    made = happen(scope, *[f"finding.n{n}" for n in range(30)])
    answers = race(*[lambda: relay_endpoint(endpoint.pk, at=make.now())] * 4)
    assert errors(answers) == [] and sum(answers) == 30
    assert [seq for seq, _ in told(endpoint)] == [event.seq for event in made]


@pytest.mark.django_db(transaction=True)
def test_relaying_while_things_happen_misses_none(scope):
    endpoint, _ = hook(scope)

    def work(name):
        for n in range(10):
            happen(scope, f"finding.{name}{n}")

    def follow():
        for _ in range(15):
            relay_endpoint(endpoint.pk, at=make.now())

    assert errors(race(lambda: work("a"), lambda: work("b"), follow, follow)) == []
    relay(at=make.now())
    happened = Event.objects.filter(scope_id=scope.pk, action__startswith="finding.")
    assert [seq for seq, _ in told(endpoint)] == list(
        happened.order_by("seq").values_list("seq", flat=True)
    )
    assert happened.count() == 20


@pytest.mark.django_db(transaction=True)
def test_workers_that_send_at_once_send_each_message_once(receiver, url, scope):
    endpoint, _ = hook(scope, url)
    made = told_of(scope, *[f"finding.n{n}" for n in range(6)])
    assert errors(race(*[lambda: send_due(endpoint.pk)] * 3)) == []
    while send_due(endpoint.pk):
        pass
    assert ids(receiver) == [delivery.message_id for delivery in made]


# --- what the database holds ---------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "members",
    [
        {"state": "lost"},
        {"state": "sent"},  # without an end
        {"lane": "fast"},
        {"payload": "all"},
        {"seq": None},
        {"scope_id": -1},
    ],
)
def test_a_delivery_that_cannot_be_is_refused_by_the_database(scope, members):
    hook(scope)
    (delivery,) = told_of(scope)
    if members.get("scope_id"):
        members = {"scope_id": make.make_scope().pk}
    with pytest.raises(IntegrityError), transaction.atomic():
        Delivery.objects.filter(pk=delivery.pk).update(**members)


@pytest.mark.parametrize(
    "members",
    [
        {"state": "lost"},
        {"state": "disabled"},  # without a reason
        {"reason": "why"},
        {"state": "ended"},
        {"sealed_secret": ""},
        {"sealed_old_secret": "s1:x"},
        {"payload": "all"},
    ],
)
def test_an_endpoint_that_cannot_be_is_refused_by_the_database(scope, members):
    endpoint, _ = hook(scope)
    with pytest.raises(IntegrityError), transaction.atomic():
        WebhookEndpoint.objects.filter(pk=endpoint.pk).update(**members)
