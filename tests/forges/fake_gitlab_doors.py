"""The doors of the fake GitLab: each answers one row of the table from the world, in GitLab's shapes."""

import io
import json
import zipfile
from collections.abc import Callable
from datetime import datetime
from typing import Any

from tests.forges.fake_gitlab_world import Project, Pull, World
from tests.loopback import Answer

JSON = {"Content-Type": "application/json"}
NOT_FOUND: Answer = (404, JSON, b'{"message":"404 Not found"}')


def pull_row(pull: Pull) -> dict[str, Any]:
    return {
        **pull.row,
        "iid": pull.iid,
        "project_id": pull.project.id,
        "sha": pull.head,
        "source_branch": pull.source,
        "target_branch": pull.target,
        "web_url": f"https://gitlab.example/{pull.project.path}/-/merge_requests/{pull.iid}",
        "references": {"short": f"!{pull.iid}", "full": f"{pull.project.path}!{pull.iid}"},
    }


def whole_pull_row(pull: Pull) -> dict[str, Any]:
    _, head, base, _ = pull.versions[-1]
    count = len(raw_changes(pull.project, base, head))
    refs = {"base_sha": base, "head_sha": head, "start_sha": base}
    return {**pull_row(pull), "diff_refs": refs, "changes_count": str(count)}


def commit_row(project: Project, commit: str) -> dict[str, Any]:
    fields = project.git(
        "show", "-s", "--format=%H%x00%P%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%B", commit
    )
    found = fields.decode().split("\0")
    return {
        "id": found[0],
        "short_id": found[0][:8],
        "parent_ids": found[1].split(),
        "author_name": found[2],
        "author_email": found[3],
        "authored_date": found[4],
        "committer_name": found[5],
        "committer_email": found[6],
        "committed_date": found[7],
        "message": found[8].removesuffix("\n"),
        "title": found[8].partition("\n")[0],
    }


def raw_changes(project: Project, base: str, head: str) -> list[tuple[str, ...]]:
    """(old mode, new mode, status, old path, new path) of each file."""
    parts = (
        project.git("diff", "-M", "--raw", "-z", base, head).decode(errors="replace").split("\0")
    )
    found, at = [], 0
    while at < len(parts) - 1:
        old, new, _, _, status = parts[at].removeprefix(":").split(" ")
        two = status[0] in "RC"
        found.append((old, new, status[0], parts[at + 1], parts[at + 2 if two else at + 1]))
        if status == "T":  # another kind of file: git writes that as two
            path, nothing = parts[at + 1], "000000"
            found[-1:] = [(old, nothing, "D", path, path), (nothing, new, "A", path, path)]
        at += 3 if two else 2
    return found


def diff_rows(world: World, project: Project, base: str, head: str) -> list[dict[str, Any]]:
    """GitLab's diffs: hunks without headers, one row a file, collapsed where the world says so."""
    text = (b"\n" + project.git("diff", "-M", "--full-index", base, head)).removesuffix(b"\n")
    sections = [b"\n" + part for part in text.split(b"\ndiff --git ")[1:]]
    rows = []
    for (old, new, status, old_path, new_path), section in zip(
        raw_changes(project, base, head), sections, strict=True
    ):
        starts = [at for mark in (b"\n@@ ", b"\nBinary files ") if (at := section.find(mark)) >= 0]
        body = section[min(starts) + 1 :] + b"\n" if starts else b""
        hidden = bool({old_path, new_path} & world.collapses)
        rows.append(
            {
                "diff": "" if hidden else body.decode(errors="replace"),
                "old_path": old_path,
                "new_path": new_path,
                "a_mode": old.replace("000000", "0"),
                "b_mode": new.replace("000000", "0"),
                "new_file": status == "A",
                "deleted_file": status == "D",
                "renamed_file": status == "R",
                "collapsed": hidden and world.says_collapsed,
                "too_large": False,
                "generated_file": False,
            }
        )
    return rows


def _branches(world: World, parts: list[str], query: Any) -> list[Any]:
    project = world.project(parts[0])
    names = project.text("branch", "--format=%(refname:short)").split("\n")
    return [_branch_row(project, name) for name in names]


def _branch_row(project: Project, name: str) -> dict[str, Any]:
    commit = project.text("rev-parse", "--verify", f"refs/heads/{name}")
    return {
        "name": name,
        "protected": name in project.protected,
        "commit": commit_row(project, commit),
    }


def _pulls(projects: list[Project], query: dict[str, str]) -> list[Any]:
    rows = [pull_row(pull) for project in projects for pull in project.pulls]
    after = query.get("updated_after")
    if after:
        limit = datetime.fromisoformat(after)
        rows = [row for row in rows if datetime.fromisoformat(row["updated_at"]) > limit]
    if query.get("state", "all") != "all":
        rows = [row for row in rows if row["state"] == query["state"]]
    order = query.get("order_by", "created_at")
    return sorted(rows, key=lambda row: row[order], reverse=query.get("sort", "desc") == "desc")


