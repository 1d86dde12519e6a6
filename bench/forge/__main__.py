"""``python -m bench.forge``: an organisation on a fake GitHub, looked at three times; print a table.

The fake answers in this process, the product does all its jobs one after the other in another one,
with SQLite and files in the temporary folder. With more workers the first look is shorter.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.forges.codeql import DEFAULT_SETUP, WEAK, files_of, report_of
from tests.forges.fake_github import FakeGitHub
from tests.forges.fake_github_records import FakeRepository

ROOT = Path(__file__).resolve().parents[2]
HEAD = f"{'look':<28} {'jobs':>6} {'requests':>8} {'s':>7} {'peak MB':>8}"
LONG_AGO = timedelta(days=30)  # when most repositories were pushed to
PUSHED = 5


def main() -> None:
    """Fill the organisation, have it looked at, print how long and how often it was asked."""
    parser = argparse.ArgumentParser(prog="python -m bench.forge", description=__doc__)
    parser.add_argument("--repositories", type=int, default=800)
    parser.add_argument("--requests", action="store_true", help="also which requests they were")
    options = parser.parse_args()
    with FakeGitHub(org="acme") as github, _product(github) as product:
        repositories = _filled(github, options.repositories)
        sys.stdout.write(f"{options.repositories} repositories, one worker\n{HEAD}\n")
        looks = ("first look", "nothing changed", f"{PUSHED} repositories pushed")
        for name in looks:
            if name == looks[-1]:
                _push(github, repositories[:PUSHED])
            sys.stdout.write(_look(github, product, name, shown=options.requests))
            sys.stdout.flush()


def _filled(github: FakeGitHub, number: int) -> list[FakeRepository]:
    """Repositories with a report each. They share one folder of git, and so their first commit."""
    first = github.add_repository("shop-0", {"app/pack.py": WEAK})
    repositories = [first]
    for index in range(1, number):
        name = f"shop-{index}"
        repositories.append(
            FakeRepository(
                github.next_id(), name, f"acme/{name}", "main", first.git, {"main"}, github.now()
            )
        )
        github.repositories[name] = repositories[-1]
    commit = first.git.resolve("main") or ""
    for one in repositories:
        one.pushed_at = github.now() - LONG_AGO
        _scan(github, one, commit)
    return repositories


def _scan(github: FakeGitHub, repository: FakeRepository, commit: str) -> None:
    github.add_analysis(
        repository, "refs/heads/main", commit, "CodeQL", report_of(files_of(repository, commit)),
        version="2.23.5", analysis_key=DEFAULT_SETUP, category="/language:python",
    )  # fmt: skip


def _push(github: FakeGitHub, repositories: list[FakeRepository]) -> None:
    for one in repositories:
        commit = github.commit(one, "main", {f"{one.name}.py": "x = 1\n"}, "A change")
        _scan(github, one, commit)


# --- the product ---------------------------------------------------------------------------------
@contextmanager
def _product(github: FakeGitHub) -> Iterator[subprocess.Popen[str]]:
    """The product, connected: it looks and tells for each line that it is given."""
    with tempfile.TemporaryDirectory(prefix="ctem-bench-") as folder:
        environ = {
            **{name: text for name, text in os.environ.items() if not name.startswith("CTEM_")},
            "CTEM_DATA_DIR": folder, "DATABASE_URL": f"sqlite:///{folder}/ctem.sqlite3",
            "CTEM_OUTBOUND_PLAIN_HOSTS": github.host, "CTEM_LOG_LEVEL": "ERROR",
        }  # fmt: skip
        manage = [sys.executable, "manage.py"]
        subprocess.run(  # noqa: S603 - the command stands above
            [*manage, "migrate", "-v", "0"], cwd=ROOT, env=environ, check=True
        )
        script = "from bench.forge.once import main; main()"
        command = [*manage, "shell", "--no-imports", "-c", script]
        with subprocess.Popen(  # noqa: S603
            command, cwd=ROOT, env=environ, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        ) as product:  # fmt: skip
            sign_in = github.app_sign_in()
            sign_in["key"] = sign_in.pop("private_key")
            _tell(product, {"account": github.org, "api": github.api, "sign_in": "app", **sign_in})
            yield product
            product.stdin.close()  # type: ignore[union-attr]


def _tell(product: subprocess.Popen[str], told: dict[str, Any]) -> None:
    if product.stdin is not None:
        product.stdin.write(json.dumps(told) + "\n")
        product.stdin.flush()


def _look(github: FakeGitHub, product: subprocess.Popen[str], name: str, *, shown: bool) -> str:
    """Have the product look once; return a line of the table. Raises SystemExit where it fails."""
    before = len(github.requests)
    _tell(product, {"look": name})
    line = product.stdout.readline() if product.stdout else ""
    if not line:
        raise SystemExit("the product failed")
    told = json.loads(line)
    asked = github.requests[before:]
    row = (
        f"{name:<28} {told['jobs']:>6} {len(asked):>8} {told['seconds']:>7.1f}"
        f" {told['peak'] / 1024:>8.0f}\n"
    )
    if told["failed"]:
        raise SystemExit(f"{row}{told['failed']}")
    if shown:
        kinds = Counter(f"{method} {_kind(path)}" for method, path in asked)
        row += "".join(f"    {count:>6} {kind}\n" for kind, count in kinds.most_common())
    return row


def _kind(path: str) -> str:
    """A path without names and numbers."""
    parts = path.split("/")
    if parts[1] == "repos":
        parts[3] = "…"
    return "/".join("…" if part.isdecimal() or len(part) == 40 else part for part in parts)


if __name__ == "__main__":
    main()
