"""How findings map to fields of tickets, and which get one by themselves: read strictly, with defaults. Pure."""

import re
from collections.abc import Mapping as Members
from typing import Any

from core.errors import BadInput
from core.text import is_clean
from findings.statuses import OPEN, Status
from tickets.statuses import TrackerKind

BANDS = ("P1", "P2", "P3", "P4")
MAX_WORD = 100
MAX_LABELS = 20
MAX_FIELDS = 30
MOST_BY_RULE = 1000
MOST_PEOPLE = 200
MAX_ACCOUNT = 128
_ACCOUNT = re.compile(rf"[\x21-\x7e]{{1,{MAX_ACCOUNT}}}")
FACTS = (  # what of a finding can be written into a field, as text
    "reference", "title", "rule", "tool", "severity", "priority", "asset", "path", "line", "scope",
    "due_on", "url",
)  # fmt: skip
JIRA: dict[str, Any] = {
    "issue_type": "Task",
    "labels": ["ctem"],
    "priorities": {"P1": "Highest", "P2": "High", "P3": "Medium", "P4": "Low"},
    "close": "",  # name of the transition; empty: the first that leads to done
    "reopen": "",
    "fields": {},  # further fields of a new ticket, as the tracker wants them
    "values": {},  # further fields → what of the finding is written into them
    "people": {},  # who answers here (user name) → as what the tracker knows them
}

LABELS: dict[str, Any] = {  # of hosts whose issues have no priority: labels say it
    "labels": ["ctem"],
    "priorities": {"P1": "P1", "P2": "P2", "P3": "P3", "P4": "P4"},
    "fields": {},
    "people": {},
}
GITLAB: dict[str, Any] = {**LABELS, "values": {}}
SERVICENOW: dict[str, Any] = {
    "priorities": {"P1": "1/1", "P2": "1/2", "P3": "2/2", "P4": "3/3"},  # impact/urgency
    "close": "6",  # values of state
    "reopen": "2",
    "closed_states": ["6", "7", "8"],
    "close_fields": {
        "close_code": "Solution provided",
        "close_notes": "Closed means proven: a scan of the merged fix has passed.",
    },
    "fields": {},
    "values": {},
    "people": {},
}
DEFAULTS = {
    TrackerKind.JIRA: JIRA,
    TrackerKind.GITHUB: LABELS,
    TrackerKind.GITLAB: GITLAB,
    TrackerKind.SERVICENOW: SERVICENOW,
}


def read_mapping(data: Any, kind: TrackerKind, where: str = "mapping") -> dict[str, Any]:
    """Return a mapping with all members of its kind. Raises BadInput that names the place."""
    told, known = _object(data, where), DEFAULTS[kind]
    if unknown := sorted(str(name) for name in told if name not in known):
        raise BadInput(f"{where}/{unknown[0][:60]}", f"is none of: {', '.join(known)}")
    kept = {**known, **told}
    for name, value in kept.items():
        _member(name, value, f"{where}/{name}")
    return {
        name: dict(value) if isinstance(value, Members) else value for name, value in kept.items()
    }


def _member(name: str, value: Any, where: str) -> None:
    if name == "priorities":
        _priorities(value, where)
    elif name in ("labels", "closed_states"):
        _labels(value, where)
    elif name in ("fields", "close_fields"):
        if len(_object(value, where)) > MAX_FIELDS or len(str(value)) > 10_000:
            raise BadInput(where, f"must be at most {MAX_FIELDS} fields, 10000 characters")
    elif name == "values":
        _values(value, where)
    elif name == "people":
        _people(value, where)
    else:
        _word(value, where, least=name == "issue_type")


def _values(values: Any, where: str) -> None:
    if len(_object(values, where)) > MAX_FIELDS:
        raise BadInput(where, f"must be at most {MAX_FIELDS} fields")
    for name, fact in values.items():
        _word(name, f"{where}/{str(name)[:60]}", least=True)
        if fact not in FACTS:
            raise BadInput(f"{where}/{name}", f"is none of: {', '.join(FACTS)}")


def _people(people: Any, where: str) -> None:
    """Each account once: who is assigned there has to mean one person here."""
    if len(_object(people, where)) > MOST_PEOPLE:
        raise BadInput(where, f"must be at most {MOST_PEOPLE} people")
    for name, account in people.items():
        place = f"{where}/{str(name)[:60]}"
        if not isinstance(name, str) or not 0 < len(name) <= 150 or not is_clean(name):
            raise BadInput(place, "must be a user name of here")
        if not isinstance(account, str) or not _ACCOUNT.fullmatch(account):
            raise BadInput(
                place, f"must be an account there: 1 to {MAX_ACCOUNT} letters, no spaces"
            )
    if len(set(people.values())) < len(people):
        raise BadInput(where, "must name each account once")


def _labels(labels: Any, where: str) -> None:
    if not isinstance(labels, list) or len(labels) > MAX_LABELS:
        raise BadInput(where, f"must be a list of at most {MAX_LABELS} texts")
    for at, label in enumerate(labels):
        _word(label, f"{where}/{at}", least=True)
        if " " in label or "," in label:
            raise BadInput(f"{where}/{at}", "must have no space and no comma")


def read_rule(data: Any, where: str = "rule") -> dict[str, Any]:
    """Return a rule: ``bands``, ``statuses``, ``most``; empty for none. Raises BadInput."""
    told = _object(data, where)
    if unknown := sorted(str(name) for name in told if name not in ("bands", "statuses", "most")):
        raise BadInput(f"{where}/{unknown[0][:60]}", "is none of: bands, statuses, most")
    bands = _words(told.get("bands", []), BANDS, f"{where}/bands")
    stages = tuple(status.value for status in OPEN if status != Status.AWAITING_VERIFICATION)
    statuses = _words(told.get("statuses", []), stages, f"{where}/statuses")
    if not bands and not statuses:
        return {}
    most = told.get("most", 100)
    if not isinstance(most, int) or isinstance(most, bool) or not 0 < most <= MOST_BY_RULE:
        raise BadInput(f"{where}/most", f"must be a number from 1 to {MOST_BY_RULE}")
    return {"bands": bands, "statuses": statuses, "most": most}


def account_of(mapping: Members[str, Any], username: str | None) -> str:
    """As what the tracker knows a person of here; empty: it is not told."""
    return str(mapping.get("people", {}).get(username, "")) if username else ""


def username_of(mapping: Members[str, Any], account: str) -> str:
    """Who of here an account of the tracker is; empty: nobody that is told."""
    people = mapping.get("people", {})
    return next((name for name, there in people.items() if there == account), "")


def _priorities(data: Any, where: str) -> None:
    for band, name in _object(data, where).items():
        if band not in BANDS:
            raise BadInput(f"{where}/{str(band)[:60]}", f"is none of: {', '.join(BANDS)}")
        _word(name, f"{where}/{band}")


def _object(data: Any, where: str) -> Members[str, Any]:
    if not isinstance(data, Members):
        raise BadInput(where, "must be an object")
    return data


def _word(value: Any, where: str, *, least: bool = False) -> None:
    if (
        not isinstance(value, str)
        or not is_clean(value)
        or not int(least) <= len(value) <= MAX_WORD
    ):
        raise BadInput(where, f"must be a text of {int(least)} to {MAX_WORD} characters")


def _words(value: Any, known: tuple[str, ...], where: str) -> list[str]:
    if not isinstance(value, list) or any(word not in known for word in value):
        raise BadInput(where, f"must be a list of: {', '.join(known)}")
    return [word for word in known if word in value]
