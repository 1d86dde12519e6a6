"""Closures from elsewhere, for the question whether fixes were scanned. See docs/how-to/move-in.md."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from core.errors import Refused
from gate.errors import InputError
from gate.formats.content import Content, File
from scans.history import HistorySource
from scans.management.commands.move_in import add_columns, columns_of
from scans.services.history import Files, import_history
from scopes.models import Asset, Scope

UNUSABLE = 3


class Command(BaseCommand):
    help = (
        "Keep what was closed elsewhere: all of a file or nothing, never as findings. Exit status 3: the "
        "files or the call cannot be used."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("scope", help="its slug")
        parser.add_argument("file", type=Path, help="closures: alerts of GitHub, findings, a table")
        parser.add_argument(
            "--from", dest="source", required=True, choices=[s.value for s in HistorySource]
        )
        parser.add_argument("--pulls", type=Path, help="of GitHub: its pull requests, as JSON")
        parser.add_argument("--analyses", type=Path, help="of GitHub: its analyses, as JSON")
        parser.add_argument("--asset", default="", help="whose they are, by name")
        parser.add_argument("--tool", default="", help="of all, where the file names none")
        add_columns(parser)
        parser.add_argument("--dry-run", action="store_true", help="count, and write nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        scope = Scope.objects.filter(slug=options["scope"]).first()
        if scope is None:
            raise CommandError(f"there is no scope {options['scope']!r}", returncode=UNUSABLE)
        asset = None
        if options["asset"]:
            asset = Asset.objects.filter(scope=scope, name=options["asset"]).first()
            if asset is None:
                raise CommandError(f"there is no asset {options['asset']!r}", returncode=UNUSABLE)
        try:
            pulls, analyses = (
                _named(options[name]) if options[name] else None for name in ("pulls", "analyses")
            )
            told = import_history(
                scope=scope, source=HistorySource(options["source"]), by=None, at=timezone.now(),
                files=Files(_named(options["file"]), pulls, analyses), asset=asset,
                columns=columns_of(options["column"]), tool=options["tool"],
                dry_run=options["dry_run"],
            )  # fmt: skip
        except (Refused, InputError, OSError) as error:
            raise CommandError(str(error), returncode=UNUSABLE) from error
        self.stdout.write(json.dumps(asdict(told)))


def _named(path: Path) -> tuple[str, Content]:
    return path.name, File(path)
