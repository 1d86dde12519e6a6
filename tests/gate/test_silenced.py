"""A mark on the judged finding silences it: no approval of a false positive makes that a fix."""

from __future__ import annotations

import pytest

from gate.case import build
from gate.evidence import Source
from gate.silenced import silencing
from tests.gate.made import OLD, evidence, git_diff, good_facts, judged, row, sarif

LINE = "    return subprocess.call(cmd, shell=True)\n"
OTHER = "import subprocess\n\n\n" + "x = 1\n" * 20 + "y = run()\n"


def _new(mark: str) -> str:
    return OLD.replace(LINE, LINE.rstrip("\n") + f"  {mark}\n")


def _marks(diff: str) -> int:
    case = build(evidence(diff=diff), Source.DECLARED)
    return len(silencing(case, case.targets[0]))


@pytest.mark.parametrize(
    ("mark", "number"),
    [("# nosec", 1), ("# nosec B602", 1), ("# nosec B404,B602", 1), ("# nosec B404", 0),
     ("# nosec subprocess_popen_with_shell_equals_true", 1), ("# a note", 0)],
)  # fmt: skip
def test_a_mark_that_names_or_blankets_the_rule_on_its_line_silences_it(mark, number):
    assert _marks(git_diff({"app/db.py": (OLD, _new(mark))})) == number


def test_a_mark_in_another_file_silences_something_else():
    assert _marks(git_diff({"app/x.py": (OLD, _new("# nosec"))})) == 0


def test_a_false_positive_of_the_judged_finding_does_not_let_its_mark_stand():
    word = {"kind": "false_positive", "rule": "B602", "path": "app/db.py", "line": 5,
            "by": "ciso", "reason": "not reachable"}  # fmt: skip
    facts = good_facts() | {"dispositions": [word]}
    diff = git_diff({"app/db.py": (OLD, _new("# nosec B602"))})

    assert row(judged(facts=facts, diff=diff), "NO_NEW_SUPPRESSION")["outcome"] == "FAIL"


def test_a_waiver_of_a_mark_on_the_original_does_not_make_it_gone():
    marked = OLD.replace("shell=True)", "shell=True)  # nosec")
    waiver = {
        "check": "NO_NEW_SUPPRESSION",
        "by": "lead@example.org",
        "reason": "accepted",
        "until": "2026-12-31",
    }
    given = {"diff": {"app/db.py": (OLD, marked)}, "after": sarif()}
    plain = judged(**given)
    waived = judged(**given, facts=good_facts() | {"waivers": [waiver]})

    assert row(plain, "NO_NEW_SUPPRESSION")["outcome"] == "FAIL"
    assert row(plain, "ORIGINAL_ABSENT")["outcome"] == "PASS"
    assert row(waived, "NO_NEW_SUPPRESSION")["outcome"] == "WAIVED"
    assert row(waived, "ORIGINAL_ABSENT")["outcome"] == "UNKNOWN"
    assert waived["verdict"] == "unknown"
