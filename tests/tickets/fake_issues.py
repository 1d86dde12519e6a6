"""GitHub Issues and GitLab Issues on this machine: one project each, with the doors that are used.

All that GitHub's is asked and answers is held against GitHub's own description (github_openapi.json); that
of GitLab is made by hand.
"""

import hashlib
import hmac
import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.loopback import Answer, Loopback, Request
from tests.tickets.described import Described

TOKEN = "issues-T0KEN"
PROJECT = "acme/web"
API = "https://api.github.example"
TIME = "2026-01-05T10:00:00Z"
PEOPLE = {17: "dan-there", 18: "ana-there"}  # of GitLab, by id


@dataclass
class Issues:
    """What both have: issues by number, comments, who is let in, and ``faults`` as the fake Jira has them."""

    server: Loopback
    issues: dict[int, dict[str, Any]] = field(default_factory=dict)
    comments: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    faults: list[tuple[str, str, int]] = field(default_factory=list)

    def __post_init__(self):
        self.server.answer = self.answer

    def fail(self, method, pattern, status=502):
        """The next such request is done, and its answer is lost."""
        self.faults.append((method, pattern, status))

    def put(self, title="By hand", text="", labels=()):
        number = len(self.issues) + 1
        self.issues[number] = {"number": number, "title": title, "text": text,
                               "labels": list(labels), "is_open": True, "assignee": None,
                               "changes": 0}  # fmt: skip
        self.comments[number] = []
        return self.issues[number]

    @property
    def only(self):
        (issue,) = self.issues.values()
        return issue

    def said(self):
        return [comment["text"] for comment in self.comments[self.only["number"]]]

    def say(self, text, author="mona", **members):
        """Somebody writes a comment there."""
        issue = self.only
        said = self.comments[issue["number"]]
        said.append({"id": 70_000 + len(said), "text": text, "author": author, **members})
        issue["changes"] += 1

    def give(self, account):
        """Somebody assigns it there."""
        self.only["assignee"] = account
        self.only["changes"] += 1

    def hold(self, request, answer):
        """Look at one exchange."""

    def answer(self, request: Request) -> Answer:
        self.server.requests.append(request)
        parts = urlsplit(request.path)
        for fault in self.faults:
            if fault[0] == request.method and re.search(fault[1], parts.path):
                self.faults.remove(fault)
                self.hold(request, self._answer(request, parts))
                return fault[2], {}, b"<html>"
        answer = self._answer(request, parts)
        self.hold(request, answer)
        return answer

    def _answer(self, request, parts):
        if not self.is_signed(request):
            return _json(401, {"message": "401 Unauthorized"})
        if parts.path == f"{self.root}/user":
            return _json(200, self.person("ctem-bot", me=True))
        if parts.path == f"{self.root}/users":
            return _json(200, [self.person(parse_qs(parts.query)["username"][0])])
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
            issue["changes"] += 1
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
            said.append({"id": 70_000 + len(said), "text": body["body"], "author": "ctem-bot"})
            issue["changes"] += 1
            return _json(201, self.remark(issue, said[-1]))
        assert query["per_page"] == ["100"]
        page = int(query.get("page", ["1"])[0])
        rows = said[::-1] if query.get("sort") == ["desc"] else said
        return _json(200, [self.remark(issue, c) for c in rows[100 * (page - 1) : 100 * page]])


