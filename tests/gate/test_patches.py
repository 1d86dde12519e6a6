"""Patch ids: git's own, computed without git, and which of them an approval may stand on."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from gate.collect import main
from gate.diff import parse
from gate.patches import git_patch_id, patch_id, patch_ids
from tests.gate.made import GOOD_DIFF, HEAD, NEW, OLD, OTHER, git_diff, good_facts, judged, row

_DEV = {"NAME": "Dev", "EMAIL": "dev@example.org", "DATE": "2026-11-20T09:00:00Z"}
WHO = {f"GIT_{role}_{what}": _DEV[what] for role in ("AUTHOR", "COMMITTER") for what in _DEV}


def git(repo: Path, *words: str, given: bytes = b"") -> bytes:
    command = ["git", "-C", str(repo), "-c", "commit.gpgsign=false", *words]
    done = subprocess.run(
        command, input=given, capture_output=True, check=True, env={**os.environ, **WHO}
    )
    return done.stdout


def commit(repo: Path, files: dict[str, str | None]) -> str:
    for path, text in files.items():
        target = repo / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            target.unlink()
        else:
            target.write_text(text)
    git(repo, "add", "-A")
    git(repo, "commit", "-q", "-m", "x")
    return git(repo, "rev-parse", "HEAD").decode().strip()


LONG = "".join(f"line {number}\n" for number in range(40))
CHANGES = {
    "edited": {"a.py": LONG.replace("line 3\n", "line three\n").replace("line 30\n", "\tline\x0c 30 \n")},
    "added and deleted": {"new/b.py": "x = 1\n--- no header\n+++ nor this\n", "c.txt": None},
    "renamed": {"a.py": None, "moved.py": LONG + "one more\n"},
    "only renamed": {"a.py": None, "moved.py": LONG, "z.py": "1\n"},
    "no newline at the end": {"a.py": LONG + "end", "c.txt": "c"},
    "odd name": {"ä ö.py": "x\n"},
    "emptied": {"a.py": "", "d.py": ""},
    "with carriage returns": {"a.py": LONG.replace("line 7\n", "line 7\r\n")},
}  # fmt: skip


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_git_says_the_same(tmp_path, change, algorithm):
    git(tmp_path, "init", "-q", f"--object-format={algorithm}")
    old = commit(tmp_path, {"a.py": LONG, "c.txt": "c\n"})
    new = commit(tmp_path, change)
    diff = git(tmp_path, "diff", "-M", old, new)

    for option, verbatim in (("--stable", False), ("--verbatim", True)):
        told = git(tmp_path, "patch-id", option, given=diff).split()
        assert [git_patch_id(diff, verbatim=verbatim, algorithm=algorithm).encode()] == told[:1]


def _ids(
    files: dict[str, tuple[str | None, str | None]],
) -> tuple[frozenset[str], frozenset[str], str]:
    text = git_diff(files)
    found = patch_ids(parse(text.encode()), text.encode())
    return found.sure, found.blind, git_patch_id(text.encode(), verbatim=False)


def test_an_id_blind_to_white_space_counts_only_where_white_space_is_nothing():
    sure, blind, stable = _ids({"app/db.py": (OLD, NEW)})
    assert (stable in sure, stable in blind) == (False, True)

    sure, blind, stable = _ids({"src/db.go": (OLD, NEW)})
    assert (stable in sure, stable in blind) == (True, False)


def test_a_binary_file_has_no_id_that_counts():
    text = "diff --git a/x.png b/x.png\nindex 1111111..2222222 100644\nBinary files a/x.png and b/x.png differ\n"

    assert patch_ids(parse(text.encode()), text.encode()).sure == frozenset()


def _answer(patch: str = "", patches: dict[str, str] | None = None) -> dict[str, str]:
    review = {"reviewer": "security-lead", "kind": "human", "commit": OTHER, "decision": "approved"}
    facts = good_facts() | {"reviews": [review | ({"patch_id": patch} if patch else {})]}
    facts |= {"patches": patches} if patches else {}
    return row(judged(lamp="both", facts=facts), "HUMAN_REVIEW")


def test_an_approval_of_the_same_patch_counts_by_any_exact_id():
    text = git_diff(GOOD_DIFF).encode()
    exact = git_patch_id(text, verbatim=True)

    assert _answer(patch_id(parse(text)))["outcome"] == "PASS"
    assert _answer(exact)["outcome"] == "PASS"
    assert _answer(git_patch_id(text, verbatim=True, algorithm="sha256"))["outcome"] == "PASS"
    assert _answer(patches={OTHER: exact})["outcome"] == "PASS"
    assert _answer(patches={HEAD: exact})["outcome"] == "FAIL"


def test_an_approval_of_an_older_revision_says_what_is_missing():
    missing = _answer()
    assert missing["outcome"] == "FAIL", "stale until the patch is said to be the same"
    assert "patch_id" in missing["to_pass"]

    blind = _answer(git_patch_id(git_diff(GOOD_DIFF).encode(), verbatim=False))
    assert blind["outcome"] == "UNKNOWN"
    assert "white space" in blind["reason"]
    assert "--verbatim" in blind["to_pass"]

    assert _answer("f" * 40)["outcome"] == "FAIL"


def test_the_facts_command_prints_the_id_of_the_fix_and_of_what_was_reviewed(tmp_path, capsys):
    git(tmp_path, "init", "-q", "-b", "main")
    base = commit(tmp_path, {"a.py": LONG})
    git(tmp_path, "checkout", "-q", "-b", "fix")
    reviewed = commit(tmp_path, {"a.py": LONG.replace("line 9\n", "line nine\n")})
    git(tmp_path, "checkout", "-q", "main")
    commit(tmp_path, {"b.py": "x\n"})
    git(tmp_path, "checkout", "-q", "fix")
    git(
        tmp_path,
        "-c",
        "user.name=Dev",
        "-c",
        "user.email=dev@example.org",
        "merge",
        "-q",
        "-m",
        "m",
        "main",
    )
    head = git(tmp_path, "rev-parse", "HEAD").decode().strip()

    assert (
        main(
            [
                "facts",
                "--repo",
                str(tmp_path),
                "--base",
                "main",
                "--head",
                head,
                "--reviewed",
                reviewed,
            ]
        )
        == 0
    )
    told = json.loads(capsys.readouterr().out)
    assert base
    assert told["patches"][head] == told["patches"][reviewed]
