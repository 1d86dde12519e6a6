"""The fixes of a file to what is kept of them: each with its change and the findings that it is for.

Nothing is written here; one statement reads the open findings of the line.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from django.db.models.fields.json import KT

from core.errors import BadInput, TooLarge
from core.text import clean_json, clean_text
from findings.models import Finding
from findings.statuses import OPEN
from gate.errors import InputError
from remediations.naming import (
    RANK,
    Candidate,
    Candidates,
    Id,
    Lines,
    Match,
    marks,
    touched_by,
    touched_by_replacements,
)
from remediations.readers import Offer, Offers
from remediations.readers.drawing import Source
from remediations.readers.offer import Replacement, check_diff
from remediations.readers.sarif_fixes import Contents, to_diff
from remediations.statuses import Sureness
from scopes.models import Line

MOST_CANDIDATES = 20_000  # open findings that the offers of one file are held against
MAX_DRAWN = 64 * 1024 * 1024  # bytes of all diffs that are drawn for one file
NOT_FOR_US = "for no open finding of this line"


@dataclass(frozen=True)
class Draft:
    """An offer that is for findings of the line, as it will be kept."""

    offer: Offer
    diff: bytes | None
    replacements: bytes | None
    files: int
    matches: list[Match]

    @property
    def change(self) -> bytes:
        return self.diff or self.replacements or b""

    @cached_property
    def digest(self) -> str:
        """Of the change: also the name of its file."""
        return hashlib.sha256(self.change).hexdigest()


def drafts_of(
    offers: Offers, line: Line, findings: Sequence[Finding], contents: Mapping[str, str]
) -> tuple[list[Draft], list[tuple[str, str]]]:
    """The offers that are for findings; and why others are left out."""
    told = list(_changes(offers.offers, contents))
    candidates = Candidates(_candidates(line))
    drafts, left = [], list(offers.left)
    for offer, diff, touched, files in told:
        found = candidates.match(offer.named, touched)
        found = surest([*found, *_said(findings, found, touched, is_alone=len(told) == 1)])
        if not found:
            left.append((offer.where, NOT_FOR_US))
            continue
        kept = None if diff is not None else _packed(offer.replacements)
        drafts.append(Draft(offer, diff, kept, files, found))
    return drafts, left


def _said(
    findings: Sequence[Finding], found: Sequence[Match], touched: Lines, *, is_alone: bool
) -> list[Match]:
    """The findings that who brought the file says a fix is for; of many fixes only what fits."""
    if not is_alone and any(hit.sure != Sureness.POSSIBLE for hit in found):
        return []
    return [
        Match(finding.pk, Sureness.EXACT, "Who brought the file says so.")
        for finding in findings
        if is_alone or finding.path in touched.paths
    ]


def surest(hits: Iterable[Match]) -> list[Match]:
    """Of each finding the surest match, by number."""
    best: dict[int, Match] = {}
    for hit in hits:
        if hit.pk not in best or RANK[hit.sure] < RANK[best[hit.pk].sure]:
            best[hit.pk] = hit
    return [best[pk] for pk in sorted(best)]


def _changes(
    offers: Sequence[Offer], contents: Mapping[str, str]
) -> Iterable[tuple[Offer, bytes | None, Lines, int]]:
    """Each offer with its change; all that is drawn is held until it is kept, so it has a limit."""
    sources = {path: Source(text) for path, text in contents.items()}
    drawn = 0
    for offer in offers:
        diff, touched, files = _change(offer, sources)
        drawn += len(diff or b"") if offer.diff is None else 0
        if drawn > MAX_DRAWN:
            raise TooLarge(
                clean_text(offer.where), f"more is drawn than allowed (> {MAX_DRAWN} bytes)"
            )
        yield offer, diff, touched, files


def _change(offer: Offer, contents: Contents) -> tuple[bytes | None, Lines, int]:
    """An offer's diff where there is one, what it touches, and how many files it changes."""
    try:
        diff = offer.diff
        if diff is None:
            diff = to_diff(offer.replacements, contents, offer.where) or None
        if diff is None:
            return None, touched_by_replacements(offer.replacements), len(offer.paths)
        parsed = check_diff(offer.where, diff)
        return diff, touched_by(parsed), len(parsed.files)
    except InputError as error:
        raise BadInput(clean_text(error.where), clean_text(error.what)) from error


def _packed(replacements: Sequence[Replacement]) -> bytes:
    """Replacements with all that is told of them; an offset of 0 is told."""
    rows = [
        {
            field.name: value
            for field in fields(one)
            if (value := getattr(one, field.name)) != field.default
        }
        for one in replacements
    ]
    return json.dumps(clean_json(rows), sort_keys=True, indent=1).encode()


def _candidates(line: Line) -> list[Candidate]:
    """The most urgent open findings of a line, by what proposals may name them. One statement."""
    rows = Finding.objects.filter(line=line, asset=line.asset_id, status__in=OPEN)
    told = rows.annotate(guid=KT("original__guid"), prints=KT("original__fingerprints"))
    columns = ("pk", "rule", "path", "start_line", "guid", "prints")
    ranked = told.order_by("-priority_score", "-pk").values_list(*columns)
    return [
        Candidate(pk, rule, path, start, _ids(pk, guid) | marks(_pairs(prints), rule, path))
        for pk, rule, path, start, guid, prints in ranked[:MOST_CANDIDATES]
    ]


def _ids(pk: int, guid: Any) -> frozenset[Id]:
    """What names a finding wherever it is: our number, and the GUID that its tool gave it."""
    return frozenset({f"CTEM-{pk}", str(guid)} if guid else {f"CTEM-{pk}"})


def _pairs(prints: Any) -> list[tuple[str, str]]:
    """Fingerprints from their column, which is JSON as text where the database has no other."""
    pairs = json.loads(prints) if isinstance(prints, str) and prints else prints or []
    return [(str(key), str(value)) for key, value in pairs]
