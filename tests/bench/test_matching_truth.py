"""The benchmark of the matcher: GitHub's hash as published, and a truth that can be counted."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from bench.matching.draft import Draft, Line, Source, parses, text_of
from bench.matching.edits import EDITS, Place
from bench.matching.generator import generate
from bench.matching.line_hash import line_hashes
from bench.matching.methods import Answer, Scans, github, ours, rule_file_line
from bench.matching.truth import score, truth_of
from gate import formats
from gate.diff import parse
from gate.records import Level, Location, Result

CODE = """\
import subprocess


def first(cmd):
    return subprocess.call(cmd, shell=True)


def second(cmd):
    try:
        first(cmd)
    except Exception:
        pass
"""
PLACES = [Place("B602", "a.py", 5), Place("B110", "a.py", 11)]
LOREM = "Lorem ipsum dolor sit amet.\n"
EMPTY = "c129715d7a2bc9a3:1"


# --- the vectors of codeql-action, gate-facts 1.3 ------------------------------------------------


def test_the_line_hash_is_that_of_github():
    text = "x = 2\nx = 1\nprint(x)\nx = 3\nprint(x)\nx = 4\nprint(x)\n"
    first = ["e54938cc54b302f1:1", "bb609acbe9138d60:1", "1131fd5871777f34:1", "5c482a0f8b35ea28:1"]
    last = ["54517377da7028d2:1", "2c644846cb18d53e:1", "f1b89f20de0d133:1", EMPTY]
    assert line_hashes(text) == first + last


def test_lines_that_are_alike_are_counted():
    alike = [f"a7f2ff13bc495cf2:{number}" for number in range(1, 7)]
    tail = ["a7f2ff1481e87703:1", "a9cf91f7bbf1862b:1", "55ec222b86bcae53:1", "cc97dc7b1d7d8f7b:1"]
    assert line_hashes(LOREM * 10) == [*alike, *tail, EMPTY]


def test_an_empty_file_has_a_first_line():
    assert line_hashes("") == [EMPTY]


@pytest.mark.parametrize("end", ["\r", "\r\n"])
def test_blanks_and_the_kind_of_line_end_do_not_matter(end):
    assert line_hashes("a  =\t1\nb\n") == line_hashes(f"a=1{end}b{end}")


# --- the truth -----------------------------------------------------------------------------------


def draft() -> Draft:
    return Draft({"a.py": Source("a.py", CODE), "b.py": Source("b.py", "x = 1\n" * 9)})


def result(rule: str, path: str, line: int, code: str = "") -> Result:
    spot = Location(uri=path, path=path, line=line, snippet=code)
    return Result("/runs/0/results/0", "Bandit", rule, rule, Level.ERROR, rule, spot)


BEFORE = [result(place.rule, place.path, place.line) for place in PLACES]


@pytest.mark.parametrize("edit", EDITS)
def test_every_edit_leaves_code_that_python_reads(edit):
    made = draft()
    EDITS[edit](made, PLACES, random.Random(1))
    assert all(parses(lines) for lines in made.built().values())


def test_a_line_keeps_its_origin_through_a_move():
    made = draft()
    EDITS["functions moved"](made, PLACES, random.Random(1))
    origins = [line.origin for line in made.built()["b.py"]]
    assert ("a.py", 5) in origins
    assert ("a.py", 5) not in [line.origin for line in made.built()["a.py"]]


def test_a_reformatted_call_is_one_line_of_before():
    made = draft()
    EDITS["calls reformatted"](made, PLACES[:1], random.Random(1))
    origins = [line.origin for line in made.built()["a.py"]]
    assert origins.count(("a.py", 5)) == 4
    assert len(text_of(made.built()["a.py"]).splitlines()) == len(CODE.splitlines()) + 3


def test_a_copy_is_new_and_the_original_is_old():
    made = draft()
    EDITS["functions copied"](made, PLACES[:1], random.Random(1))
    lines = made.built()["a.py"]
    calls = [at + 1 for at, line in enumerate(lines) if "shell=True" in line.text]
    truth = truth_of(made, BEFORE, [result("B602", "a.py", line) for line in calls])
    assert sorted(truth.counts()[1].values()) == [1, 1]
    assert truth.before[0] in truth.after


def test_edits_do_not_touch_the_same_lines():
    made = draft()
    assert made.splice("a.py", 4, 5, [])
    assert not made.insert("a.py", 5, ["x"])
    assert not made.rewrite("a.py", 6, 6, ["x"])
    assert made.insert("a.py", 9, ["        y = 1"])


@pytest.mark.parametrize(
    ("new", "absent", "unsure", "wrong"),
    [
        ({1}, {1}, set(), {}),
        (set(), {1}, set(), {"missed_new": 1}),
        ({0, 1}, {1}, set(), {"false_new": 1}),
        ({1}, {0, 1}, set(), {"false_absent": 1}),
        ({1}, set(), set(), {"false_present": 1}),
        ({1}, set(), {1}, {"unsure_gone": 1}),
        ({1}, {1}, {0}, {"unsure_there": 1}),
    ],
)
def test_every_kind_of_wrong_answer_is_counted(new, absent, unsure, wrong):
    made = draft()
    made.rewrite("a.py", 12, 12, ["        raise"])
    made.append("b.py", [Line("y = 2")])
    after = [BEFORE[0], result("B105", "b.py", 10)]
    answer = Answer(frozenset(new), frozenset(absent), frozenset(unsure))
    found = vars(score(truth_of(made, BEFORE, after), answer))
    numbers = {name: found[name] for name in found if name not in ("old", "new", "there", "gone")}
    assert {name: count for name, count in numbers.items() if count} == wrong
    assert (found["old"], found["new"], found["there"], found["gone"]) == (1, 1, 1, 1)


def test_of_a_doubled_line_either_may_be_the_new_one():
    made = draft()
    made.rewrite("a.py", 5, 5, [CODE.splitlines()[4]] * 2)
    after = [result("B602", "a.py", 5), result("B602", "a.py", 6)]
    truth = truth_of(made, BEFORE[:1], after)
    for new in (0, 1):
        assert score(truth, Answer(frozenset({new}), frozenset())).wrong == 0
    assert score(truth, Answer(frozenset({0, 1}), frozenset({0}))).false_absent == 1


# --- the methods ---------------------------------------------------------------------------------


def test_the_identities_answer_as_they_are_known_to():
    moved = [replace(entry, location=replace(entry.location, line=7)) for entry in BEFORE[:1]]
    shifted = "# a\n# b\n" + CODE
    scans = Scans(BEFORE[:1], moved, None, {"a.py": CODE}, {"a.py": shifted})
    assert rule_file_line(scans) == Answer(frozenset({0}), frozenset({0}), pairs={})
    assert github(scans).pairs == {0: 0}


def test_generated_reports_hold_what_they_promise(tmp_path):
    before, after, diff = generate(60, tmp_path)
    old, new = (formats.read(file.name, file.read_bytes()).runs[0] for file in (before, after))
    answer = ours(Scans(old.results, new.results, parse(diff.read_bytes()), {}, {}))
    assert len(old.results) == len(new.results) == 60
    assert len(answer.new) == 3
    assert len(answer.absent | answer.unsure) == 3
