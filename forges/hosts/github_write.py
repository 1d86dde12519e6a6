"""All that we ever write to GitHub: a lamp on a commit, and one comment on a pull request.

An App sets check runs, which can be neutral. A token can only set commit statuses, which cannot: a
lamp that warns stops nobody there by being a success whose description says that it is none.
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from core.text import clean_text
from forges.hosts.github_client import Client, NotThere, read
from forges.hosts.records import Annotation, Lamp

BATCH = 50  # annotations in one request
MAX_ANNOTATIONS = 250
MAX_SUMMARY = 65_535
MAX_COMMENT = 65_536
MAX_TITLE = 255
MAX_REMARK = 64 * 1024
MAX_DESCRIPTION = 140
MORE = "\n\nMore remarks stand on the page that this check links to."
LEVELS = frozenset({"notice", "warning", "failure"})

_BLOCKING = {"pass": "success", "fail": "failure", "unknown": "action_required"}
_WARNING = {"pass": "success", "fail": "neutral", "unknown": "neutral"}


def write_lamp(client: Client, at: str, lamp: Lamp, known: str) -> str:
    """Set a lamp below the path ``at``; return what names it: a check run's id or a status' context."""
    if client.is_app:
        return _check_run(client, at, lamp, known)
    client.send("POST", f"{at}/statuses/{quote(lamp.commit, safe='')}", status_of(lamp))
    return lamp.name


def write_comment(client: Client, at: str, number: int, text: str, known: str) -> str:
    """Change our comment, or write it anew where it is gone; return its id."""
    content = {"body": cut(text, MAX_COMMENT)}
    if known:
        try:
            told = client.send("PATCH", f"{at}/issues/comments/{quote(known, safe='')}", content)
            return read(_id, told)
        except NotThere:
            pass
    return read(_id, client.send("POST", f"{at}/issues/{number}/comments", content))


# --- check runs ----------------------------------------------------------------------------------
def _check_run(client: Client, at: str, lamp: Lamp, known: str) -> str:
    batches = _batches(lamp.annotations)
    content = check_run_of(lamp, batches[0])
    path = f"{at}/check-runs"
    standing = _standing(client, path, lamp, known)
    if standing is None:
        told = client.send("POST", path, {**content, "head_sha": lamp.commit})
    elif _says_the_same(standing, content, lamp):
        return known
    else:
        told = client.send("PATCH", f"{path}/{quote(known, safe='')}", content)
    number = read(_id, told)
    for batch in batches[1:]:
        output = {**content["output"], "annotations": batch}
        client.send("PATCH", f"{path}/{quote(number, safe='')}", {"output": output})
    return number


def _standing(client: Client, path: str, lamp: Lamp, known: str) -> dict[str, Any] | None:
    """Return the known check run if it may be changed into the lamp.

    Not so for another commit; nor one that was completed, for a lamp that waits again; nor one with
    annotations that are not these: GitHub adds to them and takes none away. The newest of a name counts.
    """
    if not known:
        return None
    try:
        told = client.get(f"{path}/{quote(known, safe='')}").json()
    except NotThere:
        return None
    remarks = read(lambda run: int(run["output"]["annotations_count"]), told)
    other = told.get("head_sha") != lamp.commit
    finished = told.get("status") == "completed" and lamp.outcome == "waiting"
    if other or finished or (remarks and not _says_the_same(told, check_run_of(lamp, []), lamp)):
        return None
    return dict(told)


def _says_the_same(standing: dict[str, Any], content: dict[str, Any], lamp: Lamp) -> bool:
    shown, wanted = standing["output"], content["output"]
    return (
        standing.get("status") == content["status"]
        and standing.get("conclusion") == content.get("conclusion")
        and all(shown.get(name) == wanted[name] for name in ("title", "summary"))
        and shown.get("annotations_count") == min(len(lamp.annotations), MAX_ANNOTATIONS)
    )


def check_run_of(lamp: Lamp, annotations: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What a check run says of a lamp, without the commit that it is on."""
    more = MORE if len(lamp.annotations) > MAX_ANNOTATIONS else ""
    output: dict[str, Any] = {
        "title": clean_text(lamp.title, MAX_TITLE),
        "summary": cut(lamp.summary, MAX_SUMMARY - len(more)) + more,
    }
    if annotations:
        output["annotations"] = list(annotations)
    content: dict[str, Any] = {"name": lamp.name, "details_url": lamp.url, "output": output}
    if lamp.outcome == "waiting":
        return {**content, "status": "in_progress"}
    words = _BLOCKING if lamp.blocks else _WARNING
    return {**content, "status": "completed", "conclusion": words[lamp.outcome]}


def _batches(annotations: Sequence[Annotation]) -> list[list[dict[str, Any]]]:
    shown = [_annotation(one) for one in annotations[:MAX_ANNOTATIONS]]
    return [shown[at : at + BATCH] for at in range(0, len(shown), BATCH)] or [[]]


def _annotation(one: Annotation) -> dict[str, Any]:
    line = max(1, one.line)
    return {
        "path": clean_text(one.path),
        "start_line": line,
        "end_line": line,
        "annotation_level": one.level if one.level in LEVELS else "notice",
        "title": clean_text(one.title, MAX_TITLE),
        "message": cut(one.text, MAX_REMARK),
    }


# --- commit statuses -----------------------------------------------------------------------------
def status_of(lamp: Lamp) -> dict[str, str]:
    """What a commit status says of a lamp."""
    title = lamp.title
    if lamp.outcome == "waiting":
        state = "pending"
    elif lamp.outcome == "pass":
        state = "success"
    elif lamp.blocks:
        state = "failure"
    else:
        state, title = "success", f"Not passed, warns only: {title}"
    return {
        "state": state,
        "context": lamp.name,
        "description": clean_text(title, MAX_DESCRIPTION),
        "target_url": lamp.url,
    }


def cut(text: str, limit: int) -> str:
    """Return ``text`` cut to ``limit`` bytes of UTF-8, which no count of characters is above."""
    whole = clean_text(text).encode()
    if len(whole) <= limit:
        return whole.decode()
    return whole[: limit - 3].decode("utf-8", "ignore") + "…"


def _id(told: Any) -> str:
    return str(told["id"])
