"""Sending: the schedule, the order, what each answer means, one receiver holds up no other. T15, T16, T21."""

import gzip
import socket
import threading
import time
from datetime import timedelta

import pytest
from django.db import connection

from core import outbound
from core.errors import BadInput
from core.models import Event
from tests import factories as make
from tests.loopback import serving, talking
from tests.tickets.conftest import PATH
from tests.tickets.hooked import happen, hook, ids, states, told_of, waiting
from tickets.models import Delivery, WebhookEndpoint
from tickets.services import webhook_sending
from tickets.services.threads import deliver
from tickets.services.webhook_relay import relay
from tickets.services.webhook_sending import PAUSES, due_endpoints, send_due
from tickets.services.webhooks import (
    forget_deliveries,
    pause_webhook,
    resend,
    resume_webhook,
    try_webhook,
)

pytestmark = pytest.mark.django_db


def again(endpoint):
    """The row as it is now."""
    return WebhookEndpoint.objects.get(pk=endpoint.pk)


def pause_after(endpoint, clock):
    """Send once; return how long the first message waits then."""
    assert send_due(endpoint.pk, clock=clock) == 1
    return waiting(endpoint).next_attempt_at - clock()


# --- the schedule: T21 ---------------------------------------------------------------------------
def test_a_receiver_that_is_down_is_asked_for_three_days_and_then_disabled(
    receiver, url, scope, clock
):
    receiver.answers[PATH] = 500, {}, b"down"
    endpoint, _ = hook(scope, url)
    told_of(scope, "finding.a", "finding.b")
    began = clock()
    for pause in PAUSES[1:]:
        waited = pause_after(endpoint, clock)
        assert 0.8 * pause <= waited <= 1.2 * pause
        clock.forward(seconds=waited.total_seconds() - 1)
        assert send_due(endpoint.pk, clock=clock) == 0
        clock.forward(seconds=2)
    assert send_due(endpoint.pk, clock=clock) == 1
    assert timedelta(hours=60) < clock() - began < timedelta(hours=91)
    assert len(receiver.requests) == len(PAUSES) == 10 and len(set(ids(receiver))) == 1
    row = again(endpoint)
    assert (row.state, row.reason) == (
        "disabled", "10 attempts failed, the last one: answered 500"
    )  # fmt: skip
    assert states(endpoint) == ["failed", "waiting"]
    told = Event.objects.get(action="webhook.disabled", subject_id=endpoint.pk)
    assert told.data == {"reason": row.reason, "delivery": 1} and told.actor is None
    clock.forward(days=1)
    assert send_due(endpoint.pk, clock=clock) == 0 and due_endpoints(clock()) == []


def test_after_it_is_mended_the_rest_is_sent_and_the_failed_one_by_hand(
    receiver, url, scope, admin, clock
):
    receiver.answers[PATH] = 410, {}, b""
    endpoint, _ = hook(scope, url)
    first, second = told_of(scope, "finding.a", "finding.b")
    send_due(endpoint.pk, clock=clock)
    assert states(endpoint) == ["failed", "waiting"]
    receiver.answers[PATH] = 204, {}, b""
    happen(scope, "finding.c")
    resume_webhook(endpoint=again(endpoint), by=admin, at=clock())
    relay(at=clock())
    assert send_due(endpoint.pk, clock=clock) == 2
    resend(delivery=first, by=admin, at=clock())
    assert send_due(endpoint.pk, clock=clock) == 1
    assert states(endpoint) == ["sent", "sent", "sent"]
    third = endpoint.deliveries.get(number=3)
    assert ids(receiver) == [d.message_id for d in (first, second, third, first)]


def test_the_pauses_differ(clock):
    outcome = webhook_sending.Outcome(500, "", 1)
    assert len({webhook_sending.pause_before(4, outcome) for _ in range(20)}) > 1


@pytest.mark.parametrize(
    ("status", "headers", "least", "most"),
    [
        (429, {"Retry-After": "120"}, 120, 121),
        (503, {"Retry-After": "300"}, 300, 301),
        (429, {}, 60, 61),
        (502, {}, 60, 61),
        (504, {}, 60, 61),
        (429, {"Retry-After": "1"}, 60, 61),
        (503, {"Retry-After": "soon"}, 4, 6),
        (503, {"Retry-After": "99999999"}, 86_400, 86_401),
        (400, {}, 4, 6),
        (401, {}, 4, 6),
    ],
)
def test_who_asks_for_time_is_given_it(receiver, url, scope, clock, status, headers, least, most):
    receiver.answers[PATH] = status, headers, b""
    endpoint, _ = hook(scope, url)
    told_of(scope)
    assert least <= pause_after(endpoint, clock).total_seconds() <= most
    assert again(endpoint).state == "on"


