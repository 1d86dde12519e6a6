"""T10: whoever comes at the same moment, one wins, the others are refused, one event is written."""

import threading
import time
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import transaction

from core.errors import Refused, WrongState
from core.events import append_event, broken_links
from core.models import Event, Job
from core.permissions import Role
from ctem import jobs
from findings.lifecycle import BY_NAME, transition
from findings.models import Cause, Feed, FeedKind, Finding, KevEntry, ValidationEvidence
from findings.services import (
    add_comment,
    expire_acceptances,
    merge_findings,
    perform_transition,
)
from findings.services.clocks import Terms, set_sla
from findings.services.disputes import dispute_finding
from findings.services.feeds import import_feed
from findings.services.rescoring import rescore
from findings.statuses import Status
from scopes.models import Asset
from tests.factories import (
    import_finding,
    make_finding,
    member,
    now,
    request_acceptance,
    request_false_positive,
)
from tests.findings.feeds_made import LOG4SHELL, OLD, kev
from tests.races import errors, race

pytestmark = pytest.mark.django_db(transaction=True)

MANY = 10


def events_of(finding: Finding, prefix: str = "finding.") -> list[str]:
    rows = Event.objects.about("finding", finding.pk).filter(action__startswith=prefix)
    return list(rows.order_by("pk").values_list("action", flat=True))


def test_of_ten_on_the_same_edge_one_wins():
    finding = import_finding()
    by = member(finding.scope, Role.DEVELOPER)
    answers = race(
        *[lambda: transition(finding.pk, "claim", by=by, at=now(), brought={"reason": "done"})]
        * MANY
    )
    assert len(errors(answers)) == MANY - 1
    assert {type(error) for error in errors(answers)} == {WrongState}
    assert events_of(finding) == ["finding.claim"]
    assert list(broken_links()) == []


def test_of_conflicting_edges_what_happened_is_a_way_through_the_table():
    finding = import_finding()
    request_acceptance(finding)
    request_false_positive(finding)
    other = import_finding(finding.asset)
    analyst, approver = member(finding.scope, Role.ANALYST), member(finding.scope, Role.APPROVER)
    asked = Event.objects.count()
    attempts = {
        "claim": (analyst, {"reason": "done"}),
        "validate": (analyst, {"evidence": "seen"}),
        "mark_duplicate": (analyst, {"duplicate_of": other.pk}),
        "dismiss": (approver, {}),
        "accept_risk": (approver, {}),
        "vanish": (None, {"reason": "gone"}),
    }
    answers = race(
        *[
            lambda name=name, by=by, brought=brought: transition(
                finding.pk, name, by=by, at=now(), brought=brought
            )
            for name, (by, brought) in attempts.items()
        ]
    )
    assert all(isinstance(error, Refused) for error in errors(answers)), errors(answers)
    moved = Event.objects.about("finding", finding.pk).order_by("pk")[2:]
    assert Event.objects.count() == asked + len(moved)
    assert len(moved) == len(answers) - len(errors(answers)) >= 1
    status = Status.PRIORITIZED
    for event in moved:
        row = BY_NAME[event.action.removeprefix("finding.")]
        assert status in row.sources
        assert (event.data["from"], event.data["to"]) == (status, row.target)
        status = row.target
    finding.refresh_from_db()
    assert finding.status == status
    assert list(broken_links()) == []


def test_two_approvals_of_one_request_are_one_decision():
    finding = import_finding()
    request_acceptance(finding)
    approver = member(finding.scope, Role.APPROVER)
    answers = race(
        *[
            lambda: perform_transition(
                finding=finding, name="accept_risk", by=approver, at=now(), brought={}
            )
        ]
        * 4
    )
    assert [type(error) for error in errors(answers)] == [WrongState] * 3
    assert events_of(finding).count("finding.accept_risk") == 1


def test_many_who_write_into_one_scope_leave_one_unbroken_chain():
    findings = [import_finding()]
    findings += [import_finding(findings[0].asset) for _ in range(MANY - 1)]
    by = member(findings[0].scope, Role.DEVELOPER)
    answers = race(
        *[
            lambda finding=finding: [
                add_comment(finding=finding, body=f"word {number}", by=by, at=now())
                for number in range(3)
            ]
            for finding in findings
        ]
    )
    assert not errors(answers)
    assert Event.objects.filter(action="finding.commented").count() == 3 * MANY
    assert list(broken_links()) == []


