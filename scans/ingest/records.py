"""The gate's Result as JSON and back: what a finding keeps of the last scan that saw it."""

import hashlib
import json
import sys
from typing import Any, NamedTuple

from gate.match_view import spot_after
from gate.records import Level, Location, Result, Suppression

SHARED = ("tool", "rule", "rule_key", "kind")  # texts that many results have: each is kept once
DIGEST = 32  # characters of the digests that results are compared by
# One for all: json.dumps makes a new one for each text. Results hold no cycles.
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), check_circular=False)


class Sealed(NamedTuple):
    """A result as JSON text without its pointer, and the SHA-256 (hex) of that."""

    text: str
    sha256: str

    @property
    def digest(self) -> str:
        """What a result is compared by: equal where nothing but its place in the report differs."""
        return self.sha256[:DIGEST]

    def pointed(self, pointer: str) -> str:
        """The text with the pointer, as it is stored."""
        return f'{{"pointer":{json.dumps(pointer)},{self.text[1:]}'


def seal(result: Result) -> Sealed:
    """Return a result as canonical JSON and its digest."""
    text = _CANONICAL.encode(_members(result))
    return Sealed(text, hashlib.sha256(text.encode()).hexdigest())


def _members(result: Result) -> dict[str, Any]:
    """All that is filled but the pointer."""
    place = result.location
    located = {
        "uri": place.uri, "path": place.path, "line": place.line, "column": place.column,
        "end_line": place.end_line, "end_column": place.end_column, "snippet": place.snippet,
    }  # fmt: skip
    told = {
        "tool": result.tool, "rule": result.rule, "rule_key": result.rule_key,
        "level": result.level.value, "message": result.message, "kind": result.kind,
        "location": {name: value for name, value in located.items() if value not in ("", None)},
        "security_severity": result.security_severity, "guid": result.guid,
        "cwes": result.cwes, "aliases": result.aliases, "flow_paths": result.flow_paths,
        "fingerprints": result.fingerprints,
        "suppressions": [
            {"kind": s.kind, "status": s.status, "justification": s.justification}
            for s in result.suppressions
        ],
        "cvss": result.cvss, "exploitability": result.exploitability,
    }  # fmt: skip
    return {name: value for name, value in told.items() if value not in ("", (), [], None)}


def result_from_json(data: dict[str, Any]) -> Result:
    """Rebuild a result that ``seal`` wrote."""
    values = dict.fromkeys(("pointer", "tool", "rule", "rule_key", "message"), "") | data
    values["level"] = Level(values["level"])
    place = dict(values.get("location", {}))
    for told, names in ((values, SHARED), (place, ("uri", "path"))):
        told |= {name: sys.intern(told[name]) for name in names if type(told.get(name)) is str}
    values["location"] = Location(**place)
    values["fingerprints"] = tuple(tuple(pair) for pair in values.get("fingerprints", ()))
    values["suppressions"] = tuple(Suppression(**s) for s in values.get("suppressions", ()))
    for name in ("cwes", "aliases", "flow_paths"):
        values[name] = tuple(values.get(name, ()))
    return Result(**values)


def spot_of(result: Result) -> str:
    """Digest of where a result is to the column, and what it says there; empty: nowhere for certain.

    Results with the same spot, the only ones on both sides, are the same: see ``gate.matching``.
    """
    spot = spot_after(result, None)
    return hashlib.blake2b(repr(spot).encode(), digest_size=DIGEST // 2).hexdigest() if spot else ""


def digest(data: dict[str, Any]) -> str:
    """Return the SHA-256 (hex) over canonical JSON."""
    return hashlib.sha256(_CANONICAL.encode(data).encode()).hexdigest()
