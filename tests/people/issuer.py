"""A real issuer of OpenID Connect in a process of its own; its people are what a test tells it."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import requests

from tests.buckets import free_port


@dataclass
class Issuer:
    url: str

    def knows(self, sub, **claims):
        """From now on the issuer says this of its person ``sub``."""
        answer = requests.put(f"{self.url}/users/{sub}", json=claims, timeout=10)
        assert answer.status_code == 204, answer.text

    def lets_in(self, address, sub):
        """What a person does at the issuer's page; return where they are sent back to."""
        answer = requests.post(address, data={"sub": sub}, timeout=10, allow_redirects=False)
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]

    def turns_away(self, address):
        answer = requests.post(address, data={"action": "deny"}, timeout=10, allow_redirects=False)
        return answer.headers["Location"]


@contextlib.contextmanager
def issuing(folder: Path) -> Iterator[Issuer]:
    port = free_port()
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "-p", str(port)]
    with (folder / "issuer.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    try:
        _wait(process, port)
        yield Issuer(f"http://127.0.0.1:{port}")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(20)


def _wait(process: subprocess.Popen, port: int) -> None:
    for _ in range(600):
        assert process.poll() is None, "the issuer did not start"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise AssertionError("the issuer does not listen")
