"""The tour of docs/api.md, run line by line: what stands under a piece of it is what it prints."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass

import pytest

from tests.contract.product import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("contract"), pytest.mark.timeout(900)]

PIECE = re.compile(r"^```(sh|python|ts)\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.M | re.S)
END = "---- end of piece ----"


@dataclass(frozen=True)
class Piece:
    """One piece of the tour: its language, its text, and what the page says it prints."""

    language: str
    text: str
    printed: str


def pieces(language):
    page = (ROOT / "docs" / "api.md").read_text()
    tour = page[: page.index("\n## What holds everywhere")]
    found = [Piece(*(part or "" for part in parts)) for parts in PIECE.findall(tour)]
    return [piece for piece in found if piece.language == language]


def told(text, product):
    """The text with this server and these keys instead of those that stand in the page."""
    text = text.replace("http://127.0.0.1:8000", product.address)
    return re.sub(r"([A-Z]+)=ctem_…", lambda m: f"{m[1]}={product.tokens[m[1].lower()]}", text)


@pytest.fixture(scope="session")
def toured(demo, tmp_path_factory):
    """What each piece in the shell printed; the product is where the tour leaves it."""
    for program in ("bash", "curl", "jq", "git"):
        if not shutil.which(program):
            pytest.skip(f"needs {program}")
    work = tmp_path_factory.mktemp("work")
    script = "\n".join(f"{told(piece.text, demo)}echo '{END}'" for piece in pieces("sh"))
    environ = {"PATH": os.environ["PATH"], "HOME": str(work), "TZ": "UTC"}
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=work, env=environ,
                          capture_output=True, text=True, timeout=300, check=False)  # fmt: skip
    assert done.returncode == 0 and not done.stderr, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout.split(f"{END}\n")


def test_the_tour_prints_what_the_page_says(toured):
    *printed, rest = toured
    assert rest == ""
    assert printed == [piece.printed for piece in pieces("sh")]
    assert len(printed) > 5 and sum(bool(text) for text in printed) > 4


def environ_of(demo, **more):
    names = {"PATH": os.environ["PATH"], "CTEM": demo.address, "KEY": demo.tokens["analyst"]}
    return {**names, **more}


def test_the_python_client_prints_what_the_page_says(demo, toured, python_client):
    (piece,) = pieces("python")
    done = subprocess.run([sys.executable, "-c", piece.text], capture_output=True, text=True, check=False,
                          env=environ_of(demo, PYTHONPATH=str(python_client)))  # fmt: skip
    assert (done.stdout, done.stderr) == (piece.printed, "")


def test_the_typescript_client_prints_what_the_page_says(demo, toured, typescript_client):
    (piece,) = pieces("ts")
    assert run_typescript(typescript_client, "tour", piece.text, environ_of(demo)) == piece.printed


def run_typescript(folder, name, text, environ, given=""):
    """Compile one file with every strict option, run it, and return what it prints."""
    (folder / f"{name}.ts").write_text(text)
    compiled = subprocess.run(
        ["node_modules/.bin/tsc"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert compiled.returncode == 0, compiled.stdout
    done = subprocess.run(["node", f"out/{name}.js"], cwd=folder, env=environ, input=given,
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout
