"""How much a report may hold. Beyond a limit it is refused; only over-long text is shortened."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Counts unless a unit is named. GitHub's own limits (SARIF support for code scanning) are
    the model for runs, rules, extensions, locations and flow locations; ``results`` is higher,
    since raw files are judged here, not GitHub's shortened copy. What bounds the memory:
    ``results`` with ``kept``, ``skeleton`` with ``skeleton_values``, and ``element``.
    """

    size: int = 2 * 1024 * 1024 * 1024  # bytes
    transcoded: int = 64 * 1024 * 1024  # bytes of a UTF-16 document, which is held in memory
    depth: int = 64  # arrays and objects inside each other
    digits: int = 1_000  # of one number, in a row
    values: int = 100_000_000  # JSON values of the file: what bounds the time
    element: int = 16 * 1024 * 1024  # characters of one result, artifact or text
    skeleton: int = 64 * 1024 * 1024  # characters of all but results, artifacts and the unread
    skeleton_values: int = 1_000_000  # JSON values of the same, and of one element
    runs: int = 20
    results: int = 250_000  # of all runs
    kept: int = 136 * 1024 * 1024  # bytes of the texts of results, artifacts and shared flow steps
    rules: int = 25_000  # per run, all tool components together
    extensions: int = 100  # per run
    artifacts: int = 500_000  # of all runs
    invocations: int = 100  # per run
    notifications: int = 100_000  # per run
    locations: int = 1_000  # per result
    flow_locations: int = 10_000  # per result: code flows, stacks and related locations
    entries: int = 1_000  # of any other array: tags, suppressions, fingerprints ...
    text: int = 16_000  # characters of one text; longer text is shortened with a marker
    problems: int = 100  # that are spelt out; the rest are counted


LIMITS = Limits()
