"""Cleaning text at the edge: what a database cannot hold becomes U+FFFD, the same on both engines."""

import re

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def clean_text(value: str, limit: int | None = None) -> str:
    """Return ``value`` without NUL and lone surrogates, cut to ``limit`` characters with a mark."""
    value = _UNSTORABLE.sub("\ufffd", value)
    if limit is not None and len(value) > limit:
        value = value[: limit - 1] + "…"
    return value


def is_clean(value: str) -> bool:
    """Whether ``value`` can be stored as it is."""
    return _UNSTORABLE.search(value) is None
