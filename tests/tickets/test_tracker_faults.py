"""What trackers do wrong: one ticket that cannot be read, rates in words alone, long talks, odd answers."""

import time

import pytest

from findings.statuses import Status
from tests import factories as make
from tests.loopback import serving
from tests.tickets.hosts import HOSTS
from tests.tickets.tracked import Followed
from tickets.models import Ticket
from tickets.services.tracker_rounds import due_trackers

pytestmark = pytest.mark.django_db


@pytest.fixture
def story(jira, clock):
    return Followed(jira, clock)


@pytest.fixture
def github(settings, clock):
    with serving() as server:
        settings.OUTBOUND_PLAIN_HOSTS = [server.host]
        settings.OUTBOUND_PRIVATE_HOSTS = []
        made = HOSTS["github"].follow(server, clock)
        made.ticket()
        yield made


def test_one_ticket_that_cannot_be_read_holds_up_neither_the_others_nor_what_is_to_be_told(
    story, jira, clock
):
    story.ticket()
    other = make.import_finding(story.finding.asset, path="src/other.py")
    second = Followed.__new__(Followed)
    second.__dict__ = {**story.__dict__, "finding": other}
    ticket = second.ticket()
    broken = Ticket.objects.exclude(pk=ticket.pk).get()
    for _ in range(3):
        jira.fail("GET", f"issue/{broken.external_id}$", 500)
        jira.move(jira.issues[ticket.external_id], "Done")
        second.poll()
        assert story.tracker.problem == ""
    broken.refresh_from_db()
    assert "could not be read" in broken.problem
    assert second.finding.status == Status.AWAITING_VERIFICATION
    assert len(jira.said(jira.issues[ticket.external_id])) == 3
    story.poll()
    broken.refresh_from_db()
    assert broken.problem == ""


def test_a_tracker_that_tells_nothing_of_several_tickets_is_down(story, jira, clock):
    story.ticket()
    for number in range(3):
        made = make.import_finding(story.finding.asset, path=f"src/m{number}.py")
        other = Followed.__new__(Followed)
        other.__dict__ = {**story.__dict__, "finding": made}
        other.ticket()
    for _ in range(3):
        jira.fail("GET", r"issue/\d+$", 503)
    story.poll()
    assert "answered 503" in story.tracker.problem and story.tracker.rest_until > clock()


SLOW = b'{"message": "You have exceeded a secondary rate limit. Please wait a few minutes."}'


@pytest.mark.parametrize(
    ("status", "headers", "body", "seconds"),
    [
        (403, {}, SLOW, 600),
        (403, {"Retry-After": "90"}, SLOW, 90),
        (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "{in 1800}"}, b"{}", 1800),
        (429, {}, b"", 600),
    ],
)
def test_rates_are_kept_to_however_they_are_told(github, clock, status, headers, body, seconds):
    reset = str(int(time.time()) + 1800)
    told = {name: value.replace("{in 1800}", reset) for name, value in headers.items()}
    answer, asked = github.jira.answer, len(github.jira.server.requests)
    github.jira.server.answer = lambda request: (status, told, body)
    make.take("claim", github.finding)
    github.round()
    rest = (github.tracker.rest_until - clock()).total_seconds()
    assert seconds - 5 <= rest <= seconds and due_trackers(clock()) == []
    github.jira.server.answer = answer
    clock.forward(seconds=seconds - 10)
    github.round()
    assert len(github.jira.server.requests) == asked
    clock.forward(seconds=20)
    github.round()
    assert len(github.jira.said()) == 1
    assert github.jira.described.faults == []


def test_a_mark_is_found_on_the_page_before_the_last(github, clock):
    """A hundred comments are there, ours is the last; then somebody writes one, on another page."""
    for number in range(99):
        github.jira.say(f"Long talk {number}.")
    github.poll()
    github.jira.fail("POST", "comments$")
    make.take("claim", github.finding)
    github.round()
    github.jira.say("Begins a page.")
    clock.forward(minutes=3)
    github.round()
    assert sum("is awaiting verification now" in text for text in github.jira.said()) == 1


ODD = (
    b"[]", b"7", b"null", b"{", b'{"id": "1"}', b'{"fields": 7, "id": 1, "key": "SEC-1"}',
    b'{"id": "1", "key": "K", "fields": {"status": "Done", "project": {"key": "SEC"}}}',
)  # fmt: skip


@pytest.mark.parametrize("body", ODD)
def test_an_answer_that_is_none_is_said_and_taken_for_no_closing(story, jira, body):
    story.ticket()
    jira.fail("GET", r"issue/\d+$", 200, body=body)
    story.poll()
    ticket = Ticket.objects.get()
    assert ticket.state == "open" and ticket.problem
    assert story.finding.status == Status.PRIORITIZED
