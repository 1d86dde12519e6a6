"""A judgement for people and machines: text, JSON, Markdown. SARIF is in ``sarif_output``.

Text from reports is not to be trusted: it stands on one line, without control characters, and in
Markdown without any effect.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

from gate.checks.check import GRAVITY, Lamp, Outcome
from gate.judgement import CheckRow, Judgement
from gate.strict import visible

_QUESTIONS = {Lamp.SAFE: "Safe?", Lamp.RIGHT: "Right?"}
_SIGNS = {"pass": "✅", "fail": "❌", "unknown": "❔"}
_OUTCOME_SIGNS = {
    Outcome.PASS: "✅",
    Outcome.NOT_APPLICABLE: "⚪",
    Outcome.WAIVED: "⚠️",
    Outcome.UNKNOWN: "❔",
    Outcome.FAIL: "❌",
}
_SPECIAL = str.maketrans(
    {char: f"\\{char}" for char in "\\`*_[]|~"}
    | {"<": "&lt;", ">": "&gt;", "&": "&amp;", "@": "&#64;", "#": "&#35;"}
)
_LINKS = re.compile(r"(?<=:)//|(?<=\bwww)\.", re.IGNORECASE)
MOST_ROWS = 100  # new results that Markdown and text list; JSON lists all


def to_json(judgement: Judgement) -> str:
    """The JSON contract, indented."""
    return json.dumps(judgement.to_dict(), indent=2, ensure_ascii=False) + "\n"


def to_text(judgement: Judgement) -> str:
    """For a terminal or a pipeline's log."""
    return "\n".join(visible(line) for line in _text(judgement)) + "\n"


def _text(judgement: Judgement) -> Iterator[str]:
    lamps = ", ".join(f"{lamp} {verdict}" for lamp, verdict in judgement.lamps.items())
    yield f"{judgement.verdict.upper()}  ({lamps}; tier {judgement.tier}, policy {judgement.policy_name})"
    for original in judgement.originals:
        yield f"  {original.finding}: {original.verdict}, {original.presence}"
    yield from _text_of_new(judgement)
    for lamp, question in _QUESTIONS.items():
        rows = list(_rows(judgement, lamp))
        yield ""
        yield f"{question} {judgement.lamps[lamp]}"
        for row in rows:
            yield from _text_of_row(row)


def _text_of_new(judgement: Judgement) -> Iterator[str]:
    for new in judgement.new[:MOST_ROWS]:
        count = "counts" if new["blocks"] else "does not count"
        place = f"{new['path']}:{new['line'] or ''}".rstrip(":")
        yield f"  new: {new['rule']} at {place} ({new['level']}), {count}: {new['reason']}"
    if len(judgement.new) > MOST_ROWS:
        yield f"  … and {len(judgement.new) - MOST_ROWS} more new results"


def _text_of_row(row: CheckRow) -> Iterator[str]:
    about = f" [{row.finding}]" if row.finding else ""
    aside = "" if row.required else " (not required)"
    yield f"  {row.answer.outcome:<14} {row.check.id}{about}{aside}: {row.answer.reason}"
    if row.answer.remedy and row.required:
        yield f"  {'':<14} to pass: {row.answer.remedy}"


def _rows(judgement: Judgement, lamp: Lamp) -> Iterable[CheckRow]:
    """The rows of a lamp: what stands in the way first, then in the order of the checks."""
    rows = [row for row in judgement.checks if row.check.lamp is lamp]
    return sorted(rows, key=lambda row: (not row.required, -GRAVITY[row.answer.outcome]))


def to_markdown(judgement: Judgement) -> str:
    """For a comment on a pull request."""
    return "\n".join(_markdown(judgement)) + "\n"


def _markdown(judgement: Judgement) -> Iterator[str]:
    yield f"## {_SIGNS[judgement.verdict]} Fix verification: {judgement.verdict}"
    yield ""
    lamps = [
        f"**{q}** {_SIGNS[judgement.lamps[x]]} {judgement.lamps[x]}" for x, q in _QUESTIONS.items()
    ]
    yield " · ".join([*lamps, f"tier {judgement.tier}", f"policy {_md(judgement.policy_name)}"])
    yield from _markdown_of_findings(judgement)
    yield from _markdown_of_checks(judgement)


def _markdown_of_findings(judgement: Judgement) -> Iterator[str]:
    if judgement.originals:
        yield from ("", "| Finding | Verdict | Now | Why |", "| --- | --- | --- | --- |")
    for original in judgement.originals:
        verdict = f"{_SIGNS[original.verdict]} {original.verdict}"
        cells = (_md(original.finding), verdict, original.presence, _md(original.reason))
        yield f"| {' | '.join(cells)} |"
    if judgement.new:
        yield from ("", "| New result | Level | Counts | Why |", "| --- | --- | --- | --- |")
    for new in judgement.new[:MOST_ROWS]:
        place = f"{new['rule']} at {new['path']}:{new['line'] or ''}".rstrip(":")
        counts = "**yes**" if new["blocks"] else "no"
        yield f"| {_md(place)} | {new['level']} | {counts} | {_md(new['reason'])} |"
    if len(judgement.new) > MOST_ROWS:
        yield f"\n… and {len(judgement.new) - MOST_ROWS} more new results."


def _markdown_of_checks(judgement: Judgement) -> Iterator[str]:
    rows = [row for lamp in Lamp for row in _rows(judgement, lamp) if row.required]
    green = (Outcome.PASS, Outcome.NOT_APPLICABLE)
    for row in rows:
        if row.answer.outcome not in green:
            about = f" ({_md(row.finding)})" if row.finding else ""
            yield f"\n{_OUTCOME_SIGNS[row.answer.outcome]} **{row.check.id}**{about}: {_md(row.answer.reason)}"
            if row.answer.remedy:
                yield f"  \n→ {_md(row.answer.remedy)}"
    passing = [row for row in rows if row.answer.outcome in green]
    yield f"\n<details><summary>{len(passing)} checks are green</summary>\n"
    for row in passing:
        yield f"- {_OUTCOME_SIGNS[row.answer.outcome]} **{row.check.id}**: {_md(row.answer.reason)}"
    yield "\n</details>"


def _md(text: str) -> str:
    """Text that Markdown shows as it is: no markup, no link, no mention of anybody."""
    return _LINKS.sub(lambda match: f"&#{ord(match[0][0])};{match[0][1:]}", _escaped(text))


def _escaped(text: str) -> str:
    return visible(text).translate(_SPECIAL)
