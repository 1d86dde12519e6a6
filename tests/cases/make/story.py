"""One case being told: the revisions of a fix, its scans and facts, and what the gate must answer.

``Workshop.case`` gives a good fix with all its evidence; a case then changes what it is about and
says what is expected.
"""

from __future__ import annotations

import copy
import hashlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from history import DEV, Content, History, Revision, Tree
from scanners import Scan, Scanners

CLOCK = {"before": "2026-11-20T08:00:00Z", "after": "2026-11-20T11:00:00Z"}
AT = "2026-11-20T12:00:00Z"
REVIEWER = "Mara Prüfer <mara@example.org>"


class Case:
    """A case. ``before``, ``after``, ``control``, ``later`` are lists of reports, ``facts`` as facts.json."""

    def __init__(self, name: str, kind: str, title: str) -> None:
        self.name, self.kind, self.title = name, kind, title
        self.shows = ""
        self.setup = "pipeline"
        self.stock = False
        self.findings: list[str] = []
        self.before: list[Any] = []
        self.after: list[Any] = []
        self.control: list[Any] = []
        self.later: list[Any] = []
        self.known: Any = None
        self.policy = ""
        self.diff = ""
        self.facts: dict[str, Any] = {}
        self.expected: dict[str, Any] = {}
        self.base: Revision
        self.head: Revision
        self.merge: Revision

    def expect(
        self,
        safe: str = "pass",
        right: str = "pass",
        *,
        stops: str = "",
        cause: str = "",
        owner: str = "",
        shows: str = "",
        **more: Any,
    ) -> Case:
        """What the gate must answer: a verdict per lamp, and which checks at least stop it."""
        self.expected = {"safe": safe, "right": right, "stopped_by": stops.split(), **more}
        if cause:
            self.expected |= {"cause": cause, "owner": owner}
        self.shows = shows or self.shows
        return self

    def fact(self, path: str, value: Any) -> Case:
        """Set one member of the facts, named ``after.0.commit``; None takes it out."""
        *parents, last = path.split(".")
        inner: Any = self.facts
        for parent in parents:
            inner = inner[int(parent)] if parent.isdigit() else inner.setdefault(parent, {})
        if value is None:
            inner.pop(last, None)
        else:
            inner[last] = value
        return self


class Workshop:
    """Makes cases: one repository, scans kept in the folder of tools, one list of everything made."""

    def __init__(self, scanners: Scanners, folder: Path) -> None:
        self.scanners, self.folder = scanners, folder
        self.history = History(folder)
        self.cases: list[Case] = []

    def case(
        self,
        name: str,
        kind: str,
        title: str,
        base: Tree,
        change: Mapping[str, Content | None],
        findings: str | Sequence[str],
        *,
        tool: str = "bandit",
        options: Sequence[str] = (),
        message: str = "Do not start a shell",
        author: str = DEV,
        merged: str = "merge",
    ) -> Case:
        """A fix that was reviewed, merged and scanned by a pipeline with the wrapper."""
        case = Case(name, kind, title)
        case.findings = [findings] if isinstance(findings, str) else list(findings)
        case.base = self.history.commit(base, message="Base")
        case.head = self.history.commit(
            changed(base, change), message=message, author=author, parents=[case.base]
        )
        heads = {"merge": [case.base, case.head], "squash": [case.base]}.get(merged, [])
        case.merge = case.head
        if heads:
            subject = (
                "Merge pull request #7 from shop/fix" if merged == "merge" else f"{message} (#7)"
            )
            case.merge = self.history.commit(case.head.files, message=subject, parents=heads)
        case.diff = self.history.diff(case.base, case.head)
        case.facts = {"fix": fix_facts(case, merged), "before": [], "after": [], "at": AT}
        case.facts["reviews"] = [review(case.head)]
        if tool:
            self.add(case, "before", case.base, tool, *options)
            self.add(case, "after", case.merge, tool, *options)
        self.cases.append(case)
        return case

    def add(
        self, case: Case, role: str, at: Revision, tool: str, *options: str, **run: Any
    ) -> None:
        """A measured scan of a revision by a real tool, as the wrapper writes it."""
        scan = self.scan(at, tool, *options, **run)
        report = copy.deepcopy(scan.report)
        getattr(case, role).append(report)
        case.facts.setdefault(role, []).append(measured(at, role, scan))

    def scan(self, at: Revision, tool: str, *options: str, **run: Any) -> Scan:
        """A real scan of a checkout, once for each tree and recipe; kept in ``tools/scans``."""
        key = hashlib.sha256(repr((at.tree, tool, options, run)).encode()).hexdigest()
        kept = self.scanners.tools / "scans" / f"{key}.json"
        if not kept.exists():
            folder = Path(mkdtemp(dir=self.folder, prefix="shop-"))
            self.history.checkout(at, folder)
            runner: Callable[..., Scan] = getattr(self.scanners, tool)
            scan = runner(folder, *options, **run)
            shutil.rmtree(folder)
            kept.parent.mkdir(exist_ok=True)
            kept.write_text(json.dumps([scan.report, scan.exit_code, scan.command]))
        return Scan(*json.loads(kept.read_text()))


