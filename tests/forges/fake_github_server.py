"""The HTTP side of a fake GitHub: sign-in, limits, faults, pages, and GitHub's description as a judge.

Every request and every answer is held against the description (openapi/github.json). What does not
fit is kept in the world's ``violations``, and answered with 500 so that nobody builds on it.
"""

from __future__ import annotations

import json
import re
import threading
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

import jwt

from tests.forges.openapi import description

if TYPE_CHECKING:
    from tests.forges.fake_github import FakeGitHub

MEDIA = {
    "application/vnd.github+json": "application/json",
    "application/vnd.github.diff": "application/vnd.github.diff",
    "application/sarif+json": "application/sarif+json",
}
BAD_SIGN_IN = {"message": "Bad credentials", "documentation_url": "https://docs.github.com/rest"}


@dataclass
class Fault:
    """What goes wrong with the next ``times`` requests that ``match`` finds (``METHOD /path``)."""

    match: str
    status: int = 500
    times: int = 1
    headers: Mapping[str, str] = field(default_factory=dict)
    message: str = "Server Error"
    delay: float = 0.0
    cut: bool = False  # the right answer, broken off in its middle
    answer: Any = None  # this JSON instead


@dataclass(frozen=True)
class Write:
    """One request that was to change something, and how it was answered."""

    method: str
    path: str
    body: Any
    status: int


