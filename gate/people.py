"""Who is who: names, mail addresses and logins in the forms in which git and code hosts write them.

Comparing is generous on purpose: two mentions count as one person as soon as a mail address, a
login or a full name agrees, because the question is always whether somebody judges their own work.
Spelling is no difference: case, accents, punctuation, invisible characters, the order of names.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from functools import lru_cache

from gate.catalogue import load

MAX_MENTION = 1_000  # characters of one mention that are looked at
MAX_KEY = 60  # of the key of a trailer, with what stands before it
_MENTION = re.compile(r"^(?P<before>[^<>]*)<\s*(?P<mail>[^<>]*?)\s*>(?P<after>[^<>]*)$")
_MAIL = re.compile(r"[^\s<>()\"',;:/@]+@[^\s<>()\"',;:/@]+")
_COMMENT = re.compile(r"[(\[](?!bot\])([^()\[\]]*)[)\]]")
_ACCOUNTS = (  # of a code host's page, corp\\jane as Windows writes it, github:jane
    re.compile(r"^(?:https?:)?//[^/\s]+/(?:users/|u/)?@?(?P<login>(?:apps/)?[^/\s?#]+)[/?#]*\S*$"),
    re.compile(r"^[\w.-]+[\\:]@?(?P<login>[^\s\\:]+)$"),
)
_NOREPLY = re.compile(
    r"^(?:\d+[+-])?(?P<login>[^@]+)@users\.noreply\.(?:github|gitlab)\.[^@]+$|"
    r"^(?:\d+-)?(?P<other>[^@]+)@(?:noreply|users\.noreply)\.[^@]+$"
)
_QUOTED = " \t>*+#|•-"  # what a line of a message may begin with and still be a trailer
_AND = re.compile(r"\s*[,;&]\s*|\s+and\s+")
_WORD = re.compile(r"[^\W_]+")
# Letters of other alphabets that look like these.
_ALIKE = str.maketrans("аеорсухіјѕԁһԛԝαορνικυ", "aeopcyxijsdhqwaopviku")
_IMPERSONAL = {
    "noreply", "no-reply", "info", "admin", "root", "git", "support", "bot", "mail", "unknown",
}  # fmt: skip
_TITLES = {"dr", "prof", "mr", "mrs", "ms", "mx", "sir", "herr", "frau", "ing", "phd", "msc", "jr"}
_ROLES = {
    "security", "team", "lead", "reviewer", "review", "contractor", "external", "extern", "intern",
    "consultant", "maintainer", "developer", "engineer", "engineering", "ops", "platform",
    "group", "department", "inc", "ltd", "gmbh", "on", "behalf", "of", "via", "the", "at", "for",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Person:
    """One mention of somebody. Every part is folded for comparing; empty where it is not given."""

    name: str = ""
    mail: str = ""
    login: str = ""
    said: str = field(default="", compare=False)  # the name as it was written, brackets and all

    def is_same(self, other: Person) -> bool:
        """Whether the two mentions may be one person: mail, login or full name agree."""
        return not self.keys().isdisjoint(other.keys())

    def identity(self) -> str:
        """What two mentions must share to be surely one person: mail, else login, else name."""
        return self.mail or self.login or self.name

    def keys(self) -> frozenset[str]:
        """What the person is known by. A mail's local part counts as a possible login."""
        return _keys(self.name, self.mail, self.login)


@lru_cache(maxsize=4096)
def _keys(name: str, mail: str, login: str) -> frozenset[str]:
    local, _, host = mail.partition("@")
    local = local.partition("+")[0]
    keys = {f"{_squeezed(local)}@{host}"} if host else set()
    if local not in _IMPERSONAL:
        keys |= _spellings(local)
    keys |= _spellings(login) | _spellings(name)
    return frozenset(keys - {"", "unknown"})


def _spellings(text: str) -> set[str]:
    """A name or login without what spelling may change; also with its words in order."""
    words = _words(text)
    full = [word for word in words if len(word) > 1 and word not in _TITLES]
    if len(full) > 1:  # titles and initials of a name
        words = full
    return {"".join(words), "".join(sorted(words))}


def _squeezed(text: str) -> str:
    return "".join(_words(text))


def _words(text: str) -> list[str]:
    bare = unicodedata.normalize("NFKD", text.removesuffix("[bot]").translate(_ALIKE))
    return _WORD.findall("".join(char for char in bare if not unicodedata.combining(char)))


