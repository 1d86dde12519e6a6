"""The gate's Result as JSON and back: what a finding keeps of the last scan that saw it."""

import hashlib
import json
from dataclasses import asdict
from typing import Any

from gate.records import Level, Location, Result, Suppression


def result_to_json(result: Result) -> dict[str, Any]:
    """Return a result as plain JSON, without empty members."""
    return {
        name: value for name, value in asdict(result).items() if value not in ("", (), [], None)
    }


def result_from_json(data: dict[str, Any]) -> Result:
    """Rebuild a result that ``result_to_json`` wrote."""
    values = dict(data)
    values["level"] = Level(values["level"])
    values["location"] = Location(**values.get("location", {}))
    values["fingerprints"] = tuple(tuple(pair) for pair in values.get("fingerprints", ()))
    values["suppressions"] = tuple(Suppression(**s) for s in values.get("suppressions", ()))
    for name in ("cwes", "aliases", "flow_paths"):
        values[name] = tuple(values.get(name, ()))
    values.setdefault("message", "")
    return Result(**values)


def digest(data: dict[str, Any]) -> str:
    """Return the SHA-256 (hex) over canonical JSON."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
