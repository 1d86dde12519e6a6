"""Which workflow run made a report, and how it ended. A report that no workflow made has none."""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from core.outbound import HostError
from forges.hosts import github_records as records
from forges.hosts.github_client import Client, read
from forges.hosts.records import Analysis

_WORKFLOW = re.compile(r"(?P<path>(?:\.github/workflows|dynamic)/[^:]+)(?::.*)?")
_TRIAL = re.compile(r"refs/pull/[0-9]+/merge")


@dataclass(frozen=True, slots=True)
class _Run:
    path: str
    event: str
    branch: str
    created_at: str
    status: str
    conclusion: str


def run_succeeded(client: Client, at: str, analysis: Analysis) -> bool | None:
    """Whether the newest run of the report's workflow on its content ended well."""
    match = _WORKFLOW.fullmatch(analysis.workflow)
    if match is None:
        return None
    is_trial = _TRIAL.fullmatch(analysis.ref) is not None
    try:
        commit = _pushed(client, at, analysis.commit) if is_trial else analysis.commit
        rows = list(client.items(f"{at}/actions/runs", "workflow_runs", head_sha=commit))
    except HostError as refused:
        if not refused.final:
            raise
        return None  # workflows are not for us to see
    runs = [read(_run, row) for row in rows]
    fitting = [run for run in runs if run.path == match["path"] and _fits(run, analysis, is_trial)]
    newest = max(fitting, key=lambda run: run.created_at, default=None)
    if newest is None or newest.status != "completed":
        return None
    return newest.conclusion == "success"


def _pushed(client: Client, at: str, trial: str) -> str:
    """The commit that was pushed, of the trial merge that was scanned: runs are listed by it."""
    told = client.get(f"{at}/commits/{quote(trial, safe='')}", per_page="1").json()
    parents = read(records.commit, told).parents
    return parents[1] if len(parents) == 2 else trial


def _fits(run: _Run, analysis: Analysis, is_trial: bool) -> bool:
    """Whether a run could have made the report: begun before it, and for the same event."""
    if run.created_at > analysis.created_at:
        return False
    if is_trial:
        return run.event in ("pull_request", "pull_request_target", "dynamic")
    return run.event != "pull_request" and analysis.ref in (run.branch, f"refs/heads/{run.branch}")


def _run(told: Any) -> _Run:
    return _Run(
        path=str(told["path"]).partition("@")[0],
        event=told["event"],
        branch=told["head_branch"] or "",
        created_at=told["created_at"],
        status=told["status"] or "",
        conclusion=told["conclusion"] or "",
    )
