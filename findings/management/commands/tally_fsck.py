"""Check that the counts which pages show are those of the findings."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from findings.models import Finding
from findings.tallies import differences


class Command(BaseCommand):
    help = "Compare the tally of findings with the findings; name each difference, status 1."

    def handle(self, *args: Any, **options: Any) -> None:
        found = differences()
        for sentence in found:
            self.stdout.write(sentence)
        if found:
            raise CommandError(f"{len(found)} differences", returncode=1)
        self.stdout.write(f"{Finding.objects.count()} findings, and the tally says the same")
