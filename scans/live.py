"""Whether anything changed that somebody sees: one short version for any number of findings.

Pages ask for it while they are looked at. It is told from the heads of the chains of events and from the
work that goes on: four statements by key, whatever lies behind them.
"""

import hashlib
import json
from dataclasses import dataclass

from django.db.models import Sum

from core.events import chain_of
from core.models import ChainHead, Job, JobState, User
from scans.models import Scan
from scopes.models import Scope

BUSY, IDLE = 2, 15  # seconds until it is worth asking again: while work goes on, and else
MOST = 50  # scans at work that are looked at


@dataclass(frozen=True, slots=True)
class Live:
    """``version`` differs if anything did that one sees; ``after``: seconds until to ask again."""

    version: str
    after: int


def live(user: User) -> Live:
    """Return the version of what ``user`` sees now."""
    scopes = sorted(Scope.objects.visible_to(user).values_list("pk", flat=True))
    heads = ChainHead.objects.filter(chain__in=[chain_of(pk) for pk in scopes])
    events = heads.aggregate(n=Sum("seq", default=0))["n"]
    jobs = Job.objects.filter(
        state__in=(JobState.QUEUED, JobState.RUNNING), kind__in=("ingest", "run")
    )
    scans = Scan.objects.filter(pk__in=jobs.values("subject_id"), scope__in=scopes).order_by("pk")
    work = list(scans.values_list("pk", "state", "progress_done", "progress_total")[:MOST])
    told = json.dumps([scopes, events, work])
    return Live(hashlib.sha256(told.encode()).hexdigest()[:16], BUSY if work else IDLE)
