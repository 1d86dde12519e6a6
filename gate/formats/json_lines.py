"""JSON Lines: one JSON document a line, each read with the same care as a whole one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gate.errors import InputError
from gate.formats import content as contents
from gate.formats.content import Content
from gate.formats.json_text import Document
from gate.formats.limits import Limits

LONGEST_LOOK = 1 << 22  # bytes of a first line that is looked at


def first_line(content: Content) -> bytes:
    """The first line, if more than white space follows it; nothing where it is too long."""
    held = b""
    for block in contents.blocks(content):
        held += block
        line, end, rest = held.lstrip().partition(b"\n")
        if end and rest.strip():
            return line
        if len(held) > LONGEST_LOOK:
            return b""
    return b""


def values(content: Content, name: str, limits: Limits) -> Iterator[Any]:
    """The value of each line that is not empty. Raises InputError naming the line."""
    count = 0
    for number, line in enumerate(_lines(content, name, limits), 1):
        if not line.strip():
            continue
        if count == limits.results:
            what = f"more lines than allowed ({count + 1} > {limits.results})"
            raise InputError(f"{name} line {number}", what)
        count += 1
        yield Document(line, f"{name} line {number}", limits).load()


def _lines(content: Content, name: str, limits: Limits) -> Iterator[bytes]:
    held: list[bytes] = []
    length = 0
    for block in contents.blocks(content):
        *whole, rest = block.split(b"\n")
        for line in whole:
            yield b"".join((*held, line))
            held, length = [], 0
        held.append(rest)
        length += len(rest)
        if length > limits.element:
            raise InputError(name, f"a line longer than allowed (> {limits.element} bytes)")
    if length:
        yield b"".join(held)
