"""Who is who: names, mail addresses and logins in the forms in which git and code hosts write them.

Comparing is generous on purpose: two mentions count as one person as soon as a mail address, a
login or a full name agrees, because the question is always whether somebody judges their own work.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_PERSON = re.compile(r"^\s*(?P<name>[^<>]*?)\s*<(?P<mail>[^<>\s]+@[^<>\s]+)>\s*$")
_MAIL = re.compile(r"^[^<>\s@]+@[^<>\s@]+$")
_NOREPLY = re.compile(
    r"^(?:\d+[+-])?(?P<login>[^@]+)@users\.noreply\.(?:github|gitlab)\.[^@]+$|"
    r"^(?:\d+-)?(?P<other>[^@]+)@(?:noreply|users\.noreply)\.[^@]+$"
)
_CO_AUTHOR = re.compile(r"^co-authored-by:[ \t]*(.+)$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Person:
    """One mention of somebody. Every part is folded for comparing; empty where it is not given."""

    name: str = ""
    mail: str = ""
    login: str = ""

    def is_same(self, other: Person) -> bool:
        """Whether the two mentions may be one person: mail, login or full name agree."""
        return not self.keys().isdisjoint(other.keys())

    def keys(self) -> set[str]:
        """What the person is known by. A mail's local part counts as a possible login."""
        local = self.mail.partition("@")[0].partition("+")[0] if self.mail else ""
        keys = {self.mail, self.login, self.name}
        if self.mail:
            keys |= {f"{local}@{self.mail.partition('@')[2]}"}
        if local not in _IMPERSONAL:
            keys.add(local)
        return keys - {"", "unknown"}


_IMPERSONAL = {"noreply", "no-reply", "info", "admin", "root", "git", "support", "bot", "mail"}


def person(text: str) -> Person:
    """Read ``Name <mail>``, a bare mail address, ``@login`` or ``login``."""
    folded = unicodedata.normalize("NFKC", text).casefold().strip()
    match = _PERSON.match(folded)
    if match:
        name, mail = " ".join(match["name"].split()), match["mail"]
        return Person(name, mail, _login(mail))
    if _MAIL.match(folded):
        return Person("", folded, _login(folded))
    bare = " ".join(folded.removeprefix("@").split())
    return Person(bare if " " in bare else "", "", "" if " " in bare else bare)


def co_authors(message: str) -> tuple[str, ...]:
    """The people of the ``Co-authored-by`` trailers of a commit message, as they are written."""
    return tuple(match.strip() for match in _CO_AUTHOR.findall(message))


def is_bot_login(who: Person) -> bool:
    """Whether the login or name carries the mark that code hosts keep for applications."""
    return any(part.endswith("[bot]") for part in (who.login, who.name))


def _login(mail: str) -> str:
    match = _NOREPLY.match(mail)
    if not match:
        return ""
    return match["login"] or match["other"] or ""
