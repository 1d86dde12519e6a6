"""Images that a fix moved, read from the diffs of Dockerfiles and deployment files."""

from __future__ import annotations

import pytest

from gate.diff import parse
from gate.images import image_moves, reference
from tests.gate.made import git_diff

DIGEST = "sha256:" + "a" * 64


def moved(path: str, old: str, new: str) -> list[tuple[str, str]]:
    diff = parse(git_diff({path: (old + "\n", new + "\n")}).encode(), "fix.diff")
    return [(str(move.old), str(move.new)) for move in image_moves(diff)]


@pytest.mark.parametrize(
    ("path", "old", "new", "told"),
    [
        ("Dockerfile", "FROM alpine:3.10", "FROM alpine:3.20", ("alpine:3.10", "alpine:3.20")),
        ("api/Dockerfile.prod", "FROM --platform=linux/amd64 a/b:1 AS x",
         f"FROM --platform=linux/amd64 a/b:1@{DIGEST} AS x", ("a/b:1", "a/b:1@" + DIGEST[:19])),
        ("deploy/app.yaml", "        image: r.example:5000/a/b:1.0", "        image: r.example:5000/a/b:1.1",
         ("r.example:5000/a/b:1.0", "r.example:5000/a/b:1.1")),
        ("compose.yaml", "  - image: 'nginx:1.27'", "  - image: 'nginx:1.29'", ("nginx:1.27", "nginx:1.29")),
    ],
)  # fmt: skip
def test_a_reference_that_moved_is_read(path, old, new, told):
    assert moved(path, old, new) == [told]


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("Dockerfile", "FROM alpine:3.10", "FROM alpine:3.10 AS build"),
        ("Dockerfile", "RUN echo FROM alpine:3.10", "RUN echo FROM alpine:3.20"),
        ("Dockerfile", "FROM ${BASE}", "FROM ${OTHER}"),
        ("app.py", "image: nginx:1.27", "image: nginx:1.29"),
    ],
)
def test_what_moves_no_image_is_not_read(path, old, new):
    assert moved(path, old, new) == []


@pytest.mark.parametrize(
    ("text", "fixed"),
    [("alpine", False), ("alpine:latest", False), ("alpine:3.20", True), (f"a@{DIGEST}", True)],
)
def test_an_image_without_tag_or_digest_names_no_content(text, fixed):
    image = reference(text)

    assert image is not None
    assert image.is_fixed is fixed
