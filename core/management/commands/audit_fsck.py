"""Check the event log: every chain re-derived, every append-only table still guarded."""

from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core import append_only, events
from core.models import Event


class Command(BaseCommand):
    help = (
        "Check the event log and name each place where it does not hold; status 1 if there is one."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        count = 0
        for sentence in problems():
            count += 1
            self.stdout.write(sentence)
        if count:
            raise CommandError(f"{count} broken", returncode=1)
        self.stdout.write(f"{Event.objects.count()} events, and every chain holds")


def problems() -> Iterator[str]:
    """Yield a sentence for each broken link and each missing guard."""
    yield from events.broken_links()
    for trigger in append_only.missing():
        yield f"{trigger}: the trigger that keeps the table append-only is missing or switched off"
