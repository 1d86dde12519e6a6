"""What could be closed together, from records alone; and the bounded reads that bring them."""

import time

import pytest

from findings.alike import Kind, Known, about, one_fix, same_weakness
from findings.models import Finding
from findings.services import merge_findings
from findings.statuses import Status
from findings.suggesting import suggest_for_asset, suggest_for_finding
from scopes.models import Line, LineKind
from tests import factories as make

CODE = "return eval(request.args['x'])"


def known(pk, **more):
    told = {
        "line": 1, "branch": "main", "tool": "Bandit", "tool_class": "sast", "rule": "B307",
        "path": "app/a.py", "start": 10, "end": None, "cwes": frozenset({"CWE-95"}), "priority": 10,
        "title": "Eval", **more,
    }  # fmt: skip
    return Known(pk=pk, **told)


def advisory(pk, name="lodash", **more):
    message = f"Package: {name}\nInstalled Version: 4.17.15\nVulnerability CVE-2020-82{pk:02d}\n" \
              f"Severity: HIGH\nFixed Version: 4.17.21"  # fmt: skip
    told = {"tool": "Trivy", "tool_class": "sca", "rule": f"CVE-2020-82{pk:02d}",
            "path": "package-lock.json", "message": message}  # fmt: skip
    return known(pk, **{**told, **more})


def test_open_findings_of_one_rule_in_one_file_could_be_one_fix():
    rows = [known(1), known(2, start=90, priority=50), known(3, path="app/b.py"),
            known(4, line=2), known(5, rule="B301"), known(6, is_open=False)]  # fmt: skip
    [one] = one_fix(rows)
    assert one.kind == Kind.RULE_AND_FILE
    assert one.findings == (2, 1)
    assert one.priority == 60
    assert one.reason == "2 findings of the rule B307 in app/a.py."


def test_findings_about_one_dependency_could_be_one_fix_whatever_their_rules():
    [one] = one_fix([advisory(1), advisory(2), advisory(3, name="minimist")])
    assert one.kind == Kind.DEPENDENCY
    assert one.findings == (1, 2)
    assert "pkg:npm/lodash" in one.reason
    assert "4.17.21" in one.reason


def test_the_most_urgent_together_come_first():
    rows = [known(1), known(2), known(3, path="b.py", priority=90), known(4, path="b.py")]
    assert [one.findings for one in one_fix(rows)] == [(3, 4), (1, 2)]


def test_two_tools_at_one_place_with_one_weakness_are_likely_the_same():
    rows = [known(1), known(2, tool="Semgrep", rule="eval-used", start=12)]
    [one] = same_weakness(rows)
    assert one.kind == Kind.TWO_TOOLS
    assert one.reason == "Bandit and Semgrep both report CWE-95 at app/a.py:10."


@pytest.mark.parametrize(
    "other",
    [
        {"tool": "Bandit"},
        {"tool": "Semgrep", "start": 14},
        {"tool": "Semgrep", "path": "app/b.py"},
        {"tool": "Semgrep", "line": 2},
        {"tool": "Semgrep", "cwes": frozenset({"CWE-79"})},
        {"tool": "Semgrep", "cwes": frozenset()},
        {"tool": "Semgrep", "start": None},
    ],
)
def test_what_differs_in_tool_place_or_weakness_is_not_the_same(other):
    assert same_weakness([known(1), known(2, **other)]) == []


def test_a_place_of_many_lines_reaches_to_its_end():
    rows = [known(1, end=40), known(2, tool="Semgrep", start=38)]
    assert [one.findings for one in same_weakness(rows)] == [(1, 2)]


def test_the_same_code_on_two_branches_is_likely_one_weakness_whatever_its_layout():
    rows = [known(1, snippet=CODE), known(2, line=2, branch="1.x", snippet=f"  {CODE};", start=99)]
    [one] = same_weakness(rows)
    assert one.kind == Kind.TWO_LINES
    assert "lines 1.x, main" in one.reason


def test_fingerprints_tell_where_no_code_is_shown():
    rows = [known(1, prints='[["a","b"]]'), known(2, line=2, branch="1.x", prints='[["a","b"]]')]
    assert [one.kind for one in same_weakness(rows)] == [Kind.TWO_LINES]


def test_copies_of_code_are_likely_one_weakness_and_too_little_code_tells_nothing():
    rows = [known(1, snippet=CODE), known(2, snippet=CODE, path="app/b.py")]
    assert [one.kind for one in same_weakness(rows)] == [Kind.COPIES]
    short = [known(1, snippet="eval(x)"), known(2, snippet="eval(x)", path="app/b.py")]
    assert same_weakness(short) == []


def test_what_is_grouped_already_is_not_suggested_again():
    rows = [known(1, group=5), known(2, tool="Semgrep", group=5)]
    assert same_weakness(rows) == []
    assert same_weakness([known(1, group=5), known(2, tool="Semgrep", group=6)])


