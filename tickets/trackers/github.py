"""GitHub Issues by REST, of GitHub.com or a server of one's own. A ticket's id is the issue's number."""

import hashlib
import hmac
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import quote

from core.outbound import HostError
from core.text import clean_text
from tickets.trackers.base import Account, Draft, External, Message, Remark
from tickets.trackers.labels import labels_with
from tickets.trackers.markup import for_markdown
from tickets.trackers.rest import Json, Rest, first_of, need, part_of, read_body

MOST_LISTED = 100  # newest issues, or comments of a page
ENOUGH = 50  # comments that are looked at, at least
GONE = frozenset({301, 404, 410})  # moved to another repository, not there, deleted
DELIVERED = "x-github-delivery"


class GitHub:
    """The issues of one repository."""

    def __init__(self, account: Account, mapping: Json) -> None:
        self._mapping = mapping
        self._issues = f"repos/{quote(account.project)}/issues"
        headers = {
            "Authorization": f"Bearer {account.key}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        self._rest = Rest(account.base, headers)

    def who_am_i(self) -> str:
        return str(need(self._rest.row("GET", "user"), "login"))

    def find(self, marker: str) -> External | None:
        path = f"{self._issues}?state=all&sort=created&direction=desc&per_page={MOST_LISTED}"
        found = (row for row in self._rest.rows(path) if marker in str(row.get("body", "")))
        issue = next(found, None)
        return _external(issue) if issue else None

    def fields_of(self, draft: Draft) -> Json:
        return {
            **self._mapping["fields"],
            "title": draft.title,
            "body": f"{for_markdown(draft.text)}\n\n[{draft.marker}]",
            "labels": labels_with(self._mapping["labels"], draft.band, self._mapping),
        }

    def create(self, draft: Draft) -> External:
        return _external(self._rest.row("POST", self._issues, self.fields_of(draft)))

    def read(self, ticket: str) -> External | None:
        reply = self._rest.ask("GET", self._path(ticket))
        if reply.status in GONE:
            return None
        issue = self._rest.checked(reply).json()
        return None if part_of(issue, "pull_request") else _external(issue)

    def remarks(self, ticket: str) -> list[Remark]:
        """The last page; with the one before, where it holds few."""
        issue = self._rest.row("GET", self._path(ticket))
        count = int(issue.get("comments") or 0)
        last = max(1, -(-count // MOST_LISTED))
        first = last - 1 if last > 1 and 0 < count % MOST_LISTED < ENOUGH else last
        asked = f"{self._path(ticket)}/comments?per_page={MOST_LISTED}&page="
        rows = [row for page in range(first, last + 1) for row in self._rest.rows(f"{asked}{page}")]
        return [
            Remark(
                id=str(need(row, "id")),
                author=str(part_of(row, "user").get("login", "")),
                text=str(row.get("body") or ""),
            )
            for row in rows
        ]

    def comment(self, ticket: str, text: str, marker: str) -> None:
        body = {"body": f"{for_markdown(text)}\n\n[{marker}]"}
        self._rest.row("POST", f"{self._path(ticket)}/comments", body)

    def update(self, ticket: str, band: str, values: Mapping[str, str]) -> None:
        issue = self._rest.row("GET", self._path(ticket))
        body = {"labels": labels_with(_labels(issue), band, self._mapping)}
        self._rest.row("PATCH", self._path(ticket), body)

    def assign(self, ticket: str, account: str) -> None:
        body = {"assignees": [account] if account else []}
        self._rest.row("PATCH", self._path(ticket), body)

    def transition(self, ticket: str, *, is_open: bool) -> None:
        body = {"state": "open"} if is_open else {"state": "closed", "state_reason": "completed"}
        self._rest.row("PATCH", self._path(ticket), body)

    def _path(self, ticket: str) -> str:
        number = ticket.removeprefix("#")
        if not number.isdecimal():
            raise HostError("An issue's key is its number, such as #12.", final=True)
        return f"{self._issues}/{number}"


def _labels(issue: Json) -> list[str]:
    """Labels are told as words or as objects."""
    told = issue.get("labels") or []
    return [str(label.get("name")) if isinstance(label, dict) else str(label) for label in told]


def _external(issue: Any) -> External:
    number = str(need(issue, "number"))
    reason = issue.get("state_reason")
    login = str(first_of(issue, "assignees").get("login", ""))
    return External(
        id=number,
        key=f"#{number}",
        address=str(need(issue, "html_url")),
        is_open=need(issue, "state") == "open",
        status=f"{issue['state']}, {reason}" if reason else str(issue["state"]),
        version=f"{issue.get('updated_at', '')} {issue.get('comments', '')}",  # its time has no parts of seconds
        assignee=login,
        assignee_key=login,
    )


def read_message(
    headers: Mapping[str, str], body: bytes, secrets: Collection[str]
) -> Message | None:
    """Read a message that X-Hub-Signature-256 signs. None: not with one of ``secrets``. Raises BadInput."""
    told = headers.get("x-hub-signature-256", "").encode("utf-8", "replace")
    held = [
        hmac.compare_digest(
            f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}".encode(), told
        )
        for secret in secrets
    ]
    if not any(held):
        return None
    data = read_body(body)
    delivery = headers.get(DELIVERED, "")
    return Message(
        delivery=clean_text(delivery)
        if 0 < len(delivery) <= 100
        else hashlib.sha256(body).hexdigest(),
        event=clean_text(headers.get("x-github-event", ""), 60),
        ticket=clean_text(str(part_of(data, "issue").get("number", "")), 64),
    )
