"""Assets from a file: CSV, or an organisation's repositories as GitHub or GitLab list them."""

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from core.errors import Refused
from scopes.asset_files import FileFormat
from scopes.models import Scope
from scopes.services.importing import Outcome, import_assets


class Command(BaseCommand):
    help = (
        "Create and change the assets of a scope as a file tells: all or nothing. - reads from a pipe. "
        "Columns and formats: docs/scoping.md."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("scope", help="its short name")
        parser.add_argument("file", help="CSV or JSON; - for a pipe")
        parser.add_argument("--format", choices=[f.value for f in FileFormat], default="")
        parser.add_argument("--dry-run", action="store_true", help="say what it would do")

    def handle(self, *args: Any, scope: str, file: str, **options: Any) -> None:
        found = Scope.objects.filter(slug=scope).first()
        if found is None:
            raise CommandError(f"there is no scope with the short name {scope!r}")
        try:
            data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
            outcome = import_assets(
                scope=found, data=data, by=None, at=timezone.now(),
                file_format=options["format"], dry_run=options["dry_run"],
            )  # fmt: skip
        except (OSError, Refused) as error:
            raise CommandError(str(error)) from error
        self._say(outcome, dry_run=options["dry_run"])

    def _say(self, outcome: Outcome, *, dry_run: bool) -> None:
        for note in outcome.notes:
            self.stdout.write(note)
        for refusal in outcome.refusals:
            self.stderr.write(f"{refusal.where}: {refusal.sentence}")
        counts = (
            f"{outcome.created} created, {outcome.changed} changed, {outcome.unchanged} unchanged, "
            f"{outcome.links} links, {outcome.refused} refused"
        )
        if outcome.refused:
            raise CommandError(f"nothing was written: {counts}")
        self.stdout.write(f"{'would be: ' if dry_run else ''}{counts}")
