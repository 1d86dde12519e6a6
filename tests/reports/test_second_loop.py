"""What became of fixes, how far we look and which risks are carried: against plain loops over the same rows."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from findings.models import Finding
from findings.statuses import Status
from remediations.models import Remediation, RemediationFinding
from reports.metrics.figures import figures_of
from reports.metrics.frame import Frame
from reports.metrics.speed import adherence
from reports.services.moves import catch_up
from scans.history import HistoricClosure
from scans.models import Clearance, Verification
from scans.services.audit import last_closed
from scans.services.coverage import coverage_of
from scopes.models import Asset
from tests import factories as make
from tests.reports.histories import happen

pytestmark = pytest.mark.django_db
COPILOT = "Copilot <198982749+Copilot@users.noreply.github.com>"


def by_copilot(finding, **more):
    head = more.pop("code", None) or make.fixed_code(finding.line, finding)
    message = f"Parse\n\nCo-authored-by: {COPILOT}\n"
    commit = {"id": head.commit, "message": message, "author": COPILOT}
    return make.make_remediation(finding, code=head, commits=[commit], **more)


def frame_of(world):
    frame = Frame((world.scope.pk,), world.base - timedelta(days=3), make.now() + timedelta(days=3))
    catch_up(frame.scopes)
    return frame


def figures(world):
    frame = frame_of(world)
    return figures_of(frame, at=frame.until)


@pytest.fixture
def looped(world):
    """An AI's fix that is proven and brought something in, whose own fix brought in something again."""
    first = make.import_finding(world.findings[0].asset)
    make.make_remediation(first, code=make.fixed_code(first.line, first).committed_as("an attempt"))
    by_copilot(first)
    make.complete(first)
    fix = first.remediations.get(origin="ai_generated")
    second, third = (make.import_finding(first.asset) for _ in range(2))
    Finding.objects.filter(pk=second.pk).update(introduced_by_id=fix.pk)
    again = make.make_remediation(second)
    Finding.objects.filter(pk=third.pk).update(introduced_by_id=again.pk)
    return first, fix, again


def test_ai_fixed_closures_are_answered_as_the_audit_answers_them(world, looped):
    rows = last_closed(Finding.objects.filter(scope=world.scope), n=100, origin="ai")
    told = figures(world)["second_loop"]["scanned_before_merge"]
    slow = Counter(row.scanned_before_merge.value for row in rows)
    assert sum(slow.values()) == 1
    assert {answer: n for answer, n in told["here"].items() if n} == slow
    assert told["before_merge"]["denominator"] == len(rows)


def test_what_fixes_brought_in_is_told_by_who_wrote_them_and_how_deep_it_lies(looped, world):
    _, fix, _ = looped
    told = figures(world)["second_loop"]
    slow = Counter(
        Remediation.objects.get(pk=finding.introduced_by_id).origin
        for finding in Finding.objects.filter(scope=world.scope, introduced_by_id__isnull=False)
    )
    assert told["brought_in"]["by_origin"] == dict(slow) and told["brought_in"]["findings"] == 2
    assert told["brought_in"]["by_agent"][fix.agent] == 1
    assert told["brought_in"]["fixes"][fix.origin] == {
        "brought_something_in": 1,
        "merged": Remediation.objects.filter(origin=fix.origin, merged_at__isnull=False).count(),
    }
    assert told["depth"] == {"by_depth": {"1": 1, "2": 1}, "deepest": 2}


def test_fixes_that_go_round_in_a_circle_end(looped, world):
    first, _, again = looped
    Finding.objects.filter(pk=first.pk).update(introduced_by_id=again.pk)
    assert figures(world)["second_loop"]["depth"]["deepest"] == 6  # as far as it is followed


def test_outcomes_by_check_are_those_of_the_judgements(world, looped):
    told = figures(world)["second_loop"]
    slow, stopped = Counter(), Counter()
    rows = Verification.objects.filter(scope=world.scope)
    for verification in rows:
        for check in verification.judgement["checks"]:
            slow[check["id"], check["outcome"].lower()] += 1
            stopped[check["id"]] += check["required"] and check["outcome"] in ("FAIL", "UNKNOWN")
    names = ("pass", "fail", "unknown", "waived", "not_applicable")
    mine = {(row["check"], n): row[n] for row in told["checks"] for n in names if row[n]}
    assert mine == slow and sum(slow.values()) > 50
    assert {row["check"]: row["stopped"] for row in told["checks"]} == stopped
    assert sum(stopped.values()) > 0
    assert told["verdicts"] == Counter(rows.values_list("verdict", flat=True))


