"""GitLab Issues by REST version 4. A ticket's id is the issue's number in its project (iid)."""

import hashlib
import hmac
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from core.outbound import HostError
from core.text import clean_text
from tickets.trackers.base import Account, Draft, External, Message, Remark
from tickets.trackers.labels import labels_with
from tickets.trackers.markup import for_markdown
from tickets.trackers.rest import Json, Rest, first_of, need, part_of, read_body

MOST_LISTED = 100  # newest issues, or notes, that are looked at
DELIVERED = "idempotency-key"


class GitLab:
    """The issues of one project."""

    def __init__(self, account: Account, mapping: Json) -> None:
        self._mapping = mapping
        self._issues = f"projects/{quote(account.project, safe='')}/issues"
        self._rest = Rest(f"{account.base}/api/v4", {"PRIVATE-TOKEN": account.key})

    def who_am_i(self) -> str:
        return str(need(self._rest.row("GET", "user"), "username"))

    def find(self, marker: str) -> External | None:
        asked = {"order_by": "created_at", "sort": "desc", "per_page": MOST_LISTED}
        rows = self._rest.rows(f"{self._issues}?{urlencode(asked)}")
        found = (row for row in rows if marker in str(row.get("description", "")))
        issue = next(found, None)
        return _external(issue) if issue else None

    def fields_of(self, draft: Draft) -> Json:
        labels = labels_with(self._mapping["labels"], draft.band, self._mapping)
        return {
            **self._mapping["fields"],
            **draft.values,
            "title": draft.title,
            "description": f"{for_markdown(draft.text)}\n\n[{draft.marker}]",
            "labels": ",".join(labels),
        }

    def create(self, draft: Draft) -> External:
        return _external(self._rest.row("POST", self._issues, self.fields_of(draft)))

    def read(self, ticket: str) -> External | None:
        reply = self._rest.ask("GET", self._path(ticket))
        return None if reply.status == 404 else _external(self._rest.checked(reply).json())

    def remarks(self, ticket: str) -> list[Remark]:
        """What people wrote for all: neither notes of GitLab itself, nor internal ones."""
        asked = {"order_by": "created_at", "sort": "desc", "per_page": MOST_LISTED}
        rows = self._rest.rows(f"{self._path(ticket)}/notes?{urlencode(asked)}")
        return [
            Remark(
                id=str(need(row, "id")),
                author=str(part_of(row, "author").get("username", "")),
                text=str(row.get("body") or ""),
            )
            for row in reversed(rows)
            if not (row.get("system") or row.get("internal") or row.get("confidential"))
        ]

    def comment(self, ticket: str, text: str, marker: str) -> None:
        body = {"body": f"{for_markdown(text)}\n\n[{marker}]"}
        self._rest.row("POST", f"{self._path(ticket)}/notes", body)

    def update(self, ticket: str, band: str, values: Mapping[str, str]) -> None:
        issue = self._rest.row("GET", self._path(ticket))
        now = [str(label) for label in issue.get("labels") or []]
        body = {**values, "labels": ",".join(labels_with(now, band, self._mapping))}
        self._rest.row("PUT", self._path(ticket), body)

    def assign(self, ticket: str, account: str) -> None:
        ids = [0]  # nobody
        if account:
            users = self._rest.rows(f"users?{urlencode({'username': account})}")
            if not users:
                raise HostError(f"There is no user {account}.", final=True)
            ids = [need(users[0], "id")]
        self._rest.row("PUT", self._path(ticket), {"assignee_ids": ids})

    def transition(self, ticket: str, *, is_open: bool) -> None:
        body = {"state_event": "reopen" if is_open else "close"}
        self._rest.row("PUT", self._path(ticket), body)

    def _path(self, ticket: str) -> str:
        number = ticket.removeprefix("#")
        if not number.isdecimal():
            raise HostError("An issue's key is its number, such as #12.", final=True)
        return f"{self._issues}/{number}"


def _external(issue: Any) -> External:
    number = str(need(issue, "iid"))
    state = str(need(issue, "state"))
    login = str(first_of(issue, "assignees").get("username", ""))
    return External(
        id=number,
        key=f"#{number}",
        address=str(need(issue, "web_url")),
        is_open=state == "opened",
        status=state,
        version=f"{issue.get('updated_at', '')} {issue.get('user_notes_count', '')}",
        assignee=login,
        assignee_key=login,
    )


def read_message(
    headers: Mapping[str, str], body: bytes, secrets: Collection[str]
) -> Message | None:
    """Read a message that shows the secret in X-Gitlab-Token. None: none of ``secrets``. Raises BadInput."""
    told = headers.get("x-gitlab-token", "").encode("utf-8", "replace")
    held = [hmac.compare_digest(secret.encode(), told) for secret in secrets]
    if not any(held):
        return None
    data = read_body(body)
    number = part_of(data, "object_attributes").get("iid", "")
    if data.get("object_kind") == "note":
        number = part_of(data, "issue").get("iid", "")
    delivery = headers.get(DELIVERED, "")
    return Message(
        delivery=clean_text(delivery)
        if 0 < len(delivery) <= 100
        else hashlib.sha256(body).hexdigest(),
        event=clean_text(headers.get("x-gitlab-event", ""), 60),
        ticket=clean_text(str(number), 64),
    )
