"""Who answers for findings: one by one, and many at once."""

import pytest
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from core.errors import BadInput, Incomplete, NotAllowed
from core.models import Event
from findings.filters import FindingFilter
from findings.models import Finding
from findings.services import MAX_ASSIGNED, assign, assign_many
from scopes.models import Team, TeamMember
from tests import factories as make

pytestmark = pytest.mark.django_db


def make_team(scope, *members, name="Payments"):
    team = Team.objects.create(scope=scope, name=name, created_at=make.now())
    for user in members:
        TeamMember.objects.create(team=team, scope=scope, user=user)
    return team


@pytest.fixture
def finding(asset):
    return make.import_finding(asset)


@pytest.fixture
def foreign(db):
    return make.import_finding()


def test_a_person_and_a_team_answer_for_a_finding_each_on_its_own(finding, analyst, developer):
    team = make_team(finding.scope)
    assign(finding=finding, to=developer, by=analyst, at=make.now())
    assign(finding=finding, team=team, by=analyst, at=make.now())
    finding.refresh_from_db()
    assert (finding.assigned_to, finding.team) == (developer, team)
    assign(finding=finding, to=None, by=analyst, at=make.now())
    finding.refresh_from_db()
    assert (finding.assigned_to, finding.team) == (None, team)
    told = Event.objects.about("finding", finding.pk).filter(action="finding.assigned")
    assert [event.data for event in told.order_by("pk")] == [
        {"to": developer.username}, {"team": "Payments"}, {"to": None}]  # fmt: skip


def test_nobody_told_is_refused(finding, analyst):
    with pytest.raises(BadInput):
        assign(finding=finding, by=analyst, at=make.now())


def test_who_is_not_of_the_scope_answers_for_nothing(finding, foreign, analyst):
    stranger, team = make.make_user("stranger"), make_team(foreign.scope)
    for told in ({"to": stranger}, {"team": team}):
        with pytest.raises(Incomplete):
            assign(finding=finding, by=analyst, at=make.now(), **told)


@pytest.mark.parametrize("role", ["viewer", "developer", "pipeline"])
def test_assigning_takes_the_permission_to_triage(finding, role):
    with pytest.raises(NotAllowed):
        assign(finding=finding, to=None, by=make.member(finding.scope, role), at=make.now())


def test_many_are_assigned_with_one_event_per_scope_and_each_refusal_says_why(
    asset, foreign, analyst, developer
):
    mine = [make.import_finding(asset) for _ in range(3)]
    other = make.import_finding(make.make_asset(make.make_scope()))
    make.add_member(foreign.scope, analyst, "analyst")  # where the developer is no member
    before = Event.objects.count()
    rows = [*mine, foreign, other]
    answers = assign_many(findings=rows, to=developer, by=analyst, at=make.now())
    assert [str(a.refusal or "") for a in answers] == [
        "", "", "", "That person is not a member of this scope.",
        "Your role in this scope does not allow you to triage."]  # fmt: skip
    owners = dict(Finding.objects.values_list("pk", "assigned_to"))
    assert [owners[row.pk] for row in rows] == [developer.pk] * 3 + [None, None]
    event = Event.objects.latest("pk")
    assert Event.objects.count() == before + 1
    assert event.scope_id == asset.scope_id
    assert event.data == {"to": developer.username, "findings": [row.pk for row in mine]}


def test_a_dry_run_says_the_same_and_writes_nothing(finding, foreign, analyst, developer):
    before = Event.objects.count()
    told = {"findings": [finding, foreign], "to": developer, "by": analyst, "at": make.now()}
    dry = assign_many(**told, dry_run=True)
    assert Event.objects.count() == before
    assert Finding.objects.filter(assigned_to__isnull=False).count() == 0
    assert [str(a.refusal) for a in dry] == [str(a.refusal) for a in assign_many(**told)]


def test_the_number_of_statements_does_not_depend_on_the_number_of_findings(
    asset, analyst, developer
):
    rows = [make.import_finding(asset) for _ in range(4)]
    told = {"to": developer, "by": analyst, "at": make.now()}
    counts = []
    for some in (rows[:1], rows):
        with CaptureQueriesContext(connection) as asked:
            assign_many(findings=some, **told)
        counts.append(len(asked))
    assert counts[0] == counts[1] < 15


def test_more_than_a_thousand_at_once_are_refused(finding, analyst):
    with pytest.raises(BadInput, match="1001 > 1000"):
        assign_many(findings=[finding] * (MAX_ASSIGNED + 1), to=None, by=analyst, at=make.now())


def found(user, **query):
    request = RequestFactory().get("/")
    request.user = user
    told = FindingFilter(query, queryset=Finding.objects.order_by("pk"), request=request)
    assert told.is_valid(), told.errors
    return list(told.qs)


def test_mine_are_those_of_me_and_of_my_teams_by_decision_before_ownership(asset, developer):
    rows = [make.import_finding(asset) for _ in range(5)]
    team, others = make_team(asset.scope, developer), make_team(asset.scope, name="Others")
    told = [{"assigned_to": developer}, {"team": team}, {"owned_by": team},
            {"owned_by": team, "team": others}, {}]  # fmt: skip
    for row, values in zip(rows, told, strict=True):
        Finding.objects.filter(pk=row.pk).update(**values)
    assert found(developer, mine="true") == rows[:3]
    assert found(developer, mine="false") == rows[3:]
    assert found(developer, team=str(team.pk)) == [rows[1]]
    assert found(developer, owned_by=str(team.pk)) == rows[2:4]


def test_a_team_of_another_scope_is_no_filter(asset, foreign, developer):
    team = make_team(foreign.scope)
    request = RequestFactory().get("/")
    request.user = developer
    told = FindingFilter({"team": team.pk}, queryset=Finding.objects.all(), request=request)
    assert not told.is_valid()
