"""Telling pull requests how their fix stands: jobs that send what changed since the last time.

In observe mode nothing is sent; in warn mode nothing that is sent can stop a merge.
"""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import CharField, Exists, F, Max, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Concat
from django.urls import reverse
from django.utils import timezone

from core import jobs
from core.models import Job, JobState
from core.outbound import HostError
from forges.hosts.records import Lamp
from forges.models import InboundMessage, PullRequest
from forges.services import lamps
from forges.services.analyses import Desk
from forges.services.attempts import host_errors
from forges.services.opening import open_host
from forges.statuses import ConnectionState, Mode, PullState
from gate import policy as gate_policy
from gate.terms import Tier
from remediations.models import Remediation
from scans.models import Clearance, Verification

MOST = 500  # pull requests that one look for news rings for
MERGED_FOR = timedelta(days=7)  # after which a merged pull request is left as it is
PAUSE = timedelta(seconds=3)  # while another job speaks to the same pull request
UNTOLD = "It could not be told how the fix stands: "
_OF_GROUP = re.compile(r"refs/heads/gh-readonly-queue/.+/pr-([0-9]{1,9})-[0-9a-f]{40,64}")


def find_unshown(*, at: datetime) -> int:
    """Ring for each pull request that was judged anew since it was told last; return how many.

    Open ones, and those that merged within a week. Each judgement is rung for once.
    """
    told = [*_judged_anew(at), *_without_fix()]
    for pk, news in told:
        jobs.enqueue(kind="forge_show", subject_id=pk, at=at, key=f"forge_show:{pk}:{news}")
    return len(told)


def _spoken_to() -> QuerySet[PullRequest]:
    """The pull requests of connections that tell what they see."""
    return PullRequest.objects.filter(
        repository__connection__state=ConnectionState.ACTIVE,
        repository__connection__mode__in=[Mode.WARN, Mode.BLOCK],
    ).exclude(head_commit="")


def _judged_anew(at: datetime) -> list[tuple[int, Any]]:
    newest = Verification.objects.filter(remediation=OuterRef("remediation")).order_by("-pk")
    merged = Q(state=PullState.MERGED, remediation__merged_at__gte=at - MERGED_FOR)
    rows = _spoken_to().filter(Q(state=PullState.OPEN) | merged, remediation__isnull=False)
    anew = rows.annotate(newest=Subquery(newest.values("pk")[:1])).filter(
        newest__gt=F("shown_verification")
    )
    return list(anew.exclude(_is_rung("newest")).order_by("pk").values_list("pk", "newest")[:MOST])


def _without_fix() -> list[tuple[int, Any]]:
    """Where a rule may ask for the lamps, what is no fix must not wait for them."""
    rows = _spoken_to().filter(
        repository__connection__mode=Mode.BLOCK, state=PullState.OPEN, remediation__isnull=True
    )
    told = rows.annotate(told=KT("shown__safe__place")).filter(
        Q(told__isnull=True) | ~Q(told=F("head_commit"))
    )
    untold = told.exclude(_is_rung("head_commit")).order_by("pk")
    return list(untold.values_list("pk", "head_commit")[:MOST])


def _is_rung(news: str) -> Exists:
    """Whether a job was queued for this very news; done or given up, it is not queued again."""
    parts = ("pk", news)
    texts = [Cast(OuterRef(part), CharField()) for part in parts]
    key = Concat(Value("forge_show:"), texts[0], Value(":"), texts[1])
    return Exists(Job.objects.filter(key=key))


# --- jobs ----------------------------------------------------------------------------------------
def show_pull(job: Job) -> None:
    """Tell one pull request how its fix stands: what differs from what it was told last."""
    pull = _pull(pk=job.subject_id)
    if pull is None or not _is_spoken_to(pull):
        jobs.finish(job, timezone.now())
        return
    if _another_speaks(job):
        jobs.postpone(job, timezone.now() + PAUSE, "Another job is speaking to it.")
        return
    newest = _newest(pull)  # before all else is read: what comes meanwhile is told the next time
    with host_errors(job, pull):
        _tell(pull)
        with transaction.atomic():
            if jobs.finish(job, timezone.now()):
                rows = PullRequest.objects.filter(pk=pull.pk)
                rows.update(shown_verification=newest)
                rows.filter(problem__startswith=UNTOLD).update(problem="")


def show_group(job: Job) -> None:
    """Show the lamps of a pull request on the commit that a merge queue made of it."""
    message = InboundMessage.objects.select_related("connection").get(pk=job.subject_id)
    match = _OF_GROUP.fullmatch(message.ref)
    pull = _pull(
        repository__connection=message.connection,
        repository__host_id=message.repository,
        number=int(match[1]),
    ) if match and message.commit else None  # fmt: skip
    if pull is None or not _is_spoken_to(pull):
        jobs.finish(job, timezone.now())
        return
    with host_errors(job, pull):
        desk = _desk(pull)
        for lamp in _lamps(pull, standing_of(pull)):
            desk.host.show_lamp(desk.told, lamps.of_a_group(lamp, message.commit), "")
        jobs.finish(job, timezone.now())


