"""GitHub's answers as the records of forges.hosts.records. Pure: one answer in, one record out.

Called through ``github_client.read``, which says what is told of a member that is missing or of
another kind.
"""

import re
from typing import Any

from forges.hosts.records import Alert, Analysis, HostCommit, HostRepository, HostReview, Pull
from forges.statuses import AlertState, PullState, ReviewState

REVIEW_STATES = {
    "APPROVED": ReviewState.APPROVED,
    "CHANGES_REQUESTED": ReviewState.REJECTED,
    "DISMISSED": ReviewState.DISMISSED,
}  # what else there is (COMMENTED, PENDING) decides nothing
ALERT_STATES = {"dismissed": AlertState.DISMISSED, "fixed": AlertState.FIXED}

_ID = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")


def repository(told: Any) -> HostRepository:
    """A repository of any of the lists."""
    return HostRepository(
        id=str(number(told["id"])),
        full_name=name(told["full_name"]),
        default_branch=text(told.get("default_branch")),
        web_url=text(told["html_url"]),
        clone_url=text(told.get("clone_url")) or f"{told['html_url']}.git",
        pushed_at=text(told.get("pushed_at")),
        archived=told.get("archived") is True,
    )


def pull(told: Any) -> Pull:
    """A pull request as it is fetched alone."""
    merged_at = text(told["merged_at"])
    closed = PullState.CLOSED if told["state"] == "closed" else PullState.OPEN
    head, base = told["head"], told["base"]
    return Pull(
        number=number(told["number"]),
        title=text(told["title"]),
        body=text(told["body"]),
        state=PullState.MERGED if merged_at else closed,
        url=text(told["html_url"]),
        base_ref=text(base["ref"]),
        head_ref=text(head["ref"]),
        head_commit=git_id(head["sha"]),
        author=_login(told["user"]),
        is_bot=is_bot(told["user"]),
        is_draft=told.get("draft") is True,
        is_fork=not head["repo"] or head["repo"]["id"] != base["repo"]["id"],
        created_at=text(told["created_at"]),
        updated_at=text(told["updated_at"]),
        merged_at=merged_at,
        merged_by=_login(told.get("merged_by")),
        # Before the merge GitHub tells that of a trial, which is on no branch.
        merge_commit=git_id(told["merge_commit_sha"]) if merged_at else "",
    )


def commit(told: Any) -> HostCommit:
    """A commit of a list, or fetched alone."""
    inner = told["commit"]
    return HostCommit(
        id=git_id(told["sha"]),
        tree=git_id(inner["tree"]["sha"]),
        parents=tuple(git_id(parent["sha"]) for parent in told["parents"]),
        message=text(inner["message"]),
        author=_person(inner["author"]),
        committer=_person(inner["committer"]),
        committed_at=text((inner["committer"] or {}).get("date")),
        login=_login(told["author"]),
        committer_login=_login(told["committer"]),
    )


def review(told: Any) -> HostReview:
    """A review; whether its author may write is asked apart."""
    return HostReview(
        id=str(number(told["id"])),
        login=_login(told["user"]),
        state=REVIEW_STATES.get(text(told["state"]).upper(), ReviewState.COMMENTED),
        commit=git_id(told["commit_id"]) if told["commit_id"] else "",
        at=text(told.get("submitted_at")),
        is_bot=is_bot(told["user"]),
        body=text(told.get("body")),
    )


def analysis(told: Any) -> Analysis:
    """One report's description. Zero rules is how GitHub says that it does not know."""
    return Analysis(
        id=str(number(told["id"])),
        ref=text(told["ref"]),
        commit=git_id(told["commit_sha"]),
        tool=text(told["tool"]["name"]),
        version=text(told["tool"].get("version")),
        category=text(told.get("category")),
        created_at=text(told["created_at"]),
        workflow=text(told["analysis_key"]),
        results=number(told["results_count"]),
        rules=number(told["rules_count"]) or None,
        error=text(told["error"]),
        warning=text(told["warning"]),
    )


def alert(told: Any) -> Alert:
    """A code scanning alert, with its newest place."""
    newest = told["most_recent_instance"]
    place = newest.get("location") or {}
    line = place.get("start_line")
    return Alert(
        number=str(number(told["number"])),
        state=ALERT_STATES.get(text(told["state"]), AlertState.OPEN),
        tool=text(told["tool"]["name"]),
        rule=text(told["rule"].get("id")),
        path=text(place.get("path")),
        line=number(line) if line is not None else None,
        commit=text(newest.get("commit_sha")),
        url=text(told["html_url"]),
        updated_at=text(told.get("updated_at")) or text(told["created_at"]),
        dismissed_by=_login(told["dismissed_by"]),
        dismissed_at=text(told["dismissed_at"]),
        dismissed_reason=text(told["dismissed_reason"]),
        dismissed_comment=text(told.get("dismissed_comment")),
    )


def is_bot(user: Any) -> bool:
    """Whether GitHub says that an account is no person's."""
    return bool(user) and user.get("type") == "Bot"


def text(value: Any) -> str:
    """A text; empty for null. Raises TypeError for anything else."""
    if value is not None and not isinstance(value, str):
        raise TypeError("not a text")
    return value or ""


def name(value: Any) -> str:
    """A text that is not empty. Raises TypeError or ValueError."""
    if not text(value):
        raise ValueError("no name")
    return text(value)


def number(value: Any) -> int:
    """A number that is none of JSON's others. Raises TypeError."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("not a number")
    return value


def git_id(value: Any) -> str:
    """A full git id in small letters. Raises ValueError."""
    if not _ID.fullmatch(text(value)):
        raise ValueError("not a git id")
    return text(value)


def _login(user: Any) -> str:
    """The account's name; empty for one that is gone."""
    return text(user["login"]) if user else ""


def _person(told: Any) -> str:
    return f"{text(told.get('name'))} <{text(told.get('email'))}>" if told else ""
