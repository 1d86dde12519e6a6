"""Tickets by rules: those of discovery that name a project; and what a ticket would hold, before it is made."""

from datetime import timedelta

import pytest
from django.test import Client

from core.errors import BadInput, NotAllowed
from core.models import Event
from core.permissions import Role
from findings.models import DiscoveryRule, Finding
from findings.services.rehearsing import rehearse
from findings.services.rules import apply_rule, end_rule, make_rule
from findings.statuses import Status
from tests import factories as make
from tests.tickets.hosts import HOSTS
from tests.tickets.tracked import Followed, tracker_of
from tickets.models import Ticket, TrackerConnection
from tickets.services import tracker_relay
from tickets.services.tracker_preview import preview_ticket
from tickets.services.trackers import change_tracker

pytestmark = pytest.mark.django_db


@pytest.fixture
def story(jira, clock):
    return Followed(jira, clock)


def rule_for(story, project="SEC", **actions):
    analyst = make.member(story.scope, Role.ANALYST)
    return make_rule(
        scope=story.scope, by=analyst, at=make.now() - timedelta(minutes=5), name=f"To {project}",
        conditions={"path": ["payments/**"]}, actions={"ticket_project": project, **actions},
    )  # fmt: skip


def test_a_rule_of_discovery_that_names_the_project_makes_tickets_of_what_it_meets(story, jira):
    rule_for(story)
    rule_for(story, "OPS")
    met = make.import_finding(story.finding.asset, path="payments/card.py")
    make.import_finding(story.finding.asset, path="shop/cart.py")
    for _ in range(2):
        story.round()
    assert [i["summary"].partition(":")[0] for i in jira.issues.values()] == [str(met)]
    ticket = Ticket.objects.get()
    assert (ticket.finding, ticket.asked_by, ticket.state) == (met, None, "open")
    assert Event.objects.get(action="ticket.asked").data["by_rule"] is True
    story.poll()
    assert len(jira.issues) == 1


def test_applied_to_what_is_there_it_asks_for_what_is_open_alone(story, jira):
    done = make.make_finding(Status.FALSE_POSITIVE, asset=story.finding.asset)
    met = make.import_finding(story.finding.asset, path="payments/card.py")
    Finding.objects.filter(pk=done.pk).update(path="payments/old.py")
    rule = rule_for(story)
    analyst = make.member(story.scope, Role.ANALYST)
    tried = rehearse(scope=story.scope, conditions={"path": ["payments/**"]}, by=analyst,
                     actions={"ticket_project": "SEC"}, at=make.now(), replaces=rule)  # fmt: skip
    assert (tried.matched, tried.counts) == (2, {"ticket_project": 1})
    story.round()
    assert jira.issues == {}
    apply_rule(rule=rule, by=analyst, at=make.now())
    story.round()
    assert Ticket.objects.get().finding == met


def test_a_rule_that_has_ended_asks_for_nothing_more_and_its_bound_holds(story, jira, clock):
    admin = make.member(story.scope, Role.ADMIN)
    change_tracker(tracker=story.tracker, by=admin, at=clock(), rule={"bands": ["P1"], "most": 1})
    rule = rule_for(story)
    for number in range(3):
        make.import_finding(story.finding.asset, path=f"payments/m{number}.py")
    for _ in range(3):
        story.round()
    assert len(jira.issues) == 1
    end_rule(rule=rule, by=admin, at=make.now())
    jira.move(jira.only, "Done")
    Finding.objects.filter(pk=Ticket.objects.get().finding_id).update(status="discovered")
    story.poll()
    story.poll()
    assert len(jira.issues) == 1 and DiscoveryRule.objects.get().ended_at


def test_another_scopes_rule_and_tracker_have_nothing_to_do_with_each_other(story, jira, clock):
    other = make.make_finding()
    analyst = make.member(other.scope, Role.ANALYST)
    make_rule(scope=other.scope, by=analyst, at=make.now() - timedelta(minutes=5), name="SEC",
              conditions={"path": ["payments/**"]}, actions={"ticket_project": "SEC"})  # fmt: skip
    make.import_finding(other.asset, path="payments/card.py")
    story.round()
    assert jira.issues == {}


