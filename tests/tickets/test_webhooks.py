"""The verbs on webhooks: who may, what is refused, what is told of them; and no secret anywhere. T35."""

import base64
import json
import logging

import pytest
from django.db import connection
from django.test import Client

from core.errors import BadInput, NotAllowed, WrongState
from core.models import Event, Job
from tests import factories as make
from tests.tickets.conftest import PATH
from tests.tickets.hooked import hook, told_of
from tickets.models import Delivery, WebhookEndpoint
from tickets.services import webhook_sending
from tickets.services.webhook_messages import secrets_of
from tickets.services.webhook_sending import send_due
from tickets.services.webhooks import (
    change_webhook,
    end_webhook,
    make_webhook,
    pause_webhook,
    resend,
    resume_webhook,
    rotate_secret,
    try_webhook,
)

pytestmark = pytest.mark.django_db
VERBS = (change_webhook, pause_webhook, resume_webhook, rotate_secret, try_webhook, end_webhook)


def told(endpoint):
    rows = Event.objects.filter(subject="webhook", subject_id=endpoint.pk).order_by("seq")
    return [(event.action, event.data) for event in rows]


def test_each_verb_leaves_an_event_that_names_no_more_than_the_host(scope, admin):
    at = make.now()
    endpoint, _ = hook(scope, "https://hooks.example/services/T0KEN", name="Chat")
    (delivery,) = told_of(scope)
    change_webhook(endpoint=endpoint, actions=["scan.*"], name="Talk", by=admin, at=at)
    change_webhook(endpoint=endpoint, url="https://hooks.example/other", by=admin, at=at)
    change_webhook(endpoint=endpoint, name="Talk", by=admin, at=at)  # nothing new
    pause_webhook(endpoint=endpoint, by=admin, at=at)
    resume_webhook(endpoint=endpoint, by=admin, at=at)
    row, _ = rotate_secret(endpoint=endpoint, by=admin, at=at)
    try_webhook(endpoint=endpoint, by=admin, at=at)
    resend(delivery=delivery, by=admin, at=at)
    end_webhook(endpoint=endpoint, by=admin, at=at)
    host = "https://hooks.example"
    assert told(endpoint) == [
        ("webhook.created", {"name": "Chat", "host": host, "actions": ["finding.*"],
                             "payload": "thin"}),
        ("webhook.changed", {"name": ["Chat", "Talk"], "actions": [["finding.*"], ["scan.*"]]}),
        ("webhook.changed", {"host": [host, host]}),
        ("webhook.paused", {}),
        ("webhook.resumed", {"was": "off"}),
        ("webhook.secret_rotated", {"old_until": row.old_secret_until.isoformat()}),
        ("webhook.tried", {"delivery": 2}),
        ("webhook.resent", {"delivery": 1, "message": delivery.message_id}),
        ("webhook.ended", {"not_sent": 2}),
    ]  # fmt: skip
    assert {event.actor for event in Event.objects.filter(subject="webhook")} == {admin}


@pytest.mark.parametrize(
    "role", ["viewer", "analyst", "developer", "approver", "pipeline", "ticketing"]
)
def test_only_administrators_of_the_scope_may(scope, role):
    endpoint, _ = hook(scope)
    (delivery,) = told_of(scope)
    other, before = make.member(scope, role), told(endpoint)
    with pytest.raises(NotAllowed):
        make_webhook(scope=scope, name="B", url="https://a.example/", by=other, at=make.now())
    for verb in VERBS:
        with pytest.raises(NotAllowed):
            verb(endpoint=endpoint, by=other, at=make.now())
    with pytest.raises(NotAllowed):
        resend(delivery=delivery, by=other, at=make.now())
    assert told(endpoint) == before and WebhookEndpoint.objects.count() == 1


