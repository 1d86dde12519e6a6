"""What GitLab's REST API takes: a table by hand, to which every request to the fake is held.

Written from GitLab's documentation (docs.gitlab.com/api, version 18) and its own source: paths, names
and types of parameters and bodies, and what must be there. It is not GitLab's published OpenAPI
description and not made from it; what is not in the table is a violation. A type is ``int``,
``bool``, ``text``, ``time``, ``text[]`` or a tuple of words; a name that ends in ``!`` must be given.
"""

import re
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

PAGES = {"page": "int", "per_page": "int"}
KEYSET = {**PAGES, "pagination": ("keyset", "legacy", "none"), "page_token": "text"}
SORT = ("asc", "desc")
PULLS = {
    **PAGES,
    "scope": ("created_by_me", "assigned_to_me", "reviews_for_me", "all"),
    "state": ("opened", "closed", "locked", "merged", "all"),
    "order_by": ("created_at", "title", "updated_at", "merged_at", "priority", "popularity"),
    "sort": SORT,
    "updated_after": "time",
    "updated_before": "time",
}  # fmt: skip
PROJECTS = {
    **PAGES,
    "archived": "bool",
    "order_by": ("id", "name", "path", "created_at", "updated_at", "last_activity_at"),
    "sort": SORT,
    "simple": "bool",
}  # fmt: skip
STATES = ("pending", "running", "success", "failed", "canceled", "skipped")

GETS: dict[str, dict[str, Any]] = {
    "/user": {},
    "/users/{int}": {},
    "/groups/{id}": {"with_projects": "bool", "with_custom_attributes": "bool"},
    "/groups/{id}/projects": {**PROJECTS, "include_subgroups": "bool", "with_shared": "bool"},
    "/users/{id}/projects": PROJECTS,
    "/groups/{id}/merge_requests": {**PULLS, "non_archived": "bool"},
    "/projects/{id}/merge_requests": PULLS,
    "/projects/{id}/repository/branches": {**KEYSET, "search": "text", "regex": "text"},
    "/projects/{id}/repository/branches/{name}": {},
    "/projects/{id}/repository/commits": {
        **PAGES,
        "ref_name": "text",
        "order": ("default", "topo"),
        "path": "text",
        "since": "time",
        "until": "time",
        "with_stats": "bool",
    },
    "/projects/{id}/repository/commits/{name}": {"stats": "bool"},
    "/projects/{id}/repository/commits/{name}/merge_requests": {
        **PAGES,
        "state": ("opened", "closed", "locked", "merged"),
    },
    "/projects/{id}/repository/tree": {
        **KEYSET,
        "path": "text",
        "ref": "text",
        "recursive": "bool",
    },
    "/projects/{id}/repository/blobs/{name}/raw": {},
    "/projects/{id}/repository/merge_base": {"refs!": "text[]"},
    "/projects/{id}/repository/compare": {
        "from!": "text",
        "to!": "text",
        "from_project_id": "int",
        "straight": "bool",
        "unidiff": "bool",
    },
    "/projects/{id}/merge_requests/{int}": {
        "include_diverged_commits_count": "bool",
        "include_rebase_in_progress": "bool",
        "render_html": "bool",
    },
    "/projects/{id}/merge_requests/{int}/approvals": {},
    "/projects/{id}/merge_requests/{int}/versions": PAGES,
    "/projects/{id}/merge_requests/{int}/raw_diffs": {},
    "/projects/{id}/merge_requests/{int}/notes": {
        **PAGES,
        "sort": SORT,
        "order_by": ("created_at", "updated_at"),
    },
    "/projects/{id}/members/all/{int}": {},
    "/projects/{id}/pipelines": {
        **PAGES,
        "ref": "text",
        "sha": "text",
        "status": "text",
        "order_by": ("id", "status", "ref", "updated_at", "user_id"),
        "sort": SORT,
        "updated_after": "time",
    },
    "/projects/{id}/pipelines/{int}/jobs": {**PAGES, "include_retried": "bool", "scope": "text"},
    "/projects/{id}/jobs/{int}": {},
    "/projects/{id}/jobs/{int}/artifacts": {"file_type": "text"},
    "/projects/{id}/jobs/{int}/artifacts/tree": {**PAGES, "path": "text", "recursive": "bool"},
    "/projects/{id}/jobs/{int}/artifacts/{path}": {},
    "/projects/{id}/vulnerabilities": PAGES,
}
WRITES: dict[str, dict[str, Any]] = {
    "POST /projects/{id}/statuses/{sha}": {
        "state!": STATES,
        "name": "text",
        "context": "text",
        "description": "text",
        "target_url": "text",
        "ref": "text",
        "coverage": "int",
        "pipeline_id": "int",
    },
    "POST /projects/{id}/merge_requests/{int}/notes": {
        "body!": "text",
        "created_at": "time",
        "internal": "bool",
    },
    "PUT /projects/{id}/merge_requests/{int}/notes/{int}": {
        "body!": "text",
        "confidential": "bool",
    },
}

_PARTS = {
    "{id}": r"([^/]+)", "{name}": r"([^/]+)", "{sha}": r"([0-9a-f]{40})", "{int}": r"([0-9]+)",
    "{path}": r"(.+)",
}  # fmt: skip
_BOOLS = ("true", "false")


def _pattern(path: str) -> re.Pattern[str]:
    for word, part in _PARTS.items():
        path = path.replace(word, part)
    return re.compile(path)


TABLE = [
    *((f"GET {path}", "GET", _pattern(path), takes) for path, takes in GETS.items()),
    *((key, key.split()[0], _pattern(key.split()[1]), takes) for key, takes in WRITES.items()),
]


def route(method: str, target: str) -> tuple[str, list[str], dict[str, Any], list[str]]:
    """Key of the row, parts of the path, query, and what is wrong with it."""
    split = urlsplit(target)
    given: dict[str, Any] = {}
    for name, value in parse_qsl(split.query, keep_blank_values=True):
        if name.endswith("[]"):
            given.setdefault(name[:-2], []).append(value)
        else:
            given[name] = value
    for key, of, pattern, takes in TABLE:
        found = pattern.fullmatch(split.path)
        if of == method and found:
            wrong = _wrong(given, takes, written=True) if method == "GET" else list(given)
            return key, [unquote(part) for part in found.groups()], given, wrong
    return "", [], given, [f"no such door: {method} {split.path}"]


def check_body(key: str, body: Any) -> list[str]:
    """What is wrong with a body."""
    return _wrong(body, WRITES[key], written=False) if isinstance(body, dict) else ["no object"]


def _wrong(given: dict[str, Any], takes: dict[str, Any], *, written: bool) -> list[str]:
    types = {name.removesuffix("!"): kind for name, kind in takes.items()}
    missing = [name[:-1] for name in takes if name.endswith("!") and name[:-1] not in given]
    found = [f"missing: {name}" for name in missing]
    for name, value in given.items():
        if name not in types:
            found.append(f"unknown: {name}")
        elif not _fits(value, types[name], written=written):
            found.append(f"not {types[name]}: {name}={value!r}")
    return found


def _fits(value: Any, kind: Any, *, written: bool) -> bool:
    if isinstance(kind, tuple):
        return value in kind
    if kind == "text[]":
        return isinstance(value, list) and all(value)
    if kind == "bool":
        return value in _BOOLS if written else isinstance(value, bool)
    if kind == "int":
        return value.isdecimal() if written else type(value) is int
    if not isinstance(value, str) or not value:
        return False
    return kind != "time" or bool(datetime.fromisoformat(value).tzinfo)
