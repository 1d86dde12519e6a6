"""The closure certificate of a finding: as envelope or bundle, its revocation, taking it back."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from scans.models import Clearance
from scans.services.clearances import bundle, revoke
from scans.services.handouts import revocation_of


class Command(BaseCommand):
    help = "Print a finding's certificate; with --bundle, write the zip that verifies offline."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("finding", help="its number, with or without CTEM-")
        parser.add_argument(
            "--bundle", type=Path, metavar="FILE", help="write the whole bundle here"
        )
        parser.add_argument(
            "--revocation", action="store_true", help="print the signed statement that took it back"
        )
        parser.add_argument(
            "--revoke", metavar="REASON", help="take it back for good: the finding is open again"
        )

    def handle(self, *args: Any, finding: str, **options: Any) -> None:
        clearance = newest_clearance(finding)
        if options["revoke"] is not None:
            clearance = _taken_back(clearance, options["revoke"])
        if options["revocation"] or options["revoke"] is not None:
            statement = revocation_of(clearance)
            if statement is None:
                raise CommandError(f"the certificate of CTEM-{clearance.finding_id} stands")
            self.stdout.write(statement.decode())
            return
        if options["bundle"] is None:
            self.stdout.write(clearance.certificate)
            return
        options["bundle"].write_bytes(bundle(clearance))
        state = "live" if clearance.live else f"revoked: {clearance.revoked_reason}"
        self.stdout.write(
            f"{options['bundle']}: certificate of CTEM-{clearance.finding_id} ({state})"
        )


def newest_clearance(finding: str) -> Clearance:
    """Return the live clearance, else the last one. Raises CommandError."""
    number = finding.upper().removeprefix("CTEM-")
    if not (number.isascii() and number.isdigit()):
        raise CommandError(f"{finding!r} is not the number of a finding")
    rows = Clearance.objects.filter(finding_id=int(number)).order_by("-live", "-pk")
    clearance = rows.select_related("verification__policy", "revoked_by").first()
    if clearance is None:
        raise CommandError(f"CTEM-{number} has no certificate: it was never completed")
    return clearance


def _taken_back(clearance: Clearance, reason: str) -> Clearance:
    """Revoke a live clearance. Raises CommandError for one that is not, or without a reason."""
    if not clearance.live:
        raise CommandError(f"it was revoked already: {clearance.revoked_reason}")
    if not reason.strip():
        raise CommandError("a revocation needs a reason")
    revoke(clearance, reason=reason, by=None, at=timezone.now())
    return newest_clearance(str(clearance.finding_id))
