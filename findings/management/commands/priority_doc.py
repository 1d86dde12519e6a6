"""docs/prioritization.md, written from the weights and the tree that the program runs by."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from findings import ssvc, weights
from findings.priority import NO_CVE, NO_DATA

HEAD = """\
# Prioritization

Generated from `findings/weights.py` and `findings/ssvc.py` by `manage.py priority_doc --write`; do not edit.
`make check` compares this page with the code.

A priority is the plain sum of the points below; each finding shows its own sum term by term, and what the sum
was before. A fact that is missing counts nothing and says so: “{no_data}” where no feed is here or it does not
know the CVE, “{no_cve}” where the report names none. Nothing is guessed.

Severity is what a person or a rule decided; else by the score that the report tells, else by the score of its CVSS
vector (4.0, 3.1, 3.0 or 2, worked out by the `cvss` library): 9.0 critical, 7.0 high, 4.0 medium, below it low;
without either by the level: error is high, warning medium, the rest low. Of several CVEs the worst counts.

## Points

The weights out of the box. A scope may have others: `POST /api/v1/scopes/ID/priority-policies/`, or its page, where
`priority-policies/dry-run/` says before how many findings would be in another band. A text is immutable once it is
in force, worse facts can never score less under it, and the findings of the scope are scored anew.
`manage.py rescore` works all priorities out again, as after a release with other weights.
"""
FEEDS = """
## Feeds

| feed | what | from |
|---|---|---|
| `kev` | CVEs that are known to be exploited, and which ransomware uses | CISA, JSON |
| `epss` | how likely a CVE is exploited within 30 days | FIRST, CSV, gzipped or not |
| `cwe` | names of weaknesses; they change no priority | MITRE, CSV, zipped or not |

`manage.py import_feed KIND FILE` brings one in; without FILE it is fetched from `CTEM_FEED_KEV_URL`,
`CTEM_FEED_EPSS_URL` or `CTEM_FEED_CWE_URL`, and the beat does so once a day. Only `https`, and only the host of the
configured address is asked. A file that does not look as it should changes nothing; the same file again changes
nothing but when it was checked. Each file is kept. The page *Feeds* shows how old each is.

A new feed scores anew the findings that name a CVE, in bulk, by a job. What changed is kept with the whole sum of
before (`GET /api/v1/findings/ID/priority-changes/`); one event per scope tells counts and a digest.

## SSVC

The decision (track, track*, attend, act) is that of the table [{table}]({source}) of CERT/CC, without a change:
"""
INPUTS = """
Where the values come from:

* exploitation: *active* if CISA's list (KEV) has one of its CVEs; *public poc* if a proof of concept is among the
  evidence; else *none*. Never by EPSS.
* automatable, by the vector: AU of version 4.0 where it is given; else *yes* if AV:N, AC:L, PR:N and UI:N (4.0:
  AT:N too; 2: AV:N, AC:L and Au:N).
* technical impact, by the vector: *total* if confidentiality and integrity are lost whole, else *partial*.
* mission and well-being: the scope's criticality; {mission}.

What is not known takes a documented value, and the path on the finding says so: {assumed}.
"""


class Command(BaseCommand):
    help = "Print docs/prioritization.md from the code, compare it with the file, or write it."

    def add_arguments(self, parser: CommandParser) -> None:
        choice = parser.add_mutually_exclusive_group()
        choice.add_argument("--check", action="store_true", help="status 1 if the file differs")
        choice.add_argument("--write", action="store_true", help="write the file")

    def handle(self, *args: Any, check: bool, write: bool, **options: Any) -> None:
        path = Path(settings.BASE_DIR) / "docs" / "prioritization.md"
        page = document()
        if write:
            path.parent.mkdir(exist_ok=True)
            path.write_text(page, encoding="utf-8")
        elif not check:
            self.stdout.write(page, ending="")
        elif not path.exists() or path.read_text(encoding="utf-8") != page:
            raise CommandError("docs/prioritization.md is not what the code says; write it: "
                               "manage.py priority_doc --write")  # fmt: skip


def document() -> str:
    """Return the page: the weights, the feeds, the tree."""
    mission = ", ".join(f"{of} is {value}" for of, value in ssvc.MISSION.items())
    assumed = "; ".join(f"{point}: {value}" for point, (value, _) in ssvc.ASSUMED.items())
    parts = [
        HEAD.format(no_data=NO_DATA, no_cve=NO_CVE),
        "\n".join(_points()),
        FEEDS.format(table=ssvc.TABLE, source=ssvc.SOURCE),
        "\n".join(_tree()),
        INPUTS.format(mission=mission, assumed=assumed),
    ]
    return "\n".join(parts)


def _points() -> Iterator[str]:
    by = weights.DEFAULT
    yield "| term | points |"
    yield "|---|---|"
    for table, names in weights.TABLES.items():
        told = ", ".join(f"{name} {getattr(by, table)[name]}" for name in names)
        yield f"| {table}{'' if table == 'severity' else ' of the scope'} | {told} |"
    yield f"| validated | {by.validated} |"
    yield f"| known exploited (KEV) | {by.exploited}, used by ransomware {by.exploited + by.ransomware} |"
    steps = ", ".join(f"{least:.0%} or more {points}" for least, points in by.likelihood)
    yield f"| exploit likelihood (EPSS) | {steps} |"
    bands = ", ".join(f"{name} from {by.bands[name]}" for name in weights.NAMES)
    yield f"| **band** | {bands} |"


def _tree() -> Iterator[str]:
    yield f"| exploitation | automatable | technical impact | {' | '.join(f'mission {m}' for m in ssvc.MISSIONS)} |"
    yield f"|{'---|' * (3 + len(ssvc.MISSIONS))}"
    for branch, decisions in ssvc.TREE.items():
        yield f"| {' | '.join([*branch, *(d.value.replace('*', chr(92) + '*') for d in decisions)])} |"
