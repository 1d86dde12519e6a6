"""Priorities are worked out again where something is different, in bulk, and what they were is kept."""

from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.models import Event, Job
from core.permissions import Role
from ctem import jobs
from findings.models import (
    Cause,
    FeedKind,
    Finding,
    FindingCve,
    PriorityChange,
    PrioritySum,
    Rescoring,
)
from findings.services import order_rescoring, perform_transition, rescore, rescoring
from findings.services.exploits import keep_cves
from findings.services.feeds import import_feed
from gate.cvss import cves_in
from scopes.services.settings import change_scope
from tests import factories as make
from tests.findings.feeds_made import LOG4SHELL, OLD, OTHER, epss, findings_of, kev

pytestmark = pytest.mark.django_db


def named(*findings):
    """Keep the CVEs that the rules of findings name, where the import did not."""
    FindingCve.objects.filter(finding__in=findings).delete()
    keep_cves((one.pk, one.scope_id, cves_in([one.rule])) for one in findings)


@pytest.fixture
def two(files):
    asset = make.make_asset()
    found = findings_of(
        asset, (f"{LOG4SHELL}-log4j", "error", {}), (f"{OLD}-lodash", "warning", {})
    )
    named(*found)
    rescore(Finding.objects.all(), cause=Cause.IMPORT, at=make.now())
    for one in found:
        one.refresh_from_db()
    return found


def bring(kind, data):
    return import_feed(
        kind=FeedKind(kind), data=data, source=f"{kind}.json", by=None, at=make.now()
    )


def terms(finding):
    finding.refresh_from_db()
    return {
        term["name"]: (term["value"], term["points"]) for term in finding.priority.told["terms"]
    }


def test_without_feeds_the_terms_say_no_data(two):
    told = terms(two[0])
    assert told["known exploited (KEV)"] == told["exploit likelihood (EPSS)"] == ("no data", 0)
    assert two[0].ssvc in ("track", "track*", "attend", "act")


def test_a_feed_raises_what_it_lists_and_keeps_what_the_priority_was(two):
    listed, other = two
    before = (listed.priority_score, listed.priority_band, listed.priority)
    bring("kev", kev(LOG4SHELL, ransomware=[LOG4SHELL]))
    assert terms(listed)["known exploited (KEV)"] == ("listed, used by ransomware", 40)
    assert terms(other)["known exploited (KEV)"] == ("not listed", 0)
    assert listed.priority_score == before[0] + 40
    change = PriorityChange.objects.get()
    assert (change.finding, change.cause) == (listed, "feed")
    assert (change.from_score, change.from_band, change.until_then) == before
    assert (change.to_score, change.to_band) == (listed.priority_score, listed.priority_band)


def test_what_is_likely_counts_and_the_worst_of_several_cves_at_that(two):
    listed = two[0]
    keep_cves([(listed.pk, listed.scope_id, [OTHER])])
    bring("epss", epss(CVE_2021_44228=0.02, CVE_2020_8203=0.9))
    assert terms(listed)["exploit likelihood (EPSS)"] == ("90.0%", 10)
    assert terms(two[1])["exploit likelihood (EPSS)"] == ("no data", 0)


def test_one_event_tells_of_a_whole_rescoring_and_none_where_nothing_changed(two):
    bring("kev", kev(LOG4SHELL))
    event = Event.objects.get(action="priorities.rescored")
    run = Rescoring.objects.get()
    assert event.data["changed"] == run.changed == 1
    assert event.data["looked_at"] == 2
    assert sum(event.data["bands"].values()) == 1 and len(event.data["sha256"]) == 64
    bring("epss", epss(CVE_2099_0001=0.9))
    assert Event.objects.filter(action="priorities.rescored").count() == 1


def test_a_finding_that_leaves_the_list_goes_back_to_what_it_was(two):
    listed = two[0]
    before = listed.priority_score
    bring("kev", kev(LOG4SHELL))
    bring("kev", kev(OTHER))
    assert terms(listed)["known exploited (KEV)"] == ("not listed", 0)
    assert listed.priority_score == before
    assert PriorityChange.objects.filter(finding=listed).count() == 2


def test_the_same_file_again_changes_nothing_but_when_it_was_checked(two):
    first = bring("kev", kev(LOG4SHELL))
    again = bring("kev", kev(LOG4SHELL))
    assert first.is_new and not again.is_new
    assert again.feed.pk == first.feed.pk
    assert again.feed.checked_at > first.feed.checked_at
    assert Rescoring.objects.count() == 1


def test_findings_that_name_no_cve_are_not_touched_by_feeds(files):
    finding = make.import_finding()
    rescore(Finding.objects.all(), cause=Cause.IMPORT, at=make.now())
    bring("kev", kev(LOG4SHELL))
    assert terms(finding)["known exploited (KEV)"] == ("no CVE is named", 0)
    assert not Rescoring.objects.exists()


def test_validation_raises_the_priority_and_is_kept_as_a_change(two):
    finding = two[1]
    before = finding.priority_score
    perform_transition(
        finding=finding, name="validate", by=make.member(finding.scope, "analyst"), at=make.now(),
        brought={"evidence": "seen", "evidence_kind": "proof_of_concept"},
    )  # fmt: skip
    told = terms(finding)
    assert told["validated"] == ("yes", 10) and finding.priority_score == before + 10
    step = finding.priority.told["ssvc"]["path"][0]
    assert (step["value"], step["because"]) == (
        "public poc",
        "a proof of concept is among the evidence",
    )
    assert PriorityChange.objects.get(finding=finding).cause == "validation"


