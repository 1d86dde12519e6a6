"""GitLab's own security reports (schema 15.x and 14.x) told as SARIF 2.1.0. Pure: bytes in, bytes out.

Reads the kinds in ``KINDS``. What the report does not say stays unsaid; nothing is judged, and what
a person should not see twice (the text of a found secret) is left out.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn
from urllib.parse import quote

from core.errors import BadInput

# GitLab's words for the file type of an artifact, and for the type of a scan.
KINDS = (
    "sast",
    "secret_detection",
    "dependency_scanning",
    "container_scanning",
    "cluster_image_scanning",
)
ROOT = "%SRCROOT%"

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {
    "critical": "error", "high": "error", "medium": "warning", "low": "note", "info": "note",
}  # fmt: skip
# SARIF has no word between error and critical. GitHub's property has: the least score that CVSS
# gives the word, so that nothing is counted as worse than it was called.
_SCORES = {"critical": "9.0", "high": "7.0", "medium": "4.0", "low": "0.1"}
_NOTES = {"info": "note", "warn": "warning", "fatal": "error"}
_FAMILIES = frozenset({"cwe", "owasp", "wasc"})  # types of weaknesses: they name no rule
_ADVISORIES = ("cve", "ghsa", "osvdb", "usn", "rhsa", "elsa")
_PLACES = frozenset({"location"})  # a signature that is only a line
_UPGRADE = re.compile(r"(?i)\bupgrade to (?:version |versions )?v?([0-9][\w.+-]*\w)")
_TAG = re.compile(r"(?::[\w][\w.-]{0,127})?(?:@[\w+.-]+:[0-9a-fA-F]+)?$")
_TYPES: dict[type, str] = {dict: "an object", list: "an array", str: "text", int: "a number"}

Json = dict[str, Any]


def to_sarif(content: bytes) -> bytes:
    """Return the report as one SARIF log. Raises BadInput naming the place of what cannot be read."""
    report = _parsed(content)
    scan = _object(report, "scan", "")
    kind = _text(scan, "type", "/scan")
    if kind not in KINDS:
        _refuse("/scan/type", f"must be one of {', '.join(KINDS)}")
    found = list(_objects(report, "vulnerabilities", "", needed=True))
    rules = _Rules(kind)
    for at, identifier in _objects(scan, "primary_identifiers", "/scan"):
        rules.announce(identifier, at)
    results = [_result(vulnerability, at, kind, rules) for at, vulnerability in found]
    run: Json = {
        "tool": _tool(scan, found, rules),
        "invocations": [_invocation(scan)],
        "results": results,
        "automationDetails": {"id": f"{category(kind)}/"},
    }
    mode = _text(_object(scan, "partial_scan", "/scan"), "mode", "/scan/partial_scan")
    if mode:  # only what the change touches was looked at, whatever GitLab calls it
        run["properties"] = {"incrementalMode": ["diff-informed", mode]}
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, ensure_ascii=False).encode(errors="replace")


def category(kind: str) -> str:
    """Return what sets the scans of one kind apart from others: ``gitlab-sast``."""
    return f"gitlab-{kind.replace('_', '-')}"


# --- the tool and its run ------------------------------------------------------------------------
def _tool(scan: Json, found: list[tuple[str, Json]], rules: "_Rules") -> Json:
    scanner = _object(scan, "scanner", "/scan")
    if not scanner and found:  # before version 14 only the results said who found them
        at, first = found[0]
        scanner = _object(first, "scanner", at)
    analyzer = _object(scan, "analyzer", "/scan")
    driver = _component(scanner or analyzer, "/scan/scanner")
    if not driver.get("name"):
        _refuse("/scan/scanner/name", "missing: the tool must be named")
    tool: Json = {"driver": {**driver, "rules": rules.listed()}}
    wrapped = _component(analyzer, "/scan/analyzer")
    if wrapped.get("name") and wrapped != driver:
        tool["extensions"] = [wrapped]
    return tool


def _component(raw: Json, at: str) -> Json:
    vendor = raw.get("vendor")
    name = vendor if type(vendor) is str else _text(_object(raw, "vendor", at), "name", at)
    said = {
        "name": _text(raw, "name", at) or _text(raw, "id", at),
        "semanticVersion": _text(raw, "version", at),
        "organization": name,
        "informationUri": _text(raw, "url", at),
    }
    return {key: value for key, value in said.items() if value}


def _invocation(scan: Json) -> Json:
    notes = [_notification(raw, at) for at, raw in _objects(scan, "messages", "/scan")]
    told: Json = {}
    status = _text(scan, "status", "/scan")
    if status:  # a scan that does not say has not succeeded for certain
        broken = any(note["level"] == "error" for note in notes)
        told["executionSuccessful"] = status == "success" and not broken
    for key, member in (("start_time", "startTimeUtc"), ("end_time", "endTimeUtc")):
        moment = _text(scan, key, "/scan")
        if moment:  # UTC, and mostly without the letter that says so
            zoned = re.search(r"(?:Z|[+-]\d\d:?\d\d)$", moment)
            told[member] = moment if zoned else f"{moment}Z"
    return {**told, "toolExecutionNotifications": notes} if notes else told


def _notification(raw: Json, at: str) -> Json:
    level = _NOTES.get(_text(raw, "level", at).lower(), "warning")
    return {"level": level, "message": {"text": _text(raw, "value", at)}}


# --- rules ---------------------------------------------------------------------------------------
class _Rules:
    """The rules of a run by id, in the order in which they were met."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._known: dict[str, Json] = {}

    def announce(self, identifier: Json, at: str) -> None:
        """Take a rule that the scan could have reported."""
        name = _rule_id(identifier, at)
        if name:
            self._known.setdefault(name, _described(name, identifier, at))

    def of(self, vulnerability: Json, at: str) -> str:
        """Return the id of the rule that found something, and keep what is said of it."""
        identifiers = list(_objects(vulnerability, "identifiers", at))
        if not identifiers:
            _refuse(f"{at}/identifiers", "missing: nothing says which rule this is")
        place, chosen = self._chosen(identifiers)
        name = _rule_id(chosen, place)
        if not name:
            _refuse(f"{place}/value", "missing: nothing says which rule this is")
        rule = self._known.setdefault(name, _described(name, chosen, place))
        title = _text(vulnerability, "name", at) or _text(vulnerability, "message", at)
        if title:
            rule.setdefault("shortDescription", {"text": title})
        others = [_rule_id(raw, where) for where, raw in identifiers if not _is_family(raw, where)]
        _extend(rule, "deprecatedIds", [other for other in others if other and other != name])
        tags = _cwes(identifiers)
        if tags:
            _extend(rule.setdefault("properties", {}), "tags", tags)
        return name

    def listed(self) -> list[Json]:
        """Return the rules as SARIF describes them."""
        return list(self._known.values())

    def _chosen(self, identifiers: list[tuple[str, Json]]) -> tuple[str, Json]:
        """The primary identifier is the first. Of a package it may be a number of GitLab's own,
        where an advisory says it to everybody."""
        if self._kind in ("sast", "secret_detection"):
            return identifiers[0]
        by_type = {_text(raw, "type", at).lower(): (at, raw) for at, raw in reversed(identifiers)}
        return next((by_type[word] for word in _ADVISORIES if word in by_type), identifiers[0])


