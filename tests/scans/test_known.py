"""What is open on the line is read only where it may explain what is new after a fix."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gate.records import Level, Location, Result
from scans.models import Verification
from scans.services.known import _is_loose, _known
from tests import factories as make
from tests.factories import fixed_code, import_finding, make_remediation, merge, scan_fix

pytestmark = pytest.mark.django_db


@pytest.fixture
def finding():
    return import_finding()


def kept(fix):
    """What the newest judgement of a fix keeps of the line: rule and path."""
    row = Verification.objects.filter(remediation=fix).latest("pk")
    return row, {(one["rule"], one["path"]) for one in row.inputs["known"]["results"]}


def test_where_nothing_is_new_nothing_of_the_line_is_read(finding):
    import_finding(finding.asset, weakness="pickle.loads(")
    fix = make_remediation(finding)
    scan_fix(fix)
    row, known = kept(fix)
    assert row.judgement["new"] == [] and known == set()


def test_of_what_is_open_only_what_may_be_new_results_is_read(finding):
    import_finding(finding.asset, weakness="shell=True")
    fix = make_remediation(finding)
    theirs = import_finding(finding.asset, weakness="pickle.loads(")  # while the fix was made
    merged = fixed_code(finding.line, finding)
    merge(fix, merged)
    scan_fix(fix, merged)
    row, known = kept(fix)
    assert row.judgement["new"] == []
    assert known == {("B301", theirs.path)}


def test_what_is_new_and_nobody_knew_stays_new(finding):
    fix = make_remediation(finding)
    merged = fixed_code(finding.line, finding).change(
        {"app/other.py": make.weak_file("app/other.py", "pickle.loads(")}
    )
    merge(fix, merged)
    scan_fix(fix, merged)
    row, known = kept(fix)
    assert {new["rule"] for new in row.judgement["new"]} == {"B301"} and known == set()


def result(rule, *, key="", message="m", tool="BANDIT"):
    return Result(
        pointer="/results/0", tool=tool, rule=rule, rule_key=key or rule, level=Level.WARNING,
        message=message, location=Location(uri="a.py", path="a.py", line=1),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("one", "loose"),
    [
        (result("B301"), False),
        (result("sqli", key="CWE-89"), True),
        (result("CWE-89"), True),
        (result("CVE-2024-1", tool="Trivy",
                message="Package: requests\nInstalled Version: 1.0\nVulnerability CVE-2024-1\n"
                        "Severity: HIGH\nFixed Version: 2.0\nLink: x"), True),
    ],
)  # fmt: skip
def test_what_is_compared_by_more_than_its_rule_is_held_against_all_of_its_tool(
    finding, one, loose
):
    assert _is_loose(one) == loose
    known = _known(make_remediation(finding), [one])["results"]
    assert [row["rule"] for row in known] == (["B307"] if one.tool == "BANDIT" and loose else [])


def test_no_statement_reads_the_line_where_nothing_is_new(finding):
    fix = make_remediation(finding)
    with CaptureQueriesContext(connection) as queries:
        assert _known(fix, []) == {"results": []}
    assert len(queries) == 0
