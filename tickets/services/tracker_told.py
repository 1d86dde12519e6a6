"""What people tell of a tracker, checked. No rows and no network here; no refusal repeats a key."""

import re

from core.errors import BadInput
from core.outbound import HostError, check_address
from tickets.statuses import Reopens, Talks, TrackerKind

MAX_NAME = 80
MAX_BASE = 200
MAX_PROJECT = 100
MAX_ACCOUNT = 200
MAX_KEY = 1_000
MAX_TICKET = 64
_PROJECTS = {
    TrackerKind.JIRA: (re.compile(r"[A-Z][A-Z0-9_]*"), "the project's key, such as SEC"),
    TrackerKind.GITHUB: (re.compile(r"[\w.-]+/[\w.-]+", re.ASCII), "owner/repository"),
    TrackerKind.GITLAB: (re.compile(r"[\w.-]+(?:/[\w.-]+)+", re.ASCII), "group/project"),
    TrackerKind.SERVICENOW: (re.compile(r"[a-z][a-z0-9_]*"), "a table, such as incident"),
}
_ACCOUNT = re.compile(r"[A-Za-z0-9._%+@-]+")
_VISIBLE = re.compile(r"[\x21-\x7e]+")
_TICKET = re.compile(r"#?[A-Za-z0-9_-]+")


def check_name(name: str) -> str:
    """Return the name. Raises BadInput."""
    name = name.strip()
    if not 0 < len(name) <= MAX_NAME or not name.isprintable():
        raise BadInput("name", f"must have 1 to {MAX_NAME} characters that can be seen")
    return name


def check_kind(kind: str) -> TrackerKind:
    """Return the kind of tracker. Raises BadInput."""
    if kind not in list(TrackerKind):
        raise BadInput("kind", f"is none of: {', '.join(TrackerKind)}")
    return TrackerKind(kind)


def check_reopens(reopens: str) -> str:
    """Return the policy. Raises BadInput."""
    if reopens not in list(Reopens):
        raise BadInput("reopens", f"is none of: {', '.join(Reopens)}")
    return reopens


def check_comments(comments: str) -> str:
    """Return whether comments are told in both directions. Raises BadInput."""
    if comments not in list(Talks):
        raise BadInput("comments", f"is none of: {', '.join(Talks)}")
    return comments


def check_base(base: str) -> str:
    """Return the tracker's address without a slash at its end. Raises BadInput."""
    base = base.strip().rstrip("/")
    if len(base) > MAX_BASE:
        raise BadInput("base", f"is longer than allowed ({len(base)} > {MAX_BASE} characters)")
    try:
        check_address(base)
    except HostError as error:
        raise BadInput("base", f"cannot be used: {error.sentence}") from None
    if "?" in base:
        raise BadInput("base", "must have no question mark")
    return base


def check_project(project: str, kind: TrackerKind) -> str:
    """Return the project as its tracker names it. Raises BadInput."""
    project, (form, words) = project.strip().strip("/"), _PROJECTS[kind]
    is_path = any(part in (".", "..") for part in project.split("/"))
    if len(project) > MAX_PROJECT or not form.fullmatch(project) or is_path:
        raise BadInput("project", f"must be {words}")
    return project


def check_account(account: str, kind: TrackerKind) -> str:
    """Return who signs in at Jira Cloud (an e-mail address) or ServiceNow, else nothing. Raises BadInput."""
    account = account.strip()
    if account and kind in (TrackerKind.GITHUB, TrackerKind.GITLAB):
        raise BadInput("account", "must be empty; a token says by itself whose it is")
    if not account and kind == TrackerKind.SERVICENOW:
        raise BadInput("account", "must be the user that signs in")
    if account and (len(account) > MAX_ACCOUNT or not _ACCOUNT.fullmatch(account)):
        raise BadInput(
            "account", f"must be an e-mail address or user, at most {MAX_ACCOUNT} characters"
        )
    return account


def check_key(key: str) -> str:
    """Return the token. Raises BadInput that never repeats it."""
    key = key.strip()
    if len(key) > MAX_KEY or not _VISIBLE.fullmatch(key):
        raise BadInput("key", f"must be a token: 1 to {MAX_KEY} characters without spaces")
    return key


def check_ticket(key: str) -> str:
    """Return the key of a ticket that is there. Raises BadInput."""
    key = key.strip()
    if len(key) > MAX_TICKET or not _TICKET.fullmatch(key):
        raise BadInput("key", "must be the ticket's key, such as SEC-12")
    return key
