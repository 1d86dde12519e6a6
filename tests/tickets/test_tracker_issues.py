"""GitHub Issues and GitLab Issues: the same story as with Jira, in their own words. T17, T19."""

import pytest

from findings.models import Finding
from findings.statuses import Status
from tests import factories as make
from tests.loopback import serving
from tests.tickets.fake_issues import PROJECT, TOKEN, GitHub, GitLab
from tests.tickets.test_tracker_following import happen
from tests.tickets.test_tracker_inbound import post
from tests.tickets.tracked import Followed
from tickets.models import Ticket

pytestmark = pytest.mark.django_db


@pytest.fixture(params=[GitHub, GitLab])
def host(request, settings):
    with serving() as server:
        settings.OUTBOUND_PLAIN_HOSTS = [server.host]
        settings.OUTBOUND_PRIVATE_HOSTS = []
        settings.PUBLIC_URL = "https://ctem.example"
        made = request.param(server)
        yield made
        if request.param is GitHub:  # what it was asked and answered is as GitHub describes it
            assert made.described.faults == []


@pytest.fixture
def story(host, clock):
    return Followed(host, clock, kind=host.kind, project=PROJECT, account="", key=TOKEN)


def test_a_ticket_is_made_followed_and_closed_with_the_certificate(story, host):
    Finding.objects.update(priority_band="P2")
    story.finding.refresh_from_db()
    ticket = story.ticket()
    assert (story.tracker.who, story.tracker.problem) == ("ctem-bot", "")
    assert (ticket.state, ticket.key, ticket.external_id) == ("open", "#1", "1")
    assert ticket.address.endswith("issues/1") and ticket.marker in host.only["text"]
    assert sorted(host.only["labels"]) == ["P2", "ctem"]
    host.only["labels"].append("backend")
    Finding.objects.update(priority_band="P1")
    happen(story)
    story.round()
    assert sorted(host.only["labels"]) == ["P1", "backend", "ctem"]
    make.complete(story.finding)
    story.round()
    assert not host.only["is_open"] and "/certificate/" in host.said()[-1]
    story.poll()
    ticket.refresh_from_db()
    assert (ticket.state, story.finding.status) == ("closed", Status.MOBILIZATION_COMPLETE)


def test_closed_there_it_is_a_claim_told_what_is_missing_and_reopened(story, host):
    story.ticket()
    host.only["is_open"] = False
    body, headers = host.message(story.secret)
    assert post(story.tracker, body, headers).status_code == 202
    assert post(story.tracker, body, headers).status_code == 200
    story.round()
    assert story.finding.status == Status.AWAITING_VERIFICATION
    (said,) = host.said()
    assert "A closed ticket is a claim" in said and host.only["is_open"]
    for _ in range(2):
        story.poll()
    assert len(host.said()) == 1 and host.only["is_open"]


def test_an_answer_that_was_lost_doubles_nothing(story, host, clock):
    host.fail("POST", "issues$")
    assert story.ticket().state == "waiting"
    clock.forward(minutes=2)
    story.round()
    assert Ticket.objects.get().state == "open" and len(host.issues) == 1
    host.fail("POST", "(comments|notes)$")
    make.take("claim", story.finding)
    for _ in range(3):
        story.round()
        clock.forward(minutes=2)
    assert len(host.said()) == 1


def test_only_who_holds_the_secret_rings(story, host):
    story.ticket()
    body, headers = host.message(story.secret)
    for forged in ("", "é", headers[host.signature][:-1], headers[host.signature] + "0", "sha256="):
        sent = {**headers, host.signature: forged.encode().decode("latin-1")}
        assert post(story.tracker, body, sent).status_code == 401
    assert post(story.tracker, body, {}).status_code == 401
    assert Ticket.objects.get().rung_at is None


def test_one_is_linked_by_its_number_and_a_word_is_none(story, host):
    host.put()
    assert story.ticket("one").state == "failed"
    assert story.ticket("#7").state == "failed"
    assert story.ticket("#1").state == "open" and len(host.issues) == 1


def test_one_that_is_gone_is_said_on_the_ticket_and_no_claim(story, host):
    story.ticket()
    host.issues.clear()
    story.poll()
    row = Ticket.objects.get()
    assert (row.state, "does not show" in row.problem) == ("open", True)
    assert story.finding.status == Status.PRIORITIZED and story.tracker.problem == ""