def test_however_many_stand_elsewhere_each_ticket_hears_of_it(story, jira, monkeypatch):
    """More than are read in one go, after as many events as are."""
    change_tracker(tracker=story.tracker, by=make.member(story.scope, Role.ADMIN), at=story.clock(),
                   rule={"statuses": ["prioritized"]})  # fmt: skip
    for number in range(4):
        make.import_finding(story.finding.asset, path=f"src/m{number}.py")
    story.round()
    story.round()
    assert Ticket.objects.filter(state="open").count() == 5
    monkeypatch.setattr(tracker_relay, "AT_ONCE", 2)
    make.take("validate", story.finding)
    Finding.objects.update(priority_band="P1")
    story.round()
    story.round()
    assert {i["priority"] for i in jira.issues.values()} == {"Highest"}


# --- what a ticket would hold --------------------------------------------------------------------
VALUES = {"customfield_10021": "severity", "customfield_10022": "rule", "duedate": "due_on"}


def test_fields_take_what_the_mapping_says_of_the_finding_and_take_it_again_with_its_priority(
    jira, clock
):
    story = Followed(jira, clock, mapping={"values": VALUES, "fields": {"components": ["web"]}})
    Finding.objects.update(due_at=None, severity="high")
    story.finding.refresh_from_db()
    story.ticket()
    fields = jira.only["fields"]
    assert (fields["customfield_10021"], fields["customfield_10022"]) == (
        "high",
        story.finding.rule,
    )
    assert fields["components"] == ["web"] and "duedate" not in fields
    make.take("validate", story.finding)
    Finding.objects.update(priority_band="P1", severity="critical")
    story.round()
    assert jira.only["fields"]["customfield_10021"] == "critical"


@pytest.mark.parametrize("name", HOSTS)
def test_what_is_shown_before_is_what_is_sent_then(name, settings, clock):
    host = HOSTS[name]
    settings.PUBLIC_URL = "https://ctem.example"
    finding = make.make_finding()
    developer = make.member(finding.scope, Role.DEVELOPER)
    people = {developer.username: host.account}
    tracker, _ = tracker_of(finding.scope, **host.members, mapping={"people": people})
    Finding.objects.update(assigned_to=developer)
    finding.refresh_from_db()
    tried = preview_ticket(tracker=tracker, finding=finding, by=developer)
    assert tried.assignee == host.account and finding.title in str(tried.fields)
    assert tracker.sealed_key not in str(tried) and "T0KEN" not in str(tried)
    other = preview_ticket(tracker=tracker, finding=finding, by=developer,
                           mapping={"priorities": {finding.priority_band: "1/1"}})  # fmt: skip
    assert other.fields != tried.fields


def test_the_api_tries_a_mapping_and_keeps_nothing(story):
    client = Client()
    client.force_login(make.member(story.scope, Role.DEVELOPER))
    address = f"/api/v1/trackers/{story.tracker.pk}/preview/"
    body = {"finding": story.finding.pk, "mapping": {"labels": ["tried"]}}
    told = client.post(address, body, "application/json").json()
    assert told["ticket"]["labels"] == ["tried", "ctem-…"] and told["by_rules"] == 0
    refused = client.post(address, {**body, "mapping": {"values": {"x": "y"}}}, "application/json")
    assert refused.status_code == 400 and "mapping/values/x" in refused.content.decode()
    elsewhere = client.post(address, {"finding": make.make_finding().pk}, "application/json")
    assert elsewhere.status_code == 400  # to who sees it not, it is not there
    story.tracker.refresh_from_db()
    assert story.tracker.mapping["labels"] == ["ctem"]


def test_what_cannot_be_tried_is_refused_by_its_place(story):
    developer = make.member(story.scope, Role.DEVELOPER)
    told = {"tracker": story.tracker, "finding": story.finding}
    for mapping, where in (
        ({"values": {"x": "password"}}, "mapping/values/x"),
        ({"people": {"a": "1", "b": "1"}}, "mapping/people"),
        ({"people": {"a": "x y"}}, "mapping/people/a"),
        ({"colour": 1}, "mapping/colour"),
        ({"values": []}, "mapping/values"),
    ):
        with pytest.raises(BadInput) as refused:
            preview_ticket(**told, by=developer, mapping=mapping)
        assert refused.value.where == where
    with pytest.raises(NotAllowed):
        preview_ticket(**told, by=make.member(story.scope, Role.VIEWER))
    with pytest.raises(BadInput):
        preview_ticket(tracker=story.tracker, finding=make.make_finding(), by=developer)


def test_github_has_no_fields_to_write_into(clock, jira):
    finding = make.make_finding()
    with pytest.raises(BadInput) as refused:
        tracker_of(finding.scope, **HOSTS["github"].members, mapping={"values": {"x": "rule"}})
    assert refused.value.where == "mapping/values"
    assert not TrackerConnection.objects.filter(kind="github").exists()
