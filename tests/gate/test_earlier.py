"""Scans of older revisions than the base: what they show of it, and what is new since."""

from __future__ import annotations

from typing import Any

import pytest

from gate.errors import InputError
from tests.gate.made import (
    BASE,
    HEAD,
    HEAD_TREE,
    MERGE,
    NEW,
    OLD,
    OTHER,
    SINK,
    SINK_REF,
    changed,
    evidence,
    git_diff,
    good_facts,
    judged,
    row,
    sarif,
    stopping,
)

PATH = "app/db.py"
OLD_BLOB, OTHER_BLOB, NEW_BLOB = "7" * 40, "8" * 40, "9" * 40
SECOND = {**SINK, "rule": "B307", "path": "app/other.py", "snippet": "    return eval(cmd)\n"}


def earlier(**facts: Any) -> dict[str, Any]:
    """Facts of a good fix that landed on a base of which there is no scan, but one before it.

    The scan was of OTHER, which the base contains; others changed nothing that matters in between.
    """
    told = good_facts()
    told["fix"] |= {
        "merge_commit": MERGE, "merge_tree": HEAD_TREE, "landed_from": BASE,
        "base_blobs": {PATH: OLD_BLOB}, "merge_blobs": {PATH: NEW_BLOB},
    }  # fmt: skip
    told["before"] |= {"commit": OTHER, "contained_in": [BASE], "blobs": {PATH: OLD_BLOB}}
    told["after"] |= {"commit": MERGE, "config_digest": "sha256:1"}
    del told["before"]["tree"]
    told["before"]["config_digest"] = "sha256:1"
    for path, value in facts.items():
        told = changed(told, path.replace("__", "."), value)
    return told


def resolved(extra: str = "", **facts: Any) -> dict[str, Any]:
    """The same, but others put two lines on top of the finding's file before the fix."""
    between = git_diff({PATH: (OLD, f"{extra or '# top'}\n\n{OLD}")})
    told = {"fix__base_blobs": {PATH: OTHER_BLOB}, "before__diff_to_base": between}
    return earlier(**told | facts)


def on_top(old: str | None, new: str | None) -> dict[str, tuple[str | None, str | None]]:
    return {PATH: (f"# top\n\n{old}", f"# top\n\n{new}")}


def assert_no_control(answer: dict[str, Any]) -> None:
    told = row(answer, "POSITIVE_CONTROL")
    assert told["outcome"] == "UNKNOWN"
    assert "not known to be of the content before the fix" in told["reason"]


def test_a_scan_before_the_base_serves_where_the_files_that_matter_are_the_same():
    answer = judged(facts=earlier())
    assert stopping(answer) == set()
    assert answer["verdict"] == "pass"


@pytest.mark.parametrize(
    "facts",
    [
        {"before__contained_in": None},
        {"before__contained_in": [HEAD]},
        {"before__contained_in": None, "fix__base_blobs": {PATH: OTHER_BLOB}},
    ],
)
def test_a_scan_that_the_base_is_not_known_to_contain_says_nothing_of_what_is_new(facts):
    assert "NOTHING_NEW" in stopping(judged(facts=earlier(**facts)))


@pytest.mark.parametrize(
    "facts", [{"fix__base_blobs": {PATH: OTHER_BLOB}}, {"fix__base_blobs": None}]
)
def test_where_the_file_changed_in_between_an_older_scan_is_no_control(facts):
    answer = judged(facts=earlier(**facts))
    assert_no_control(answer)


def test_what_others_brought_in_between_is_not_told_from_what_the_fix_did():
    answer = judged(facts=earlier(), after=sarif([SECOND], files=(PATH, "app/other.py")))
    assert stopping(answer) == {"NOTHING_NEW"}
    assert answer["verdict"] == "unknown"
    assert [new["cause"] for new in answer["new"]] == ["unknown"]


def test_what_is_new_on_lines_of_the_fix_fails():
    found = {**SINK, "rule": "B603", "snippet": "    return subprocess.call(cmd.split())\n"}
    answer = judged(facts=earlier(), after=sarif([found]))
    assert [new["cause"] for new in answer["new"]] == ["fix"]
    assert answer["verdict"] == "fail"


