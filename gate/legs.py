"""A leg: one run of one tool, with the facts of its scan as far as their source is accepted.

A scan may hold several runs (of several tools or languages); judging goes run by run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gate.catalogue import Tool, tool
from gate.evidence import SOURCE_RANK, Evidence, Role, Scan, ScanFacts, Source
from gate.records import Run

_EXTRACTED = re.compile(r"successfully-extracted-files$")
PLACELESS = ("dast", "cloud", "fuzz", "container")  # their results may lie outside any repository

_OBJECT_ID = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Leg:
    """One run. ``facts`` are empty but for their source where that is weaker than accepted.

    ``examined`` are the files that facts or report say it looked at, results included;
    ``lists_all`` says that no other file was looked at.
    """

    scan: Scan
    run: Run
    facts: ScanFacts
    row: Tool | None
    commit: str  # from the facts, else from the report itself where declared facts are accepted
    examined: frozenset[str]
    lists_all: bool
    fired: frozenset[str]  # rules

    @property
    def engine(self) -> str:
        """What two versions or editions of one scanner share."""
        return self.row.engine if self.row else " ".join(self.run.tool.casefold().split())

    @property
    def tool_class(self) -> str:
        """The class by the catalogue, by the AI profile of the report, else by the facts."""
        if self.row:
            return self.row.tool_class
        return "agentic" if self.run.ai_origin else self.facts.tool_class

    @property
    def lists_rules(self) -> bool | None:
        """Whether the report's rules are all that were on; None where that varies, or nobody knows."""
        if self.run.lists_rules is not None or self.row is None:
            return self.run.lists_rules
        return None if self.row.rules == "varies" else self.row.rules == "inventory"

    @property
    def version(self) -> str:
        """The tool's version, empty where nobody says it."""
        return self.run.version or self.facts.version

    @property
    def category(self) -> str:
        """What part of the repository or language it is about, empty where nobody says it."""
        return self.facts.category or self.run.category

    @property
    def command(self) -> str:
        """The command lines known, one per line."""
        return "\n".join(filter(None, (self.facts.command, self.run.command_line)))

    @property
    def started_at(self) -> str:
        """When it began, by the facts, else by the report."""
        return self.facts.started_at or self.run.started_at

    @property
    def finished_at(self) -> str:
        """When it ended, by the facts, else by the report."""
        return self.facts.finished_at or self.run.finished_at

    @property
    def label(self) -> str:
        """The tool and the file, for a sentence."""
        return f"{self.run.tool or 'an unnamed tool'} ({self.scan.report.name})"

    def ref(self, pointer: str = "") -> str:
        """An evidence reference to a part of its report, or to the run."""
        return f"{self.scan.report.name}#{pointer or self.run.pointer}"

    def lacking(self, what: str) -> str:
        """A sentence that says which fact of this leg is not known, and why if it was refused."""
        if self.scan.facts != self.facts:
            return f"{what} of {self.label} is known from a source the policy does not accept only"
        return f"{what} of {self.label} is not known"


def legs(evidence: Evidence, role: Role, least: Source) -> tuple[Leg, ...]:
    """The legs of one role; facts from sources weaker than ``least`` are left out."""
    return tuple(_legs(evidence, role, least))


def _legs(evidence: Evidence, role: Role, least: Source) -> Iterator[Leg]:
    accepts_declared = SOURCE_RANK[least] <= SOURCE_RANK[Source.DECLARED]
    for scan in evidence.role(role):
        given = scan.facts
        accepted = SOURCE_RANK[given.source] >= SOURCE_RANK[least]
        facts = given if accepted else ScanFacts(source=given.source)
        for run in scan.report.runs:
            told = run.revision.lower() if accepts_declared else ""
            commit = facts.commit or (told if _OBJECT_ID.fullmatch(told) else "")
            row, named = tool(run.tool), frozenset(told_of(run))
            listed = frozenset((*run.artifacts, *(facts.files_scanned or ()), *named))
            reported = (result.location.path for result in run.results if result.location.path)
            whole = run.lists_artifacts or bool(row and row.coverage)
            lists_all = bool(named or whole or _is_a_list_of_its_own(facts, run))
            examined, fired = listed.union(reported), frozenset(r.rule for r in run.results)
            yield Leg(scan, run, facts, row, commit, examined, lists_all, fired)


def told_of(run: Run) -> Iterator[str]:
    """Files that notifications say were looked at: CodeQL's diagnostics name every one."""
    for told in run.notifications:
        if _EXTRACTED.search(told.id):
            yield from told.paths


def _is_a_list_of_its_own(facts: ScanFacts, run: Run) -> bool:
    """Whether the facts list more than the report, where many tools name files with results only."""
    listed = facts.files_scanned
    return listed is not None and (not run.artifacts or not set(listed) <= set(run.artifacts))
