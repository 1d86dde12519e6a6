"""Due dates that are kept, pauses, what is told once, and acceptances that are renewed."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest
from django.db import connection

from core.errors import BadInput, NotAllowed, WrongState
from core.events import broken_links
from core.models import Event, Job
from core.permissions import Role
from ctem import jobs
from findings.models import Cause, ClockNotice, Finding, RiskAcceptance
from findings.services import expire_acceptances, perform_transition, request_risk_acceptance
from findings.services.clocks import (
    Terms,
    pause_clock,
    resume_clock,
    set_due,
    set_sla,
    tell_clocks,
)
from findings.services.rescoring import rescore
from findings.sla import DAY
from findings.statuses import Notice, Status
from scopes.models import Scope
from tests.factories import import_finding, make_finding, make_scope, member, now, take

pytestmark = pytest.mark.django_db


@pytest.fixture
def finding():
    """Of high severity: 30 days in the scope's SLA."""
    return import_finding()


def days_of(finding):
    return finding.scope.sla_days[finding.severity]


def change(scope, **terms):
    admin = member(scope, Role.ADMIN)
    return set_sla(scope=scope, terms=replace(Terms.of(scope), **terms), by=admin, at=now())


def told(kind):
    return list(ClockNotice.objects.filter(kind=kind).values_list("finding", flat=True))


# --- due dates -----------------------------------------------------------------------------------
def test_a_new_finding_is_due_by_the_days_of_its_scope(finding):
    assert finding.due_at == finding.first_seen_at + days_of(finding) * DAY


def test_another_sla_counts_for_what_is_open(finding):
    closed = make_finding(Status.FALSE_POSITIVE, asset=finding.asset)
    before = closed.due_at
    change(finding.scope, days={finding.severity: 3})
    job = Job.objects.get(kind="sla")
    assert jobs.run(job.pk)
    job.refresh_from_db()
    assert job.state == "done"
    finding.refresh_from_db()
    closed.refresh_from_db()
    assert finding.due_at == finding.first_seen_at + 3 * DAY
    assert closed.due_at == before
    event = Event.objects.get(action="scope.sla_set")
    assert event.data["after"]["days"] == {finding.severity: 3}
    assert event.data["before"]["days"] != event.data["after"]["days"]
    assert not list(broken_links())


def test_the_same_sla_again_changes_nothing(finding):
    change(finding.scope)
    assert not Event.objects.filter(action="scope.sla_set").exists()
    assert set_due(Finding.objects.all()) == 0


def test_a_job_that_is_overtaken_by_another_sla_sets_by_the_newer(asset, monkeypatch):
    monkeypatch.setattr("findings.services.clocks.AT_ONCE", 1)
    first, second = import_finding(asset), import_finding(asset)
    change(asset.scope, days={first.severity: 3})

    def overtake(execute, sql, params, many, context):
        done = execute(sql, params, many, context)
        if sql.startswith("UPDATE") and "due_at" in sql:  # the first part is written
            Scope.objects.filter(pk=asset.scope_id).update(sla_days={first.severity: 5})
        return done

    with connection.execute_wrapper(overtake):
        assert set_due(Finding.objects.all()) == 2
    second.refresh_from_db()
    assert second.due_at == second.first_seen_at + 5 * DAY


@pytest.mark.parametrize(
    ("terms", "where"),
    [
        ({"days": {"huge": 3}}, "days"),
        ({"days": {"high": 0}}, "days: high"),
        ({"days": {"high": 4000}}, "days: high"),
        ({"stage_days": {"mobilization_complete": {"high": 3}}}, "stage_days"),
        ({"counts": "moon"}, "counts"),
        ({"warn_days": 91}, "warn_days"),
        ({"working_days": []}, "working_days"),
        ({"working_days": [0]}, "working_days"),
        ({"time_zone": "Middle/Earth"}, "time_zone"),
        ({"time_zone": "../../etc/passwd"}, "time_zone"),
        ({"holidays": ["Christmas"]}, "holidays"),
        (
            {"holidays": [str((datetime(2026, 1, 1) + n * DAY).date()) for n in range(1001)]},
            "holidays",
        ),
    ],
)
def test_terms_that_say_nothing_are_refused_with_their_place(terms, where):
    scope = make_scope()
    with pytest.raises(BadInput) as refused:
        change(scope, **terms)
    assert refused.value.where == where
    scope.refresh_from_db()
    assert not Job.objects.filter(kind="sla").exists()


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
def test_only_administrators_set_an_sla(role):
    scope = make_scope()
    with pytest.raises(NotAllowed):
        set_sla(scope=scope, terms=Terms.of(scope), by=member(scope, role), at=now())


