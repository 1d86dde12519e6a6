"""Tickets that are moved there: who may ring, that order and loss do not matter, and that nothing completes."""

import hashlib
import hmac
import itertools
import json
from datetime import timedelta

import pytest
from django.test import Client

from core.models import Event
from core.permissions import Role
from findings.models import Finding
from findings.statuses import Status
from tests import factories as make
from tests.tickets.tracked import Followed
from tickets.models import TicketStep, TrackerMessage
from tickets.services.tracker_inbound import MAX_BYTES
from tickets.services.trackers import (
    disconnect_tracker,
    forget_tracker_history,
    renew_tracker_secret,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def story(jira, clock):
    made = Followed(jira, clock)
    made.ticket()
    return made


def post(tracker, body, headers):
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    path = f"/hooks/trackers/{tracker.hook}/"
    return client.post(path, body, content_type="application/json", headers=headers)


def ring(story, delivery="d-1", **how):
    body, headers = story.jira.message(story.jira.only, story.secret, delivery, **how)
    return post(story.tracker, body, headers).status_code


# --- T19
@pytest.mark.parametrize("reopens", ["always", "never"])
@pytest.mark.parametrize("way", ["webhook", "poll"])
def test_a_ticket_closed_there_is_a_claim_and_never_more(jira, clock, reopens, way):
    story = Followed(jira, clock, reopens=reopens)
    ticket = story.ticket()
    jira.move(jira.only, "Done")
    if way == "webhook":
        assert ring(story) == 202
        story.round()
    else:
        story.poll()
    assert story.finding.status == Status.AWAITING_VERIFICATION
    assert story.finding.claimed_by == story.tracker.actor and story.finding.clearance_id is None
    (said,) = jira.said()
    assert "A closed ticket is a claim" in said and "Missing: a fix" in said
    assert jira.only["status"] == ("In Progress" if reopens == "always" else "Done")
    before = Event.objects.count()
    for number in range(3):  # our own writes ring as well, and mean nothing
        ring(story, f"echo-{number}")
        story.poll()
    assert (len(jira.said()), Event.objects.count()) == (1, before)
    ticket.refresh_from_db()
    assert ticket.state == ("open" if reopens == "always" else "closed")


@pytest.mark.parametrize(
    "status", [s for s in Status if s not in (Status.DISCOVERED, Status.MOBILIZING)]
)
def test_wherever_the_finding_stands_a_closed_ticket_completes_nothing(jira, clock, status):
    story = Followed(jira, clock)
    story.ticket()
    for row in make.shortest_path(Status(story.finding.status), status):
        make.take(row.name, story.finding)
    story.round()
    before = Finding.objects.get(pk=story.finding.pk)
    if jira.only["status"] != "Done":
        jira.move(jira.only, "Done")
    story.poll()
    assert story.finding.clearance_id == before.clearance_id
    claimed = before.status in ("prioritized", "validated")
    assert story.finding.status == ("awaiting_verification" if claimed else before.status)


def test_closed_again_after_it_was_reopened_it_hears_the_same_again(story, jira):
    for _ in range(2):
        jira.move(jira.only, "Done")
        story.poll()
        assert jira.only["status"] == "In Progress"
    assert len(jira.said()) == 2


# --- T18
def test_all_orders_of_messages_end_in_what_the_tracker_says(story, jira):
    """What a message says is not believed; each says Done, and the ticket is open."""
    for number, order in enumerate(itertools.permutations(range(3))):
        for which in order:
            ring(story, f"{number}-{which}")
            story.round()
    assert story.finding.status == Status.PRIORITIZED and jira.said() == []
    jira.move(jira.only, "Done")  # and the message is lost
    story.poll()
    assert story.finding.status == Status.AWAITING_VERIFICATION


# --- T17
def test_only_who_holds_the_secret_rings_and_only_once(story, jira, clock):
    body, headers = jira.message(jira.only, story.secret)
    good = headers["X-Hub-Signature"]
    for forged in (
        "",
        "sha256=",
        good[:-1],
        good.upper(),
        "sha256=é",
        good + "0",
        f"sha1{good[6:]}",
    ):
        sent = {**headers, "X-Hub-Signature": forged.encode("utf-8").decode("latin-1")}
        assert post(story.tracker, body, sent).status_code == 401, forged
    assert post(story.tracker, body, {}).status_code == 401
    assert post(story.tracker, json.dumps(json.loads(body), indent=1), headers).status_code == 401
    assert not TrackerMessage.objects.exists()
    assert [post(story.tracker, body, headers).status_code for _ in range(3)] == [202, 200, 200]
    (row,) = TrackerMessage.objects.all()
    assert (row.state, row.external_id) == ("rang", "10001")


def test_the_secret_of_another_tracker_or_of_before_does_not_ring(story, jira, clock):
    other = Followed(jira, clock)
    body, headers = jira.message(jira.only, other.secret)
    assert post(story.tracker, body, headers).status_code == 401
    _, fresh = renew_tracker_secret(
        tracker=story.tracker, by=make.member(story.scope, Role.ADMIN), at=make.now()
    )
    assert ring(story, "old") == 202  # for a day
    body, headers = jira.message(jira.only, fresh, "new")
    assert post(story.tracker, body, headers).status_code == 202
    type(story.tracker).objects.filter(pk=story.tracker.pk).update(old_secret_until=make.now())
    assert ring(story, "older") == 401


def test_what_is_signed_and_no_use_is_refused_or_ignored(story, jira):

    for body, status in ((b"{", 400), (b"\xff", 400), (b"[" * 100_000, 400), (b"[]", 202),
                         (b'{"issue": 7, "webhookEvent": {}}', 202)):  # fmt: skip
        made = hmac.new(story.secret.encode(), body, hashlib.sha256).hexdigest()
        assert (
            post(story.tracker, body, {"X-Hub-Signature": f"sha256={made}"}).status_code == status
        )
    assert set(TrackerMessage.objects.values_list("state", flat=True)) == {"ignored"}
    assert post(story.tracker, b"x" * (MAX_BYTES + 1), {}).status_code == 413


def test_an_address_that_is_not_there_or_has_ended_is_404(story, jira, clock):
    disconnect_tracker(tracker=story.tracker, by=make.member(story.scope, Role.ADMIN), at=clock())
    assert ring(story) == 404
    assert Client().get(f"/hooks/trackers/{story.tracker.hook}/").status_code == 405


def test_what_was_done_and_who_rang_is_forgotten_after_90_days_and_what_waits_is_not(story, clock):
    ring(story)
    story.jira.fail("POST", "comment", 503)
    make.take("claim", story.finding)
    story.round()
    assert forget_tracker_history(at=clock()) == 0
    assert forget_tracker_history(at=clock() + timedelta(days=91)) == 2
    (step,) = TicketStep.objects.all()
    assert (step.kind, step.state) == ("comment", "waiting")
    assert not TrackerMessage.objects.exists()
