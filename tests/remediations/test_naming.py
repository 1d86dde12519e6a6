"""Which findings a proposed fix is for, and how surely."""

import time

from gate.diff import parse
from remediations.naming import (
    MOST_POSSIBLE,
    Candidate,
    Candidates,
    Lines,
    marks,
    touched_by,
    touched_by_replacements,
)
from remediations.readers.offer import MAX_NAMED, Named, Replacement
from remediations.statuses import Sureness

DIFF = parse(
    b"diff --git a/app/a.py b/app/a.py\n--- a/app/a.py\n+++ b/app/a.py\n"
    b"@@ -40,5 +40,6 @@\n a\n b\n-c\n+d\n+e\n f\n g\n"
)


def row(pk=1, rule="B307", path="app/a.py", line=42, *ids):
    return Candidate(pk, rule, path, line, frozenset(ids))


def match(named, rows, touched=None):
    found = Candidates(rows).match(named, touched or touched_by(DIFF))
    return [(hit.pk, hit.sure) for hit in found]


def test_an_id_of_the_tool_is_exact_wherever_it_is():
    rows = [row(1, "X", "other.py", 1, "G-1"), row(2)]
    assert match([Named(id="G-1", rule="X")], rows) == [(1, Sureness.EXACT)]


def test_a_fingerprint_is_exact_behind_its_key_in_its_rule_and_file_alone():
    prints = (("line/v1", "abc:1"),)
    rows = [
        Candidate(1, "py/sql", "a.py", 1, frozenset(marks(prints, "py/sql", "a.py"))),
        Candidate(2, "py/other", "z/b.py", 1, frozenset(marks(prints, "py/other", "z/b.py"))),
        Candidate(3, "py/sql", "b.py", 1, frozenset(marks(prints, "py/sql", "b.py"))),
    ]
    assert match([Named("", "PY/SQL", "a.py", 1, prints)], rows) == [(1, Sureness.EXACT)]
    assert match([Named("abc:1")], rows) == []
    assert match([Named("", "py/sql", "a.py", 90, (("other", "abc:1"),))], rows) == [
        (1, Sureness.POSSIBLE)]  # fmt: skip
    assert match([Named("", "", "", None, prints)], rows) == []


def test_what_is_only_possible_is_kept_for_few_and_all_for_no_more_than_allowed():
    few = match([], [row(n, line=42) for n in range(100)])
    assert few == [(n, Sureness.POSSIBLE) for n in range(MOST_POSSIBLE)]
    named = [Named(rule="B307", path="app/a.py")]
    rows = [row(n, line=42 if n > 50 else 90) for n in range(MAX_NAMED * 2)]
    assert match(named, rows) == [(n, Sureness.LIKELY) for n in range(51, 51 + MAX_NAMED)]


def test_rule_file_and_place_are_likely_rule_and_file_possible():
    named = [Named(rule="b307", path="app/a.py")]
    rows = [row(1), row(2, line=46), row(3, line=None), row(4, "B301"), row(5, path="app/b.py")]
    assert match(named, rows) == [
        (1, Sureness.LIKELY), (2, Sureness.POSSIBLE), (3, Sureness.POSSIBLE)]  # fmt: skip


def test_a_line_that_is_named_is_a_place_too():
    named = [Named(rule="B307", path="app/a.py", line=90)]
    assert match(named, [row(1, line=92), row(2, line=94)]) == [
        (1, Sureness.LIKELY), (2, Sureness.POSSIBLE)]  # fmt: skip


def test_a_rule_without_a_file_is_looked_for_in_what_changes():
    named = [Named(rule="B307")]
    assert match(named, [row(1), row(2, path="b.py")]) == [(1, Sureness.LIKELY)]


def test_a_change_that_says_nothing_is_for_what_it_touches():
    rows = [row(1), row(2, "B1", line=39), row(3, line=46), row(4, line=None), row(5, path="b.py")]
    assert match([], rows) == [(1, Sureness.POSSIBLE), (2, Sureness.POSSIBLE)]


def test_replacements_touch_their_lines_and_unknown_places_none():
    lines = touched_by_replacements(
        [Replacement("a", "x", start_line=10, end_line=12), Replacement("b", "x", char_offset=3)]
    )
    assert lines.covers("a", 15)
    assert not lines.covers("a", 16)
    assert not lines.covers("b", 1)
    assert set(lines.paths) == {"a", "b"}


def test_stretches_that_meet_are_one():
    lines = Lines([("a", 100, 100), ("a", 1, 50), ("a", 20, 30)])
    assert [n for n in (1, 53, 54, 96, 97, 103, 104) if lines.covers("a", n)] == [1, 53, 97, 103]


def test_very_many_of_everything_cost_little():
    rows = [row(n, f"R{n % 7}", "app/a.py", n) for n in range(20_000)]
    named = [Named(rule=f"R{n % 9}", path="app/a.py", line=n) for n in range(500)]
    lines = Lines(("app/a.py", n * 9, n * 9) for n in range(10_000))
    candidates, start = Candidates(rows), time.process_time()
    for _ in range(20):
        candidates.match(named, lines)
    assert time.process_time() - start < 5