def test_very_many_at_one_place_cost_little():
    rows = [known(n, tool=f"Tool {n % 40}", start=n // 4) for n in range(4_000)]
    assert len(same_weakness(rows)) == 50
    assert len(one_fix(rows)) == 40


def test_two_tools_with_very_much_on_one_line_cost_little_and_the_most_urgent_are_told():
    rows = [
        known(n, tool=f"Tool {n % 2}", start=1, priority=n, group=n // 500) for n in range(1000)
    ]
    began = time.process_time()
    told = same_weakness([known(-1, tool="Tool 1", start=1, priority=5000, group=1), *rows])
    assert time.process_time() - began < 1
    assert [one.findings for one in told[:2]] == [(-1, 198), (-1, 196)]
    assert len(told) == 50


def test_about_keeps_what_names_the_finding():
    rows = [known(1), known(2), known(3, path="b.py"), known(4, path="b.py")]
    assert [one.findings for one in about(one_fix(rows), 4)] == [(3, 4)]


# --- with the database -----------------------------------------------------------------------------
def alter(finding, **values):
    told = {**finding.original, **values.pop("original", {})}
    Finding.objects.filter(pk=finding.pk).update(original=told, **values)
    finding.refresh_from_db()
    return finding


@pytest.mark.django_db
def test_a_finding_is_compared_with_its_file_and_its_rule(asset, django_assert_max_num_queries):
    one, two = make.import_finding(asset), make.import_finding(asset)
    alter(two, path=one.path, start_line=90)
    other = alter(make.import_finding(asset, "pickle.loads("), path=one.path, tool="Semgrep",
                  start_line=one.start_line, cwes=["CWE-78"])  # fmt: skip
    alter(one, cwes=["CWE-78"])
    foreign = make.import_finding()
    alter(foreign, path=one.path, tool="Semgrep", start_line=one.start_line, cwes=["CWE-78"])
    with django_assert_max_num_queries(4):
        told = suggest_for_finding(one)
    assert [set(s.findings) for s in told.one_fix] == [{one.pk, two.pk}]
    assert [set(s.findings) for s in told.same] == [{one.pk, other.pk}]
    assert set(told.findings) == {one.pk, two.pk, other.pk}


@pytest.mark.django_db
def test_the_same_on_another_line_of_the_asset_is_told(asset):
    one, two = make.import_finding(asset), make.import_finding(asset)
    release = Line.objects.create(asset=asset, scope=asset.scope, name="1.x", kind=LineKind.RELEASE)
    series = two.series
    series.pk, series.line = None, release
    series.save()
    place = {**one.original["location"], "line": 7}
    alter(two, path=one.path, line=release, series=series, original={"location": place})
    assert [s.kind for s in suggest_for_finding(one).same] == [Kind.TWO_LINES]


@pytest.mark.django_db
def test_dependencies_are_told_of_what_the_scan_said_last(asset):
    rows = [make.import_finding(asset) for _ in range(2)]
    for n, row in enumerate(rows):
        told = advisory(n)
        result = {**row.original, "message": told.message, "rule": told.rule, "tool": "Trivy"}
        alter(row, tool="Trivy", tool_class="sca", rule=told.rule, path="package-lock.json",
              current=result)  # fmt: skip
    [one] = suggest_for_finding(rows[0]).one_fix
    assert one.kind == Kind.DEPENDENCY
    assert set(one.findings) == {row.pk for row in rows}


@pytest.mark.django_db
def test_an_asset_is_told_of_its_open_findings_alone(asset, analyst, monkeypatch):
    one, two = make.import_finding(asset), make.import_finding(asset)
    alter(two, path=one.path, start_line=90)
    assert [set(s.findings) for s in suggest_for_asset(asset).one_fix] == [{one.pk, two.pk}]
    monkeypatch.setattr("findings.suggesting.MOST_OF_ASSET", 1)
    assert suggest_for_asset(asset).one_fix == []
    monkeypatch.undo()
    make.take("vanish", two)
    two.refresh_from_db()
    assert two.status == Status.NO_LONGER_PRESENT
    assert suggest_for_asset(asset).one_fix == []


@pytest.mark.django_db
def test_what_people_merged_is_not_suggested_again(asset, analyst):
    one = make.import_finding(asset)
    two = alter(make.import_finding(asset, "pickle.loads("), path=one.path, tool="Semgrep",
                start_line=one.start_line, cwes=["CWE-78"])  # fmt: skip
    alter(one, cwes=["CWE-78"])
    assert suggest_for_finding(one).same
    merge_findings(findings=[one, two], title="", reason="One call.", by=analyst, at=make.now())
    assert suggest_for_finding(one).same == []
