"""Tables: columns by their names, what they do not say in the first lines, rows by number."""

from __future__ import annotations

import pytest

from gate import formats
from gate.errors import InputError
from gate.formats.csv_table import ALIASES
from gate.packages import package_identity
from gate.records import Level
from tests.gate.formats.samples_read import SAMPLES, read, refusal, run

HEADER = "Tool,Rule ID,Severity,Title,File,Line,CWE,CVSS,Status,Reason\n"
ROW = 'Acme,R1,High,"A ""bad"" thing",app/a b.py,7,CWE-89; 78,8.1,,\n'


def only(text):
    (found,) = run(text).results
    return found


def test_a_row_is_a_result():
    found = only(HEADER + ROW)
    assert (found.tool, found.rule, found.level) == ("Acme", "R1", Level.ERROR)
    assert (found.message, found.cwes) == ('A "bad" thing', ("CWE-89", "CWE-78"))
    assert (found.location.path, found.location.line) == ("app/a b.py", 7)
    assert (found.security_severity, found.pointer) == (8.1, "/0")


@pytest.mark.parametrize("sign", [";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_other_separators_and_ends_of_lines_are_known(sign, end):
    text = (HEADER + ROW.replace("CWE-89; 78", "89")).replace(",", sign).replace("\n", end)
    assert only(text).location.path == "app/a b.py"


def test_first_lines_say_what_the_table_does_not():
    text = "# tool: Acme\n# version: 2.1\n# columns: rule=Policy; path=Where\nPolicy,Severity,Where\nP1,low,a.py\n"
    found = run(text)
    assert (found.tool, found.version, found.results[0].rule) == ("Acme", "2.1", "P1")


def test_a_table_without_rows_is_a_clean_report_of_its_tool():
    found = run("# tool: Acme\nrule,severity,path\n")
    assert (found.tool, found.results, found.results_present) == ("Acme", (), True)
    assert read("tool,rule,severity,path\n").runs == ()


def test_columns_may_be_said_by_the_caller():
    text = b"# tool: Acme\nPolicy,Risk,Where\nP1,low,a.py\n"
    found = formats.read("x", text, columns={"rule": "policy", "path": "Where"})
    assert found.runs[0].results[0].rule == "P1"


def test_what_a_tool_wrote_is_read_with_three_lines_before_it():
    plain = (SAMPLES / "checkov_iac.csv").read_bytes()
    told = (SAMPLES / "checkov_iac_told.csv").read_bytes()
    assert told.endswith(plain)
    rules = [one.rule for one in read(told).runs[0].results]
    assert rules == ["CKV_DOCKER_2", "CKV_DOCKER_3"]  # rows without a finding are none
    what = refusal(plain)
    assert "no column is known to be the rule; the tool (a column, or a first line" in what
    assert "the columns are 'Resource', 'Path', 'Git Org'" in what


def test_packages_are_known():
    text = (
        "tool,cve,severity,package,installed version,fixed version,ecosystem\n"
        "Acme,CVE-2021-23337,critical,lodash,4.17.20,4.17.21,npm\n"
    )
    found = only(text)
    identity = package_identity(found)
    assert (identity.purl, identity.version, identity.fixed) == (
        "pkg:npm/lodash",
        "4.17.20",
        ("4.17.21",),
    )
    assert found.security_severity == 9.0


@pytest.mark.parametrize(
    ("status", "results", "suppressed"),
    [
        ("", 1, False),
        ("open", 1, False),
        ("False Positive", 1, True),
        ("won't fix", 1, True),
        ("Fixed", 0, None),
    ],
)
def test_a_status_excuses_or_ends(status, results, suppressed):
    found = run(HEADER + ROW.replace(",,\n", f",{status},why\n")).results
    assert len(found) == results
    assert [one.suppressed for one in found] == [suppressed] * results


def test_an_address_is_a_place_that_is_no_file():
    found = only("tool,rule,severity,url\nZAP,10038,medium,https://a.example/x\n")
    assert (found.location.uri, found.location.path) == ("https://a.example/x", None)


def test_each_tool_has_a_run_of_its_own():
    found = read(HEADER + ROW + ROW.replace("Acme", "Other")).runs
    assert [one.tool for one in found] == ["Acme", "Other"]


def test_a_line_that_is_no_number_is_told_and_not_used():
    found = read(HEADER + ROW.replace(",7,", ",seven,"))
    assert found.runs[0].results[0].location.line is None
    assert found.problems == ("/0: line is no number; not used",)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a,b\n1,2\n", "no column is known to be the rule; the severity; the path, url or package; the tool"),
        ("# columns: rule=X\na,b\n", "no column 'X' for rule; the columns are 'a', 'b'"),
        ("# columns: color=a\na,b\n", "there is no field 'color'; known: tool, version, rule"),
        ("# columns: rule\na,b\n", "'rule' must be field=column"),
        (HEADER + ROW.replace("R1", ""), "report#/0: no rule (row 1)"),
        (HEADER + ROW.replace("Acme", ""), "report#/0: no tool: nothing says which scanner this is from (row 1)"),
        (HEADER + ROW + 'x,"open', "report line 3 of the table: unexpected end of data"),
        (HEADER + "x" * (2 << 20), "a line longer than allowed"),
        (HEADER + '"' + "x" * 140_000 + '",', "field larger than field limit"),
        (",".join("abc") * 600 + "\n", "more columns than allowed"),
    ],
)  # fmt: skip
def test_what_is_no_table_of_findings_is_refused(text, told):
    assert told in refusal(text)


def test_too_many_rows_are_refused(monkeypatch):
    monkeypatch.setattr(formats, "LIMITS", formats.Limits(results=1))
    with pytest.raises(InputError, match=r"x#/1: more results per file than allowed \(2 > 1\)"):
        formats.read("x", (HEADER + ROW + ROW).encode())


def test_no_column_means_two_fields():
    names = [name for aliases in ALIASES.values() for name in aliases]
    assert len(names) == len(set(names))
