"""Campaigns: many findings, one goal, and a progress that tells proof from claims."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from core.errors import BadInput, Incomplete, NotAllowed, WrongState
from core.models import Event
from findings.choosing import filtered
from findings.models import Campaign, CampaignFinding, Finding
from findings.progress import Progress, Week, burn_down, progress_of
from findings.services import (
    add_findings,
    change_campaign,
    end_campaign,
    expire_acceptances,
    perform_transition,
    remove_findings,
    request_dismissal,
    request_risk_acceptance,
    start_campaign,
)
from findings.statuses import Status
from tests import factories as make
from tests.findings.test_assigning import make_team

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign(scope, analyst):
    return start_campaign(scope=scope, name="No eval", goal="Parse.", by=analyst, at=make.now())


def all_of(asset):
    return Finding.objects.filter(asset=asset)


def test_a_campaign_has_a_goal_an_owner_and_a_day(scope, analyst, developer):
    team, day = make_team(scope), make.now().date()
    row = start_campaign(
        scope=scope, name="  No\neval ", goal="Parse.", owner=developer, team=team, due_on=day,
        by=analyst, at=make.now(),
    )  # fmt: skip
    assert (row.name, row.owner, row.team, row.due_on) == ("No eval", developer, team, day)
    event = Event.objects.about("campaign", row.pk).get()
    assert event.action == "campaign.started"
    assert event.data["owner"] == developer.username


@pytest.mark.parametrize("role", ["viewer", "developer", "pipeline", "ticketing"])
def test_campaigns_take_the_permission_to_triage(campaign, asset, role):
    told = {"by": make.member(campaign.scope, role), "at": make.now()}
    verbs = [
        lambda: start_campaign(scope=campaign.scope, name="X", goal="Y", **told),
        lambda: change_campaign(campaign=campaign, name="X", **told),
        lambda: add_findings(campaign=campaign, findings=all_of(asset), **told),
        lambda: remove_findings(campaign=campaign, findings=[1], reason="No.", **told),
        lambda: end_campaign(campaign=campaign, reason="No.", **told),
    ]
    for verb in verbs:
        with pytest.raises(NotAllowed):
            verb()


def test_a_name_is_there_once_in_a_scope(campaign, analyst):
    with pytest.raises(WrongState, match="already has a campaign"):
        start_campaign(scope=campaign.scope, name="No eval", goal="x", by=analyst, at=make.now())


@pytest.mark.parametrize("told", [{"name": " "}, {"goal": ""}, {"name": "x" * 121}])
def test_a_campaign_without_name_or_goal_is_refused(scope, analyst, told):
    members = {"name": "A", "goal": "B", **told}
    with pytest.raises(BadInput):
        start_campaign(scope=scope, by=analyst, at=make.now(), **members)


def test_owner_and_team_are_of_the_scope(scope, analyst):
    for told in ({"owner": make.make_user("stranger")}, {"team": make_team(make.make_scope())}):
        with pytest.raises(Incomplete):
            start_campaign(scope=scope, name="A", goal="B", by=analyst, at=make.now(), **told)


def test_findings_come_in_by_number_or_filter_once_and_of_its_scope_only(campaign, asset, analyst):
    rows = [make.import_finding(asset) for _ in range(3)]
    make.import_finding()  # of another scope
    told = {"campaign": campaign, "by": analyst, "at": make.now()}
    assert add_findings(findings=Finding.objects.filter(pk=rows[0].pk), **told) == 1
    assert add_findings(findings=Finding.objects.all(), **told) == 2
    assert add_findings(findings=Finding.objects.all(), **told) == 0
    assert set(campaign.findings.all()) == set(rows)
    events = Event.objects.about("campaign", campaign.pk).filter(action__endswith="_added")
    assert [e.data["findings"] for e in events.order_by("pk")] == [
        [rows[0].pk], [rows[1].pk, rows[2].pk]]  # fmt: skip


def test_a_filter_chooses_what_its_list_shows(asset, analyst):
    low, high = make.import_finding(asset), make.import_finding(asset)
    Finding.objects.filter(pk=high.pk).update(rule="py/one")
    make.import_finding()
    request = RequestFactory().get("/")
    request.user = analyst
    assert list(filtered("?rule=py/one&ordering=-id&cursor=n&q=", request)) == [high]
    assert set(filtered(f"asset={asset.pk}", request)) == {low, high}


@pytest.mark.parametrize(
    "words", ["nonsense=1", "status=done", "q=%00", "scope=999999", "x" * 5000]
)
def test_a_filter_that_cannot_be_used_chooses_nothing(analyst, words):
    request = RequestFactory().get("/")
    request.user = analyst
    with pytest.raises(BadInput):
        filtered(words, request)


def test_a_full_campaign_takes_no_more(campaign, asset, analyst, monkeypatch):
    monkeypatch.setattr("findings.services.campaigns.MAX_MEMBERS", 1)
    make.import_finding(asset), make.import_finding(asset)
    with pytest.raises(BadInput, match="narrow the filter"):
        add_findings(campaign=campaign, findings=all_of(asset), by=analyst, at=make.now())
    assert not CampaignFinding.objects.exists()


def test_very_many_are_told_by_digest(campaign, asset, analyst, monkeypatch):
    monkeypatch.setattr("findings.services.campaigns.NAMED", 1)
    make.import_finding(asset), make.import_finding(asset)
    add_findings(campaign=campaign, findings=all_of(asset), by=analyst, at=make.now())
    data = Event.objects.about("campaign", campaign.pk).latest("pk").data
    assert data["count"] == 2
    assert len(data["sha256"]) == 64
    assert "findings" not in data


def test_statements_do_not_grow_with_the_findings(campaign, asset, analyst):
    told = {"campaign": campaign, "by": analyst, "at": make.now()}
    rows = [make.import_finding(asset) for _ in range(5)]
    add_findings(findings=Finding.objects.filter(pk=rows[0].pk), **told)
    counts = []
    for ids in ([rows[1].pk], [row.pk for row in rows[2:]]):
        with CaptureQueriesContext(connection) as asked:
            add_findings(findings=Finding.objects.filter(pk__in=ids), **told)
        counts.append(len(asked))
    assert counts[0] == counts[1] < 16


def test_findings_go_out_with_a_reason(campaign, asset, analyst):
    row = make.import_finding(asset)
    told = {"campaign": campaign, "by": analyst, "at": make.now()}
    add_findings(findings=all_of(asset), **told)
    assert remove_findings(findings=[row.pk, 10**9], reason="Another team's.", **told) == 1
    assert not campaign.findings.exists()
    event = Event.objects.about("campaign", campaign.pk).latest("pk")
    assert (event.action, event.data["reason"]) == ("campaign.findings_removed", "Another team's.")


def test_an_ended_campaign_stays_as_it_was(campaign, asset, analyst):
    told = {"campaign": campaign, "by": analyst, "at": make.now()}
    end_campaign(reason="Reached.", **told)
    make.import_finding(asset)
    for verb in (
        lambda: end_campaign(reason="Again.", **told),
        lambda: change_campaign(name="Other", **told),
        lambda: add_findings(findings=all_of(asset), **told),
    ):
        with pytest.raises(WrongState, match="has ended"):
            verb()


def test_a_change_tells_what_changed_and_nothing_else(campaign, analyst, developer):
    row = change_campaign(
        campaign=campaign, owner=developer, goal="Parse.", by=analyst, at=make.now()
    )
    assert row.owner == developer
    event = Event.objects.about("campaign", campaign.pk).latest("pk")
    assert event.data == {"owner": developer.username}
    change_campaign(campaign=campaign, goal="Parse.", by=analyst, at=make.now())
    assert Event.objects.about("campaign", campaign.pk).latest("pk") == event


def test_the_database_holds_members_to_the_scope_of_their_campaign(campaign, analyst):
    foreign = make.import_finding()
    with pytest.raises(IntegrityError), transaction.atomic():
        CampaignFinding.objects.create(
            campaign=campaign, finding=foreign, scope=campaign.scope, at=make.now(), by=analyst
        )
        connection.check_constraints()
    with pytest.raises(IntegrityError), transaction.atomic():
        Campaign.objects.filter(pk=campaign.pk).update(ended_at=make.now())


def test_only_the_gate_makes_progress(campaign, asset, analyst):
    rows = [make.make_finding(status, asset=asset) for status in (
        Status.MOBILIZATION_COMPLETE, Status.AWAITING_VERIFICATION, Status.PRIORITIZED,
        Status.NO_LONGER_PRESENT, Status.FALSE_POSITIVE)]  # fmt: skip
    ids = [row.pk for row in rows]
    add_findings(campaign=campaign, findings=Finding.objects.filter(pk__in=ids),
                 by=analyst, at=make.now())  # fmt: skip
    now = progress_of([campaign])[campaign.pk]
    assert (now.total, now.proven, now.claimed, now.open, now.ended_otherwise) == (5, 1, 1, 1, 2)
    assert now.other_ends == {"no_longer_present": 1, "false_positive": 1}
    assert now.proven_percent == 20


def test_a_percentage_is_never_rounded_up_to_all():
    done = {"mobilization_complete": 999, "prioritized": 1}
    assert Progress(done).proven_percent == 99
    assert Progress().proven_percent == 0


def test_the_burn_down_tells_each_week_by_the_dates(campaign, asset, analyst):
    start = make.now() - timedelta(days=15)
    Campaign.objects.filter(pk=campaign.pk).update(started_at=start)
    rows = [make.make_finding(status, asset=asset) for status in (
        Status.MOBILIZATION_COMPLETE, Status.NO_LONGER_PRESENT, Status.PRIORITIZED)]  # fmt: skip
    Finding.objects.filter(pk=rows[0].pk).update(status_since=start + timedelta(days=8))
    Finding.objects.filter(pk=rows[1].pk).update(status_since=start + timedelta(days=2))
    ids = [row.pk for row in rows]
    add_findings(campaign=campaign, findings=Finding.objects.filter(pk__in=ids),
                 by=analyst, at=start)  # fmt: skip
    campaign.refresh_from_db()
    weeks = burn_down(campaign, at=make.now())
    day = start.date()
    assert weeks == [
        Week(day + timedelta(days=6), 3, 2, 0),
        Week(day + timedelta(days=13), 3, 1, 1),
        Week(make.now().date(), 3, 1, 1),
    ]


def test_the_burn_down_tells_when_a_finding_was_open_again(campaign, asset, analyst):
    approver, start = make.member(asset.scope, "approver"), make.now() - timedelta(days=16)
    Campaign.objects.filter(pk=campaign.pk).update(started_at=start)
    dismissed, accepted, stays = [make.import_finding(asset) for _ in range(3)]
    add_findings(campaign=campaign, findings=all_of(asset), by=analyst, at=start)
    day = [start + timedelta(days=n) for n in range(16)]
    request_dismissal(finding=dismissed, reason="Constant.", by=analyst, at=day[1])
    request_risk_acceptance(
        finding=accepted, reason="Soon.", until=day[8].date(), by=analyst, at=day[1]
    )
    for finding, name in ((dismissed, "dismiss"), (accepted, "accept_risk")):
        perform_transition(finding=finding, name=name, by=approver, at=day[2], brought={})
    perform_transition(
        finding=dismissed, name="reopen", by=analyst, at=day[9], brought={"reason": "It is real."}
    )
    assert expire_acceptances(at=day[10]) == 1
    campaign.refresh_from_db()
    weeks = burn_down(campaign, at=make.now())
    assert [(week.total, week.open) for week in weeks] == [(3, 1), (3, 3), (3, 3)]
    request_dismissal(finding=stays, reason="Constant.", by=analyst, at=day[14])
    perform_transition(finding=stays, name="dismiss", by=approver, at=day[15], brought={})
    assert [week.open for week in burn_down(campaign, at=make.now())] == [1, 3, 2]


def test_the_burn_down_of_many_takes_four_statements(campaign, asset, analyst):
    rows = [make.make_finding(Status.FALSE_POSITIVE, asset=asset) for _ in range(3)]
    counts = []
    for finding in rows[:2]:
        perform_transition(
            finding=finding, name="reopen", by=analyst, at=make.now(), brought={"reason": "Real."}
        )
        add_findings(campaign=campaign, findings=all_of(asset), by=analyst, at=make.now())
        with CaptureQueriesContext(connection) as queries:
            burn_down(campaign, at=make.now())
        counts.append(len(queries))
    assert counts == [4, 4]
