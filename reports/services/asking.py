"""What doors ask: of which scopes and which time figures are to tell, and the figures of now."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from reports.metrics.figures import figures_of
from reports.metrics.frame import Frame, bounds_of
from reports.services.moves import catch_up
from reports.services.snapshots import one_moment
from reports.statuses import Period
from scopes.models import Scope


def frame_of(
    scopes: Iterable[Scope], *, period: Period, at: datetime,
    since: datetime | None = None, until: datetime | None = None,
) -> Frame:  # fmt: skip
    """Return the frame, with all moves of its scopes copied. Raises BadInput as ``bounds_of``."""
    first, last = bounds_of(period, since=since, until=until, at=at)
    frame = Frame(tuple(sorted(scope.pk for scope in scopes)), first, last)
    catch_up(frame.scopes)
    return frame


def ask_figures(frame: Frame, *, at: datetime) -> dict[str, Any]:
    """The figures of a frame, as of one moment."""
    with one_moment():
        return figures_of(frame, at=at)
