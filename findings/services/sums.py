"""Keeping the sums of priorities."""

from collections.abc import Iterable

from core import bulk
from findings.models import PrioritySum
from findings.scoring import Scored


def keep_sums(rated: Iterable[Scored]) -> None:
    """Write the sums of these priorities that are not there yet: one statement, in the order of their ids.

    Before the findings that point to them: SQLite would look for those behind each sum that comes later.
    The order lets two that write the same ones at a time wait for each other, not both for ever.
    """
    told = {one.sum_id.hex: one.told for one in rated}
    if told:
        bulk.insert_missing(PrioritySum, ("id", "told"), sorted(told.items()))
