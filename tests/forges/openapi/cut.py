"""Cut what the adapter uses out of GitHub's published descriptions: operations, schemas, recorded shapes.

    npm pack @octokit/openapi@23.0.2 @octokit/webhooks-examples@7.6.1   # and unpack both
    python tests/forges/openapi/cut.py OPENAPI_PACKAGE WEBHOOKS_PACKAGE

Writes github.json (operations with every schema that they need), shapes.json (recorded answers) and
webhooks.json (recorded messages) beside this file. Both packages are under the MIT licence, which is
kept in each file with the version that it was cut from.
"""

import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
API_VERSION = "2022-11-28"  # what the description says without its breaking changes

OPERATIONS = {
    "/app": ["get"],
    "/app/installations/{installation_id}/access_tokens": ["post"],
    "/user": ["get"],
    "/users/{username}": ["get"],
    "/installation/repositories": ["get"],
    "/orgs/{org}/repos": ["get"],
    "/users/{username}/repos": ["get"],
    "/user/repos": ["get"],
    "/search/issues": ["get"],
    "/repos/{owner}/{repo}/branches": ["get"],
    "/repos/{owner}/{repo}/git/ref/{ref}": ["get"],
    "/repos/{owner}/{repo}/git/trees/{tree_sha}": ["get"],
    "/repos/{owner}/{repo}/git/blobs/{file_sha}": ["get"],
    "/repos/{owner}/{repo}/commits/{ref}": ["get"],
    "/repos/{owner}/{repo}/compare/{basehead}": ["get"],
    "/repos/{owner}/{repo}/pulls": ["get"],
    "/repos/{owner}/{repo}/pulls/{pull_number}": ["get"],
    "/repos/{owner}/{repo}/pulls/{pull_number}/commits": ["get"],
    "/repos/{owner}/{repo}/pulls/{pull_number}/reviews": ["get"],
    "/repos/{owner}/{repo}/collaborators/{username}/permission": ["get"],
    "/repos/{owner}/{repo}/actions/runs": ["get"],
    "/repos/{owner}/{repo}/code-scanning/analyses": ["get"],
    "/repos/{owner}/{repo}/code-scanning/analyses/{analysis_id}": ["get"],
    "/repos/{owner}/{repo}/code-scanning/alerts": ["get"],
    "/repos/{owner}/{repo}/check-runs": ["post"],
    "/repos/{owner}/{repo}/check-runs/{check_run_id}": ["get", "patch"],
    "/repos/{owner}/{repo}/statuses/{sha}": ["post"],
    "/repos/{owner}/{repo}/issues/{issue_number}/comments": ["post"],
    "/repos/{owner}/{repo}/issues/comments/{comment_id}": ["patch"],
}
SHAPES = [
    "integration", "private-user", "public-user-default-response", "full-repository",
    "minimal-repository", "pull-request", "pull-request-simple", "pull-request-review",
    "commit", "commit-comparison", "diff-entry-items", "git-ref", "git-tree",
    "issue-search-result-item-paginated", "code-scanning-analysis-default", "code-scanning-alert-items",
    "workflow-run-paginated", "check-run", "status", "issue-comment", "branch-short-items",
    "repository-collaborator-permission-response-if-user-has-admin-permissions",
]  # fmt: skip
EVENTS = {
    "pull_request": ["opened", "synchronize", "closed", "edited"],
    "pull_request_review": ["submitted", "dismissed"],
    "push": [""],
    "code_scanning_alert": ["created", "fixed", "closed_by_user"],
    "check_run": ["completed"],
    "workflow_run": ["completed"],
    "repository": ["renamed", "created"],
    "installation_repositories": ["added", "removed"],
    "installation": ["deleted"],
    "merge_group": ["checks_requested"],
    "ping": [""],
    "issue_comment": ["created"],
}
# What no validation needs: texts and what other readers made of the description.
DROPPED = {
    "description",
    "summary",
    "example",
    "examples",
    "externalDocs",
    "tags",
    "title",
    "default",
}


def slim(value: Any, *, inside: str = "") -> Any:
    """Return the description's value without texts; names of members that are data stay."""
    if isinstance(value, list):
        return [slim(item) for item in value]
    if not isinstance(value, dict):
        return value
    if inside == "properties":
        return {name: slim(item) for name, item in value.items()}
    return {
        name: slim(item, inside=name)
        for name, item in value.items()
        if name not in DROPPED and (not name.startswith("x-") or name == "x-multi-segment")
    }


def references(value: Any) -> set[str]:
    """Return every ``$ref`` below a value."""
    if isinstance(value, list):
        return {ref for item in value for ref in references(item)}
    if not isinstance(value, dict):
        return set()
    here = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
    return here | {ref for item in value.values() for ref in references(item)}


def cut_description(source: dict[str, Any]) -> dict[str, Any]:
    """Return the operations in use with the components that they need."""
    paths = {
        path: {method: slim(source["paths"][path][method]) for method in methods}
        for path, methods in OPERATIONS.items()
    }
    components: dict[str, dict[str, Any]] = {}
    waiting = references(paths)
    while waiting:
        _, _, kind, name = waiting.pop().split("/")
        if name not in components.setdefault(kind, {}):
            components[kind][name] = slim(source["components"][kind][name])
            waiting |= references(components[kind][name])
    return {"openapi": source["openapi"], "paths": paths, "components": components}


def shape(example: dict[str, Any]) -> Any:
    """Return the first of the items where the example is a list."""
    value = example["value"]
    return value[0] if isinstance(value, list) else value


def cut_events(source: list[dict[str, Any]]) -> dict[str, Any]:
    """Return one recorded message for each event and action; ``EVENT`` or ``EVENT.ACTION``."""
    recorded = {entry["name"]: entry["examples"] for entry in source}
    found = {}
    for event, actions in EVENTS.items():
        for action in actions:
            fitting = [one for one in recorded[event] if one.get("action", "") == action]
            with_organization = [one for one in fitting if "organization" in one]
            if event == "push":  # one that brings commits to a branch
                with_organization = []
                fitting = [one for one in fitting if one["ref"].startswith("refs/heads/")]
            if chosen := (with_organization or fitting)[:1]:
                found[f"{event}.{action}" if action else event] = chosen[0]
    return found


def write(name: str, package: Path, about: str, content: dict[str, Any]) -> None:
    """Write one file with where it comes from and under which licence, compact."""
    told = json.loads((package / "package.json").read_text())
    licence = (HERE / "LICENSE-octokit").read_text()
    head = {
        "x-about": about,
        "x-package": f"{told['name']} {told['version']}",
        "x-licence": licence,
    }
    text = json.dumps({**head, **content}, separators=(",", ":"), sort_keys=True)
    (HERE / name).write_text(text + "\n")


def main() -> None:
    """Cut all three."""
    openapi, webhooks = (Path(argument) for argument in sys.argv[1:3])
    (HERE / "LICENSE-octokit").write_text((openapi / "LICENSE").read_text())
    source = json.loads((openapi / "generated" / "api.github.com.json").read_text())
    about = "Cut by cut.py from GitHub's description of its REST API."
    write("github.json", openapi, about, {"x-api-version": API_VERSION, **cut_description(source)})
    examples = source["components"]["examples"]
    shapes = {name: shape(examples[name]) for name in SHAPES}
    write("shapes.json", openapi, "Recorded answers, cut by cut.py.", {"shapes": shapes})
    recorded = json.loads((webhooks / "api.github.com" / "index.json").read_text())
    about = "Recorded webhook messages, cut by cut.py."
    write("webhooks.json", webhooks, about, {"events": cut_events(recorded)})


if __name__ == "__main__":
    main()
