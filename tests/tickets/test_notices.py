"""Notices: whom an event concerns, that it is told once, and only to who may read it."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from core.events import append_event
from core.models import Event
from core.permissions import Role
from findings.models import Finding
from findings.services import add_comment, change_comment
from findings.services.clocks import tell_clocks
from findings.statuses import Status
from scopes.models import Membership
from tests import factories as make
from tests.tickets.conftest import PATH
from tests.tickets.fake_jira import TOKEN
from tests.tickets.hooked import hook, told_of
from tests.tickets.noticed import HOME, assign, send_all, told, wants
from tests.tickets.tracked import Followed
from tickets.models import Notice
from tickets.services import notice_relay
from tickets.services.notice_relay import relay_notices
from tickets.services.notice_sending import send_notices
from tickets.services.webhook_sending import send_due
from tickets.statuses import NoticeKind

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]


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


def test_who_is_mentioned_in_a_comment_is_told_once_and_nobody_who_is_no_member(
    finding, developer, analyst, postbox
):
    outsider = make.member(make.make_scope(), Role.ANALYST)
    for user in (developer, analyst, outsider):
        wants(user)
    names = f"@{developer.username}. Also @{outsider.username}, @{analyst.username} and @nobody."
    comment = add_comment(finding=finding, body=f"Look, {names}", by=analyst, at=make.now())
    send_all()
    (mail,) = postbox.mails
    assert mail["To"] == developer.email and "You are mentioned in a comment" in mail["Subject"]
    change_comment(comment=comment, body=f"Please look, {names}", by=analyst, at=make.now())
    send_all()
    assert len(postbox.mails) == 1  # who was mentioned before is not told again
    assert told() == [("mention", "sent")]


# --- what stopped: T21
def test_who_made_a_webhook_is_told_that_it_was_disabled_and_why(receiver, url, postbox):
    """The receiver answers 410: it is gone for good."""
    receiver.answers[PATH] = 410, {}, b"gone"
    endpoint, _ = hook(url=url, name="Pager")
    wants(endpoint.created_by)
    other = make.member(endpoint.scope, Role.ANALYST)
    wants(other)
    told_of(endpoint.scope, "finding.tested")
    send_due(endpoint.pk)
    assert send_all() == 1
    (mail,) = postbox.mails
    assert mail["To"] == endpoint.created_by.email and "stopped" in mail["Subject"]
    plain = mail.get_body(("plain",)).get_content()
    assert "webhook Pager: It answered 410" in plain.replace("\n", " ")
    assert f"{HOME}/integrations/webhooks/{endpoint.pk}/" in plain
    assert told() == [("stopped", "sent")]
    assert send_all() == 0


def test_who_connected_a_tracker_is_told_once_that_it_takes_our_credentials_no_more(
    jira, clock, postbox
):
    story = Followed(jira, clock)
    story.ticket()
    wants(story.tracker.created_by)
    jira.is_cloud = False  # takes no basic sign-in
    for _ in range(2):
        story.poll()
    assert send_all() == 1
    (mail,) = postbox.mails
    assert "does not take our credentials" in mail.get_body(("plain",)).get_content()
    assert TOKEN not in mail.as_string()
    refused = Event.objects.get(action="tracker.refused")
    assert refused.subject_id == story.tracker.pk


def test_who_is_no_administrator_any_more_and_left_is_told_nothing_of_what_stopped(
    receiver, url, postbox
):
    receiver.answers[PATH] = 410, {}, b"gone"
    endpoint, _ = hook(url=url)
    wants(endpoint.created_by)
    told_of(endpoint.scope, "finding.tested")
    send_due(endpoint.pk)
    relay_notices(at=make.now())
    Membership.objects.filter(user=endpoint.created_by).delete()
    assert send_all() == 0 and postbox.mails == []
    assert told() == [("stopped", "dropped")]
