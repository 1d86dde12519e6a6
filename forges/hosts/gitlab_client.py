"""Talking to GitLab's API: signing in, pages, refusals, rate limits. Knows no resource."""

import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from core.moments import rfc3339
from core.outbound import HostError, Reply, fetch
from forges.hosts.records import HostRepository

PAGE = 100  # the most that GitLab gives at once
MOST_PAGES = 2_000
LONGEST_REST = 3_600.0  # seconds; GitLab counts by minutes and hours
OK = range(200, 300)
GONE = frozenset({403, 404})

_NEXT = re.compile(r'<([^<>]+)>\s*;[^,<]*\brel="?next"?')

Json = dict[str, Any]
Given = str | int | bool | list[str]


class Client:
    """One token at one GitLab. Remembers only until when GitLab wants to be left alone."""

    def __init__(self, api: str, token: str) -> None:
        self._api = api.rstrip("/")
        self._token = token
        self._rest_until = 0.0
        self.host = urlsplit(api).netloc.rpartition("@")[2]

    def __repr__(self) -> str:
        return f"Client({self.host})"

    def get(self, path: str, /, **query: Given) -> Any:
        """Return the JSON of one resource. Raises HostError, final where it is not there."""
        return self._asked("GET", self._url(path, query)).json()

    def find(self, path: str, /, **query: Given) -> Any:
        """Return the same, or None where it is not there or not for us to see (403, 404)."""
        reply = self.ask("GET", self._url(path, query))
        return None if reply.status in GONE else self._checked(reply).json()

    def pages(self, path: str, /, **query: Given) -> Iterator[Json]:
        """Yield the entries of a list, page by page as they are wanted."""
        for page in self._pages(path, query):
            yield from _entries(self._checked(page))

    def find_pages(self, path: str, /, **query: Given) -> Iterator[Json]:
        """Yield the same, nothing where the list is not there or not for us to see."""
        for page in self._pages(path, query):
            if page.status in GONE:
                return
            yield from _entries(self._checked(page))

    def ask_for(self, path: str) -> Reply:
        """Ask for a resource whose absence means something: the status is the caller's to read."""
        return self.ask("GET", self._url(path, {}))

    def send(self, method: str, path: str, body: Json) -> Reply:
        """Write something. The answer's status is the caller's to read, but for 401 and 429."""
        return self.ask(method, self._url(path, {}), body=json.dumps(body).encode())

    def raw(self, path: str, limit: int, /, **query: Given) -> Reply:
        """Return a file as it is, at most ``limit`` bytes; whatever status. A store that GitLab
        sends us to is asked without our token."""
        reply = self.ask("GET", self._url(path, query), limit=limit)
        elsewhere = reply.headers.get("location", "")
        if reply.status in (301, 302, 303, 307, 308) and elsewhere:
            if elsewhere.startswith(f"{self._api}/"):
                return self.ask("GET", elsewhere, limit=limit)
            return fetch("GET", elsewhere, limit=limit)
        return reply

    def error(self, reply: Reply) -> HostError:
        """Return what a status that is of no use means."""
        return reply.error(self.host)

    def ask(self, method: str, url: str, *, body: bytes | None = None, limit: int = 0) -> Reply:
        """Ask an address of this API. Raises HostError for 401 (final), 429 and while we rest."""
        wait = self._rest_until - time.time()
        if wait > 0:
            raise HostError(f"{self.host} asks to be left alone for a while.", retry_after=wait)
        headers = {"PRIVATE-TOKEN": self._token, "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        bounds: dict[str, Any] = {"limit": limit} if limit else {}
        reply = fetch(method, url, headers=headers, body=body, **bounds)
        self._note_rest(reply)
        if reply.status == 401:
            raise HostError(f"{self.host} does not take our token.", final=True)
        if reply.status == 429:
            raise self._too_many(reply)
        return reply

    def _asked(self, method: str, url: str) -> Reply:
        return self._checked(self.ask(method, url))

    def _checked(self, reply: Reply) -> Reply:
        if reply.status not in OK:
            raise self.error(reply)
        return reply

    def _pages(self, path: str, query: dict[str, Given]) -> Iterator[Reply]:
        url = self._url(path, {**query, "per_page": PAGE})
        seen: set[str] = set()
        while url:
            if url in seen or len(seen) == MOST_PAGES:
                raise HostError(f"{self.host} gives a list without end.", final=True)
            seen.add(url)
            reply = self.ask("GET", url)
            yield reply
            url = self._next(reply)

    def _next(self, reply: Reply) -> str:
        """The address of the next page, which has to be one of this API: our token goes there."""
        found = _NEXT.search(reply.headers.get("link", ""))
        if found is None:
            return ""
        if not found[1].startswith(f"{self._api}/"):
            raise HostError(f"{self.host} says that its next page is elsewhere.", final=True)
        return found[1]

    def _url(self, path: str, query: dict[str, Given]) -> str:
        pairs: list[tuple[str, str]] = []
        for name, value in query.items():
            if isinstance(value, list):
                pairs += [(f"{name}[]", each) for each in value]
            else:
                pairs.append((name, str(value).lower() if isinstance(value, bool) else str(value)))
        asked = urlencode(pairs, quote_via=quote, safe="")
        return f"{self._api}/{path}" + (f"?{asked}" if asked else "")

    def _note_rest(self, reply: Reply) -> None:
        """Where nothing is left until a moment, ask nothing more before it."""
        reset = reply.headers.get("ratelimit-reset", "")
        if reply.headers.get("ratelimit-remaining") == "0" and reset.isdecimal():
            self._rest_until = min(float(reset), time.time() + LONGEST_REST)

    def _too_many(self, reply: Reply) -> HostError:
        told = self.error(reply)
        wait = told.retry_after
        if wait is None:
            wait = max(self._rest_until - time.time(), 0.0) or 60.0
        return HostError(f"{self.host} had too many requests.", retry_after=wait)


def part(text: str) -> str:
    """One part of an address: a name with its slashes encoded."""
    return quote(text, safe="")


def project_path(repository: HostRepository) -> str:
    """Where a project is."""
    return f"projects/{part(repository.id)}"


def pull_path(repository: HostRepository, number: int) -> str:
    """Where a merge request is."""
    return f"{project_path(repository)}/merge_requests/{number}"


def instant(text: object) -> datetime | None:
    """A time of GitLab's to the thousandth, UTC where it does not say; None where there is none."""
    if not isinstance(text, str) or not text:
        return None
    try:
        at = datetime.fromisoformat(text.replace(" UTC", "+00:00"))
    except ValueError:
        return None
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def moment(text: object) -> str:
    """A time of GitLab's as records have it: RFC 3339 in UTC to the second; empty for none."""
    return rfc3339(instant(text))


def need(row: Json, key: str) -> Any:
    """A member that every answer of this kind has. Raises HostError where this one has it not."""
    value = row.get(key)
    if value is None:
        raise HostError(f"The host's answer has no {key!r}.", final=True)
    return value


def _entries(reply: Reply) -> list[Json]:
    found = reply.json()
    if not isinstance(found, list):
        raise HostError("The host's answer is not the list that was asked for.", final=True)
    return found
