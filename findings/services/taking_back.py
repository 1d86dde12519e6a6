"""Taking back what rules of discovery did: part by part when a rule ends, and where a finding is another by now.

Owners and tags stay. What rules in force say of the same findings holds at once.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from core import bulk, jobs
from core.events import append_event
from core.models import Job
from findings.discovery import rules_in_force
from findings.models import AppliedRule, DiscoveryRule, Finding, SeverityDecision
from findings.services.applying import Settled, parts, set_severities, settle
from findings.services.reading import Row
from scopes.models import Asset
from scopes.services.assets import lock_assets

TAKE_BACK = "take_back"  # the kind of the job
AT_ONCE = 1_000  # what is taken back where a rule is ended; the rest is a job
PART = 5_000  # of a job, in one transaction
KINDS = frozenset({"severity", "set_aside"})

Did = Mapping[int, Mapping[str, Collection[Any]]]  # finding → kind → what rules set


def take_back(scope_id: int, ended: Collection[int], *, at: datetime) -> dict[str, Any]:
    """Undo what rules set aside and rated that end in this transaction; return what an event says of it.

    The first ``AT_ONCE`` at once, what is left by a job for each rule.
    """
    settled, last = _take_back(scope_id, ended, AT_ONCE, at=at)
    if last is None:
        return settled.to_dict()
    for rule in ended:
        jobs.enqueue(kind=TAKE_BACK, subject_id=rule, at=at)
    return {**settled.to_dict(), "more_follows": True}


def take_back_job(job: Job) -> None:
    """The job of one ended rule, with one event for each part. The next one goes on where this one is killed."""
    rule = DiscoveryRule.objects.get(pk=job.subject_id)
    last: int | None = 0
    while last is not None:
        with transaction.atomic():
            if not jobs.held(job).exists():
                return
            at = timezone.now()
            settled, last = _take_back(rule.scope_id, [rule.pk], PART, after=last, at=at)
            if settled.findings:
                append_event(
                    scope_id=rule.scope_id, action="discovery_rule.taken_back",
                    subject="discovery_rule", subject_id=rule.pk, by=None, at=at,
                    data={"name": rule.name, **settled.to_dict()},
                )  # fmt: skip
    jobs.finish(job, timezone.now())


def _take_back(
    scope_id: int, ended: Collection[int], most: int, *, at: datetime, after: int = 0
) -> tuple[Settled, int | None]:
    """Take back ``most`` of what is kept, behind the row ``after``; also return the last row, None: all is done."""
    tags, settled = lock_assets(scope_id), Settled()  # first: imports read rules under these locks
    rules = rules_in_force(scope_id, at)
    standing = AppliedRule.objects.filter(rule__in=ended, undone_at__isnull=True, pk__gt=after)
    rows = list(standing.order_by("pk").values_list("pk", "finding_id", "did")[: most + 1])
    did: dict[int, dict[str, set[Any]]] = defaultdict(lambda: defaultdict(set))
    for _, finding, share in rows[:most]:
        for kind in KINDS & share.keys():
            did[finding][kind].add(share[kind])
    for part in parts(Finding.objects.filter(pk__in=bulk.listed(did))):
        _undo(part, did, settled, at)
        again = Finding.objects.open().filter(pk__in=bulk.listed([row.pk for row in part]))
        settle(again, rules, tags, at=at, kinds=KINDS)
    ids = [pk for pk, *_ in rows[:most]]
    AppliedRule.objects.filter(pk__in=bulk.listed(ids)).update(undone_at=at)
    return settled, ids[-1] if len(rows) > most else None


def _undo(part: Sequence[Row], did: Did, settled: Settled, at: datetime) -> None:
    people = SeverityDecision.objects.filter(finding__in=bulk.listed([row.pk for row in part]))
    decided = set(people.values_list("finding_id", flat=True))
    aside = [(r.pk, "") for r in part if r.set_aside and r.set_aside in did[r.pk]["set_aside"]]
    severities = [
        (row.pk, row.by_tool, "")
        for row in part
        if row.decided_severity
        and row.pk not in decided
        and row.decided_severity in did[row.pk]["severity"]
    ]
    bulk.update(Finding, ("set_aside",), aside)
    set_severities(severities, at=at)
    settled.add("set_aside", [row[0] for row in aside])
    settled.add("severity", [row[0] for row in severities])


# --- what is another by now ------------------------------------------------------------------------
def ask_again(asset: Asset, findings: Collection[int], *, at: datetime) -> None:
    """Ask the rules in force again of those findings of an asset that are set aside; others stay as they are.

    For imports, of what a report says something else now; what no rule sets aside any more is in the
    queues again. A fixed number of statements for each 5,000 that are set aside.
    """
    if not findings:
        return
    rows = Finding.objects.filter(pk__in=bulk.listed(findings)).exclude(set_aside="")
    aside = list(rows.values_list("pk", flat=True))
    if not aside:
        return
    _let_go(aside, at)
    bulk.update(Finding, ("set_aside",), ((pk, "") for pk in aside))
    settle(
        Finding.objects.filter(pk__in=bulk.listed(aside)), rules_in_force(asset.scope_id, at),
        {asset.pk: frozenset(asset.tags)}, at=at, kinds=("set_aside",),
    )  # fmt: skip


def _let_go(findings: Collection[int], at: datetime) -> None:
    """Nothing of this is set aside by a rule any more; what rules did besides stays their doing."""
    rows = AppliedRule.objects.filter(
        finding__in=bulk.listed(findings), did__has_key="set_aside", undone_at__isnull=True
    )
    told = [
        (pk, {kind: value for kind, value in did.items() if kind != "set_aside"}, did)
        for pk, did in rows.values_list("pk", "did")
    ]
    bulk.update(
        AppliedRule, ("did", "undone_at"),
        (
            (pk, json.dumps(rest or did), None if rest else bulk.moment(at))
            for pk, rest, did in told
        ),
    )  # fmt: skip