def _described(name: str, identifier: Json, at: str) -> Json:
    rule: Json = {"id": name}
    title, url = _text(identifier, "name", at), _text(identifier, "url", at)
    return {**rule, **({"name": title} if title else {}), **({"helpUri": url} if url else {})}


def _rule_id(identifier: Json, at: str) -> str:
    """The value; of a family of weaknesses, whose value is a bare number, the name."""
    value, name = _text(identifier, "value", at), _text(identifier, "name", at)
    return (name or value) if _is_family(identifier, at) else (value or name)


def _is_family(identifier: Json, at: str) -> bool:
    return _text(identifier, "type", at).lower() in _FAMILIES


def _cwes(identifiers: list[tuple[str, Json]]) -> list[str]:
    values = [_text(raw, "value", at) for at, raw in identifiers if raw.get("type") == "cwe"]
    numbers = [value.upper().removeprefix("CWE-") for value in values]
    return [f"CWE-{number}" for number in dict.fromkeys(numbers) if number.isdigit()]


def _extend(owner: Json, key: str, words: list[str]) -> None:
    merged = list(dict.fromkeys([*owner.get(key, []), *words]))
    if merged:
        owner[key] = merged


# --- results -------------------------------------------------------------------------------------
def _result(vulnerability: Json, at: str, kind: str, rules: _Rules) -> Json:
    result: Json = {
        "ruleId": rules.of(vulnerability, at),
        "level": _level(vulnerability, at),
        "message": {"text": _message(vulnerability, at)},
        "locations": [_location(vulnerability, at, kind)],
    }
    signatures = _signatures(vulnerability, at, hidden=kind == "secret_detection")
    if signatures:
        result["partialFingerprints"] = signatures
    properties = _properties(vulnerability, at)
    return {**result, "properties": properties} if properties else result


def _level(vulnerability: Json, at: str) -> str:
    return _LEVELS.get(_text(vulnerability, "severity", at).lower(), "warning")


