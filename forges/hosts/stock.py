"""What stock set-ups of code hosts are known to do: the rows of data/stock.json, looked up.

Pure. Nothing is guessed: what no row knows comes out empty, and stays unknown from there on.
"""

import json
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from forges.hosts.records import Analysis
from forges.statuses import Forge

MAX_TEXT = 1_000  # of what a host tells: patterns see no more


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What is known of how a report came about; empty: not known.

    ``id``: the row that knows it. ``scope``: full or diff. ``whole``: nothing but a file of the
    repository that configures the tool can leave files out. ``uploader_kind``: service where a
    machine of the host's made it, whose name ``uploader`` is. ``explains`` is for people.
    """

    id: str = ""
    scope: str = ""
    uploader: str = ""
    uploader_kind: str = ""
    explains: str = ""
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One row with its patterns ready."""

    told: dict[str, Any]
    tool: re.Pattern[str]
    workflow: re.Pattern[str]
    ref: re.Pattern[str]

    def matches(self, host: Forge, analysis: Analysis) -> bool:
        """Whether this is the behaviour behind an analysis."""
        return bool(
            self.told["host"] == host.value
            and self.tool.fullmatch(analysis.tool[:MAX_TEXT])
            and self.workflow.fullmatch(analysis.workflow[:MAX_TEXT])
            and self.ref.fullmatch(analysis.ref[:MAX_TEXT])
        )


@cache
def rows() -> tuple[Row, ...]:
    """The rows of data/stock.json, in their order."""
    text = files("forges").joinpath("data", "stock.json").read_text(encoding="utf-8")
    return tuple(
        Row(
            told,
            re.compile(told["tool"], re.IGNORECASE),
            re.compile(told["workflow"]),
            re.compile(told["ref"]),
        )
        for told in json.loads(text)["rows"]
    )


def behaviour(host: Forge, analysis: Analysis) -> Behaviour:
    """Return what the first fitting row knows of an analysis; all empty where none fits."""
    told = next((row.told for row in rows() if row.matches(host, analysis)), None)
    if told is None:
        return Behaviour()
    return Behaviour(
        id=told["id"],
        scope=told["scope"],
        uploader=told["uploader"].format(workflow=analysis.workflow),
        uploader_kind=told["trusted"] if told["trusted"] == "service" else "",
        explains=f"{told['what']}. {told['note']}",
        whole=told.get("whole", False),
    )
