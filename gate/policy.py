"""Policies: TOML in, validated; what each tier asks, and which tier a finding is in.

A policy is immutable once used and known by the digest of its exact bytes. No policy can waive,
drop or soften a check that ``can_be_waived`` says no to. The values themselves are ``gate.terms``.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from importlib import resources
from typing import Any

from gate.checks import CHECKS
from gate.errors import InputError
from gate.evidence import Source
from gate.records import LEVEL_RANK, Level
from gate.strict import Members
from gate.terms import Terms, Threshold, Tier

SCHEMA = "ctem.policy/1"
MAX_BYTES = 256 * 1024
ORIGINS = ("human", "automation", "ai_assisted", "ai_generated", "unknown")
EXPOSURES = ("internal", "internet")
CRITICALITIES = ("low", "medium", "high", "critical")

# The figures of a tier, by the names that they have in ``Terms`` and in TOML.
FIGURES = (
    "reviewers", "questions", "clean_runs", "scan_max_age_days", "least_source",
    "dispositions", "disclosed_model", "standing_approvals",
)  # fmt: skip
THRESHOLD = ("level", "security_severity")
RAISES = ("origins", "exposure", "criticality", "changed_lines", "changed_files", "attempts")
# Figures that came later, with what a policy means that says nothing of them: the stricter answer.
UNSAID = {"standing_approvals": False}
MOST_LENIENT_SCORE = 4.0
MOST_DAYS = 36_500  # that a scan may be old: a hundred years, which can still be reckoned with


@dataclass(frozen=True, slots=True)
class Raises:
    """What raises a tier by one each. The two counts are exceeded by more than themselves."""

    origins: tuple[str, ...]
    exposure: str
    criticality: tuple[str, ...]
    changed_lines: int
    changed_files: int
    attempts: int


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy as it was read. ``digest`` is ``sha256:`` and the hash of ``data``, its bytes."""

    name: str
    digest: str
    data: bytes
    medium: Threshold
    high: Threshold
    kev_is_high: bool
    raises: Raises
    terms: Mapping[Tier, Terms]

    def to_toml(self) -> bytes:
        """The exact bytes it was loaded from."""
        return self.data


def load(data: bytes, name: str) -> Policy:
    """Read a policy from TOML bytes; ``name`` says in errors where they came from.

    Raises InputError with the line for what is no TOML, for unknown, missing or wrong members,
    for a check that does not exist, and for an attempt to soften one that cannot be waived.
    """
    if len(data) > MAX_BYTES:
        raise InputError(name, f"{len(data)} bytes, more than the limit of {MAX_BYTES}")
    try:
        text = data.decode("utf-8")
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # also for a number of thousands of digits
        end = f"at line {len(data.splitlines())}, the end of the document"
        told = str(error).replace("at end of document", end)
        raise InputError(name, f"not TOML: {told}") from None
    return _policy(Members(document, name, locate=partial(_line_of, text)), data)


def _policy(root: Members, data: bytes) -> Policy:
    if root.need("schema") != SCHEMA:
        raise root.error("schema", f"must be {SCHEMA!r}")
    root.need("name")
    tier = root.child("tier")
    medium, high, raises = tier.child("medium"), tier.child("high"), tier.child("raise")
    policy = Policy(
        name=root.text("name") or "",
        digest="sha256:" + hashlib.sha256(data).hexdigest(),
        data=data,
        medium=_threshold(medium),
        high=_threshold(high),
        kev_is_high=bool(high.flag("kev")),
        raises=_raises(raises),
        terms=_terms(root, _new(root.child("nothing_new"))),
    )
    for table in (medium, high, raises, tier, root):
        table.finish()
    return policy


def _threshold(table: Members) -> Threshold:
    level = table.choice("level", tuple(Level))
    score = table.number("security_severity", 0.0, 10.0)
    return Threshold(Level(level) if level else None, score)


def _new(table: Members) -> Threshold:
    """The threshold of NOTHING_NEW. A policy may make it stricter than the default, never softer."""
    threshold = _threshold(table)
    if threshold.level is None or LEVEL_RANK[threshold.level] > LEVEL_RANK[Level.WARNING]:
        raise table.error("level", "NOTHING_NEW cannot be relaxed: at most 'warning'")
    if threshold.security_severity is None or threshold.security_severity > MOST_LENIENT_SCORE:
        raise table.error("security_severity", "NOTHING_NEW cannot be relaxed: at most 4.0")
    table.finish()
    return threshold


def _raises(table: Members) -> Raises:
    for key in ("origins", "criticality", "changed_lines", "changed_files", "attempts"):
        table.need(key)
    return Raises(
        origins=table.choices("origins", ORIGINS, "origin") or (),
        exposure=table.choice("exposure", EXPOSURES) or "",
        criticality=table.choices("criticality", CRITICALITIES, "criticality") or (),
        changed_lines=table.count("changed_lines", 0) or 0,
        changed_files=table.count("changed_files", 0) or 0,
        attempts=table.count("attempts", 1) or 1,
    )


