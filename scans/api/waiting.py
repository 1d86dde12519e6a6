"""Waiting for scans to be read, because a caller asked to (``Prefer: wait=N``, RFC 7240)."""

import re
import time
from collections.abc import Sequence

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from core.errors import BadInput
from scans.models import Scan
from scans.statuses import ScanState

MAX_SECONDS = 60
_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?([0-9]{1,6})\"?(?=$|[,;\s])", re.I)
PREFER = OpenApiParameter(
    "Prefer",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description=f"`wait=N`: answer when the scan is read, after N seconds at most (N up to {MAX_SECONDS}).",
)
LOCATION = OpenApiParameter(
    "Location",
    OpenApiTypes.URI,
    OpenApiParameter.HEADER,
    description="Where the scan is.",
    response=[201, 202],
)


def seconds_to_wait(request: Request, default: int = 0) -> int:
    """Return for how long the caller wants to wait, within what is allowed."""
    found = _WAIT.search(request.headers.get("Prefer", ""))
    return min(int(found[1]), MAX_SECONDS) if found else default


def wait_for(scans: Sequence[Scan], seconds: float) -> list[Scan]:
    """Return the scans as they are once all are over, or once the time is."""
    until = time.monotonic() + seconds
    pause = 0.05
    while True:
        ids = [scan.pk for scan in scans]
        rows = Scan.objects.select_related("created_by").in_bulk(ids)
        left = until - time.monotonic()
        if left <= 0 or all(row.is_over for row in rows.values()):
            return [rows[pk] for pk in ids]
        time.sleep(min(pause, left))
        pause = min(pause * 1.5, 1.0)


def check_readable(scans: Sequence[Scan]) -> None:
    """Raise BadInput, with place and reason, for the first scan whose report cannot be used."""
    for scan in scans:
        if scan.state == ScanState.FAILED:
            where, _, what = scan.error.partition(": ")
            raise BadInput(where if what else "file", what or where)
