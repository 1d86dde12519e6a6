"""The small web application of the demo, its three fixes, and the git repository they live in.

The fixes are what assistants propose: one trades the weakness for another, one hides it, one is good.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
COMMITTER = "Dan Developer <developer@portal.example>"
AUTOFIX = (
    "Co-authored-by: Copilot Autofix powered by AI "
    "<62310815+github-advanced-security[bot]@users.noreply.github.com>"
)
ALERT = "Potential fix for code scanning alert no. 1: subprocess call with shell=True"

_VIEWS_HEAD = '''\
"""The portal's pages for a customer's uploads."""

{imports}

from flask import Blueprint, request, send_file{more}

pages = Blueprint("pages", __name__)
UPLOADS = "/srv/portal/uploads"
ARCHIVES = "/srv/portal/archives"


@pages.post("/archive")
def archive():
    """Pack a customer's uploads into one file and send it."""
'''
_VIEWS_TAIL = """

@pages.get("/health")
def health():
    return {"ok": True}
"""


def _views(imports: str, body: str, more: str = "") -> str:
    lines = [f"    {line}" if line else "" for line in body.strip().splitlines()]
    return _VIEWS_HEAD.format(imports=imports, more=more) + "\n".join(lines) + "\n" + _VIEWS_TAIL


WEAK = _views(
    "import subprocess",
    """
folder = request.form["folder"]
command = f"tar -czf {ARCHIVES}/{folder}.tar.gz {UPLOADS}/{folder}"
if subprocess.call(command, shell=True) != 0:
    return {"error": "could not be packed"}, 500
return send_file(f"{ARCHIVES}/{folder}.tar.gz")
""",
)
TRADED = _views(
    "import shlex\nimport subprocess",
    """
folder = request.form["folder"]
options = eval(request.form.get("options", "{}"))
command = shlex.split(f"tar -czf {ARCHIVES}/{folder}.tar.gz {UPLOADS}/{folder}")
if subprocess.call(command, shell=False, **options) != 0:
    return {"error": "could not be packed"}, 500
return send_file(f"{ARCHIVES}/{folder}.tar.gz")
""",
)
HIDDEN = WEAK.replace("shell=True) != 0:", "shell=True) != 0:  # nosec B602")
GOOD = _views(
    "import tarfile",
    """
folder = secure_filename(request.form["folder"])
target = f"{ARCHIVES}/{folder}.tar.gz"
try:
    with tarfile.open(target, "w:gz") as packed:
        packed.add(f"{UPLOADS}/{folder}", arcname=folder)
except OSError:
    return {"error": "could not be packed"}, 500
return send_file(target)
""",
    more="\nfrom werkzeug.utils import secure_filename",
)
FILES = {
    "README.md": "# Customer portal\n\nUploads in, archives out.\n",
    "app/__init__.py": "",
    "app/views.py": WEAK,
    "app/settings.py": '''\
"""Settings from a file."""

import yaml

CACHE = "/tmp/portal-cache"


def load(path):
    with open(path) as file:
        return yaml.load(file, Loader=yaml.Loader)
''',
    "app/links.py": '''\
"""Short links for downloads."""

import random
import string


def short_link():
    return "".join(random.choice(string.ascii_letters) for _ in range(12))
''',
}


@dataclass(frozen=True)
class Proposal:
    """A fix as its author pushes it: a branch with one commit on top of main."""

    branch: str
    message: str
    files: dict[str, str]


PROPOSALS = {
    "traded": Proposal(
        "alert-autofix-1",
        f"{ALERT}\n\nRun tar without a shell.\n\n{AUTOFIX}\n",
        {"app/views.py": TRADED},
    ),
    "hidden": Proposal(
        "alert-autofix-1-retry",
        f"{ALERT}\n\nThe command is built from a known folder.\n\n{AUTOFIX}\n",
        {"app/views.py": HIDDEN},
    ),
    "good": Proposal(
        "alert-autofix-1-tarfile",
        f"{ALERT}\n\nPack with tarfile: no other program, no shell.\n\n{AUTOFIX}\n",
        {"app/views.py": GOOD},
    ),
}


class Repository:
    """A git repository below the demo's folder; no setting of the person at the keyboard counts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        name, mail = COMMITTER.rstrip(">").split(" <")
        self._environ = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(folder.parent),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_AUTHOR_NAME": name,
            "GIT_AUTHOR_EMAIL": mail,
            "GIT_COMMITTER_NAME": name,
            "GIT_COMMITTER_EMAIL": mail,
            "LC_ALL": "C.UTF-8",
        }

    def create(self) -> str:
        """Start the repository with the application on ``main``; return the commit."""
        self.folder.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main")
        return self._commit(FILES, "The customer portal\n")

    def push(self, proposal: Proposal) -> str:
        """Make the branch of a proposal from ``main``; return its commit."""
        self.git("switch", "--quiet", "--create", proposal.branch, "main")
        commit = self._commit(proposal.files, proposal.message)
        self.git("switch", "--quiet", "main")
        return commit

    def squash(self, branch: str, subject: str) -> str:
        """Merge a branch into ``main`` as code hosts do by default: one new commit; return it."""
        self.git("merge", "--quiet", "--squash", branch)
        self.git("commit", "--quiet", "--message", subject)
        return self.git("rev-parse", "HEAD")

    def tree(self, commit: str) -> str:
        """The id of a commit's tree."""
        return self.git("rev-parse", f"{commit}^{{tree}}")

    def facts(self, branch: str) -> tuple[dict[str, Any], str]:
        """What a pipeline tells of a fix: ``python -m gate facts``, and the diff that it writes."""
        diff = self.folder.parent / f"{branch}.diff"
        command = [sys.executable, "-m", "gate", "facts", "--repo", str(self.folder)]
        command += ["--base", "main", "--head", branch, "--diff", str(diff)]
        told = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
        return json.loads(told.stdout)["fix"], diff.read_text(encoding="utf-8")

    def git(self, *arguments: str) -> str:
        """Run git here and return what it says."""
        command = ["git", "-C", str(self.folder), *arguments]
        done = subprocess.run(
            command, env=self._environ, stdin=subprocess.DEVNULL, capture_output=True, check=True
        )
        return done.stdout.decode().strip()

    def _commit(self, files: dict[str, str], message: str) -> str:
        for path, text in files.items():
            file = self.folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return self.git("rev-parse", "HEAD")