def _pull(**which: Any) -> PullRequest | None:
    rows = PullRequest.objects.select_related(
        "repository__connection__actor", "repository__asset", "remediation__scope__policy"
    )
    return rows.filter(**which).first()


def _is_spoken_to(pull: PullRequest) -> bool:
    connection = pull.repository.connection
    return not connection.has_ended and connection.mode != Mode.OBSERVE and bool(pull.head_commit)


def _another_speaks(job: Job) -> bool:
    """Whether another job speaks to this pull request now: two at once would write two comments."""
    rows = Job.objects.filter(kind=job.kind, subject_id=job.subject_id, state=JobState.RUNNING)
    return rows.filter(lease_until__gt=timezone.now()).exclude(pk=job.pk).exists()


# --- what there is to tell -----------------------------------------------------------------------
def _newest(pull: PullRequest) -> int:
    if pull.remediation_id is None:
        return pull.shown_verification
    rows = Verification.objects.filter(remediation=pull.remediation_id)
    return max(pull.shown_verification, rows.aggregate(newest=Max("pk"))["newest"] or 0)


def standing_of(pull: PullRequest) -> lamps.Standing | None:
    """How the fix of a pull request stands at its head; None where it is no fix."""
    fix = pull.remediation
    if fix is None:
        return None
    rows = Verification.objects.current().filter(remediation=fix, head_commit=pull.head_commit)
    judged = {row.finding_id: row for row in rows.defer("inputs")}
    clearances = Clearance.objects.filter(remediation=fix, live=True)
    closed = set(clearances.values_list("finding_id", flat=True))
    return lamps.Standing(
        fix=fix,
        head=pull.head_commit,
        mode=Mode(pull.repository.connection.mode),
        is_open=pull.state == PullState.OPEN,
        judged=[
            lamps.Judged(
                finding,
                judged.get(finding.pk),
                reverse("certificate", args=[finding.pk]) if finding.pk in closed else "",
            )
            for finding in fix.findings.order_by("pk")
        ],
        site=settings.PUBLIC_URL,
        questions=_questions(fix, {row.tier for row in judged.values()}),
    )


def _questions(fix: Remediation, tiers: set[str]) -> list[str]:
    """What the policy in force asks reviewers at any of these tiers."""
    stored = fix.scope.policy
    policy = gate_policy.load(stored.toml.encode(), stored.name)
    asked = [q for tier in Tier if tier in tiers for q in policy.terms[tier].questions]
    return list(dict.fromkeys(asked))


def _lamps(pull: PullRequest, standing: lamps.Standing | None) -> list[Lamp]:
    if standing is not None:
        return [lamps.lamp(standing, name) for name in lamps.NAMES]
    if pull.repository.connection.mode != Mode.BLOCK:
        return []
    return [lamps.neutral_lamp(name, pull.head_commit, pull.url) for name in lamps.NAMES]


# --- telling it ----------------------------------------------------------------------------------
def _desk(pull: PullRequest) -> Desk:
    return Desk(open_host(pull.repository.connection), pull.repository)


def _tell(pull: PullRequest) -> None:
    """Send what differs. Raises HostError that says what could not be done."""
    standing = standing_of(pull)
    try:
        desk = _desk(pull)
        if pull.state != PullState.CLOSED:
            for name, lamp in zip(lamps.NAMES, _lamps(pull, standing), strict=False):
                _show(desk, pull, name, lamp)
        if standing is not None and (pull.state != PullState.CLOSED or "comment" in pull.shown):
            _comment(desk, pull, lamps.comment(standing))
    except HostError as error:
        raise HostError(
            UNTOLD + error.sentence, retry_after=error.retry_after, final=error.final
        ) from error


def _show(desk: Desk, pull: PullRequest, name: str, lamp: Lamp) -> None:
    _say(
        pull,
        name,
        place=lamp.commit,
        content=asdict(lamp),
        send=lambda known: desk.host.show_lamp(desk.told, lamp, known),
    )


def _comment(desk: Desk, pull: PullRequest, text: str) -> None:
    _say(
        pull,
        "comment",
        place="",
        content={"text": text},
        send=lambda known: desk.host.comment(desk.told, pull.number, text, known),
    )


def _say(
    pull: PullRequest, part: str, *, place: str, content: dict[str, Any], send: Callable[[str], str]
) -> None:
    """Send one part unless it is what was sent last; keep what the host calls it."""
    written = json.dumps(content, sort_keys=True)
    digest = hashlib.sha256(written.encode()).hexdigest()
    last = pull.shown.get(part, {})
    is_there = last.get("place") == place
    if is_there and last["digest"] == digest:
        return
    given = send(last["known"] if is_there else "")
    pull.shown[part] = {"known": given, "digest": digest, "place": place}
    PullRequest.objects.filter(pk=pull.pk).update(shown=pull.shown)
