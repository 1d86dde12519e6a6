"""What would this policy have decided on the last closures of a scope? Reads only."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.errors import BadInput, Unavailable
from core.moments import rfc3339
from gate.policy import MAX_BYTES, Policy
from gate.policy_replay import totals
from scans.services.policies import DEFAULT_LAST, Replayed, replays
from scopes.models import Scope
from scopes.services import read_policy

MOST_LAST = 10_000
SOME_DO_NOT, UNUSABLE = 1, 3


class Command(BaseCommand):
    help = (
        "Judge the evidence of a scope's last closures by another policy. Exit status: 0 all would "
        "still be closed, 1 some would not, 3 the policy, the call or the stored files cannot be used."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("scope", help="its slug")
        parser.add_argument("--policy", type=Path, required=True, metavar="FILE", help="TOML")
        parser.add_argument("--last", type=int, default=DEFAULT_LAST, metavar="N",
                            help=f"closures, newest first (1 to {MOST_LAST})")  # fmt: skip
        parser.add_argument(
            "--json", action="store_true", help="an object a line, the last one with the totals"
        )

    def handle(self, *args: Any, scope: str, **options: Any) -> None:
        row = Scope.objects.filter(slug=scope).first()
        if row is None:
            raise CommandError(f"there is no scope {scope!r}", returncode=UNUSABLE)
        if not 1 <= options["last"] <= MOST_LAST:
            raise CommandError(f"--last is 1 to {MOST_LAST}", returncode=UNUSABLE)
        policy = _read(options["policy"])
        found = []
        try:
            for closure in replays(scope=row, policy=policy, last=options["last"]):
                found.append(closure.replay)
                self.stdout.write(_as_json(closure) if options["json"] else _as_text(closure))
        except Unavailable as error:
            raise CommandError(str(error), returncode=UNUSABLE) from error
        counts = totals(found)
        passing = f"{counts['pass']} of {len(found)} closures would pass by {policy.name}"
        about = {"name": policy.name, "digest": policy.digest}
        last = json.dumps({"policy": about, "totals": counts})
        self.stdout.write(last if options["json"] else f"{passing}, {policy.digest}")
        if counts["pass"] < len(found):
            raise CommandError("some closures would not pass", returncode=SOME_DO_NOT)


def _read(path: Path) -> Policy:
    try:
        with path.open("rb") as file:
            return read_policy(file.read(MAX_BYTES + 1), path.name)
    except (OSError, BadInput) as error:
        raise CommandError(str(error), returncode=UNUSABLE) from error


def _as_json(closure: Replayed) -> str:
    row = closure.clearance
    told = closure.replay.to_dict() if closure.replay else {"problem": closure.problem}
    about = {"clearance": row.pk, "id": str(row.finding), "closed_at": rfc3339(row.issued_at),
             "live": row.live}  # fmt: skip
    return json.dumps({**about, **told})


def _as_text(closure: Replayed) -> str:
    row, one = closure.clearance, closure.replay
    if one is None:
        return f"{row.finding}: {closure.problem}"
    tier = one.tier_now if one.tier_then == one.tier_now else f"{one.tier_then} -> {one.tier_now}"
    told = f"{row.finding}, closed {rfc3339(row.issued_at)}{'' if row.live else ', revoked since'}"
    lines = [f"{told}: {one.verdict_then} -> {one.verdict_now}, tier {tier}"]
    lines += [f"    {'! ' if c.blocks else '  '}{c.sentence}" for c in one.changes]
    return "\n".join([*lines, f"      {one.note}"] if one.note else lines)
