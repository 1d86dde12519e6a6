"""Fill a database with made-up findings, to try and to measure with."""

import time
from argparse import ArgumentTypeError
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from ctem.seeding.filling import MOST, Size, fill
from ctem.seeding.places import told
from findings.models import Finding
from findings.tallies import compact


class Command(BaseCommand):
    help = (
        "Fill the database with made-up scopes, people, scans and findings: the same for the same "
        "--seed. For trying and measuring, not for production."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--findings", type=_number, required=True)
        parser.add_argument("--scopes", type=_number, help="5 for each 1,000 findings, 3 to 50")
        parser.add_argument("--assets", type=_number, help="one for each 50 findings, at most 500")
        parser.add_argument("--people", type=_number, default=60)
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--add", action="store_true", help="to findings that are there")
        parser.add_argument("--yes-this-is-not-production", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.PRODUCTION and not options["yes_this_is_not_production"]:
            raise CommandError("CTEM_PRODUCTION is set: made-up findings do not belong here.")
        if Finding.objects.exists() and not options["add"]:
            raise CommandError("There are findings already; --add puts made-up ones beside them.")
        size = _size(options)
        began = time.monotonic()
        people = fill(size, seed=options["seed"], at=timezone.now())
        compact()
        took = time.monotonic() - began
        self.stdout.write(
            f"{size.findings} findings in {took:.0f} s: {size.findings / max(took, 0.1):.0f} a second"
        )
        self.stdout.write(f"Sign in, once they have passwords (changepassword): {told(people)}")


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MOST:
        raise ArgumentTypeError(f"a whole number, 1 to {MOST}")
    return int(text)


def _size(options: dict[str, Any]) -> Size:
    findings = options["findings"]
    scopes = options["scopes"] or min(50, max(3, findings // 200))
    return Size(
        findings=findings, scopes=scopes, people=options["people"],
        assets=options["assets"] or min(500, max(scopes, findings // 50)),
    )  # fmt: skip
