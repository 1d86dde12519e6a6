"""What changed between scanned commits of a line: kept once, read with git, or told by a code host."""

import tempfile
import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.core.cache import cache
from django.utils import timezone

from core import blobs
from core.errors import BadInput, Unavailable
from findings.models import Series
from scans.models import RangeDiff
from scans.runners.checkout import NotFetched, allowed_repository
from scans.runners.history import Pair, Untold, read_ranges
from scans.statuses import FactSource
from scopes.models import Asset

FORGET_SECONDS = 24 * 60 * 60  # after which what could not be told is asked for again


def kept_diffs(asset_id: int, pairs: Iterable[Pair]) -> dict[Pair, RangeDiff]:
    """The diffs that are kept of these pairs of commits."""
    wanted = set(pairs)
    rows = RangeDiff.objects.filter(asset=asset_id, base_commit__in={base for base, _ in wanted})
    rows = rows.filter(head_commit__in={head for _, head in wanted})
    found = {(row.base_commit, row.head_commit): row for row in rows}
    return {pair: row for pair, row in found.items() if pair in wanted}


def read_diffs(series: Series, pairs: Sequence[Pair]) -> None:
    """Keep the diffs of these pairs that our git may read and that lie on the line; the others stay unknown.

    The whole history comes over, so what could not be told is not asked for again for a day. Raises
    Unavailable where the repository cannot be had now.
    """
    asked = [pair for pair in pairs if is_askable(series, FactSource.MEASURED, pair)]
    if not asked:
        return
    try:
        source = allowed_repository(series.asset.repository, settings.RUNNER_REPOSITORIES)
        with tempfile.TemporaryDirectory(prefix="ctem-range-") as folder:
            for one in read_ranges(source, series.line.name, asked, Path(folder)):
                if isinstance(one, Untold):
                    keep_untold(series, FactSource.MEASURED, one)
                    continue
                keep_diff(
                    asset=series.asset, base=one.base, head=one.head, diff=one.diff,
                    unparsed=one.unparsed, source=FactSource.MEASURED, at=timezone.now(),
                )  # fmt: skip
    except NotFetched as error:
        raise Unavailable(error.sentence) from error
    except BadInput:
        return  # not ours to read, or no such branch: then nobody says what changed


def is_askable(series: Series, source: FactSource, pair: Pair) -> bool:
    """Whether ``source`` did not say within a day that it cannot tell this pair."""
    return not _untold(series, source).keys() & {pair, *pair}


def keep_untold(series: Series, source: FactSource, one: Untold) -> None:
    """Remember for a day what ``source`` could not tell. Each process knows its own: it spares questions only."""
    untold = {**_untold(series, source), one.what: time.time() + FORGET_SECONDS}
    cache.set(_untold_key(series, source), untold, FORGET_SECONDS)


def _untold(series: Series, source: FactSource) -> dict[str | Pair, float]:
    """What is remembered, and until when."""
    kept: dict[str | Pair, float] = cache.get(_untold_key(series, source), {})
    return {what: until for what, until in kept.items() if until > time.time()}


def _untold_key(series: Series, source: FactSource) -> str:
    return f"scans.untold:{source.value}:{series.asset_id}:{series.line_id}"


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
