"""ServiceNow: the same story as with Jira, by its Table API. T17, T19."""

import pytest

from findings.models import Finding
from findings.statuses import Status
from tests import factories as make
from tests.loopback import serving
from tests.tickets.fake_servicenow import PASSWORD, USER, ServiceNow
from tests.tickets.test_tracker_following import happen
from tests.tickets.test_tracker_inbound import post
from tests.tickets.tracked import Followed
from tickets.models import Ticket

pytestmark = pytest.mark.django_db


@pytest.fixture
def snow(settings):
    with serving() as server:
        settings.OUTBOUND_PLAIN_HOSTS = [server.host]
        settings.OUTBOUND_PRIVATE_HOSTS = []
        settings.PUBLIC_URL = "https://ctem.example"
        yield ServiceNow(server)


@pytest.fixture
def story(snow, clock):
    return Followed(snow, clock, kind="servicenow", project="incident", account=USER, key=PASSWORD)


def test_an_incident_is_made_followed_and_resolved_with_the_certificate(story, snow):
    ticket = story.ticket()
    assert (story.tracker.who, story.tracker.problem) == ("CTEM bot", "")
    assert (ticket.state, ticket.key) == ("open", "INC0000001")
    Finding.objects.update(priority_band="P1")
    happen(story)
    story.round()
    assert (snow.only["impact"], snow.only["urgency"]) == ("1", "1")
    make.complete(story.finding)
    story.round()
    ticket.refresh_from_db()
    assert (snow.only["state"], ticket.state) == ("6", "closed")
    assert "/certificate/" in snow.said()[-1]
    story.poll()
    assert story.finding.status == Status.MOBILIZATION_COMPLETE


def test_closed_there_it_is_a_claim_told_what_is_missing_and_reopened(story, snow):
    story.ticket()
    snow.only["state"] = "7"
    body, headers = snow.message(story.secret)
    for forged in ("", "é", story.secret[:-1]):
        sent = {**headers, "X-CTEM-Secret": forged.encode().decode("latin-1")}
        assert post(story.tracker, body, sent).status_code == 401
    assert [post(story.tracker, body, headers).status_code for _ in range(2)] == [202, 200]
    unnamed = {"X-CTEM-Secret": story.secret}
    assert post(story.tracker, body, unnamed).status_code == 400
    story.round()
    assert story.finding.status == Status.AWAITING_VERIFICATION
    (said,) = snow.said()
    assert "A closed ticket is a claim" in said and snow.only["state"] == "2"
    for _ in range(2):
        story.poll()
    assert len(snow.said()) == 1


def test_an_answer_that_was_lost_doubles_nothing(story, snow, clock):
    snow.fail("POST")
    assert story.ticket().state == "waiting"
    clock.forward(minutes=2)
    story.round()
    assert Ticket.objects.get().state == "open" and len(snow.records) == 1
    snow.fail("PATCH")
    make.take("claim", story.finding)
    for _ in range(3):
        story.round()
        clock.forward(minutes=2)
    assert len(snow.said()) == 1


def test_one_is_linked_by_its_number(story, snow):
    assert story.ticket("INC0000009").state == "failed"
    snow._made({})
    assert story.ticket("INC0000001").state == "open" and len(snow.records) == 1


def test_what_a_policy_of_the_table_refuses_is_said_on_the_ticket(snow, clock):
    story = Followed(snow, clock, kind="servicenow", project="incident", account=USER, key=PASSWORD,
                     mapping={"close_fields": {}})  # fmt: skip
    story.ticket()
    make.complete(story.finding)
    story.round()
    assert "answered 403" in Ticket.objects.get().problem and snow.only["state"] == "1"
