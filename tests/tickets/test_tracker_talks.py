"""Comments and assignees in both directions, with every tracker: once each, and without an echo."""

import pytest

from core.models import Event
from core.permissions import Role
from findings.models import Comment
from findings.services import add_comment
from findings.services.assigning import assign
from scopes.services import set_member
from tests import factories as make
from tests.loopback import serving
from tests.tickets.hosts import HOSTS
from tickets.models import Ticket, TicketRemark, TicketStep
from tickets.services.tickets import ask_ticket

pytestmark = pytest.mark.django_db


@pytest.fixture(params=HOSTS)
def host(request):
    return HOSTS[request.param]


@pytest.fixture
def server(settings):
    with serving() as running:
        settings.OUTBOUND_PLAIN_HOSTS = [running.host]
        settings.OUTBOUND_PRIVATE_HOSTS = []
        settings.PUBLIC_URL = "https://ctem.example"
        yield running


@pytest.fixture
def story(host, server, clock):
    """A ticket, with the developer known on both sides; its fake as ``jira``."""
    made = host.follow(server, clock)
    made.people = {role: make.member(made.scope, role) for role in (Role.DEVELOPER, Role.ANALYST)}
    made.know(made.people[Role.DEVELOPER], host.account)
    made.ticket()
    yield made
    if made.tracker.kind == "github":
        assert made.jira.described.faults == []


def comment(story, text):
    return add_comment(
        finding=story.finding, body=text, by=story.people[Role.DEVELOPER], at=story.clock()
    )


def bodies():
    return list(Comment.objects.order_by("pk").values_list("body", flat=True))


def quiet(story):
    """Some looks later nothing more was said or done on either side."""
    before = bodies(), story.jira.said(), Event.objects.count(), TicketStep.objects.count()
    for _ in range(3):
        story.poll()
    assert (
        bodies(),
        story.jira.said(),
        Event.objects.count(),
        TicketStep.objects.count(),
    ) == before


# --- comments ------------------------------------------------------------------------------------
def test_what_is_said_on_one_side_is_said_on_the_other_once_with_who_said_it(story):
    comment(story, "Is the flag on in production?")
    story.round()
    (said,) = story.jira.said()
    assert story.people[Role.DEVELOPER].display in said and "Is the flag on in production?" in said
    story.jira.say("It is, since May.", "mona")
    story.poll()
    theirs = Comment.objects.latest("pk")
    assert theirs.by == story.tracker.actor
    assert "mona in " in theirs.body.lower() and "It is, since May." in theirs.body
    assert len(bodies()) == 2 and len(story.jira.said()) == 2
    quiet(story)


def test_a_ticket_that_is_linked_brings_nothing_of_what_was_said_before(host, server, clock):
    story = host.follow(server, clock)
    if story.tracker.kind == "jira":
        key = story.jira.put()["key"]
    elif story.tracker.kind == "servicenow":
        story.jira._made({})
        key = "INC0000001"
    else:
        story.jira.put()
        key = "#1"
    story.jira.say("Three years ago.")
    assert story.ticket(key).state == "open"
    story.round()
    story.jira.say("Today.")
    story.poll()
    (said,) = bodies()
    assert "Today." in said
    assert TicketRemark.objects.filter(comment=None).count() == 1


def test_what_was_said_here_before_a_ticket_was_asked_for_is_not_told(host, server, clock):
    story = host.follow(server, clock)
    story.people = {Role.DEVELOPER: make.member(story.scope, Role.DEVELOPER)}
    comment(story, "Before.")
    ask_ticket(finding=story.finding, tracker=story.tracker, by=story.people[Role.DEVELOPER],
               at=clock())  # fmt: skip
    comment(story, "After.")
    story.round()
    (said,) = story.jira.said()
    assert "After." in said and Ticket.objects.get().state == "open"