def _commits(world: World, parts: list[str], query: dict[str, str]) -> list[Any]:
    project = world.project(parts[0])
    order = ["--topo-order"] if query.get("order") == "topo" else []
    names = project.text("log", "--format=%H", *order, query["ref_name"]).split()
    return [commit_row(project, name) for name in names]


def _tree(world: World, parts: list[str], query: dict[str, str]) -> list[Any] | Answer:
    project, folder = world.project(parts[0]), query.get("path", "")
    found = project.git("ls-tree", "-z", f"{query['ref']}:{folder}").decode(errors="replace")
    rows = []
    for line in found.split("\0")[:-1]:
        told, _, name = line.partition("\t")
        mode, kind, number = told.split(" ")
        rows.append(
            {
                "id": number,
                "name": name,
                "type": kind,
                "mode": mode,
                "path": f"{folder}/{name}".lstrip("/"),
            }
        )
    rows.sort(key=lambda row: row["type"] != "tree")  # GitLab gives folders first
    return rows or NOT_FOUND


def _blob(world: World, parts: list[str], query: Any) -> Answer:
    content = world.project(parts[0]).git("cat-file", "blob", parts[1])
    return 200, {"Content-Type": "application/octet-stream"}, content


def _merge_base(world: World, parts: list[str], query: dict[str, Any]) -> Any:
    project = world.project(parts[0])
    return commit_row(project, project.text("merge-base", *query["refs"]))


def _compare(world: World, parts: list[str], query: dict[str, str]) -> Any:
    project, base, head = world.project(parts[0]), query["from"], query["to"]
    if query.get("straight") != "true":
        base = project.text("merge-base", base, head)
    return {
        "commits": [],
        "diffs": diff_rows(world, project, base, head),
        "compare_timeout": False,
        "compare_same_ref": base == head,
    }


def _pulls_of_commit(world: World, parts: list[str], query: Any) -> list[Any]:
    project = world.project(parts[0])
    return [
        pull_row(pull)
        for pull in project.pulls
        if any(parts[1] == head for _, head, _, _ in pull.versions)
    ]


def _approvals(world: World, parts: list[str], query: Any) -> Any:
    pull = world.project(parts[0]).pull(parts[1])
    given = [
        {"user": world.basic(login), "approved_at": at} for login, at in pull.approvals.items()
    ]
    return {
        "approved": bool(given),
        "approved_by": given,
        "user_has_approved": False,
        "user_can_approve": False,
    }


def _versions(world: World, parts: list[str], query: Any) -> list[Any]:
    pull = world.project(parts[0]).pull(parts[1])
    return [
        {
            "id": number,
            "head_commit_sha": head,
            "base_commit_sha": base,
            "start_commit_sha": base,
            "created_at": at,
            "state": "collected",
        }
        for number, head, base, at in reversed(pull.versions)
    ]


def _raw_diffs(world: World, parts: list[str], query: Any) -> Answer:
    if not world.has_raw_diffs:
        return NOT_FOUND
    world.before_raw_diffs()
    pull = world.project(parts[0]).pull(parts[1])
    _, head, base, _ = pull.versions[-1]
    diff = pull.project.git("diff", "-M", "--full-index", base, head)
    if world.cuts_raw_diffs:
        diff = diff[: diff.index(b"\ndiff --git ") + 1]
    return 200, {"Content-Type": "text/plain"}, diff


def _notes(world: World, parts: list[str], query: dict[str, str]) -> list[Any]:
    notes = world.project(parts[0]).pull(parts[1]).notes
    return notes if query.get("sort") == "asc" else notes[::-1]


def _member(world: World, parts: list[str], query: Any) -> Any:
    person = world.person(parts[1])
    return {**person, "access_level": world.project(parts[0]).members[person["username"]]}


def _pipelines(world: World, parts: list[str], query: dict[str, str]) -> list[Any]:
    found = [
        one
        for one in world.project(parts[0]).pipelines
        if query.get("ref", one["ref"]) == one["ref"]
    ]
    return [{key: one[key] for key in one if key != "jobs"} for one in reversed(found)]


def _jobs(world: World, parts: list[str], query: Any) -> list[Any]:
    pipeline = next(one for one in world.project(parts[0]).pipelines if one["id"] == int(parts[1]))
    return [_job_row(job) for job in pipeline["jobs"]]


def _job_row(job: dict[str, Any]) -> dict[str, Any]:
    return {key: job[key] for key in job if key not in ("files", "reports")}


def _job(world: World, parts: list[str]) -> dict[str, Any]:
    jobs = [job for one in world.project(parts[0]).pipelines for job in one["jobs"]]
    return next(job for job in jobs if job["id"] == int(parts[1]))


def _artifact(world: World, parts: list[str], query: Any) -> Answer:
    return 200, {"Content-Type": "application/octet-stream"}, _job(world, parts)["files"][parts[2]]


def _artifacts(world: World, parts: list[str], query: dict[str, str]) -> Answer:
    job = _job(world, parts)
    if world.gives_file_types and query.get("file_type", "archive") != "archive":
        return 200, {"Content-Type": "application/json"}, job["reports"][query["file_type"]]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("about.txt", "An archive")
    return 200, {"Content-Type": "application/zip"}, packed.getvalue()


