"""What another policy would have decided on closures that are on record. Reads only; keeps nothing."""

import time
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Sum

from core.errors import BadInput, Unavailable
from core.models import Blob, User
from core.permissions import Permission
from gate.errors import InputError
from gate.policy import Policy, differences, load
from gate.policy_replay import Replay, replay, totals
from scans.models import Clearance, Verification
from scans.services.clearances import certificate_inputs
from scopes.access import check_may
from scopes.models import Scope
from scopes.services import read_policy

DEFAULT_LAST = 20
MOST_LAST = 100  # closures that a page or a request looks at
MOST_SECONDS = 20.0  # after which a page or a request begins no further closure
MOST_EVIDENCE = 64 * 1024 * 1024  # bytes of one closure's documents that a page or a request reads
UNREADABLE = (OSError, EOFError, zlib.error, InputError)  # gone, cut short, or not for this gate


@dataclass(frozen=True, slots=True)
class Replayed:
    """A closure with what the policy would have decided; without it, ``problem`` says why."""

    clearance: Clearance
    replay: Replay | None
    problem: str = ""

    @property
    def would_close(self) -> bool:
        return self.replay is not None and self.replay.passes

    @property
    def why(self) -> tuple[str, ...]:
        """What stands in the way, a sentence each."""
        return self.replay.why if self.replay else (self.problem,)


@dataclass(frozen=True, slots=True)
class DryRun:
    """The answer over the last closures. ``left``: closures that no time was left for."""

    policy: Policy
    differences: tuple[str, ...]
    asked: int
    rows: tuple[Replayed, ...]
    left: int

    @property
    def counts(self) -> dict[str, int]:
        return totals(row.replay for row in self.rows)

    @property
    def stopped(self) -> int:
        """How many of those that were looked at would not have been closed."""
        return sum(not row.would_close for row in self.rows)


def dry_run(*, scope: Scope, toml: bytes, last: int, by: User) -> DryRun:
    """Judge the last closures of a scope by a policy text, within the limits of a request.

    For who may change the policy. Raises BadInput with the line of what is wrong with the text.
    """
    check_may(by, Permission.ADMINISTER, scope.pk)
    if not 1 <= last <= MOST_LAST:
        raise BadInput("last", f"{last} is outside 1 to {MOST_LAST}")
    policy = read_policy(toml)
    ids = _last(scope, last)
    until, rows = time.monotonic() + MOST_SECONDS, []
    for row in replay_closures(ids, policy, most_evidence=MOST_EVIDENCE):
        rows.append(row)
        if time.monotonic() > until:
            break
    told = tuple(differences(in_force(scope), policy))
    return DryRun(policy, told, last, tuple(rows), len(ids) - len(rows))


def in_force(scope: Scope) -> Policy:
    """Return the policy of a scope as the gate reads it."""
    return load(scope.policy.toml.encode(), scope.policy.name)


def replays(*, scope: Scope, policy: Policy, last: int) -> Iterator[Replayed]:
    """Yield the last closures of a scope by a policy, newest first; one is in memory at a time."""
    yield from replay_closures(_last(scope, last), policy)


def _last(scope: Scope, last: int) -> list[int]:
    """The last closures, those that were revoked since among them."""
    rows = Clearance.objects.filter(scope=scope).order_by("-issued_at", "-pk")
    return list(rows.values_list("pk", flat=True)[:last])


def replay_closures(
    ids: list[int], policy: Policy, *, most_evidence: int | None = None
) -> Iterator[Replayed]:
    """Yield closures in this order. ``most_evidence``: bytes beyond which one is not read.

    Raises Unavailable where the stored files do not answer.
    """
    rows = Clearance.objects.select_related("finding", "verification__policy")
    for pk in ids:
        clearance = rows.defer("certificate").get(pk=pk)
        try:
            _check_size(clearance.verification, most_evidence)
            yield Replayed(clearance, _replayed(clearance.verification, policy))
        except Unavailable:
            raise
        except UNREADABLE as error:
            yield Replayed(clearance, None, f"It cannot be judged again: {error}")


def _replayed(verification: Verification, policy: Policy) -> Replay:
    inputs, about = certificate_inputs(verification), verification.inputs["finding"]
    return replay(inputs, verification.judgement, policy, finding=about)


def _check_size(verification: Verification, most: int | None) -> None:
    if most is None:
        return
    size = _size(verification.inputs)
    if size > most:
        told = f"{size} bytes of evidence, more than {most} at once: use manage.py policy_replay"
        raise InputError("evidence", told)


def _size(inputs: Mapping[str, Any]) -> int:
    digests = {document["sha256"] for document in inputs["documents"]} | {inputs["diff"]}
    found = Blob.objects.filter(pk__in=digests - {None}).aggregate(total=Sum("size"))
    return found["total"] or 0
