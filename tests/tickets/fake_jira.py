"""A Jira on this machine: one project, Cloud or Data Center, with the doors of REST version 2 that are used.

Answers have the members and the statuses of the real ones, as far as they are read. Searches see labels.
"""

import base64
import hashlib
import hmac
import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.loopback import Answer, Loopback, Request

MAIL, TOKEN = "bot@acme.example", "jira-T0KEN"
STATUSES = {"To Do": "new", "In Progress": "indeterminate", "Done": "done"}
WAYS = {"To Do": {"11": "In Progress", "31": "Done"}, "In Progress": {"31": "Done", "21": "To Do"},
        "Done": {"41": "In Progress"}}  # fmt: skip
NAMES = {"11": "Start", "21": "Back", "31": "Resolve", "41": "Reopen"}


@dataclass
class Jira:
    """``faults``: answers for the next requests to (method, pattern), before or, ``late``, after their effect."""

    server: Loopback
    is_cloud: bool = True
    issues: dict[str, dict[str, Any]] = field(default_factory=dict)  # by id
    comments: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    priorities: tuple[str, ...] = ("Highest", "High", "Medium", "Low")
    faults: list[tuple[str, str, Answer, bool]] = field(default_factory=list)
    clock: int = 0

    def __post_init__(self):
        self.server.answer = self.answer

    # --- what people do there
    def put(self, summary="By hand", project="SEC"):
        number = len(self.issues) + 1
        issue = {"id": str(10_000 + number), "key": f"{project}-{number}", "project": project,
                 "summary": summary, "description": "", "labels": [], "status": "To Do",
                 "priority": "Medium", "updated": "", "assignee": None, "fields": {}}  # fmt: skip
        self.issues[issue["id"]], self.comments[issue["id"]] = issue, []
        self._touch(issue)
        return issue

    def move(self, issue, status):
        issue["status"] = status
        self._touch(issue)

    @property
    def only(self):
        (issue,) = self.issues.values()
        return issue

    def said(self, issue=None):
        return [comment["body"] for comment in self.comments[(issue or self.only)["id"]]]

    def say(self, text, author="Mona", **members):
        """Somebody writes a comment there."""
        self._said(self.only, text, author, **members)

    def give(self, account):
        """Somebody assigns it there."""
        self.only["assignee"] = account
        self._touch(self.only)

    def _said(self, issue, text, author, **members):
        said = self.comments[issue["id"]]
        person = {"accountId": f"5b-{author}", "displayName": author}
        said.append({"id": str(20_000 + len(said)), "body": text, "author": person, **members})
        self._touch(issue)
        return said[-1]

    def message(self, issue, secret, delivery="d-1", event="jira:issue_updated"):
        """A webhook message: body and headers. What it says of the status is not to be believed."""
        body = json.dumps({"webhookEvent": event, "timestamp": 1, "issue": {
            "id": issue["id"], "key": issue["key"],
            "fields": {"status": {"name": "Done", "statusCategory": {"key": "done"}}}}}).encode()  # fmt: skip
        made = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        return body, {"X-Hub-Signature": f"sha256={made}",
                      "X-Atlassian-Webhook-Identifier": delivery}  # fmt: skip

    def fail(self, method, pattern, status, headers=None, body=b"{}", *, late=False):
        self.faults.append((method, pattern, (status, headers or {}, body), late))

    def asked(self, method=""):
        return [
            f"{r.method} {urlsplit(r.path).path.removeprefix('/rest/api/2/')}"
            for r in self.server.requests
            if not method or r.method == method
        ]

    # --- what it answers
    def answer(self, request: Request) -> Answer:
        self.server.requests.append(request)
        parts = urlsplit(request.path)
        for fault in self.faults:
            method, pattern, answer, late = fault
            if method == request.method and re.search(pattern, parts.path):
                self.faults.remove(fault)
                if late:
                    self._answer(request, parts)
                return answer
        return self._answer(request, parts)

    def _answer(self, request, parts):
        if request.headers.get("authorization") != self._signed():
            return _json(401, {"errorMessages": ["You are not authenticated."]})
        path = parts.path.removeprefix("/rest/api/2/")
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        body = json.loads(request.body) if request.body else {}
        if path == "myself":
            return _json(200, {"accountId": "5b", "displayName": "CTEM bot"})
        if path in ("search", "search/jql"):
            return self._search(path, query)
        if (request.method, path) == ("POST", "issue"):
            return self._create(body["fields"])
        match = re.fullmatch(r"issue/([^/]+)(?:/(comment|transitions|assignee))?", path)
        issue = match and self._known(match[1])
        if not issue:
            return _json(404, {"errorMessages": ["Issue does not exist or you do not have "
                                                 "permission to see it."], "errors": {}})  # fmt: skip
        return getattr(self, f"_{request.method.lower()}_{match[2] or 'issue'}")(issue, body)

    def _signed(self):
        basic = base64.b64encode(f"{MAIL}:{TOKEN}".encode()).decode()
        return f"Basic {basic}" if self.is_cloud else f"Bearer {TOKEN}"

    def _known(self, name):
        found = (i for i in self.issues.values() if name in (i["id"], i["key"]))
        return next(found, None)

    def _search(self, path, query):
        if (path == "search") == self.is_cloud:  # Cloud removed the one, the other never had it
            return _json(410, {"errorMessages": ["The requested API has been removed."]})
        label = re.fullmatch(r'labels = "([^"]+)"', query["jql"])[1]
        rows = [self._shown(i) for i in self.issues.values() if label in i["labels"]]
        return _json(200, {"issues": rows})

    def _create(self, fields):
        if fields["project"] != {"key": "SEC"}:
            return _json(400, {"errorMessages": [], "errors": {"project": "project is required"}})
        if "priority" in fields and fields["priority"]["name"] not in self.priorities:
            return _json(400, {"errorMessages": [], "errors": {
                "priority": "Specify the Priority (name) in string format"}})  # fmt: skip
        issue = self.put(fields["summary"])
        issue["description"], issue["labels"] = fields["description"], fields["labels"]
        issue["priority"] = fields.get("priority", {}).get("name", "Medium")
        issue["fields"] = fields
        return _json(201, {"id": issue["id"], "key": issue["key"], "self": "…"})

    def _get_issue(self, issue, body):
        return _json(200, self._shown(issue))

    def _put_issue(self, issue, body):
        fields = body["fields"]
        issue["priority"] = fields.get("priority", {"name": issue["priority"]})["name"]
        issue["fields"] |= fields
        self._touch(issue)
        return 204, {}, b""

    def _put_assignee(self, issue, body):
        issue["assignee"] = body["accountId" if self.is_cloud else "name"]
        self._touch(issue)
        return 204, {}, b""

    def _get_comment(self, issue, body):
        rows = self.comments[issue["id"]][::-1][:100]
        return _json(200, {"startAt": 0, "total": len(rows), "comments": rows})

    def _post_comment(self, issue, body):
        return _json(201, self._said(issue, body["body"], "CTEM bot"))

    def _get_transitions(self, issue, body):
        ways = [{"id": n, "name": NAMES[n],
                 "to": {"name": to, "statusCategory": {"key": STATUSES[to]}}}
                for n, to in WAYS[issue["status"]].items()]  # fmt: skip
        return _json(200, {"transitions": ways})

    def _post_transitions(self, issue, body):
        to = WAYS[issue["status"]].get(body["transition"]["id"])
        if to is None:
            return _json(400, {"errorMessages": ["It seems that you have tried to perform a "
                                                 "workflow operation that is not valid."]})  # fmt: skip
        self.move(issue, to)
        return 204, {}, b""

    def _shown(self, issue):
        status = {"name": issue["status"], "statusCategory": {"key": STATUSES[issue["status"]]}}
        return {"id": issue["id"], "key": issue["key"], "fields": {
            "status": status, "updated": issue["updated"], "assignee": self._person(issue),
            "project": {"key": issue["project"]}}}  # fmt: skip

    def _person(self, issue):
        if not issue["assignee"]:
            return None
        known = "accountId" if self.is_cloud else "name"
        return {known: issue["assignee"], "displayName": f"{issue['assignee']} of Jira"}

    def _touch(self, issue):
        self.clock += 1
        issue["updated"] = f"2026-01-05T10:00:00.{self.clock:03}+0000"


def _json(status, data) -> Answer:
    return status, {"Content-Type": "application/json"}, json.dumps(data).encode()
