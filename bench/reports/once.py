"""The product's side of bench.reports: one step, told as JSON."""

from __future__ import annotations

import json
import random
import resource
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from django.core.cache import cache
from django.db import transaction
from django.test import Client
from django.utils import timezone

from core import bulk
from core.events import chain_of, event_hash
from core.models import ChainHead, Event, Job, User
from ctem import jobs
from ctem.seeding.places import EVERYWHERE, ONE
from ctem.wsgi import settle
from findings.models import Finding
from findings.statuses import OPEN, Status
from reports.models import Report
from reports.services.moves import catch_up_all
from reports.services.reports import order_report
from reports.services.snapshots import read_snapshot
from reports.statuses import Period
from scopes.models import Scope

YEAR = timedelta(days=365)
NAMES = {  # how a finding came to stand where it was placed
    Status.RISK_ACCEPTED: "accept_risk", Status.FALSE_POSITIVE: "dismiss",
    Status.DUPLICATE: "mark_duplicate", Status.NO_LONGER_PRESENT: "vanish",
    Status.AWAITING_VERIFICATION: "claim",
}  # fmt: skip
COLUMNS = ("chain", "seq", "prev_seq", "prev_hash", "hash", "scope_id", "at", "actor", "action",
           "subject", "subject_id", "data")  # fmt: skip
CLAIMED = 0.2  # of the open findings: claimed and sent back in the year


def main(step: str) -> None:
    """Do one step and print what it took."""
    STEPS[step]()


def told(name: str, began: float, what: str) -> None:
    """Print one line; the memory is the most that this process had."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    line = {"name": name, "seconds": time.perf_counter() - began, "megabytes": most, "what": what}
    sys.stdout.write(json.dumps(line) + "\n")


def history() -> None:
    """Write the events of what was placed, and claims that were sent back: sealed, and so true to form."""
    began, number = time.perf_counter(), 0
    for scope in Scope.objects.order_by("pk"):
        with transaction.atomic():
            number += _write(scope.pk, random.Random(scope.pk))  # noqa: S311
    told("a year of events is written", began, f"{number:,} events")


def _write(scope: int, chance: random.Random) -> int:
    moves = sorted(_moves(scope, chance))
    head = ChainHead.objects.select_for_update().get(pk=chain_of(scope))
    rows = []
    for at, finding, name, source, target in moves:
        event = Event(
            chain=head.chain, seq=head.seq + 1, prev_seq=head.seq, prev_hash=head.hash,
            scope_id=scope, at=at, action=f"finding.{name}", subject="finding", subject_id=finding,
            data={"from": source, "to": target},
        )  # fmt: skip
        head.seq, head.hash = event.seq, event_hash(event)
        rows.append(
            (event.chain, event.seq, event.prev_seq, event.prev_hash, head.hash, scope,
             bulk.moment(at), None, event.action, event.subject, finding, json.dumps(event.data))
        )  # fmt: skip
    bulk.insert(Event, COLUMNS, rows)
    head.save(update_fields=["seq", "hash"])
    return len(rows)


def _moves(scope: int, chance: random.Random) -> Iterator[tuple[datetime, int, str, str, str]]:
    now = timezone.now()
    rows = Finding.objects.filter(scope=scope).values_list(
        "pk", "status", "status_since", "first_seen_at"
    )
    for pk, status, since, first in rows.iterator(chunk_size=10_000):
        if status in NAMES:
            yield since, pk, NAMES[Status(status)], "prioritized", status
        elif status in OPEN and chance.random() < CLAIMED:
            start = max(first, now - YEAR)
            claimed = start + (now - start) * chance.random()
            back = claimed + (now - claimed) * chance.random()
            yield claimed, pk, "claim", "prioritized", "awaiting_verification"
            yield back, pk, "send_back", "awaiting_verification", "mobilizing"


def copy() -> None:
    """Copy all moves, as the beat does once and then little by little."""
    began = time.perf_counter()
    number = catch_up_all()
    told("moves are copied for the first time", began, f"{number:,} moves")


def report() -> None:
    """Order a monthly report on all scopes and do its job, in this process alone."""
    analyst = User.objects.get(username=EVERYWHERE)
    ordered = order_report(
        scopes=list(Scope.objects.all()), period=Period.MONTH, by=analyst, at=timezone.now()
    )
    began = time.perf_counter()
    jobs.run(int(ordered.job_id or 0))
    job, made = Job.objects.get(pk=ordered.job_id or 0), Report.objects.get(pk=ordered.pk)
    if made.snapshot_id is None:
        raise SystemExit(job.error)
    rows = read_snapshot(made.snapshot_id)["rows"]["count"]
    size = made.rows.size // 1_000_000 if made.rows else 0
    told("a monthly report is made", began, f"{rows:,} findings behind it, {size} MB")


def pages() -> None:
    """Open what shows figures, as two people."""
    settle()
    made = Report.objects.earliest("pk")
    addresses = {
        "overview": "/overview/", "API metrics": "/api/v1/metrics/",
        "the report's page": made.get_absolute_url(),
        "its rows of one cause": f"{made.get_absolute_url()}findings/?bar=new",
        "its findings as CSV": f"{made.get_absolute_url()}files/findings/",
        "its workbook": f"{made.get_absolute_url()}files/xlsx/",
    }  # fmt: skip
    for who, username in (("all scopes", EVERYWHERE), ("one scope", ONE)):
        client = Client(SERVER_NAME="localhost")
        client.force_login(User.objects.get(username=username))
        for name, address in addresses.items():
            if who != "all scopes" and str(made.pk) in address:
                continue
            cache.clear()
            began = time.perf_counter()
            size = _read(client.get(address), address)
            told(f"{name}, {who}", began, f"{size // 1000:,} KB")


def _read(response: Any, address: str) -> int:
    if response.status_code != 200:
        raise SystemExit(f"{address}: {response.status_code}")
    if response.streaming:
        return sum(len(block) for block in response.streaming_content)
    return len(response.content)


STEPS: dict[str, Callable[[], None]] = {
    "history": history, "copy": copy, "report": report, "pages": pages,
}  # fmt: skip