def test_410_disables_at_once(receiver, url, scope, clock):
    receiver.answers[PATH] = 410, {}, b"gone"
    endpoint, _ = hook(scope, url)
    told_of(scope)
    send_due(endpoint.pk, clock=clock)
    assert (again(endpoint).state, states(endpoint)) == ("disabled", ["failed"])
    assert "410" in again(endpoint).reason


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_a_failure_and_is_not_followed(receiver, url, scope, clock, status):
    receiver.answers[PATH] = status, {"Location": f"{receiver.url}/other"}, b""
    endpoint, _ = hook(scope, url)
    told_of(scope)
    send_due(endpoint.pk, clock=clock)
    assert [request.path for request in receiver.requests] == [PATH]
    assert (states(endpoint), waiting(endpoint).last_status) == (["waiting"], status)


# --- answers -------------------------------------------------------------------------------------
def test_a_huge_answer_takes_the_message_and_little_of_it_is_read(
    receiver, url, scope, clock, monkeypatch
):
    read, real = [], outbound._read_some

    def keep(*told):
        read.append(real(*told))
        return read[-1]

    monkeypatch.setattr(outbound, "_read_some", keep)
    receiver.answers[PATH] = 200, {}, b"x" * (8 << 20)
    endpoint, _ = hook(scope, url)
    told_of(scope)
    send_due(endpoint.pk, clock=clock)
    assert states(endpoint) == ["sent"]
    assert len(read[0].body) == 64 * 1024
    assert len(endpoint.deliveries.get().note) == 2000


def test_a_packed_answer_is_not_unpacked(receiver, url, scope, clock):
    receiver.answers[PATH] = 200, {"Content-Encoding": "gzip"}, gzip.compress(bytes(16 << 20))
    endpoint, _ = hook(scope, url)
    told_of(scope)
    send_due(endpoint.pk, clock=clock)
    assert (states(endpoint), endpoint.deliveries.get().note) == (["sent"], "(a packed answer)")
    assert receiver.requests[0].headers["accept-encoding"] == "identity"


def test_an_answer_is_kept_as_clean_text(receiver, url, scope, clock):
    receiver.answers[PATH] = 500, {}, b"<b>no</b>\x00\x1b[31m\xff\r\nmore\n"
    endpoint, _ = hook(scope, url)
    told_of(scope)
    send_due(endpoint.pk, clock=clock)
    assert waiting(endpoint).note == "<b>no</b>  [31m\ufffd \nmore"


def test_who_says_nothing_is_given_up_after_the_time(settings, scope, clock, monkeypatch):
    monkeypatch.setattr(webhook_sending, "TIMEOUT", 0.3)
    with talking(lambda connection: time.sleep(2)) as port:
        settings.OUTBOUND_PLAIN_HOSTS = [f"127.0.0.1:{port}"]
        endpoint, _ = hook(scope, f"http://127.0.0.1:{port}/")
        told_of(scope)
        send_due(endpoint.pk, clock=clock)
    first = waiting(endpoint)
    assert first.note == "127.0.0.1 did not answer within 0.3 seconds."
    assert (first.attempts, first.last_status) == (1, None) and first.took_ms >= 300


def test_a_secret_that_does_not_open_is_a_failed_attempt_that_says_so(
    receiver, url, scope, clock, settings
):
    endpoint, _ = hook(scope, url)
    told_of(scope)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another " * 8, []
    send_due(endpoint.pk, clock=clock)
    assert "does not open" in waiting(endpoint).note and not receiver.requests


# --- the order -----------------------------------------------------------------------------------
def test_nothing_is_sent_before_what_happened_before_it(receiver, url, scope, clock):
    answers = [(500, {}, b""), (200, {}, b""), (200, {}, b"")]
    receiver.answers[PATH] = lambda request: answers.pop(0)
    endpoint, _ = hook(scope, url)
    first, second = told_of(scope, "finding.a", "finding.b")
    assert send_due(endpoint.pk, clock=clock) == 1
    clock.forward(seconds=7)
    assert send_due(endpoint.pk, clock=clock) == 2
    assert ids(receiver) == [first.message_id, first.message_id, second.message_id]