def _properties(vulnerability: Json, at: str) -> Json:
    severity = _text(vulnerability, "severity", at)
    found: Json = {"gitlab/severity": severity} if severity else {}
    if severity.lower() in _SCORES:
        found["security-severity"] = _SCORES[severity.lower()]
    tags = _cwes(list(_objects(vulnerability, "identifiers", at)))
    flags = [_text(raw, "type", place) for place, raw in _objects(vulnerability, "flags", at)]
    return {
        **found,
        **({"tags": tags} if tags else {}),
        **({"gitlab/flags": flags} if any(flags) else {}),
    }


def _message(vulnerability: Json, at: str) -> str:
    """What is wrong; of a package as ``name@version: what; fixed in version``."""
    words = (_text(vulnerability, key, at) for key in ("description", "message", "name"))
    text = next(filter(None, words), "") or "No description"
    place = f"{at}/location/dependency"
    dependency = _object(_object(vulnerability, "location", at), "dependency", f"{at}/location")
    name = _text(_object(dependency, "package", place), "name", f"{place}/package")
    if not name:
        return text
    title = _text(vulnerability, "name", at) or text
    version = _text(dependency, "version", place)
    fixed = _UPGRADE.search(_text(vulnerability, "solution", at))
    return f"{name}@{version}: {title}" + (f"; fixed in {fixed[1]}" if fixed else "")


def _location(vulnerability: Json, at: str, kind: str) -> Json:
    raw = _object(vulnerability, "location", at)
    place = f"{at}/location"
    path = _text(raw, "file", place)
    if not path:
        return _image(raw, place)
    relative = {} if path.startswith("/") else {"uriBaseId": ROOT}
    physical: Json = {"artifactLocation": {"uri": quote(path.removeprefix("./")), **relative}}
    start, end = _line(raw, "start_line", place), _line(raw, "end_line", place)
    if start:
        physical["region"] = {"startLine": start, **({"endLine": end} if end else {})}
        shown = _text(vulnerability, "raw_source_code_extract", at)
        if shown and kind == "sast":  # of a secret it is the secret
            physical["region"]["snippet"] = {"text": shown}
    location: Json = {"physicalLocation": physical}
    names = [_text(raw, key, place) for key in ("class", "method")]
    if any(names):
        location["logicalLocations"] = [{"fullyQualifiedName": ".".join(filter(None, names))}]
    return location


def _image(raw: Json, at: str) -> Json:
    """A container image, without tag and digest, which are others after every build."""
    image = _text(raw, "image", at)
    if not image:
        return {}
    named = _TAG.sub("", image)
    return {
        "physicalLocation": {"artifactLocation": {"uri": quote(named)}},
        "logicalLocations": [{"fullyQualifiedName": image, "kind": "module"}],
    }


def _line(raw: Json, key: str, at: str) -> int:
    value = raw.get(key)
    if value is None:
        return 0
    if type(value) is not int:
        _wrong(f"{at}/{key}", int)
    return max(value, 0)


def _signatures(vulnerability: Json, at: str, *, hidden: bool) -> dict[str, str]:
    """Tracking signatures by algorithm; of several places the first. ``hidden``: only a digest of
    each, since it may have been made from the secret."""
    tracking = _object(vulnerability, "tracking", at)
    found: dict[str, str] = {}
    for place, item in _objects(tracking, "items", f"{at}/tracking"):
        for where, signature in _objects(item, "signatures", place):
            algorithm = _text(signature, "algorithm", where)
            value = _text(signature, "value", where)
            if algorithm and value and algorithm not in _PLACES:
                digest = hashlib.sha256(value.encode(errors="replace")).hexdigest()
                found.setdefault(f"{algorithm}/v1", digest if hidden else value)
    return found


# --- members -------------------------------------------------------------------------------------
def _parsed(content: bytes) -> Json:
    try:
        report = json.loads(content, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise BadInput("report", "This is not JSON.") from None
    if type(report) is not dict:
        raise BadInput("report", "This is not a security report of GitLab: it must be an object.")
    return report


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _object(parent: Json, key: str, at: str) -> Json:
    value = parent.get(key)
    if value is None:
        return {}
    return value if type(value) is dict else _wrong(f"{at}/{key}", dict)


def _objects(
    parent: Json, key: str, at: str, *, needed: bool = False
) -> Iterator[tuple[str, Json]]:
    values = parent.get(key)
    if values is None and not needed:
        return
    if type(values) is not list:
        _wrong(f"{at}/{key}", list)
    for index, value in enumerate(values):
        if type(value) is not dict:
            _wrong(f"{at}/{key}/{index}", dict)
        yield f"{at}/{key}/{index}", value


def _text(parent: Json, key: str, at: str) -> str:
    value = parent.get(key)
    if value is None:
        return ""
    return value if type(value) is str else _wrong(f"{at}/{key}", str)


def _wrong(at: str, wanted: type) -> NoReturn:
    _refuse(at, f"must be {_TYPES[wanted]}")


def _refuse(at: str, sentence: str) -> NoReturn:
    raise BadInput(at, sentence)
