"""One module per report format: bytes in, or a file; records out, within hard limits."""

from __future__ import annotations

from gate.errors import InputError
from gate.formats import content as contents
from gate.formats import sarif
from gate.formats.content import Content
from gate.formats.sarif_uris import Absolute
from gate.records import Report

__all__ = ["read"]

# The first bytes of documents that people hand in by mistake, and what to say.
_NOT_SARIF = (
    (b"\x1f\x8b", "is gzip-compressed; unpack it"),
    (b"PK\x03\x04", "is a zip archive; unpack it"),
    (b"<", "looks like XML"),
    (b"diff --git ", "is a diff"),
)


def read(document_name: str, content: Content, roots: tuple[Absolute, ...] = ()) -> Report:
    """Read a report in whatever known format it has: SARIF 2.1.0 is the only one so far.

    ``content``: the bytes, or a file, which is never held whole. ``roots``: folders that absolute
    addresses may lie in (``gate.roots``). Raises
    InputError naming the place for anything that is not such a report within the limits.
    """
    first = contents.head(content)
    for start, what in _NOT_SARIF:
        if first.startswith(start):
            raise InputError(document_name, f"{what}; SARIF 2.1.0 is expected")
    return sarif.read(document_name, content, roots=roots)