class GitHub(Issues):
    kind, text, notes, writes = "github", "body", "comments", "PATCH"
    root, prefix = "", f"/repos/{PROJECT}/issues"

    def __post_init__(self):
        super().__post_init__()
        self.described = Described("github_openapi.json", {
            "accept": "application/vnd.github+json", "x-github-api-version": "2022-11-28",
        })  # fmt: skip

    def hold(self, request, answer):
        self.described.hold(request, answer)

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
        if "assignees" in body:
            issue["assignee"] = next(iter(body["assignees"]), None)

    def shown(self, issue):
        """Times have no parts of a second: all of it happens in one."""
        number, told = issue["number"], f"{API}/repos/{PROJECT}"
        person = self.person(issue["assignee"]) if issue["assignee"] else None
        labels = [{"id": n, "node_id": "L", "url": f"{told}/labels/{name}", "name": name,
                   "description": None, "color": "ededed", "default": False}
                  for n, name in enumerate(issue["labels"], 1)]  # fmt: skip
        return {
            "id": 900 + number, "node_id": "I_1", "number": number, "title": issue["title"],
            "body": issue["text"], "user": self.person("mona"), "labels": labels, "locked": False,
            "assignee": person, "assignees": [person] if person else [], "milestone": None,
            "state": "open" if issue["is_open"] else "closed",
            "state_reason": None if issue["is_open"] else "completed",
            "comments": len(self.comments[number]), "author_association": "MEMBER",
            "html_url": f"https://github.example/{PROJECT}/issues/{number}", "repository_url": told,
            "url": f"{told}/issues/{number}", "events_url": f"{told}/issues/{number}/events",
            "comments_url": f"{told}/issues/{number}/comments",
            "labels_url": f"{told}/issues/{number}/labels{{/name}}",
            "created_at": TIME, "updated_at": TIME, "closed_at": None if issue["is_open"] else TIME,
        }  # fmt: skip

    def person(self, login, *, me=False):
        told = f"{API}/users/{login}"
        shown = {
            "login": login, "id": 7, "node_id": "U_7", "avatar_url": f"{told}.png", "gravatar_id": "",
            "url": told, "html_url": f"https://github.example/{login}", "type": "User",
            "site_admin": False, "followers_url": f"{told}/followers",
            "following_url": f"{told}/following{{/other_user}}", "gists_url": f"{told}/gists",
            "starred_url": f"{told}/starred", "subscriptions_url": f"{told}/subscriptions",
            "organizations_url": f"{told}/orgs", "repos_url": f"{told}/repos",
            "events_url": f"{told}/events", "received_events_url": f"{told}/received_events",
        }  # fmt: skip
        mine = {
            "name": None, "company": None, "blog": "", "location": None, "email": None,
            "hireable": None, "bio": None, "public_repos": 0, "public_gists": 0, "followers": 0,
            "following": 0, "created_at": TIME, "updated_at": TIME,
        }  # fmt: skip
        return {**shown, **mine} if me else shown

    def remark(self, issue, comment):
        told = f"{API}/repos/{PROJECT}/issues"
        return {
            "id": comment["id"], "node_id": "IC_1", "body": comment["text"],
            "user": self.person(comment["author"]), "url": f"{told}/comments/{comment['id']}",
            "html_url": f"https://github.example/{PROJECT}/issues/{issue['number']}#c",
            "issue_url": f"{told}/{issue['number']}", "created_at": TIME, "updated_at": TIME,
            "author_association": "MEMBER",
        }  # fmt: skip

    def message(self, secret, delivery="d-1"):
        body = json.dumps({"action": "closed", "issue": {"number": 1, "state": "closed"}}).encode()
        made = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        return body, {"X-Hub-Signature-256": f"sha256={made}", "X-GitHub-Event": "issues",
                      "X-GitHub-Delivery": delivery}  # fmt: skip

    signature = "X-Hub-Signature-256"


class GitLab(Issues):
    kind, text, notes, writes = "gitlab", "description", "notes", "PUT"
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
        if "assignee_ids" in body:
            issue["assignee"] = (
                None if body["assignee_ids"] == [0] else PEOPLE[body["assignee_ids"][0]]
            )

    def shown(self, issue):
        return {"id": 900 + issue["number"], "iid": issue["number"], "title": issue["title"],
                "description": issue["text"], "labels": issue["labels"],
                "state": "opened" if issue["is_open"] else "closed",
                "web_url": f"https://gitlab.example/{PROJECT}/-/issues/{issue['number']}",
                "assignees": [self.person(issue["assignee"])] if issue["assignee"] else [],
                "user_notes_count": len(self.comments[issue["number"]]),
                "updated_at": f"2026-01-05T10:00:00.{issue['changes']:03}Z"}  # fmt: skip

    def person(self, login, *, me=False):
        known = {name: number for number, name in PEOPLE.items()}
        return {"id": known.get(login, 1), "username": login, "name": login, "state": "active"}

    def remark(self, issue, comment):
        return {"id": comment["id"], "body": comment["text"], "system": False, "internal": False,
                "author": self.person(comment["author"]), **{
                    name: comment[name] for name in ("system", "internal") if name in comment
                }}  # fmt: skip

    def message(self, secret, delivery="d-1"):
        body = json.dumps({"object_kind": "issue",
                           "object_attributes": {"iid": 1, "state": "closed"}}).encode()  # fmt: skip
        return body, {"X-Gitlab-Token": secret, "X-Gitlab-Event": "Issue Hook",
                      "Idempotency-Key": delivery}  # fmt: skip

    signature = "X-Gitlab-Token"


def _json(status, data) -> Answer:
    return status, {"Content-Type": "application/json"}, json.dumps(data).encode()
