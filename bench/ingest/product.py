"""The product as its Procfile starts it, on one database, and one client's way to it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import processes
import supervisor

from bench.ingest import ROOT
from bench.ingest.engines import WEB, WORKER, Engine, children

START_SECONDS = 90
LONGEST = 1800  # seconds that an import may take
LOOK = 0.02  # seconds between two looks whether it is done
BOUNDARY = "ctem-bench-6f9c2e"
SENT = 1 << 18  # bytes that are sent together


class Failed(Exception):
    """The product did something else than it should; the text says what."""


def manage(url: str, data: Path, *arguments: str) -> str:
    """Run ``manage.py`` on a database. Raises Failed."""
    done = subprocess.run(  # noqa: S603 - the command stands here
        [sys.executable, ROOT / "manage.py", *arguments], cwd=ROOT, env=environ(url, data),
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise Failed(f"manage.py {' '.join(arguments)} failed:\n{done.stderr[-3000:]}")
    return done.stdout


def environ(url: str, data: Path, **more: str) -> dict[str, str]:
    """The environment of a process of the product: no setting of the caller's own installation."""
    return processes.environ_without_settings(
        DATABASE_URL=url, CTEM_DATA_DIR=str(data), CTEM_API_RATE_USER="1000000/min",
        DJANGO_SETTINGS_MODULE="ctem.settings", PYTHONPATH=str(ROOT), PYTHONUNBUFFERED="1", **more,
    )  # fmt: skip


class Product:
    """Web and worker that run on one database. ``upload`` and ``ask`` speak HTTP to them."""

    def __init__(self, engine: Engine, database: str, data: Path, broker: str) -> None:
        self._engine, self._database, self._data, self._broker = engine, database, data, broker
        self.port = processes.free_port()
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._logins: dict[str, Any] = {}

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Start web and worker, make people, wait until both answer; end them."""
        self._data.mkdir(parents=True, exist_ok=True)
        url = self._engine.url(self._database)
        self._logins = json.loads(manage(url, self._data, "demo_people"))
        try:
            for name, role in (("web", WEB), ("worker", WORKER)):
                self._children[name] = processes.start(
                    supervisor.commands()[name], log=self._data / f"{name}.log", cwd=ROOT,
                    env=environ(self._engine.url(self._database, role), self._data,
                                CTEM_BROKER_URL=self._broker, PORT=str(self.port)),
                )  # fmt: skip
            if not processes.wait_until(self._ready, alive=self._alive, seconds=START_SECONDS):
                raise Failed(f"the product did not start:\n{self._told()}")
            yield
        finally:
            with processes.undisturbed():
                processes.stop(list(self._children.values()))

    def workers(self, name: str) -> list[int]:
        """The processes that do the work of ``web`` or ``worker``."""
        return children(self._children[name].pid)

    def all_workers(self) -> list[int]:
        """Those of both."""
        return [pid for name in self._children for pid in self.workers(name)]

    def _ready(self) -> bool:
        with contextlib.suppress(OSError, http.client.HTTPException):
            is_up = self.request("GET", "/readyz")[0] == 200
            return is_up and all(self.workers(name) for name in self._children) and self._steady()
        return False

    def _steady(self) -> bool:
        """Whether nobody was started for a second: a first worker answers before the last is there."""
        before = self.all_workers()
        time.sleep(1)
        return self.all_workers() == before

    def _alive(self) -> bool:
        return all(child.poll() is None for child in self._children.values())

    def _told(self) -> str:
        return "\n".join(processes.tail(self._data / f"{name}.log") for name in self._children)

    # --- HTTP ------------------------------------------------------------------------------------
    def request(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """One request on a connection of its own. Header names with ``_`` for ``-``."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, body, named)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    @property
    def authorization(self) -> str:
        """What the administrator's client sends."""
        return f"Bearer {self._logins['admin']['token']}"

    def api(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """A request to the API as the administrator. Raises Failed."""
        said = {"Authorization": self.authorization, "Content_Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        status, _, answer = self.request(method, f"/api/v1/{path}", data, **said)
        if status >= 300:
            raise Failed(f"{method} {path} answered {status}: {answer[:500]!r}")
        return json.loads(answer)

    def new_asset(self, name: str) -> int:
        """Make an asset in the scope ``portal``; its id."""
        scopes = self.api("GET", "scopes/")["results"]
        scope = next(row["id"] for row in scopes if row["slug"] == self._logins["scope"])
        return int(self.api("POST", "assets/", {"scope": scope, "name": name})["id"])

    def upload(self, asset: int, report: Path, facts: dict[str, str]) -> int:
        """Send a report as a pipeline does, in a form; the scan's id. Raises Failed."""
        members = {"asset": str(asset), "line": "main", "facts": json.dumps(facts)}
        head = "".join(
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in members.items()
        )
        head += (
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="r.sarif"\r\n'
            "Content-Type: application/sarif+json\r\n\r\n"
        )
        tail = f"\r\n--{BOUNDARY}--\r\n"
        length = len(head) + os.path.getsize(report) + len(tail)
        status, _, answer = self.request(
            "POST", "/api/v1/scans/", _sent(head.encode(), report, tail.encode()),
            Authorization=self.authorization, Content_Length=str(length),
            Content_Type=f"multipart/form-data; boundary={BOUNDARY}",
        )  # fmt: skip
        if status != 202:
            raise Failed(f"the upload answered {status}: {answer[:500]!r}")
        return int(json.loads(answer)["id"])

    def wait(self, scan: int) -> dict[str, Any]:
        """Wait until the scan is read and no job is left; its counts. Raises Failed."""
        end = time.monotonic() + LONGEST
        with contextlib.closing(self._engine.connect(self._database)) as database:
            while time.monotonic() < end and self._alive():
                row = database.execute(
                    "SELECT state, counts, error, (SELECT count(*) FROM core_job"  # noqa: S608 - a number
                    f" WHERE state IN ('queued', 'running')) FROM scans_scan WHERE id = {scan:d}"
                ).fetchone()
                if row[0] in ("failed", "quarantined", "cancelled"):
                    raise Failed(f"the scan ended as {row[0]}: {row[2]}")
                if row[0] == "done" and not row[3]:
                    return json.loads(row[1]) if isinstance(row[1], str) else dict(row[1])
                time.sleep(LOOK)
        raise Failed(f"the scan is not done after {LONGEST} s:\n{self._told()}")

    def session(self) -> str:
        """Sign in as the administrator; the cookie. Raises Failed."""
        _, headers, page = self.request("GET", "/sign-in/")
        form = re.search(rb'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        if form is None:
            raise Failed("the page to sign in has no form")
        cookie = _cookie(headers, "csrftoken")
        told = {
            "login": "admin", "password": self._logins["password"],
            "csrfmiddlewaretoken": form[1].decode(),
        }  # fmt: skip
        status, headers, _ = self.request(
            "POST", "/sign-in/", urlencode(told).encode(), Cookie=cookie,
            Content_Type="application/x-www-form-urlencoded",
        )  # fmt: skip
        if status != 302:
            raise Failed(f"signing in answered {status}")
        return _cookie(headers, "sessionid")


def _sent(head: bytes, report: Path, tail: bytes) -> Iterator[bytes]:
    yield head
    with report.open("rb") as file:
        while block := file.read(SENT):
            yield block
    yield tail


def _cookie(headers: http.client.HTTPMessage, name: str) -> str:
    told = "; ".join(headers.get_all("Set-Cookie") or [])
    found = re.search(rf"{name}=([^;]+)", told)
    if found is None:
        raise Failed(f"there is no cookie {name}")
    return f"{name}={found[1]}"
