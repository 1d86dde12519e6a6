"""Which weights a scope's priorities are worked out by: storing them, trying them, putting them in force."""

import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from core.errors import WrongState
from core.events import append_event
from core.models import Event, User
from core.permissions import Permission
from findings.models import Cause, Finding, Rescoring
from findings.services.rescoring import PART, dry_run, lock_if_few, order_rescoring, rows_of
from findings.weights import DEFAULT, Weights, digest_of, read_weights
from scopes.access import check_may
from scopes.models import PriorityPolicy, Scope

DRY_RUN_SECONDS = 20.0  # after which no further part is begun
MOST_VERSIONS = 50


@dataclass(frozen=True, slots=True)
class PriorityVersion:
    """Weights that were in force in a scope from a moment on; ``since`` None: since the scope is there."""

    name: str
    digest: str
    toml: str
    since: datetime | None
    until: datetime | None
    by: User | None


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What weights would change of a scope's open findings, if they were put in force now."""

    looked_at: int = 0
    left: int = 0  # findings that were not looked at, for want of time
    changed: int = 0  # priorities
    bands: dict[str, int] = field(default_factory=dict)  # "P3 to P2" → findings
    moved: int = 0  # findings that would be in another band


def try_priority_policy(*, scope: Scope, toml: bytes, by: User) -> Rehearsed:
    """Return what weights would change, and change nothing. Raises BadInput naming the member."""
    check_may(by, Permission.ADMINISTER, scope.pk)
    weights = read_weights(toml)
    findings = Finding.objects.filter(scope=scope).open().order_by("pk")
    end, looked, changed, bands, after = time.monotonic() + DRY_RUN_SECONDS, 0, 0, Counter[str](), 0
    while ids := list(findings.filter(pk__gt=after).values_list("pk", flat=True)[:PART]):
        done = dry_run(rows_of(ids), weights)
        looked, changed, bands = looked + done.looked_at, changed + done.changed, bands + done.bands
        after = ids[-1]
        if time.monotonic() > end:
            break
    left = findings.filter(pk__gt=after).count() if looked else 0
    return Rehearsed(looked, left, changed, dict(sorted(bands.items())), sum(bands.values()))


@transaction.atomic
def put_priority_policy_in_force(
    *, scope: Scope, toml: bytes, by: User, at: datetime, replaces: str | None = None
) -> Rescoring:
    """Weigh the priorities of a scope by a text from now on, and score its findings anew.

    A name means one text in a scope. ``replaces``: the digest that the proposal was compared with;
    WrongState if other weights are in force by now. Raises BadInput naming the member.
    """
    check_may(by, Permission.ADMINISTER, scope.pk)
    weights = read_weights(toml)
    now = Scope.objects.select_for_update(of=("self",), no_key=True).get(pk=scope.pk)
    before = digest_in_force(now)
    if replaces is not None and replaces != before:
        raise WrongState("Other weights were put in force meanwhile. Compare again.")
    if refusal := why_not_in_force(now, weights, toml):
        raise WrongState(refusal)
    now.priority_policy = _stored(weights, toml, by, at)
    now.save(update_fields=["priority_policy"])
    scope.priority_policy = now.priority_policy
    lock_if_few(now.pk)
    append_event(
        scope_id=now.pk, action="scope.priority_policy_set", subject="scope", subject_id=now.pk,
        by=by, at=at, data={"from": before, "to": digest_of(toml), "name": weights.name},
    )  # fmt: skip
    return order_rescoring(scope_id=now.pk, cause=Cause.POLICY, by=by, at=at)


def _stored(weights: Weights, toml: bytes, by: User, at: datetime) -> PriorityPolicy:
    told = {"name": weights.name, "toml": toml.decode(), "created_at": at, "created_by": by}
    row, _ = PriorityPolicy.objects.get_or_create(digest=digest_of(toml), defaults=told)
    return row


def digest_in_force(scope: Scope) -> str:
    """Return the digest of the weights in force."""
    return scope.priority_policy.digest if scope.priority_policy else DEFAULT.digest


def text_in_force(scope: Scope) -> str:
    """Return the text of the weights in force."""
    return scope.priority_policy.toml if scope.priority_policy else DEFAULT.to_toml()


def why_not_in_force(scope: Scope, weights: Weights, toml: bytes) -> str:
    """Say why weights cannot be put in force as things stand; empty: they can."""
    digest = digest_of(toml)
    if digest == digest_in_force(scope):
        return "These very weights are in force already."
    if any(v.name == weights.name and v.digest != digest for v in priority_versions(scope)):
        return (
            f"The name {weights.name!r} already means other weights here. Changed weights need"
            " another name, so that people can tell them apart."
        )
    return ""


def priority_versions(scope: Scope) -> list[PriorityVersion]:
    """Return the weights that were in force in a scope, newest first; the last 50 and the first."""
    log = Event.objects.about("scope", scope.pk).filter(action="scope.priority_policy_set")
    events = list(log.select_related("actor").order_by("-id")[:MOST_VERSIONS])
    digests = {event.data[end] for event in events for end in ("from", "to")}
    known = {p.digest: p for p in PriorityPolicy.objects.filter(digest__in=digests)}
    versions, until = [], None
    for event in events:
        if policy := known.get(event.data["to"]):
            told = policy.name, policy.digest, policy.toml
            versions.append(PriorityVersion(*told, event.at, until, event.actor))
        until = event.at
    if len(events) < MOST_VERSIONS:
        told = DEFAULT.name, DEFAULT.digest, DEFAULT.to_toml()
        versions.append(PriorityVersion(*told, None, until, None))
    return versions