def _terms(root: Members, new: Threshold) -> dict[Tier, Terms]:
    """The terms of the three tiers: each adds checks to the one below and inherits its figures."""
    required = frozenset(check.id for check in CHECKS if not check.can_be_waived)
    figures: dict[str, Any] = dict(UNSAID)
    terms: dict[Tier, Terms] = {}
    for tier in Tier:
        table = root.child(tier.value)
        ids = tuple(check.id for check in CHECKS)
        required |= frozenset(table.choices("checks", ids, "check") or ())
        figures = figures | _figures(table)
        for key in FIGURES:
            if key not in figures:
                raise table.error(key, "is missing")
        terms[tier] = Terms(tier=tier, required=required, new=new, **figures)
        table.finish()
    return terms


def _figures(table: Members) -> dict[str, Any]:
    """The figures that one tier states, by the names of ``Terms``."""
    source = table.choice("least_source", tuple(Source))
    if source == Source.UNKNOWN:
        raise table.error("least_source", "cannot be 'unknown': an unknown source proves nothing")
    stated = {
        "reviewers": table.count("reviewers", 1),
        "questions": table.texts("questions"),
        "clean_runs": table.count("clean_runs", 1),
        "scan_max_age_days": table.count("scan_max_age_days", 1, MOST_DAYS),
        "least_source": Source(source) if source else None,
        "dispositions": table.flag("dispositions"),
        "disclosed_model": table.flag("disclosed_model"),
        "standing_approvals": table.flag("standing_approvals"),
    }
    return {key: value for key, value in stated.items() if value is not None}


def _line_of(text: str, path: str) -> str:
    """``line N, `` for a dotted path of a TOML text, or nothing where it is not to be found."""
    *tables, key = re.sub(r"\[\d+\]", "", path).split(".")
    wanted, current = ".".join(tables), ""
    heading = ""
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.strip()
        if line.startswith("["):
            current = line.strip("[]").split("]")[0].strip()
            if current in (path, wanted):
                heading = f"line {number}, "
        elif current == wanted and re.match(rf"[\"']?{re.escape(key)}[\"']?\s*=", line):
            return f"line {number}, "
    return heading


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that differs between two policies, as ``was`` and ``now`` show it.

    ``where``: a tier, or the table that it stands in. A check is required or not: ``is_check``.
    """

    where: str
    name: str
    was: str
    now: str
    is_check: bool = False

    @property
    def is_asked(self) -> bool:
        """Whether a check is required from now on."""
        return self.is_check and bool(self.now)

    def __str__(self) -> str:
        if self.is_check:
            return f"{self.where}: {'+' if self.now else '-'} {self.name}"
        return f"{self.where}: {self.name} {self.was} -> {self.now}"


def differences(old: Policy, new: Policy) -> list[str]:
    """What changes from one policy to another, a line for each figure and each tier."""
    return [str(change) for change in changes(old, new)]


def changes(old: Policy, new: Policy) -> list[Change]:
    """What changes from one policy to another: checks and figures by tier, then thresholds."""
    found = []
    for tier in Tier:
        before, after = old.terms[tier], new.terms[tier]
        gone, come = before.required - after.required, after.required - before.required
        found += [Change(tier, name, "required", "", is_check=True) for name in sorted(gone)]
        found += [Change(tier, name, "", "required", is_check=True) for name in sorted(come)]
        found += _changed(tier, FIGURES, before, after)
    for where in ("medium", "high"):
        found += _changed(f"tier.{where}", THRESHOLD, getattr(old, where), getattr(new, where))
    found += _changed("tier.high", ("kev",), old, new, attribute="kev_is_high")
    found += _changed("tier.raise", RAISES, old.raises, new.raises)
    was, now = old.terms[Tier.LOW].new, new.terms[Tier.LOW].new
    return found + _changed("nothing_new", THRESHOLD, was, now)


def _changed(
    where: str, names: tuple[str, ...], old: Any, new: Any, attribute: str = ""
) -> list[Change]:
    pairs = [(n, getattr(old, attribute or n), getattr(new, attribute or n)) for n in names]
    return [Change(where, n, shown(was), shown(now)) for n, was, now in pairs if was != now]


def shown(value: Any) -> str:
    """A figure of a policy as people read it."""
    if value is None:
        return "none"
    return ", ".join(value) or "none" if isinstance(value, tuple) else str(value)


DEFAULT = load(
    resources.files("gate").joinpath("data/default_policy.toml").read_bytes(), "default policy"
)