def test_a_severity_by_the_vector_moves_the_due_date(two):
    finding = two[1]
    assert finding.severity == "medium"
    late = finding.due_at
    Finding.objects.filter(pk=finding.pk).update(
        cvss="CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"
    )
    rescore(Finding.objects.filter(pk=finding.pk), cause=Cause.IMPORT, at=make.now())
    finding.refresh_from_db()
    assert finding.severity == "critical" and finding.due_at < late
    assert terms(finding)["severity"][0] == "critical, score 9.3"


def test_a_decided_severity_stays(two):
    finding = two[1]
    Finding.objects.filter(pk=finding.pk).update(severity="low", decided_severity="low")
    rescore(Finding.objects.filter(pk=finding.pk), cause=Cause.SEVERITY, at=make.now())
    finding.refresh_from_db()
    assert finding.severity == "low" and terms(finding)["severity"][0] == "low"


def test_many_findings_are_a_job_that_goes_on_behind_what_a_killed_worker_did(two, monkeypatch):
    monkeypatch.setattr(rescoring, "AT_ONCE", 1)
    monkeypatch.setattr(rescoring, "PART", 1)
    done = bring("kev", kev(LOG4SHELL, OLD))
    run = done.rescorings[0]
    assert run.finished_at is None and not PriorityChange.objects.exists()
    real, calls = rescoring._rescore_part, []

    def once(ids, *rest):
        calls.append(ids)
        if len(calls) == 2:
            raise OSError("killed")
        return real(ids, *rest)

    monkeypatch.setattr(rescoring, "_rescore_part", once)
    job = Job.objects.get(kind="rescore")
    jobs.run(job.pk)
    run.refresh_from_db()
    assert (run.looked_at, run.finished_at) == (1, None)
    Job.objects.update(next_attempt_at=make.now())
    jobs.run(job.pk)
    run.refresh_from_db()
    assert (run.looked_at, run.changed) == (2, 2) and run.finished_at
    assert [len(ids) for ids in calls] == [1, 1, 1]
    assert PriorityChange.objects.count() == 2
    assert Event.objects.get(action="priorities.rescored").data["changed"] == 2


def test_the_statements_do_not_grow_with_the_findings(files):
    def statements(number):
        asset = make.make_asset()
        found = findings_of(
            asset, *((f"CVE-2021-{1000 + n}-x", "error", {}) for n in range(number))
        )
        named(*found)
        with CaptureQueriesContext(connection) as seen:
            rescore(Finding.objects.filter(asset=asset), cause=Cause.IMPORT, at=make.now())
        return len([q for q in seen.captured_queries if "SAVEPOINT" not in q["sql"]])

    assert statements(2) == statements(40)


def test_what_did_not_change_is_not_written(two):
    with CaptureQueriesContext(connection) as seen:
        done = rescore(Finding.objects.all(), cause=Cause.IMPORT, at=make.now())
    assert done.changed == 0 and done.looked_at == 2
    assert not [q for q in seen.captured_queries if q["sql"].startswith(("UPDATE", "INSERT"))]


def test_scopes_are_scored_by_their_own_facts(two):
    scope = two[0].scope
    scope.exposure = "internet"
    scope.save()
    run = order_rescoring(scope_id=scope.pk, cause=Cause.SCOPE, by=None, at=make.now())
    assert run.changed == 2 and run.finished_at
    assert terms(two[0])["exposure of the scope"] == ("internet", 15)


def test_changes_are_kept_for_good(two):
    bring("kev", kev(LOG4SHELL))
    with pytest.raises(Exception, match="append-only"):
        PriorityChange.objects.update(from_score=1)


def test_a_scope_of_another_criticality_has_its_findings_scored_anew():
    finding = make.import_finding()
    before = finding.priority_score
    admin = make.member(finding.scope, Role.ADMIN)
    change_scope(scope=finding.scope, by=admin, at=make.now(), owner="Ada")
    assert not Job.objects.filter(kind="scope_weighs_otherwise").exists()
    change_scope(scope=finding.scope, by=admin, at=make.now(), criticality="critical")
    assert jobs.run(Job.objects.get(kind="scope_weighs_otherwise").pk)
    finding.refresh_from_db()
    assert finding.priority_score == before + 10
    assert PriorityChange.objects.get(finding=finding).cause == "scope"
    change_scope(scope=finding.scope, by=admin, at=make.now(), criticality="low")
    assert jobs.run(Job.objects.filter(kind="scope_weighs_otherwise").latest("pk").pk)
    finding.refresh_from_db()
    assert finding.priority_score == before - 5


def test_the_command_works_all_priorities_out_again(two, monkeypatch, capsys):
    scope = two[0].scope
    nothing = PrioritySum.objects.create(id=uuid4(), told={})
    Finding.objects.update(priority=nothing, priority_score=0, priority_band="")
    call_command("rescore")
    assert f"{scope.slug}: 2 of 2 priorities changed" in capsys.readouterr().out
    assert not Finding.objects.filter(priority=nothing).exists()
    monkeypatch.setattr(rescoring, "AT_ONCE", 1)
    call_command("rescore")
    assert f"{scope.slug}: the worker does it" in capsys.readouterr().out
