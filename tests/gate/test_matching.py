"""Matching: each stage where it belongs, nothing twice, the same pairs in whatever order."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate import formats, matching
from gate.diff import parse
from gate.matching import Stage, match
from gate.records import Level, Location, Result

PAIRS = Path(__file__).parent.parent / "cases" / "pairs_bandit"
CALL = "    subprocess.call(cmd, shell=True)\n"

DIFF = b"""\
diff --git a/app.py b/app.py
--- a/app.py
+++ b/app.py
@@ -1,6 +1,7 @@
+first
 one
 two
-three
+drei
 four
 five
 six
"""
UNTOUCHED = b""


def result(path: str | None = "app.py", line: int | None = 1, **given) -> Result:
    spot = {key: given.pop(key) for key in ("column", "snippet", "uri") if key in given}
    values = {
        "pointer": "/runs/0/results/0",
        "tool": "Bandit",
        "rule": "B602",
        "level": Level.ERROR,
        "message": "shell=True",
    } | given
    values.setdefault("rule_key", values["rule"])
    return Result(location=Location(path=path, line=line, **({"uri": path or ""} | spot)), **values)


def spot(line: int, path: str = "app.py") -> Location:
    return Location(uri=path, path=path, line=line)


def stages(before: list[Result], after: list[Result], diff: bytes | None = DIFF) -> list[str]:
    """Who was paired with whom, as ``0-1 S3``."""
    found = match(before, after, None if diff is None else parse(diff))
    return [f"{pair.before}-{pair.after} {pair.stage}" for pair in found.pairs]


# --- a fix of one Bandit result, in eleven ways; the table of gate-facts 1.8 ---------------------


@pytest.mark.parametrize("joined", [True, False], ids=["diff", "no diff"])
@pytest.mark.parametrize(
    ("variant", "original", "without_diff", "new"),
    [
        ("01_good_fix", None, None, ["B603"]),
        ("02_nosec", None, None, []),
        ("03_syntax_error", None, None, []),
        ("04_moved_to_new_file", "S1", "S4", []),
        ("05_extracted_to_other_file", "S4", "S4", ["B404"]),
        ("06_config_skip", None, None, []),
        ("07_fix_introduces_new", None, None, ["B102", "B307"]),
        ("08_lines_shifted_only", "S1", "S3", []),
        ("09_line_reformatted", "S5", "S6", ["B602"]),
        ("10_duplicate_added", "S3", "S3", ["B603"]),
        ("11_path_excluded", None, None, []),
    ],
)
def test_the_eleven_variants_match_as_measured(variant, original, without_diff, new, joined):
    before, after = read("00_before"), read(variant)
    diff = parse((PAIRS / f"{variant}.diff").read_bytes()) if joined else None
    found = match(before, after, diff)
    (index,) = [i for i, entry in enumerate(before) if entry.rule == "B602"]
    (pair,) = [p for p in found.pairs if p.before == index] or [None]
    assert (pair and pair.stage) == (original if joined else without_diff)
    known = {pair.after for pair in found.pairs if pair.was_there}
    assert sorted(entry.rule for i, entry in enumerate(after) if i not in known) == (
        [] if joined and variant == "09_line_reformatted" else new
    ), "what only changed its layout is there, and not new"


def read(name: str) -> tuple[Result, ...]:
    report = formats.read(name, (PAIRS / f"{name}.sarif").read_bytes())
    return report.runs[0].results


# --- each stage ---------------------------------------------------------------------------------


def test_untouched_code_is_followed_through_the_diff():
    assert stages([result(line=2)], [result(line=3)]) == ["0-0 S1"]
    assert stages([result(line=40)], [result(line=41)]) == ["0-0 S1"]


def test_untouched_code_needs_neither_the_message_nor_the_column():
    assert stages([result(line=2, message="a")], [result(line=3, message="b")]) == ["0-0 S1"]
    before = [result(line=2, column=9), result(line=2, column=5)]
    after = [result(line=3, column=5), result(line=3, column=9)]
    assert stages(before, after) == ["0-1 S1", "1-0 S1"]


def test_an_added_line_is_never_untouched_code():
    added = b"diff --git a/new.py b/new.py\nnew file mode 100644\n--- /dev/null\n+++ b/new.py\n"
    added += b"@@ -0,0 +1 @@\n+x\n"
    assert stages([result("new.py", 1)], [result("new.py", 1)], added) == ["0-0 S6"]


def test_a_renamed_file_keeps_its_results():
    renamed = b"diff --git a/app.py b/lib.py\nsimilarity index 100%\nrename from app.py\nrename to lib.py\n"
    assert stages([result(line=7)], [result("lib.py", 7)], renamed) == ["0-0 S1"]
    assert stages([result(line=None)], [result("lib.py", None)], renamed) == ["0-0 S1"]


def test_a_result_about_a_whole_file_stays_while_it_says_the_same():
    before = [result(line=None)]
    assert stages(before, before, UNTOUCHED) == ["0-0 S1"]
    assert stages(before, before) == ["0-0 S1"]
    assert stages(before, [result(line=None, message="other")]) == ["0-0 S7"]
    (pair,) = match(before, before, parse(DIFF)).pairs
    assert pair.reason == "the same is said of the whole file: app.py before and app.py now"


def test_one_fingerprint_on_both_sides_is_the_same_result():
    before = result(line=3, fingerprints=(("hash/v1", "a"),))
    assert stages([before], [replace(before, location=spot(90))]) == ["0-0 S2"]
    elsewhere = replace(before, location=spot(3, "other.py"))
    assert stages([before], [elsewhere]) == []


def test_a_fingerprint_that_is_there_twice_says_nothing():
    before = [result(line=3, message="a", fingerprints=(("hash/v1", "a"),))]
    after = [replace(before[0], location=spot(n)) for n in (80, 90)]
    assert stages(before, after) == ["0-0 S6"]


def test_of_several_versions_the_latest_common_one_decides():
    before = result(line=3, fingerprints=(("h/v1", "a"), ("h/v2", "b")))
    after = result(line=90, fingerprints=(("h/v1", "a"), ("h/v2", "other")))
    assert stages([before], [after]) == ["0-0 S6"]
    older = result(line=90, fingerprints=(("h/v1", "a"),))
    assert stages([before], [older]) == ["0-0 S2"]


def test_deleted_code_is_found_again_elsewhere_in_its_file():
    after = result(line=50, snippet="subprocess.call(cmd,  shell=True)")
    assert stages([result(line=3, snippet=CALL)], [after]) == ["0-0 S3"]


def test_a_copy_of_code_that_is_still_there_has_no_partner():
    before = [result(line=2, snippet=CALL, message="a")]
    copies = [result(line=50, snippet=CALL), result("other.py", 9, snippet=CALL)]
    assert stages(before, copies) == ["0-0 S7"], "vague enough to count as new"
    found = match(before, [result(line=3, snippet=CALL), *copies], parse(DIFF))
    assert [(p.after, p.stage) for p in found.pairs] == [(0, Stage.S1)]
    assert found.unmatched_after == (1, 2)


def test_deleted_code_is_found_again_in_another_file():
    after = [result("other.py", 9, snippet=CALL)]
    assert stages([result(line=3, snippet=CALL)], after) == ["0-0 S4"]
    gone = b"diff --git a/app.py b/app.py\ndeleted file mode 100644\n--- a/app.py\n+++ /dev/null\n"
    assert stages([result(line=1, snippet=CALL)], after, gone + b"@@ -1 +0,0 @@\n-x\n") == [
        "0-0 S4"
    ]


@pytest.mark.parametrize(("code", "expected"), [("eval(x  )123", []), ("eval(x)12345", ["0-0 S4"])])
def test_short_code_is_not_recognised_in_another_file(code, expected):
    assert stages([result(line=3, snippet=code)], [result("b.py", 9, snippet=code)]) == expected


def test_rewritten_code_is_found_by_its_hunk():
    assert stages([result(line=3, message="a")], [result(line=4, message="b")]) == ["0-0 S5"]


def test_messages_are_compared_without_their_numbers():
    before, after = result(line=3, message="line 3 of 9"), result(line=80, message="line 80 of 77")
    assert stages([before], [after]) == ["0-0 S6"]
    assert stages([before], [replace(after, message="other")]) == ["0-0 S7"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"rule": "B602"}, {"rule": "B699", "aliases": ("B602",)}),
        ({"rule": "B602", "aliases": ("B699",)}, {"rule": "B699"}),
        ({"rule": "CWE-78/shell"}, {"rule": "CWE-78/exec"}),
        (
            {"cwes": ("CWE-78",), "snippet": CALL},
            {"rule": "X", "cwes": ("CWE-78",), "snippet": CALL},
        ),
    ],
)
def test_a_renamed_or_split_rule_is_related(before, after):
    assert stages([result(line=3, **before)], [result(line=4, **after)]) == ["0-0 S8"]


def test_a_shared_cwe_alone_does_not_relate_rules():
    before, after = result(cwes=("CWE-78",), line=3), result(cwes=("CWE-78",), line=4, rule="B603")
    assert stages([before], [after]) == []


def test_another_rule_of_the_same_cwe_on_an_unchanged_line_is_related():
    before, after = result(cwes=("CWE-78",), line=2), result(cwes=("CWE-78",), line=3, rule="X")
    assert stages([before], [after]) == ["0-0 S8"]


def test_tools_are_never_mixed_but_their_names_may_differ_in_case():
    assert stages([result(line=2)], [result(line=3, tool="Semgrep")]) == []
    assert stages([result(line=2)], [result(line=3, tool="bandit")]) == ["0-0 S1"]


def test_rules_are_compared_by_their_key():
    before = result(rule="CWE-78/shell", rule_key="CWE-78", line=2)
    assert stages([before], [replace(before, rule="CWE-78/exec", location=spot(3))]) == ["0-0 S1"]


@pytest.mark.parametrize(
    "after",
    [
        {"path": None, "uri": "app.py?x=1"},
        {"path": "App.py"},
        {"path": None, "uri": ""},
        {"path": "lib.py", "flow_paths": ("app.py",)},
        {"path": "sub/app.py"},
        {"rule": "b602"},
        {"rule": "shell-true"},  # at the same unchanged line, with the same words
    ],
)
def test_the_same_in_another_spelling_is_not_surely_gone(after):
    assert stages([result(line=2)], [result(**{"line": 3} | after)]) == ["0-0 S8"]


def test_a_fingerprint_on_added_code_is_new_while_the_line_before_is_still_there():
    before = result(line=2, fingerprints=(("hash/v1", "a"),))
    (pair,) = match([before], [replace(before, location=spot(4))], parse(DIFF)).pairs
    assert (pair.stage, pair.is_present, pair.was_there) == (Stage.S5, True, False)


# --- packages: by name and advisory, never by message ---------------------------------------------


def vulnerable(package: str, version: str, rule: str = "CVE-2024-0001", **given) -> Result:
    message = (
        f"Package: {package}\nInstalled Version: {version}\nVulnerability {rule}\nFixed Version: 9"
    )
    return result("package-lock.json", 1, tool="Trivy", rule=rule, message=message, **given)


LOCK = b"""\
diff --git a/package-lock.json b/package-lock.json
--- a/package-lock.json
+++ b/package-lock.json
@@ -1,2 +1,2 @@
-{
+{"a": 1,
 "b": 2
"""


def test_a_vulnerable_package_is_found_again_whatever_its_version_and_place_in_the_file():
    before = [vulnerable("lodash", "4.0.0"), vulnerable("axios", "1.0.0")]
    after = [vulnerable("axios", "1.0.1"), vulnerable("lodash", "4.0.1")]
    assert stages(before, after, LOCK) == ["0-1 S2", "1-0 S2"]


def test_one_advisory_of_two_packages_is_two_weaknesses():
    before = [vulnerable("libssl3", "3.0"), vulnerable("libcrypto3", "3.0")]
    assert stages(before, [vulnerable("libcrypto3", "3.1")], LOCK) == ["1-0 S2"]


# --- without a diff, without a place ---------------------------------------------------------------


def test_without_a_diff_the_same_line_must_show_the_same_code():
    before = result(line=5, snippet=CALL, message="a")
    assert stages([before], [replace(before, message="b")], None) == ["0-0 S1"]
    other = result(line=5, snippet="os.system(cmd)", message="a")
    assert stages([before], [other], None) == ["0-0 S6"]


def test_without_diff_and_snippet_the_same_line_must_say_the_same():
    assert stages([result(line=5)], [result(line=5)], None) == ["0-0 S1"]
    assert stages([result(line=5)], [result(line=5, message="other")], None) == ["0-0 S7"]
    assert stages([result(line=5)], [result(line=6)], None) == ["0-0 S6"]


def test_results_that_cannot_be_placed_are_compared_by_their_address():
    here, there = (result(None, 5, uri=f"file:///{name}/x.py", snippet="eval(a)") for name in "ab")
    assert stages([here], [here]) == ["0-0 S1"]
    assert stages([here], [there]) == ["0-0 S8"], "the same name and code, at an unknown place"
    assert stages([here], [result(None, 5, uri="file:///b/y.py", snippet="eval(a)")]) == []
    assert stages([result(None, None, uri="")], [result(None, None, uri="")]) == ["0-0 S1"]


# --- as a whole ---------------------------------------------------------------------------------


def test_who_lost_a_counterpart_to_an_equal_is_named():
    before = [result(line=n, snippet=CALL) for n in (10, 50)]
    found = match(before, [result(line=51, snippet=CALL)])
    assert [(p.before, p.stage) for p in found.pairs] == [(0, Stage.S3)]
    assert found.unmatched_before == found.contested == (1,)
    assert match(before, before).contested == ()


def test_a_pair_says_why_in_a_sentence():
    (pair,) = match([result(line=2)], [result(line=3)], parse(DIFF)).pairs
    assert (
        pair.reason
        == "the line at app.py:2 is unchanged, and the rule still reports it at app.py:3"
    )


# --- common code is told apart by what surrounds it: measured by make bench-matching --------------

PASSED_OVER = "except Exception:"


def guarded(name: str) -> list[str]:
    """A function that ends in code found all over; line 4 of 5."""
    return [
        f"def {name}():",
        "    try:",
        f"        prepare_and_start_{name}()",
        PASSED_OVER,
        "    pass",
    ]


def replaced(path: str, old: list[str], new: list[str]) -> bytes:
    """The diff of a file that was written anew."""
    head = f"diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n"
    hunk = f"@@ -{min(1, len(old))},{len(old)} +{min(1, len(new))},{len(new)} @@\n"
    lines = [f"-{line}\n" for line in old] + [f"+{line}\n" for line in new]
    return (head + hunk + "".join(lines)).encode()


def passed_over(path: str, line: int) -> Result:
    return result(path, line, rule="B110", message="passed", snippet=PASSED_OVER)


def test_common_code_that_moved_is_followed_by_the_lines_around_it():
    diff = replaced("a.py", guarded("one"), ["x"]) + replaced("b.py", guarded("two"), ["y"])
    diff += replaced("c.py", ["z"], guarded("two") + guarded("one"))
    before = [passed_over("a.py", 4), passed_over("b.py", 4)]
    after = [passed_over("c.py", 4), passed_over("c.py", 9)]
    assert stages(before, after, diff) == ["0-1 S4", "1-0 S4"]


@pytest.mark.parametrize("place", ["a.py", "b.py"])
def test_common_code_among_other_lines_is_new_and_the_old_one_open(place):
    other = [f"line {number}" for number in range(90)]
    far = f"@@ -100,0 +97,5 @@\n{''.join(f'+{line}' + chr(10) for line in guarded('two'))}".encode()
    diff = replaced("a.py", guarded("one"), ["x"])
    if place == "a.py":
        diff, line = diff + far, 100
    else:
        diff, line = diff + replaced("b.py", other[:1], guarded("two")), 4
    before = [passed_over("a.py", 4), passed_over("c.py", 4), passed_over("c.py", 9)]
    after = [passed_over(place, line), passed_over("c.py", 4), passed_over("c.py", 9)]
    found = match(before, after, parse(diff))
    (pair,) = [pair for pair in found.pairs if pair.before == 0] or [None]
    assert pair is None or pair.stage is Stage.S6
    assert bool(pair) == (place == "a.py")
    assert 0 in found.contested or pair


def test_even_the_only_one_is_not_the_same_among_other_lines():
    diff = replaced("a.py", guarded("one"), ["x"]) + replaced("b.py", ["y"], guarded("two"))
    found = match([passed_over("a.py", 4)], [passed_over("b.py", 4)], parse(diff))
    assert (found.pairs, found.contested) == ((), (0,))


def test_a_line_without_telling_neighbours_is_known_by_its_code():
    diff = replaced("a.py", [CALL.rstrip()], ["x"]) + replaced(
        "b.py", ["y"], [*guarded("two"), CALL.rstrip()]
    )
    before, after = [result("a.py", 1, snippet=CALL)], [result("b.py", 6, snippet=CALL)]
    assert stages(before, after, diff) == ["0-0 S4"]


def test_a_snippet_of_another_line_does_not_hide_that_the_code_moved():
    """Bandit shows the wrong line of a call that is written over several."""
    diff = replaced("a.py", guarded("one"), ["x"]) + replaced("b.py", ["y"], guarded("one"))
    before = [result("a.py", 4, snippet="def what_came_next(): ...")]
    after = [result("b.py", 4, snippet="class SomethingElse: ...")]
    assert stages(before, after, diff) == ["0-0 S4"]


@st.composite
def results(draw):
    """Few different values, so that everything collides."""
    rule = draw(st.sampled_from(["A", "B", "CWE-78/x", "CWE-78/y"]))
    return result(
        path=draw(st.sampled_from(["app.py", "b.py", None])),
        line=draw(st.sampled_from([None, 1, 2, 3, 4, 5, 9])),
        column=draw(st.sampled_from([None, 1])),
        snippet=draw(st.sampled_from([None, "short", CALL, CALL.upper()])),
        uri=draw(st.sampled_from(["", "u"])),
        tool=draw(st.sampled_from(["T", "t", "U"])),
        rule=rule,
        aliases=draw(st.sampled_from([(), ("A",)])),
        cwes=draw(st.sampled_from([(), ("CWE-78",)])),
        message=draw(st.sampled_from(["m 1", "m 2", "other"])),
        fingerprints=draw(st.sampled_from([(), (("k/v1", "1"),), (("k/v1", "2"), ("k/v2", "3"))])),
        pointer=draw(st.sampled_from(["", "/runs/0/results/0"])),
    )


SCANS = st.lists(results(), max_size=14)


@settings(max_examples=80, deadline=None)
@given(SCANS, SCANS, st.booleans(), st.randoms(use_true_random=False))
def test_the_order_of_the_results_does_not_matter(before, after, joined, random):
    diff = parse(DIFF) if joined else None
    orders = [random.sample(range(len(scan)), len(scan)) for scan in (before, after)]
    shuffled = [
        [scan[i] for i in order] for scan, order in zip((before, after), orders, strict=True)
    ]
    assert told(before, after, diff) == told(*shuffled, diff)


def told(before, after, diff):
    """The matching in terms of what the results say: equal results cannot be told apart."""
    found = match(before, after, diff)
    return (
        sorted((repr(before[p.before]), repr(after[p.after]), p.stage) for p in found.pairs),
        sorted(repr(before[i]) for i in found.contested),
    )


@settings(max_examples=80, deadline=None)
@given(SCANS, SCANS, st.booleans())
def test_every_result_is_paired_once_or_left_alone(before, after, joined):
    found = match(before, after, parse(DIFF) if joined else None)
    olds = [pair.before for pair in found.pairs]
    news = [pair.after for pair in found.pairs]
    assert sorted([*olds, *found.unmatched_before]) == list(range(len(before)))
    assert sorted([*news, *found.unmatched_after]) == list(range(len(after)))
    assert set(found.contested) <= set(found.unmatched_before)
    for pair in found.pairs:
        old, new = before[pair.before], after[pair.after]
        assert old.tool.lower() == new.tool.lower()
        assert pair.stage is Stage.S8 or old.rule_key == new.rule_key


@settings(max_examples=60, deadline=None)
@given(SCANS)
def test_a_scan_without_a_change_matches_itself_for_certain(scan):
    found = match(scan, scan, parse(UNTOUCHED))
    assert {pair.stage for pair in found.pairs} <= {Stage.S1}
    assert found.unmatched_before == ()


@pytest.mark.parametrize("shift", [0, 7])
def test_one_crowded_rule_takes_no_longer_than_its_results(shift):
    before = [result(line=n, snippet=CALL) for n in range(1, 15_001)]
    after = [result(line=n + shift, snippet=CALL) for n in range(1, 15_001)]
    start = time.process_time()
    assert match(before, after).unmatched_before == ()
    assert time.process_time() - start < 10, (
        "15,000 results take about a second; quadratic, minutes"
    )


@given(SCANS, SCANS, st.booleans())
def test_leaving_out_what_is_at_rest_changes_no_answer(before, after, joined):
    diff = parse(DIFF) if joined else None
    short = match(before, after, diff)
    with mock.patch.object(matching, "_at_rest", lambda *given: []):
        whole = match(before, after, diff)
    assert short == whole


def test_results_that_differ_in_their_weakness_alone_are_paired_alike_in_any_order():
    before = [result(line=3, snippet=CALL), result(line=3, snippet=CALL, cwes=("CWE-78",))]
    after = [result(line=80, snippet=CALL, message="b")]
    found = [match(scan, after, parse(DIFF)) for scan in (before, before[::-1])]
    assert [pair.old for pair in found[0].pairs] == [pair.old for pair in found[1].pairs]
