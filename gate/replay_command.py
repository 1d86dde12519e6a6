"""``python -m gate policy replay``: bundles of closures, judged by another policy. No server."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from gate.errors import InputError
from gate.policy import Policy
from gate.policy_replay import Replay, replay, totals
from gate.rejudging import documents
from gate.statement import mapping
from gate.verification import certified

SCHEMA = "ctem.policy-replay/1"
ALL_PASS, SOME_DO_NOT = 0, 1


@dataclass(frozen=True, slots=True)
class Closure:
    """One bundle with what became of it."""

    bundle: str
    id: str
    replay: Replay

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {"bundle": self.bundle, "id": self.id, **self.replay.to_dict()}


def run(policy: Policy, bundles: Sequence[str], form: str, read: Callable[[str], bytes]) -> int:
    """Judge each bundle's evidence by the policy; one is in memory at a time.

    A bundle is held to its own digests and keys: whose keys they are is for ``verify``. Returns 0 if
    all would still pass, 1 if some would not. Raises InputError for a bundle that is not whole.
    """
    found = []
    for closure in _closures(policy, bundles, read):
        found.append(closure)
        if form == "text":
            _write(_told(closure))
    counts = totals(closure.replay for closure in found)
    about = {"name": policy.name, "digest": policy.digest}
    if form == "json":
        rows = [closure.to_dict() for closure in found]
        document = {"schema": SCHEMA, "policy": about, "totals": counts, "closures": rows}
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
    else:
        passing = f"{counts['pass']} of {len(found)} closures would pass"
        _write([f"{passing} by {policy.name}, {policy.digest}"])
    return ALL_PASS if counts["pass"] == len(found) else SOME_DO_NOT


def _closures(
    policy: Policy, bundles: Sequence[str], read: Callable[[str], bytes]
) -> Iterator[Closure]:
    for path in bundles:
        try:
            members, predicate = certified(read(path))
            finding = mapping(predicate.get("finding"))
            recorded, about = mapping(predicate.get("judgement")), str(finding.get("reference"))
            one = replay(documents(members, predicate), recorded, policy, finding=about)
        except InputError as error:
            raise InputError(path, str(error).removeprefix(f"{path}: ")) from None
        yield Closure(path, str(finding.get("id") or ""), one)


def _told(closure: Closure) -> list[str]:
    one = closure.replay
    tier = one.tier_now if one.tier_then == one.tier_now else f"{one.tier_then} -> {one.tier_now}"
    names = " ".join(filter(None, (closure.id, one.finding)))
    lines = [f"{closure.bundle}: {names}: {one.verdict_then} -> {one.verdict_now}, tier {tier}"]
    lines += [f"    {'! ' if c.blocks else '  '}{c.sentence}" for c in one.changes]
    return [*lines, f"      {one.note}"] if one.note else lines


def _write(lines: Sequence[str]) -> None:
    """Without control characters: the text comes from files that somebody sent."""
    for line in lines:
        printable = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line)
        sys.stdout.write(f"{printable}\n")
