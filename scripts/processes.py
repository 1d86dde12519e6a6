"""Children that never outlive us: started in a group of their own, ended whatever happens."""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def end_with_parent() -> None:
    """Ask the kernel for SIGTERM when the parent dies, even by kill -9 (Linux only)."""
    if LIBC is not None:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def start(command: Sequence[str | Path], *, log: Path, **options: Any) -> subprocess.Popen[bytes]:
    """Start ``command`` in its own process group, its output going to the end of ``log``."""
    with log.open("ab") as output:
        return subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            process_group=0,
            preexec_fn=end_with_parent,
            **options,
        )


def stop(
    children: Sequence[subprocess.Popen[bytes]], *, by: int = signal.SIGTERM, seconds: float = 10
) -> None:
    """Ask every child to end with the signal ``by``; after ``seconds``, kill what is left.

    Only the first process of a group is asked: gunicorn, Celery and PostgreSQL end their own.
    """
    for child in children:
        child.send_signal(by)
    deadline = time.monotonic() + seconds
    for child in children:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(max(0.1, deadline - time.monotonic()))
        with contextlib.suppress(ProcessLookupError):  # nobody of the group is left
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def exit_on_signals() -> None:
    """Let Ctrl-C, SIGTERM and SIGHUP unwind the stack, so that every finally runs."""

    def leave(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Hold back Ctrl-C and SIGTERM while children are being ended; stop() is bounded in time."""
    held = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    signal.pthread_sigmask(signal.SIG_BLOCK, held)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, held)


def environ_without_settings(**ours: str) -> dict[str, str]:
    """The caller's environment without the product's settings, so that no run of ours touches
    another installation's data; CTEM_TEST_… stays. ``ours`` is added."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name.startswith("CTEM_TEST_") or not (name.startswith("CTEM_") or name == "DATABASE_URL")
    }
    return {**kept, **ours}


def free_port(wanted: int = 0) -> int:
    """Return ``wanted`` if it is free on the loopback address, else any free port."""
    for port in (wanted, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise OSError("no free port on 127.0.0.1")


def wait_until(ready: Callable[[], bool], *, alive: Callable[[], bool], seconds: float) -> bool:
    """Return True as soon as ``ready()``; False once ``alive()`` fails or the time is over."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and alive():
        if ready():
            return True
        time.sleep(0.1)
    return False


def tail(log: Path, lines: int = 25) -> str:
    """Return the last ``lines`` of ``log``, indented; says so when there are none."""
    text = log.read_text(errors="replace").splitlines() if log.exists() else []
    return "\n".join(f"    {line}" for line in text[-lines:] or ["(empty)"])