def test_a_test_passes_what_waits_is_tried_once_and_disables_nothing(
    receiver, url, scope, admin, clock
):
    receiver.answers[PATH] = 500, {}, b""
    endpoint, _ = hook(scope, url)
    told_of(scope)
    send_due(endpoint.pk, clock=clock)
    tried = try_webhook(endpoint=endpoint, by=admin, at=clock())
    assert due_endpoints(clock()) == [endpoint.pk]
    assert send_due(endpoint.pk, clock=clock) == 1
    assert states(endpoint) == ["waiting", "failed"]
    assert ids(receiver)[-1] == tried.message_id and again(endpoint).state == "on"


def test_a_paused_webhook_sends_nothing_but_what_somebody_asks_for(
    receiver, url, scope, admin, clock
):
    endpoint, _ = hook(scope, url)
    told_of(scope)
    pause_webhook(endpoint=endpoint, by=admin, at=clock())
    assert due_endpoints(clock()) == [] and send_due(endpoint.pk, clock=clock) == 0
    try_webhook(endpoint=endpoint, by=admin, at=clock())
    assert send_due(endpoint.pk, clock=clock) == 1
    assert states(endpoint) == ["waiting", "sent"]


def test_a_message_that_waits_can_be_sent_now(receiver, url, scope, admin, clock):
    receiver.answers[PATH] = 500, {}, b""
    endpoint, _ = hook(scope, url)
    (delivery,) = told_of(scope)
    send_due(endpoint.pk, clock=clock)
    resend(delivery=delivery, by=admin, at=clock())
    receiver.answers[PATH] = 200, {}, b""
    assert send_due(endpoint.pk, clock=clock) == 1
    assert states(endpoint) == ["sent"] and len(set(ids(receiver))) == 1


def test_a_resent_message_that_fails_blocks_nobody(receiver, url, scope, admin, clock):
    endpoint, _ = hook(scope, url)
    (first,) = told_of(scope)
    send_due(endpoint.pk, clock=clock)
    receiver.answers[PATH] = 500, {}, b""
    resend(delivery=first, by=admin, at=clock())
    send_due(endpoint.pk, clock=clock)
    receiver.answers[PATH] = 200, {}, b""
    told_of(scope, "finding.next")
    send_due(endpoint.pk, clock=clock)
    assert states(endpoint) == ["failed", "sent"]


@pytest.mark.django_db(transaction=True)
def test_a_slow_receiver_holds_up_no_other_and_nobody_waits_for_it(receiver, url, scope):
    """And nothing is sent inside a transaction: the other's row could not be written then."""
    leave = threading.Event()

    def dawdle(request):
        leave.wait(10)
        return 200, {}, b""

    receiver.answers["/slow"] = dawdle
    slow, _ = hook(scope, f"{receiver.url}/slow", name="Slow")
    quick, _ = hook(scope, url)
    happen(scope, "finding.a", "finding.b")
    began = time.monotonic()
    threads = deliver(at=make.now())
    took = time.monotonic() - began
    until = time.monotonic() + 8
    while states(quick) != ["sent", "sent"] and time.monotonic() < until:
        time.sleep(0.02)
    assert (states(quick), states(slow)) == (["sent", "sent"], ["waiting", "waiting"])
    assert deliver(at=make.now()) == []  # the slow one is leased
    leave.set()
    for thread in threads:
        thread.join(10)
    assert states(slow) == ["sent", "sent"] and len(threads) == 2 and took < 5


@pytest.mark.django_db(transaction=True)
def test_no_message_is_sent_inside_a_transaction(receiver, url, scope, monkeypatch):
    inside, real = [], webhook_sending.fetch

    def look(*told, **named):
        inside.append(connection.in_atomic_block)
        return real(*told, **named)

    monkeypatch.setattr(webhook_sending, "fetch", look)
    endpoint, _ = hook(scope, url)
    told_of(scope)
    assert send_due(endpoint.pk) == 1 and inside == [False]


