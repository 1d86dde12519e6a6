"""Asking GitHub's REST API: sign-in, pages, limits, and what its refusals mean.

Knows no repository and no pull request; nothing that is secret stands in an error or a repr.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import jwt

from core.outbound import HostError, Reply, fetch

API_VERSION = "2022-11-28"  # later ones leave out a pull request's merge_commit_sha
JSON = "application/vnd.github+json"
DIFF = "application/vnd.github.diff"
SARIF = "application/sarif+json"

PAGE = 100  # most that GitHub gives at once
MAX_PAGES = 1_000
MAX_HOPS = 2  # of redirects: a repository that was renamed or moved
JSON_BYTES = 32 * 1024 * 1024
SECONDS = 60.0
SPARE = timedelta(minutes=5)  # an installation token is renewed this long before its end
SECONDARY_WAIT = 60.0  # asked for by GitHub where a secondary limit names no time
REDIRECTS = frozenset({301, 302, 307, 308})

# What a 403 says, in our own words: the host's may hold anything.
_FORBIDDEN = (
    (re.compile("advanced security|code security|code scanning is not enabled", re.I),
     "Code scanning is not switched on for this repository."),
    (re.compile("resource not accessible", re.I),
     "GitHub does not allow this to our sign-in: a permission is missing."),
    (re.compile("saml|sso", re.I), "The organisation asks for single sign-on of our token."),
    (re.compile("suspended", re.I), "GitHub says that our sign-in is suspended."),
    (re.compile("archived", re.I), "The repository is archived: nothing can be written there."),
    (re.compile("locked", re.I), "The conversation is locked: nothing can be written there."),
)  # fmt: skip
NO_CODE_SCANNING = _FORBIDDEN[0][1]

Record = TypeVar("Record")


class NotThere(HostError):
    """GitHub answered 404: it is not there, or not for us. Final."""


class Declined(HostError):
    """GitHub answered 406 or 422: it does not take this, or does not give it. Final."""


class Client:
    """One sign-in to one GitHub; the installation's token is kept until shortly before its end."""

    def __init__(
        self, *, api: str, token: str, app_id: str, private_key: str, installation: str
    ) -> None:
        self.api = api.rstrip("/")
        self.is_app = bool(app_id)
        self._token, self._token_until = token, datetime.max.replace(tzinfo=UTC)
        self._app_id, self._private_key, self._installation = app_id, private_key, installation
        if self.is_app:
            self._forget_token()

    # --- reading ---------------------------------------------------------------------------------
    def get(self, path: str, *, accept: str = JSON, limit: int = JSON_BYTES, **query: str) -> Reply:
        """Ask for ``path`` below the API's address. Raises HostError for all but 200."""
        return self._ask("GET", self._url(path, query), accept=accept, limit=limit)

    def pages(self, path: str, **query: str) -> Iterator[Any]:
        """Yield the answer of each page, following the links that GitHub gives."""
        url, seen = self._url(path, {"per_page": str(PAGE), **query}), set[str]()
        while url:
            if url in seen or len(seen) == MAX_PAGES:
                raise HostError("GitHub's pages do not come to an end.", final=True)
            seen.add(url)
            reply = self._ask("GET", url)
            yield reply.json()
            url = self._next(reply)

    def items(self, path: str, member: str = "", **query: str) -> Iterator[dict[str, Any]]:
        """Yield what stands on the pages, from ``member`` of each where GitHub wraps it."""
        for page in self.pages(path, **query):
            rows = page.get(member) if member and isinstance(page, dict) else page
            if not isinstance(rows, list):
                raise unreadable()
            yield from rows

    # --- writing ---------------------------------------------------------------------------------
    def send(self, method: str, path: str, content: Mapping[str, Any]) -> Any:
        """Send ``content`` and return the answer's JSON. Raises HostError for all but 2xx."""
        return self._ask(method, self._url(path, {}), body=json.dumps(content).encode()).json()

    # --- sign-in ---------------------------------------------------------------------------------
    def get_as_app(self, path: str) -> Any:
        """Ask as the App itself, not as its installation."""
        return self._checked(self._fetch("GET", self._url(path, {}), self._app_pass())).json()

    def _forget_token(self) -> None:
        self._token, self._token_until = "", datetime.min.replace(tzinfo=UTC)

    def _pass(self) -> str:
        """Return the token to sign in with, a new one where the kept one ends soon."""
        if self.is_app and datetime.now(UTC) + SPARE >= self._token_until:
            path = f"/app/installations/{quote(self._installation, safe='')}/access_tokens"
            reply = self._fetch("POST", self._url(path, {}), self._app_pass(), body=b"{}")
            told = self._checked(reply).json()
            self._token, self._token_until = read(_token, told)
        if not self._token:
            raise HostError("There is no token to sign in to GitHub with.", final=True)
        return self._token

    def _app_pass(self) -> str:
        """Sign a pass of ten minutes as the App. Raises HostError for a key that cannot sign."""
        now = datetime.now(UTC)
        claims = {
            "iat": int(now.timestamp()) - 60,
            "exp": int(now.timestamp()) + 540,
            "iss": self._app_id,
        }
        try:
            return jwt.encode(claims, self._private_key, algorithm="RS256")
        except (jwt.PyJWTError, ValueError, TypeError):
            raise HostError(
                "The App's private key cannot be used: a PEM of an RSA key is needed.", final=True
            ) from None

    # --- one request -----------------------------------------------------------------------------
    def _ask(
        self,
        method: str,
        url: str,
        *,
        accept: str = JSON,
        limit: int = JSON_BYTES,
        body: bytes | None = None,
    ) -> Reply:
        """Ask, follow a move inside the API, sign in anew once if GitHub has dropped our token."""
        for _ in range(MAX_HOPS + 1):
            reply = self._fetch(method, url, self._pass(), accept=accept, limit=limit, body=body)
            if reply.status == 401 and self.is_app:
                self._forget_token()
            elif reply.status not in REDIRECTS or (method != "GET" and reply.status < 307):
                break
            else:
                url = self._ours(reply.headers.get("location", ""))
        return self._checked(reply)

    def _fetch(
        self,
        method: str,
        url: str,
        sign_in: str,
        *,
        accept: str = JSON,
        limit: int = JSON_BYTES,
        body: bytes | None = None,
    ) -> Reply:
        headers = {
            "Accept": accept,
            "Authorization": f"Bearer {sign_in}",
            "User-Agent": "CTEM",
            "X-GitHub-Api-Version": API_VERSION,
        }
        if body is not None:
            headers["Content-Type"] = "application/json"
        return fetch(method, url, headers=headers, body=body, limit=limit, timeout=SECONDS)

    def _url(self, path: str, query: Mapping[str, str]) -> str:
        return self.api + path + (f"?{urlencode(query)}" if query else "")

    def _next(self, reply: Reply) -> str:
        match = re.search(r'<([^<>]*)>;\s*rel="next"', reply.headers.get("link", ""))
        return self._ours(match[1]) if match else ""

    def _ours(self, url: str) -> str:
        """Return an address that GitHub gave, if it is one of this API: our token goes there."""
        if not url.startswith(self.api + "/"):
            raise HostError("GitHub sent us to another address, where we do not go.", final=True)
        return url

    def _checked(self, reply: Reply) -> Reply:
        if 200 <= reply.status < 300:
            return reply
        raise refusal(reply, datetime.now(UTC))


