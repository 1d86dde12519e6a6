"""Sending notices: digests, mail and chats, what is tried again, and that text of others stays text."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from core.models import Event
from findings.models import Finding
from tests import factories as make
from tests.tickets.conftest import PATH
from tests.tickets.noticed import HOME, assign, send_all, told, wants
from tickets.models import Notice, NoticePreferences
from tickets.services.notice_relay import next_digest
from tickets.services.threads import tell_people
from tickets.services.webhook_sending import PAUSES
from tickets.statuses import Channel, Pace

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]


# --- digests -------------------------------------------------------------------------------------
def test_a_digest_is_one_mail_at_the_hour_of_ones_time_zone(finding, developer, analyst, postbox):
    other = make.import_finding(finding.asset, "shell=True")
    wants(developer, pace=Pace.DIGEST, time_zone="Asia/Tokyo", digest_hour=7)
    for one in (finding, other):
        assign([one], developer, analyst)
    at = make.now()
    assert send_all(lambda: at) == 0
    due = Notice.objects.earliest("pk").next_attempt_at
    assert at < due <= at + timedelta(days=1)
    assert (due.astimezone(UTC).hour, due.minute) == (22, 0)  # 7 in Tokyo
    assert send_all(lambda: due) == 1
    (mail,) = postbox.mails
    assert "2 notices" in mail["Subject"]
    plain = mail.get_body(("plain",)).get_content()
    assert f"/findings/{finding.pk}/" in plain and f"/findings/{other.pk}/" in plain


def test_the_hour_of_a_digest_follows_summer_time():
    berlin = NoticePreferences(time_zone="Europe/Berlin", digest_hour=8)
    before = datetime(2026, 3, 28, 12, tzinfo=UTC)  # the night after, clocks go forward
    assert next_digest(berlin, before).astimezone(UTC) == datetime(2026, 3, 29, 6, tzinfo=UTC)
    assert next_digest(berlin, before - timedelta(days=1)).astimezone(UTC).hour == 7
    exactly = datetime(2026, 3, 29, 6, tzinfo=UTC)
    assert next_digest(berlin, exactly).astimezone(UTC) == datetime(2026, 3, 30, 6, tzinfo=UTC)


# --- chats ---------------------------------------------------------------------------------------
SPOILT = "<!channel> <https://evil|x> @here [a](https://evil) *b*"


@pytest.mark.parametrize("channel", [Channel.SLACK, Channel.TEAMS])
def test_a_chat_is_told_by_its_webhook_and_text_of_findings_stays_text(
    finding, developer, analyst, receiver, url, channel
):
    Finding.objects.filter(pk=finding.pk).update(title=SPOILT)
    wants(developer, channel, addresses={channel: url})
    assign([finding], developer, analyst)
    assert send_all() == 1
    (request,) = receiver.requests
    assert request.headers["content-type"] == "application/json"
    body = json.loads(request.body)
    assert f"{HOME}/findings/{finding.pk}/" in str(body)
    if channel is Channel.SLACK:
        assert set(body) == {"text"}
        assert "<!" not in body["text"] and "<https://evil" not in body["text"]
        assert "@here" not in body["text"]
    else:
        card = body["attachments"][0]["content"]
        assert {block["type"] for block in card["body"]} == {"RichTextBlock"}
        runs = [run for block in card["body"] for run in block["inlines"]]
        assert {run["type"] for run in runs} == {"TextRun"}
    assert told() == [("assigned", "sent")]


def test_addresses_of_chats_are_sealed_and_nowhere_else(developer, url):
    address = f"{url}?secret=abc123"
    wants(developer, Channel.SLACK, addresses={Channel.SLACK: address})
    everything = str(list(NoticePreferences.objects.values())) + str(list(Event.objects.values()))
    assert "abc123" not in everything
    client = Client()
    client.force_login(developer)
    assert "abc123" not in client.get("/profile/").content.decode()
    assert "abc123" not in client.get("/api/v1/me/notifications/").content.decode()


def test_an_address_in_our_own_network_is_not_asked(
    finding, developer, analyst, settings, receiver
):
    wants(developer, Channel.SLACK, addresses={Channel.SLACK: "https://127.0.0.1/hook"})
    settings.OUTBOUND_PLAIN_HOSTS = []
    assign([finding], developer, analyst)
    assert send_all() == 1
    assert receiver.requests == []
    (notice,) = Notice.objects.all()
    assert notice.state == "waiting" and notice.note


# --- retries -------------------------------------------------------------------------------------
def test_a_chat_that_is_down_is_asked_as_webhooks_are_and_then_no_more(
    finding, developer, analyst, receiver, url, clock
):
    receiver.answers[PATH] = 500, {}, b"down"
    wants(developer, Channel.TEAMS, addresses={Channel.TEAMS: url})
    assign([finding], developer, analyst)
    for pause in PAUSES[1:]:
        assert send_all(clock) == 1
        waits = Notice.objects.get().next_attempt_at - clock()
        assert 0.8 * pause <= waits <= 1.2 * pause
        assert send_all(clock) == 0
        clock.forward(seconds=waits.total_seconds() + 1)
    assert send_all(clock) == 1
    assert told() == [("assigned", "failed")]
    assert len(receiver.requests) == len(PAUSES)


def test_a_chat_that_is_gone_is_not_asked_again(finding, developer, analyst, receiver, url):
    receiver.answers[PATH] = 410, {}, b"gone"
    wants(developer, Channel.SLACK, addresses={Channel.SLACK: url})
    assign([finding], developer, analyst)
    send_all()
    assert told() == [("assigned", "failed")]


def test_a_mail_server_that_refuses_is_tried_again_with_the_same_id(
    finding, developer, analyst, postbox, clock
):
    postbox.answer = "451 try again, developer@example.org"
    wants(developer)
    assign([finding], developer, analyst)
    assert send_all(clock) == 1
    notice = Notice.objects.get()
    assert notice.state == "waiting" and "451" in notice.note
    assert "example.org" not in notice.note
    postbox.answer = ""
    clock.forward(seconds=10)
    assert send_all(clock) == 1
    assert notice.message_id in postbox.mails[0]["Message-ID"]


def test_without_a_mail_server_it_waits_and_says_why(finding, developer, analyst, settings):
    settings.EMAIL_HOST = ""
    wants(developer)
    assign([finding], developer, analyst)
    send_all()
    assert Notice.objects.get().note == "The server sends no mail."


@pytest.mark.django_db(transaction=True)
def test_a_round_sends_in_threads_of_their_own(finding, developer, analyst, receiver, url):
    wants(developer, Channel.SLACK, addresses={Channel.SLACK: url})
    assign([finding], developer, analyst)
    for thread in tell_people(at=make.now()):
        thread.join(20)
    assert told() == [("assigned", "sent")]
    assert len(receiver.requests) == 1