# --- where to: T15, T16 --------------------------------------------------------------------------
HERE = """
    file:///etc/passwd gopher://127.0.0.1:{port}/ ftp://127.0.0.1:{port}/ https://user@127.0.0.1:{port}/
    https://user:pw@127.0.0.1:{port}/ https://example.org\\@127.0.0.1:{port}/ https://127.0.0.1:{port}/#part
    https://①②⑦.⓪.⓪.①:{port}/ https://127。0。0。1:{port}/ https://127.0.0.1.:{port}/ https:///path
    https://127.0.0.1:0/ //127.0.0.1:{port}/ http://127.0.0.1:{port}/ http://example.org/
    https://127.0.0.1:{port}/ https://localhost:{port}/ https://2130706433:{port}/
    https://0x7f000001:{port}/ https://0177.0.0.1:{port}/ https://127.1:{port}/ https://0:{port}/
    https://0.0.0.0:{port}/ https://[::1]:{port}/ https://[::]:{port}/ https://[::127.0.0.1]:{port}/
    https://[::ffff:127.0.0.1]:{port}/ https://[64:ff9b::7f00:1]:{port}/ https://[2002:7f00:1::]:{port}/
    https://[fec0::1]:{port}/ https://[ff02::1]:{port}/ https://169.254.169.254/latest/meta-data/
    https://100.100.100.200/ https://168.63.129.16/ https://10.0.0.1/ https://192.168.1.1:8443/
""".split()


@pytest.mark.parametrize("url", HERE)
def test_no_spelling_of_a_machine_of_ours_is_told_anything(scope, settings, clock, url):
    settings.OUTBOUND_PLAIN_HOSTS = settings.OUTBOUND_PRIVATE_HOSTS = []
    arrived = []
    with talking(lambda connection: arrived.append(connection)) as port:
        try:
            endpoint, _ = hook(scope, url.format(port=port))
        except BadInput as refusal:
            assert refusal.where == "url" and url.format(port=port) not in refusal.sentence
            assert not WebhookEndpoint.objects.exists()
        else:
            told_of(scope)
            send_due(endpoint.pk, clock=clock)
            first = waiting(endpoint)
            assert (first.attempts, first.last_status) == (1, None)
            assert "not asked from here" in first.note
        time.sleep(0.02)
    assert not arrived


def test_a_name_that_means_another_machine_a_moment_later_reaches_the_checked_one(
    scope, settings, clock, monkeypatch
):
    real, looked_up = socket.getaddrinfo, []

    def rebinding(host, *rest, **named):
        if host != "rebind.example":
            return real(host, *rest, **named)
        looked_up.append(host)
        return real("127.0.0.2" if len(looked_up) == 1 else "127.0.0.1", *rest, **named)

    with serving("127.0.0.2") as checked, serving("127.0.0.1") as inner:
        settings.OUTBOUND_PRIVATE_HOSTS = ["127.0.0.2/32"]
        settings.OUTBOUND_PLAIN_HOSTS = [f"rebind.example:{checked.port}"]
        checked.answers[PATH] = 200, {}, b""
        monkeypatch.setattr(socket, "getaddrinfo", rebinding)
        endpoint, _ = hook(scope, f"http://rebind.example:{checked.port}{PATH}")
        told_of(scope)
        send_due(endpoint.pk, clock=clock)
        assert (len(checked.requests), len(inner.requests)) == (1, 0)
    assert states(endpoint) == ["sent"]


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["93.184.215.14", "127.0.0.1"]])
def test_a_name_that_was_public_when_it_was_saved_is_checked_again_at_each_sending(
    scope, settings, clock, monkeypatch, addresses
):
    settings.OUTBOUND_PLAIN_HOSTS = settings.OUTBOUND_PRIVATE_HOSTS = []
    endpoint, _ = hook(scope, "https://hooks.example/in")
    told_of(scope)
    rows = [(socket.AF_INET, (address, 443)) for address in addresses]
    monkeypatch.setattr(outbound, "_resolve", lambda host, port: rows)
    send_due(endpoint.pk, clock=clock)
    assert "not asked from here" in waiting(endpoint).note


# --- what is over --------------------------------------------------------------------------------
def test_deliveries_are_forgotten_after_ninety_days_and_numbers_go_on(receiver, url, scope, clock):
    endpoint, _ = hook(scope, url)
    told_of(scope)
    send_due(endpoint.pk, clock=clock)
    told_of(scope, "finding.waits")
    assert forget_deliveries(at=clock() + timedelta(days=89)) == 0
    assert forget_deliveries(at=clock() + timedelta(days=91)) == 1
    assert [delivery.number for delivery in Delivery.objects.all()] == [2]
    assert told_of(scope)[-1].number == 3
