"""The product on one machine without any server: web, worker and beat under one process."""

import contextlib
import fcntl
import http.client
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import processes

ROOT = Path(__file__).resolve().parent.parent
CHILDREN = {
    "web": "gunicorn ctem.wsgi:application --worker-class=gthread --workers=2 --threads=4 "
    "--no-control-socket --access-logfile=-",
    "worker": "celery -A ctem worker --concurrency=2 --loglevel=INFO "
    "--without-gossip --without-mingle --without-heartbeat",
    "beat": "celery -A ctem beat --loglevel=INFO --pidfile=",
}
START_SECONDS = 60


class Failed(Exception):
    """A step did not work; the text says which and shows the end of its output."""


class Supervisor:
    """Starts the product on ``data`` and 127.0.0.1:``port``, watches it and ends it."""

    def __init__(self, data: Path, port: int, environ: dict[str, str]) -> None:
        self.data, self.port = data, port
        self.environ = {
            **environ,
            "CTEM_DATA_DIR": str(data),
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
    def running(self) -> Iterator[None]:
        """Migrate, start the children, wait for /healthz; end them all at the end."""
        self.manage("migrate", "--no-input", "--verbosity=0")
        try:
            for name, command in CHILDREN.items():
                bind = [f"--bind=127.0.0.1:{self.port}"] if name == "web" else []
                self.children[name] = processes.start(
                    [sys.executable, "-m", *command.split(), *bind],
                    log=self._log(name),
                    cwd=ROOT,
                    env=self.environ,
                )
            if not processes.wait_until(self._healthy, alive=self._alive, seconds=START_SECONDS):
                raise Failed(
                    self.why_dead() or f"{self.address}/healthz did not answer:\n{self._web_log()}"
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

    def _healthy(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/healthz")
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
