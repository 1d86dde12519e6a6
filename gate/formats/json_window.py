"""A window that moves forward over the text of a JSON document and decodes the value before it.

Holds what is being decoded and little more: it grows while a value does not fit and forgets what
lies behind it. Which values are wanted, and what is refused, is decided by its owner.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any, NoReturn

from gate.formats import json_scan

WALK = 1 << 22  # characters: a container that does not fit may be walked through instead,
MOST_AT_ONCE = 200_000  # and so may one that seems to hold more values than this

Scanner = Callable[[str, int], tuple[Any, int]]

_SPACE = re.compile(r"[ \t\n\r]*")
_NEXT = re.compile(r"[ \t\n\r]*,[ \t\n\r]*(?=[^ \t\n\r])")
_NUMBER = re.compile(r"[-+.0-9eE]*")
_LONGEST_TOKEN = 16  # more than -Infinity, or the escape of a surrogate pair


class Miss(Enum):
    """Why no value was decoded: it does not fit, is larger than allowed, or is no JSON."""

    UNFIT = "unfit"
    LARGE = "large"
    BROKEN = "broken"


class Window:
    """``text`` from the window's start, ``at`` the position in it, ``length`` that of the value
    decoded last. Blocks that are no UTF-8 are told to ``refuse``, with the offset, which raises."""

    __slots__ = (
        "_base", "_blocks", "_known", "_refuse", "_rest", "_unread", "at", "ended", "error", "length",
        "text",
    )  # fmt: skip

    def __init__(
        self, blocks: Iterator[bytes], base: int, refuse: Callable[[int, str], NoReturn]
    ) -> None:
        self.text = ""
        self.at = 0
        self.length = 0
        self.ended = False
        self.error = 0, ""  # position and reason of the last BROKEN
        self._blocks = blocks
        self._base = base
        self._known = 0, base  # a position in the text and its offset
        self._unread = base  # offset of the next block
        self._rest = b""  # bytes of a character that the last block did not end
        self._refuse = refuse

    def offset(self, at: int | None = None) -> int:
        """The byte offset, in the document, of a position in the text."""
        at = self.at if at is None else at
        if self.text.isascii():
            return self._base + at
        # From the place that was asked for last: from the start each time would be quadratic.
        known, offset = self._known if at >= self._known[0] else (0, self._base)
        offset += len(self.text[known:at].encode())
        self._known = at, offset
        return offset

    def more(self) -> bool:
        """Forget what lies behind and read on, to at least double the text; False at the end."""
        if self.ended:
            return False
        self._base = self.offset()
        kept = self.text[self.at :]
        self.at = 0
        pieces = [kept]
        wanted = max(1, len(kept))
        while wanted > 0 and not self.ended:
            pieces.append(self._piece())
            wanted -= len(pieces[-1])
        self.text = "".join(pieces)
        self._known = 0, self._base
        return len(self.text) > len(kept)

    def _piece(self) -> str:
        block = next(self._blocks, b"")
        self.ended = not block
        known = self._rest + block if self._rest else block
        try:
            piece, read = codecs.utf_8_decode(known, "strict", self.ended)
        except UnicodeDecodeError as error:
            offset = self._unread - len(self._rest) + error.start
            self._refuse(offset, f"not UTF-8: {error.reason}")
        self._unread += len(block)
        self._rest = known[read:]
        return piece

    def skip(self) -> str:
        """Go past white space; the character there, nothing at the end of the document."""
        while True:
            found = _SPACE.match(self.text, self.at)
            self.at = found.end() if found else self.at
            if self.at < len(self.text):
                return self.text[self.at]
            if not self.more():
                return ""

    def next(self) -> bool:
        """Go past a comma and to what follows it; False, with nothing passed, for all else."""
        found = _NEXT.match(self.text, self.at)
        if found:
            self.at = found.end()
            return True
        if self.skip() != ",":
            return False
        self.at += 1
        self.skip()
        return True

    def decode(self, scan: Scanner, most: int, most_values: int, *, whole: bool) -> Any:
        """The value that starts here, which is then passed; or a Miss, with nothing passed.

        ``whole``: it must fit, up to ``most`` characters; else containers may be UNFIT.
        """
        miss = None
        while miss is None:
            try:
                value, end = scan(self.text, self.at)
            except StopIteration as stop:
                self.error = stop.value, "not JSON: Expecting value"
            except json.JSONDecodeError as error:
                self.error = error.pos, f"not JSON: {error.msg}"
            except (ValueError, RecursionError) as error:
                if self._goes_on():
                    continue
                self.error = self.at, f"in the value that starts here: {error}"
                return Miss.BROKEN
            else:
                self.length = end - self.at
                if self.length <= most and self._is_ended(end):
                    self.at = end
                    return value
                self.error = end, "not JSON: Expecting value"
            miss = self._missed(most, most_values, whole=whole)
        return miss

    def _goes_on(self) -> bool:
        """Whether the window held the beginning of a number, and now holds more of it."""
        return _NUMBER.fullmatch(self.text, self.at) is not None and self.more()

    def _is_ended(self, end: int) -> bool:
        """Whether a value ends here, and is no number that goes on (``1`` of ``1e`` of ``1e+9``)."""
        return end + 2 < len(self.text) or self.ended or not self.text[end - 1].isdigit()

    def _missed(self, most: int, most_values: int, *, whole: bool) -> Miss | None:
        """What an error means here; None if the window has grown and decoding may be tried again."""
        position, reason = self.error
        unread = len(self.text) - self.at
        if position - self.at > most:
            return Miss.LARGE
        if self._is_certain(position, reason):
            return Miss.BROKEN
        if not whole and unread >= WALK:
            return Miss.UNFIT
        if unread > most:
            return Miss.LARGE
        self.more()
        if not whole and json_scan.values(self.text, MOST_AT_ONCE) > MOST_AT_ONCE:
            return Miss.UNFIT
        if len(self.text) > WALK and json_scan.values(self.text, most_values) > most_values:
            return Miss.LARGE
        return None

    def _is_certain(self, position: int, reason: str) -> bool:
        """Whether an error stays one whatever follows the window."""
        if self.ended:
            return True
        return "Unterminated" not in reason and position + _LONGEST_TOKEN < len(self.text)
