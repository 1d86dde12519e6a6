"""SARIF 2.1.0 (OASIS Standard, with Errata 01) to records: ``read`` is the door.

This module reads the log and the frame of each run; ``sarif_tool``, ``sarif_invocations``,
``sarif_results`` and ``sarif_uris`` read the parts. What the standard leaves unknown stays
unknown. No verdict, no file access; knowledge of single tools only through the catalogue.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from gate import catalogue
from gate.errors import InputError
from gate.formats.content import Content
from gate.formats.json_text import Document, Elements, Keep, Shape, Stream
from gate.formats.limits import LIMITS, Limits
from gate.formats.members import Members
from gate.formats.sarif_invocations import InvocationReader
from gate.formats.sarif_results import ResultReader, Surroundings
from gate.formats.sarif_tool import Toolbox
from gate.formats.sarif_uris import Absolute, Uris
from gate.records import Report, Result, Run

__all__ = ["LIMITS", "Limits", "read"]

VERSION = "2.1.0"
METRICS = "run.properties.metrics keys"  # Bandit's place of coverage, as tools.json names it
METRICS_TOTALS = "_totals"  # the one key there that is not a file

_READ = (
    "automationDetails", "baselineGuid", "externalPropertyFileReferences", "invocations",
    "originalUriBaseIds", "taxonomies", "tool", "versionControlProvenance",
)  # fmt: skip
_PROPERTIES = ("ai/origin", "incrementalMode")
_KEYS = {"*": Keep.NOTHING}  # of an object whose values nobody reads

_SHA_256 = re.compile(r"[0-9a-f]{64}")


def read(
    name: str, content: Content, limits: Limits = LIMITS, roots: tuple[Absolute, ...] = ()
) -> Report:
    """Read one SARIF log. ``name`` is the file name as references show it; ``roots`` are folders
    that absolute addresses may lie in, where the log itself names none.

    Raises InputError whose ``where`` is the name with a JSON pointer or a byte offset: not
    Unicode, not JSON, not SARIF 2.1.0, a member of the wrong type, or a limit passed. Smaller
    departures are listed in ``Report.problems``.
    """
    document = Document(content, name, limits)
    log = document.load(_shape(limits))
    members = Members(name, limits, may_be_unclean=document.may_be_unclean)
    runs = [_RunReader(raw, at, members, roots).read() for at, raw in _raw_runs(log, members)]
    return Report(
        name=name,
        sha256=document.sha256,
        size=document.size,
        runs=tuple(runs),
        problems=members.all_problems(),
    )


def _shape(limits: Limits) -> Shape:
    """What is kept of a log: what the readers ask for. The rest (graphs, web requests, policies,
    translations, everybody's own properties ...) is checked as it streams by."""
    whole, nothing = Keep.WHOLE, Keep.NOTHING
    run: dict[str, Shape] = dict.fromkeys(_READ, whole)
    run |= {
        "results": Stream(limits.results, "results per file"),
        "artifacts": Stream(limits.artifacts, "artifacts per file"),
        "threadFlowLocations": Stream(limits.artifacts, "thread flow locations per file"),
        "properties": {**dict.fromkeys(_PROPERTIES, whole), "metrics": _KEYS, "*": nothing},
        "*": nothing,
    }
    return {"version": whole, "runs": {"*": run}, "*": nothing}


def _raw_runs(log: object, members: Members) -> list[tuple[str, dict[str, Any]]]:
    if type(log) is not dict:
        raise InputError(members.name, "not SARIF: the document must be an object")
    if log.get("version") != VERSION:
        found = log.get("version", "missing")
        members.refuse("/version", f"must be {VERSION!r}, is {str(found)[:40]!r}")
    if "runs" not in log:
        members.refuse("/runs", "missing (3.13.4)")
    if log["runs"] is None:
        members.problem("/runs", "null: whatever made this file could not get at its data")
    return list(members.objects(log, "runs", "", members.limits.runs, "runs"))


class _RunReader:
    """Reads one run: its parts in the order in which they need each other."""

    def __init__(
        self, raw: dict[str, Any], at: str, members: Members, roots: tuple[Absolute, ...]
    ) -> None:
        self.raw = raw
        self.at = at
        self.members = members
        members.foreign(raw, at)
        self.toolbox = Toolbox(raw, at, members)
        self.uris = Uris(raw, at, members, roots)
        self.invocations = InvocationReader(members, self.toolbox, self.uris).read(raw, at)
        self.properties = members.object(raw, "properties", at)
        self.ai_origin = members.text(self.properties, "ai/origin", f"{at}/properties")

    def read(self) -> Run:
        """The run as a record."""
        invocations = self.invocations
        results, passed, states = self._results()
        provenance, place = self._provenance()
        run = Run(
            pointer=self.at,
            tool=self.toolbox.driver.name,
            version=self._driver("semanticVersion") or self._driver("version"),
            organization=self._driver("organization"),
            rules=tuple(invocations.effective(rule) for rule in self.toolbox.rules),
            results=tuple(results),
            passed=tuple(passed),
            results_present=self._results_present(),
            execution_successful=invocations.successful,
            exit_code=invocations.exit_code,
            command_line="\n".join(invocations.texts("command_line")),
            started_at=next(iter(invocations.texts("started_at")), ""),
            finished_at=next(reversed(invocations.texts("finished_at")), ""),
            disabled_rules=invocations.disabled,
            notifications=invocations.notifications,
            artifacts=self._examined(),
            hashes=self._hashes(),
            category=self._category(),
            revision=self.members.text(provenance, "revisionId", place),
            repository=self.members.text(provenance, "repositoryUri", place),
            incremental_mode=self._incremental_mode(),
            ai_origin=self.ai_origin,
            extensions=tuple(part.name for part in self.toolbox.extensions if part.name),
            baseline_guid=self.members.text(self.raw, "baselineGuid", self.at),
            baseline_states=states,
            configurations=self._configurations(),
            extension_versions=tuple(self._versions()),
            failure=next(iter(invocations.texts("failure")), ""),
        )
        self.uris.report_lost()
        return run

    def _results(self) -> tuple[list[Result], list[Result], tuple[str, ...]]:
        """Results, those set aside, and the baseline states of all."""
        raws = self.raw.get("results")
        at = f"{self.at}/results"
        if raws is None:
            return [], [], ()
        if not isinstance(raws, Elements):
            self.members.refuse(at, "must be an array or null")
        reader = ResultReader(
            Surroundings(
                members=self.members,
                toolbox=self.toolbox,
                uris=self.uris,
                invocations=self.invocations,
                fingerprints=catalogue.fingerprints(self.toolbox.driver.name),
                thread_flow_locations=self._shared_steps(),
                ai_origin=self.ai_origin,
            )
        )
        results, passed = reader.read(raws, at)
        return results, passed, tuple(sorted(reader.baseline_states - {""}))

    def _shared_steps(self) -> list[str | None]:
        """The paths of run.threadFlowLocations, to which the flows of results refer."""
        found = self.members.stream(self.raw, "threadFlowLocations", self.at)
        return [self._shared_step(raw, at) for at, raw in found]

    def _shared_step(self, raw: Any, at: str) -> str | None:
        self.members.count_kept("thread flow locations", at)
        if type(raw) is not dict:
            return None
        return self.uris.path_of(self.members.object(raw, "location", at), f"{at}/location")

    def _results_present(self) -> bool:
        """Whether this file holds the run's results (3.14.23), not another one (3.14.2)."""
        if self.raw.get("results") is None:
            return False
        key = "externalPropertyFileReferences"
        external = self.members.object(self.raw, key, self.at)
        elsewhere = self.members.array(external, "results", f"{self.at}/{key}")
        if elsewhere:
            self.members.problem(f"{self.at}/{key}/results", "results in other files: not read")
        return not elsewhere

    def _driver(self, key: str) -> str:
        driver = self.toolbox.driver
        return self.members.text(driver.raw, key, driver.pointer)

    def _category(self) -> str:
        """automationDetails.id without its last part (3.17.3, and GitHub's reading of it)."""
        details = self.members.object(self.raw, "automationDetails", self.at)
        name = self.members.text(details, "id", f"{self.at}/automationDetails")
        return name.rpartition("/")[0]

    def _provenance(self) -> tuple[dict[str, Any], str]:
        """The entry of versionControlProvenance to go by, and its pointer: the first that names
        a revision, else the first."""
        found = self.members.objects(self.raw, "versionControlProvenance", self.at)
        entries = [(raw, place) for place, raw in found]
        named = [(raw, place) for raw, place in entries if raw.get("revisionId")]
        revisions = {self.members.text(raw, "revisionId", place) for raw, place in named}
        if len(revisions) > 1:
            what = "several revisions were scanned; the first is used"
            self.members.problem(f"{self.at}/versionControlProvenance", what)
        return next(iter([*named, *entries]), ({}, self.at))

    def _examined(self) -> tuple[str, ...]:
        """Files the run says it looked at: artifacts, and where the tool's row says, sorted."""
        found = {
            self.uris.place_artifact(index)
            for index, artifact in enumerate(self.uris.artifacts)
            if artifact.examined
        }
        row = catalogue.tool(self.toolbox.driver.name)
        if row and row.coverage == METRICS:
            metrics = self.members.object(self.properties, "metrics", f"{self.at}/properties")
            found |= {self.uris.place_file(name) for name in metrics if name != METRICS_TOTALS}
        return tuple(sorted(path for path in found if path))

    def _configurations(self) -> tuple[str, ...]:
        """Files that the run says configured it, sorted."""
        found = {
            self.uris.place_artifact(index)
            for index, artifact in enumerate(self.uris.artifacts)
            if artifact.configures
        }
        return tuple(sorted(path for path in found if path))

    def _versions(self) -> Iterator[tuple[str, str]]:
        """(name, version) of the extensions that say both: query packs, models, skills."""
        for part in self.toolbox.extensions:
            members = self.members
            version = members.text(part.raw, "semanticVersion", part.pointer)
            version = version or members.text(part.raw, "version", part.pointer)
            if part.name and version:
                yield part.name, version

    def _hashes(self) -> tuple[tuple[str, str], ...]:
        """(path, SHA-256) of the artifacts that give one (3.24.11), sorted."""
        found: set[tuple[str, str]] = set()
        for index, artifact in enumerate(self.uris.artifacts):
            if artifact.digest and not _SHA_256.fullmatch(artifact.digest):
                place = f"{self.at}/artifacts/{index}/hashes/sha-256"
                self.members.problem(place, "not a SHA-256", once=True)
            elif artifact.digest and artifact.parent is None:
                path = self.uris.place_artifact(index)
                found |= {(path, artifact.digest)} if path else set()
        return tuple(sorted(found))

    def _incremental_mode(self) -> str:
        """CodeQL's run property, such as ``diff-informed,overlay``; also where the driver has it."""
        driver, at = self.toolbox.driver, f"{self.at}/properties"
        of_driver = self.members.object(driver.raw, "properties", driver.pointer)
        told: list[str] = []
        for properties, place in (
            (self.properties, at),
            (of_driver, f"{driver.pointer}/properties"),
        ):
            if type(properties.get("incrementalMode")) is list:
                told += self.members.texts(properties, "incrementalMode", place)
            else:
                told.append(self.members.text(properties, "incrementalMode", place))
        return ",".join(filter(None, told)).lower()
