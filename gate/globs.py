"""Globs over repository paths, as the catalogues of ``gate/data`` write them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache


def matches(patterns: Sequence[str], path: str) -> bool:
    """Whether a path meets one of the patterns, whatever the case.

    ``*`` stays within a folder, ``**`` is any number of folders; a pattern may begin in any folder,
    so that ``.bandit`` and ``tests/**`` are found in every part of a large repository.
    """
    return _compiled(tuple(patterns)).fullmatch(path) is not None


@cache
def _compiled(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("(?:.*/)?(?:" + "|".join(map(_regex, patterns)) + ")", re.IGNORECASE)


def _regex(pattern: str) -> str:
    parts = re.split(r"(\*\*/|\*\*|\*)", pattern.removeprefix("**/"))
    meaning = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*"}
    return "".join(meaning.get(part) or re.escape(part) for part in parts)
