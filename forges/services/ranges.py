"""What changed between two scanned commits of a line, asked of the code host: for what is no longer there.

The host has to say that the later commit contains the earlier and is part of the line. What it does not
say stays unknown.
"""

import hashlib
from collections.abc import Iterator
from itertools import islice

from django.utils import timezone

from core.outbound import HostError
from findings.models import Series
from forges.services.analyses import Desk
from forges.services.parsing import unparsed
from scans.runners.history import Pair, Untold
from scans.services.ranges import is_askable, keep_diff, keep_untold
from scans.services.vanishing import ask_again, missing_diffs, waiting_series
from scans.statuses import FactSource
from scopes.models import Asset

MOST_ASKED = 8  # comparisons of one look


def wanted_ranges(asset: Asset) -> Iterator[tuple[Series, Pair]]:
    """The diffs that findings wait for which full scans lack, without what the host could not tell today."""
    for series in waiting_series(asset):
        for pair in missing_diffs(series):
            if is_askable(series, FactSource.FETCHED, pair):
                yield series, pair


def take_ranges(desk: Desk) -> int:
    """Ask for as many of ``wanted_ranges`` as one look may; return how many came. Raises HostError."""
    asset, taken = desk.row.asset, list[Pair]()
    try:
        for series, pair in islice(wanted_ranges(asset), MOST_ASKED):
            untold = _take(desk, series, *pair)
            if untold is None:
                taken.append(pair)
            else:
                keep_untold(series, FactSource.FETCHED, untold)
    finally:  # what came is judged, whatever the host says next; other series may have waited for it too
        because = hashlib.sha256(repr(taken).encode()).hexdigest()
        for series in waiting_series(asset) if taken else ():
            ask_again(series, at=timezone.now(), because=because)
    return len(taken)


def _take(desk: Desk, series: Series, base: str, head: str) -> Untold | None:
    """Keep one diff, or return what the host cannot tell."""
    doubtful = head
    try:
        tip = desk.tip(series.line.name)
        if not tip or not desk.contains(tip, head):
            return Untold(head)
        doubtful = base
        compared = desk.host.compare(desk.told, base, head, diff=True)
    except HostError as error:
        if not error.final:
            raise
        return Untold(doubtful)  # the host does not know it
    if compared.status != "ahead" or compared.merge_base != base:
        return Untold(base)
    if compared.diff is None:
        return Untold((base, head))
    keep_diff(
        asset=desk.row.asset, base=base, head=head, diff=compared.diff,
        unparsed=unparsed(desk, base, head, compared.diff), source=FactSource.FETCHED,
        at=timezone.now(),
    )  # fmt: skip
    return None
