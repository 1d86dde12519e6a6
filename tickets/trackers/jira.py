"""Jira by its REST API, version 2 for both: Cloud signs in with e-mail and token, Data Center with a token.

Version 2 takes plain text where version 3 wants documents. Searches differ: Cloud has
``search/jql`` since it removed ``search``, which Data Center has.
"""

import base64
import hashlib
import hmac
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from core.outbound import HostError
from core.text import clean_text
from tickets.trackers.base import Account, Draft, External, Message, Remark
from tickets.trackers.markup import for_wiki
from tickets.trackers.rest import Rest, need, part_of, read_body

MOST_COMMENTS = 100  # newest, that are looked at
FIELDS = "status,updated,project,assignee"
Json = dict[str, Any]


class Jira:
    """One project of one Jira."""

    def __init__(self, account: Account, mapping: Json) -> None:
        self._base, self._project, self._mapping = account.base, account.project, mapping
        self._is_cloud = bool(account.account)
        pair = f"{account.account}:{account.key}".encode()
        basic = f"Basic {base64.b64encode(pair).decode()}"
        signed = basic if self._is_cloud else f"Bearer {account.key}"
        self._rest = Rest(f"{account.base}/rest/api/2", {"Authorization": signed})

    def who_am_i(self) -> str:
        told = self._rest.row("GET", "myself")
        return str(told.get("displayName") or told.get("name") or "somebody")

    def find(self, marker: str) -> External | None:
        asked = {"jql": f'labels = "{marker}"', "fields": FIELDS, "maxResults": "2"}
        found = self._rest.row(
            "GET", f"{'search/jql' if self._is_cloud else 'search'}?{urlencode(asked)}"
        )
        issues = found.get("issues") or []
        return self._external(issues[0]) if issues else None

    def fields_of(self, draft: Draft) -> Json:
        return {
            **self._mapping["fields"],
            **draft.values,
            "project": {"key": self._project},
            "issuetype": {"name": self._mapping["issue_type"]},
            "summary": draft.title,
            "description": for_wiki(draft.text),
            "labels": [*self._mapping["labels"], draft.marker],
            **self._priority(draft.band),
        }

    def create(self, draft: Draft) -> External:
        fields = self.fields_of(draft)
        made = self._rest.row("POST", "issue", {"fields": fields})
        read = self.read(str(need(made, "id")))
        if read is None:
            raise HostError(f"{self._rest.host} made a ticket and does not show it to us.")
        return read

    def read(self, ticket: str) -> External | None:
        reply = self._rest.ask("GET", f"issue/{quote(ticket, safe='')}?fields={FIELDS}")
        if reply.status == 404:
            return None
        issue = self._rest.checked(reply).json()
        project = part_of(part_of(issue, "fields"), "project").get("key")
        return self._external(issue) if project == self._project else None

    def remarks(self, ticket: str) -> list[Remark]:
        """What is for all: neither comments for some alone, nor internal ones of service projects."""
        path = f"issue/{quote(ticket, safe='')}/comment?orderBy=-created&maxResults={MOST_COMMENTS}"
        rows = self._rest.row("GET", path).get("comments") or []
        return [
            Remark(
                id=str(need(row, "id")),
                author=str(part_of(row, "author").get("displayName", "")),
                text=str(row.get("body") or ""),
            )
            for row in reversed(rows)
            if not row.get("visibility") and row.get("jsdPublic", True)
        ]

    def comment(self, ticket: str, text: str, marker: str) -> None:
        body = {"body": f"{for_wiki(text)}\n\n[{marker}]"}
        self._rest.row("POST", f"issue/{quote(ticket, safe='')}/comment", body)

    def update(self, ticket: str, band: str, values: Mapping[str, str]) -> None:
        if fields := {**values, **self._priority(band)}:
            reply = self._rest.ask("PUT", f"issue/{quote(ticket, safe='')}", {"fields": fields})
            self._rest.checked(reply)

    def assign(self, ticket: str, account: str) -> None:
        """Cloud knows people by account id, Data Center by name."""
        body = {"accountId" if self._is_cloud else "name": account or None}
        path = f"issue/{quote(ticket, safe='')}/assignee"
        self._rest.checked(self._rest.ask("PUT", path, body))

    def transition(self, ticket: str, *, is_open: bool) -> None:
        path = f"issue/{quote(ticket, safe='')}/transitions"
        ways = self._rest.row("GET", path).get("transitions") or []
        wanted = self._mapping["reopen" if is_open else "close"]
        for way in ways:
            category = part_of(part_of(way, "to"), "statusCategory").get("key")
            fits = way.get("name") == wanted if wanted else (category == "done") != is_open
            if fits:
                self._rest.checked(
                    self._rest.ask("POST", path, {"transition": {"id": str(need(way, "id"))}})
                )
                return
        what = wanted or ("one that reopens" if is_open else "one that closes")
        raise HostError(f"The ticket has no transition now: {what}.", final=True)

    def _priority(self, band: str) -> Json:
        name = self._mapping["priorities"].get(band, "")
        return {"priority": {"name": name}} if name else {}

    def _external(self, issue: Json) -> External:
        fields, key = need(issue, "fields"), str(need(issue, "key"))
        status, assignee = part_of(fields, "status"), part_of(fields, "assignee")
        known_as = assignee.get("accountId") or assignee.get("name") or ""
        return External(
            id=str(need(issue, "id")),
            key=key,
            address=f"{self._base}/browse/{quote(key, safe='')}",
            is_open=need(part_of(status, "statusCategory"), "key") != "done",
            status=str(status.get("name", "")),
            version=str(fields.get("updated", "")),
            assignee=str(assignee.get("displayName") or known_as),
            assignee_key=str(known_as),
        )


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
    data = read_body(body)
    ticket = part_of(data, "issue").get("id", "")
    delivery = headers.get("x-atlassian-webhook-identifier", "")
    return Message(
        delivery=clean_text(delivery)
        if 0 < len(delivery) <= 100
        else hashlib.sha256(body).hexdigest(),
        event=clean_text(str(data.get("webhookEvent", "")), 60),
        ticket=clean_text(str(ticket), 64),
    )
