"""Unicode's composed form (NFC) of texts from anywhere, in linear time.

Normalising sorts the marks that stand on one letter, and takes the square of their number: a
second for an address of 12,000 characters, of which a report may hold a million.
"""

from __future__ import annotations

import unicodedata

MOST_MARKS = 30  # on one letter: no language has more (UAX 15, stream-safe text)

_MARKS = "\u0f73\u0f75\u0f81"  # that are told to be letters, and come apart into marks


def composed(text: str) -> str | None:
    """The text in NFC; None where more marks stand in a row than on any letter."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", text) if is_safe(text) else None


def is_safe(text: str) -> bool:
    """Whether a text has no more marks in a row than can be sorted in no time."""
    row = 0
    for char in text:
        row = row + 1 if unicodedata.combining(char) or char in _MARKS else 0
        if row > MOST_MARKS:
            return False
    return True
