"""What becomes of findings as they are imported: owners, rules, feeds, the scope's weights and calendar."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.permissions import Role
from findings.models import AppliedRule, Finding, FindingCve, FindingTag, PriorityChange
from findings.services.rules import approve_rule, end_rule, make_rule
from findings.services.severities import decide_severity
from findings.sla import DAY
from findings.tallies import differences
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


def quiet(asset, **actions):
    """A rule in force that sets aside what is not rated high."""
    rule = make_rule(
        scope=asset.scope, name="Quiet", conditions={"severity_at_most": "medium"},
        actions={"set_aside": "noise", **actions}, by=member(asset.scope, Role.ANALYST), at=now(),
        reason="Too many.", expires_at=now() + 30 * DAY,
    )  # fmt: skip
    return approve_rule(rule=rule, by=member(asset.scope, Role.APPROVER), at=now())


def worse_by(number: int, of: int = 4) -> dict:
    told = report(of)
    for result in told["runs"][0]["results"][:number]:
        result["level"] = "error"
    return told


def test_what_is_rated_worse_is_no_longer_set_aside_by_a_rule_for_what_is_not(asset):
    quiet(asset)
    upload_and_ingest(asset, report(), fact(1))
    assert set(Finding.objects.values_list("set_aside", flat=True)) == {"noise"}
    upload_and_ingest(asset, worse_by(1), fact(2))
    aside = dict(Finding.objects.values_list("path", "set_aside"))
    assert aside.pop("pay/file0.py") == "" and set(aside.values()) == {"noise"}
    undone = AppliedRule.objects.filter(undone_at__isnull=False)
    assert undone.get().finding.path == "pay/file0.py"
    assert differences() == []


def test_what_another_rule_sets_aside_stays_so_as_long_as_that_one(asset, analyst):
    first = quiet(asset, tags=["quiet"])
    second = make_rule(
        scope=asset.scope, name="Payments", conditions={"path": ["pay/**"]},
        actions={"set_aside": "noise"}, reason="Not ours.", by=analyst, at=now(), position=200,
        expires_at=now() + 30 * DAY,
    )  # fmt: skip
    approve_rule(rule=second, by=member(asset.scope, Role.APPROVER), at=now())
    upload_and_ingest(asset, report(), fact(1))
    assert not second.applied.exists()
    upload_and_ingest(asset, worse_by(1), fact(2))
    hit = found(path="pay/file0.py")
    did = dict(hit.applied_rules.values_list("rule", "did"))
    assert did == {first.pk: {"tags": ["quiet"]}, second.pk: {"set_aside": "noise"}}
    end_rule(rule=second, by=analyst, at=now())
    assert found(pk=hit.pk).set_aside == ""


def rated(asset, severity, position=100, **conditions):
    """A rule in force that rates findings."""
    return make_rule(
        scope=asset.scope, name=f"Rated {severity}", conditions=conditions, position=position,
        actions={"severity": severity, "tags": [severity]}, by=member(asset.scope, Role.ANALYST),
        at=now(),
    )  # fmt: skip


def test_a_severity_that_a_rule_set_is_asked_about_again_when_a_report_rates_it_worse(asset):
    mild = rated(asset, "low", severity_at_most="medium")
    upload_and_ingest(asset, report(), fact(1))
    before = found(path="pay/file0.py")
    assert (before.severity, before.decided_severity) == ("low", "low")
    upload_and_ingest(asset, worse_by(1), fact(2))
    after = found(pk=before.pk)
    assert (after.severity, after.decided_severity) == ("high", "")
    assert after.due_at == after.first_seen_at + asset.scope.sla_days["high"] * DAY
    assert after.priority_score > before.priority_score
    assert found(path="docs/file2.py").decided_severity == "low"
    did = AppliedRule.objects.get(finding=after, rule=mild)
    assert (did.did, did.undone_at) == ({"tags": ["low"]}, None)
    assert differences() == []


def test_the_rule_that_holds_by_then_decides_and_its_end_gives_the_tools_severity_back(asset):
    rated(asset, "low", severity_at_most="medium")
    worst = rated(asset, "critical", position=200, path=["pay/**"])
    upload_and_ingest(asset, report(), fact(1))
    assert found(path="pay/file0.py").severity == "low"
    upload_and_ingest(asset, worse_by(1), fact(2))
    hit = found(path="pay/file0.py")
    assert (hit.severity, hit.decided_severity) == ("critical", "critical")
    end_rule(rule=worst, by=member(asset.scope, Role.ANALYST), at=now())
    hit.refresh_from_db()
    assert (hit.severity, hit.decided_severity) == ("high", "")


def test_a_rule_that_holds_all_the_same_decides_as_before(asset):
    rule = rated(asset, "low", path=["pay/**"])
    upload_and_ingest(asset, report(), fact(1))
    upload_and_ingest(asset, worse_by(1), fact(2))
    hit = found(path="pay/file0.py")
    assert (hit.severity, hit.decided_severity) == ("low", "low")
    did = AppliedRule.objects.get(finding=hit, rule=rule)
    assert (did.did, did.undone_at) == ({"severity": "low", "tags": ["low"]}, None)


def test_rated_better_what_a_rule_decided_stands(asset):
    rated(asset, "critical", severity_at_least="high")
    upload_and_ingest(asset, worse_by(1), fact(1))
    upload_and_ingest(asset, report(), fact(2))
    hit = found(path="pay/file0.py")
    assert (hit.level, hit.severity) == ("warning", "critical")


def test_a_severity_that_a_person_decided_is_not_asked_about_again(asset, analyst):
    rated(asset, "low", severity_at_most="medium")
    upload_and_ingest(asset, report(), fact(1))
    hit = found(path="pay/file0.py")
    decide_severity(finding=hit, severity="medium", reason="Seen.", by=analyst, at=now())
    upload_and_ingest(asset, worse_by(1), fact(2))
    hit.refresh_from_db()
    assert (hit.level, hit.severity, hit.decided_severity) == ("error", "medium", "medium")


def test_asking_again_takes_a_fixed_number_of_statements(asset):
    quiet(asset, tags=["quiet"])
    told = []
    for number in (4, 4, 200):
        other = make_asset(asset.scope)
        upload_and_ingest(other, report(number), fact(1))
        scan, _ = upload(other, worse_by(number // 2, number), fact(2))
        with CaptureQueriesContext(connection) as asked:
            run_job(scan)
        told.append(len(asked))
    assert told[1] == told[2]


def test_what_moves_to_another_file_is_owned_by_its_team(asset, analyst):
    admin = member(asset.scope, Role.ADMIN)
    team = create_team(scope=asset.scope, name="Docs", handle="@acme/docs", by=admin, at=now())
    keep_code_owners(asset=asset, text="/docs/ @acme/docs\n", by=analyst, at=now())
    told = report(1)
    place = told["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    place["region"]["snippet"]["text"] = "return eval(request.args['expression'])"
    upload_and_ingest(asset, told, fact(1))
    before = found()
    place["artifactLocation"]["uri"] = "docs/file0.py"
    upload_and_ingest(asset, told, fact(2))
    after = found()
    assert (before.pk, before.owned_by) == (after.pk, None)
    assert (after.path, after.owned_by) == ("docs/file0.py", team)


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
