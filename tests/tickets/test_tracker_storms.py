"""T18, T19: whatever messages come in whatever order, doubled or lost, and whatever people do on both sides.

In the end, after a look, each side says what is true; nothing was said twice, no echo goes on; and a ticket
never completed a finding.
"""

import itertools
import random

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from core.models import Event
from core.permissions import Role
from findings.models import Comment
from findings.services import add_comment
from findings.statuses import Status
from scans.models import Clearance
from tests import factories as make
from tests.tickets.test_tracker_inbound import ring
from tests.tickets.tracked import Followed
from tickets.models import Ticket, TicketRemark, TicketStep, TrackerMessage
from tickets.services.tracker_inbound import receive

pytestmark = pytest.mark.django_db

MOVES = ("In Progress", "Done", "In Progress", "To Do", "Done", "In Progress")


def orders(number):
    """All orders of six messages, or so many of them, the same ones each time."""
    every = list(itertools.permutations(range(len(MOVES))))
    return every if number is None else random.Random(18).sample(every, number)


@pytest.mark.parametrize(
    "number", [3, pytest.param(None, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])]
)
def test_all_orders_of_six_messages_end_in_what_the_tracker_says(jira, clock, number):
    """Each is told while the ticket stands where the last move left it; one of them is lost."""
    story = Followed(jira, clock, reopens="never")
    story.ticket()
    for count, order in enumerate(orders(number)):
        lost = count % len(MOVES)
        for move in MOVES:
            jira.move(jira.only, move)
        for place in order:
            if place != lost:
                assert ring(story, f"{count}-{place}") == 202
                assert ring(story, f"{count}-{place}") == 200
            if place == count % 5:
                story.round()
        story.round()
        ticket = Ticket.objects.get()
        assert (ticket.state, ticket.status_there, ticket.rung_at) == ("open", "In Progress", None)
    assert story.finding.status == Status.PRIORITIZED and jira.said() == []


@pytest.mark.parametrize("lost", range(len(MOVES)))
def test_whichever_message_is_lost_the_look_finds_what_it_would_have_told(jira, clock, lost):
    story = Followed(jira, clock, reopens="never")
    story.ticket()
    moves = [*MOVES[:-1], "Done"]
    for number, move in enumerate(moves):
        jira.move(jira.only, move)
        if number != lost:
            ring(story, f"d-{number}")
            story.round()
    story.poll()
    ticket = Ticket.objects.get()
    assert (ticket.state, ticket.status_there) == ("closed", "Done")
    assert story.finding.status == Status.AWAITING_VERIFICATION
    closings = Event.objects.filter(action="ticket.closed_there").count()
    assert closings == len(jira.said()) and 1 <= closings <= 3


