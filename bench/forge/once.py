"""The product's side of bench.forge: connects once, then looks for each line and tells what it took."""

from __future__ import annotations

import json
import resource
import sys
import time
from typing import Any

from django.utils import timezone

from core import jobs as queue
from core.models import Job, JobState
from core.permissions import Role
from ctem import jobs
from forges.models import Connection
from forges.services.connections import connect
from forges.services.looks import ask_look
from tests import factories as make


def main() -> None:
    """Read the connection's members as JSON, then a line for each look."""
    connection = _connected(json.loads(sys.stdin.readline()))
    for _ in sys.stdin:
        began = time.monotonic()
        ask_look(connection, timezone.now())
        done = _work()
        told = {
            "jobs": done, "seconds": time.monotonic() - began,
            "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
            "failed": list(Job.objects.exclude(state=JobState.DONE).values_list("error", flat=True)),
        }  # fmt: skip
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


def _connected(members: dict[str, Any]) -> Connection:
    scope = make.make_scope()
    connection, _ = connect(
        scope=scope, forge="github", name="Acme", mode="observe", by=make.member(scope, Role.ADMIN),
        at=timezone.now(), **members,
    )  # fmt: skip
    Job.objects.all().delete()  # the look that a new connection asks for: ours is timed
    return connection


def _work() -> int:
    """Do all jobs that are due, one after the other; return how many."""
    done = 0
    while due := list(queue.due(timezone.now()).order_by("pk").values_list("pk", flat=True)):
        done += sum(jobs.run(pk) for pk in due)
    return done