def _artifact_tree(world: World, parts: list[str], query: Any) -> list[Any] | Answer:
    if not world.has_artifact_tree:
        return NOT_FOUND
    files = _job(world, parts)["files"]
    return [
        {
            "name": name.rpartition("/")[2],
            "path": name,
            "type": "file",
            "size": len(content),
            "mode": "100644",
        }
        for name, content in files.items()
    ]


def _vulnerabilities(world: World, parts: list[str], query: Any) -> list[Any] | Answer:
    rows = world.project(parts[0]).vulnerabilities
    return (403, JSON, b'{"message":"403 Forbidden"}') if rows is None else rows


def _status(world: World, parts: list[str], body: dict[str, Any]) -> Answer:
    world.project(parts[0]).git("cat-file", "-e", parts[1])
    key = (parts[1], body.get("name", "default"))
    known = world.statuses.get(key)
    if known and known["status"] == body["state"] == "pending":
        return 400, JSON, b'{"message":"Cannot transition status via :enqueue from :pending"}'
    if len(body.get("description", "")) > 255:
        return 400, JSON, b'{"message":"description is too long"}'
    row = {
        **body,
        "id": known["id"] if known else world.number() + 6000,
        "sha": parts[1],
        "status": body["state"],
    }
    world.statuses[key] = row
    return 201, JSON, json.dumps(row).encode()


def _add_note(world: World, parts: list[str], body: dict[str, Any]) -> Answer:
    pull = world.project(parts[0]).pull(parts[1])
    world.note(pull, "ctem-bot", body["body"], system=False)
    return 201, JSON, json.dumps(pull.notes[-1]).encode()


def _change_note(world: World, parts: list[str], body: dict[str, Any]) -> Any:
    notes = world.project(parts[0]).pull(parts[1]).notes
    note = next(one for one in notes if one["id"] == int(parts[2]))
    note["body"] = body["body"]
    return note


def _group(world: World, parts: list[str], query: Any) -> Any:
    if not world.is_group or parts[0] != world.group:
        return NOT_FOUND
    return {"id": 1, "full_path": world.group}


def _projects(world: World, parts: list[str], query: Any) -> list[Any]:
    if parts[0] != world.group:
        raise LookupError(parts[0])
    return [world.project_row(project) for project in world.projects]


P = "GET /projects/{id}"
DOORS: dict[str, Callable[[World, list[str], Any], Any]] = {
    "GET /user": lambda world, parts, query: world.users["ctem-bot"],
    "GET /users/{int}": lambda world, parts, query: world.person(parts[0]),
    "GET /groups/{id}": _group,
    "GET /groups/{id}/projects": _projects,
    "GET /users/{id}/projects": _projects,
    "GET /groups/{id}/merge_requests": lambda world, parts, query: _pulls(world.projects, query),
    f"{P}/merge_requests": lambda world, parts, query: _pulls([world.project(parts[0])], query),
    f"{P}/repository/branches": _branches,
    f"{P}/repository/branches/{{name}}": lambda world, parts, query: _branch_row(
        world.project(parts[0]), parts[1]
    ),
    f"{P}/repository/commits": _commits,
    f"{P}/repository/commits/{{name}}": lambda world, parts, query: commit_row(
        world.project(parts[0]), parts[1]
    ),
    f"{P}/repository/commits/{{name}}/merge_requests": _pulls_of_commit,
    f"{P}/repository/tree": _tree,
    f"{P}/repository/blobs/{{name}}/raw": _blob,
    f"{P}/repository/merge_base": _merge_base,
    f"{P}/repository/compare": _compare,
    f"{P}/merge_requests/{{int}}": lambda world, parts, query: whole_pull_row(
        world.project(parts[0]).pull(parts[1])
    ),
    f"{P}/merge_requests/{{int}}/approvals": _approvals,
    f"{P}/merge_requests/{{int}}/versions": _versions,
    f"{P}/merge_requests/{{int}}/raw_diffs": _raw_diffs,
    f"{P}/merge_requests/{{int}}/notes": _notes,
    f"{P}/members/all/{{int}}": _member,
    f"{P}/pipelines": _pipelines,
    f"{P}/pipelines/{{int}}/jobs": _jobs,
    f"{P}/jobs/{{int}}": lambda world, parts, query: _job_row(_job(world, parts)),
    f"{P}/jobs/{{int}}/artifacts": _artifacts,
    f"{P}/jobs/{{int}}/artifacts/tree": _artifact_tree,
    f"{P}/jobs/{{int}}/artifacts/{{path}}": _artifact,
    f"{P}/vulnerabilities": _vulnerabilities,
    "POST /projects/{id}/statuses/{sha}": _status,
    "POST /projects/{id}/merge_requests/{int}/notes": _add_note,
    "PUT /projects/{id}/merge_requests/{int}/notes/{int}": _change_note,
}
