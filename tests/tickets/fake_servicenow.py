"""A ServiceNow on this machine: the table incident, its users and its journal, by the Table API."""

import base64
import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.loopback import Answer, Loopback, Request

USER, PASSWORD = "ctem.bot", "snow-T0KEN"
CLOSED = ("6", "7", "8")


@dataclass
class ServiceNow:
    server: Loopback
    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    journal: list[dict[str, str]] = field(default_factory=list)
    faults: list[tuple[str, int]] = field(default_factory=list)
    root = "/api/now/table/"

    def __post_init__(self):
        self.server.answer = self.answer

    def fail(self, method, status=502):
        """The next such request is done, and its answer is lost."""
        self.faults.append((method, status))

    @property
    def only(self):
        (record,) = self.records.values()
        return record

    def said(self):
        return [row["value"] for row in self.journal]

    def say(self, text, author="mona", **members):
        """Somebody writes a comment there."""
        number = len(self.journal)
        self.journal.append({"sys_id": f"j{number}", "element_id": self.only["sys_id"],
                             "element": "comments", "value": text, "sys_created_by": author,
                             "sys_created_on": f"2026-01-05 10:00:{number:02}", **members})  # fmt: skip
        self._touch(self.only)

    def give(self, account):
        """Somebody assigns it there."""
        self.only["assigned_to"] = account or ""
        self._touch(self.only)

    def _touch(self, record):
        record["sys_mod_count"] = str(int(record["sys_mod_count"]) + 1)

    def answer(self, request: Request) -> Answer:
        self.server.requests.append(request)
        fault = next((f for f in self.faults if f[0] == request.method), None)
        if fault:
            self.faults.remove(fault)
            self._answer(request)
            return fault[1], {}, b"<html>"
        return self._answer(request)

    def _answer(self, request):
        pair = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {pair}":
            return _json(401, {"error": {"message": "User Not Authenticated"}, "status": "failure"})
        parts = urlsplit(request.path)
        table, _, sys_id = parts.path.removeprefix(self.root).partition("/")
        body = json.loads(request.body) if request.body else {}
        if request.method == "GET":
            return self._listed(table, parse_qs(parts.query))
        if (request.method, table, sys_id) == ("POST", "incident", ""):
            return self._made(body)
        if (request.method, table) == ("PATCH", "incident") and sys_id in self.records:
            return self._written(self.records[sys_id], body)
        return _json(404, {"error": {"message": "No Record found"}, "status": "failure"})

    def _listed(self, table, query):
        rows = {"incident": list(self.records.values()), "sys_journal_field": self.journal,
                "sys_user": [{"user_name": USER, "name": "CTEM bot"}]}.get(table)  # fmt: skip
        if rows is None:
            return _json(400, {"error": {"message": "Invalid table"}, "status": "failure"})
        assert query["sysparm_exclude_reference_link"] == ["true"]
        for term in query["sysparm_query"][0].split("^"):
            if term.startswith("ORDERBYDESC"):
                rows = sorted(rows, key=lambda row: row[term.removeprefix("ORDERBYDESC")])[::-1]
                continue
            name, how, value = re.fullmatch(r"(\w+?)(=|LIKE)(.*)", term).groups()
            rows = [r for r in rows if (r.get(name) == value if how == "=" else value in r[name])]
        names = query["sysparm_fields"][0].split(",")
        rows = rows[: int(query["sysparm_limit"][0])]
        return _json(200, {"result": [{n: row.get(n, "") for n in names} for row in rows]})

    def _made(self, body):
        number = len(self.records) + 1
        record = {"sys_id": f"{number:032x}", "number": f"INC{number:07}", "state": "1",
                  "sys_updated_on": "2026-01-05 10:00:00", "sys_mod_count": "0", **body}  # fmt: skip
        self.records[record["sys_id"]] = record
        return _json(201, {"result": record})

    def _written(self, record, body):
        if body.get("state") in CLOSED and not body.get("close_code"):
            return _json(403, {"error": {"message": "Operation Failed", "detail": "Data Policy "
                               "Exception: close_code is mandatory"}, "status": "failure"})  # fmt: skip
        if "comments" in body:
            self.say(body.pop("comments"), USER)
        record.update(body)
        self._touch(record)
        return _json(200, {"result": record})

    def message(self, secret, delivery="d-1"):
        body = json.dumps({"sys_id": self.only["sys_id"], "event": "closed"}).encode()
        return body, {"X-CTEM-Secret": secret, "X-CTEM-Delivery": delivery}


def _json(status, data) -> Answer:
    return status, {"Content-Type": "application/json"}, json.dumps(data).encode()
