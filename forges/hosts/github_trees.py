"""Blob ids out of GitHub's trees, also of repositories whose whole tree it does not give at once."""

from collections import defaultdict
from collections.abc import Callable, Collection
from typing import Any

from core.outbound import HostError

Fetch = Callable[[str, bool], Any]  # (sha, recursive) → GitHub's answer


def blobs_below(fetch: Fetch, root: str, paths: Collection[str]) -> dict[str, str]:
    """Return the blob ids of those of ``paths`` that are files below ``root``."""
    whole = fetch(root, True)
    if whole["truncated"]:
        return _walk(fetch, root, set(paths))
    wanted = set(paths)
    return {
        row["path"]: row["sha"]
        for row in whole["tree"]
        if row["type"] == "blob" and row["path"] in wanted
    }


def _walk(fetch: Fetch, sha: str, paths: set[str], before: str = "") -> dict[str, str]:
    """Look into those folders only that lead to one of ``paths``."""
    told = fetch(sha, False)
    if told["truncated"]:
        raise HostError("A folder is too large for GitHub to list.", final=True)
    below: dict[str, set[str]] = defaultdict(set)
    for path in paths:
        first, slash, rest = path.partition("/")
        below[first].add(rest if slash else "")
    found: dict[str, str] = {}
    for row in told["tree"]:
        rests = below.get(row["path"], set())
        if row["type"] == "blob" and "" in rests:
            found[before + row["path"]] = row["sha"]
        elif row["type"] == "tree" and (deeper := rests - {""}):
            found |= _walk(fetch, row["sha"], deeper, f"{before}{row['path']}/")
    return found
