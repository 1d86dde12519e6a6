"""What GitLab keeps of scans: reports among the artifacts of jobs, and its own vulnerabilities."""

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any
from urllib.parse import quote

from core.errors import BadInput
from core.outbound import HostError
from forges.hosts.gitlab_client import OK, Client, Json, moment, need
from forges.hosts.gitlab_hooks import full_ref
from forges.hosts.gitlab_report import without_secrets
from forges.hosts.records import Alert, Analysis, HostRepository
from forges.statuses import AlertState
from gate import formats
from gate.errors import InputError
from gate.formats.gitlab import KINDS, category

SARIF = "sarif"
ENDINGS = (".sarif", ".sarif.json")
OVER = frozenset({"success", "failed"})
MOST_PIPELINES = 100  # that one list looks into: each costs a request, and most hold no report

_ZIP = b"PK\x03\x04"
_STATES = {"dismissed": AlertState.DISMISSED, "resolved": AlertState.FIXED}


def analyses(client: Client, repository: HostRepository, ref: str) -> Iterator[Analysis]:
    """Yield the reports of jobs that are over in the newest pipelines, the newest first."""
    project = f"projects/{repository.id}"
    query: dict[str, str] = {"order_by": "id", "sort": "desc"}
    if ref:
        query["ref"] = ref.removeprefix("refs/heads/").removeprefix("refs/tags/")
    for pipeline in islice(client.find_pages(f"{project}/pipelines", **query), MOST_PIPELINES):
        jobs = client.pages(f"{project}/pipelines/{need(pipeline, 'id')}/jobs")
        for job in jobs:
            told = full_ref(str(need(pipeline, "ref")), is_tag=job.get("tag") is True)
            if job.get("status") in OVER and ref in ("", told):
                yield from _of_job(client, repository, pipeline, job, told)


def report(client: Client, repository: HostRepository, analysis: Analysis, limit: int) -> bytes:
    """Return the report of one analysis. Raises HostError, final where it is no report."""
    project, job, kind, path = _taken_apart(analysis.id)
    if project != repository.id:
        raise HostError("The analysis is one of another project.", final=True)
    artifacts = f"projects/{project}/jobs/{job}/artifacts"
    reply = client.raw(f"{artifacts}/{quote(path)}", limit)
    if reply.status == 404 and kind != SARIF:  # not in the archive; newer versions give it alone
        reply = client.raw(artifacts, limit, file_type=kind)
        if reply.body.startswith(_ZIP):
            what = f"name {path} under artifacts:paths as well as under artifacts:reports"
            raise HostError(f"{client.host} keeps the report of job {job} in: {what}.", final=True)
    if reply.status not in OK:
        raise client.error(reply)
    if kind == SARIF:
        return reply.body
    try:
        if formats.recognise("report", reply.body) is not formats.GITLAB:
            raise BadInput("report", "This is not a security report of GitLab.")
        return without_secrets(reply.body)
    except (BadInput, InputError) as error:
        raise HostError(f"The report of job {job} cannot be used: {error}", final=True) from None


def succeeded(client: Client, repository: HostRepository, analysis: Analysis) -> bool | None:
    """Whether the job of a report ended well; None where it is gone, or not over."""
    if analysis.succeeded is not None:
        return analysis.succeeded
    _, job, _, _ = _taken_apart(analysis.id)
    row = client.find(f"projects/{repository.id}/jobs/{job}") or {}
    return row["status"] == "success" if row.get("status") in OVER else None


def alerts(client: Client, repository: HostRepository, since: str) -> Iterator[Alert]:
    """Yield GitLab's own vulnerabilities that changed since then; none without its highest tier."""
    rows = client.find_pages(f"projects/{repository.id}/vulnerabilities")
    found = [(moment(row.get("updated_at")), row) for row in rows]
    changed = [(at, row) for at, row in found if at >= moment(since)]
    people: dict[int, str] = {}
    for at, row in sorted(changed, key=lambda pair: pair[0], reverse=True):
        yield _alert(client, repository, row, at, people)


