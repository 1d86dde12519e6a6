"""Open findings of another tracker with what people decided there. See docs/how-to/move-in.md."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from core.errors import Refused
from core.models import User
from gate.errors import InputError
from gate.formats.content import File
from scans.history import HistorySource
from scans.services.moving_in import MovedIn, line_named, move_in
from scopes.models import Asset

UNUSABLE = 3


class Command(BaseCommand):
    help = (
        "Take over open findings of another tracker: all of a file or nothing. Exit status 3: the file "
        "or the call cannot be used."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("scope", help="its slug")
        parser.add_argument("asset", help="its name")
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--from", dest="source", required=True, choices=[s.value for s in HistorySource]
        )
        parser.add_argument(
            "--by", required=True, metavar="USER", help="who asks for what was decided there"
        )
        parser.add_argument("--line", default="", help="the branch; left out: the default one")
        parser.add_argument("--tool", default="", help="of all findings, where the file names none")
        parser.add_argument("--category", default="", help="that of the scans to come")
        add_columns(parser)
        parser.add_argument("--dry-run", action="store_true", help="count, and write nothing")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        asset = Asset.objects.filter(scope__slug=options["scope"], name=options["asset"]).first()
        by = User.objects.filter(username=options["by"], is_active=True).first()
        if asset is None:
            raise CommandError("there is no such asset in such a scope", returncode=UNUSABLE)
        if by is None:
            raise CommandError(f"there is no user {options['by']!r}", returncode=UNUSABLE)
        try:
            told = move_in(
                line=line_named(asset, options["line"]), source=HistorySource(options["source"]),
                name=options["file"].name, content=File(options["file"]), by=by,
                at=timezone.now(), columns=columns_of(options["column"]), tool=options["tool"],
                category=options["category"], dry_run=options["dry_run"],
            )  # fmt: skip
        except (Refused, InputError, OSError) as error:
            raise CommandError(str(error), returncode=UNUSABLE) from error
        self.stdout.write(json.dumps(asdict(told)) if options["json"] else _text(told))


def add_columns(parser: CommandParser) -> None:
    parser.add_argument(
        "--column", action="append", default=[], metavar="OURS=THEIRS",
        help="of a table: which of its columns stands for which of ours",
    )  # fmt: skip


def columns_of(told: list[str]) -> dict[str, str]:
    """``key=Issue`` taken apart. Raises CommandError."""
    found = {}
    for part in told:
        ours, sign, theirs = part.partition("=")
        if not sign:
            raise CommandError(f"--column {part!r} must be OURS=THEIRS", returncode=UNUSABLE)
        found[ours.strip()] = theirs.strip()
    return found


def _text(told: MovedIn) -> str:
    lines = [
        f"{told.rows} rows: {told.new} new findings, {told.matched} that scans had found, "
        f"{told.known} that came before"
    ]
    lines += [f"  {n} {name}" for name, n in sorted(told.counts.items()) if n]
    lines += [f"  {n} of {tool}" for tool, n in told.tools.items()]
    lines += [f"  {n} left alone: {why}" for why, n in told.skipped.items()]
    if told.history and (told.history.new or told.history.changed or told.history.unchanged):
        history = told.history
        lines.append(f"  history: {history.new} new, {history.changed} changed, "
                     f"{history.unchanged} as before")  # fmt: skip
    lines += [f"  {problem}" for problem in told.problems]
    return "\n".join([*lines, "nothing was written: a dry run"] if told.dry_run else lines)
