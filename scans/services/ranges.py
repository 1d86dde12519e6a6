"""What changed between scanned commits of a line: kept once, read with git, or told by a code host."""

import tempfile
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from core import blobs
from core.errors import BadInput
from findings.models import Series
from scans.models import RangeDiff
from scans.runners.checkout import allowed_repository
from scans.runners.history import read_ranges
from scans.statuses import FactSource
from scopes.models import Asset

Pair = tuple[str, str]  # commits: the earlier, the later


def kept_diffs(asset_id: int, pairs: Iterable[Pair]) -> dict[Pair, RangeDiff]:
    """The diffs that are kept of these pairs of commits."""
    wanted = set(pairs)
    rows = RangeDiff.objects.filter(asset=asset_id, base_commit__in={base for base, _ in wanted})
    rows = rows.filter(head_commit__in={head for _, head in wanted})
    found = {(row.base_commit, row.head_commit): row for row in rows}
    return {pair: row for pair, row in found.items() if pair in wanted}


def read_diffs(series: Series, pairs: Sequence[Pair]) -> None:
    """Keep the diffs of these pairs that our git may read and that lie on the line; the others stay unknown."""
    try:
        source = allowed_repository(series.asset.repository, settings.RUNNER_REPOSITORIES)
        with tempfile.TemporaryDirectory(prefix="ctem-range-") as folder:
            found = read_ranges(source, series.line.name, pairs, Path(folder))
    except BadInput:
        return  # not ours to read, or not there: then nobody says what changed
    for one in found:
        keep_diff(
            asset=series.asset, base=one.base, head=one.head, diff=one.diff,
            unparsed=one.unparsed, source=FactSource.MEASURED, at=timezone.now(),
        )  # fmt: skip


def keep_diff(
    *, asset: Asset, base: str, head: str, diff: bytes, unparsed: Iterable[str],
    source: FactSource, at: datetime,
) -> RangeDiff:  # fmt: skip
    """Keep what lies between two commits of a line, of which the later contains the earlier.

    ``source``: our git or the code host, which both were asked for that; never what somebody sent.
    """
    if source not in (FactSource.MEASURED, FactSource.FETCHED):
        raise ValueError("nobody's word tells what changed")
    kept = blobs.store(diff, at=at)
    row, _ = RangeDiff.objects.get_or_create(
        asset=asset, base_commit=base, head_commit=head,
        defaults={"scope_id": asset.scope_id, "diff": kept, "unparsed": sorted(unparsed),
                  "source": source.value, "at": at},
    )  # fmt: skip
    return row
