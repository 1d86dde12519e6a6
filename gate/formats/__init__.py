"""One module per report format: bytes in, records out, within hard limits."""

from __future__ import annotations

from gate.errors import InputError
from gate.formats import sarif
from gate.records import Report

__all__ = ["read"]

# The first bytes of documents that people hand in by mistake, and what to say.
_NOT_SARIF = (
    (b"\x1f\x8b", "is gzip-compressed; unpack it"),
    (b"PK\x03\x04", "is a zip archive; unpack it"),
    (b"<", "looks like XML"),
    (b"diff --git ", "is a diff"),
)


def read(document_name: str, data: bytes) -> Report:
    """Read a report in whatever known format it has: SARIF 2.1.0 is the only one so far.

    Raises InputError naming the place for anything that is not such a report within the limits.
    """
    for start, what in _NOT_SARIF:
        if data.startswith(start):
            raise InputError(document_name, f"{what}; SARIF 2.1.0 is expected")
    return sarif.read(document_name, data)
