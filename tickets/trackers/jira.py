"""Jira by its REST API, version 2 for both: Cloud signs in with e-mail and token, Data Center with a token.

Version 2 takes plain text where version 3 wants documents. Searches differ: Cloud has
``search/jql`` since it removed ``search``, which Data Center has.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from core.errors import BadInput
from core.outbound import HostError, Reply, fetch
from core.text import clean_text
from tickets.trackers.base import Account, Draft, External, Message, NotLetIn

TIMEOUT = 20.0
MOST_ANSWER = 4 * 1024 * 1024  # bytes; an issue with its comments
MOST_COMMENTS = 100  # newest, that are looked through for a marker
FIELDS = "status,updated,project"
Json = dict[str, Any]


class Jira:
    """One project of one Jira."""

    def __init__(self, account: Account, mapping: Json) -> None:
        self._base, self._project, self._mapping = account.base, account.project, mapping
        self._is_cloud = bool(account.account)
        pair = f"{account.account}:{account.key}".encode()
        basic = f"Basic {base64.b64encode(pair).decode()}"
        self._signed = basic if self._is_cloud else f"Bearer {account.key}"
        self.host = urlsplit(account.base).netloc

    def __repr__(self) -> str:
        return f"Jira({self.host})"

    def who_am_i(self) -> str:
        told = self._json("GET", "myself")
        return str(told.get("displayName") or told.get("name") or "somebody")

    def find(self, marker: str) -> External | None:
        asked = {"jql": f'labels = "{marker}"', "fields": FIELDS, "maxResults": "2"}
        found = self._json(
            "GET", f"{'search/jql' if self._is_cloud else 'search'}?{urlencode(asked)}"
        )
        issues = found.get("issues") or []
        return self._external(issues[0]) if issues else None

    def create(self, draft: Draft) -> External:
        fields: Json = {
            **self._mapping["fields"],
            "project": {"key": self._project},
            "issuetype": {"name": self._mapping["issue_type"]},
            "summary": draft.title,
            "description": draft.text,
            "labels": [*self._mapping["labels"], draft.marker],
            **self._priority(draft.band),
        }
        made = self._json("POST", "issue", {"fields": fields})
        read = self.read(str(_need(made, "id")))
        if read is None:
            raise HostError(f"{self.host} made a ticket and does not show it to us.")
        return read

    def read(self, ticket: str) -> External | None:
        reply = self._ask("GET", f"issue/{quote(ticket, safe='')}?fields={FIELDS}")
        if reply.status == 404:
            return None
        issue = self._checked(reply)
        project = issue.get("fields", {}).get("project", {}).get("key")
        return self._external(issue) if project == self._project else None

    def has_comment(self, ticket: str, marker: str) -> bool:
        path = f"issue/{quote(ticket, safe='')}/comment?orderBy=-created&maxResults={MOST_COMMENTS}"
        comments = self._json("GET", path).get("comments") or []
        return any(marker in str(comment.get("body", "")) for comment in comments)

    def comment(self, ticket: str, text: str) -> None:
        self._json("POST", f"issue/{quote(ticket, safe='')}/comment", {"body": text})

    def update(self, ticket: str, band: str) -> None:
        if fields := self._priority(band):
            reply = self._ask("PUT", f"issue/{quote(ticket, safe='')}", {"fields": fields})
            self._check(reply)

    def transition(self, ticket: str, *, is_open: bool) -> None:
        path = f"issue/{quote(ticket, safe='')}/transitions"
        ways = self._json("GET", path).get("transitions") or []
        wanted = self._mapping["reopen" if is_open else "close"]
        for way in ways:
            category = way.get("to", {}).get("statusCategory", {}).get("key")
            fits = way.get("name") == wanted if wanted else (category == "done") != is_open
            if fits:
                self._check(self._ask("POST", path, {"transition": {"id": str(way["id"])}}))
                return
        what = wanted or ("one that reopens" if is_open else "one that closes")
        raise HostError(f"The ticket has no transition now: {what}.", final=True)

    def _priority(self, band: str) -> Json:
        name = self._mapping["priorities"].get(band, "")
        return {"priority": {"name": name}} if name else {}

    def _external(self, issue: Json) -> External:
        fields, key = _need(issue, "fields"), str(_need(issue, "key"))
        status = _need(fields, "status")
        return External(
            id=str(_need(issue, "id")),
            key=key,
            address=f"{self._base}/browse/{quote(key, safe='')}",
            is_open=status.get("statusCategory", {}).get("key") != "done",
            status=str(status.get("name", "")),
            version=str(fields.get("updated", "")),
        )

    def _json(self, method: str, path: str, body: Json | None = None) -> Json:
        return self._checked(self._ask(method, path, body))

    def _ask(self, method: str, path: str, body: Json | None = None) -> Reply:
        headers = {"Authorization": self._signed, "Accept": "application/json"}
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        reply = fetch(
            method, f"{self._base}/rest/api/2/{path}", headers=headers, body=data,
            limit=MOST_ANSWER, timeout=TIMEOUT,
        )  # fmt: skip
        if reply.status == 401:
            raise NotLetIn(f"{self.host} does not take our credentials.", final=True)
        return reply

    def _checked(self, reply: Reply) -> Json:
        self._check(reply)
        found = reply.json()
        if not isinstance(found, dict):
            raise HostError("The tracker's answer is not what was asked for.", final=True)
        return found

    def _check(self, reply: Reply) -> None:
        if 200 <= reply.status < 300:
            return
        error = reply.error(self.host)
        if reply.status == 400:
            raise HostError(f"{error.sentence[:-1]}: {_said(reply)}", final=True)
        raise error


def _said(reply: Reply) -> str:
    """Which fields Jira does not want as they are, in its words, short."""
    told = reply.json()
    if not isinstance(told, dict):
        return "no reason"
    errors = told.get("errors") if isinstance(told.get("errors"), dict) else {}
    words = [*(told.get("errorMessages") or []), *(f"{k}: {v}" for k, v in (errors or {}).items())]
    return clean_text(" ".join(map(str, words)) or "no reason", 200)


def _need(row: Json, key: str) -> Any:
    value = row.get(key) if isinstance(row, dict) else None
    if value is None:
        raise HostError(f"The tracker's answer has no {key!r}.", final=True)
    return value


def read_message(
    headers: Mapping[str, str], body: bytes, secrets: Collection[str]
) -> Message | None:
    """Read a message of a webhook with a secret: HMAC-SHA256 of the body in X-Hub-Signature.

    None: not signed with one of ``secrets``. Raises BadInput for a signed one that is not JSON.
    """
    told = headers.get("x-hub-signature", "").encode("utf-8", "replace")
    held = [
        hmac.compare_digest(
            f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}".encode(), told
        )
        for secret in secrets
    ]
    if not any(held):
        return None
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        raise BadInput("body", "is not JSON") from None
    data = data if isinstance(data, dict) else {}
    issue = data.get("issue")
    ticket = issue.get("id", "") if isinstance(issue, dict) else ""
    delivery = headers.get("x-atlassian-webhook-identifier", "")
    return Message(
        delivery=delivery if 0 < len(delivery) <= 100 else hashlib.sha256(body).hexdigest(),
        event=clean_text(str(data.get("webhookEvent", "")), 60),
        ticket=clean_text(str(ticket), 64),
    )