def refusal(reply: Reply, at: datetime) -> HostError:
    """Return what an answer that is no success means, and when to ask again."""
    if reply.status in (403, 429) and (wait := _asked_to_wait(reply, at)) is not None:
        return HostError("GitHub asks us to wait: its limit of requests.", retry_after=wait)
    if reply.status == 401:
        return HostError("GitHub does not take our sign-in (401).", final=True)
    if reply.status == 404:
        return NotThere("GitHub has no such thing for our sign-in (404).", final=True)
    if reply.status in (406, 422):
        return Declined(f"GitHub declines what we asked for ({reply.status}).", final=True)
    if reply.status == 403:
        text = reply.body[:10_000].decode("utf-8", "replace")
        known = (ours for pattern, ours in _FORBIDDEN if pattern.search(text))
        return HostError(next(known, "GitHub forbids this to our sign-in (403)."), final=True)
    return reply.error("GitHub", at)


def _asked_to_wait(reply: Reply, at: datetime) -> float | None:
    """Seconds to wait if the answer is about a limit; GitHub tells limits in three ways."""
    if (told := reply.error("GitHub", at).retry_after) is not None:
        return told
    reset = reply.headers.get("x-ratelimit-reset", "")
    if reply.headers.get("x-ratelimit-remaining") == "0" and re.fullmatch("[0-9]{1,12}", reset):
        return max(1.0, int(reset) - at.timestamp())
    if reply.status == 429 or b"rate limit" in reply.body[:10_000].lower():
        return SECONDARY_WAIT
    return None


def read(build: Callable[[Any], Record], value: Any) -> Record:
    """Build a record of an answer. Raises HostError where the answer lacks what it needs."""
    try:
        return build(value)
    except (KeyError, TypeError, AttributeError, ValueError):
        raise unreadable() from None


def unreadable() -> HostError:
    """Return what is said of an answer that is JSON, but not what GitHub describes."""
    return HostError("GitHub's answer lacks what its description promises.", final=True)


def _token(told: Any) -> tuple[str, datetime]:
    return str(told["token"]), datetime.fromisoformat(told["expires_at"]).astimezone(UTC)
