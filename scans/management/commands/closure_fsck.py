"""Check that every closed finding is proven, past all constraints."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.errors import Unavailable
from scans.models import Clearance
from scans.services.integrity import broken_closures


class Command(BaseCommand):
    help = (
        "Check findings, clearances, certificates and stored files; name each broken row, status 1. "
        "Status 3: the stored files do not answer."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        count = 0
        try:
            for sentence in broken_closures():
                count += 1
                self.stdout.write(sentence)
        except Unavailable as error:
            raise CommandError(str(error), returncode=3) from error
        if count:
            raise CommandError(f"{count} broken", returncode=1)
        self.stdout.write(
            f"{Clearance.objects.count()} clearances, and every closed finding is proven"
        )
