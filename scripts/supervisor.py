"""The product on one machine without any server: web, worker and beat under one process."""

import contextlib
import fcntl
import http.client
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import processes

ROOT = Path(__file__).resolve().parent.parent
CHILDREN = ("web", "worker", "beat")
START_SECONDS = 60


def commands() -> dict[str, list[str]]:
    """Return what the Procfile starts, each as arguments, its programs by our own interpreter."""
    lines = (ROOT / "Procfile").read_text().splitlines()
    split = (line.partition(":") for line in lines if line and not line.startswith("#"))
    return {name: _by_our_python(command.split()) for name, _, command in split}


def _by_our_python(words: list[str]) -> list[str]:
    return [sys.executable, *(words[1:] if words[0] == "python" else ["-m", *words])]


class Failed(Exception):
    """A step did not work; the text says which and shows the end of its output."""


class Supervisor:
    """Starts the product on ``data`` and 127.0.0.1:``port``, watches it and ends it."""

    def __init__(self, data: Path, port: int, environ: dict[str, str]) -> None:
        self.data, self.port = data, port
        self.environ = {
            **environ,
            "CTEM_DATA_DIR": str(data),
            "PORT": str(port),
            "DJANGO_SETTINGS_MODULE": "ctem.settings",
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
        }
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        (data / "logs").mkdir(mode=0o700, parents=True, exist_ok=True)

    @property
    def address(self) -> str:
        """The base URL without a slash at its end."""
        return f"http://127.0.0.1:{self.port}"

    def manage(self, *arguments: str) -> str:
        """Run ``manage.py`` to its end and return its output; raises Failed."""
        done = subprocess.run(
            [sys.executable, ROOT / "manage.py", *arguments],
            cwd=ROOT,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise Failed(
                f"manage.py {' '.join(arguments)} failed:\n{(done.stderr or done.stdout)[-3000:]}"
            )
        return done.stdout

    @contextlib.contextmanager
    def running(self, names: Sequence[str] = CHILDREN) -> Iterator[None]:
        """Migrate, start the children, wait for /readyz; end them all at the end."""
        self.manage("migrate", "--no-input", "--verbosity=0")
        try:
            for name in names:
                self.children[name] = processes.start(
                    commands()[name],
                    log=self._log(name),
                    cwd=ROOT,
                    env=self.environ,
                )
            if not processes.wait_until(self._ready, alive=self._alive, seconds=START_SECONDS):
                raise Failed(
                    self.why_dead() or f"{self.address}/readyz did not answer:\n{self._web_log()}"
                )
            yield
        finally:
            with processes.undisturbed():
                processes.stop(list(self.children.values()))

    def watch(self) -> None:
        """Return never: Ctrl-C and SIGTERM leave by exception; raises Failed when a child dies."""
        while self._alive():
            time.sleep(0.5)
        raise Failed(self.why_dead())

    def why_dead(self) -> str:
        """Name every child that ended and show the end of its log; empty while all live."""
        return "\n".join(
            f"{name} ended with status {child.returncode}; the end of {self._log(name)}:\n"
            + processes.tail(self._log(name))
            for name, child in self.children.items()
            if child.poll() is not None
        )

    def _alive(self) -> bool:
        return all(child.poll() is None for child in self.children.values())

    def _ready(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _log(self, name: str) -> Path:
        return self.data / "logs" / f"{name}.log"

    def _web_log(self) -> str:
        return processes.tail(self._log("web"))


@contextlib.contextmanager
def sole_owner(data: Path) -> Iterator[None]:
    """Hold ``data`` against a second start, which would pull the files from under the first."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(data, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise Failed(f"another process runs on {data} already") from None
    finally:
        os.close(handle)
