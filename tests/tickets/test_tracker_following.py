"""What a ticket in Jira hears of its finding, once each, and what happens while either side is down."""

import pytest

from core.events import append_event
from core.models import Event
from core.permissions import Role
from findings.models import Finding
from findings.services import perform_transition
from findings.statuses import Status
from tests import factories as make
from tests.tickets.tracked import Followed, tracker_of
from tickets.models import Ticket, TicketStep
from tickets.services import tracker_rounds
from tickets.services.threads import follow_trackers
from tickets.services.tickets import ask_ticket, unlink_ticket
from tickets.services.tracker_relay import relay_trackers
from tickets.services.tracker_rounds import LostLease, due_trackers, serve
from tickets.services.trackers import disconnect_tracker

pytestmark = pytest.mark.django_db


@pytest.fixture
def story(jira, clock):
    return Followed(jira, clock)


def steps(ticket):
    return [(s.kind, s.state) for s in ticket.steps.order_by("pk")]


@pytest.mark.parametrize("is_cloud", [True, False])
def test_a_ticket_is_made_with_what_the_finding_is_and_where_it_is_read(jira, clock, is_cloud):
    jira.is_cloud = is_cloud
    story = Followed(jira, clock, account="bot@acme.example" if is_cloud else "")
    ticket, issue = story.ticket(), jira.only
    assert story.tracker.who == "CTEM bot" and story.tracker.problem == ""
    assert (ticket.state, ticket.key, ticket.external_id) == ("open", "SEC-1", "10001")
    assert ticket.address == f"{jira.server.url}/browse/SEC-1"
    assert issue["summary"].startswith(str(story.finding))
    assert f"https://ctem.example/findings/{story.finding.pk}/" in issue["description"]
    assert issue["labels"] == ["ctem", ticket.marker]
    linked = Event.objects.get(action="ticket.linked")
    assert linked.data == {"finding": story.finding.pk, "key": "SEC-1", "made": "create"}


def test_a_ticket_that_is_there_is_linked_by_its_key_and_one_of_another_project_is_not(story, jira):
    other, issue = jira.put(project="OPS"), jira.put()
    ticket = story.ticket(other["key"])
    assert (ticket.state, steps(ticket)) == ("failed", [("adopt", "failed")])
    assert "no such ticket" in ticket.problem
    ticket = story.ticket(issue["key"])
    assert (ticket.state, ticket.external_id) == ("open", issue["id"])
    assert len(jira.issues) == 2


def test_another_status_is_a_comment_said_once(story, jira):
    ticket = story.ticket()
    perform_transition(finding=story.finding, name="validate", by=make.member(story.scope, Role.ANALYST),
                       at=story.clock(), brought={"evidence": "Reached."})  # fmt: skip
    for _ in range(3):
        story.poll()
    (said,) = jira.said()
    assert "is validated now; it was prioritized" in said
    assert [kind for kind, _ in steps(ticket)].count("comment") == 1


def test_another_priority_is_a_field_by_the_mapping_and_a_comment(story, jira):
    story.ticket()
    Finding.objects.filter(pk=story.finding.pk).update(priority_band="P1")
    happen(story)
    story.round()
    assert jira.only["priority"] == "Highest"
    assert "is P1 now" in jira.said()[0]


def test_when_the_finding_completes_its_ticket_is_closed_with_the_certificate(story, jira):
    ticket = story.ticket()
    make.complete(story.finding)
    story.round()
    ticket.refresh_from_db()
    assert (jira.only["status"], ticket.state) == ("Done", "closed")
    said = "\n".join(jira.said())
    assert f"https://ctem.example/findings/{story.finding.pk}/certificate/" in said
    story.poll()
    assert not Event.objects.filter(action="ticket.closed_there").exists()
    assert story.finding.status == Status.MOBILIZATION_COMPLETE


@pytest.mark.parametrize(("reopens", "status"), [("always", "In Progress"), ("never", "Done")])
def test_a_proof_that_falls_reopens_the_ticket_by_policy(jira, clock, reopens, status):
    story = Followed(jira, clock, reopens=reopens)
    story.ticket()
    make.complete(story.finding)
    story.round()
    make.take("revoke", story.finding)
    story.round()
    assert story.finding.status == Status.DISCOVERED
    assert jira.only["status"] == status
    assert "is discovered now; it was mobilization complete" in jira.said()[-1]
    story.poll()
    assert story.finding.status == Status.DISCOVERED  # our own closing was no claim


def test_a_failed_verification_tells_the_failing_checks(story, jira):
    story.ticket()
    make.take("claim", story.finding)
    story.round()
    make.take("send_back", story.finding)
    story.round()
    assert "Missing:" in jira.said()[-1]