# --- analyses ------------------------------------------------------------------------------------
def _of_job(
    client: Client, repository: HostRepository, pipeline: Json, job: Json, ref: str
) -> Iterator[Analysis]:
    files = job.get("artifacts") or []
    reports = [(row["file_type"], str(row["filename"])) for row in files if _is_report(row)]
    if not reports and any(row.get("file_type") == "archive" for row in files):
        reports = [(SARIF, path) for path in _sarif_files(client, repository, job)]
    succeeded = job.get("status") == "success"
    for kind, path in reports:
        yield Analysis(
            id=f"{repository.id}/{need(job, 'id')}/{kind}/{path}",
            ref=ref,
            commit=str(need(pipeline, "sha")),
            tool=kind,
            category="" if kind == SARIF else category(kind),
            created_at=moment(job.get("finished_at") or job.get("created_at")),
            workflow=str(job.get("name") or ""),
            error="" if succeeded else "The job failed.",
            succeeded=succeeded,
        )


def _is_report(row: Json) -> bool:
    return row.get("file_type") in KINDS and _is_inside(str(row.get("filename") or ""))


def _is_inside(path: str) -> bool:
    """Whether a name that a job chose stays below the address that it is put behind."""
    return not {"", ".", ".."} & set(path.split("/"))


def _sarif_files(client: Client, repository: HostRepository, job: Json) -> list[str]:
    """SARIF in a job's archive; none where GitLab cannot list one (before version 18)."""
    tree = f"projects/{repository.id}/jobs/{need(job, 'id')}/artifacts/tree"
    rows = client.find_pages(tree, recursive=True)
    paths = [str(row.get("path") or "") for row in rows]
    return [path for path in paths if path.endswith(ENDINGS) and _is_inside(path)]


def _taken_apart(name: str) -> tuple[str, str, str, str]:
    parts = name.split("/", 3)
    known = len(parts) == 4 and parts[1].isdecimal() and parts[2] in (*KINDS, SARIF)
    if not known or not _is_inside(parts[3]):
        raise HostError("This is no analysis of GitLab's.", final=True)
    return parts[0], parts[1], parts[2], parts[3]


# --- alerts --------------------------------------------------------------------------------------
def _alert(
    client: Client, repository: HostRepository, row: Json, at: str, people: dict[int, str]
) -> Alert:
    finding = _finding(row)
    location = _object(finding, "location")
    scanner = _object(finding, "scanner")
    identifiers = finding.get("identifiers") or [{}]
    first = identifiers[0] if isinstance(identifiers[0], dict) else {}
    line = location.get("start_line")
    number = str(need(row, "id"))
    return Alert(
        number=number,
        state=_STATES.get(str(row.get("state")), AlertState.OPEN),
        tool=str(scanner.get("name") or row.get("report_type") or ""),
        rule=str(first.get("value") or ""),
        path=str(location.get("file") or ""),
        line=line if type(line) is int else None,
        url=f"{repository.web_url}/-/security/vulnerabilities/{number}",
        updated_at=at,
        dismissed_by=_login(client, row.get("dismissed_by_id"), people),
        dismissed_at=moment(row.get("dismissed_at")),
    )


def _finding(row: Json) -> Json:
    """What the scanner said: kept as a text with JSON in it."""
    text = _object(row, "finding").get("raw_metadata")
    try:
        found = json.loads(text) if isinstance(text, str) else {}
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _login(client: Client, user: Any, people: dict[int, str]) -> str:
    if type(user) is not int:
        return ""
    if user not in people:
        people[user] = str((client.find(f"users/{user}") or {}).get("username") or "")
    return people[user]


def _object(row: Json, key: str) -> Json:
    value = row.get(key)
    return value if isinstance(value, dict) else {}
