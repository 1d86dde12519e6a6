"""Files that many tools share, read line by line: does a changed line configure the scanner?

A diff shows a few lines of such a file. Headings in sight say where a line belongs; where none is,
only the line itself can tell, or nobody can. Nothing here knows scanners: a row of
``data/scanner_files.json`` brings the patterns.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import IntEnum

_TOML_HEADING = re.compile(
    r"^\s*\[\[?\s*(?:[A-Za-z_]|[\"'][^\"',]*[\"']\s*\.)[\w.\"'\\\s-]*\]\]?\s*(?:#.*)?$"
)
_INI_HEADING = re.compile(r"^\s*\[[^\]]+\]")
_TOML_OPENER = re.compile(r"^\s*[\w.\"'-]+\s*=\s*[\[{][^\]}]*$")
_INI_OPENER = re.compile(r"^[\w.-]+\s*[=:]")
_JSON_OPENER = re.compile(r"^\s*\"(?:[^\"\\]|\\.)*\"\s*:\s*[\[{][^\]}]*$")
_CLOSER = re.compile(r"^\s*[\]}]")


class Weight(IntEnum):
    """Whether a changed line counts."""

    NONE = 0
    MAYBE = 1
    SURE = 2


@dataclass(frozen=True, slots=True)
class Rules:
    """Which lines count: those below a heading that matches ``section``, those that match ``key``.

    Where no heading is in sight, those that match ``line``, and with a doubt those that match
    ``maybe``, unless a list or table in sight matches ``elsewhere``. The layout is one of toml,
    ini, json.
    """

    layout: str
    section: re.Pattern[str] | None
    key: re.Pattern[str] | None
    line: re.Pattern[str] | None
    maybe: re.Pattern[str] | None
    elsewhere: re.Pattern[str] | None


@dataclass(slots=True)
class Place:
    """Where in the file one side of a hunk has come to."""

    rules: Rules
    heading: str = ""
    opener: str = ""  # of a list or table that is not closed yet
    around: list[tuple[int, str]] = field(default_factory=list)  # JSON: indentation, opener

    def enter(self, text: str) -> None:
        """Read the next line."""
        if self.rules.section is None:
            return
        if self.rules.layout == "json":
            self._enter_json(text)
        elif self._is_heading(text):
            self.heading, self.opener = text, ""
        else:
            self._enter_list(text)

    def weigh(self, text: str) -> Weight:
        """The weight of a changed line here."""
        rules, above = self.rules, self._above()
        if _found(rules.key, text) or any(map(self._is_section, above)):
            return Weight.SURE
        is_told = bool(self.heading) or any(_found(rules.elsewhere, one) for one in above)
        if is_told and rules.section is not None:
            return Weight.NONE
        if _found(rules.line, text):
            return Weight.SURE
        unclear = _found(rules.maybe, text) or any(_found(rules.line, one) for one in above)
        return Weight.MAYBE if unclear else Weight.NONE

    def _above(self) -> list[str]:
        found = [self.heading, self.opener, *(opener for _, opener in self.around)]
        return [text for text in found if text]

    def _is_section(self, heading: str) -> bool:
        """Whether it is ours; one with an escaped character may be."""
        is_hidden = heading is self.heading and "\\" in heading
        return self.rules.section is not None and (is_hidden or _found(self.rules.section, heading))

    def _is_heading(self, text: str) -> bool:
        if self.rules.layout != "ini":
            return _TOML_HEADING.match(text) is not None
        is_indented = text[:1].isspace()  # then it continues a value, if there is one
        return _INI_HEADING.match(text) is not None and (not is_indented or self._is_section(text))

    def _enter_list(self, text: str) -> None:
        opener = _INI_OPENER if self.rules.layout == "ini" else _TOML_OPENER
        if opener.match(text):
            self.opener = text
        elif self.rules.layout != "ini" and _CLOSER.match(text):
            self.opener = ""

    def _enter_json(self, text: str) -> None:
        if not text.strip():
            return
        indent = len(text) - len(text.lstrip())
        while self.around and self.around[-1][0] >= indent:
            self.around.pop()
        if _JSON_OPENER.match(text):
            self.around.append((indent, text))


def _found(pattern: re.Pattern[str] | None, text: str) -> bool:
    return pattern is not None and pattern.search(text) is not None
