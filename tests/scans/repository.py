"""A real git repository for tests of what reads repositories."""

import os
import subprocess
from pathlib import Path

WEAK = "import subprocess\n\n\ndef run(word):\n    subprocess.call(word, shell=True)\n"
SAFE = "import subprocess\n\n\ndef run(word):\n    subprocess.call([word])\n"


class Repository:
    """A real git repository of a test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str, given: bytes | None = None) -> str:
        environ = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1",
                   "GIT_AUTHOR_NAME": "Dan", "GIT_AUTHOR_EMAIL": "dan@example.org",
                   "GIT_COMMITTER_NAME": "Dan", "GIT_COMMITTER_EMAIL": "dan@example.org"}  # fmt: skip
        done = subprocess.run(
            ["git", "-C", str(self.folder), *arguments],
            input=given,
            env=environ,
            capture_output=True,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode().strip()

    def commit(self, files: dict[str, str | bytes], message: str = "more") -> str:
        for path, content in files.items():
            file = self.folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content if isinstance(content, bytes) else content.encode())
        self.git("-c", "core.autocrlf=false", "add", "--all")
        self.git("commit", "--quiet", "--no-verify", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")

    def stage(self, mode: str, path: str, content: bytes) -> None:
        """Put exact bytes into the index, whatever attributes say."""
        blob = self.git("hash-object", "-w", "--stdin", "--no-filters", given=content)
        self.git("update-index", "--add", "--cacheinfo", f"{mode},{blob},{path}")
