"""Cleaning text at the edge: what a database cannot hold becomes U+FFFD, the same on both engines."""

import re
from typing import Any

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


def clean_json(value: Any) -> Any:
    """Return a JSON value with every text in it cleaned, names of members too."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, list):
        return [clean_json(item) for item in value]
    if isinstance(value, dict):
        return {clean_text(name): clean_json(item) for name, item in value.items()}
    return value