def test_what_the_older_scan_had_as_well_is_not_new():
    reports = {"before": sarif([SINK, SECOND]), "after": sarif([SECOND])}
    assert stopping(judged(facts=earlier(), **reports)) == set()


def test_what_an_older_scan_had_and_the_fix_adds_may_have_been_gone_in_between():
    again = {**SECOND, "line": 2, "snippet": "eval(x)\n"}
    reports = {
        "before": sarif([SINK, again], files=(PATH, "app/other.py")),
        "after": sarif([again], files=(PATH, "app/other.py")),
        "diff": {PATH: (OLD, NEW), "app/other.py": ("x = 1\n", "x = 1\neval(x)\n")},
    }
    assert stopping(judged(facts=earlier(), **reports)) == {"NOTHING_NEW"}


def test_a_later_scan_and_an_older_one_span_a_fix_between_them():
    facts = earlier(
        after__commit="e" * 40, after__tree=None, after__descends_from=[MERGE],
        after__blobs={PATH: NEW_BLOB},
    )  # fmt: skip
    assert stopping(judged(facts=facts)) == set()
    assert "NOTHING_NEW" in stopping(judged(facts=changed(facts, "after.descends_from", None)))


def test_lines_that_stood_until_the_fix_took_them_out_make_an_older_scan_a_control():
    answer = judged(facts=resolved(), diff=on_top(OLD, NEW))
    assert stopping(answer) == set()


def test_an_older_scan_is_no_control_where_the_fix_leaves_the_lines_alone():
    diff = on_top(OLD, OLD.replace("def run(cmd)", "def run(cmd, *more)"))
    answer = judged(facts=resolved(), diff=diff)
    assert_no_control(answer)


def test_an_older_scan_is_no_control_where_others_changed_the_lines_before():
    between = git_diff({PATH: (OLD, OLD.replace("(cmd, shell=True)", "(  cmd, shell=True)"))})
    answer = judged(facts=resolved(before__diff_to_base=between))
    assert_no_control(answer)


def test_an_older_scan_is_no_control_where_others_put_a_mark_into_the_file():
    diff = {PATH: (f"x = 1  # nosec\n\n{OLD}", f"x = 1  # nosec\n\n{NEW}")}
    answer = judged(facts=resolved("x = 1  # nosec"), diff=diff)
    assert_no_control(answer)


def test_an_older_scan_is_no_control_where_the_flow_changed_in_between():
    step = {
        "location": {
            "physicalLocation": {
                "artifactLocation": {"uri": "app/in.py"},
                "region": {"startLine": 1},
            }
        }
    }
    flow = {**SINK, "codeFlows": [{"threadFlows": [{"locations": [step]}]}]}
    facts = resolved(before__blobs={PATH: OLD_BLOB, "app/in.py": OLD_BLOB})
    for blob, outcome in ((OLD_BLOB, "PASS"), (OTHER_BLOB, "UNKNOWN")):
        told = changed(facts, "fix.base_blobs", {PATH: OTHER_BLOB, "app/in.py": blob})
        answer = judged(facts=told, before=sarif([flow]), diff=on_top(OLD, NEW))
        assert row(answer, "POSITIVE_CONTROL")["outcome"] == outcome


def test_a_diff_that_is_none_is_refused_with_its_place():
    with pytest.raises(InputError, match=r"before.*diff_to_base.*git diff"):
        evidence(facts=earlier(before__diff_to_base="hello\n"))


def test_the_files_of_all_findings_that_a_fix_is_for_explain_its_change():
    diff = {PATH: (OLD, NEW), "app/other.py": ("x = 1\n", "x = 2\n")}
    facts = good_facts()
    answer = judged(facts=facts, diff=diff, lamp="both", findings=(SINK_REF,))
    assert row(answer, "SCOPE_OF_CHANGE")["outcome"] == "UNKNOWN"
    facts["fix"]["addresses"] = [PATH, "app/other.py"]
    answer = judged(facts=facts, diff=diff, lamp="both", findings=(SINK_REF,))
    assert row(answer, "SCOPE_OF_CHANGE")["outcome"] == "PASS"
