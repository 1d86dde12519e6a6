"""Diffs: read by their counts, mapped exactly, refused with a line number when they lie."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gate import diff_reader
from gate.diff import Diff, parse
from gate.errors import InputError

MODIFIED = b"""\
diff --git a/app.py b/app.py
index 914f768..b74ad61 100644
--- a/app.py
+++ b/app.py
@@ -2,4 +2,5 @@ def run():
 two
-three
+drei
+drei und halb
 four
 five
"""


class Git:
    """A repository whose two trees are written from plain mappings of names to bytes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.run("init", "-q")

    def run(self, *arguments: str) -> bytes:
        environment = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
        command = ["git", "-c", "core.autocrlf=false", *arguments]
        environment |= {"PATH": os.environ["PATH"], "HOME": str(self.folder)}
        return subprocess.run(
            command, cwd=self.folder, env=environment, check=True, capture_output=True
        ).stdout

    def tree(self, files: dict[str, bytes | Path]) -> str:
        for path in self.folder.iterdir():
            if path.name != ".git":
                path.unlink()
        for name, content in files.items():
            path = self.folder / name
            if isinstance(content, Path):
                path.symlink_to(content)
            else:
                path.write_bytes(content)
        self.run("add", "-A")
        return self.run("write-tree").decode().strip()

    def diff(self, before: dict, after: dict, *options: str) -> bytes:
        return self.run("diff", *options, self.tree(before), self.tree(after))


@pytest.fixture(scope="module")
def git(tmp_path_factory):
    return Git(tmp_path_factory.mktemp("repository"))


def refusal(data: bytes) -> str:
    with pytest.raises(InputError) as caught:
        parse(data, "fix.diff")
    return str(caught.value)


def mapped(diff: Diff, path: str, count: int) -> list[int | None]:
    """Where the lines 1 to ``count`` of an old file are now."""
    found = [diff.map_line(path, line) for line in range(1, count + 1)]
    return [spot[1] if spot else None for spot in found]


# --- the map against the truth -----------------------------------------------------------------


@st.composite
def edits(draw):
    """(before, after, truth): lines that are all different, some dropped, some put in."""
    script = draw(st.lists(st.sampled_from("kkkkd+"), max_size=60))
    before, after, truth = [], [], []
    for number, step in enumerate(script):
        text = f"line {number}"
        if step != "+":
            before.append(text)
            truth.append(len(after) + 1 if step == "k" else None)
        if step != "d":
            after.append(text)
    return before, after, truth


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(edits(), st.integers(0, 5), st.sampled_from([b"\n", b"\r\n"]))
def test_lines_map_as_real_git_edits_moved_them(git, edit, context, end):
    before, after, truth = edit
    texts = [b"".join(line.encode() + end for line in side) for side in (before, after)]
    data = git.diff({"f": texts[0]}, {"f": texts[1]}, f"-U{context}")
    diff = parse(data)
    assert mapped(diff, "f", len(before)) == truth
    kept = {line for line in truth if line}
    for line in range(1, len(after) + 1):
        assert diff.is_added("f", line) is (line not in kept)
    assert [text for _, _, text in diff.added_lines()] == [
        text for number, text in enumerate(after, 1) if number not in kept
    ]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.sampled_from("abc}"), max_size=25), st.lists(st.sampled_from("abc}"), max_size=25)
)
def test_the_map_of_repeated_lines_is_one_to_one_and_keeps_texts_and_order(git, before, after):
    data = git.diff({"f": "\n".join(before).encode()}, {"f": "\n".join(after).encode()})
    diff = parse(data)
    found = mapped(diff, "f", len(before))
    kept = [line for line in found if line]
    assert kept == sorted(set(kept))
    assert all(before[old] == after[new - 1] for old, new in enumerate(found) if new)
    added = [line for line in range(1, len(after) + 1) if diff.is_added("f", line)]
    assert sorted(kept + added) == list(range(1, len(after) + 1))
    removed = [line for _, line, _ in diff.removed_lines()]
    assert removed == [old for old, new in enumerate(found, 1) if new is None]


@given(edits())
def test_lines_map_through_a_hand_made_diff_without_context(edit):
    before, after, truth = edit
    diff = parse(without_context(before, after, truth))
    assert mapped(diff, "f", len(before)) == truth
    assert diff.map_line("f", len(before) + 7) == ("f", len(after) + 7)


