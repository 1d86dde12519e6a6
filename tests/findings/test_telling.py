"""The history of a finding tells of events about many findings as well."""

from datetime import timedelta
from importlib import import_module
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from core.events import append_event
from findings.models import FindingEvent, history_of
from findings.services import (
    add_findings,
    assign_many,
    expire_acceptances,
    merge_findings,
    remove_findings,
    split_group,
    start_campaign,
)
from findings.services.owning import add_team, take_code_owners
from findings.services.rules import apply_rule, end_rule, make_rule
from findings.services.telling import append_set_event
from findings.statuses import Status
from tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def findings(asset):
    return [make.import_finding(asset) for _ in range(3)]


def told(finding):
    """The actions of its history, newest first, but for what its import says."""
    return list(history_of(finding.pk).order_by("-pk").values_list("action", flat=True))


def test_what_is_assigned_together_shows_in_the_history_of_each(findings, analyst, developer):
    assign_many(findings=findings[:2], to=developer, by=analyst, at=make.now())
    assert [told(finding) for finding in findings] == [["finding.assigned"]] * 2 + [[]]


def test_what_is_grouped_and_taken_out_shows_in_the_history_of_each(findings, analyst):
    by = {"by": analyst, "at": make.now()}
    group = merge_findings(findings=findings, title="One", reason="Same call.", **by)
    split_group(group=group, findings=[findings[0].pk], reason="Not it.", **by)
    assert told(findings[0]) == ["group.split", "group.merged"]
    assert told(findings[1]) == ["group.merged"]


def test_campaigns_show_in_the_history_of_what_they_take_in_and_out(findings, asset, analyst):
    by = {"by": analyst, "at": make.now()}
    campaign = start_campaign(scope=asset.scope, name="A", goal="B", **by)
    rows = type(findings[0]).objects.filter(asset=asset)
    add_findings(campaign=campaign, findings=rows, **by)
    remove_findings(campaign=campaign, findings=[findings[0].pk], reason="No.", **by)
    assert told(findings[0]) == ["campaign.findings_removed", "campaign.findings_added"]
    assert told(findings[1]) == ["campaign.findings_added"]


def test_rules_and_owners_show_in_the_history_of_what_they_changed(findings, asset, analyst, admin):
    by = {"by": analyst, "at": make.now()}
    rule = make_rule(
        scope=asset.scope, name="Low", conditions={"path": [findings[0].path]},
        actions={"severity": "low"}, **by,
    )  # fmt: skip
    apply_rule(rule=rule, **by)
    end_rule(rule=rule, **by)
    add_team(scope=asset.scope, name="A", handle="@acme/a", by=admin, at=make.now())
    take_code_owners(asset=asset, text=f"/{findings[1].path} @acme/a", **by)
    assert told(findings[0]) == ["discovery_rule.ended", "discovery_rule.applied"]
    assert told(findings[1]) == ["findings.owned"]
    assert told(findings[2]) == []


def test_an_acceptance_that_ends_shows_in_the_history(asset):
    finding = make.make_finding(Status.RISK_ACCEPTED, asset=asset)
    assert expire_acceptances(at=make.now() + timedelta(days=3)) == 1
    assert told(finding)[0] == "finding.expire"


def test_an_event_is_about_findings_of_its_scope_alone(findings):
    other = make.import_finding()
    with pytest.raises(DatabaseError), transaction.atomic():
        append_set_event(
            scope_id=findings[0].scope_id, action="finding.assigned", subject="scope",
            subject_id=findings[0].scope_id, by=None, at=make.now(), findings=[other.pk],
        )  # fmt: skip
        connection.check_constraints()


def test_which_findings_an_event_was_about_cannot_be_changed(findings, analyst, developer):
    assign_many(findings=findings, to=developer, by=analyst, at=make.now())
    rows = FindingEvent.objects.filter(finding=findings[0])
    for attack in (rows.delete, lambda: rows.update(finding=findings[1].pk)):
        with pytest.raises(DatabaseError), transaction.atomic():
            attack()
    assert rows.count() == 1


def test_a_set_takes_one_statement_more_whatever_its_size(findings):
    def statements(number):
        with CaptureQueriesContext(connection) as queries:
            append_set_event(
                scope_id=findings[0].scope_id, action="finding.assigned", subject="scope",
                subject_id=1, by=None, at=make.now(), findings=[f.pk for f in findings[:number]],
            )  # fmt: skip
        return len(queries)

    assert statements(1) == statements(3)


@pytest.mark.skipif("connection.vendor != 'postgresql'")
def test_the_history_is_read_by_index_alone(findings):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    plan = history_of(findings[0].pk).order_by("-pk")[:100].explain()
    assert "Seq Scan" not in plan and "finding_event_once" in plan and "event_subject" in plan


def test_events_of_before_name_their_findings_to_the_migration(findings):
    scope, ids = findings[0].scope_id, [finding.pk for finding in findings]
    told = {"scope_id": scope, "subject": "scope", "subject_id": scope, "by": None}
    for action, data in (
        ("finding.assigned", {"findings": ids[:2]}),
        ("finding.vanish", {"findings": [ids[0], 10**9], "count": 5}),
        ("campaign.findings_added", {"count": 900, "sha256": "0"}),
        ("sla.overdue", {"findings": ids}),
    ):
        append_event(action=action, data=data, at=make.now(), **told)
    migration = import_module("findings.migrations.0014_events_of_many")
    migration.fill(apps, SimpleNamespace(connection=connection))
    expected = [["finding.vanish", "finding.assigned"], ["finding.assigned"], []]
    assert [
        list(history_of(pk).order_by("-pk").values_list("action", flat=True)) for pk in ids
    ] == (expected)
