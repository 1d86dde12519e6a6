"""Which container images a fix moved, read from the diff of Dockerfiles and of deployment files.

Only what the hunks show is known. ``FROM name:tag@digest`` and ``image: name:tag``; an image without
tag and digest, or with ``latest``, names no content.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gate.diff import Diff, Line
from gate.globs import matches

DOCKERFILES = ("Dockerfile", "Dockerfile.*", "*.Dockerfile", "Containerfile", "Containerfile.*")
_DEPLOYMENTS = ("*.yml", "*.yaml", "*.json", "*.tf")
_FROM = re.compile(r"^\s*FROM\s+(?:--\S+\s+)*(?P<image>[^\s#]+)", re.IGNORECASE)
_IMAGE = re.compile(r"""^\s*(?:-\s*)?["']?image["']?\s*[:=]\s*["']?(?P<image>[\w./:@-]+)["']?""")
_REFERENCE = re.compile(
    r"^(?P<name>(?:[\w.-]+(?::\d+)?/)*[\w.-]+)(?::(?P<tag>[\w.-]+))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?$"
)


@dataclass(frozen=True, slots=True)
class Image:
    """A reference to an image; ``tag`` and ``digest`` are empty where they are not said."""

    name: str
    tag: str
    digest: str

    @property
    def is_fixed(self) -> bool:
        """Whether it names a content, or at least a version, rather than whatever is newest."""
        return bool(self.digest or (self.tag and self.tag != "latest"))

    def __str__(self) -> str:
        """The reference with a short digest, for a sentence."""
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.name}{tag}" + (f"@{self.digest[:19]}" if self.digest else "")


@dataclass(frozen=True, slots=True)
class ImageMove:
    """One reference that the fix changed, at ``path:line`` of the new file."""

    path: str
    line: int
    old: Image
    new: Image


def image_moves(diff: Diff) -> tuple[ImageMove, ...]:
    """Every image reference that the fix replaced by another one, in the order of the diff."""
    found: list[ImageMove] = []
    for file in diff.files:
        pattern = _pattern(file.new_path or "")
        for hunk in file.hunks if pattern else ():
            old = list(_images(pattern, (line for line in hunk.lines if line.kind == "-")))
            new = list(_images(pattern, (line for line in hunk.lines if line.kind == "+")))
            for (_, was), (line, now) in zip(old, new, strict=False):
                if was != now:
                    found.append(ImageMove(file.path, line.new or 0, was, now))
    return tuple(found)


def reference(text: str) -> Image | None:
    """An image reference as people write it; None for a variable or anything else."""
    match = _REFERENCE.match(text)
    return Image(match["name"], match["tag"] or "", match["digest"] or "") if match else None


def _pattern(path: str) -> re.Pattern[str] | None:
    if matches(DOCKERFILES, path):
        return _FROM
    return _IMAGE if matches(_DEPLOYMENTS, path) else None


def _images(pattern: re.Pattern[str] | None, lines: Iterator[Line]) -> Iterator[tuple[Line, Image]]:
    for line in lines:
        match = pattern.match(line.text) if pattern else None
        image = reference(match["image"]) if match else None
        if image:
            yield line, image