def without_context(before, after, truth):
    """The diff of an edit as ``git diff -U0`` writes it, from the truth alone."""
    text = "diff --git a/f b/f\n--- a/f\n+++ b/f\n"
    old = new = 0
    hunks = ""
    for end in [*[(i, t - 1) for i, t in enumerate(truth) if t], (len(before), len(after))]:
        minus, plus = before[old : end[0]], after[new : end[1]]
        if minus or plus:
            starts = old + bool(minus), new + bool(plus)
            hunks += f"@@ -{starts[0]},{len(minus)} +{starts[1]},{len(plus)} @@\n"
            hunks += "".join(f"-{line}\n" for line in minus)
            hunks += "".join(f"+{line}\n" for line in plus)
        old, new = end[0] + 1, end[1] + 1
    return (text + hunks).encode() if hunks else b""


def test_hunks_are_found_from_both_sides():
    diff = parse(MODIFIED)
    assert [diff.hunk_of_old("app.py", line) for line in (1, 2, 5, 6)] == [None, 0, 0, None]
    assert [diff.hunk_of_new("app.py", line) for line in (1, 2, 6, 7)] == [None, 0, 0, None]
    assert diff.hunk_of_old("other.py", 3) is None


def test_an_empty_diff_changes_nothing():
    diff = parse(b"")
    assert diff.files == ()
    assert diff.map_line("any.py", 12) == ("any.py", 12)
    assert diff.map_path("any.py") == "any.py"
    assert not diff.is_added("any.py", 12)


# --- what git writes --------------------------------------------------------------------------


def test_renames_copies_and_deletions_as_git_writes_them(git):
    text = b"".join(b"line %d\n" % number for number in range(30))
    before = {"old name.py": text, "source.py": text.upper(), "gone.py": b"x\ny\n"}
    after = {"new.py": b"first\n" + text, "source.py": text.upper(), "copy.py": text.upper()}
    diff = parse(git.diff(before, after, "-M", "-C", "--find-copies-harder"))
    assert {file.path: file.status for file in diff.files} == {
        "new.py": "renamed",
        "copy.py": "copied",
        "gone.py": "deleted",
    }
    assert diff.map_line("old name.py", 5) == ("new.py", 6)
    assert diff.map_path("gone.py") is None
    assert diff.map_line("gone.py", 1) is None
    assert diff.map_line("source.py", 3) == ("source.py", 3)
    assert diff.is_added("copy.py", 3), "a copy is new code, wherever it came from"
    assert list(diff.removed_lines()) == [("gone.py", 1, "x"), ("gone.py", 2, "y")]


def test_modes_and_a_file_that_becomes_a_link(git):
    before = {"run.sh": b"#!/bin/sh\n", "config": b"a = 1\n"}
    first = git.tree(before)
    (git.folder / "run.sh").chmod(0o755)
    (git.folder / "config").unlink()
    (git.folder / "config").symlink_to("/etc/passwd")
    git.run("add", "-A")
    diff = parse(git.run("diff", first, git.run("write-tree").decode().strip()))
    run = diff.for_new("run.sh")
    assert (run.old_mode, run.new_mode, run.hunks) == ("100644", "100755", ())
    assert diff.map_line("run.sh", 1) == ("run.sh", 1)
    assert diff.for_old("config").status == "deleted"
    assert diff.for_new("config").new_mode == "120000"


@pytest.mark.parametrize("option", [(), ("--binary",)])
def test_binary_files_keep_no_line(git, option):
    data = git.diff({"logo": b"\x00\x01" * 400}, {"logo": b"\x00\x02" * 400, "b": b"\x00"}, *option)
    diff = parse(data)
    assert all(file.binary for file in diff.files)
    assert diff.map_line("logo", 1) is None
    assert diff.map_path("logo") == "logo"
    assert diff.is_added("logo", 1)


@pytest.mark.parametrize("quoting", ["true", "false"])
@pytest.mark.parametrize(
    "name", ["naïve.py", "two  words.py", 'quo"te\\.py', "tab\there.py", "日本.py"]
)
def test_names_are_read_quoted_and_unquoted(git, quoting, name):
    git.run("config", "core.quotePath", quoting)
    data = git.diff({name: b"a\nb\n"}, {name: b"a\nc\n", "moved " + name: b"x\n" * 9})
    diff = parse(data)
    assert diff.map_line(name, 2) is None
    assert diff.for_new("moved " + name).status == "added"


def test_a_decomposed_name_is_composed():
    assert parse(MODIFIED.replace(b"app.py", "e\u0301.py".encode())).for_old("é.py")


def test_a_name_that_is_not_utf_8_stays_tellable():
    diff = parse(
        MODIFIED.replace(b"a/app.py", b'"a/\\351.py"').replace(b"b/app.py", b'"b/\\351.py"')
    )
    assert diff.files[0].path == "\\xe9.py"


