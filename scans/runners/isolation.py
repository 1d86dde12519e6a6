"""The wall around a scanner: bubblewrap, where it is installed and works. No scanner and no rows here.

Inside there is no network (unless a recipe may), no process of ours, no file of ours but the
checkout (read-only), a home, a folder for the report and the programs. Root becomes somebody else,
because root has no limit on processes.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from django.conf import settings

from scans.runners import program_folders
from scans.runners.confined import Limits, environment

NOBODY = 65534
TMP_BYTES = 1024 * 1024 * 1024  # of the private /tmp, which lies in memory
SHARED_BYTES = 256 * 1024 * 1024  # of shared memory
PROBE_SECONDS = 20
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_ETC = (
    "alternatives",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "mime.types",
    "ssl",
)
_ETC_NETWORK = ("hosts", "nsswitch.conf", "resolv.conf", "pki", "ca-certificates")
MISSING = (
    "bubblewrap (bwrap) is not installed, or the system does not let it make namespaces: scanners"
    " are started with limits only, and can use the network"
)


@dataclass(frozen=True, slots=True)
class Room:
    """The folders of one run. ``top`` is only read by the scanner; it writes to ``home`` and ``out``."""

    top: Path
    home: Path
    out: Path
    config: Path


INSIDE = Room(Path("/checkout"), Path("/home/scanner"), Path("/out"), Path("/config"))


def available() -> bool:
    """Whether scanners are isolated on this machine."""
    return bool(_program())


def seen(room: Room) -> Room:
    """The folders as the scanner sees them."""
    return INSIDE if available() else room


def environ_of(room: Room) -> dict[str, str]:
    """The whole environment of a scanner in ``room``."""
    shown = seen(room)
    private = {"TMPDIR": "/tmp"} if available() else {}  # noqa: S108  (of its own)
    return environment(shown.home) | {"PATH": os.pathsep.join(program_folders())} | private


def limits_of(limits: Limits) -> Limits:
    """The limits as they count for who the scanner becomes."""
    return replace(limits, user=NOBODY) if available() and _is_root() else limits


def wrapped(command: Sequence[str], room: Room, *, network: bool) -> list[str]:
    """The command behind the wall, where there is one; else as it is.

    Where we are root, what the scanner has to read is opened for reading on the way.
    """
    program = _program()
    if not program:
        return list(command)
    if _is_root():
        _open_for_others(room)
    return [program, *_walls(room, network), "--", *_as_nobody(), *command]


@cache
def _works(program: str) -> bool:
    """Whether bubblewrap can make all that we ask for; tried once."""
    folder = Path("/usr")
    room = Room(folder, folder, folder, folder)
    command = [program, *_walls(room, network=False), "--", *_as_nobody(), "true"]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=PROBE_SECONDS,
            env=environment(Path("/")),
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _program() -> str:
    program = shutil.which("bwrap") or ""
    return program if program and _works(program) else ""


def _is_root() -> bool:
    return os.geteuid() == 0


def _as_nobody() -> list[str]:
    """What drops root's rights inside; others have none to drop."""
    if not _is_root():
        return []
    return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
            "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs", "--"]  # fmt: skip


def _walls(room: Room, network: bool) -> list[str]:
    spaces = ["ipc", "pid", "uts", "cgroup-try", *([] if network else ["net"])]
    spaces += [] if _is_root() else ["user"]
    return [
        *(f"--unshare-{space}" for space in spaces),
        *("--die-with-parent", "--new-session", "--hostname", "scanner"),
        *("--proc", "/proc", "--dev", "/dev"),
        *("--perms", "1777", "--size", str(SHARED_BYTES), "--tmpfs", "/dev/shm"),  # noqa: S108
        *("--perms", "1777", "--size", str(TMP_BYTES), "--tmpfs", "/tmp"),  # noqa: S108
        *_system(), *_programs(), *_etc(network), *_hidden(),
        *("--ro-bind", str(room.top), str(INSIDE.top)),
        *("--ro-bind", str(room.config), str(INSIDE.config)),
        *("--bind", str(room.home), str(INSIDE.home)),
        *("--bind", str(room.out), str(INSIDE.out)),
        *("--remount-ro", "/dev", "--remount-ro", "/", "--chdir", str(INSIDE.top)),
    ]  # fmt: skip


def _system() -> Iterator[str]:
    for name in _SYSTEM:
        folder = Path(name)
        if folder.is_symlink():
            yield from ("--symlink", os.readlink(folder), name)
        elif folder.is_dir():
            yield from ("--ro-bind", name, name)


def _programs() -> Iterator[str]:
    """Our own interpreter with its packages, and the operator's folders of scanners."""
    folders = dict.fromkeys((sys.base_prefix, sys.prefix, *settings.RUNNER_TOOLS))
    shown = [folder for folder in folders if not Path(folder).is_relative_to("/usr")]
    inside = (*map(Path, shown), INSIDE.home, Path("/etc/ssl"))
    above = {parent for folder in inside for parent in folder.parents}
    for parent in sorted(above - {Path("/")}):  # or they would be root's alone
        yield from ("--perms", "0755", "--dir", str(parent))
    for folder in shown:
        yield from ("--ro-bind", folder, folder)


def _etc(network: bool) -> Iterator[str]:
    for name in (*_ETC, *(_ETC_NETWORK if network else ())):
        yield from ("--ro-bind-try", f"/etc/{name}", f"/etc/{name}")


def _hidden() -> Iterator[str]:
    """Our data, should it lie below something that is shown."""
    shown = [Path(name) for name in (*_SYSTEM, sys.base_prefix, sys.prefix, *settings.RUNNER_TOOLS)]
    for folder in (settings.DATA_DIR, settings.MEDIA_ROOT, settings.CERTIFICATE_KEYS_DIR):
        real = Path(folder).resolve()
        if real.is_dir() and any(real.is_relative_to(above) for above in shown):
            yield from ("--perms", "0000", "--tmpfs", str(real))


def _open_for_others(room: Room) -> None:
    """Let the user that root becomes read the checkout and write to its two folders."""
    for folder in (room.home, room.out):
        os.chown(folder, NOBODY, NOBODY)
    for base in (room.top, room.config):
        for path, folders, files in os.walk(base):
            os.chmod(path, 0o755)  # noqa: S103  (it lies in a folder that is ours alone)
            if ".git" in folders and Path(path) == room.top:
                folders.remove(".git")
            for name in files:
                os.chmod(Path(path, name), 0o644)
