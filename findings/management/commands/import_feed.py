"""Bring in a feed that priorities follow from: from a file, or from the address that is configured."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from core.errors import BadInput
from core.outbound import HostError
from findings.feeds import MOST_BYTES
from findings.models import FeedKind
from findings.services.feeds import fetch_file, import_feed


class Command(BaseCommand):
    help = (
        "Import CISA's list of exploited CVEs (kev), FIRST's probabilities (epss) or MITRE's names of "
        "weaknesses (cwe). The same file again changes nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("kind", choices=[kind.value for kind in FeedKind])
        parser.add_argument(
            "source", nargs="?", default="",
            help="a file, or an address on the configured host; without it the configured address",
        )  # fmt: skip

    def handle(self, *args: Any, kind: str, source: str, **options: Any) -> None:
        feed = FeedKind(kind)
        source = source or settings.FEED_URLS[feed]
        if not source:
            raise CommandError(f"a file is expected: CTEM_FEED_{kind.upper()}_URL is not set")
        try:
            data = _read(feed, source)
            done = import_feed(
                kind=feed, data=data, source=_name(source), by=None, at=timezone.now()
            )
        except (BadInput, HostError, OSError) as error:
            raise CommandError(str(error)) from error
        if not done.is_new:
            self.stdout.write(f"{kind}: the same file as before, nothing changed")
            return
        waiting = [run for run in done.rescorings if run.finished_at is None]
        changed = sum(run.changed for run in done.rescorings)
        self.stdout.write(
            f"{kind}: {done.feed.rows} rows of {done.feed.published_on or 'an unknown day'}; "
            f"{changed} priorities changed, {len(waiting)} scopes are scored by the worker"
        )


def _read(kind: FeedKind, source: str) -> bytes:
    if source.startswith(("https://", "http://")):
        return fetch_file(kind, source)
    with Path(source).open("rb") as file:
        return file.read(MOST_BYTES + 1)


def _name(source: str) -> str:
    return source if source.startswith(("https://", "http://")) else Path(source).name