@pytest.mark.parametrize("options", [("--no-prefix",), ("--src-prefix=i/", "--dst-prefix=w/")])
def test_other_prefixes_of_git_are_understood(git, options):
    before, after = {"a file": b"1\n2\n", "b": b"b\n" * 9}, {"a file": b"2\n", "c": b"b\n" * 9}
    diff = parse(git.diff(before, after, "-M", *options))
    assert diff.map_line("a file", 2) == ("a file", 1)
    assert diff.map_path("b") == "c"


def test_content_that_looks_like_a_diff_is_content(git):
    fake = b"-- a/x\n++ b/x\n@@ -1 +1 @@\ndiff --git a/y b/y\nGIT binary patch\n"
    before = {"f": b"keep\n" + fake, "g": b"1\n"}
    after = {"f": b"keep\n" + fake[::-1].replace(b"\n", b"") + b"\n", "g": b"2\n"}
    diff = parse(git.diff(before, after))
    assert [file.path for file in diff.files] == ["f", "g"]
    removed = [text for path, _, text in diff.removed_lines() if path == "f"]
    assert removed == fake.decode().splitlines()


def test_ends_of_lines_are_no_text_and_a_missing_one_is_a_change():
    diff = parse(
        b"diff --git a/f b/f\n--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n one\r\n-two\r\n"
        b"\\ No newline at end of file\n+two\r\n"
    )
    assert [line.text for line in diff.files[0].hunks[0].lines] == ["one", "two", "two"]
    assert mapped(diff, "f", 2) == [1, None]


def test_an_empty_context_line_may_have_lost_its_space():
    data = MODIFIED.replace(b" two\n", b"\n")
    assert mapped(parse(data), "app.py", 5) == [1, 2, None, 5, 6]


def test_text_is_fit_for_every_store():
    line = next(parse(MODIFIED.replace(b"+drei\n", b"+d\x00\xff\n")).added_lines())
    assert line == ("app.py", 3, "d\ufffd\ufffd")


# --- what is refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("-2,4 +2,5", "-2,4 +2,4", "fix.diff:5: the hunk says 4 old and 4 new lines, but 4 and 5 follow"),
        ("-2,4 +2,5", "-2,3 +2,4", "fix.diff:5: the hunk says 3 old and 4 new lines, but 4 and 5 follow"),
        ("-2,4 +2,5", "-2,9 +2,9", "fix.diff:5: the hunk says 9 old and 9 new lines, but 4 and 5 follow"),
        ("-2,4 +2,5", "-2,4 +3,5", "fix.diff:5: the hunk says it starts at new line 3"),
        ("-2,4 +2,5", "-0,4 +0,5", "fix.diff:5: hunks overlap"),
        ("@@ -2,4 +2,5 @@", "@@@ -2,4 -2,4 +2,5 @@@", "fix.diff:5: a hunk header that is not"),
        ("index 914f768", "index zzzzzzz", "fix.diff:2: expected 'diff --git'"),
        ("--- a/app.py", "--- a/other.py", "fix.diff:3: expected '--- ' with the name 'app.py'"),
        ("+++ b/app.py", "+++ /dev/null", "fix.diff:4: expected '+++ ' with the name 'app.py'"),
        ("diff --git a/app.py b/app.py", "diff --git a/app.py b/bpp.py", "fix.diff:1: two names"),
        ("diff --git a/app.py", "diff --git app.py", "fix.diff:1: names without git's prefixes"),
        ("diff --git", "diff --cc", "fix.diff:1: a combined diff"),
        ("index", "new file mode 100644\nindex", "fix.diff:4: expected '--- ' with the name '/dev/null'"),
        ("index", "old mode 100644\nold mode 100644\nindex", "fix.diff:3: 'old mode' is given twice"),
        ("index", "new file mode 100644\ndeleted file mode 100644\nindex", "fix.diff:5: a file both"),
        ("@@", "##", "fix.diff:5: expected a hunk"),
        ("--- a/app.py", '--- "a/app.py', "fix.diff:3: a quoted name does not end"),
        ("index 914f768..b74ad61 100644\n--- a/app.py", "new file mode 100644\n--- /dev/null",
         "fix.diff:12: an added or deleted file with lines"),
    ],
)  # fmt: skip
def test_a_diff_that_lies_is_refused_with_its_line(old, new, told):
    assert refusal(MODIFIED.replace(old.encode(), new.encode())).startswith(told)


def test_a_second_hunk_must_follow_from_the_first():
    assert "by those before it it is 12" in refusal(MODIFIED + b"@@ -11 +11 @@\n-x\n+y\n")
    assert "hunks overlap" in refusal(MODIFIED + b"@@ -4 +5 @@\n-x\n+y\n")
    assert parse(MODIFIED + b"@@ -11 +12 @@\n-x\n+y\n").map_line("app.py", 12) == ("app.py", 13)


