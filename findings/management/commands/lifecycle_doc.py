"""docs/lifecycle.md, written from the table of transitions that the program runs by."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from findings.lifecycle import TRANSITIONS, Transition
from findings.statuses import ENDED, OPEN, Status

HEAD = """\
# Lifecycle of a finding

Generated from `findings/lifecycle.py` by `manage.py lifecycle_doc --write`; do not edit. `make check`
compares this page with the code.

Open: {open}.
Ended: {ended}.
Only the gate completes a finding; no role and no argument does.
"""
ANY_OPEN = "any_open"


class Command(BaseCommand):
    help = "Print docs/lifecycle.md from the table of transitions, compare it with the file, or write it."

    def add_arguments(self, parser: CommandParser) -> None:
        choice = parser.add_mutually_exclusive_group()
        choice.add_argument("--check", action="store_true", help="status 1 if the file differs")
        choice.add_argument("--write", action="store_true", help="write the file")

    def handle(self, *args: Any, check: bool, write: bool, **options: Any) -> None:
        path = Path(settings.BASE_DIR) / "docs" / "lifecycle.md"
        page = document()
        if write:
            path.parent.mkdir(exist_ok=True)
            path.write_text(page, encoding="utf-8")
        elif not check:
            self.stdout.write(page, ending="")
        elif not path.exists() or path.read_text(encoding="utf-8") != page:
            raise CommandError("docs/lifecycle.md is not what the code says; write it: "
                               "manage.py lifecycle_doc --write")  # fmt: skip


def document() -> str:
    """Return the page: a state diagram and a table with one line per transition."""
    head = HEAD.format(open=_labels(OPEN), ended=_labels(ENDED))
    diagram = "\n".join(["```mermaid", "stateDiagram-v2", *_diagram(), "```"])
    return "\n".join([head, diagram, "", *_table(), ""])


def _labels(statuses: tuple[Status, ...]) -> str:
    return ", ".join(status.label for status in statuses)


def _diagram() -> Iterator[str]:
    """One arrow per pair of states; what is possible from every open one starts at a state for all."""
    yield f'    state "any open state" as {ANY_OPEN}'
    yield f"    [*] --> {Status.DISCOVERED.value}"
    arrows: dict[tuple[str, str], list[str]] = {}
    for row in TRANSITIONS:
        sources = [source.value for source in _in_order(row)]
        for source in [ANY_OPEN] if row.sources == set(OPEN) else sources:
            arrows.setdefault((source, row.target.value), []).append(row.name)
    for (source, target), names in arrows.items():
        yield f"    {source} --> {target}: {', '.join(names)}"


def _in_order(row: Transition) -> list[Status]:
    return [status for status in Status if status in row.sources]


def _table() -> Iterator[str]:
    yield "| transition | from | to | who | must hold | a form asks for |"
    yield "|---|---|---|---|---|---|"
    for row in TRANSITIONS:
        who = f"`{row.permission.value}`" if row.permission else "the system"
        guards = ", ".join(_words(guard.__name__) for guard in row.guards)
        needs = ", ".join(f"`{name}`" for name in row.needs)
        sources = _labels(tuple(_in_order(row)))
        cells = (f"`{row.name}` {row.label}", sources, row.target.label, who, guards, needs)
        yield f"| {' | '.join(cells)} |"


def _words(name: str) -> str:
    return name.removeprefix("check_").replace("_", " ")
