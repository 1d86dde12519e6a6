"""Telling the demo on a terminal: chapters, expectations that held or did not, the time it took."""

import sys
import textwrap
import time
from collections.abc import Iterable, Sequence

WIDTH = 100
GREEN, RED, BOLD, DIM, PLAIN = "\033[32m", "\033[31m", "\033[1m", "\033[2m", "\033[0m"


class Narrator:
    """Prints line by line and counts what did not hold. Colour on a terminal only."""

    def __init__(self) -> None:
        self.held = self.failed = 0
        self._began = self._chapter_began = time.monotonic()
        self._colour = sys.stdout.isatty()

    def chapter(self, number: int, title: str) -> None:
        """Start a chapter; the time of the one before stands in its last line."""
        self._print(f"\n{self._in(BOLD, f'{number:>2}  {title}')}")

    def expect(self, held: bool, sentence: str, why_not: str = "") -> None:
        """Say what was expected and whether it held; ``why_not`` is shown if it did not."""
        self.held, self.failed = self.held + held, self.failed + (not held)
        mark = self._in(GREEN, "✓") if held else self._in(RED, "✗")
        self._wrapped(f"    {mark} ", sentence, " " * 6)
        if not held and why_not:
            for line in why_not.strip().splitlines():
                self._wrapped("        ", line, " " * 8)

    def quote(self, sentence: str) -> None:
        """Show what the product says, in its own words."""
        self._wrapped("      “", f"{sentence}”", " " * 7)

    def rows(self, rows: Iterable[Sequence[object]]) -> None:
        """Show a small table with its columns aligned."""
        table = [[str(cell) for cell in row] for row in rows]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        for row in table:
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            self._print(self._in(DIM, f"        {'  '.join(cells).rstrip()}"))

    def close(self) -> int:
        """Print the sum; return the exit status."""
        seconds = time.monotonic() - self._began
        if self.failed:
            said = self._in(
                RED, f"✗ {self.failed} of {self.held + self.failed} expectations did not hold"
            )
        else:
            said = self._in(GREEN, f"✓ all {self.held} expectations held")
        self._print(f"\n{said}, in {seconds:.1f} s")
        return 1 if self.failed else 0

    def _wrapped(self, start: str, text: str, indent: str) -> None:
        lines = textwrap.wrap(
            text, WIDTH - len(indent), break_on_hyphens=False, break_long_words=False
        ) or [""]
        self._print(start + f"\n{indent}".join(lines))

    def _in(self, colour: str, text: str) -> str:
        return f"{colour}{text}{PLAIN}" if self._colour else text

    def _print(self, text: str) -> None:
        print(text, flush=True)
