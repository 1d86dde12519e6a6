"""Messages of GitLab's webhooks: who may have sent one, and what it is about. Pure."""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Collection, Mapping
from typing import Any

from core.errors import BadInput
from forges.hosts.records import Message

SIGNING_PREFIX = "whsec_"  # of a signing token (Standard Webhooks): base64 of the key
FINISHED = frozenset({"success", "failed", "canceled", "skipped"})
PROJECT_EVENTS = frozenset(
    {"project_create", "project_destroy", "project_rename", "project_transfer", "project_update"}
)

Json = Mapping[str, Any]


def read_message(
    headers: Mapping[str, str], body: bytes, secrets: Collection[str]
) -> Message | None:
    """Return the message if it comes with one of ``secrets``: as its token, or signed with it.

    None where it does not. A message that comes twice has the same ``delivery``; how old one may be
    is not asked here. Raises BadInput naming the place in one that cannot be read.
    """
    if not _is_trusted(headers, body, secrets):
        return None
    said = _parsed(body)
    event = _text(said, "object_kind", "") or _text(said, "event_name", "")
    about = _READERS.get(event, _project if event in PROJECT_EVENTS else _nothing)
    fields: dict[str, Any] = {"about": "nothing", "repository": "", "number": 0, **about(said)}
    return Message(
        delivery=_delivery(headers, body),
        event=headers.get("x-gitlab-event", "") or event,
        about=fields.pop("about"),
        repository=fields.pop("repository"),
        number=fields.pop("number"),
        fields={key: value for key, value in fields.items() if value},
    )


# --- who sent it ---------------------------------------------------------------------------------
def _is_trusted(headers: Mapping[str, str], body: bytes, secrets: Collection[str]) -> bool:
    """Every secret is compared, whichever fits, so that the time taken tells nothing."""
    token = headers.get("x-gitlab-token", "").encode()
    fits = [
        _has_signed(secret, headers, body)
        if secret.startswith(SIGNING_PREFIX)  # such a key is never sent itself
        else hmac.compare_digest(secret.encode(), token)
        for secret in secrets
        if secret
    ]
    return any(fits)


def _has_signed(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Standard Webhooks: HMAC-SHA256 over id, time and body, as ``v1,BASE64``, maybe several."""
    try:
        key = base64.b64decode(secret.removeprefix(SIGNING_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return False
    told = [headers.get(name, "") for name in ("webhook-id", "webhook-timestamp")]
    if not key or not all(told):
        return False
    signed = ".".join(told).encode() + b"." + body
    expected = base64.b64encode(hmac.digest(key, signed, hashlib.sha256))
    given = headers.get("webhook-signature", "").split()
    return any(hmac.compare_digest(b"v1," + expected, one.encode()) for one in given)


def _delivery(headers: Mapping[str, str], body: bytes) -> str:
    """What is the same when one message comes again. Older versions name the event only, whose
    messages then differ by their content."""
    for name in ("idempotency-key", "webhook-id"):
        if headers.get(name):
            return headers[name]
    content = hashlib.sha256(body).hexdigest()[:32]
    event = headers.get("x-gitlab-event-uuid", "")
    return f"{event}-{content}" if event else content


# --- what it is about ----------------------------------------------------------------------------
def _merge_request(said: Json) -> dict[str, Any]:
    what = _object(said, "object_attributes", "")
    return {
        "about": "pull",
        "repository": _repository(said),
        "number": _number(what, "iid", "/object_attributes"),
        "action": _text(what, "action", "/object_attributes"),
    }


def _push(said: Json) -> dict[str, Any]:
    return {
        "about": "push",
        "repository": str(_number(said, "project_id", "")),
        "ref": _needed(said, "ref", ""),
        "before": _text(said, "before", ""),
        "commit": _needed(said, "after", ""),
    }


def _pipeline(said: Json) -> dict[str, Any]:
    what, at = _object(said, "object_attributes", ""), "/object_attributes"
    if _text(what, "status", at) not in FINISHED:
        return {}
    return {
        "about": "analysis",
        "repository": _repository(said),
        "ref": full_ref(_needed(what, "ref", at), is_tag=what.get("tag") is True),
        "commit": _needed(what, "sha", at),
    }


def _job(said: Json) -> dict[str, Any]:
    if _text(said, "build_status", "") not in FINISHED:
        return {}
    return {
        "about": "analysis",
        "repository": str(_number(said, "project_id", "")),
        "ref": full_ref(_needed(said, "ref", ""), is_tag=said.get("tag") is True),
        "commit": _needed(said, "sha", ""),
    }


def _project(said: Json) -> dict[str, Any]:
    return {
        "about": "repository",
        "repository": str(_number(said, "project_id", "")),
        "action": _text(said, "event_name", "").removeprefix("project_"),
    }


def _nothing(said: Json) -> dict[str, Any]:
    return {}


_READERS = {
    "merge_request": _merge_request,
    "push": _push,
    "tag_push": _push,
    "pipeline": _pipeline,
    "build": _job,
}


def full_ref(name: str, *, is_tag: bool) -> str:
    """A ref in full; GitLab names branches and tags shortly, and merge requests in full."""
    if name.startswith("refs/"):
        return name
    return f"refs/{'tags' if is_tag else 'heads'}/{name}"


# --- members -------------------------------------------------------------------------------------
def _parsed(body: bytes) -> Json:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        raise BadInput("body", "This is not JSON.") from None
    if not isinstance(said, dict):
        raise BadInput("body", "This must be an object.")
    return said


def _repository(said: Json) -> str:
    return str(_number(_object(said, "project", ""), "id", "/project"))


def _object(parent: Json, key: str, at: str) -> Json:
    value = parent.get(key)
    if not isinstance(value, dict):
        raise BadInput(f"{at}/{key}", "This must be an object.")
    return value


def _number(parent: Json, key: str, at: str) -> int:
    value = parent.get(key)
    if type(value) is not int or value < 1:
        raise BadInput(f"{at}/{key}", "This must be a number above zero.")
    return value


def _text(parent: Json, key: str, at: str) -> str:
    value = parent.get(key)
    if value is not None and not isinstance(value, str):
        raise BadInput(f"{at}/{key}", "This must be text.")
    return value or ""


def _needed(parent: Json, key: str, at: str) -> str:
    found = _text(parent, key, at)
    if not found:
        raise BadInput(f"{at}/{key}", "This is missing.")
    return found
