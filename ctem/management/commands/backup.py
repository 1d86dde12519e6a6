"""Write a backup: database, stored files and keys in one tar file, while the server goes on."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from ctem import backups, dumps


class Command(BaseCommand):
    help = "Write a backup of database, stored files and keys into a folder; print its path."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="made if need be; the backup holds secrets")

    def handle(self, *args: Any, folder: Path, **options: Any) -> None:
        try:
            self.stdout.write(str(backups.write_backup(folder, at=timezone.now())))
        except (OSError, dumps.Failed) as error:
            raise CommandError(f"no backup was written: {error}") from error
