"""A GitLab that runs on this machine: real HTTP in front of a world of real git repositories.

``FakeGitLab`` is the world (``fake_gitlab_world``): tests make projects, merge requests, approvals
and reports in it, and read what was written to it (``writes``), what was asked wrongly
(``violations``, held against ``fake_gitlab_table``) and what its webhooks sent (``deliveries``).
"""

import json
from collections.abc import Callable
from typing import Any, Self
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from tests.forges.fake_gitlab_doors import DOORS, JSON, NOT_FOUND
from tests.forges.fake_gitlab_table import check_body, route
from tests.forges.fake_gitlab_world import World
from tests.loopback import Answer, Loopback, Request, serving

TOKEN = "glpat-of-the-tests-1234567890"
PREFIX = "/api/v4"


class FakeGitLab(World):
    """The world with a server in front, for the time of a ``with`` block."""

    def __enter__(self) -> Self:
        self._serving = serving()
        self.server: Loopback = self._serving.__enter__()
        self.server.answers = self  # asked by ``get``
        return self

    def __exit__(self, *error: Any) -> None:
        self._serving.__exit__(*error)

    @property
    def api(self) -> str:
        return f"{self.server.url}{PREFIX}"

    def get(self, path: str, otherwise: Any) -> Callable[[Request], Answer]:
        """What the server asks for an answer to a path."""
        return self._answer

    def _answer(self, request: Request) -> Answer:
        if self.answers:
            return self.answers.pop(0)
        if request.headers.get("private-token") != TOKEN:
            return 401, JSON, b'{"message":"401 Unauthorized"}'
        target = request.path.removeprefix(PREFIX)
        key, parts, query, wrong = route(request.method, target)
        body: Any = {}
        if key and request.method != "GET":
            body = json.loads(request.body)
            wrong = [*wrong, *check_body(key, body)]
            self.writes.append((request.method, target, body))
        if wrong or not request.path.startswith(PREFIX):
            self.violations += [f"{request.method} {request.path}: {what}" for what in wrong]
            return 400, JSON, b'{"error":"not in the table"}'
        try:
            found = DOORS[key](self, parts, query if request.method == "GET" else body)
        except (LookupError, StopIteration):
            found = NOT_FOUND
        if isinstance(found, tuple):
            status, headers, data = found
            return status, {**headers, **self.extra}, data
        if isinstance(found, list):
            return self._page(request.path, found)
        return 200, {**JSON, **self.extra}, json.dumps(found).encode()

    def _page(self, path: str, rows: list[Any]) -> Answer:
        split = urlsplit(path)
        given = dict(parse_qsl(split.query))
        size = min(int(given.get("per_page", 20)), self.most_per_page)
        page = int(given.get("page", 1))
        start = (page - 1) * size
        headers = {**JSON, **self.extra}
        if start + size < len(rows):
            again = urlencode({**given, "page": page + 1}, quote_via=quote)
            first = urlencode({**given, "page": 1}, quote_via=quote)
            base = f"{self.server.url}{split.path}"
            headers["Link"] = f'<{base}?{first}>; rel="first", <{base}?{again}>; rel="next"'
        return 200, headers, json.dumps(rows[start : start + size]).encode()
