"""Fill an empty server from a backup, and prove what was filled: a backup counts once it was restored."""

import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from core.events import append_event
from core.models import Event
from ctem import backups, dumps
from ctem.health import known_migrations

CHECKS = ("audit_fsck", "closure_fsck")


class Command(BaseCommand):
    help = (
        "Restore a backup into an empty database and empty folders, migrate, and run both checks; "
        "status 1 if it cannot be used or does not hold."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("backup", type=Path, help="what manage.py backup wrote")

    def handle(self, *args: Any, backup: Path, **options: Any) -> None:
        try:
            backups.check_empty()
            with tempfile.TemporaryDirectory(dir=settings.DATA_DIR, prefix=".restore-") as work:
                manifest = backups.unpack(backup, Path(work))
                notes = backups.put_in_place(Path(work), manifest)
        except (OSError, backups.Unusable, dumps.Failed) as error:
            raise CommandError(f"not restored: {error}") from error
        self._migrate(manifest)
        self._prove()
        self._record(manifest)
        for note in notes:
            self.stderr.write(note)

    def _migrate(self, manifest: dict[str, Any]) -> None:
        """Bring an older backup to this release. Raises CommandError for one of a newer release."""
        newer = MigrationRecorder(connection).applied_migrations().keys() - known_migrations()
        if newer:
            raise CommandError(
                f"restored, but it is of a newer release ({manifest['release']}), with migrations "
                f"that this one does not know: {', '.join(sorted('.'.join(one) for one in newer))}"
            )
        call_command("migrate", interactive=False, verbosity=0)

    def _prove(self) -> None:
        """Run both checks to their end. Raises CommandError with the names of those that failed."""
        failed = []
        for name in CHECKS:
            try:
                call_command(name, stdout=self.stdout)
            except CommandError as error:
                failed.append(f"{name} ({error})")
        if failed:
            raise CommandError(
                f"restored, but it does not hold: {', '.join(failed)}. Do not serve from it; keep it "
                "for looking, and restore an older backup elsewhere."
            )

    def _record(self, manifest: dict[str, Any]) -> None:
        last = Event.objects.order_by("-at").first()
        append_event(
            scope_id=None, action="backup.restored", subject="backup", subject_id=0, by=None,
            at=timezone.now(), data={"made_at": manifest["made_at"], "release": manifest["release"]},
        )  # fmt: skip
        until = last.at.isoformat() if last else "never"
        self.stdout.write(f"restored the backup of {manifest['made_at']}; its last event: {until}")