def test_attempts_are_counted_for_each_finding_that_was_proven(world, looped):
    told = figures(world)["second_loop"]["attempts"]
    proven = Clearance.objects.filter(scope=world.scope).values("finding_id")
    slow = Counter(
        Counter(
            RemediationFinding.objects.filter(finding__in=proven).values_list("finding", flat=True)
        ).values()
    )
    assert {
        int(n): many for n, many in told["by_attempts"].items() if many and n != "5 or more"
    } == slow
    assert slow == {1: 2, 2: 1}


def test_what_was_due_was_proven_in_time_or_not_or_had_ended_otherwise(world):
    happen(world, [(0, "accept", 1)])
    due = world.base + timedelta(days=1)
    Finding.objects.filter(scope=world.scope).update(due_at=due)
    late = world.proven[1]
    Finding.objects.filter(pk=late.pk).update(due_at=late.first_seen_at - timedelta(hours=1))
    frame = Frame((world.scope.pk,), world.base - timedelta(days=2), world.base + timedelta(days=2))
    told = adherence(frame)
    assert (told["all"]["numerator"], told["all"]["denominator"]) == (1, 6)
    assert told["ended_otherwise"] == 1
    by_severity = told["by_severity"].values()
    assert sum(share["denominator"] for share in by_severity) == 6
    before = Frame(frame.scopes, frame.since - timedelta(days=9), frame.since)
    assert adherence(before)["all"]["denominator"] == 0


def test_coverage_is_what_the_assets_tell(world):
    make.make_asset(world.scope)  # nobody looked at it
    told, at = figures(world)["coverage"], make.now()
    rows = coverage_of(list(Asset.objects.filter(scope=world.scope).select_related("scope")), at=at)
    expected = [(row.asset.pk, name) for row in rows for name in row.expected]
    missing = {(gap.asset.pk, gap.tool_class) for row in rows for gap in row.gaps} & set(expected)
    assert told["fresh"]["denominator"] == len(expected)
    assert told["fresh"]["numerator"] == len(expected) - len(missing) == 1
    assert told["gaps"] == {"never": len(missing), "old": 0, "failed": 0}
    assert told["age_of_looks"]["n"] == 1


def test_exceptions_and_certificates_are_those_of_the_rows(world):
    happen(world, [(0, "accept", 1), (1, "accept", 2), (5, "revoke", 1)])
    told = figures(world)
    carried = Finding.objects.filter(scope=world.scope, status=Status.RISK_ACCEPTED)
    assert told["exceptions"]["carried"] == carried.count() == 2
    assert told["exceptions"]["ending_within_30_days"] == told["exceptions"]["decided"] == 2
    assert {row["finding"] for row in told["exceptions"]["first_to_end"]} == {f.pk for f in carried}
    assert told["certificates"] == {"issued": 2, "revoked": 1}


def test_closures_of_elsewhere_are_counted_apart_and_nowhere_else(world):
    before = figures(world)
    for number, closed in enumerate((world.base, datetime(2020, 1, 1, tzinfo=UTC))):
        HistoricClosure.objects.create(
            scope=world.scope, source="csv", key=str(number), title="Old", closed_at=closed,
            how="fixed", origin="ai_generated", merged_at=closed, scanned="after", evidence="-",
            imported_at=world.base,
        )  # fmt: skip
    after = figures(world)
    assert after.pop("told_elsewhere") == {"closures": 1, "before_adoption": 0}
    apart = after["second_loop"]["scanned_before_merge"].pop("told_elsewhere")
    assert apart == {"yes": 0, "after": 1, "no": 0, "unknown": 0}
    before.pop("told_elsewhere")
    before["second_loop"]["scanned_before_merge"].pop("told_elsewhere")
    for told in (before, after):  # what time alone changes
        told.pop("coverage"), told.pop("since"), told.pop("until"), told.pop("trend")
    assert after == before