def test_a_comment_whose_answer_was_lost_is_not_written_twice(story):
    method, pattern = {"servicenow": ("PATCH", 502), "jira": ("POST", "comment$")}.get(
        story.tracker.kind, ("POST", "(comments|notes)$")
    )
    if story.tracker.kind == "jira":
        story.jira.fail(method, pattern, 502, late=True)
    else:
        story.jira.fail(method, pattern)
    comment(story, "Once.")
    for _ in range(3):
        story.round()
        story.clock.forward(minutes=2)
    assert len(story.jira.said()) == 1 and len(bodies()) == 1
    quiet(story)


def test_where_each_side_keeps_its_own_nothing_is_told(host, server, clock):
    story = host.follow(server, clock, comments="none")
    story.people = {Role.DEVELOPER: make.member(story.scope, Role.DEVELOPER)}
    story.ticket()
    comment(story, "Ours.")
    story.jira.say("Theirs.")
    story.poll()
    assert (len(bodies()), len(story.jira.said())) == (1, 1)


def test_text_of_people_does_nothing_in_the_tracker(story):
    """Mentions, quick actions, images, macros, HTML: what is written here is read there, and no more."""
    comment(story, "@team look\n/close\n![x](https://evil)\n<b>\n[~admin] {html} !x.png! [code]<i>")
    story.round()
    (said,) = story.jira.said()
    kind = story.tracker.kind
    if kind in ("github", "gitlab"):
        assert "@team" not in said and "\n/close" not in said and "![" not in said
        assert "<b>" not in said and "/close" in said
    elif kind == "jira":
        for bad in ("[~", "{html", "!x"):
            assert said.count(bad) == said.count(f"\\{bad}")
    else:
        assert "[code]" not in said


# --- who answers ---------------------------------------------------------------------------------
def there(story):
    issue = story.jira.only
    return issue.get("assignee", issue.get("assigned_to"))


def test_who_answers_here_is_assigned_there_by_the_mapping(story, host):
    analyst, developer = story.people[Role.ANALYST], story.people[Role.DEVELOPER]
    assign(finding=story.finding, to=developer, by=analyst, at=story.clock())
    story.round()
    assert there(story) == host.account
    assign(finding=story.finding, to=analyst, by=analyst, at=story.clock())  # unknown there
    story.round()
    assert there(story) == host.account
    assign(finding=story.finding, to=developer, by=analyst, at=story.clock())
    assign(finding=story.finding, to=None, by=analyst, at=story.clock())
    story.round()
    assert not there(story)
    quiet(story)


def test_who_is_assigned_there_answers_here_if_the_service_account_may_triage(story, host):
    story.jira.give(host.account)
    story.poll()
    assert story.finding.assigned_to is None
    refused = Event.objects.get(action="ticket.assigned_there")
    assert (
        "triage" in refused.data["refused"]
        and refused.data["to"] == story.people[Role.DEVELOPER].username
    )
    assert Ticket.objects.get().assignee_key == host.account
    set_member(
        scope=story.scope, user=story.tracker.actor, role=Role.ANALYST, by=None, at=make.now()
    )
    story.jira.give(None)
    story.poll()
    story.jira.give(host.account)
    story.poll()
    assert story.finding.assigned_to == story.people[Role.DEVELOPER]
    assert Event.objects.filter(action="finding.assigned").count() == 1
    quiet(story)
    story.jira.give("somebody-else" if story.tracker.kind != "gitlab" else "ana-there")
    story.poll()
    assert story.finding.assigned_to == story.people[Role.DEVELOPER]  # who that is, nobody told


def test_what_was_decided_here_meanwhile_holds(story, host):
    """Assigned there to one and here to nobody, who heard last: the step that waits."""
    set_member(
        scope=story.scope, user=story.tracker.actor, role=Role.ANALYST, by=None, at=make.now()
    )
    story.jira.give(host.account)
    story.poll()
    assign(finding=story.finding, to=None, by=story.people[Role.ANALYST], at=story.clock())
    story.round()
    assert not there(story) and story.finding.assigned_to is None
    quiet(story)
