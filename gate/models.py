"""Names of AI models and ids of their runs, in the spellings of providers, gateways and people."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from urllib.parse import unquote

from gate.catalogue import load

_PART = re.compile(r"[^\W\d_]+|\d+")
_STEP = re.compile(r"[^\W_]+")


def is_same_model(one: str | None, other: str | None) -> bool:
    """Whether two names may mean one model: provider, date, punctuation and order are no difference."""
    parts = _model(one or "")
    return bool(parts) and parts == _model(other or "")


@lru_cache(maxsize=256)
def _model(text: str) -> tuple[str, ...]:
    name = unicodedata.normalize("NFKC", text).casefold().strip()
    for row in load("authorship.json")["models"]:
        name = re.sub(row["pattern"], "", name) or name
    return tuple(sorted(_PART.findall(name)))


def is_inside(run: str | None, other: str | None) -> bool:
    """Whether a run is the other one, or a part of it: a job or step below its address."""
    steps, outer = _steps(run or ""), _steps(other or "")
    if not steps or not outer:
        return False
    return steps == outer or (len(outer) > 1 and steps[: len(outer)] == outer)


def _steps(text: str) -> list[list[str]]:
    """The parts of an address, each as its words: ``https://host/runs/1/`` is ``host``, ``runs``, ``1``."""
    flat = unicodedata.normalize("NFKC", unquote(text)).casefold().strip()
    path = re.sub(r"^[a-z][a-z0-9+.-]*:/*", "", flat).partition("?")[0].partition("#")[0]
    return [words for part in path.split("/") if (words := _STEP.findall(part))]
