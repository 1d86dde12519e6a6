"""Where a document's bytes come from: memory, or a file that is read in blocks and never whole.

A file is read more than once (checked first, decoded later), and others may write to it meanwhile:
each block's digest is kept from its first reading, and a block that differs later is refused. No
mmap: mapped pages count as memory of the process. Knows nothing of encodings or formats.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from gate.errors import InputError

BLOCK = 1 << 18  # bytes that are read together


class File:
    """A regular file. Raises InputError, naming the path, where it cannot be read."""

    __slots__ = ("_block", "_digests", "path", "size")

    def __init__(self, path: str | Path) -> None:
        self.path = str(path)
        self._block = BLOCK
        self._digests: list[bytes] = []
        try:
            with open(path, "rb") as file:
                self.size = os.fstat(file.fileno()).st_size
        except (OSError, ValueError) as error:
            raise _unreadable(self.path, error) from None

    def blocks(self, start: int = 0) -> Iterator[bytes]:
        """The bytes from ``start`` on, block by block."""
        number = start // self._block
        skipped = start % self._block
        try:
            with open(self.path, "rb", buffering=0) as file:
                file.seek(number * self._block)
                for at in range(number * self._block, self.size, self._block):
                    block = _read(file.fileno(), min(self._block, self.size - at))
                    self._compare(at // self._block, block)
                    yield block[skipped:] if skipped else block
                    skipped = 0
        except OSError as error:
            raise _unreadable(self.path, error) from None

    def _compare(self, number: int, block: bytes) -> None:
        digest = hashlib.sha256(block).digest()
        if number == len(self._digests):
            self._digests.append(digest)
        elif number > len(self._digests) or self._digests[number] != digest:
            raise InputError(self.path, "was changed while it was read")


Content = bytes | File


def opened(path: str, most: int) -> Content:
    """A regular file to be read in blocks; the bytes, at most ``most``, of a pipe or device."""
    try:
        if stat.S_ISREG(os.stat(path).st_mode):
            return File(path)
        with open(path, "rb") as file:
            data = file.read(most + 1)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None
    if len(data) > most:
        raise InputError(path, f"more than {most} bytes")
    return data


def size(content: Content) -> int:
    """The number of bytes."""
    return len(content) if isinstance(content, bytes) else content.size


def blocks(content: Content, start: int = 0) -> Iterator[bytes]:
    """The bytes from ``start`` on, block by block."""
    if isinstance(content, File):
        return content.blocks(start)
    return (content[at : at + BLOCK] for at in range(start, len(content), BLOCK))


def whole(content: Content) -> bytes:
    """All bytes at once."""
    return content if isinstance(content, bytes) else b"".join(content.blocks())


def head(content: Content) -> bytes:
    """The first bytes: enough to tell formats and encodings apart."""
    return b"".join(block for _, block in zip(range(16), blocks(content), strict=False))[:16]


def _read(handle: int, wanted: int) -> bytes:
    """So many bytes; fewer only where the file ends earlier than it did."""
    found = os.read(handle, wanted)
    while found and len(found) < wanted:
        more = os.read(handle, wanted - len(found))
        if not more:
            break
        found += more
    return found


def _unreadable(path: str, error: Exception) -> InputError:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return InputError(path, f"cannot be read ({reason})")
