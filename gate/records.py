"""What every report format is read into: plain frozen records, no behaviour, no tool knowledge.

Paths are relative to the repository root, POSIX, percent-decoded, NFC. Lines and columns count
from 1. ``pointer`` is the JSON pointer of a record inside its report. Text has been cleaned: NUL
and lone surrogates are U+FFFD.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gate.compact import PAIRS, POINTER, TEXT, compact


class Level(StrEnum):
    """Effective SARIF level (3.27.10), from the least to the worst: see ``LEVEL_RANK``."""

    NONE = "none"
    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"


LEVEL_RANK = {Level.NONE: 0, Level.NOTE: 1, Level.WARNING: 2, Level.ERROR: 3}


@dataclass(frozen=True, slots=True)
class Location:
    """Where a result points. ``path`` is None when the address cannot be placed below the root."""

    uri: str = ""
    path: str | None = None
    line: int | None = None
    column: int | None = None
    end_line: int | None = None
    end_column: int | None = None
    snippet: str | None = None


@dataclass(frozen=True, slots=True)
class Suppression:
    """One entry of result.suppressions: kind inSource | external; status accepted | underReview | rejected."""

    kind: str
    status: str = "accepted"
    justification: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """One thing a tool reported (kind fail, open or review; others are kept in ``Run.passed``)."""

    pointer: str
    tool: str
    rule: str  # canonical rule id (ruleId, rule.id or through ruleIndex)
    rule_key: str  # what rules are compared by: the base CWE for AI scanners, else ``rule``
    level: Level
    message: str
    location: Location
    cwes: tuple[str, ...] = ()  # "CWE-78"
    aliases: tuple[str, ...] = ()  # deprecatedIds of the rule
    security_severity: float | None = None  # 0.0 to 10.0
    kind: str = "fail"
    flow_paths: tuple[str, ...] = ()  # files of code flows and related locations
    fingerprints: tuple[tuple[str, str], ...] = ()  # (key, value), volatile keys dropped, sorted
    suppressions: tuple[Suppression, ...] = ()
    guid: str = ""
    cvss: str = ""  # the vector as told, at most 200 characters
    exploitability: str = ""  # what an AI scanner claims: demonstrated, poc, theoretical (AI2014)

    @property
    def suppressed(self) -> bool:
        """Whether an accepted or undecided suppression hides it. Suppressed is not absent."""
        return any(s.status != "rejected" for s in self.suppressions)


# A report may have hundreds of thousands of these: half the memory for the same fields.
compact(Location, snippet=TEXT)
compact(Result, pointer=POINTER, message=TEXT, fingerprints=PAIRS)


@dataclass(frozen=True, slots=True)
class Rule:
    """One reporting descriptor of the driver or of an extension."""

    id: str
    name: str = ""
    description: str = ""
    help_uri: str = ""
    level: Level = Level.WARNING
    enabled: bool = True
    security_severity: float | None = None
    cwes: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    cvss: str = ""


@dataclass(frozen=True, slots=True)
class Notification:
    """A tool's word about its own run; ``array`` is execution or configuration."""

    pointer: str
    array: str
    level: Level
    message: str
    id: str = ""
    rule: str = ""
    paths: tuple[str, ...] = ()
    lost: bool = False  # a place that it names lies nowhere below the root


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one tool. ``results_present`` is False where results is absent or null (3.14.23)."""

    pointer: str
    tool: str
    version: str = ""
    organization: str = ""
    rules: tuple[Rule, ...] = ()
    results: tuple[Result, ...] = ()
    passed: tuple[
        Result, ...
    ] = ()  # kind pass, notApplicable, informational; baselineState absent is dropped
    results_present: bool = True
    execution_successful: bool | None = None
    exit_code: int | None = None
    command_line: str = ""
    started_at: str = ""
    finished_at: str = ""
    disabled_rules: tuple[str, ...] = ()  # through configuration overrides
    notifications: tuple[Notification, ...] = ()
    artifacts: tuple[str, ...] = ()  # paths the run says it examined
    hashes: tuple[tuple[str, str], ...] = ()  # (path, sha-256) of artifacts
    category: str = ""  # automationDetails.id without its last part
    revision: str = ""
    repository: str = ""
    incremental_mode: str = ""
    ai_origin: str = ""
    baseline_guid: str = ""
    baseline_states: tuple[str, ...] = ()  # that results have, "absent" included, sorted
    configurations: tuple[str, ...] = ()  # paths of artifacts whose role is configuration
    extension_versions: tuple[tuple[str, str], ...] = ()  # (name, version) of tool.extensions
    failure: str = ""  # signal or message by which an invocation says that it broke off
    extensions: tuple[
        str, ...
    ] = ()  # names of tool.extensions: models and skills of an AI scanner, for one
    lists_rules: bool | None = None  # whether ``rules`` are all that were on; None: as its row says
    lists_artifacts: bool = False  # whether ``artifacts`` are all files that were examined


@dataclass(frozen=True, slots=True)
class Report:
    """One report file. ``problems`` are departures from the format that do not stop the reading;
    ``format`` is the format's name as people say it."""

    name: str  # file name, as evidence references show it
    sha256: str
    size: int  # bytes
    runs: tuple[Run, ...]
    problems: tuple[str, ...] = ()
    format: str = "SARIF 2.1.0"
