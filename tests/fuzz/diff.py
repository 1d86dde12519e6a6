"""The reader of diffs under any bytes: a Diff whose answers agree with each other, or an InputError."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from gate.diff import Diff, FileDiff, Hunk, parse
from gate.errors import InputError
from gate.layout import plain
from gate.matching import match
from gate.moved import ChangedLines
from gate.records import Level, Location, Result

NAME = "fuzz.diff"
MOST_MATCHED = 60  # changed lines, of each side, that a result is put on


def check(data: bytes) -> None:
    """Raise AssertionError, or whatever is raised, if these bytes are not read well."""
    try:
        diff = parse(data, NAME)
    except InputError as error:
        assert error.where.startswith(NAME), error.where
        assert str(error).isprintable(), "one line that can be shown"
        return
    assert diff.sha256 == hashlib.sha256(data).hexdigest()
    changed = ChangedLines(diff)
    for file in diff.files:
        _look_at_file(diff, file)
        for number, hunk in enumerate(file.hunks):
            _look_at_hunk(hunk)
            _look_up(diff, file, number, hunk)
            _look_around(changed, file, hunk)
        _look_at_map(diff, file)
    _look_at_changes(diff)
    _match(diff)


def _look_at_file(diff: Diff, file: FileDiff) -> None:
    assert file.path
    for path in filter(None, (file.old_path, file.new_path)):
        assert not {"", ".", ".."} & set(path.split("/")), path
        assert "\x00" not in path
        path.encode()
    if file.old_path and file.status != "copied":
        assert diff.for_old(file.old_path) is file
        assert diff.map_path(file.old_path) == file.new_path
    if file.new_path:
        assert diff.for_new(file.new_path) is file
    assert not (file.binary and file.hunks)
    assert (file.status == "added") <= (file.old_path is None)
    assert (file.status == "deleted") <= (file.new_path is None)


def _look_at_hunk(hunk: Hunk) -> None:
    """The counts agree, and the lines are numbered without a gap."""
    olds = [line.old for line in hunk.lines if line.kind != "+"]
    news = [line.new for line in hunk.lines if line.kind != "-"]
    assert len(olds) == hunk.old_count
    assert len(news) == hunk.new_count
    assert olds == list(range(hunk.old_start, hunk.old_start + len(olds)))
    assert news == list(range(hunk.new_start, hunk.new_start + len(news)))
    for line in hunk.lines:
        assert (line.old is None, line.new is None) == (line.kind == "+", line.kind == "-")
        assert "\x00" not in line.text
        assert "\n" not in line.text
        line.text.encode()


def _look_up(diff: Diff, file: FileDiff, number: int, hunk: Hunk) -> None:
    """Each line that is shown is where the lookups say."""
    old = file.old_path if file.status != "copied" else None
    for line in hunk.lines:
        if old and line.old:
            assert diff.hunk_of_old(old, line.old) == number
            kept = (file.new_path, line.new) if line.kind == " " and file.new_path else None
            assert diff.map_line(old, line.old) == kept
        if file.new_path and line.new:
            assert diff.hunk_of_new(file.new_path, line.new) == number
            if file.status not in ("added", "copied"):
                assert diff.is_added(file.new_path, line.new) is (line.kind == "+")


def _look_around(changed: ChangedLines, file: FileDiff, hunk: Hunk) -> None:
    """Statements, joints and neighbours of the changed lines; those of others are nothing."""
    layout, old = changed.layout, file.old_path if file.status != "copied" else None
    for line in hunk.lines:
        if old and line.old:
            said = layout.statement_old(old, line.old)
            assert not said or (line.kind == "-" and said.startswith(plain(line.text)))
            assert len(layout.joints_old(old, line.old)) <= len(plain(line.text))
            around = changed.around_old(old, line.old)
            assert (around is not None) == (line.kind == "-" and bool("".join(line.text.split())))
        if file.new_path and line.new:
            said = layout.statement_new(file.new_path, line.new)
            assert not said or (line.kind == "+" and said.startswith(plain(line.text)))
            assert len(layout.joints_new(file.new_path, line.new)) <= len(plain(line.text))
            around = changed.around_new(file.new_path, line.new)
            assert (around is not None) == (line.kind == "+" and bool("".join(line.text.split())))


def _look_at_map(diff: Diff, file: FileDiff) -> None:
    """What is left of a file keeps its order, and is not new."""
    path = file.old_path
    if path is None or file.status == "copied":
        return
    starts = {at for hunk in file.hunks for at in (hunk.old_start, hunk.old_start + hunk.old_count)}
    lines = sorted({at + step for at in {1, *starts} for step in (-1, 0, 1, 2) if at + step > 0})
    found = [spot for line in lines if (spot := diff.map_line(path, line))]
    assert found == sorted(set(found)), "lines change places"
    assert {spot[0] for spot in found} <= {file.new_path}
    for new_path, line in found:
        assert file.status == "added" or not diff.is_added(new_path, line)
        diff.hunk_of_new(new_path, line)
    for line in (-1, 0, *lines, 2**63):
        diff.hunk_of_old(path, line)
        diff.map_line(path, line)


def _look_at_changes(diff: Diff) -> None:
    for path, line, _ in diff.added_lines():
        assert diff.is_added(path, line)
    for path, line, _ in diff.removed_lines():
        file = diff.for_old(path)
        assert file is None or diff.map_line(path, line) is None


def _match(diff: Diff) -> None:
    """Results on changed lines: each is paired once or left alone, in whatever order they come."""
    before = [_result(*spot) for spot, _ in zip(diff.removed_lines(), range(MOST_MATCHED))]  # noqa: B905
    after = [_result(*spot) for spot, _ in zip(diff.added_lines(), range(MOST_MATCHED))]  # noqa: B905
    found = match(before, after, diff)
    olds, news = [pair.before for pair in found.pairs], [pair.after for pair in found.pairs]
    assert sorted((*olds, *found.unmatched_before)) == list(range(len(before)))
    assert sorted((*news, *found.unmatched_after)) == list(range(len(after)))
    turned = match(before[::-1], after[::-1], diff)
    assert _told(before, after, found.pairs) == _told(before[::-1], after[::-1], turned.pairs)


def _told(before: Sequence[Result], after: Sequence[Result], pairs: Sequence) -> list:
    return sorted((repr(before[p.before]), repr(after[p.after]), p.stage) for p in pairs)


_RESULT = Result(
    pointer="", tool="T", rule="R", rule_key="R", level=Level.NOTE, message="m", location=Location()
)


def _result(path: str, line: int, text: str) -> Result:
    rule = f"R{len(text) % 2}"
    spot = Location(uri=path, path=path, line=line, snippet=text)
    return replace(_RESULT, rule=rule, rule_key=rule, location=spot)
