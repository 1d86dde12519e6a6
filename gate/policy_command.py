"""``python -m gate policy show | check | diff | replay``: looking at policies, and trying them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from gate import replay_command
from gate.policy import DEFAULT, Policy, differences, load

Read = Callable[[str], bytes]


def main(parser: argparse.ArgumentParser, argv: list[str], read: Read) -> int:
    """Run the subcommand; returns its exit status. ``read`` gives the bytes of a file.

    Raises InputError.
    """
    _add_arguments(parser)
    call = parser.parse_args(argv)
    if call.what == "show":
        policy = _policy(call.policy, read)
        sys.stdout.buffer.write(policy.to_toml())
        return 0
    if call.what == "check":
        policy = _policy(call.policy, read)
        sys.stdout.write(f"{policy.name}: a valid policy, {policy.digest}\n")
        return 0
    if call.what == "replay":
        policy = _policy(call.policy, read)
        return replay_command.run(policy, call.bundle, call.format, read)
    old, new = (call.old, call.new) if call.new else (None, call.old)
    changes = differences(_policy(old, read), _policy(new, read))
    sys.stdout.write("".join(f"{line}\n" for line in changes) or "No difference.\n")
    return 0


def _policy(path: str | None, read: Read) -> Policy:
    return load(read(path), path) if path else DEFAULT


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_subparsers(dest="what", required=True)
    show = what.add_parser("show", help="print a policy, without a file the default one")
    show.add_argument("policy", nargs="?")
    check = what.add_parser("check", help="read a policy and say its digest")
    check.add_argument("policy")
    diff = what.add_parser("diff", help="what changes from one policy to another")
    diff.add_argument("old", help="without a second policy, the default one is the old one")
    diff.add_argument("new", nargs="?")
    replay = what.add_parser("replay", help="what a policy would have decided on closures")
    replay.add_argument("policy")
    replay.add_argument("bundle", nargs="+", help="the auditor's bundle of a closure (.zip)")
    replay.add_argument("--format", choices=("text", "json"), default="text")
