"""What changed between two scanned commits of a line, asked of the code host: for what is no longer there.

The host has to say that the later commit contains the earlier and is part of the line. What it does not
say stays unknown.
"""

from django.utils import timezone

from core.outbound import HostError
from findings.models import Series
from forges.services.analyses import Desk
from forges.services.parsing import unparsed
from scans.services.ranges import keep_diff
from scans.services.vanishing import ask_again, missing_diffs, waiting_series
from scans.statuses import FactSource

MOST_ASKED = 8  # comparisons of one look


def take_ranges(desk: Desk) -> int:
    """Ask for the diffs that findings wait for which full scans lack; return how many came. Raises HostError."""
    asked = kept = 0
    for series in waiting_series(desk.row.asset):
        taken = ""
        for base, head in missing_diffs(series):
            if asked == MOST_ASKED:
                break
            asked += 1
            if _take(desk, series, base, head):
                kept, taken = kept + 1, head
        if taken:
            ask_again(series, at=timezone.now(), because=taken)
    return kept


def _take(desk: Desk, series: Series, base: str, head: str) -> bool:
    try:
        tip = desk.tip(series.line.name)
        if not tip or not desk.contains(tip, head):
            return False
        compared = desk.host.compare(desk.told, base, head, diff=True)
    except HostError as error:
        if not error.final:
            raise
        return False  # the host does not know one of them
    if compared.status != "ahead" or compared.merge_base != base or compared.diff is None:
        return False
    keep_diff(
        asset=desk.row.asset, base=base, head=head, diff=compared.diff,
        unparsed=unparsed(desk, base, head, compared.diff), source=FactSource.FETCHED,
        at=timezone.now(),
    )  # fmt: skip
    return True