@pytest.mark.parametrize(
    ("members", "where"),
    [
        ({"name": ""}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"url": "http://hooks.example/in"}, "url"),
        ({"url": "https://hooks.example/" + "a" * 1000}, "url"),
        ({"actions": []}, "actions"),
        ({"actions": ["*"] + [f"a{n}" for n in range(50)]}, "actions"),
        ({"actions": ["finding.*", "Finding"]}, "actions/1"),
        ({"actions": ["a" * 61]}, "actions/0"),
        ({"actions": ["[a-z]"]}, "actions/0"),
        ({"payload": "all"}, "payload"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_place(scope, admin, members, where):
    with pytest.raises(BadInput) as caught:
        hook(scope, **members)
    assert caught.value.where == where
    endpoint, _ = hook(scope)
    with pytest.raises(BadInput) as caught:
        change_webhook(endpoint=endpoint, by=admin, at=make.now(), **members)
    assert caught.value.where == where


def test_a_name_is_taken_once_in_a_scope(scope, admin):
    endpoint, _ = hook(scope)
    with pytest.raises(WrongState, match="already has a webhook called Receiver"):
        hook(scope)
    hook(make.make_scope())
    hook(scope, name="Second")
    with pytest.raises(WrongState):
        change_webhook(endpoint=endpoint, name="Second", by=admin, at=make.now())


def test_states_go_one_way_and_an_ended_one_is_over(scope, admin):
    at = make.now()
    endpoint, _ = hook(scope)
    told_of(scope)
    with pytest.raises(WrongState, match="is on"):
        resume_webhook(endpoint=endpoint, by=admin, at=at)
    pause_webhook(endpoint=endpoint, by=admin, at=at)
    with pytest.raises(WrongState, match="not on"):
        pause_webhook(endpoint=endpoint, by=admin, at=at)
    with pytest.raises(WrongState, match="until the webhook is resumed"):
        resend(delivery=endpoint.deliveries.get(), by=admin, at=at)
    ended = end_webhook(endpoint=endpoint, by=admin, at=at)
    assert (ended.sealed_secret, ended.sealed_old_secret) == ("", "")
    delivery = endpoint.deliveries.get()
    assert (delivery.state, delivery.note) == ("failed", "The webhook was ended.")
    for verb in VERBS:
        with pytest.raises(WrongState, match="has ended"):
            verb(endpoint=endpoint, by=admin, at=at)
    with pytest.raises(WrongState):
        resend(delivery=delivery, by=admin, at=at)
    assert send_due(endpoint.pk) == 0


def test_what_is_in_flight_when_it_ends_stays_ended(receiver, url, scope, admin, clock):
    endpoint, _ = hook(scope, url)
    told_of(scope)
    taken = webhook_sending._take(endpoint.pk, clock())
    end_webhook(endpoint=endpoint, by=admin, at=clock())
    assert webhook_sending._record(taken, webhook_sending.Outcome(200, "", 1), clock())
    assert endpoint.deliveries.get().state == "failed"


# --- T35 -----------------------------------------------------------------------------------------
def everything_stored():
    """All columns of all tables as text, as a dump shows them."""
    texts = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608
            texts.append(str(cursor.fetchall()))
    return "\n".join(texts)


def test_no_secret_is_in_a_log_an_event_a_page_the_api_a_repr_or_the_database(
    receiver, url, scope, admin, viewer, api, caplog, clock
):
    caplog.set_level(logging.DEBUG)
    receiver.answers[PATH] = lambda request: (500, {}, str(request.headers).encode())
    endpoint, first = hook(scope, url)
    endpoint, second = rotate_secret(endpoint=endpoint, by=admin, at=clock())
    told_of(scope)
    taken = webhook_sending._take(endpoint.pk, clock())
    clock.forward(seconds=61)
    send_due(endpoint.pk, clock=clock)
    said = [repr(taken), repr(endpoint), str(endpoint), caplog.text, everything_stored()]
    said += [repr(row) for row in (*Delivery.objects.all(), *Job.objects.all())]
    said += [json.dumps(event.data) for event in Event.objects.all()]
    for user in (admin, viewer):
        api.force_authenticate(user)
        browser = Client()
        browser.force_login(user)
        row = f"/api/v1/webhooks/{endpoint.pk}/"
        said += [
            api.get(p).content.decode() for p in ("/api/v1/webhooks/", row, f"{row}deliveries/")
        ]
        pages = ("/integrations/webhooks/", endpoint.get_absolute_url(), "/audit/")
        said += [browser.get(page).content.decode() for page in pages]
    seen = "\n".join(said)
    assert secrets_of(endpoint, clock()) == [second, first]
    for secret in (first, second):
        opened = base64.b64decode(secret.removeprefix("whsec_"))
        for form in (secret, secret.removeprefix("whsec_"), opened.hex(), repr(opened)):
            assert form not in seen
    assert "Receiver" in seen and len(receiver.requests) == 1