def test_what_is_done_before_the_answer_is_lost_is_not_done_twice(story, jira, clock):
    """Creating, commenting, closing: each was done, and the answer was 502."""
    jira.fail("POST", "/issue$", 502, late=True)
    ticket = story.ticket()
    assert (ticket.state, len(jira.issues)) == ("waiting", 1)
    assert "answered 502" in story.tracker.problem
    clock.forward(minutes=2)
    story.round()
    ticket.refresh_from_db()
    assert (ticket.state, len(jira.issues), story.tracker.problem) == ("open", 1, "")
    jira.fail("POST", "comment", 502, late=True)
    jira.fail("POST", "transitions", 502, late=True)
    make.complete(story.finding)
    for _ in range(4):
        story.round()
        clock.forward(minutes=3)
    assert (len(jira.said()), jira.only["status"]) == (1, "Done")
    assert jira.asked("POST").count("POST issue/10001/transitions") == 1
    assert {state for _, state in steps(ticket)} == {"done"}


def test_a_worker_that_dies_in_between_loses_its_lease_and_nothing_is_done_twice(
    story, jira, clock
):
    jira.fail("POST", "/issue$", 200, body=b"[]", late=True)
    story.ticket()
    TicketStep.objects.update(state="waiting", ended_at=None, next_attempt_at=clock(), note="")
    Ticket.objects.update(state="waiting", ended_at=None, problem="")
    story.round()
    assert len(jira.issues) == 1 and Ticket.objects.get().state == "open"


def test_one_round_at_a_time_and_who_lost_the_lease_writes_nothing(story, jira, clock):
    story.ticket()
    clock.forward(minutes=11)
    slow = tracker_rounds._take(story.tracker.pk, clock())
    assert serve(story.tracker.pk, clock=clock) is False and due_trackers(clock()) == []
    clock.forward(minutes=4)
    assert due_trackers(clock()) == [story.tracker.pk]
    assert serve(story.tracker.pk, clock=clock) is True
    with pytest.raises(LostLease):
        tracker_rounds._hold(slow, clock(), problem="late")
    story.tracker.refresh_from_db()
    assert story.tracker.problem == ""


def test_a_tracker_that_is_down_is_left_alone_and_hears_all_of_it_later(story, jira, clock):
    story.ticket()
    jira.fail("POST", "comment", 429, {"Retry-After": "1800"})
    make.take("claim", story.finding)
    story.round()
    assert jira.said() == [] and due_trackers(clock()) == []
    clock.forward(minutes=29)
    story.round()
    assert jira.said() == []
    clock.forward(minutes=2)
    story.round()
    assert len(jira.said()) == 1


def test_credentials_that_are_not_taken_stop_all_until_others_are_told(
    story, jira, clock, monkeypatch
):
    story.ticket()
    jira.is_cloud = False  # takes no basic sign-in
    story.poll()
    assert (story.tracker.state, "does not take our credentials" in story.tracker.problem) == (
        "refused", True)  # fmt: skip
    asked = len(jira.asked())
    story.poll()
    assert len(jira.asked()) == asked


def test_what_jira_does_not_want_is_said_on_the_ticket_and_the_next_is_done(jira, clock):
    story = Followed(jira, clock)
    jira.priorities = ("Urgent",)
    Finding.objects.update(priority_band="P2")
    ticket = story.ticket()
    assert ticket.state == "failed" and "Specify the Priority" in ticket.problem
    story.tracker.mapping["priorities"]["P2"] = ""
    story.tracker.save(update_fields=["mapping"])
    assert story.ticket().state == "open"


def test_the_rule_asks_for_tickets_of_what_meets_it_up_to_its_bound(jira, clock):
    story = Followed(jira, clock, rule={"bands": ["P1"], "most": 2})
    more = [make.import_finding(story.finding.asset, path=f"src/m{n}.py") for n in range(3)]
    for _ in range(2):
        story.round()
    assert jira.issues == {}
    Finding.objects.filter(pk__in=[f.pk for f in more]).update(priority_band="P1")
    happen(story)
    for _ in range(3):
        story.round()
    assert len(jira.issues) == 2 and set(Ticket.objects.values_list("asked_by", flat=True)) == {
        None
    }
    jira.move(next(iter(jira.issues.values())), "Done")
    story.poll()


def test_unlinked_and_disconnected_tickets_hear_nothing_more(story, jira, clock):
    ticket = story.ticket()
    unlink_ticket(ticket=ticket, by=make.member(story.scope, Role.DEVELOPER), at=clock())
    make.take("claim", story.finding)
    story.poll()
    assert jira.said() == []
    again = story.ticket("SEC-1")
    assert again.state == "open"
    disconnect_tracker(tracker=story.tracker, by=make.member(story.scope, Role.ADMIN), at=clock())
    asked = len(jira.asked())
    relay_trackers(at=clock())
    assert serve(story.tracker.pk, clock=clock) is False
    assert len(jira.asked()) == asked and not Ticket.objects.live().exists()


def happen(story):
    append_event(scope_id=story.scope.pk, action="finding.rescored", subject="scope",
                 subject_id=story.scope.pk, by=None, at=story.clock())  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_the_clock_begins_a_round_with_each_tracker_in_a_thread_of_its_own(jira):
    finding = make.import_finding()
    tracker, _ = tracker_of(finding.scope, jira.server.url)
    by = make.member(finding.scope, Role.DEVELOPER)
    ask_ticket(finding=finding, tracker=tracker, by=by, at=make.now())
    (thread,) = follow_trackers(at=make.now())
    thread.join(30)
    assert Ticket.objects.get().key == "SEC-1" and due_trackers(make.now()) == []
