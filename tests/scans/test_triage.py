"""What becomes of findings as they are imported: owners, rules, feeds, the scope's weights and calendar."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.permissions import Role
from findings.models import AppliedRule, Finding, FindingCve, FindingTag, PriorityChange
from findings.services.rules import make_rule
from findings.services.severities import decide_severity
from findings.sla import DAY
from scopes.services.ownership import keep_code_owners
from scopes.services.teams import create_team
from tests.factories import make_asset, member, now, run_job, upload, upload_and_ingest

pytestmark = pytest.mark.django_db
VECTOR = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"


def report(number: int = 4) -> dict:
    results = [
        {
            "ruleId": "CVE-2021-44228" if n % 2 else "B307",
            "level": "warning",
            "message": {"text": f"Number {n}."},
            "locations": [{"physicalLocation": {
                "artifactLocation": {"uri": f"{'pay' if n < 2 else 'docs'}/file{n}.py"},
                "region": {"startLine": 3, "snippet": {"text": f"call_{n}()"}}}}],
        } for n in range(number)
    ]  # fmt: skip
    run = {
        "tool": {"driver": {"name": "Bench"}}, "results": results,
        "invocations": [{"executionSuccessful": True}],
    }  # fmt: skip
    return {"version": "2.1.0", "runs": [run]}


def fact(number: int) -> dict:
    return {"scope": "full", "commit": f"{number:040d}"}


@pytest.fixture
def asset():
    return make_asset()


@pytest.fixture
def analyst(asset):
    return member(asset.scope, Role.ANALYST)


def found(**which) -> Finding:
    return Finding.objects.get(**which)


def test_new_findings_are_owned_by_the_team_of_their_path(asset, analyst):
    team = create_team(
        scope=asset.scope, name="Payments", handle="@acme/pay",
        by=member(asset.scope, Role.ADMIN), at=now(),
    )  # fmt: skip
    keep_code_owners(asset=asset, text="/pay/ @acme/pay\n", by=analyst, at=now())
    upload_and_ingest(asset, report(), fact(1))
    owners = dict(Finding.objects.values_list("path", "owned_by"))
    assert owners == {
        "pay/file0.py": team.pk, "pay/file1.py": team.pk, "docs/file2.py": None, "docs/file3.py": None,
    }  # fmt: skip
    assert not Finding.objects.exclude(team=None).exists(), "nobody decided it"


def test_rules_act_on_new_findings_and_say_what_they_did(asset, analyst):
    rule = make_rule(
        scope=asset.scope, name="Payments first", conditions={"path": ["pay/**"]},
        actions={"severity": "critical", "tags": ["payments"], "assign": {"member": analyst.pk}},
        by=analyst, at=now(),
    )  # fmt: skip
    upload_and_ingest(asset, report(), fact(1))
    hit, other = found(path="pay/file0.py"), found(path="docs/file2.py")
    assert (hit.severity, hit.decided_severity, hit.assigned_to) == (
        "critical",
        "critical",
        analyst,
    )
    assert hit.due_at == hit.first_seen_at + asset.scope.sla_days["critical"] * DAY
    assert hit.priority.told["terms"][0]["value"].startswith("critical")
    assert (other.severity, other.decided_severity, other.assigned_to) == ("medium", "", None)
    assert set(FindingTag.objects.values_list("finding__path", "tag__name")) == {
        ("pay/file0.py", "payments"), ("pay/file1.py", "payments"),
    }  # fmt: skip
    assert set(AppliedRule.objects.values_list("rule", flat=True)) == {rule.pk}
    assert AppliedRule.objects.count() == 2


def test_what_a_report_names_is_kept_for_feeds(asset):
    upload_and_ingest(asset, report(), fact(1))
    named = set(FindingCve.objects.values_list("finding__rule", "cve"))
    assert named == {("CVE-2021-44228", "CVE-2021-44228")}
    terms = {
        term["name"]: term["value"] for term in found(path="pay/file1.py").priority.told["terms"]
    }
    assert terms["known exploited (KEV)"] == "no data"
    terms = {
        term["name"]: term["value"] for term in found(path="pay/file0.py").priority.told["terms"]
    }
    assert terms["known exploited (KEV)"] == "no CVE is named"


def test_every_new_finding_has_a_decision_and_a_sum_that_adds_up(asset):
    upload_and_ingest(asset, report(), fact(1))
    for finding in Finding.objects.all():
        assert sum(t["points"] for t in finding.priority.told["terms"]) == finding.priority_score
        assert finding.ssvc == finding.priority.told["ssvc"]["decision"]


def test_a_report_that_rates_it_worse_moves_severity_priority_and_due_date(asset):
    upload_and_ingest(asset, report(), fact(1))
    before = found(path="pay/file0.py")
    worse = report()
    worse["runs"][0]["results"][0]["level"] = "error"
    upload_and_ingest(asset, worse, fact(2))
    after = found(path="pay/file0.py")
    assert (before.severity, after.severity) == ("medium", "high")
    assert after.priority_score > before.priority_score
    assert after.due_at == after.first_seen_at + asset.scope.sla_days["high"] * DAY
    change = PriorityChange.objects.get()
    assert (change.finding, change.cause) == (after, "import")


def test_what_a_person_decided_stays_whatever_reports_say(asset, analyst):
    upload_and_ingest(asset, report(), fact(1))
    decide_severity(
        finding=found(path="pay/file0.py"),
        severity="low",
        reason="Behind a wall.",
        by=analyst,
        at=now(),
    )
    worse = report()
    worse["runs"][0]["results"][0]["level"] = "error"
    upload_and_ingest(asset, worse, fact(2))
    after = found(path="pay/file0.py")
    assert (after.level, after.severity, after.decided_severity) == ("error", "low", "low")


def test_a_vector_without_a_score_gives_the_score(asset):
    rated = report()
    rated["runs"][0]["results"][1]["properties"] = {"cvssV3_vector": VECTOR}
    upload_and_ingest(asset, rated, fact(1))
    finding = found(path="pay/file1.py")
    assert (finding.cvss, finding.severity) == (VECTOR, "critical")


def test_the_number_of_statements_does_not_depend_on_the_number_of_results(asset, analyst):
    make_rule(
        scope=asset.scope, name="All", conditions={"tool": ["Bench"]},
        actions={"tags": ["seen"], "severity": "high"}, by=analyst, at=now(),
    )  # fmt: skip
    told = []
    for number in (4, 4, 200):
        other = make_asset(asset.scope)
        keep_code_owners(asset=other, text="* @acme/pay\n", by=analyst, at=now())
        scan, _ = upload(other, report(number), fact(1))
        with CaptureQueriesContext(connection) as asked:
            run_job(scan)
        told.append(len(asked))
    assert told[1] == told[2]
