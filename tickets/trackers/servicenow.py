"""ServiceNow by its Table API: one table of tasks, such as incident. A ticket's id is its sys_id.

A record is found again by its ``correlation_id``. Comments are written as ``comments`` of the record and
read from the journal, which the account needs to see. It signs nothing: messages show a shared secret.
"""

import base64
import hmac
import re
from collections.abc import Collection, Mapping
from urllib.parse import quote, urlencode

from core.errors import BadInput
from core.outbound import HostError
from core.text import clean_text
from tickets.trackers.base import Account, Draft, External, Message, Remark
from tickets.trackers.markup import for_journal
from tickets.trackers.rest import Json, Rest, need, read_body

SECRET = "x-ctem-secret"  # noqa: S105  (the header, not a secret)
DELIVERED = "x-ctem-delivery"
FIELDS = "sys_id,number,state,sys_updated_on,sys_mod_count,assigned_to"
MOST_COMMENTS = 100  # newest, that are looked at
_IDS = urlencode({"sysparm_exclude_reference_link": "true"})  # references without their links
_SYS_ID = re.compile(r"[0-9a-f]{32}")


class ServiceNow:
    """One table of one instance."""

    def __init__(self, account: Account, mapping: Json) -> None:
        self._base, self._table, self._mapping = account.base, account.project, mapping
        self._user = account.account
        pair = base64.b64encode(f"{account.account}:{account.key}".encode()).decode()
        self._rest = Rest(f"{account.base}/api/now/table", {"Authorization": f"Basic {pair}"})

    def who_am_i(self) -> str:
        rows = self._query("sys_user", f"user_name={self._user}", "user_name,name")
        self._query(self._table, "sys_id=none", "sys_id")  # whether we see the table
        return str(rows[0].get("name") or self._user) if rows else self._user

    def find(self, marker: str) -> External | None:
        rows = self._query(self._table, f"correlation_id={marker}", FIELDS)
        return self._external(rows[0]) if rows else None

    def fields_of(self, draft: Draft) -> Json:
        return {
            **self._mapping["fields"],
            **draft.values,
            "short_description": draft.title,
            "description": draft.text,
            "correlation_id": draft.marker,
            "correlation_display": "CTEM",
            **self._priority(draft.band),
        }

    def create(self, draft: Draft) -> External:
        made = self._rest.row("POST", f"{self._table}?{_IDS}", self.fields_of(draft))
        return self._external(need(made, "result"))

    def read(self, ticket: str) -> External | None:
        name = "sys_id" if _SYS_ID.fullmatch(ticket) else "number"
        rows = self._query(self._table, f"{name}={ticket}", FIELDS)
        return self._external(rows[0]) if rows else None

    def remarks(self, ticket: str) -> list[Remark]:
        """Comments of the journal, without work notes."""
        asked = f"element_id={ticket}^element=comments^ORDERBYDESCsys_created_on"
        names = "sys_id,value,sys_created_by"
        rows = self._query("sys_journal_field", asked, names, most=MOST_COMMENTS)
        return [
            Remark(
                id=str(need(row, "sys_id")),
                author=str(row.get("sys_created_by", "")),
                text=str(row.get("value") or ""),
            )
            for row in reversed(rows)
        ]

    def comment(self, ticket: str, text: str, marker: str) -> None:
        self._write(ticket, {"comments": f"{for_journal(text)}\n\n[{marker}]"})

    def update(self, ticket: str, band: str, values: Mapping[str, str]) -> None:
        if fields := {**values, **self._priority(band)}:
            self._write(ticket, fields)

    def assign(self, ticket: str, account: str) -> None:
        self._write(ticket, {"assigned_to": account})

    def transition(self, ticket: str, *, is_open: bool) -> None:
        if is_open:
            self._write(ticket, {"state": self._mapping["reopen"]})
        else:
            fields = {**self._mapping["close_fields"], "state": self._mapping["close"]}
            self._write(ticket, fields)

    def _priority(self, band: str) -> Json:
        """Impact and urgency, from which ServiceNow computes the priority: ``1/2``."""
        impact, _, urgency = self._mapping["priorities"].get(band, "").partition("/")
        return {"impact": impact, "urgency": urgency or impact} if impact else {}

    def _external(self, row: Json) -> External:
        found, state = str(need(row, "sys_id")), str(need(row, "state"))
        return External(
            id=found,
            key=str(need(row, "number")),
            address=f"{self._base}/{self._table}.do?sys_id={quote(found)}",
            is_open=state not in self._mapping["closed_states"],
            status=f"state {state}",
            version=f"{row.get('sys_updated_on', '')} {row.get('sys_mod_count', '')}",
            assignee=str(row.get("assigned_to", "")),
            assignee_key=str(row.get("assigned_to", "")),
        )

    def _write(self, ticket: str, fields: Json) -> None:
        self._rest.row("PATCH", f"{self._table}/{quote(ticket, safe='')}", fields)

    def _query(self, table: str, asked: str, fields: str, *, most: int = 2) -> list[Json]:
        query = {"sysparm_query": asked, "sysparm_fields": fields, "sysparm_limit": str(most)}
        found = self._rest.row("GET", f"{table}?{urlencode(query)}&{_IDS}").get("result")
        if not isinstance(found, list):
            raise HostError("The tracker's answer is not what was asked for.", final=True)
        return [row for row in found if isinstance(row, dict)]


def read_message(
    headers: Mapping[str, str], body: bytes, secrets: Collection[str]
) -> Message | None:
    """Read a message that shows the secret in X-CTEM-Secret. None: none of ``secrets``. Raises BadInput."""
    told = headers.get(SECRET, "").encode("utf-8", "replace")
    held = [hmac.compare_digest(secret.encode(), told) for secret in secrets]
    if not any(held):
        return None
    data = read_body(body)
    delivery = headers.get(DELIVERED, "")
    if not 0 < len(delivery) <= 100:  # two that say the same are two messages
        raise BadInput("x-ctem-delivery", "must name the message: 1 to 100 characters")
    return Message(
        delivery=clean_text(delivery),
        event=clean_text(str(data.get("event", "")), 60),
        ticket=clean_text(str(data.get("sys_id", "")), 64),
    )