def test_a_reopened_finding_has_its_time_again(finding):
    Finding.objects.filter(pk=finding.pk).update(due_at=now() - DAY)
    take("dismiss", finding)
    finding.refresh_from_db()
    take("reopen", finding)
    finding.refresh_from_db()
    assert finding.clock_from == finding.status_since
    assert finding.due_at == finding.clock_from + days_of(finding) * DAY


def test_what_an_ended_acceptance_reopens_has_its_time_again(finding):
    take("accept_risk", finding)
    later = now() + 10 * DAY
    assert expire_acceptances(at=later) == 1
    finding.refresh_from_db()
    assert (finding.clock_from, finding.due_at) == (later, later + days_of(finding) * DAY)


def test_a_priority_that_rises_brings_the_due_date_nearer(finding):
    change(finding.scope, days={finding.severity: 30, "P1": 2})
    set_due(Finding.objects.all())
    finding.refresh_from_db()
    assert finding.due_at == finding.first_seen_at + 30 * DAY
    Scope.objects.filter(pk=finding.scope_id).update(criticality="critical", exposure="internet")
    Finding.objects.filter(pk=finding.pk).update(decided_severity="critical", severity="critical")
    rescore(Finding.objects.all(), cause=Cause.SCOPE, at=now())
    finding.refresh_from_db()
    assert (finding.priority_band, finding.due_at) == ("P1", finding.first_seen_at + 2 * DAY)


# --- pauses --------------------------------------------------------------------------------------
def test_a_paused_clock_has_no_due_date_and_goes_on_later_by_the_pause(finding):
    analyst, at, due = member(finding.scope, Role.ANALYST), now(), finding.due_at
    told = {"party": "The vendor", "reason": "A patch is due.", "by": analyst}
    pause = pause_clock(finding=finding, at=at, **told)
    finding.refresh_from_db()
    assert finding.due_at is None
    with pytest.raises(WrongState, match="stands still already"):
        pause_clock(finding=finding, party="Us", reason="Again.", by=analyst, at=at)
    assert set_due(Finding.objects.all()) == 0  # it stays without one
    resume_clock(pause=pause, by=analyst, at=at + 2 * DAY)
    finding.refresh_from_db()
    assert finding.due_at == due + 2 * DAY
    again = pause_clock(finding=finding, at=at + 3 * DAY, **told)
    with pytest.raises(WrongState, match="over already"):  # the first one: the other goes on
        resume_clock(pause=pause, by=analyst, at=at + 4 * DAY)
    again.refresh_from_db()
    assert again.ended_at is None
    actions = Event.objects.about("finding", finding.pk).values_list("action", flat=True)
    assert {"finding.clock_paused", "finding.clock_resumed"} <= set(actions)


def test_a_finding_that_is_not_open_has_no_clock_to_pause():
    finding = make_finding(Status.FALSE_POSITIVE)
    with pytest.raises(WrongState, match="no clock runs"):
        pause_clock(
            finding=finding, party="x", reason="y", by=member(finding.scope, Role.ANALYST), at=now()
        )


@pytest.mark.parametrize(("party", "reason"), [("", "y"), ("a\nb", "y"), ("x", "  ")])
def test_a_pause_says_for_whom_and_why(finding, party, reason):
    analyst = member(finding.scope, Role.ANALYST)
    with pytest.raises(BadInput):
        pause_clock(finding=finding, party=party, reason=reason, by=analyst, at=now())


@pytest.mark.parametrize("role", [Role.VIEWER, Role.DEVELOPER, Role.PIPELINE, Role.TICKETING])
def test_who_may_not_triage_may_not_stop_a_clock(finding, role):
    with pytest.raises(NotAllowed):
        pause_clock(
            finding=finding, party="x", reason="y", by=member(finding.scope, role), at=now()
        )


# --- told once -----------------------------------------------------------------------------------
def test_a_breach_is_told_before_and_after_and_once(finding):
    due = finding.due_at
    assert tell_clocks(at=due - 8 * DAY) == 0
    assert tell_clocks(at=due - 6 * DAY) == 1
    assert tell_clocks(at=due - 5 * DAY) == 0
    assert tell_clocks(at=due + timedelta(seconds=1)) == 1
    assert tell_clocks(at=due + DAY) == 0
    assert (told(Notice.DUE_SOON), told(Notice.OVERDUE)) == ([finding.pk], [finding.pk])
    event = Event.objects.get(action="sla.overdue")
    assert event.scope_id == finding.scope_id
    assert event.data["findings"] == [finding.pk]
    assert event.actor is None


def test_another_due_date_is_told_again(finding):
    tell_clocks(at=finding.due_at + DAY)
    Finding.objects.filter(pk=finding.pk).update(due_at=finding.due_at + 20 * DAY)
    assert tell_clocks(at=finding.due_at + 21 * DAY) == 1
    assert told(Notice.OVERDUE) == [finding.pk] * 2


