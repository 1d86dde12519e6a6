"""Rules of discovery in a scope: made, approved, tried, applied, replaced, ended, expired."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from core.errors import BadInput, NotAllowed, WrongState
from core.events import broken_links
from core.models import Event, Job
from core.permissions import Role
from ctem import jobs
from ctem.tasks import expire
from findings.conditions import Told
from findings.discovery import decide, rules_in_force
from findings.models import AppliedRule, DiscoveryRule, Finding, FindingTag, Tag
from findings.services import perform_transition, taking_back
from findings.services.alone import set_decision_policy
from findings.services.applying import keep_outcomes
from findings.services.rehearsing import rehearse
from findings.services.rules import (
    apply_rule,
    approve_rule,
    end_expired_rules,
    end_rule,
    make_rule,
)
from findings.services.severities import decide_severity
from findings.services.tagging import set_tags
from findings.statuses import Status
from findings.tallies import differences
from scopes.models import Membership, Team
from tests import factories as make
from tests.factories import import_finding, make_scope, member, now
from tests.races import errors, race

pytestmark = pytest.mark.django_db

TESTS = {"path": ["tests/**"]}
NOISE = {"set_aside": "noise"}
SOON = timedelta(days=30)


def make_it(scope, actions=NOISE, conditions=TESTS, by=None, **more):
    told = {"name": "Tests", "reason": "Only tests.", "expires_at": now() + SOON, **more}
    by = by or member(scope, Role.ANALYST)
    return make_rule(scope=scope, conditions=conditions, actions=actions, by=by, at=now(), **told)


def approve(rule, by=None):
    return approve_rule(rule=rule, by=by or member(rule.scope, Role.APPROVER), at=now())


def in_force(scope, **more):
    return approve(make_it(scope, **more))


def last(scope):
    return Event.objects.filter(scope_id=scope.pk).latest("pk")


@pytest.fixture
def noisy(asset):
    return import_finding(asset, path="tests/test_shop.py")


@pytest.fixture
def real(asset):
    return import_finding(asset, path="app/shop.py")


def again(*findings):
    for finding in findings:
        finding.refresh_from_db()
    return findings[0] if len(findings) == 1 else findings


# --- two people ------------------------------------------------------------------------------------
def test_a_rule_that_sets_aside_acts_once_a_second_person_lets_it(scope):
    rule = make_it(scope)
    assert rule.waits
    assert rules_in_force(scope.pk, now()) == []
    assert last(scope).action == "discovery_rule.requested"
    approve(rule)
    assert [one.pk for one in rules_in_force(scope.pk, now())] == [rule.pk]
    assert last(scope).action == "discovery_rule.approved"


def test_a_rule_that_only_tags_and_rates_acts_at_once(scope):
    rule = make_it(scope, {"tags": ["Tests"], "severity": "low"}, reason="", expires_at=None)
    assert not rule.waits
    (acting,) = rules_in_force(scope.pk, now())
    assert acting.actions.to_dict() == {"tags": ["tests"], "severity": "low"}
    assert last(scope).action == "discovery_rule.made"


def test_nobody_approves_their_own_rule(scope):
    approver = member(scope, Role.APPROVER)
    rule = make_it(scope, by=approver)
    with pytest.raises(NotAllowed, match="nobody approves their own request"):
        approve(rule, approver)
    rule.refresh_from_db()
    assert rule.waits


def test_one_person_decides_where_the_scope_let_them_when_it_was_asked_and_still_does(scope):
    approver, admin = member(scope, Role.APPROVER), member(scope, Role.ADMIN)
    before = make_it(scope, by=approver)
    alone = {"dismissals_alone": False, "acceptances_alone": False}
    set_decision_policy(scope=scope, by=admin, at=now(), rules_alone=True, **alone)
    with pytest.raises(NotAllowed):
        approve(before, approver)
    after, other = make_it(scope, by=approver), make_it(scope, by=approver)
    approve(after, approver)
    set_decision_policy(scope=scope, by=admin, at=now(), rules_alone=False, **alone)
    with pytest.raises(NotAllowed):
        approve(other, approver)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.DEVELOPER, Role.PIPELINE, Role.TICKETING])
def test_who_may_not_triage_makes_tries_and_ends_no_rule(scope, role):
    rule, who = in_force(scope), member(scope, role)
    told = {"scope": scope, "conditions": TESTS, "actions": NOISE, "by": who, "at": now()}
    for verb in (
        lambda: make_it(scope, by=who),
        lambda: rehearse(**told),
        lambda: end_rule(rule=rule, by=who, at=now()),
        lambda: apply_rule(rule=rule, by=who, at=now()),
        lambda: approve(make_it(scope), who),
    ):
        with pytest.raises(NotAllowed):
            verb()


@pytest.mark.parametrize("role", [Role.ANALYST, Role.ADMIN])
def test_only_approvers_approve(scope, role):
    rule = make_it(scope, by=member(scope, Role.APPROVER))
    with pytest.raises(NotAllowed, match="does not allow you to approve"):
        approve(rule, member(scope, role))


# --- what is refused -------------------------------------------------------------------------------
REFUSED = [
    ({"reason": "  "}, "reason: must not be empty"),
    ({"expires_at": None}, "expires_at: what is set aside as noise needs a day"),
    ({"expires_at": now() - timedelta(1)}, "expires_at: must be in the future"),
    ({"expires_at": now() + timedelta(400)}, "expires_at: must be at most 366 days ahead"),
    ({"name": " "}, "name: must not be empty"),
    ({"name": "x" * 121}, r"name: longer than allowed \(121 > 120"),
    ({"position": -1}, "position: must be 0 to"),
    ({"conditions": {"asset": [999_999]}}, "conditions.asset: Not found in this scope: 999999"),
    ({"actions": {"assign": {"member": 999_999}}}, "actions.assign.member: Not found among"),
    ({"actions": {"assign": {"team": 999_999}}}, "actions.assign.team: Not found among"),
]


@pytest.mark.parametrize(("told", "sentence"), REFUSED)
def test_a_rule_that_cannot_be_used_is_refused_with_the_place(scope, told, sentence):
    with pytest.raises(BadInput, match=sentence):
        make_it(scope, **told)
    assert not DiscoveryRule.objects.exists()


def test_a_rule_names_nothing_of_another_scope(scope, outsider):
    other = outsider.memberships.get().scope
    theirs = make.make_asset(other)
    team = Team.objects.create(scope=other, name="Ours", created_at=now())
    for told in (
        {"conditions": {"asset": [theirs.pk]}},
        {"actions": {"assign": {"member": outsider.pk}}},
        {"actions": {"assign": {"team": team.pk}}},
        {"replaces": in_force(other)},
    ):
        with pytest.raises(BadInput):
            make_it(scope, **told)


def test_out_of_scope_needs_a_reason_and_no_day(scope):
    assert make_it(scope, {"set_aside": "out_of_scope"}, expires_at=None).waits
    with pytest.raises(BadInput, match="reason"):
        make_it(scope, {"set_aside": "out_of_scope"}, reason="")


# --- what the database holds -----------------------------------------------------------------------
FORBIDDEN = [
    {"reason": "Another."},
    {"conditions": {"tool": ["x"]}},
    {"sets_aside": ""},
    {"alone": True},
    {"created_by": None},
    {"approved_at": None, "approved_by": None},
]


@pytest.mark.parametrize("columns", FORBIDDEN)
def test_a_rule_never_changes(scope, columns):
    rule = in_force(scope)
    with pytest.raises(IntegrityError), transaction.atomic():
        DiscoveryRule.objects.filter(pk=rule.pk).update(**columns)
    with pytest.raises(IntegrityError), transaction.atomic():
        DiscoveryRule.objects.filter(pk=rule.pk).delete()


def test_the_database_itself_wants_two_people_a_reason_and_a_day(scope, analyst):
    rule = make_it(scope)
    with pytest.raises(IntegrityError), transaction.atomic():
        DiscoveryRule.objects.filter(pk=rule.pk).update(approved_by=analyst, approved_at=now())
    told = {
        "scope": scope,
        "position": 1,
        "conditions": TESTS,
        "created_at": now(),
        "created_by": analyst,
    }
    for bad in (
        {"name": "a", "sets_aside": "noise", "reason": "b"},
        {"name": "a", "sets_aside": "noise", "expires_at": now() + SOON},
        {"name": "a", "sets_aside": "bin", "reason": "b", "expires_at": now() + SOON},
        {"name": ""},
        {"name": "a", "to_member": 1, "to_team": 1},
        {"name": "a", "expires_at": now() - SOON},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            DiscoveryRule.objects.create(**told, **bad)


def test_an_ended_rule_stays_ended(scope):
    rule = end_rule(rule=in_force(scope), by=member(scope, Role.ANALYST), at=now())
    with pytest.raises(IntegrityError), transaction.atomic():
        DiscoveryRule.objects.filter(pk=rule.pk).update(
            ended_at=None, ended_by=None, ended_because=""
        )
    with pytest.raises(WrongState, match="has ended already"):
        end_rule(rule=rule, by=member(scope, Role.ANALYST), at=now())


# --- which act, and in which order -----------------------------------------------------------------
def test_rules_are_read_in_their_order_in_one_statement(scope):
    late = make_it(scope, {"tags": ["c"]}, position=200)
    first = make_it(scope, {"tags": ["a"]}, position=1)
    same = make_it(scope, {"tags": ["d"]}, position=200)
    waiting = make_it(scope)
    make_it(make_scope(), {"tags": ["x"]})
    with CaptureQueriesContext(connection) as asked:
        found = rules_in_force(scope.pk, now())
    assert [one.pk for one in found] == [first.pk, late.pk, same.pk]
    assert len(asked) == 1
    assert waiting.pk not in [one.pk for one in found]


def test_a_rule_acts_until_its_moment(scope):
    rule = in_force(scope)
    assert rules_in_force(scope.pk, rule.expires_at - timedelta(seconds=1))
    assert not rules_in_force(scope.pk, rule.expires_at)


def test_who_left_and_a_team_that_is_gone_are_assigned_nothing(scope, developer):
    team = Team.objects.create(scope=scope, name="Ours", created_at=now())
    make_it(scope, {"assign": {"member": developer.pk}, "tags": ["a"]})
    make_it(scope, {"assign": {"team": team.pk}, "tags": ["a"]})
    assert [(r.actions.to_member, r.actions.to_team) for r in rules_in_force(scope.pk, now())] == [
        (developer.pk, None),
        (None, team.pk),
    ]
    Membership.objects.filter(user=developer).delete()
    team.delete()
    assert [(r.actions.to_member, r.actions.to_team) for r in rules_in_force(scope.pk, now())] == [
        (None, None),
        (None, None),
    ]


# --- trying ----------------------------------------------------------------------------------------
def test_trying_says_what_it_would_have_done_and_writes_nothing(scope, noisy, real, analyst):
    before = list(Finding.objects.values()), Event.objects.count()
    told = rehearse(
        scope=scope, conditions=TESTS, actions={**NOISE, "severity": "low", "tags": ["t"]},
        by=analyst, at=now(),
    )  # fmt: skip
    assert (told.looked_at, told.matched) == (2, 1)
    assert told.counts == {"set_aside": 1, "severity": 1, "tags": 1}
    (sample,) = told.samples
    assert (sample.finding, sample.path) == (noisy.pk, "tests/test_shop.py")
    changes = {change.what: (change.before, change.after) for change in sample.changes}
    assert changes == {
        "set_aside": ("", "noise"),
        "severity": (noisy.severity, "low"),
        "tags": ("", "t"),
    }
    assert (list(Finding.objects.values()), Event.objects.count()) == before
    assert not DiscoveryRule.objects.exists()


def test_trying_looks_at_the_newest_alone(scope, noisy, real, analyst):
    told = rehearse(scope=scope, conditions=TESTS, actions=NOISE, by=analyst, at=now(), last=1)
    assert (told.looked_at, told.matched) == (1, 0)
    for number in (0, 10_001):
        with pytest.raises(BadInput, match="last: must be 1 to 10000"):
            rehearse(
                scope=scope, conditions=TESTS, actions=NOISE, by=analyst, at=now(), last=number
            )


def test_trying_lets_the_rules_before_it_win(scope, noisy, analyst):
    first = in_force(scope, position=1)
    told = {"scope": scope, "conditions": TESTS, "actions": {**NOISE, "tags": ["t"]}, "by": analyst}
    after = rehearse(**told, at=now(), position=2)
    assert (after.matched, after.counts) == (1, {"set_aside": 0, "tags": 1})
    assert rehearse(**told, at=now(), position=0).counts == {"set_aside": 1, "tags": 1}
    instead = rehearse(**told, at=now(), position=2, replaces=first)
    assert instead.counts == {"set_aside": 1, "tags": 1}


# --- applying to what is there ---------------------------------------------------------------------
def test_applied_it_does_what_it_says_with_one_event_and_can_be_told(
    scope, noisy, real, analyst, developer
):
    rule = in_force(scope, actions={
        **NOISE, "severity": "low", "tags": ["Tests"], "assign": {"member": developer.pk},
        "ticket_project": "OPS"})  # fmt: skip
    events = Event.objects.count()
    settled = apply_rule(rule=rule, by=analyst, at=now())
    assert settled.to_dict()["counts"] == {"assign": 1, "set_aside": 1, "severity": 1, "tags": 1}
    again(noisy, real)
    assert (noisy.set_aside, noisy.severity, noisy.decided_severity) == ("noise", "low", "low")
    assert noisy.assigned_to == developer
    assert noisy.status == Status.PRIORITIZED  # open, never closed by a rule
    severity = next(t for t in noisy.priority.told["terms"] if t["name"] == "severity")
    assert severity["value"] == "low"
    assert (noisy.due_at - noisy.first_seen_at).days == scope.sla_days["low"]
    assert (real.set_aside, real.assigned_to, real.decided_severity) == ("", None, "")
    assert [row.tag.name for row in noisy.tagged.all()] == ["tests"]
    applied = AppliedRule.objects.get()
    assert (applied.finding, applied.rule) == (noisy, rule)
    assert applied.did == {
        "severity": "low", "set_aside": "noise", "to_member": developer.pk, "tags": ["tests"],
        "ticket_project": "OPS",
    }  # fmt: skip
    assert Event.objects.count() == events + 1
    assert last(scope).data["findings"] == 1
    assert differences() == []
    assert list(broken_links()) == []


def test_applied_twice_it_does_nothing_more(scope, noisy, analyst):
    rule = in_force(scope, actions={**NOISE, "tags": ["a"]})
    apply_rule(rule=rule, by=analyst, at=now())
    assert apply_rule(rule=rule, by=analyst, at=now()).to_dict()["findings"] == 0
    assert AppliedRule.objects.count() == FindingTag.objects.count() == 1


def test_what_a_person_decided_stands_above_rules(scope, noisy, analyst, developer):
    decide_severity(finding=noisy, severity="critical", reason="Seen.", by=analyst, at=now())
    again(noisy).assigned_to = analyst
    noisy.save(update_fields=["assigned_to"])
    rule = make_it(scope, {"severity": "low", "assign": {"member": developer.pk}})
    apply_rule(rule=rule, by=analyst, at=now())
    again(noisy)
    assert (noisy.severity, noisy.assigned_to) == ("critical", analyst)


def test_rules_before_it_win_where_they_hold(scope, noisy, analyst):
    make_it(scope, {"severity": "critical"}, position=1)
    later = make_it(scope, {"severity": "low", "tags": ["a"]}, position=2)
    apply_rule(rule=later, by=analyst, at=now())
    assert again(noisy).decided_severity == ""
    assert noisy.tagged.count() == 1


def test_it_is_applied_to_open_findings_of_its_scope_alone(scope, noisy, analyst, outsider):
    other = outsider.memberships.get().scope
    theirs = import_finding(make.make_asset(other), path="tests/test_shop.py")
    make.request_false_positive(noisy)
    perform_transition(
        finding=noisy, name="dismiss", by=member(scope, Role.APPROVER), at=now(), brought={}
    )
    rule = in_force(scope)
    assert apply_rule(rule=rule, by=analyst, at=now()).to_dict()["findings"] == 0
    assert (again(noisy).set_aside, again(theirs).set_aside) == ("", "")


def test_a_rule_that_is_not_in_force_is_not_applied(scope, noisy, analyst):
    for rule in (make_it(scope), end_rule(rule=in_force(scope), by=analyst, at=now())):
        with pytest.raises(WrongState, match="not in force"):
            apply_rule(rule=rule, by=analyst, at=now())


def many(asset, number):
    return [import_finding(asset, path=f"tests/test_{n}.py") for n in range(number)]


def test_of_many_findings_a_job_asks_the_rule_of_the_rest_part_by_part(
    scope, asset, analyst, monkeypatch
):
    monkeypatch.setattr("findings.services.rules.AT_ONCE", 2)
    monkeypatch.setattr("findings.services.rules.PART", 3)
    rows = many(asset, 10)
    rule = in_force(scope)
    settled = apply_rule(rule=rule, by=analyst, at=now())
    assert settled.to_dict()["findings"] == 2 and settled.more_follows
    assert [again(row).set_aside for row in rows] == ["noise"] * 2 + [""] * 8
    assert jobs.run(Job.objects.get(kind="apply_rule").pk)
    assert {again(row).set_aside for row in rows} == {"noise"}
    told = Event.objects.filter(action="discovery_rule.applied").order_by("pk")
    assert [(e.actor, e.data["findings"]) for e in told] == [
        (analyst, 2), (None, 1), (None, 3), (None, 3), (None, 1),
    ]  # fmt: skip
    assert [e.data.get("more_follows", False) for e in told] == [True, *[False] * 4]
    assert differences() == [] and list(broken_links()) == []


def test_a_rule_that_ended_meanwhile_is_asked_of_nothing_more(scope, asset, analyst, monkeypatch):
    monkeypatch.setattr("findings.services.rules.AT_ONCE", 1)
    rows = many(asset, 3)
    rule = in_force(scope)
    apply_rule(rule=rule, by=analyst, at=now())
    end_rule(rule=rule, by=analyst, at=now())
    job = Job.objects.get(kind="apply_rule")
    assert jobs.run(job.pk)
    job.refresh_from_db()
    assert job.state == "done"
    assert {again(row).set_aside for row in rows} == {""}


def test_it_is_applied_again_after_its_job_is_over(scope, asset, analyst, monkeypatch):
    monkeypatch.setattr("findings.services.rules.AT_ONCE", 1)
    many(asset, 3)
    rule = in_force(scope)
    for number in (1, 2):
        apply_rule(rule=rule, by=analyst, at=now())
        assert jobs.run(Job.objects.filter(kind="apply_rule").latest("pk").pk)
        assert Job.objects.filter(kind="apply_rule", state="done").count() == number


# --- ending ----------------------------------------------------------------------------------------
def test_ended_it_gives_back_what_it_set_aside_and_rated_and_leaves_owners_and_tags(
    scope, noisy, analyst, developer
):
    before = noisy.severity, noisy.priority_score, noisy.due_at
    rule = in_force(scope, actions={
        **NOISE, "severity": "low", "tags": ["a"], "assign": {"member": developer.pk}})  # fmt: skip
    apply_rule(rule=rule, by=analyst, at=now())
    end_rule(rule=rule, by=analyst, at=now())
    again(noisy)
    assert (noisy.severity, noisy.priority_score, noisy.due_at) == before
    assert (noisy.set_aside, noisy.decided_severity) == ("", "")
    assert (noisy.assigned_to, noisy.tagged.count()) == (developer, 1)
    assert AppliedRule.objects.get().undone_at is not None
    event = last(scope)
    assert (event.action, event.data["counts"]) == (
        "discovery_rule.ended",
        {"set_aside": 1, "severity": 1},
    )


def test_ended_it_leaves_aside_what_another_rule_in_force_sets_aside(scope, noisy, analyst):
    first, second = in_force(scope, position=1), in_force(scope, position=2)
    apply_rule(rule=first, by=analyst, at=now())
    apply_rule(rule=second, by=analyst, at=now())
    end_rule(rule=first, by=analyst, at=now())
    assert again(noisy).set_aside == "noise"
    assert AppliedRule.objects.get(undone_at__isnull=True).rule == second
    end_rule(rule=second, by=analyst, at=now())
    assert again(noisy).set_aside == ""


def test_ended_it_does_not_touch_a_severity_that_a_person_decided_since(scope, noisy, analyst):
    rule = make_it(scope, {"severity": "low"})
    apply_rule(rule=rule, by=analyst, at=now())
    decide_severity(finding=noisy, severity="high", reason="Seen.", by=analyst, at=now())
    end_rule(rule=rule, by=analyst, at=now())
    assert again(noisy).decided_severity == "high"


def test_expired_rules_end_with_one_event_for_each_scope(scope, noisy, analyst):
    rules = [in_force(scope), in_force(scope, position=7), make_it(scope)]
    kept = in_force(scope, expires_at=now() + 3 * SOON)
    end_rule(rule=kept, by=analyst, at=now())
    for rule in rules[:2]:
        apply_rule(rule=rule, by=analyst, at=now())
    other = make_scope()
    in_force(other)
    assert end_expired_rules(at=now()) == 0
    assert again(noisy).set_aside == "noise"
    assert end_expired_rules(at=now() + SOON + timedelta(hours=1)) == 4
    assert again(noisy).set_aside == ""
    event = last(scope)
    assert (event.action, event.actor) == ("discovery_rule.expired", None)
    assert event.data["rules"] == [rule.pk for rule in rules]
    assert event.data["counts"] == {"set_aside": 1}
    assert Event.objects.filter(action="discovery_rule.expired").count() == 2
    assert end_expired_rules(at=now() + SOON + timedelta(hours=1)) == 0
    assert DiscoveryRule.objects.filter(ended_because="expired").count() == 4


def test_the_beat_ends_what_has_expired(scope, noisy, analyst, approver):
    before = now() - timedelta(days=2)
    rule = make_rule(
        scope=scope, name="Tests", conditions=TESTS, actions=NOISE, reason="Only tests.", by=analyst,
        at=before, expires_at=now() - timedelta(days=1),
    )  # fmt: skip
    approve_rule(rule=rule, by=approver, at=before)
    apply_rule(rule=rule, by=analyst, at=before)
    assert again(noisy).set_aside == "noise"
    expire()
    assert again(noisy).set_aside == ""


def test_what_a_rule_takes_over_from_one_that_ends_comes_back_when_it_ends_too(
    scope, asset, analyst
):
    first = in_force(
        scope, actions={"set_aside": "out_of_scope", "severity": "critical"}, position=1
    )
    second = in_force(scope, actions={**NOISE, "severity": "low", "tags": ["x"]}, position=2)
    noisy = import_finding(asset, path="tests/test_shop.py")
    assert (noisy.set_aside, noisy.severity) == ("out_of_scope", "critical")
    assert second.applied.get().did == {"tags": ["x"]}
    end_rule(rule=first, by=analyst, at=now())
    assert (again(noisy).set_aside, noisy.severity) == ("noise", "low")
    assert second.applied.get().did == {**NOISE, "severity": "low", "tags": ["x"]}
    end_rule(rule=second, by=analyst, at=now())
    assert (again(noisy).set_aside, noisy.decided_severity) == ("", "")


def test_rules_that_expire_together_give_back_what_either_set(scope, noisy, analyst):
    first = make_it(scope, {"set_aside": "out_of_scope"}, position=1)
    apply_rule(rule=in_force(scope, position=2), by=analyst, at=now())
    apply_rule(rule=approve(first), by=analyst, at=now())
    assert again(noisy).set_aside == "out_of_scope"
    assert end_expired_rules(at=now() + SOON + timedelta(hours=1)) == 2
    assert again(noisy).set_aside == ""


def test_what_very_many_findings_get_back_is_a_job_that_goes_on_where_it_was_killed(
    scope, asset, analyst, monkeypatch
):
    monkeypatch.setattr(taking_back, "AT_ONCE", 1)
    monkeypatch.setattr(taking_back, "PART", 1)
    rule = in_force(scope, actions={**NOISE, "severity": "low"})
    for name in "abcd":
        import_finding(asset, path=f"tests/{name}.py")
    end_rule(rule=rule, by=analyst, at=now())
    aside = Finding.objects.filter(set_aside="noise", decided_severity="low")
    assert aside.count() == 3
    assert (last(scope).data["findings"], last(scope).data["more_follows"]) == (1, True)
    real, calls = taking_back._undo, []

    def once(part, *rest):
        calls.append([row.pk for row in part])
        if len(calls) == 2:
            raise OSError("killed")
        real(part, *rest)

    monkeypatch.setattr(taking_back, "_undo", once)
    job = Job.objects.get(kind="take_back")
    assert jobs.run(job.pk)
    assert aside.count() == 2
    Job.objects.update(next_attempt_at=now())
    assert jobs.run(job.pk)
    assert not aside.exists() and not rule.applied.filter(undone_at__isnull=True).exists()
    job.refresh_from_db()
    assert (job.state, len(calls)) == ("done", 4)
    told = Event.objects.filter(action="discovery_rule.taken_back")
    assert [(one.subject_id, one.data["findings"]) for one in told] == [(rule.pk, 1)] * 3
    assert differences() == []


# --- replacing -------------------------------------------------------------------------------------
def test_the_next_version_of_a_rule_takes_over_what_it_sets_aside_too(scope, asset, noisy, analyst):
    other = import_finding(asset, path="tests/e2e/test_all.py")
    rule = in_force(scope)
    apply_rule(rule=rule, by=analyst, at=now())
    narrower = make_it(scope, conditions={"path": ["tests/test_*"]}, replaces=rule)
    assert again(noisy, other)[0].set_aside == "noise"  # nothing before the second person
    rule.refresh_from_db()
    assert rule.ended_at is None
    approve(narrower)
    rule.refresh_from_db()
    assert rule.ended_because == "replaced"
    again(noisy, other)
    assert (noisy.set_aside, other.set_aside) == ("noise", "")
    assert last(scope).data["taken_back"]["counts"] == {"set_aside": 2}


def test_a_rule_has_one_next_version_and_a_refused_one_makes_room(scope, analyst):
    rule = in_force(scope)
    wanted = make_it(scope, replaces=rule)
    with pytest.raises(WrongState, match="next version already"):
        make_it(scope, replaces=rule)
    end_rule(rule=wanted, by=analyst, at=now())
    approve(make_it(scope, replaces=rule))
    with pytest.raises(WrongState, match="has ended"):
        make_it(scope, replaces=rule)


# --- imports keep what rules did -------------------------------------------------------------------
def test_what_rules_did_to_new_findings_is_kept_in_a_fixed_number_of_statements(scope, asset):
    make_it(scope, {"tags": ["a", "b"]}, conditions={"tool_class": ["sast"]})
    rules = rules_in_force(scope.pk, now())
    told = Told("t", "sast", "r", "p", "t", "error", "high", (), asset.pk, frozenset(), "present")
    outcome = decide(rules, told)
    counts = []
    for number in (1, 4):
        findings = [import_finding(asset) for _ in range(number)]
        with CaptureQueriesContext(connection) as asked:
            keep_outcomes(scope.pk, [(finding.pk, outcome) for finding in findings], at=now())
        counts.append(len(asked))
    assert counts[0] == counts[1]
    assert AppliedRule.objects.count() == 5
    assert FindingTag.objects.count() == 10
    assert sorted(Tag.objects.values_list("name", flat=True)) == ["a", "b"]
    keep_outcomes(scope.pk, [(findings[0].pk, outcome)], at=now())
    assert FindingTag.objects.count() == 10


def test_what_a_scan_discovers_is_rated_tagged_and_set_aside_by_the_rules_in_force(
    scope, asset, developer
):
    rule = in_force(
        scope, actions={
            **NOISE, "severity": "low", "tags": ["flaky"], "assign": {"member": developer.pk}}
    )  # fmt: skip
    noisy = import_finding(asset, path="tests/test_shop.py")
    real = import_finding(asset, path="app/shop.py")
    assert (noisy.set_aside, noisy.severity, noisy.decided_severity) == ("noise", "low", "low")
    assert (noisy.assigned_to, noisy.status) == (developer, Status.PRIORITIZED)
    assert [row.tag.name for row in noisy.tagged.all()] == ["flaky"]
    assert noisy.applied_rules.get().rule == rule
    assert (real.set_aside, real.decided_severity, real.applied_rules.count()) == ("", "", 0)
    assert differences() == []
    end_rule(rule=rule, by=member(scope, Role.ANALYST), at=now())
    again(noisy)
    assert (noisy.set_aside, noisy.severity, noisy.priority_score) == (
        "", real.severity, real.priority_score,
    )  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_ended_while_a_scan_is_read_nothing_of_it_stays_aside(scope, asset, analyst):
    import_finding(asset)
    rule = in_force(scope)
    path = "tests/test_shop.py"
    code = make.code_of(make.default_line(asset)).change({path: make.weak_file(path)})
    scan, _ = make.upload(asset, code)
    answers = race(lambda: make.run_job(scan), lambda: end_rule(rule=rule, by=analyst, at=now()))
    assert errors(answers) == []
    assert Finding.objects.get(path=path).set_aside == ""


# --- tags ------------------------------------------------------------------------------------------
def test_people_put_tags_on_and_take_them_off(scope, noisy, analyst):
    assert set_tags(finding=noisy, add=["PCI ", "Web"], by=analyst, at=now()) == ["pci", "web"]
    told = {"finding": noisy, "add": ["pci"], "remove": ["web"], "by": analyst, "at": now()}
    assert set_tags(**told) == ["pci"]
    assert last(scope).data == {"added": [], "removed": ["web"]}
    events = Event.objects.count()
    assert set_tags(finding=noisy, add=["pci"], by=analyst, at=now()) == ["pci"]
    assert Event.objects.count() == events
    for bad in ({"add": ["a,b"]}, {"add": [""]}, {"add": ["a"], "remove": ["a"]},
                {"add": [f"t{n}" for n in range(51)]}):  # fmt: skip
        with pytest.raises(BadInput):
            set_tags(finding=noisy, by=analyst, at=now(), **bad)


def test_a_tag_of_another_scope_stays_there(scope, noisy, outsider):
    other = Tag.objects.create(scope=outsider.memberships.get().scope, name="pci")
    with pytest.raises(IntegrityError), transaction.atomic():
        FindingTag.objects.create(finding=noisy, tag=other, scope=scope, at=now(), by=outsider)
        connection.check_constraints()


# --- races -----------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_ended_while_it_is_applied_nothing_stays_aside(scope, noisy, analyst):
    rule = in_force(scope)
    answers = race(
        lambda: apply_rule(rule=rule, by=analyst, at=now()),
        lambda: end_rule(rule=rule, by=analyst, at=now()),
    )
    assert [type(error) for error in errors(answers)] in ([], [WrongState])
    assert again(noisy).set_aside == ""
    assert list(broken_links()) == []
    assert differences() == []


@pytest.mark.django_db(transaction=True)
def test_two_approvers_at_once_approve_once(scope):
    rule = make_it(scope)
    second = make.add_member(scope, make.make_user("second-approver"), Role.APPROVER)
    approvers = [member(scope, Role.APPROVER), second]
    answers = race(*(lambda who=who: approve(rule, who) for who in approvers))
    assert [type(error) for error in errors(answers)] == [WrongState]
    assert Event.objects.filter(action="discovery_rule.approved").count() == 1
