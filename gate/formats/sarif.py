"""SARIF 2.1.0 (OASIS Standard, with Errata 01) to records: ``read`` is the door.

This module reads the log and the frame of each run; ``sarif_tool``, ``sarif_invocations``,
``sarif_results`` and ``sarif_uris`` read the parts. What the standard leaves unknown stays
unknown. No verdict, no file access; knowledge of single tools only through the catalogue.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

from gate import catalogue
from gate.errors import InputError
from gate.formats.json_text import Document, Elements
from gate.formats.limits import LIMITS, Limits
from gate.formats.members import Members
from gate.formats.sarif_invocations import InvocationReader
from gate.formats.sarif_results import ResultReader, Surroundings
from gate.formats.sarif_tool import Toolbox
from gate.formats.sarif_uris import Uris
from gate.records import Report, Result, Run

__all__ = ["LIMITS", "Limits", "read"]

VERSION = "2.1.0"
METRICS = "run.properties.metrics keys"  # Bandit's place of coverage, as tools.json names it
METRICS_TOTALS = "_totals"  # the one key there that is not a file

# Roles of artifacts that were not examined (3.24.6): settings, outputs, and what is gone.
_NOT_EXAMINED = frozenset(
    {
        "attachment", "debugOutputFile", "deleted", "directory", "driver", "extension",
        "policy", "referencedOnCommandLine", "responseFile", "standardStream", "taxonomy",
        "toolSpecifiedConfiguration", "translation", "userSpecifiedConfiguration",
    }
)  # fmt: skip
_SHA_256 = re.compile(r"[0-9a-f]{64}")


def read(name: str, data: bytes, limits: Limits = LIMITS) -> Report:
    """Read one SARIF log. ``name`` is the file name as references show it.

    Raises InputError whose ``where`` is the name with a JSON pointer or a byte offset: not
    Unicode, not JSON, not SARIF 2.1.0, a member of the wrong type, or a limit passed. Smaller
    departures are listed in ``Report.problems``.
    """
    document = Document(data, name, limits)
    log = document.load(leave=("runs", "*", "results"))
    members = Members(name, limits, may_be_unclean=document.may_be_unclean)
    runs = [_RunReader(raw, at, members).read() for at, raw in _raw_runs(log, members)]
    return Report(
        name=name,
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
        runs=tuple(runs),
        problems=members.all_problems(),
    )


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

    def __init__(self, raw: dict[str, Any], at: str, members: Members) -> None:
        self.raw = raw
        self.at = at
        self.members = members
        members.foreign(raw, at)
        self.toolbox = Toolbox(raw, at, members)
        self.uris = Uris(raw, at, members)
        self.invocations = InvocationReader(members, self.toolbox, self.uris).read(raw, at)
        self.properties = members.object(raw, "properties", at)
        self.ai_origin = members.text(self.properties, "ai/origin", f"{at}/properties")

    def read(self) -> Run:
        """The run as a record."""
        invocations = self.invocations
        results, passed = self._results()
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
            baseline_guid=self.members.text(self.raw, "baselineGuid", self.at),
        )
        self.uris.report_lost()
        return run

    def _results(self) -> tuple[list[Result], list[Result]]:
        raws = self.raw.get("results")
        at = f"{self.at}/results"
        if raws is None:
            return [], []
        if not isinstance(raws, Elements):
            self.members.refuse(at, "must be an array or null")
        limits = self.members.limits
        self.members.count(len(raws), limits.results, "results per run", at)
        what = "thread flow locations per run"
        shared = self.members.array(
            self.raw, "threadFlowLocations", self.at, limits.artifacts, what
        )
        reader = ResultReader(
            Surroundings(
                members=self.members,
                toolbox=self.toolbox,
                uris=self.uris,
                invocations=self.invocations,
                fingerprints=catalogue.fingerprints(self.toolbox.driver.name),
                thread_flow_locations=shared,
                ai_origin=self.ai_origin,
            )
        )
        return reader.read(raws, at)

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
            for index, (place, artifact) in enumerate(self.uris.artifacts)
            if not _NOT_EXAMINED.intersection(self.members.texts(artifact, "roles", place))
        }
        row = catalogue.tool(self.toolbox.driver.name)
        if row and row.coverage == METRICS:
            metrics = self.members.object(self.properties, "metrics", f"{self.at}/properties")
            found |= {self.uris.place_file(name) for name in metrics if name != METRICS_TOTALS}
        return tuple(sorted(path for path in found if path))

    def _hashes(self) -> tuple[tuple[str, str], ...]:
        """(path, SHA-256) of the artifacts that give one (3.24.11), sorted."""
        found: set[tuple[str, str]] = set()
        for index, (place, artifact) in enumerate(self.uris.artifacts):
            hashes = self.members.object(artifact, "hashes", place)
            digest = self.members.text(hashes, "sha-256", f"{place}/hashes").lower()
            path = self.uris.place_artifact(index)
            if digest and not _SHA_256.fullmatch(digest):
                self.members.problem(f"{place}/hashes/sha-256", "not a SHA-256", once=True)
            elif digest and path and artifact.get("parentIndex", -1) == -1:
                found.add((path, digest))
        return tuple(sorted(found))

    def _incremental_mode(self) -> str:
        """CodeQL's run property, such as ``diff-informed,overlay``."""
        at = f"{self.at}/properties"
        if type(self.properties.get("incrementalMode")) is list:
            return ",".join(self.members.texts(self.properties, "incrementalMode", at))
        return self.members.text(self.properties, "incrementalMode", at)
