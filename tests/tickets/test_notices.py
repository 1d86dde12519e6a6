"""Notices: whom an event concerns, how they want to be told, that it arrives once, and only where it may."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from core.errors import BadInput, NotAllowed
from core.events import append_event
from core.models import Event
from core.permissions import Role
from findings.models import Finding
from findings.services.assigning import assign_many
from findings.services.clocks import tell_clocks
from findings.statuses import Status
from scopes.models import Membership
from scopes.services import issue_token
from tests import factories as make
from tests.tickets.conftest import PATH
from tests.tickets.postbox import posting
from tickets.models import Notice, NoticePreferences, NoticeSetting
from tickets.services import notice_relay
from tickets.services.notice_relay import next_digest, relay_notices
from tickets.services.notice_sending import due_boxes, send_notices
from tickets.services.notices import forget_notices, set_notices, wishes_of
from tickets.services.threads import tell_people
from tickets.services.webhook_sending import PAUSES
from tickets.statuses import OFFERED, Channel, NoticeKind, Pace

pytestmark = pytest.mark.django_db
HOME = "https://ctem.example"


@pytest.fixture(autouse=True)
def _home(settings):
    settings.PUBLIC_URL = HOME


@pytest.fixture
def postbox(settings):
    with posting() as box:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", box.port
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
        settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
        settings.DEFAULT_FROM_EMAIL = "CTEM <ctem@example.org>"
        yield box


@pytest.fixture
def finding():
    return make.make_finding(Status.VALIDATED)


@pytest.fixture
def developer(finding):
    return make.member(finding.scope, Role.DEVELOPER)


@pytest.fixture
def analyst(finding):
    return make.member(finding.scope, Role.ANALYST)


def wants(user, channel=Channel.MAIL, pace=Pace.NOW, **more):
    """Let the person be told of everything by one channel."""
    paces = {(kind, channel): pace for kind in OFFERED}
    return set_notices(by=user, at=make.now(), paces=paces, **more)


def assign(findings, to, by):
    return assign_many(findings=findings, to=to, by=by, at=make.now())


def send_all(clock=None):
    """Relay and send everything that is due; return how many attempts were made."""
    at = clock() if clock else make.now()
    relay_notices(at=at)
    return sum(send_notices(user, way, clock=lambda: at) for user, way in due_boxes(at))


def told():
    return list(Notice.objects.order_by("pk").values_list("kind", "state"))


# --- whom it concerns ----------------------------------------------------------------------------
def test_who_is_assigned_a_finding_gets_a_mail_in_two_forms_with_a_link(
    finding, developer, analyst, postbox
):
    wants(developer)
    assign([finding], developer, analyst)
    assert send_all() == 1
    (mail,) = postbox.mails
    assert mail["To"] == developer.email
    assert "Assigned to you" in mail["Subject"] and str(finding) in mail["Subject"]
    assert mail["Auto-Submitted"] == "auto-generated"
    plain, html = (part.get_content() for part in mail.iter_parts())
    for text in (plain, html):
        assert f"{HOME}/findings/{finding.pk}/" in text and f"{HOME}/profile/" in text
    assert "src=" not in html and "<link" not in html and "@import" not in html
    assert told() == [("assigned", "sent")]


def test_nobody_is_told_of_what_they_did_themselves(finding, analyst):
    wants(analyst)
    assign([finding], analyst, analyst)
    relay_notices(at=make.now())
    assert told() == []


def test_a_fix_that_failed_is_told_to_who_answers_for_the_finding_and_who_made_the_fix(analyst):
    finding = make.make_finding(Status.MOBILIZING)
    fix = finding.remediations.get()
    owner = make.member(finding.scope, Role.VIEWER)
    maker = fix.created_by
    Finding.objects.filter(pk=finding.pk).update(assigned_to=owner)
    for user in (owner, maker):
        wants(user)
    for verdict in ("fail", "unknown"):
        append_event(
            scope_id=finding.scope_id, action="finding.judged", subject="finding",
            subject_id=finding.pk, by=None, at=make.now(),
            data={"remediation": fix.pk, "verdict": verdict},
        )  # fmt: skip
    relay_notices(at=make.now())
    rows = Notice.objects.filter(kind=NoticeKind.VERIFICATION_FAILED)
    assert set(rows.values_list("user", flat=True)) == {owner.pk, maker.pk}
    assert rows.count() == 2


def test_who_answers_for_a_finding_is_told_that_it_is_late_once(finding, developer):
    Finding.objects.filter(pk=finding.pk).update(
        assigned_to=developer, due_at=make.now() - timedelta(days=1)
    )
    wants(developer)
    for _ in range(2):
        tell_clocks(at=make.now())
        relay_notices(at=make.now())
    (notice,) = Notice.objects.all()
    assert (notice.kind, notice.findings, notice.count) == ("due", [finding.pk], 1)


def test_who_answers_is_told_that_an_acceptance_ends(developer):
    finding = make.make_finding(Status.RISK_ACCEPTED)
    owner = make.member(finding.scope, Role.DEVELOPER)
    Finding.objects.filter(pk=finding.pk).update(assigned_to=owner)
    wants(owner)
    tell_clocks(at=make.now())
    relay_notices(at=make.now())
    assert told() == [("acceptance_ends", "waiting")]


def test_many_at_once_are_one_notice_that_counts_them(finding, developer, analyst, monkeypatch):
    monkeypatch.setattr(notice_relay, "NAMED", 1)
    other = make.import_finding(finding.asset, "shell=True")
    wants(developer)
    assign([finding, other], developer, analyst)
    relay_notices(at=make.now())
    (notice,) = Notice.objects.all()
    assert (len(notice.findings), notice.count) == (1, 2)


# --- once ----------------------------------------------------------------------------------------
def test_an_event_is_told_once_a_person_and_channel_whatever_is_relayed_again(
    finding, developer, analyst, postbox
):
    wants(developer)
    assign([finding], developer, analyst)
    for _ in range(3):
        send_all()
        notice_relay.NoticeCursor.objects.update(cursor=0)
    assert len(postbox.mails) == Notice.objects.count() == 1
    (notice,) = Notice.objects.all()
    with pytest.raises(IntegrityError), transaction.atomic():
        Notice.objects.create(
            user=developer, scope=finding.scope, event=notice.event, kind="assigned",
            channel="mail", pace="now", count=1, message_id="x", created_at=make.now(),
            next_attempt_at=make.now(),
        )  # fmt: skip


def test_what_was_rolled_back_is_told_to_nobody(finding, developer, analyst):
    wants(developer)
    with transaction.atomic():
        assign([finding], developer, analyst)
        transaction.set_rollback(True)
    relay_notices(at=make.now())
    assert told() == []


def test_what_is_being_sent_is_not_sent_by_another_worker(finding, developer, analyst, postbox):
    wants(developer)
    assign([finding], developer, analyst)
    at = make.now()
    relay_notices(at=at)
    Notice.objects.update(lease=1, lease_until=at + timedelta(seconds=30))
    assert send_notices(developer.pk, "mail", clock=lambda: at) == 0
    later = at + timedelta(seconds=61)
    assert send_notices(developer.pk, "mail", clock=lambda: later) == 1


# --- who may read: T45 ---------------------------------------------------------------------------
@pytest.mark.parametrize("how", ["removed", "switched off"])
def test_who_may_not_read_the_scope_any_more_is_told_nothing(
    finding, developer, analyst, postbox, how
):
    wants(developer)
    assign([finding], developer, analyst)
    relay_notices(at=make.now())
    if how == "removed":
        Finding.objects.update(assigned_to=None)
        Membership.objects.filter(user=developer).delete()
    else:
        developer.is_active = False
        developer.save()
    assert send_all() == 0
    assert postbox.mails == []
    assert told() == [("assigned", "dropped")]


def test_what_was_switched_off_meanwhile_is_not_told(finding, developer, analyst, postbox):
    wants(developer)
    assign([finding], developer, analyst)
    relay_notices(at=make.now())
    wants(developer, pace=None)
    assert send_all() == 0
    assert told() == [("assigned", "dropped")]


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


# --- what one wants ------------------------------------------------------------------------------
def test_nobody_is_told_of_anything_unasked(finding, developer, analyst):
    assign([finding], developer, analyst)
    relay_notices(at=make.now())
    assert told() == []
    assert set(wishes_of(developer).paces.values()) == {None}


BAD = [
    ({"time_zone": "Mars/Olympus"}, "time_zone"),
    ({"digest_hour": 24}, "digest_hour"),
    ({"addresses": {Channel.SLACK: "ftp://x"}}, "url"),
    ({"addresses": {Channel.MAIL: "https://x.example/"}}, "addresses"),
    ({"paces": {(NoticeKind.ASSIGNED, Channel.SLACK): Pace.NOW}}, "paces"),
    ({"paces": {(NoticeKind.MENTION, Channel.MAIL): Pace.NOW}}, "paces"),
]


@pytest.mark.parametrize(("asked", "where"), BAD)
def test_what_cannot_be_is_refused_by_its_name_and_nothing_is_kept(developer, asked, where):
    with pytest.raises(BadInput) as refused:
        set_notices(by=developer, at=make.now(), **asked)
    assert refused.value.where == where
    assert not NoticePreferences.objects.exists() and not NoticeSetting.objects.exists()


def test_taking_an_address_away_ends_what_was_told_there(developer, url):
    wants(developer, Channel.SLACK, addresses={Channel.SLACK: url})
    set_notices(by=developer, at=make.now(), addresses={Channel.SLACK: ""})
    assert not NoticeSetting.objects.exists()


def test_a_token_changes_nothing_of_what_its_owner_is_told(developer):
    developer.token, key = issue_token(user=developer, by=developer, name="ci", at=make.now())
    with pytest.raises(NotAllowed):
        wants(developer)
    answer = Client().post(
        "/api/v1/me/notifications/", json.dumps({"digest_hour": 3}),
        content_type="application/json", headers={"Authorization": f"Bearer {key}"},
    )  # fmt: skip
    assert answer.status_code == 403


def test_the_profile_and_the_api_set_and_show_the_same(developer):
    client = Client()
    client.force_login(developer)
    body = {
        "time_zone": "Europe/Berlin",
        "digest_hour": "6",
        "assigned-mail": "now",
        "due-mail": "digest",
    }
    assert client.post("/profile/", body).status_code == 302
    shown = client.get("/api/v1/me/notifications/").json()
    assert (shown["time_zone"], shown["digest_hour"]) == ("Europe/Berlin", 6)
    assert shown["channels"] == ["mail"]
    paces = {(one["kind"], one["channel"]): one["pace"] for one in shown["settings"]}
    assert paces["assigned", "mail"] == "now" and paces["due", "mail"] == "digest"
    assert paces["acceptance_ends", "mail"] == "off"
    off = {"settings": [{"kind": "assigned", "channel": "mail", "pace": "off"}]}
    changed = client.post("/api/v1/me/notifications/", json.dumps(off), "application/json").json()
    assert {"kind": "assigned", "channel": "mail", "pace": "off"} in changed["settings"]
    assert {"kind": "due", "channel": "mail", "pace": "digest"} in changed["settings"]


def test_notices_that_are_over_are_forgotten_and_what_waits_is_not(finding, developer, analyst):
    wants(developer)
    for _ in range(2):
        assign([finding], developer, analyst)
    at = make.now()
    relay_notices(at=at)
    first = Notice.objects.earliest("pk")
    Notice.objects.filter(pk=first.pk).update(state="sent", next_attempt_at=None, ended_at=at)
    assert forget_notices(at=at + timedelta(days=89)) == 0
    assert forget_notices(at=at + timedelta(days=91)) == 1
    assert Notice.objects.count() == 1
