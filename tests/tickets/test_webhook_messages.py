"""What is sent: bodies, and signatures that a reference library takes."""

import base64
import json
from datetime import timedelta

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from tests import factories as make
from tests.tickets.hooked import happen, hook, told_of
from tickets.services.webhook_messages import MOST_BODY, body_of, headers_of, secrets_of
from tickets.services.webhook_relay import relay
from tickets.services.webhook_sending import send_due
from tickets.services.webhooks import rotate_secret, try_webhook

pytestmark = pytest.mark.django_db


def test_the_reference_library_takes_a_message_as_it_arrives(receiver, url, scope):
    endpoint, secret = hook(scope, url)
    (delivery,) = told_of(scope, "finding.closed")
    assert send_due(endpoint.pk) == 1
    (arrived,) = receiver.requests
    told = Webhook(secret).verify(arrived.body, arrived.headers)
    assert (told["type"], told["data"]["event_id"]) == ("finding.closed", delivery.event_id)
    assert arrived.method == "POST"
    assert arrived.headers["webhook-id"] == delivery.message_id
    assert arrived.headers["content-type"] == "application/json"


@pytest.mark.parametrize("spoil", ["body", "webhook-id", "webhook-timestamp", "secret"])
def test_a_message_that_was_changed_or_is_old_is_not_taken(receiver, url, scope, spoil):
    endpoint, secret = hook(scope, url)
    told_of(scope)
    send_due(endpoint.pk)
    (arrived,) = receiver.requests
    body, headers = arrived.body, dict(arrived.headers)
    if spoil == "body":
        body += b" "
    elif spoil == "secret":
        secret = hook(make.make_scope(), url)[1]
    else:
        headers[spoil] = "msg_x" if spoil == "webhook-id" else str(int(headers[spoil]) - 301)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body, headers)


def test_a_secret_has_the_length_and_the_form_of_the_standard(scope):
    _, secret = hook(scope)
    assert secret.startswith("whsec_")
    assert 24 <= len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) <= 64


def test_both_secrets_sign_while_a_rotation_lasts_and_then_the_new_one_alone(scope, admin):
    endpoint, old = hook(scope)
    at = make.now()
    endpoint, new = rotate_secret(endpoint=endpoint, by=admin, at=at)
    assert old != new
    headers = headers_of("msg_1", b"{}", secrets_of(endpoint, at), at)
    assert len(headers["webhook-signature"].split()) == 2
    for secret in (old, new):
        Webhook(secret).verify(b"{}", headers)
    later = at + timedelta(hours=24)
    assert secrets_of(endpoint, later) == [new]
    assert secrets_of(endpoint, later - timedelta(seconds=1)) == [new, old]


def test_a_thin_message_names_the_event_and_where_to_read_and_nothing_of_its_data(scope, settings):
    settings.PUBLIC_URL = "https://ctem.example.org"
    hook(scope)
    (event,) = happen(scope, data={"path": "canary.py"})
    relay(at=make.now())
    delivery = event_delivery(scope)
    told = json.loads(body_of(delivery))
    assert told == {
        "type": "finding.tested",
        "timestamp": event.at.isoformat(),
        "data": {
            "event_id": event.pk, "chain": f"scope:{scope.pk}", "seq": event.seq,
            "scope": scope.pk, "subject": "finding", "subject_id": 7,
            "url": "https://ctem.example.org/api/v1/events/"
            f"?subject=finding&subject_id=7&scope={scope.pk}",
        },
    }  # fmt: skip


def event_delivery(scope):
    return scope.webhooks.get().deliveries.select_related("event").get()


def test_a_full_message_holds_the_data_unless_it_is_too_large(scope):
    hook(scope, payload="full")
    happen(scope, data={"path": "a.py"})
    relay(at=make.now())
    assert json.loads(body_of(event_delivery(scope)))["data"]["data"] == {"path": "a.py"}
    scope.webhooks.get().deliveries.all().delete()
    happen(scope, data={"long": "x" * MOST_BODY})
    relay(at=make.now())
    body = body_of(event_delivery(scope))
    told = json.loads(body)["data"]
    assert "data" not in told and "read it at url" in told["note"]
    assert len(body) <= MOST_BODY


def test_the_address_of_the_events_is_one_that_the_api_answers(scope, admin, api):
    hook(scope)
    happen(scope)
    relay(at=make.now())
    address = json.loads(body_of(event_delivery(scope)))["data"]["url"]
    api.force_authenticate(admin)
    (found,) = api.get(address).json()["results"]
    assert found["action"] == "finding.tested"


def test_a_body_is_the_same_at_each_attempt_whatever_was_changed_since(scope, admin):
    endpoint, _ = hook(scope, payload="full")
    happen(scope, data={"path": "a.py"})
    relay(at=make.now())
    before = body_of(event_delivery(scope))
    endpoint.payload = "thin"
    endpoint.save()
    assert body_of(event_delivery(scope)) == before


def test_a_test_is_about_nothing(receiver, url, scope, admin):
    endpoint, secret = hook(scope, url)
    try_webhook(endpoint=endpoint, by=admin, at=make.now())
    send_due(endpoint.pk)
    (arrived,) = receiver.requests
    told = Webhook(secret).verify(arrived.body, arrived.headers)
    assert (told["type"], told["data"]) == ("ctem.test", {"scope": scope.pk, "test": True})