def changed(base: Tree, change: Mapping[str, Content | None]) -> dict[str, Content]:
    """The files of a tree after a change; None takes a file out."""
    return {path: text for path, text in {**base, **change}.items() if text is not None}


def fix_facts(case: Case, merged: str) -> dict[str, Any]:
    """What the code host says of the fix."""
    told: dict[str, Any] = {
        "base_commit": case.base.commit,
        "base_tree": case.base.tree,
        "head_commit": case.head.commit,
        "head_tree": case.head.tree,
        "pushed_at": "2026-11-20T09:30:00Z",
        "author": case.head.author,
        "commits": [
            {"id": case.head.commit, "message": case.head.message,
             "author": case.head.author, "committer": case.head.author}
        ],
    }  # fmt: skip
    if merged != "open":
        told |= {"merge_commit": case.merge.commit, "merge_tree": case.merge.tree,
                 "merged_at": "2026-11-20T10:30:00Z"}  # fmt: skip
    return told


def review(
    of: Revision, reviewer: str = REVIEWER, kind: str = "human", **more: Any
) -> dict[str, Any]:
    """An approval of a revision."""
    return {"reviewer": reviewer, "kind": kind, "commit": of.commit, "decision": "approved",
            "at": "2026-11-20T10:00:00Z", **more}  # fmt: skip


def measured(at: Revision, role: str, scan: Scan) -> dict[str, Any]:
    """The facts of a scan that ran in our wrapper."""
    config = {p: b for p, b in at.blobs.items() if p.startswith(".") or p == "pyproject.toml"}
    digest = hashlib.sha256(json.dumps([scan.command, config], sort_keys=True).encode()).hexdigest()
    return {
        "commit": at.commit, "tree": at.tree, "parents": list(at.parents), "blobs": at.blobs,
        "scope": "full", "exit_code": scan.exit_code, "command": scan.command,
        "started_at": CLOCK[role if role in CLOCK else "before"],
        "finished_at": CLOCK[role if role in CLOCK else "before"],
        "config_digest": f"sha256:{digest}", "source": "measured",
    }  # fmt: skip


def fetched(at: Revision, role: str, **more: Any) -> dict[str, Any]:
    """The facts of a scan that a code host keeps: no digest, no exit status, no command."""
    return {
        "commit": at.commit, "tree": at.tree, "parents": list(at.parents), "scope": "full",
        "finished_at": CLOCK[role if role in CLOCK else "before"], "source": "fetched",
        "uploader": "github-code-scanning[bot]", "uploader_kind": "service", **more,
    }  # fmt: skip