@dataclass
class Request:
    """One request, read."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any
    media: str = "application/json"
    login: str = ""  # of a person's token; empty: the App's installation


@dataclass
class Answer:
    """One answer; ``raw`` instead of JSON where the media is another."""

    status: int
    content: Any = None
    raw: bytes | None = None
    media: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    rows: list[Any] | None = None  # all of a list, of which one page is given
    member: str = ""  # what GitHub wraps the page in

    def body(self) -> bytes:
        return json.dumps(self.content).encode() if self.raw is None else self.raw


def refused(status: int, message: str, **headers: str) -> Answer:
    """An answer that says no, as GitHub words it."""
    told = {"message": message, "documentation_url": "https://docs.github.com/rest"}
    return Answer(
        status,
        {**told, "status": str(status)},
        headers={k.replace("_", "-"): v for k, v in headers.items()},
    )


class Server:
    """Serves one world on a free port of the loopback."""

    def __init__(self, world: FakeGitHub) -> None:
        handler = type("Handler", (_Handler,), {"world": world})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._http.server_address[1]}"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    world: FakeGitHub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (its name there)
        """Nothing is printed."""

    def _serve(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        split = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(
            self.command, unquote(split.path), dict(parse_qsl(split.query, keep_blank_values=True)),
            headers, json.loads(raw) if raw else None,
        )  # fmt: skip
        fault = _fault(self.world, request)
        if fault and fault.delay:
            time.sleep(fault.delay)
        with self.world.lock:
            try:
                answer = answer_to(self.world, request, fault)
            except Exception:  # noqa: BLE001  (of the fake itself: the test has to see it)
                self.world.violations.append(traceback.format_exc())
                answer = refused(500, "the fake failed")
        self._send(answer, cut=bool(fault and fault.cut))

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _serve

    def _send(self, answer: Answer, *, cut: bool) -> None:
        body = answer.body()
        self.send_response(answer.status)
        for name, value in {**answer.headers, "Content-Type": answer.media}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if cut else body)
        self.close_connection = True


def _fault(world: FakeGitHub, request: Request) -> Fault | None:
    line = f"{request.method} {request.path}"
    with world.lock:
        for fault in world.faults:
            if fault.times > 0 and re.search(fault.match, line):
                fault.times -= 1
                return fault
    return None


def answer_to(world: FakeGitHub, request: Request, fault: Fault | None) -> Answer:
    """Answer one request; what the description does not allow is kept as a violation."""
    world.requests.append((request.method, request.path))
    answer = _answer(world, request, fault)
    if request.method != "GET" and "/access_tokens" not in request.path:
        world.writes.append(Write(request.method, request.path, request.body, answer.status))
    return answer


def _answer(world: FakeGitHub, request: Request, fault: Fault | None) -> Answer:
    line = f"{request.method} {request.path}"
    operation = description.find(request.method, request.path)
    if operation is None:
        world.violations.append(f"{line}: GitHub describes no such operation that is used here")
        return refused(404, "Not Found")
    faults = [*_faults_of_headers(request), *_faults_of_request(operation, request)]
    if faults:
        world.violations += [f"{line}: {one}" for one in faults]
        return refused(500, "not a request that GitHub describes")
    no = _limited(world) or _signed_in(world, request) or _injected(fault)
    if no is not None:
        return no
    answer = _paged(world, request, world.answers.to(operation, request))
    told = answer.content if answer.raw is None else _json_of(answer)
    if strange := description.faults_of_answer(operation, answer.status, answer.media, told):
        world.violations += [f"our answer to {line}: {one}" for one in strange]
        return refused(500, "not an answer that GitHub gives")
    return answer


def _json_of(answer: Answer) -> Any:
    """The JSON of a raw answer; an empty object where a test keeps a report that is none."""
    try:
        return json.loads(answer.raw or b"") if answer.media.endswith("json") else None
    except ValueError:
        return {}


def _faults_of_headers(request: Request) -> list[str]:
    faults = []
    if request.headers.get("x-github-api-version") != description.api_version():
        faults.append("X-GitHub-Api-Version is not the described one")
    if request.headers.get("accept") not in MEDIA:
        faults.append("Accept is none of GitHub's media types")
    if not request.headers.get("user-agent"):
        faults.append("GitHub refuses requests without a User-Agent")
    request.media = MEDIA.get(request.headers.get("accept", ""), "application/json")
    return faults


def _faults_of_request(operation: description.Operation, request: Request) -> list[str]:
    return description.faults_of_request(operation, request.query, request.body)


def _injected(fault: Fault | None) -> Answer | None:
    if fault is None or fault.cut or (fault.delay and fault.status == 200):
        return None
    if fault.answer is not None:
        return Answer(fault.status, fault.answer, headers=dict(fault.headers))
    return Answer(fault.status, {"message": fault.message}, headers=dict(fault.headers))


def _limited(world: FakeGitHub) -> Answer | None:
    if world.requests_left is None:
        return None
    world.requests_left -= 1
    if world.requests_left >= 0:
        return None
    told = {
        "x_ratelimit_limit": "5000",
        "x_ratelimit_remaining": "0",
        "x_ratelimit_reset": str(int(world.limit_reset.timestamp())),
    }
    return refused(403, "API rate limit exceeded for installation ID 815.", **told)


# --- signing in ----------------------------------------------------------------------------------
def _signed_in(world: FakeGitHub, request: Request) -> Answer | None:
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    if kind != "Bearer":
        return Answer(401, {**BAD_SIGN_IN, "message": "Requires authentication"})
    if request.path == "/app" or request.path.startswith("/app/"):
        return _as_app(world, given)
    if given in world.tokens:
        request.login = world.tokens[given]
        return None
    if world.installation_tokens.get(given, datetime.min.replace(tzinfo=UTC)) > datetime.now(UTC):
        return None
    return Answer(401, BAD_SIGN_IN)


def _as_app(world: FakeGitHub, given: str) -> Answer | None:
    """Check the App's pass as GitHub does: RS256, our App, ten minutes at most, not from tomorrow."""
    try:
        claims = jwt.decode(
            given,
            world.public_key,
            algorithms=["RS256"],
            options={"require": ["iat", "exp", "iss"]},
        )
    except jwt.PyJWTError:
        return refused(401, "A JSON web token could not be decoded")
    if str(claims["iss"]) != world.app_id:
        return refused(401, "Integration not found")
    if claims["exp"] > time.time() + 600:
        return refused(401, "'Expiration time' claim ('exp') is too far in the future")
    return None


def new_installation_token(world: FakeGitHub) -> dict[str, Any]:
    """Give a token of one hour, as installations get them."""
    token, until = f"ghs_{world.next_id()}", datetime.now(UTC) + timedelta(hours=1)
    world.installation_tokens[token] = until
    return {"token": token, "expires_at": until.strftime("%Y-%m-%dT%H:%M:%SZ"), "permissions": {}}


# --- pages ---------------------------------------------------------------------------------------
def _paged(world: FakeGitHub, request: Request, answer: Answer) -> Answer:
    """Cut a list into the page that was asked for, with the links that GitHub gives."""
    if answer.rows is None:
        return answer
    size, page = int(request.query.get("per_page", 30)), int(request.query.get("page", 1))
    rows = answer.rows[(page - 1) * size : page * size]
    last = -(-len(answer.rows) // size) or 1
    if page < last:
        links = [("next", page + 1), ("last", last)]
        answer.headers["Link"] = ", ".join(
            f'<{world.api}{request.path}?{urlencode({**request.query, "page": at})}>; rel="{name}"'
            for name, at in links
        )
    if not answer.member:
        answer.content = rows
    else:
        answer.content = {**answer.content, answer.member: rows}
    return answer
