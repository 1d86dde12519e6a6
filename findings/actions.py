"""What a rule of discovery does with a finding: typed, bounded, read strictly. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.errors import BadInput
from core.text import is_clean
from findings.statuses import SetAside, Severity

MOST_TAGS = 20  # of one rule
LONGEST_TAG = 60  # characters
LONGEST_PROJECT = 100
MEMBERS = {"severity", "tags", "assign", "set_aside", "ticket_project"}


@dataclass(frozen=True, slots=True)
class Actions:
    """What is empty does nothing. At most one of ``to_member`` and ``to_team``."""

    severity: str = ""
    tags: tuple[str, ...] = ()
    to_member: int | None = None
    to_team: int | None = None
    set_aside: str = ""
    ticket_project: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As the API tells them: what does nothing is left out."""
        assign = {"member": self.to_member, "team": self.to_team}
        told = {
            "severity": self.severity,
            "tags": list(self.tags),
            "assign": {name: row for name, row in assign.items() if row},
            "set_aside": self.set_aside,
            "ticket_project": self.ticket_project,
        }
        return {name: value for name, value in told.items() if value}

    def stored(self) -> dict[str, Any]:
        """The members that have no column of their own in ``DiscoveryRule``."""
        told = self.to_dict()
        return {name: told[name] for name in ("severity", "tags", "ticket_project") if name in told}


def read_actions(data: Any, where: str = "actions") -> Actions:
    """Return actions as they were sent. Raises BadInput that names the place."""
    if not isinstance(data, Mapping):
        raise BadInput(where, "must be an object")
    if unknown := sorted(str(name) for name in data if name not in MEMBERS):
        raise BadInput(f"{where}.{unknown[0][:60]}", f"is none of: {', '.join(sorted(MEMBERS))}")
    member, team = _assign(data.get("assign"), f"{where}.assign")
    actions = Actions(
        severity=_choice(data.get("severity", ""), Severity, f"{where}.severity"),
        tags=_tags(data.get("tags", []), f"{where}.tags"),
        to_member=member,
        to_team=team,
        set_aside=_choice(data.get("set_aside", ""), SetAside, f"{where}.set_aside"),
        ticket_project=_text(
            data.get("ticket_project", ""), f"{where}.ticket_project", LONGEST_PROJECT
        ),
    )
    if not actions.to_dict():
        raise BadInput(where, "must do something")
    return actions


def read_tag(value: Any, where: str) -> str:
    """Return a tag as it is kept: without spaces around, in small letters. Raises BadInput."""
    tag = _text(value, where, LONGEST_TAG).casefold()[:LONGEST_TAG]
    if not tag or "," in tag:
        raise BadInput(where, "must be a text that is not empty, without commas")
    return tag


def _tags(value: Any, where: str) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise BadInput(where, "must be a list")
    if len(value) > MOST_TAGS:
        raise BadInput(where, f"has more members than allowed ({len(value)} > {MOST_TAGS})")
    return tuple(dict.fromkeys(read_tag(one, f"{where}.{at}") for at, one in enumerate(value)))


def _assign(value: Any, where: str) -> tuple[int | None, int | None]:
    if value is None or value == {}:
        return None, None
    if not isinstance(value, Mapping) or len(value) != 1 or set(value) - {"member", "team"}:
        raise BadInput(where, "must name either a member or a team")
    ((name, row),) = value.items()
    if not isinstance(row, int) or isinstance(row, bool) or not 0 < row < 2**63:
        raise BadInput(f"{where}.{name}", "must be the number of a row")
    return (row, None) if name == "member" else (None, row)


def _choice(value: Any, words: type[Severity] | type[SetAside], where: str) -> str:
    if not isinstance(value, str) or (value and value not in list(words)):
        raise BadInput(where, f"must be one of: {', '.join(word for word in words if word)}")
    return value


def _text(value: Any, where: str, longest: int) -> str:
    if not isinstance(value, str):
        raise BadInput(where, "must be a text")
    if len(value) > longest:
        raise BadInput(where, f"longer than allowed ({len(value)} > {longest} characters)")
    if not is_clean(value) or any(ord(letter) < 32 for letter in value):
        raise BadInput(where, "holds a character that is no part of a text in one line")
    return value.strip()
