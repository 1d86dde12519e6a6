"""A program started within limits, with nothing of ours around it. No git and no scanner here.

The limits are those of the operating system for one user: they bound what a run costs, they are
no wall against a program that means harm. The wall is in ``isolation.py``. Which programs run is
decided by recipes alone.

Also a program of its own, for the standard library alone: it sets the limits on itself, then becomes
the command. Setting them between fork and exec is not safe in a process with threads.
"""

import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

OUTPUT_SHOWN = 20_000  # bytes of the end of what a program said
NOT_STARTED = 127
LOOK_EVERY = 1.0  # seconds between two looks at whether a run is to be ended
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38  # linux/prctl.h


@dataclass(frozen=True, slots=True)
class Limits:
    """What one program may use. ``processes``: at once, beyond those that its user runs already.

    Root has no limit on processes (RLIMIT_NPROC); what is isolated runs as another user. ``user``:
    whose processes count, where the program becomes somebody else; else who starts it.
    """

    wall_seconds: float
    cpu_seconds: int
    memory_bytes: int
    file_bytes: int  # of each file that it writes
    processes: int
    user: int | None = None


class Stopped(Exception):
    """A run that somebody does not want any more was ended."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended. ``output``: the end of both its outputs; ``timed_out``: we killed it."""

    exit_code: int
    output: str
    timed_out: bool = False

    def words(self, limit: int = 400) -> str:
        """The last of its output on one line, fit for a sentence."""
        text = " ".join(self.output.split())
        return text if len(text) <= limit else f"… {text[-limit:]}"


def environment(home: Path) -> dict[str, str]:
    """The whole environment of a program: our own programs first, a home of its own, no secrets."""
    path = [str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"]
    return {
        "PATH": os.pathsep.join(path),
        "HOME": str(home),
        "TMPDIR": str(home),
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
        "PYTHONSAFEPATH": "1",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
    }


def run_confined(
    command: Sequence[str],
    *,
    cwd: Path,
    environ: dict[str, str],
    limits: Limits,
    look: Callable[[], None] = lambda: None,
) -> Ended:
    """Run ``command`` to its end or to its limits; whatever it started ends with it.

    A program that cannot be started ends with 127, one that a limit killed with minus the signal.
    ``look`` is called each second meanwhile; what it raises ends the program and goes on.
    """
    launcher = [sys.executable, "-I", "-S", __file__, json.dumps(asdict(limits)), *command]
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            launcher,
            cwd=cwd,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            timed_out = not _ends_in_time(process, limits.wall_seconds, look)
        finally:
            _kill_group(process)
        return Ended(process.returncode, _end_of(output), timed_out)


def _ends_in_time(
    process: subprocess.Popen[bytes], seconds: float, look: Callable[[], None]
) -> bool:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        try:
            process.wait(min(left, LOOK_EVERY))
            return True
        except subprocess.TimeoutExpired:
            look()
    return False


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """End the program, if it still runs, and all that it left behind in its group."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # nothing is left
    process.wait()


def _end_of(file: BinaryIO) -> str:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - OUTPUT_SHOWN))
    return file.read().decode("utf-8", "replace")


def _threads_of(user: int) -> int:
    """How many threads a user runs: RLIMIT_NPROC counts them all."""
    count = 0
    for entry in os.scandir("/proc"):
        try:
            if entry.name.isdigit() and entry.stat().st_uid == user:
                count += len(os.listdir(f"/proc/{entry.name}/task"))
        except FileNotFoundError:
            continue  # it ended meanwhile
    return count


def _limit_self(limits: Limits) -> None:
    user = os.getuid() if limits.user is None else limits.user
    bounds = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_CPU: limits.cpu_seconds,
        resource.RLIMIT_AS: limits.memory_bytes,
        resource.RLIMIT_FSIZE: limits.file_bytes,
        resource.RLIMIT_NPROC: _threads_of(user) + limits.processes,
    }
    for kind, bound in bounds.items():
        hard = resource.getrlimit(kind)[1]
        value = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
        resource.setrlimit(kind, (value, value))
    os.umask(0o077)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and exec passes that on
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # a killed worker leaves no scanner behind


def main(arguments: Sequence[str]) -> int:
    """Become the command ``arguments[1:]`` under the limits that ``arguments[0]`` says as JSON."""
    _limit_self(Limits(**json.loads(arguments[0])))
    command = list(arguments[1:])
    try:
        os.execvp(command[0], command)  # noqa: S606  (no shell is what we want)
    except OSError as error:
        sys.stderr.write(f"{command[0]} cannot be started: {error.strerror}\n")
    return NOT_STARTED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
