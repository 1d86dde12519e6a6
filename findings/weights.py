"""The weights of a priority as a small text that people change, and back. Pure; no arithmetic of priorities.

Every set of weights that can be read keeps worse facts from scoring less: see ``_check``.
"""

import hashlib
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NoReturn

from core.errors import BadInput
from findings.statuses import Severity
from scopes.models import Criticality, Exposure

MAX_BYTES = 16 * 1024
MOST_POINTS = 1_000  # of one term
MOST_STEPS = 20
NAMES = ("P1", "P2", "P3", "P4")  # of bands, the most urgent first
SEVERITIES = tuple(severity.value for severity in Severity)  # the worst first
EXPOSURES = tuple(exposure.value for exposure in reversed(Exposure))
CRITICALITIES = tuple(criticality.value for criticality in reversed(Criticality))
TABLES = {"severity": SEVERITIES, "exposure": EXPOSURES, "criticality": CRITICALITIES}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,79}")


@dataclass(frozen=True)
class Weights:
    """Points of each term, and from which score on a band begins. ``likelihood``: EPSS from → points."""

    name: str
    severity: Mapping[str, int]
    exposure: Mapping[str, int]
    criticality: Mapping[str, int]
    validated: int
    exploited: int
    ransomware: int  # beside ``exploited``
    likelihood: Sequence[tuple[float, int]]  # the highest probability first
    bands: Mapping[str, int]

    def to_toml(self) -> str:
        """The text of which ``read_weights`` makes equal weights."""
        lines = [f'name = "{self.name}"']
        for table in TABLES:
            points = getattr(self, table)
            lines += ["", f"[{table}]", *(f"{name} = {points[name]}" for name in TABLES[table])]
        lines += ["", "[evidence]", f"validated = {self.validated}"]
        lines += [f"exploited = {self.exploited}", f"ransomware = {self.ransomware}"]
        lines += ["", "[likelihood]", "steps = ["]
        lines += [f"    [{least}, {points}]," for least, points in self.likelihood]
        lines += ["]", "", "[bands]", *(f"{name} = {self.bands[name]}" for name in NAMES[:-1]), ""]
        return "\n".join(lines)

    @property
    def digest(self) -> str:
        return digest_of(self.to_toml().encode())


def digest_of(toml: bytes) -> str:
    """Return what a text of weights is found by."""
    return f"sha256:{hashlib.sha256(toml).hexdigest()}"


DEFAULT = Weights(
    name="default",
    severity={"critical": 60, "high": 45, "medium": 25, "low": 10},
    exposure={"internet": 15, "partner": 8, "internal": 0},
    criticality={"critical": 15, "high": 10, "medium": 5, "low": 0},
    validated=10,
    exploited=30,
    ransomware=10,
    likelihood=((0.5, 10), (0.1, 6), (0.01, 2)),
    bands={"P1": 75, "P2": 55, "P3": 30, "P4": 0},
)


def read_weights(toml: bytes, where: str = "toml") -> Weights:
    """Return the weights that a text says. Raises BadInput naming the member, or the line."""
    if len(toml) > MAX_BYTES:
        raise BadInput(where, f"larger than allowed ({len(toml)} > {MAX_BYTES} bytes)")
    try:
        told = tomllib.loads(toml.decode())
    except UnicodeDecodeError as error:
        raise BadInput(f"{where}, byte {error.start}", "is not UTF-8") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise BadInput(where, f"is not TOML: {error}") from error
    reader = _Reader(told, where)
    weights = reader.weights()
    _check(weights, where)
    return weights


class _Reader:
    """Takes what a text may hold, and nothing else."""

    def __init__(self, told: dict[str, Any], where: str) -> None:
        self._told, self._where = told, where

    def weights(self) -> Weights:
        self._known(self._told, ("name", *TABLES, "evidence", "likelihood", "bands"), "")
        evidence = self._points("evidence", ("validated", "exploited", "ransomware"))
        return Weights(
            name=self._name(),
            **{table: self._points(table, names) for table, names in TABLES.items()},
            validated=evidence["validated"],
            exploited=evidence["exploited"],
            ransomware=evidence["ransomware"],
            likelihood=self._steps(),
            bands={**self._points("bands", NAMES[:-1]), NAMES[-1]: 0},
        )

    def _name(self) -> str:
        name = self._told.get("name")
        if type(name) is not str or not _NAME.fullmatch(name):
            self._refuse("name", "must be 1 to 80 letters, digits, spaces or ._-")
        return name

    def _points(self, table: str, names: Sequence[str]) -> dict[str, int]:
        told = self._table(table, names)
        for name in names:
            if type(told.get(name)) is not int or not 0 <= told[name] <= MOST_POINTS:
                self._refuse(f"{table}.{name}", f"must be a whole number from 0 to {MOST_POINTS}")
        return {name: told[name] for name in names}

    def _steps(self) -> tuple[tuple[float, int], ...]:
        steps = self._table("likelihood", ("steps",)).get("steps")
        if type(steps) is not list or len(steps) > MOST_STEPS:
            self._refuse("likelihood.steps", f"must be a list of at most {MOST_STEPS} steps")
        return tuple(self._step(step, at) for at, step in enumerate(steps))

    def _step(self, step: Any, at: int) -> tuple[float, int]:
        sound = type(step) is list and len(step) == 2 and type(step[0]) in (int, float)
        if not sound or type(step[1]) is not int:
            self._refuse(f"likelihood.steps[{at}]", "must be [probability, points]")
        if not (0 < step[0] <= 1 and 0 <= step[1] <= MOST_POINTS):
            self._refuse(
                f"likelihood.steps[{at}]",
                f"must be a probability over 0 up to 1, and 0 to {MOST_POINTS} points",
            )
        return float(step[0]), step[1]

    def _table(self, table: str, names: Sequence[str]) -> dict[str, Any]:
        told = self._told.get(table)
        if type(told) is not dict:
            self._refuse(table, f"must be a table with {', '.join(names)}")
        self._known(told, names, f"{table}.")
        return told

    def _known(self, told: Mapping[str, Any], names: Sequence[str], path: str) -> None:
        for name in told:
            if name not in names:
                self._refuse(f"{path}{name[:40]}", f"is not known; known: {', '.join(names)}")

    def _refuse(self, member: str, what: str) -> NoReturn:
        raise BadInput(f"{self._where}: {member}", what)


def _check(weights: Weights, where: str) -> None:
    """Raise BadInput where something worse would score less, or a band would begin above a more urgent one."""
    for table, names in TABLES.items():
        _descending(f"{where}: {table}", [(n, getattr(weights, table)[n]) for n in names])
    _descending(f"{where}: bands", [(name, weights.bands[name]) for name in NAMES], strictly=True)
    steps = weights.likelihood
    if [least for least, _ in steps] != sorted({least for least, _ in steps}, reverse=True):
        raise BadInput(f"{where}: likelihood.steps", "must begin with the highest probability")
    _descending(f"{where}: likelihood.steps", [(f"{least}", points) for least, points in steps])


def _descending(where: str, points: Sequence[tuple[str, int]], *, strictly: bool = False) -> None:
    wanted = "be above" if strictly else "not be less than"
    for (worse, more), (better, less) in pairwise(points):
        if more < less or (strictly and more == less):
            raise BadInput(where, f"{worse} ({more}) must {wanted} {better} ({less})")
