"""What a scan of an older revision than the fix's base is worth: whether what it saw stood there still.

Lines move on between two scans: not every push is scanned. A scan before the fix says what it saw
where it looked; commits, blobs and the diff to the base say whether that was so at the base.
"""

from __future__ import annotations

from dataclasses import replace

from gate.binding import BOUND, Revisions, bond
from gate.diff import Diff, parse
from gate.legs import Leg
from gate.marks import marks
from gate.records import Result


def stood(leg: Leg, result: Result | None, at: Revisions, fix: Diff | None) -> bool:
    """Whether a scan is of the content before the fix, where this result of it is concerned.

    It is of the base; or every file of the result is the same blob there; or the base contains the
    scanned commit and the result's own file changed elsewhere: its lines stand at the base as they
    were seen, the fix is what takes them out, and nothing that came between marks anything there.
    """
    paths = _paths(result)
    if bond(leg, at.base, paths) in BOUND:
        return True
    if result is None or not at.base.commit or at.base.commit not in leg.facts.contained_in:
        return False
    here, there = dict(leg.facts.blobs), at.base.blobs
    other = [path for path in paths if not here.get(path) or here[path] != there.get(path)]
    return other == [result.location.path] and _stood_on_its_lines(leg, result, fix)


def at_base(leg: Leg | None, result: Result | None) -> Result | None:
    """The result with its line as the base has it, where that is known to be another one."""
    between = _between(leg) if leg else None
    place = result.location if result else None
    if between is None or result is None or place is None or not place.path or not place.line:
        return result
    moved = between.map_line(place.path, place.line)
    if moved is None or moved[0] != place.path:
        return result
    ends = place.end_line and place.end_line + moved[1] - place.line
    return replace(result, location=replace(place, line=moved[1], end_line=ends))


def precedes(leg: Leg, at: Revisions) -> bool:
    """Whether what a scan looked at is the base, or is contained in it."""
    return bond(leg, at.base, ()) in BOUND or (
        bool(at.base.commit) and at.base.commit in leg.facts.contained_in
    )


def _stood_on_its_lines(leg: Leg, result: Result, fix: Diff | None) -> bool:
    path, line = result.location.path, result.location.line
    between = _between(leg)
    if between is None or fix is None or path is None or line is None:
        return False
    file = between.for_old(path)
    if file is None or file.new_path != path or any(mark.path == path for mark in marks(between)):
        return False
    moved = [between.map_line(path, n) for n in range(line, (result.location.end_line or line) + 1)]
    return all(moved) and any(fix.map_line(*there) is None for there in moved if there)


def _between(leg: Leg) -> Diff | None:
    text = leg.facts.diff_to_base
    return parse(text.encode(), "diff_to_base") if text else None


def _paths(result: Result | None) -> tuple[str, ...]:
    """Where the result lies, and its data flow."""
    if result is None:
        return ()
    places = (result.location.path, *result.flow_paths)
    return tuple(dict.fromkeys(path for path in places if path))
