"""The closure certificate of a finding, as the signed envelope or as the auditor's bundle."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from scans.models import Clearance
from scans.services.clearances import bundle


class Command(BaseCommand):
    help = "Print a finding's certificate; with --bundle, write the zip that verifies offline."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("finding", help="its number, with or without CTEM-")
        parser.add_argument(
            "--bundle", type=Path, metavar="FILE", help="write the whole bundle here"
        )

    def handle(self, *args: Any, finding: str, **options: Any) -> None:
        clearance = newest_clearance(finding)
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