@pytest.mark.parametrize("column", [{"set_aside": "noise"}, {"due_at": None}])
def test_what_is_out_of_the_queues_is_not_told(finding, column):
    Finding.objects.filter(pk=finding.pk).update(**column)
    assert tell_clocks(at=finding.due_at + DAY) == 0


def test_closed_findings_are_not_late():
    finding = make_finding(Status.FALSE_POSITIVE)
    assert tell_clocks(at=finding.due_at + DAY) == 0


def test_a_finding_that_stays_in_its_stage_is_told_once_for_each_stay(finding):
    change(finding.scope, stage_days={finding.status: {finding.severity: 2}})
    since = finding.status_since
    assert tell_clocks(at=since + DAY) == 0
    assert tell_clocks(at=since + 3 * DAY) == 1
    assert tell_clocks(at=since + 4 * DAY) == 0
    assert told(Notice.STAGE_OVERDUE) == [finding.pk]
    Finding.objects.filter(pk=finding.pk).update(status_since=since + 5 * DAY)
    assert tell_clocks(at=since + 8 * DAY) == 1


def test_a_stage_stands_still_with_the_clock(finding):
    change(finding.scope, stage_days={finding.status: {finding.severity: 2}})
    analyst, since = member(finding.scope, Role.ANALYST), finding.status_since
    pause = pause_clock(finding=finding, party="x", reason="y", by=analyst, at=since + DAY)
    assert tell_clocks(at=since + 9 * DAY) == 0
    resume_clock(pause=pause, by=analyst, at=since + 9 * DAY)
    assert tell_clocks(at=since + 9.5 * DAY) == 0
    assert tell_clocks(at=since + 11 * DAY) == 1


def test_those_behind_many_that_are_not_late_are_told_too(asset, monkeypatch):
    monkeypatch.setattr("findings.services.clocks.AT_ONCE", 1)
    monkeypatch.setattr("findings.services.clocks.MOST_TOLD", 1)
    first, second = import_finding(asset), import_finding(asset)
    change(asset.scope, stage_days={first.status: {first.severity: 2}})
    analyst, since = member(asset.scope, Role.ANALYST), first.status_since
    Finding.objects.update(status_since=since)
    pause = pause_clock(finding=first, party="x", reason="y", by=analyst, at=since)
    resume_clock(pause=pause, by=analyst, at=since + 20 * DAY)
    assert tell_clocks(at=since + 21 * DAY) == 1
    assert told(Notice.STAGE_OVERDUE) == [second.pk]


def test_business_days_in_a_stage_are_counted_to_the_day(finding):
    change(finding.scope, counts="business", stage_days={finding.status: {finding.severity: 1}})
    friday = datetime(2026, 11, 20, 12, tzinfo=UTC)
    Finding.objects.filter(pk=finding.pk).update(status_since=friday, due_at=None)
    assert tell_clocks(at=friday + 2 * DAY) == 0
    assert tell_clocks(at=friday + 3.1 * DAY) == 1


# --- acceptances ---------------------------------------------------------------------------------
def ask(finding, until):
    return request_risk_acceptance(
        finding=finding, reason="The vendor is late.", until=until,
        by=member(finding.scope, Role.ANALYST), at=now(),
    )  # fmt: skip


def test_the_end_of_an_acceptance_is_told_before(finding):
    until = (now() + 30 * DAY).date()
    ask(finding, until)
    perform_transition(
        finding=finding,
        name="accept_risk",
        by=member(finding.scope, Role.APPROVER),
        at=now(),
        brought={},
    )
    end = datetime.combine(until, time(), UTC)
    assert tell_clocks(at=end - 20 * DAY) == 0
    assert tell_clocks(at=end - 10 * DAY) == 1
    assert tell_clocks(at=end - 9 * DAY) == 0
    assert told(Notice.ACCEPTANCE_ENDS) == [finding.pk]


def test_an_acceptance_is_renewed_by_a_second_person_and_then_ends_later(finding):
    take("accept_risk", finding)
    finding.refresh_from_db()
    since, until = finding.status_since, (now() + 40 * DAY).date()
    ask(finding, until)
    analyst, approver = member(finding.scope, Role.ANALYST), member(finding.scope, Role.APPROVER)
    with pytest.raises(NotAllowed):
        perform_transition(finding=finding, name="renew_risk", by=analyst, at=now(), brought={})
    renewed = perform_transition(
        finding=finding, name="renew_risk", by=approver, at=now() + timedelta(minutes=1), brought={}
    )
    assert (renewed.status, renewed.status_since) == (Status.RISK_ACCEPTED, since)
    assert expire_acceptances(at=now() + 20 * DAY) == 0
    assert expire_acceptances(at=now() + 41 * DAY) == 1
    assert RiskAcceptance.objects.filter(approved_by=approver).count() == 2
