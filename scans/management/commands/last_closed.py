"""Was the fix scanned before it merged? The same answer as the page and the API give. Reads only."""

import csv
import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.moments import rfc3339
from scans.serializers import LastClosedAnswerSerializer
from scans.services.audit import MOST_ASKED, ORIGINS, Answer, Closed, History, last_closed_of
from scopes.models import Scope

UNUSABLE = 3
COLUMNS = ("reference", "source", "scanned_before_merge", "closed_at", "merged_at", "origin", "agent",
           "title", "reason")  # fmt: skip


class Command(BaseCommand):
    help = "Of the findings that were closed last: was the fix scanned before it merged?"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("scopes", nargs="*", metavar="SCOPE", help="slugs; none: all scopes")
        parser.add_argument("-n", type=int, default=10, help=f"how many (1 to {MOST_ASKED})")
        parser.add_argument("--origin", choices=sorted(ORIGINS), default="")
        parser.add_argument(
            "--history", choices=[h.value for h in History], default=History.EXCLUDE.value,
            help="whether what was closed elsewhere is part of the answer",
        )  # fmt: skip
        parser.add_argument("--format", choices=["text", "json", "csv"], default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        if not 1 <= options["n"] <= MOST_ASKED:
            raise CommandError(f"-n is 1 to {MOST_ASKED}", returncode=UNUSABLE)
        answer = last_closed_of(
            _scopes(options["scopes"]), n=options["n"], origin=options["origin"],
            history=History(options["history"]),
        )  # fmt: skip
        if options["format"] == "json":
            told = LastClosedAnswerSerializer(answer).data
            self.stdout.write(json.dumps(told, indent=1, ensure_ascii=False))
        elif options["format"] == "csv":
            rows = csv.writer(self.stdout, lineterminator="\n")
            rows.writerow(COLUMNS)
            rows.writerows(_cells(row) for row in answer.rows)
        else:
            self._write_text(answer)

    def _write_text(self, answer: Answer) -> None:
        for row in answer.rows:
            where = "" if row.finding else f" [told by {row.source}]"
            self.stdout.write(
                f"{row.scanned_before_merge.value:<8} {row.reference}{where}  {row.title}\n"
                f"         {row.reason}"
            )
        given = ", ".join(f"{n} {word}" for word, n in answer.counts.items())
        self.stdout.write(f"{len(answer.rows)} closed: {given}")


def _scopes(slugs: list[str]) -> Any:
    scopes = Scope.objects.all()
    if not slugs:
        return scopes
    known = set(scopes.filter(slug__in=slugs).values_list("slug", flat=True))
    if missing := sorted(set(slugs) - known):
        raise CommandError(f"there is no scope {missing[0]!r}", returncode=UNUSABLE)
    return scopes.filter(slug__in=slugs)


def _cells(row: Closed) -> list[str]:
    """One line of a table. What begins like a formula is quoted, for whoever opens it in a spreadsheet."""
    told = [row.reference, row.source, row.scanned_before_merge.value, rfc3339(row.closed_at),
            rfc3339(row.merged_at), row.origin, row.agent, row.title, row.reason]  # fmt: skip
    return [f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t") else cell for cell in told]
