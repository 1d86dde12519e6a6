"""What the tests need beside Python: found on this machine, or installed where that is allowed.

PostgreSQL and Redis are started for one run: own folder, own loopback port, nothing kept.
"""

import contextlib
import ctypes
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import processes


class NotStarted(Exception):
    """A server is missing or did not come up; the text says which and why."""


def find_postgresql() -> Path | None:
    """Return the folder with PostgreSQL's server programs, the newest version first."""
    versions = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name.zfill(4)
    )
    candidates = [*reversed(versions), *_told_by_pg_config()]
    if on_path := shutil.which("initdb"):
        candidates.append(Path(on_path).parent)
    return next((path for path in candidates if _has_server(path)), None)


def _told_by_pg_config() -> list[Path]:
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        return [Path(subprocess.check_output(["pg_config", "--bindir"], text=True).strip())]
    return []


def _has_server(folder: Path) -> bool:
    return (folder / "initdb").exists() and (folder / "postgres").exists()


def find_git() -> Path | None:
    """Return the path of git."""
    found = shutil.which("git")
    return Path(found) if found else None


def find_redis() -> Path | None:
    """Return the path of redis-server (or of Valkey's, which is the same to us)."""
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    return Path(found) if found else None


def find_bubblewrap() -> Path | None:
    """Return the path of bwrap."""
    found = shutil.which("bwrap")
    return Path(found) if found else None


def find_chromium() -> Path | None:
    """Return the path of a Chromium or Chrome program."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    found = next(filter(None, map(shutil.which, names)), None)
    return Path(found) if found else None


def find_libatomic() -> Path | None:
    """Return the library's name if it can be loaded; playwright's driver needs it."""
    with contextlib.suppress(OSError):
        ctypes.CDLL("libatomic.so.1")
        return Path("libatomic.so.1")
    return None


@dataclass(frozen=True)
class Need:
    """One thing that some tests need: its Debian package, and the tests that do not run without."""

    package: str
    tests: str
    find: Callable[[], Path | None]


POSTGRESQL = Need("postgresql", "all tests on PostgreSQL", find_postgresql)
GIT = Need("git", "the tests that read a repository", find_git)
REDIS = Need("redis-server", "the tests of the Redis broker", find_redis)
BUBBLEWRAP = Need("bubblewrap", "the tests of the wall around scanners", find_bubblewrap)
CHROMIUM = Need("chromium", "the browser tests", find_chromium)
LIBATOMIC = Need("libatomic1", "the browser tests", find_libatomic)


def provide(needs: list[Need]) -> list[Need]:
    """Install what is missing if we may (root, apt); return what is missing still."""
    missing = [need for need in needs if need.find() is None]
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        _apt_install([need.package for need in missing])
    return [need for need in missing if need.find() is None]


def _apt_install(packages: list[str]) -> None:
    print(f"installing with apt-get: {' '.join(packages)} …", flush=True)
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "-qq", "install", "-y", "--no-install-recommends", *packages]
    for command in (["apt-get", "-qq", "update"], install):
        done = subprocess.run(
            command, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        if done.returncode:
            print(f"{' '.join(command)} failed:\n{(done.stdout + done.stderr).strip()[-1500:]}")
            return


@contextlib.contextmanager
def postgresql(**settings: str) -> Iterator[str]:
    """Run a cluster of our own and give its DATABASE_URL; raises NotStarted if it won't start.

    ``settings``: of the server, instead of those that the tests run with.
    """
    programs = find_postgresql()
    if programs is None:
        raise NotStarted("PostgreSQL's server programs are missing")
    with tempfile.TemporaryDirectory(prefix="ctem-postgresql-") as name:
        folder, as_user = Path(name), _unprivileged()
        if as_user:
            shutil.chown(folder, as_user["user"], as_user["group"])
        password = secrets.token_hex(16)
        _initdb(programs, folder, password, as_user)
        port = processes.free_port()
        server = processes.start(
            [programs / "postgres", "-D", folder / "data", *_options(port, settings)],
            log=folder / "log",
            cwd=folder,
            **as_user,
        )
        try:
            _wait_for_postgresql(server, folder)
            yield f"postgresql://ctem:{password}@127.0.0.1:{port}/ctem"
        finally:
            with processes.undisturbed():
                processes.stop([server], by=signal.SIGINT)  # fast: no waiting for clients


def _initdb(programs: Path, folder: Path, password: str, as_user: dict[str, Any]) -> None:
    secret = folder / "password"
    secret.write_text(password)
    secret.chmod(0o600)
    if as_user:
        shutil.chown(secret, as_user["user"], as_user["group"])
    subprocess.run(
        [
            *(programs / "initdb", "-D", folder / "data", "-U", "ctem", f"--pwfile={secret}"),
            *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"),
        ],
        cwd=folder,
        check=True,
        stdout=subprocess.DEVNULL,
        **as_user,
    )


def _options(port: int, more: Mapping[str, str]) -> list[str]:
    """Server options: reachable on the loopback address only, and no work for durability."""
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": port,
        "unix_socket_directories": "",
        "max_connections": 200,
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "timezone": "UTC",
        **more,
    }
    return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]


def _unprivileged() -> dict[str, Any]:
    """PostgreSQL refuses root: then it runs as postgres, or as nobody."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name for entry in pwd.getpwall()}
    user = "postgres" if "postgres" in names else "nobody"
    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}


def _wait_for_postgresql(server: subprocess.Popen[bytes], folder: Path) -> None:
    """Wait for the last line of postmaster.pid, which is how pg_ctl knows, too."""
    status = folder / "data" / "postmaster.pid"

    def ready() -> bool:
        return status.exists() and status.read_text().rstrip().endswith("ready")

    if not processes.wait_until(ready, alive=lambda: server.poll() is None, seconds=30):
        raise NotStarted(f"PostgreSQL did not start:\n{processes.tail(folder / 'log')}")


@contextlib.contextmanager
def redis() -> Iterator[str]:
    """Run a Redis of our own that keeps nothing and give its URL."""
    program = find_redis()
    if program is None:
        raise NotStarted("redis-server is missing")
    with tempfile.TemporaryDirectory(prefix="ctem-redis-") as name:
        folder, port = Path(name), processes.free_port()
        where = ["--bind", "127.0.0.1", "--port", str(port), "--dir", name]
        server = processes.start(
            [program, *where, "--save", "", "--appendonly", "no"], log=folder / "log"
        )
        try:
            if not processes.wait_until(
                lambda: _answers(port), alive=lambda: server.poll() is None, seconds=15
            ):
                raise NotStarted(f"Redis did not start:\n{processes.tail(folder / 'log')}")
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            with processes.undisturbed():
                processes.stop([server])


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
