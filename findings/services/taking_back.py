"""Taking back what rules of discovery did: part by part when a rule ends, and where a finding is another by now.

Owners and tags stay. What rules in force say of the same findings holds at once.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from core import bulk, jobs
from core.models import Job
from findings.discovery import ActingRule, rules_in_force
from findings.models import AppliedRule, DiscoveryRule, Finding, SeverityDecision
from findings.services.applying import Settled, parts, set_severities, settle
from findings.services.reading import Row
from findings.services.telling import append_set_event
from scopes.models import Asset
from scopes.services.assets import lock_assets

TAKE_BACK = "take_back"  # the kind of the job
AT_ONCE = 1_000  # what is taken back where a rule is ended; the rest is a job
PART = 5_000  # of a job, in one transaction
KINDS = frozenset({"severity", "set_aside"})

Tags = Mapping[int, frozenset[str]]  # of assets
Did = Mapping[int, Mapping[str, Collection[Any]]]  # finding → kind → what rules set


def take_back(scope_id: int, ended: Collection[int], *, at: datetime) -> Settled:
    """Undo what rules set aside and rated that end in this transaction; return what it changed.

    The first ``AT_ONCE`` at once, what is left by a job for each rule.
    """
    settled, last = _take_back(scope_id, ended, AT_ONCE, at=at)
    settled.more_follows = last is not None
    for rule in ended if settled.more_follows else ():
        jobs.enqueue(kind=TAKE_BACK, subject_id=rule, at=at)
    return settled


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
                append_set_event(
                    scope_id=rule.scope_id, action="discovery_rule.taken_back",
                    subject="discovery_rule", subject_id=rule.pk, by=None, at=at,
                    data={"name": rule.name, **settled.to_dict()}, findings=settled.findings,
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
def ask_again(
    asset: Asset, findings: Collection[int], *, at: datetime, worse: Collection[int] = ()
) -> None:
    """Ask the rules in force again of those findings of an asset that are set aside; others stay as they are.

    For imports, of what a report says something else now; what no rule sets aside any more is in the
    queues again. ``worse``: those that are rated worse; of these also where a rule decided the
    severity. A fixed number of statements for each 5,000 that are asked about.
    """
    rows = Finding.objects.filter(pk__in=bulk.listed(findings)).exclude(set_aside="")
    aside = list(rows.values_list("pk", flat=True)) if findings else []
    rated = _decided_by_rules(worse) if worse else []
    if not aside and not rated:
        return
    rules, tags = rules_in_force(asset.scope_id, at), {asset.pk: frozenset(asset.tags)}
    if aside:
        _let_go(aside, "set_aside", at)
        bulk.update(Finding, ("set_aside",), ((pk, "") for pk in aside))
        again = Finding.objects.filter(pk__in=bulk.listed(aside))
        settle(again, rules, tags, at=at, kinds=("set_aside",))
    if rated:
        _rate_again(rated, rules, tags, at)


def _decided_by_rules(findings: Collection[int]) -> list[int]:
    """Those whose severity a rule decided, and no person ever."""
    person = SeverityDecision.objects.filter(finding=OuterRef("pk"))
    rows = Finding.objects.filter(~Exists(person), pk__in=bulk.listed(findings))
    return list(rows.exclude(decided_severity="").values_list("pk", flat=True))


def _rate_again(
    findings: Collection[int], rules: Sequence[ActingRule], tags: Tags, at: datetime
) -> None:
    """What a rule decided stood for what it saw; the first that holds by now decides, else the tool."""
    _let_go(findings, "severity", at)
    again = Finding.objects.filter(pk__in=bulk.listed(findings))
    by_tool = {row.pk: row.by_tool for part in parts(again) for row in part}
    bulk.update(
        Finding, ("severity", "decided_severity"), ((pk, told, "") for pk, told in by_tool.items())
    )
    decided = settle(again, rules, tags, at=at, kinds=("severity",)).findings
    set_severities([(pk, told, "") for pk, told in by_tool.items() if pk not in decided], at=at)


def _let_go(findings: Collection[int], kind: str, at: datetime) -> None:
    """Nothing of this is any rule's doing any more; what rules did besides stays theirs."""
    rows = AppliedRule.objects.filter(
        finding__in=bulk.listed(findings), did__has_key=kind, undone_at__isnull=True
    )
    told = [
        (pk, {name: value for name, value in did.items() if name != kind}, did)
        for pk, did in rows.values_list("pk", "did")
    ]
    bulk.update(
        AppliedRule, ("did", "undone_at"),
        (
            (pk, json.dumps(rest or did), None if rest else bulk.moment(at))
            for pk, rest, did in told
        ),
    )  # fmt: skip
