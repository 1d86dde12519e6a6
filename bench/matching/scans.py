"""Real code, real scanner, real git: a repository of installed packages, and scans of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from bench.matching.draft import Line, Source, text_of
from gate import formats
from gate.diff import Diff, parse
from gate.git import git_diff
from gate.records import Result

PACKAGES = (
    "billiard", "celery", "django/core", "django/utils", "gunicorn", "kombu", "requests",
    "setuptools/_distutils", "stevedore", "urllib3",
)  # fmt: skip
# Nobody looked at what the matcher gets wrong on these.
HELD_OUT = (
    "attr", "cryptography", "filelock", "grimp", "importlinter", "jsonschema", "pip_audit",
    "prompt_toolkit", "pygments", "redis",
)  # fmt: skip
BANDIT = Path(sysconfig.get_path("scripts")) / "bandit"
GIT = ("git", "-c", "user.name=bench", "-c", "user.email=bench@ctem.example", "-c", "gc.auto=0")
WAIT = 600  # seconds for one command


@dataclass(frozen=True)
class Scan:
    """One scan: the file, and its results in the order of the file."""

    path: Path
    results: tuple[Result, ...]


def call(*command: str | Path, folder: Path) -> None:
    """Run a command of ours to its end. Raises CalledProcessError with what it said."""
    environ = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(  # noqa: S603 - the commands stand in this folder
        command, cwd=folder, env=environ, capture_output=True, text=True, timeout=WAIT
    )
    if done.returncode:
        raise subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr)


class Repository:
    """A git repository with the packages as its first commit."""

    def __init__(self, folder: Path, packages: tuple[str, ...]) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.sources = _copied(folder, packages)
        call(*GIT, "init", "-q", "-b", "main", folder=folder)
        self._commit()
        call("git", "tag", "before", folder=folder)

    def change(self, files: dict[str, list[Line]], renames: dict[str, str]) -> Diff:
        """Leave the first commit by these files; the diff is what the gate itself would read."""
        call("git", "reset", "-q", "--hard", "before", folder=self.folder)
        for old in renames:
            (self.folder / old).unlink()
        for path, lines in files.items():
            target = self.folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text_of(lines).encode())
        self._commit()
        return parse(git_diff(self.folder, "before", "HEAD"))

    def scan(self, output: Path) -> Scan:
        """What Bandit reports on what is checked out."""
        options = ("-q", "-r", ".", "-f", "sarif", "--exit-zero", "-o", output)
        call(BANDIT, *options, folder=self.folder)
        (run,) = formats.read(output.name, output.read_bytes()).runs
        return Scan(output, run.results)

    def texts(self, paths: set[str]) -> dict[str, str]:
        """Files as they are checked out."""
        return {path: (self.folder / path).read_bytes().decode() for path in sorted(paths)}

    def _commit(self) -> None:
        call("git", "add", "-A", folder=self.folder)
        call(*GIT, "commit", "-q", "-m", "bench", folder=self.folder)


def _copied(folder: Path, packages: tuple[str, ...]) -> dict[str, Source]:
    """Copy what Python can read of the packages; only plain files are edited later."""
    root = Path(sysconfig.get_path("purelib"))
    sources = {}
    for path in sorted(file for name in packages for file in (root / name).rglob("*.py")):
        name = path.relative_to(root).as_posix()
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, folder / name)
        source = _source(name, path.read_bytes())
        if source:
            sources[name] = source
    return sources


def _source(name: str, data: bytes) -> Source | None:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    is_plain = text.endswith("\n") and not any(mark in text for mark in "\r\f\v\ufeff")
    return Source(name, text) if is_plain else None
