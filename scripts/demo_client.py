"""Speaking to the REST API as somebody would who has an address, a token and Python."""

import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

TIMEOUT = 60  # seconds for one answer


class Unexpected(Exception):
    """The product did not do what the story needs to go on; the text says what it answered."""


@dataclass(frozen=True)
class Answer:
    """One answer of the API: its status, its type, its bytes."""

    status: int
    kind: str
    data: bytes

    @property
    def json(self) -> Any:
        """The body as JSON. Raises Unexpected."""
        try:
            return json.loads(self.data)
        except ValueError:
            raise Unexpected(f"{self.status}: not JSON: {self.data[:300]!r}") from None

    def words(self) -> str:
        """Status and body for a person; of an error page only that it is one."""
        if self.kind.startswith("text/html"):
            return f"{self.status}, an error page (see the logs)"
        return f"{self.status} {self.data[:1500].decode('utf-8', 'replace')}"

    @property
    def is_problem(self) -> bool:
        """Whether the answer is a refusal as RFC 9457 describes it."""
        return self.kind.startswith("application/problem+json")


class Client:
    """One account's way to the API below ``base_url``/api/v1."""

    def __init__(self, base_url: str, username: str, token: str) -> None:
        self.username = username
        self._base, self._token = f"{base_url}/api/v1", token

    def call(self, method: str, path: str, body: Any = None) -> Answer:
        """Send one request and return its answer, whatever the status."""
        headers = {"Authorization": f"Bearer {self._token}", "Accept": "application/json, */*"}
        data = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310 - the address is the demo's own
            self._base + path, data=data, headers=headers, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as reply:  # noqa: S310
                return Answer(reply.status, reply.headers.get("Content-Type", ""), reply.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers.get("Content-Type", ""), error.read())

    def get(self, path: str) -> Any:
        """The JSON of a page that must be there. Raises Unexpected."""
        return self._wanted("GET", path)

    def patch(self, path: str, body: Any) -> Any:
        """The JSON of a PATCH that must succeed. Raises Unexpected."""
        return self._wanted("PATCH", path, body)

    def post(self, path: str, body: Any) -> Any:
        """The JSON of a POST that must succeed. Raises Unexpected."""
        return self._wanted("POST", path, body)

    def _wanted(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.call(method, path, body)
        if not 200 <= answer.status < 300:
            raise Unexpected(f"{method} {path} as {self.username}: {answer.words()}")
        return answer.json

    def wait_for_scan(self, scan: int, seconds: float = 120) -> dict[str, Any]:
        """The scan once it has ended, whichever way. Raises Unexpected when it does not."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = self.get(f"/scans/{scan}/")
            if found["state"] in ("done", "failed", "quarantined", "cancelled"):
                return dict(found)
            time.sleep(0.1)
        raise Unexpected(f"scan {scan} is still {found['state']} after {seconds:.0f} s")