@lru_cache(maxsize=4096)
def person(text: str) -> Person:
    """Read ``Name <mail>``, ``mail (Name)``, a mail, ``@login``, a profile's address or ``login``."""
    folded = _folded(text[:MAX_MENTION]).strip(" \t\r\n\"'`.,;")
    mention = _MENTION.match(folded)
    if mention:
        rest, mail = f"{mention['before']} {mention['after']}", _mail(mention["mail"])
    else:
        found = _MAIL.search(folded)
        mail = found[0].strip(".") if found else ""
        rest = folded.replace(found[0], " ").replace("mailto:", " ") if found else folded
    name, aside = _parted(rest)
    aside, said = aside if _is_name(aside) else "", " ".join(rest.split())
    if mail:
        return Person(name or aside, mail, _login(mail), said)
    if " " in name or mention:
        return Person(name, "", "", said)
    return Person(aside, "", _account(name), said)


def _folded(text: str) -> str:
    """Text in one spelling (NFKC), in small letters, without characters that cannot be seen."""
    flat = unicodedata.normalize("NFKC", text)
    kept = "".join(char for char in flat if unicodedata.category(char) not in ("Cf", "Co", "Cn"))
    return unicodedata.normalize("NFKC", kept.casefold())


def _mail(text: str) -> str:
    found = _MAIL.search(text)
    return found[0].strip(".") if found else ""


def _parted(text: str) -> tuple[str, str]:
    """A name without its quotes and without what stands in brackets, and that."""
    comments = " ".join(_COMMENT.findall(text)).strip(" @\"'")
    bare = re.sub(r"\(\s*\)|<\s*>", " ", _COMMENT.sub(" ", text))
    return " ".join(bare.split()).strip("\"'`.,;:<> "), comments


def _account(text: str) -> str:
    """The login of ``@login``, of a page of a code host, or of ``corp\\login``; an app's with its mark."""
    match = next(filter(None, (form.match(text) for form in _ACCOUNTS)), None)
    login = (match["login"] if match else text).removeprefix("@")
    app = login.removeprefix("app/").removeprefix("apps/")
    return login if app == login or not app else f"{app.removesuffix('[bot]')}[bot]"


def _is_name(text: str) -> bool:
    """Whether what stands in brackets beside a login is a name, and not what somebody is."""
    words = _words(text)
    return len(words) > 1 and _ROLES.isdisjoint(words)


def co_authors(message: str) -> tuple[str, ...]:
    """The people whom a commit message names as authors, as they are written there.

    The keys of such trailers are in ``data/authorship.json``. A quoted or indented trailer counts.
    """
    return _named(message, _hands())


def signers(message: str) -> tuple[str, ...]:
    """The people of the ``Signed-off-by`` trailers: authors, or who passed the change on."""
    return _named(message, frozenset({"signed-off-by"}))


def _named(message: str, keys: frozenset[str]) -> tuple[str, ...]:
    found: list[str] = []
    lines = message.splitlines()
    for line, after in zip(lines, [*lines[1:], ""], strict=False):
        key, colon, value = unicodedata.normalize("NFKC", line[:MAX_MENTION]).partition(":")
        if not colon or len(key) > MAX_KEY or _key(key) not in keys:
            continue
        if not value.strip() and after[:1] in (" ", "\t"):  # git folds long trailers
            value = after
        found += _people(value.strip())
    return tuple(found)


def _key(text: str) -> str:
    return _folded(text).strip(_QUOTED).replace(" ", "-").replace("_", "-")


def _people(text: str) -> list[str]:
    """Each of the people that one trailer names."""
    parts = [text]
    if len(_MAIL.findall(text)) > 1:
        parts = _AND.split(text)
    elif ";" in text or "&" in text:
        parts = _AND.split(text)
    return [part for part in parts if part]


def is_bot_login(who: Person) -> bool:
    """Whether the login or name carries the mark that code hosts keep for applications."""
    return any(part.endswith("[bot]") for part in (who.login, who.name))


def _login(mail: str) -> str:
    match = _NOREPLY.match(mail)
    if not match:
        return ""
    return match["login"] or match["other"] or ""


@lru_cache(maxsize=1)
def _hands() -> frozenset[str]:
    return frozenset(row["key"] for row in load("authorship.json")["hands"])
