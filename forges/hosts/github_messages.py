"""GitHub's webhook messages: who signed one, and what it is about. What it says is looked up, not believed."""

import hashlib
import hmac
import json
from collections.abc import Callable, Collection, Mapping
from typing import Any, NoReturn

from core.errors import BadInput
from core.text import clean_text
from forges.hosts.records import Message

CODE_SCANNING_APP = "github-advanced-security"  # sets a check run when it has read a report
NO_COMMIT = "0" * 40

_OF_SEVERAL = frozenset({"installation", "installation_repositories"})  # repositories, or all

Fields = dict[str, str]


def read_message(
    headers: Mapping[str, str], body: bytes, secrets: Collection[str], *, own_app: str = ""
) -> Message | None:
    """Return the message if one of ``secrets`` signed it, else None.

    ``own_app``: id of the App that we are, whose own check runs tell us nothing. Raises BadInput for
    a signed message that is not JSON or lacks what it has to have.
    """
    if not is_signed(headers.get("x-hub-signature-256", ""), body, secrets):
        return None
    delivery, event = (_header(headers, name) for name in ("X-GitHub-Delivery", "X-GitHub-Event"))
    told = _Told(_parsed(body))
    about, fields = _ABOUT.get(event, _nothing)(told, own_app)
    if about == "nothing":
        return Message(delivery, event, about)
    number = told.number("pull_request", "number") if about == "pull" else 0
    repository = "" if event in _OF_SEVERAL else told.id("repository", "id")
    return Message(delivery, event, about, repository, number, fields)


def is_signed(signature: str, body: bytes, secrets: Collection[str]) -> bool:
    """Whether one of ``secrets`` signed these very bytes. Takes the same time whichever it is."""
    given = signature.encode("utf-8", "replace")
    fitting = False
    for secret in secrets:
        made = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        equal = hmac.compare_digest(f"sha256={made}".encode(), given)
        fitting = fitting or (equal and bool(secret))
    return fitting


class _Told:
    """A message's JSON; a member that is not there or of another kind is refused with its place."""

    def __init__(self, value: Any) -> None:
        if not isinstance(value, dict):
            raise BadInput("/", "a JSON object is needed")
        self.value = value

    def _at(self, *path: str) -> Any:
        value: Any = self.value
        for depth, name in enumerate(path, 1):
            if not isinstance(value, dict) or name not in value:
                raise BadInput(f"/{'/'.join(path[:depth])}", "is missing")
            value = value[name]
        return value

    def number(self, *path: str) -> int:
        value = self._at(*path)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 2**63:
            raise BadInput(f"/{'/'.join(path)}", "a positive number is needed")
        return value

    def id(self, *path: str) -> str:
        return str(self.number(*path))

    def maybe(self, *path: str) -> str:
        """Return a text that need not be there."""
        return self.text(*path) if path[-1] in self._at(*path[:-1]) else ""

    def text(self, *path: str) -> str:
        """Return a text; nothing for null, as GitHub writes what it does not know."""
        value = self._at(*path)
        if value is not None and not isinstance(value, str):
            raise BadInput(f"/{'/'.join(path)}", "a text is needed")
        return clean_text(value or "")


def _header(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(name.lower(), "")
    if not value or not value.isascii() or len(value) > 100:
        raise BadInput(name, "a header of 1 to 100 ASCII characters is needed")
    return value


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise BadInput(
            "/", "the body is not JSON: set the webhook's content type to application/json"
        ) from None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


# --- what each event is about --------------------------------------------------------------------
def _nothing(told: _Told, own_app: str) -> tuple[str, Fields]:
    return "nothing", {}


def _pull(told: _Told, own_app: str) -> tuple[str, Fields]:
    return "pull", {"action": told.text("action")}


def _push(told: _Told, own_app: str) -> tuple[str, Fields]:
    """A push of commits to a branch; tags and deletions move nothing that we read."""
    ref, after = told.text("ref"), told.text("after")
    if not ref.startswith("refs/heads/") or after == NO_COMMIT:
        return "nothing", {}
    return "push", {"ref": ref, "after": after}


def _alert(told: _Told, own_app: str) -> tuple[str, Fields]:
    commit, ref = told.text("commit_oid"), told.text("ref")  # both empty for what a person did
    return "analysis", {"action": told.text("action"), "ref": ref, "commit": commit}


def _check_run(told: _Told, own_app: str) -> tuple[str, Fields]:
    """Code scanning's own: it has read a report. There are many of others, and ours are among them."""
    if told.text("action") != "completed":
        return "nothing", {}
    app, slug = told.id("check_run", "app", "id"), told.maybe("check_run", "app", "slug")
    if app == own_app or slug != CODE_SCANNING_APP:
        return "nothing", {}
    branch = told.text("check_run", "check_suite", "head_branch")
    return "analysis", _of_branch(branch, told.text("check_run", "head_sha"))


def _workflow_run(told: _Told, own_app: str) -> tuple[str, Fields]:
    """Any that has ended: which of them scan is not told."""
    if told.text("action") != "completed":
        return "nothing", {}
    branch = told.text("workflow_run", "head_branch")
    return "analysis", _of_branch(branch, told.text("workflow_run", "head_sha"))


def _of_branch(branch: str, commit: str) -> Fields:
    return {"ref": f"refs/heads/{branch}" if branch else "", "commit": commit}


def _repository(told: _Told, own_app: str) -> tuple[str, Fields]:
    return "repository", {"action": told.text("action")}


def _installation(told: _Told, own_app: str) -> tuple[str, Fields]:
    return "installation", {"action": told.text("action")}


def _merge_group(told: _Told, own_app: str) -> tuple[str, Fields]:
    if told.text("action") != "checks_requested":
        return "nothing", {}
    names = ("head_sha", "base_sha", "head_ref", "base_ref")
    return "merge_group", {name: told.text("merge_group", name) for name in names}


_ABOUT: Mapping[str, Callable[[_Told, str], tuple[str, Fields]]] = {
    "pull_request": _pull,
    "pull_request_review": _pull,
    "push": _push,
    "code_scanning_alert": _alert,
    "check_run": _check_run,
    "workflow_run": _workflow_run,
    "repository": _repository,
    "installation_repositories": _repository,
    "installation": _installation,
    "merge_group": _merge_group,
}
