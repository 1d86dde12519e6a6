"""The diff of a fix with the results of its judgements drawn on its lines. Pure."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gate.diff import Diff, FileDiff, Hunk, Line
from scans.models import Verification

MAX_LINES = 2500  # of the whole diff on one page
MAX_FILE_LINES = 600  # of one file
MAX_TEXT = 400  # characters of one line
LINE_CHECKS = ("NO_NEW_SUPPRESSION", "SCANNER_CONFIG_UNTOUCHED", "TESTS_INTACT")
OLD, NEW = "old", "new"
Place = tuple[str, str, int]  # side, path, line


@dataclass(frozen=True, slots=True)
class Mark:
    """Something a judgement says about a line. ``tone``: pass, fail, warn, info or unknown."""

    tone: str
    icon: str
    title: str
    text: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class ShownLine:
    line: Line
    text: str
    marks: tuple[Mark, ...]

    @property
    def kind(self) -> str:
        return {"+": "add", "-": "del"}.get(self.line.kind, "same")


@dataclass(frozen=True, slots=True)
class ShownHunk:
    header: str
    lines: tuple[ShownLine, ...]


@dataclass
class ShownFile:
    """One file of the diff; ``marks`` are about lines that its hunks do not show."""

    file: FileDiff
    added: int
    removed: int
    hunks: list[ShownHunk] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    hidden: int = 0  # lines left out
    is_marked: bool = False

    @property
    def path(self) -> str:
        return self.file.path

    @property
    def change(self) -> str:
        return self.file.status


@dataclass(frozen=True, slots=True)
class ShownDiff:
    files: list[ShownFile]
    elsewhere: list[Mark]  # about files that the diff does not touch


class Marks:
    """What judgements say, by side, path and line; each said once."""

    def __init__(self) -> None:
        self.by_place: dict[Place, list[Mark]] = defaultdict(list)

    def add(self, side: str, path: str, line: int | None, mark: Mark) -> None:
        marks = self.by_place[side, path, line or 0]
        if mark not in marks:
            marks.append(mark)

    def take(self, side: str, path: str | None, line: int | None) -> list[Mark]:
        return self.by_place.pop((side, path or "", line or 0), [])

    def take_file(self, file: FileDiff) -> list[Mark]:
        """What is left about a file, in the order of its lines."""
        paths = {(OLD, file.old_path), (NEW, file.new_path)}
        places = sorted(p for p in self.by_place if (p[0], p[1]) in paths)
        return [mark for place in places for mark in self.by_place.pop(place)]

    def rest(self) -> list[Mark]:
        return [mark for place in sorted(self.by_place) for mark in self.by_place[place]]


def collect_marks(
    verifications: Sequence[Verification], places: Mapping[int, tuple[str, int | None]]
) -> Marks:
    """Return what the judgements of one fix say about lines; ``places``: judgement → path and line
    at which the scan before the fix saw the finding."""
    marks = Marks()
    for verification in verifications:
        for original in verification.judgement.get("originals", ()):
            _mark_original(marks, verification, original, places[verification.pk])
        for new in verification.judgement.get("new", ()):
            _mark_new(marks, new)
        for check in verification.judgement.get("checks", ()):
            if check["id"] in LINE_CHECKS and check["outcome"] in ("FAIL", "UNKNOWN"):
                _mark_check(marks, check)
    return marks


def _mark_original(
    marks: Marks, verification: Verification, original: dict, place: tuple[str, int | None]
) -> None:
    finding = verification.finding
    path, line = place
    url, reason = finding.get_absolute_url(), original.get("reason") or ""
    presence, at = original.get("presence"), original.get("at") or {}
    if presence == "absent":
        mark = Mark("pass", "circle-check", f"{finding} is gone", reason, url)
        marks.add(OLD, path, line, mark)
    elif presence == "present":
        mark = Mark("fail", "circle-x", f"{finding} is still there", reason, url)
        marks.add(NEW, at.get("path") or path, at.get("line") or line, mark)
    else:
        mark = Mark("unknown", "circle-help", f"{finding}: gone or not?", reason, url)
        marks.add(OLD, path, line, mark)


def _mark_new(marks: Marks, new: dict) -> None:
    level = new.get("level") or ""
    title = f"New: {new['rule']}" + (f" ({level})" if level else "")
    tone, icon = ("fail", "triangle-alert") if new.get("blocks") else ("info", "info")
    text = new.get("reason") or ""
    if not new.get("blocks"):
        text = f"{text} Does not block.".strip()
    marks.add(NEW, new.get("path") or "", new.get("line"), Mark(tone, icon, title, text))


def _mark_check(marks: Marks, check: dict) -> None:
    tone = "fail" if check["outcome"] == "FAIL" else "warn"
    icon = "eye-off" if check["id"] == "NO_NEW_SUPPRESSION" else "triangle-alert"
    title = {
        "NO_NEW_SUPPRESSION": "Suppression added",
        "SCANNER_CONFIG_UNTOUCHED": "Scanner configuration changed",
        "TESTS_INTACT": "Test weakened",
    }[check["id"]]
    for text in check.get("evidence") or ():
        path, colon, line = text.removeprefix("fix.diff:").rpartition(":")
        mark = Mark(tone, icon, title, check["reason"])
        if colon and line.isdigit():
            marks.add(NEW, path, int(line), mark)
        else:
            marks.add(NEW, text.removeprefix("fix.diff:"), None, mark)


def draw(diff: Diff, marks: Marks) -> ShownDiff:
    """Return the diff to show, cut to what a page can carry; files with marks come first."""
    left = MAX_LINES
    files = []
    for file in diff.files:
        shown = _draw_file(file, marks, min(left, MAX_FILE_LINES))
        left -= sum(len(hunk.lines) for hunk in shown.hunks)
        files.append(shown)
    files.sort(key=lambda shown: not shown.is_marked)
    return ShownDiff(files, marks.rest())


def _draw_file(file: FileDiff, marks: Marks, room: int) -> ShownFile:
    kinds = [line.kind for hunk in file.hunks for line in hunk.lines]
    shown = ShownFile(file, added=kinds.count("+"), removed=kinds.count("-"))
    for hunk in file.hunks:
        lines = hunk.lines[: max(0, room)]
        room -= len(lines)
        shown.hidden += len(hunk.lines) - len(lines)
        if lines:
            drawn = tuple(_draw_line(file, line, marks) for line in lines)
            shown.hunks.append(ShownHunk(_header(hunk), drawn))
    shown.marks = marks.take_file(file)
    on_lines = any(line.marks for hunk in shown.hunks for line in hunk.lines)
    shown.is_marked = bool(shown.marks or on_lines)
    return shown


def _draw_line(file: FileDiff, line: Line, marks: Marks) -> ShownLine:
    found: list[Mark] = []
    if line.old is not None:
        found += marks.take(OLD, file.old_path, line.old)
    if line.new is not None:
        found += marks.take(NEW, file.new_path, line.new)
    text = line.text if len(line.text) <= MAX_TEXT else line.text[: MAX_TEXT - 1] + "…"
    return ShownLine(line, text, tuple(found))


def _header(hunk: Hunk) -> str:
    return f"@@ -{hunk.old_start},{hunk.old_count} +{hunk.new_start},{hunk.new_count} @@"
