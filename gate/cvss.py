"""CVSS vectors as reports tell them, and the CVEs that a result is about. Reads words, works out no score."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import islice
from typing import Any

from gate.records import Result

LONGEST = 200  # characters of a vector
MOST_CVES = 50  # of one result

_VECTOR = re.compile(
    r"(?P<version>CVSS:4\.0|CVSS:3\.1|CVSS:3\.0|(?=AV:[LAN]/AC:[LMH]/Au:))"
    r"(?:/?[A-Za-z]{1,3}:[A-Za-z]{1,5})(?:/[A-Za-z]{1,3}:[A-Za-z]{1,5}){1,40}"
)
_NEWEST = ("CVSS:4.0", "CVSS:3.1", "CVSS:3.0", "")
_CVE = re.compile(r"(?<![A-Za-z0-9])CVE-[0-9]{4}-[0-9]{4,19}(?![0-9])", re.IGNORECASE)


def best_vector(words: Iterable[str]) -> str:
    """Return the vector of the newest version among texts, the first of several; empty: none is one."""
    best, rank = "", len(_NEWEST)
    for word in words:
        if len(word) > LONGEST + 2:
            continue
        told = word.strip(" ()/")
        found = _VECTOR.fullmatch(told)
        if found and len(told) <= LONGEST and (place := _NEWEST.index(found["version"])) < rank:
            best, rank = told, place
    return best


def vector_of(properties: dict[str, Any]) -> str:
    """Return the vector in a bag of properties, of whatever name that speaks of CVSS."""
    return best_vector(_told(properties))


def _told(properties: dict[str, Any]) -> Iterable[str]:
    for key, value in properties.items():
        if "cvss" not in key.casefold():
            continue
        if type(value) is str:
            yield value
        elif type(value) is dict:
            yield from (word for word in islice(value.values(), 20) if type(word) is str)


def cves_in(words: Iterable[str]) -> tuple[str, ...]:
    """Return the CVEs that texts name, in capitals, each once, in their order."""
    found = (name.upper() for word in words for name in _CVE.findall(word))
    return tuple(islice(dict.fromkeys(found), MOST_CVES))


def cves_of(result: Result) -> tuple[str, ...]:
    """Return the CVEs that a result is about: its rule (``CVE-2021-44228-log4j-core``) and other names."""
    return _named(result.rule, result.aliases)


@lru_cache(maxsize=4096)
def _named(rule: str, aliases: tuple[str, ...]) -> tuple[str, ...]:
    """Very many results share few rules."""
    return cves_in((rule, *aliases))