# --- anything, in any order ----------------------------------------------------------------------
class Storm(RuleBasedStateMachine):
    """People of both sides, a webhook that loses, doubles and mixes up, a tracker that loses answers."""

    jira = clock = None
    met: set[str] = set()

    @initialize(reopens=st.sampled_from(["always", "never"]))
    def begin(self, reopens):
        self.savepoint = transaction.atomic()
        self.savepoint.__enter__()
        self.jira.issues.clear()
        self.jira.comments.clear()
        self.jira.faults.clear()
        self.story = Followed(self.jira, self.clock, reopens=reopens)
        self.by = {
            role: make.member(self.story.scope, role) for role in (Role.DEVELOPER, Role.ANALYST)
        }
        self.story.ticket()
        self.letters, self.sent, self.ours, self.theirs = [], 0, 0, 0

    def teardown(self):
        if not hasattr(self, "story"):
            return
        try:
            self.settle()
        finally:
            transaction.set_rollback(True)
            self.savepoint.__exit__(None, None, None)

    @rule(status=st.sampled_from(["To Do", "In Progress", "Done"]))
    def somebody_moves_it_there(self, status):
        self.met.add(f"moved to {status}")
        self.jira.move(self.jira.only, status)
        self.write_a_letter()

    @rule()
    def somebody_says_something_there(self):
        self.theirs += 1
        self.jira.say(f"theirs {self.theirs}")
        self.write_a_letter()

    @rule()
    def somebody_says_something_here(self):
        self.ours += 1
        add_comment(finding=self.story.finding, body=f"ours {self.ours}", by=self.by[Role.DEVELOPER],
                    at=self.clock())  # fmt: skip

    @rule(name=st.sampled_from(["validate", "claim", "send_back", "mobilize"]))
    def somebody_moves_it_here(self, name):
        status = Status(self.story.finding.status)
        can = {"validate": Status.PRIORITIZED, "send_back": Status.AWAITING_VERIFICATION,
               "claim": Status.MOBILIZING, "mobilize": Status.VALIDATED}  # fmt: skip
        if status == can[name]:
            make.take(name, self.story.finding)
            self.story.finding.refresh_from_db()
            self.met.add(name)

    @precondition(lambda self: self.story.finding.status == Status.VALIDATED)
    @rule()
    def its_fix_is_proven(self):
        make.complete(self.story.finding)
        self.story.finding.refresh_from_db()
        self.met.add("complete")

    @rule(
        method=st.sampled_from(["GET", "POST", "PUT"]),
        late=st.booleans(),
        status=st.sampled_from([500, 502, 429]),
    )
    def the_tracker_stumbles(self, method, late, status):
        self.jira.fail(method, "issue", status, late=late)

    def write_a_letter(self):
        self.sent += 1
        self.letters.append(self.jira.message(self.jira.only, self.story.secret, f"m-{self.sent}"))

    @precondition(lambda self: self.letters)
    @rule(data=st.data(), keep=st.booleans())
    def a_letter_arrives(self, data, keep):
        """Any of those under way; it may come again."""
        number = data.draw(st.integers(0, len(self.letters) - 1))
        body, headers = self.letters[number] if keep else self.letters.pop(number)
        small = {name.lower(): value for name, value in headers.items()}
        assert receive(tracker=self.story.tracker, headers=small, body=body, at=self.clock())

    @precondition(lambda self: self.letters)
    @rule()
    def a_letter_is_lost(self):
        self.letters.pop()

    @rule(minutes=st.sampled_from([0, 1, 11]))
    def work_is_done(self, minutes):
        self.clock.forward(minutes=minutes)
        self.story.round()

    @invariant()
    def complete_means_proven(self):
        if not hasattr(self, "story"):
            return
        finding = self.story.finding
        finding.refresh_from_db()
        if finding.status == Status.MOBILIZATION_COMPLETE:
            assert Clearance.objects.filter(pk=finding.clearance_id, live=True).exists()

    def settle(self):
        """Nobody does anything more; the tracker is well. After some looks both sides say the same."""
        self.jira.faults.clear()
        for _ in range(4):
            self.clock.forward(minutes=70)
            self.story.poll()
        ticket, issue, finding = Ticket.objects.get(), self.jira.only, self.story.finding
        assert not TicketStep.objects.filter(state="waiting").exists()
        assert (ticket.state, ticket.status_there) == (
            "closed" if issue["status"] == "Done" else "open", issue["status"])  # fmt: skip
        assert ticket.told_status == finding.status and ticket.rung_at is None
        said = self.jira.said()
        for number in range(1, self.ours + 1):
            assert sum(f"ours {number}\n" in text for text in said) == 1, f"ours {number}"
        heard = list(
            Comment.objects.filter(by=self.story.tracker.actor).values_list("body", flat=True)
        )
        assert sorted(text.rpartition("theirs ")[2] for text in heard) == sorted(
            str(number) for number in range(1, self.theirs + 1)
        )
        if finding.status == Status.MOBILIZATION_COMPLETE and "closes" not in ticket.problem:
            assert "/certificate/" in "\n".join(said)
        before = Event.objects.count(), len(said), len(heard), TicketStep.objects.count()
        for _ in range(2):
            self.story.poll()
        assert before == (Event.objects.count(), len(self.jira.said()), Comment.objects.filter(
            by=self.story.tracker.actor).count(), TicketStep.objects.count())  # fmt: skip
        assert TicketRemark.objects.count() == len(heard)
        assert TrackerMessage.objects.count() <= self.sent


@pytest.mark.parametrize(
    "examples", [8, pytest.param(100, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])]
)
def test_whatever_happens_both_sides_agree_in_the_end_and_nothing_is_said_twice(
    jira, clock, examples
):
    Storm.jira, Storm.clock, Storm.met = jira, clock, set()
    run_state_machine_as_test(
        Storm,
        settings=settings(
            max_examples=examples, stateful_step_count=20, deadline=None, database=None,
            derandomize=True, suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
    assert Storm.met, "the storm went somewhere"
    assert {"moved to Done", "validate", "complete"} <= Storm.met or examples < 100