@pytest.mark.postgresql
def test_groups_that_are_merged_at_once_leave_no_remnant():
    asset = import_finding().asset
    for _ in range(5):
        a, b, c, d = (import_finding(asset) for _ in range(4))
        by = member(asset.scope, Role.ANALYST)
        told = {"title": "", "reason": "The same.", "by": by, "at": now()}
        merge_findings(findings=[c, d], **told)
        answers = race(
            lambda a=a, b=b, told=told: merge_findings(findings=[a, b], **told),
            lambda b=b, c=c, told=told: merge_findings(findings=[b, c], **told),
        )
        assert not errors(answers)
        groups = Finding.objects.filter(pk__in=[one.pk for one in (a, b, c, d)])
        assert groups.values("group").distinct().count() == 1


@pytest.mark.postgresql
@pytest.mark.parametrize("second", [LOG4SHELL, OLD])
def test_two_first_imports_of_a_feed_at_once_go_one_after_another(files, second):
    def bring(cve):
        data = kev(cve)
        return import_feed(kind=FeedKind.KEV, data=data, source="f", by=None, at=now())

    answers = race(lambda: bring(LOG4SHELL), lambda: bring(second))
    assert not errors(answers)
    different = 1 + (second != LOG4SHELL)
    assert sum(done.is_new for done in answers) == Feed.objects.count() == different
    assert KevEntry.objects.count() == 1


@pytest.mark.postgresql
def test_due_dates_of_a_changed_sla_reach_what_an_import_writes_meanwhile():
    """The import read the SLA before it changed, and ends after the job has begun."""
    finding = import_finding()
    begun, changed = threading.Event(), threading.Event()

    @transaction.atomic
    def an_import():
        Asset.objects.select_for_update(no_key=True).get(pk=finding.asset_id)
        begun.set()
        assert changed.wait(10)
        new = import_finding(finding.asset)
        Finding.objects.filter(pk=new.pk).update(due_at=now() + timedelta(days=999))
        time.sleep(0.3)  # the job is at it
        return new

    def a_change():
        assert begun.wait(10)
        days = {finding.severity: 3}
        terms = replace(Terms.of(finding.scope), days=days)
        by = member(finding.scope, Role.ADMIN)
        set_sla(scope=finding.scope, terms=terms, by=by, at=now())
        changed.set()
        return jobs.run(Job.objects.get(kind="sla").pk)

    new, done = race(an_import, a_change)
    assert done is True
    new.refresh_from_db()
    assert new.due_at == new.first_seen_at + timedelta(days=3)


def test_an_expiry_that_meets_a_reopening_moves_the_finding_once():
    for _ in range(3):
        finding = make_finding(at=Status.RISK_ACCEPTED)
        analyst = member(finding.scope, Role.ANALYST)
        answers = race(
            lambda: expire_acceptances(at=now() + timedelta(days=400)),
            lambda finding=finding, analyst=analyst: transition(
                finding.pk, "reopen", by=analyst, at=now(), brought={"reason": "again"}
            ),
        )
        assert all(isinstance(error, WrongState) for error in errors(answers)), errors(answers)
        finding.refresh_from_db()
        assert finding.status == Status.DISCOVERED
        reopened = "finding.reopen" in events_of(finding)
        expired = Event.objects.filter(
            action="finding.expire", scope_id=finding.scope_id, data__findings=[finding.pk]
        ).exists()
        assert reopened is not expired
    assert list(broken_links()) == []


def test_two_who_write_the_same_sum_of_a_priority_do_not_wait_for_each_other():
    first = import_finding()
    second = import_finding(first.asset)
    by, has_begun = member(first.scope, Role.ANALYST), threading.Event()

    def brings():
        with transaction.atomic():
            ValidationEvidence.objects.create(
                finding=first, kind="note", text="Seen.", at=now(), by=by
            )
            rescore(Finding.objects.filter(pk=first.pk), cause=Cause.VALIDATION, at=now())
            has_begun.set()
            time.sleep(0.5)  # the other wants to write that sum as well
            append_event(
                scope_id=first.scope_id, action="finding.evidence_added", subject="finding",
                subject_id=first.pk, by=by, at=now(),
            )  # fmt: skip

    def validates():
        assert has_begun.wait(10)
        perform_transition(
            finding=second, name="validate", by=by, at=now(), brought={"evidence": "Seen too."}
        )

    assert errors(race(brings, validates)) == []
    sums = set(Finding.objects.filter(asset=first.asset).values_list("priority", flat=True))
    assert len(sums) == 1 and list(broken_links()) == []


def test_what_was_dismissed_meanwhile_is_not_disputed():
    finding = import_finding()
    request_false_positive(finding)
    stale, by = Finding.objects.get(pk=finding.pk), member(finding.scope, Role.DEVELOPER)
    perform_transition(
        finding=finding, name="dismiss", by=member(finding.scope, Role.APPROVER), at=now(),
        brought={},
    )  # fmt: skip
    with pytest.raises(WrongState):
        dispute_finding(finding=stale, about="severity", reason="Less.", by=by, at=now())
