"""Asking one tracker by REST: signing in, refusals, rates. Knows no resource."""

import json
import re
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from core.errors import BadInput
from core.outbound import HostError, Reply, fetch
from core.text import clean_text
from tickets.trackers.base import NotLetIn

TIMEOUT = 20.0
MOST_ANSWER = 8 * 1024 * 1024  # bytes
Json = dict[str, Any]


class Rest:
    """One API, signed in by headers."""

    def __init__(self, api: str, headers: Mapping[str, str]) -> None:
        self._api, self._headers = api, {"Accept": "application/json", **headers}
        self.host = urlsplit(api).netloc

    def __repr__(self) -> str:
        return f"Rest({self.host})"

    def json(self, method: str, path: str, body: Json | None = None) -> Any:
        """Return the JSON of an answer. Raises HostError for any other status than 2xx."""
        return self.checked(self.ask(method, path, body)).json()

    def row(self, method: str, path: str, body: Json | None = None) -> Json:
        """Return the same, which has to be an object."""
        found = self.json(method, path, body)
        if not isinstance(found, dict):
            raise HostError("The tracker's answer is not what was asked for.", final=True)
        return found

    def rows(self, path: str) -> list[Json]:
        """Return a list of objects."""
        found = self.json("GET", path)
        if not isinstance(found, list):
            raise HostError("The tracker's answer is not what was asked for.", final=True)
        return [row for row in found if isinstance(row, dict)]

    def ask(self, method: str, path: str, body: Json | None = None) -> Reply:
        """Return the answer, whatever its status. Raises NotLetIn for 401."""
        headers, data = dict(self._headers), None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        reply = fetch(
            method, f"{self._api}/{path}", headers=headers, body=data, limit=MOST_ANSWER,
            timeout=TIMEOUT,
        )  # fmt: skip
        if reply.status == 401:
            raise NotLetIn(f"{self.host} does not take our credentials.", final=True)
        return reply

    def checked(self, reply: Reply) -> Reply:
        """Return an answer of 2xx. Raises HostError, with the tracker's reason where it refuses what was sent."""
        if 200 <= reply.status < 300:
            return reply
        error = reply.error(self.host)
        if reply.status in (403, 429) and error.retry_after is None and _is_throttled(reply):
            raise HostError(error.sentence, retry_after=_until_reset(reply))
        if reply.status in (400, 422):
            raise HostError(f"{error.sentence[:-1]}: {_said(reply)}", final=True)
        raise error


def _is_throttled(reply: Reply) -> bool:
    """GitHub says it by a header, or, where somebody asked too much at once, in words alone."""
    told = reply.headers.get("x-ratelimit-remaining")
    return reply.status == 429 or told == "0" or b"rate limit" in reply.body[:2_000].lower()


def _until_reset(reply: Reply) -> float:
    """Seconds until the hour of X-RateLimit-Reset, at least a minute; ten minutes where nothing is told."""
    reset = reply.headers.get("x-ratelimit-reset", "")
    if reply.headers.get("x-ratelimit-remaining") != "0" or not re.fullmatch(r"[0-9]{1,12}", reset):
        return 600.0
    return max(60.0, float(reset) - time.time())


def need(row: Any, key: str) -> Any:
    """A member that every answer of this kind has. Raises HostError where this one has it not."""
    value = row.get(key) if isinstance(row, dict) else None
    if value is None:
        raise HostError(f"The tracker's answer has no {key!r}.", final=True)
    return value


def read_body(body: bytes) -> Json:
    """The members of a message that was signed. Raises BadInput where it is not JSON."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        raise BadInput("body", "is not JSON") from None
    return data if isinstance(data, dict) else {}


def part_of(data: Any, name: str) -> Json:
    """A member that is an object, or an empty one."""
    found = data.get(name) if isinstance(data, dict) else None
    return found if isinstance(found, dict) else {}


def first_of(data: Any, name: str) -> Json:
    """The first object of a member that is a list, or an empty one."""
    found = data.get(name) if isinstance(data, dict) else None
    first = found[0] if isinstance(found, list) and found else None
    return first if isinstance(first, dict) else {}


def _said(reply: Reply) -> str:
    """Which members the tracker does not want as they are, in its words, short and in one line."""
    told = reply.json()
    text = json.dumps(told, ensure_ascii=False) if isinstance(told, dict | list) else "no reason"
    return clean_text(re.sub(r"\s+", " ", text), 200)
