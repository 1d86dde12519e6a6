"""Changes that keep an input near to what it is: a report stays JSON, a diff counts its lines.

Bytes changed at random hardly ever get past the first syntax error; a part is left to them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

FOLDER = Path(__file__).parent
ODD = (
    None, True, False, 0, -1, 1, 2, 2**31, -(10**30), 1.0, 1e300, 0.5, "", "\x00", "\ud800", "../x",
    "/", "a/b.py", "file:///a/b", "C:\\a", "%00", "%2e%2e/", "{0}", "e\u0301", "error", "CWE-89",
    "2.1.0", "Bandit", "x" * 17_000, [], {}, [[]], [None], [{}], {"": 0}, {"text": "m", "id": "a"},
)  # fmt: skip
LINES = (
    b" x", b"-x", b"+x", b"", b"-", b"+", b"\\ No newline at end of file", b"@@ -1 +1 @@",
    b"+f(", b"-f(", b"+)", b"-)", b"+'", b"-\"\\\"", b"+-- a", b"-++ b", b"+a = 1\\", b"+a\r", b"-\x00\xff",
)  # fmt: skip
BYTES_ALONE = 0.3

_HUNK = re.compile(rb"@@ -(\d+)(?:,\d+)? \+\d+(?:,\d+)? @@")
Change = Callable[[bytes, Random], bytes | None]


def words(target: str) -> list[bytes]:
    """The tokens of a target's dictionary (libFuzzer's format)."""
    text = FOLDER.joinpath(f"{target}.dict").read_text()
    found = re.findall(r'^"((?:[^"\\]|\\.)+)"$', text, re.MULTILINE)
    return [re.sub(r"\\(.)", r"\1", word).encode() for word in found if "\\x" not in word]


def report(data: bytes, random: Random) -> bytes | None:
    """A report with some of its values changed; None for what is no JSON."""
    try:
        tree = [json.loads(data)]
    except (ValueError, RecursionError):
        return None
    for _ in range(random.randint(1, 4)):
        places = list(_places(tree))
        holder, key = random.choice(places)
        source = random.choice(places)
        _change(holder, key, source[0][source[1]], random)
    return json.dumps(tree[0], ensure_ascii=random.random() < 0.7).encode("utf-8", "replace")


def _change(holder: Any, key: Any, other: Any, random: Random) -> None:
    """One value replaced, taken out, doubled, or given a new member. ``other`` is from elsewhere."""
    value = holder[key]
    step = random.randrange(6)
    if step == 0 and isinstance(holder, dict):
        del holder[key]
    elif step == 1 and isinstance(holder, list):
        holder.insert(key, _copy(value))
    elif step <= 3 and isinstance(value, dict):
        value[random.choice(NAMES)] = _copy(random.choice((other, random.choice(ODD))))
    elif step <= 3 and isinstance(value, list):
        value.append(_copy(random.choice((other, random.choice(ODD)))))
    elif step == 4:
        holder[key] = _copy(other)
    else:
        holder[key] = _copy(random.choice(ODD))


def _copy(value: Any) -> Any:
    return json.loads(json.dumps(value))


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Every value of a tree, as its container and its key."""
    todo = [tree]
    while todo:
        holder = todo.pop()
        for key in list(holder) if isinstance(holder, dict) else range(len(holder)):
            yield holder, key
            if isinstance(holder[key], dict | list):
                todo.append(holder[key])


def diff(data: bytes, random: Random) -> bytes | None:
    """A diff with some of its lines changed, whose hunks mostly count right."""
    lines = data.split(b"\n")
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(lines) + 1)
        step = random.randrange(4)
        if step == 0:
            del lines[at : at + random.randint(1, 3)]
        elif step == 1:
            lines[at:at] = [random.choice(LINES)]
        elif step == 2:
            start = random.randrange(len(lines) + 1)
            lines[at:at] = lines[start : start + random.randint(1, 12)]
        else:
            lines[at:at] = [random.choice(TOKENS)]
    return b"\n".join(_counted(lines) if random.random() < 0.8 else lines)


def _counted(lines: list[bytes]) -> list[bytes]:
    """The same lines behind hunk headers that tell the truth about them."""
    found: list[bytes] = []
    shift = 0
    for number, line in enumerate(lines):
        header = _HUNK.match(line)
        shift = 0 if line.startswith(b"diff ") else shift
        if header:
            line, shift = _header(int(header[1]), lines[number + 1 :], shift)
        found.append(line)
    return found


def _header(start: int, body: list[bytes], shift: int) -> tuple[bytes, int]:
    olds = news = 0
    for line in body:
        if line[:1] not in (b" ", b"+", b"-", b"\\") or line.startswith((b"--- ", b"+++ ")):
            break
        olds += line[:1] in (b" ", b"-")
        news += line[:1] in (b" ", b"+")
    new = start + (olds == 0) + shift - (news == 0)
    return b"@@ -%d,%d +%d,%d @@" % (start, olds, max(0, new), news), shift + news - olds


NAMES = [word.decode().strip('"') for word in words("reader") if word.startswith(b'"')]
TOKENS = words("diff")
CHANGES: dict[str, Change] = {"reader": report, "diff": diff}
