"""GitHub Issues and GitLab Issues on this machine: one project each, with the doors that are used."""

import hashlib
import hmac
import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.loopback import Answer, Loopback, Request

TOKEN = "issues-T0KEN"
PROJECT = "acme/web"


@dataclass
class Issues:
    """What both have: issues by number, comments, who is let in, and ``faults`` as the fake Jira has them."""

    server: Loopback
    issues: dict[int, dict[str, Any]] = field(default_factory=dict)
    comments: dict[int, list[str]] = field(default_factory=dict)
    faults: list[tuple[str, str, int]] = field(default_factory=list)

    def __post_init__(self):
        self.server.answer = self.answer

    def fail(self, method, pattern, status=502):
        """The next such request is done, and its answer is lost."""
        self.faults.append((method, pattern, status))

    def put(self, title="By hand", text="", labels=()):
        number = len(self.issues) + 1
        self.issues[number] = {"number": number, "title": title, "text": text,
                               "labels": list(labels), "is_open": True}  # fmt: skip
        self.comments[number] = []
        return self.issues[number]

    @property
    def only(self):
        (issue,) = self.issues.values()
        return issue

    def said(self):
        return self.comments[self.only["number"]]

    def answer(self, request: Request) -> Answer:
        self.server.requests.append(request)
        parts = urlsplit(request.path)
        for fault in self.faults:
            if fault[0] == request.method and re.search(fault[1], parts.path):
                self.faults.remove(fault)
                self._answer(request, parts)
                return fault[2], {}, b"<html>"
        return self._answer(request, parts)

    def _answer(self, request, parts):
        if not self.is_signed(request):
            return _json(401, {"message": "401 Unauthorized"})
        if parts.path == f"{self.root}/user":
            return _json(200, {self.whose: "ctem-bot"})
        match = re.fullmatch(
            re.escape(self.prefix) + r"(?:/(\d+)(?:/(comments|notes))?)?", parts.path
        )
        body = json.loads(request.body) if request.body else {}
        if match is None:
            return _json(404, {"message": "404 Not Found"})
        if match[1] is None:
            return self._listed() if request.method == "GET" else self._made(body)
        issue = self.issues.get(int(match[1]))
        return self._one(request, parts, issue, body, match[2])

    def _one(self, request, parts, issue, body, below):
        if issue is None:
            return _json(404, {"message": "404 Not Found"})
        if below == self.notes:
            return self._talk(request.method, issue, body, parse_qs(parts.query))
        if request.method == self.writes:
            self.write(issue, body)
        elif request.method != "GET":
            return _json(405, {})
        return _json(200, self.shown(issue))

    def _listed(self):
        return _json(200, [self.shown(issue) for issue in list(self.issues.values())[::-1]])

    def _made(self, body):
        issue = self.put(body["title"], body[self.text], self.labels(body))
        return _json(201, self.shown(issue))

    def _talk(self, method, issue, body, query):
        said = self.comments[issue["number"]]
        if method == "POST":
            said.append(body["body"])
            return _json(201, {"id": 1, "body": body["body"]})
        assert query["per_page"] == ["100"]
        return _json(200, [{"body": text} for text in said])


class GitHub(Issues):
    kind, text, notes, writes, whose = "github", "body", "comments", "PATCH", "login"
    root, prefix = "", f"/repos/{PROJECT}/issues"

    @property
    def base(self):
        return self.server.url

    def is_signed(self, request):
        return request.headers.get("authorization") == f"Bearer {TOKEN}"

    def labels(self, body):
        return body["labels"]

    def write(self, issue, body):
        if "state" in body:
            issue["is_open"] = body["state"] == "open"
        issue["labels"] = body.get("labels", issue["labels"])

    def shown(self, issue):
        number = issue["number"]
        return {"number": number, "title": issue["title"], "body": issue["text"],
                "state": "open" if issue["is_open"] else "closed", "comments": len(self.comments[number]),
                "state_reason": None if issue["is_open"] else "completed",
                "labels": [{"name": name} for name in issue["labels"]],
                "html_url": f"https://github.example/{PROJECT}/issues/{number}",
                "updated_at": "2026-01-05T10:00:00Z"}  # fmt: skip

    def message(self, secret, delivery="d-1"):
        body = json.dumps({"action": "closed", "issue": {"number": 1, "state": "closed"}}).encode()
        made = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        return body, {"X-Hub-Signature-256": f"sha256={made}", "X-GitHub-Event": "issues",
                      "X-GitHub-Delivery": delivery}  # fmt: skip

    signature = "X-Hub-Signature-256"


class GitLab(Issues):
    kind, text, notes, writes, whose = "gitlab", "description", "notes", "PUT", "username"
    root, prefix = "/api/v4", f"/api/v4/projects/{PROJECT.replace('/', '%2F')}/issues"

    @property
    def base(self):
        return self.server.url

    def is_signed(self, request):
        return request.headers.get("private-token") == TOKEN

    def labels(self, body):
        return [label for label in body["labels"].split(",") if label]

    def write(self, issue, body):
        if "state_event" in body:
            issue["is_open"] = body["state_event"] == "reopen"
        if "labels" in body:
            issue["labels"] = self.labels(body)

    def shown(self, issue):
        return {"id": 900 + issue["number"], "iid": issue["number"], "title": issue["title"],
                "description": issue["text"], "labels": issue["labels"],
                "state": "opened" if issue["is_open"] else "closed",
                "web_url": f"https://gitlab.example/{PROJECT}/-/issues/{issue['number']}",
                "updated_at": "2026-01-05T10:00:00.000Z"}  # fmt: skip

    def message(self, secret, delivery="d-1"):
        body = json.dumps({"object_kind": "issue",
                           "object_attributes": {"iid": 1, "state": "closed"}}).encode()  # fmt: skip
        return body, {"X-Gitlab-Token": secret, "X-Gitlab-Event": "Issue Hook",
                      "Idempotency-Key": delivery}  # fmt: skip

    signature = "X-Gitlab-Token"


def _json(status, data) -> Answer:
    return status, {"Content-Type": "application/json"}, json.dumps(data).encode()
