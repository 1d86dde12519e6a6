"""Layout: what a formatter does to code is not a change of it, and nothing else is layout."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate import layout
from gate.diff import parse
from gate.layout import MOST_CHARACTERS, MOST_LINES, Layout, plain
from gate.matching import Stage, match
from tests.gate.test_matching import replaced, result

ONE_LINE = ["    return subprocess.call(cmd, shell=True)"]
SPREAD = ["    return subprocess.call(", "        cmd,", "        shell=True,", "    )"]


def only_pair(old: list[str], new: list[str], **given):
    """The pair of a result on the first line of both."""
    before = result(line=1, snippet=old[0], message="a", **given)
    after = result(line=1, snippet=new[0], message="b", **given)
    (pair,) = match([before], [after], parse(replaced("app.py", old, new))).pairs
    return pair


def test_code_that_was_only_laid_out_anew_is_there_and_not_new():
    pair = only_pair(ONE_LINE, SPREAD)
    assert (pair.stage, pair.is_present, pair.was_there) == (Stage.S5, True, True)
    assert "laid out anew" in pair.reason
    assert only_pair(SPREAD, ONE_LINE).was_there


@pytest.mark.parametrize(
    "new",
    [
        ["    return subprocess.call(", "        cmd,", "        shell=cmd,", "    )"],
        ["    return subprocess.call(", "        cmd + tail,", "        shell=True,", "    )"],
        ["    return subprocess.call(cmd, shell=True) or 1"],
    ],
)
def test_code_that_says_something_else_is_new(new):
    pair = only_pair(ONE_LINE, new)
    assert (pair.stage, pair.is_present, pair.was_there) == (Stage.S5, True, False)


def test_a_result_inside_a_statement_is_followed_when_its_lines_are_joined():
    old = ["run(", "    load(name),", "    load(other),", ")"]
    diff = parse(replaced("app.py", old, ["run(load(name), load(other))"]))
    before = [result(line=2, snippet=old[1]), result(line=3, snippet=old[2], message="b")]
    after = [result(line=1, message="c"), result(line=1, message="d")]
    assert [pair.was_there for pair in match(before, after, diff).pairs] == [True, True]


def test_a_statement_is_found_in_another_file_in_another_layout():
    diff = replaced("app.py", ["a = 1", *ONE_LINE], []) + replaced("b.py", [], ["x = 2", *SPREAD])
    before, after = result(line=2, snippet=ONE_LINE[0]), result("b.py", 2, snippet=SPREAD[0])
    (pair,) = match([before], [after], parse(diff)).pairs
    assert (pair.stage, pair.was_there) == (Stage.S4, True)


def test_a_statement_that_goes_on_differently_is_neither_the_same_nor_certainly_gone():
    other = ["    return subprocess.call(", "        other,", "        shell=True,", "    )"]
    diff = replaced("app.py", SPREAD, ["x"]) + replaced("b.py", ["y"], other)
    before, after = result(line=1, snippet=SPREAD[0]), result("b.py", 1, snippet=other[0])
    found = match([before], [after], parse(diff))
    assert (found.pairs, found.contested) == ((), (0,))


def test_a_bracket_in_a_text_closes_nothing():
    lines = ["log('(', [", "  1])", "x"]
    layout = Layout(parse(replaced("a.py", ["y"], lines)))
    assert layout.statement_new("a.py", 1) == plain("".join(lines[:2]))


def test_a_statement_out_of_sight_is_none():
    endless = ["call(", *["  1,"] * MOST_LINES]
    layout = Layout(parse(replaced("a.py", ["y"], endless)))
    assert layout.statement_new("a.py", 1) == ""
    assert layout.statement_new("a.py", 2) == "1"
    assert layout.statement_new("a.py", 99) == layout.statement_old("other.py", 1) == ""


TOKENS = st.lists(st.sampled_from(["a", "b", "=", "(", ")", ",", '"', "run"]), max_size=20)
CUTS = st.lists(st.booleans(), min_size=20, max_size=20)


def lines_of(tokens: list[str], cuts: list[bool]) -> list[str]:
    lines = [""]
    for token, cut in zip(tokens, cuts, strict=False):
        lines[-1] += f"{token} "
        lines += [""] if cut else []
    return lines


@given(TOKENS, CUTS, CUTS)
def test_every_piece_of_code_is_at_the_same_joint_on_both_sides(tokens, before, after):
    old, new = lines_of(tokens, before), lines_of(tokens, after)
    layout = Layout(parse(replaced("a.py", old, new)))
    sides = (layout.joints_old, old), (layout.joints_new, new)
    places = [
        {joint: at for at, _ in enumerate(lines, 1) for joint in joints("a.py", at)}
        for joints, lines in sides
    ]
    assert places[0].keys() == places[1].keys(), "no piece is on one side only"
    text = "".join(plain(line) for line in old)
    assert bool(places[0]) == bool(text)
    for line, joints in ((at, layout.joints_old("a.py", at)) for at in range(1, len(old) + 1)):
        assert bool(joints) == bool(plain(old[line - 1]))


@given(st.text(st.sampled_from("'\"\\\\([)]a"), max_size=40))
def test_brackets_outside_of_strings_are_counted_as_by_an_expression(text):
    """The plain expression, which takes the square of a line's length where a quote stays open."""
    strings = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"")
    bare = strings.sub("", text)
    assert layout._opened(text) == sum(map(bare.count, "([")) - sum(map(bare.count, ")]"))


def test_a_line_of_quotes_that_nothing_closes_is_read_at_once():
    line = "f('" + "\\'" * 100_000
    start = time.process_time()
    assert Layout(parse(replaced("a.py", [line], ["x"]))).statement_old("a.py", 1) == ""
    assert time.process_time() - start < 5, "a tenth of a second; looking for each end, minutes"


def test_a_statement_of_several_long_lines_is_not_put_together():
    lines = ["f(" + "a" * MOST_CHARACTERS, ")"]
    found = Layout(parse(replaced("a.py", [*lines, lines[0] + ")"], ["x"])))
    assert found.statement_old("a.py", 1) == ""
    assert found.statement_old("a.py", 3)


def test_two_old_files_of_which_one_took_the_name_of_the_other_are_told_apart():
    gone = "diff --git a/x b/x\ndeleted file mode 100644\n--- a/x\n+++ /dev/null\n@@ -1 +0,0 @@\n-one\n"
    come = "diff --git a/y b/x\nrename from y\nrename to x\n--- a/y\n+++ b/x\n@@ -1 +1 @@\n-two\n+three\n"
    found = Layout(parse((gone + come).encode()))
    assert [found.statement_old(path, 1) for path in ("x", "y")] == ["one", "two"]
    assert found.statement_new("x", 1) == "three"