def test_a_hunk_cut_off_at_the_end_is_refused():
    cut = MODIFIED[: MODIFIED.index(b" four")]
    assert refusal(cut) == "fix.diff:5: the hunk says 4 old and 5 new lines, but 2 and 3 follow"


@pytest.mark.parametrize(
    "name", ["../app.py", "/etc/passwd", "a/../../b", ".git/config", "x/.GIT/hooks", "a//b", "./a", "x\\000y"]
)  # fmt: skip
def test_names_that_leave_the_repository_are_refused(name):
    quoted = [f'"{side}/{name}"'.encode() for side in "ab"]
    data = MODIFIED.replace(b"a/app.py", quoted[0]).replace(b"b/app.py", quoted[1])
    assert refusal(data).startswith("fix.diff:1: a")


@pytest.mark.parametrize(
    "header", [b'"a/x b/x', b'"a/\\q" "b/\\q"', b"a/one two b/three four", b"", b"a/x", b'"a/x"']
)
def test_headers_that_cannot_be_told_apart_are_refused(header):
    assert refusal(b"diff --git " + header + b"\n").startswith("fix.diff:1: ")


def test_a_rename_must_agree_with_its_header():
    data = b"diff --git a/x b/y\nsimilarity index 100%\nrename from x\nrename to z\n"
    assert "are not those of the rename" in refusal(data)


@pytest.mark.parametrize(
    "text", [b"From 1234 Mon Sep 17\nSubject: x\n\n", b"commit 12\n", b"\x1b[1m"]
)
def test_text_around_a_diff_is_refused(text):
    assert refusal(text + MODIFIED).startswith("fix.diff:1: expected 'diff --git'")
    assert refusal(MODIFIED + text).startswith("fix.diff:12: ")


def test_blank_lines_between_files_are_nothing():
    other = MODIFIED.replace(b"app.py", b"other.py")
    assert len(parse(MODIFIED + b"\n" + other + b"\n\n").files) == 2


def test_a_name_may_be_as_long_as_linux_allows():
    assert parse(MODIFIED.replace(b"app.py", b"x" * 4096)).files[0].path == "x" * 4096
    assert "over-long path" in refusal(MODIFIED.replace(b"app.py", b"x" * 4097))


def test_a_file_named_twice_is_refused():
    assert refusal(MODIFIED + MODIFIED) == "fix.diff:12: 'app.py' is named twice as an old file"


def test_a_binary_patch_must_be_as_long_as_its_lines_say():
    start = b"diff --git a/x b/x\nindex 1111111..2222222 100644\nGIT binary patch\n"
    good = start + b"literal 1\nIcmZPo00IC20RR91\n\nliteral 0\nHcmV?d00001\n\n"
    assert parse(good).files[0].binary
    assert refusal(good.replace(b"HcmV", b"zcmV")).startswith("fix.diff:8: a line of a binary")
    assert refusal(start + b"\n").startswith("fix.diff:4: expected 'literal'")


@pytest.mark.parametrize(
    ("limit", "value", "told"),
    [
        ("MOST_BYTES", 10, "fix.diff: larger than allowed (157 > 10 bytes)"),
        ("MOST_LINES", 9, "fix.diff: more lines than allowed (11 > 9)"),
        ("LONGEST_LINE", 20, "fix.diff:1: a line longer than allowed (28 > 20 bytes)"),
        ("MOST_FILES", 0, "fix.diff:1: more files than allowed (> 0)"),
        ("MOST_HUNKS", 0, "fix.diff:5: more hunks than allowed (> 0)"),
    ],
)
def test_every_limit_is_told_with_its_value(monkeypatch, limit, value, told):
    monkeypatch.setattr(diff_reader, limit, value)
    assert refusal(MODIFIED) == told


@settings(max_examples=300)
@given(st.data())
def test_a_damaged_diff_is_read_or_refused_and_nothing_else(data):
    damaged = bytearray(MODIFIED)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(damaged)))
        damaged[at : at + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=4))
    try:
        diff = parse(bytes(damaged), "fix.diff")
    except InputError as error:
        assert error.where.startswith("fix.diff")
    else:
        assert all(file.path for file in diff.files)


def test_a_name_of_marks_on_one_letter_is_refused_before_they_are_sorted():
    name = "a" + "\u0315" * 999 + "\u0300" * 999
    assert "more marks on one letter" in refusal(MODIFIED.replace(b"app.py", name.encode()))
