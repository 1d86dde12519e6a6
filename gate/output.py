"""A judgement for people and machines: text, JSON, Markdown. SARIF is in ``sarif_output``.

Text from reports is not to be trusted: it stands on one line, without control characters, and in
Markdown without any effect.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any

from gate import __version__
from gate.checks.check import GRAVITY, Lamp, Outcome
from gate.judgement import CheckRow, Judgement
from gate.markdown import as_code, as_text
from gate.strict import visible

_QUESTIONS = {Lamp.SAFE: "Safe?", Lamp.RIGHT: "Right?", Lamp.AFTER: "Still so?"}
_SIGNS = {"pass": "✅", "fail": "❌", "unknown": "❔"}
_OUTCOME_SIGNS = {
    Outcome.PASS: "✅",
    Outcome.NOT_APPLICABLE: "⚪",
    Outcome.WAIVED: "⚠️",
    Outcome.UNKNOWN: "❔",
    Outcome.FAIL: "❌",
}
_GREEN = (Outcome.PASS, Outcome.NOT_APPLICABLE)
_DONE = {*_GREEN, Outcome.WAIVED}
GONE, THERE = "gone", "still there"
SHOWN = 10  # new results that Markdown does not fold away
PIECE = 100_000  # signs and texts of JSON that are written at once
MOST_ROWS = 100  # of one list, in Markdown and text; JSON lists all


def to_json(judgement: Judgement) -> str:
    """The JSON contract, indented."""
    return "".join(in_json(judgement))


def in_json(judgement: Judgement) -> Iterator[str]:
    """The same in pieces, so that very many new results are never held as one text."""
    encoder = json.JSONEncoder(indent=2, ensure_ascii=False)
    signs = encoder.iterencode(judgement.to_dict())
    while piece := "".join(islice(signs, PIECE)):
        yield piece
    yield "\n"


def to_text(judgement: Judgement) -> str:
    """For a terminal or a pipeline's log."""
    return "\n".join(visible(line) for line in _text(judgement)) + "\n"


def _text(judgement: Judgement) -> Iterator[str]:
    lamps = ", ".join(f"{lamp} {verdict}" for lamp, verdict in judgement.lamps.items())
    yield f"{judgement.verdict.upper()}  ({lamps}; tier {judgement.tier}, policy {judgement.policy_name})"
    for original in judgement.originals:
        yield f"  {original.finding}: {original.verdict}, {original.presence}"
    yield from _text_of_new(judgement)
    for lamp, question in _asked(judgement):
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


def _asked(judgement: Judgement) -> list[tuple[Lamp, str]]:
    """The lamps with their questions; what later scans say only where there are any."""
    return [(lamp, asked) for lamp, asked in _QUESTIONS.items() if lamp in judgement.lamps]


def _is_asked(judgement: Judgement, lamp: Lamp) -> bool:
    """Whether the verdict counts this lamp."""
    return lamp is Lamp.AFTER or judgement.lamp in (lamp, "both")


def _rows(judgement: Judgement, lamp: Lamp) -> Iterable[CheckRow]:
    """The rows of a lamp: what stands in the way first, then in the order of the checks."""
    rows = [row for row in judgement.checks if row.check.lamp is lamp]
    return sorted(rows, key=lambda row: (not row.required, -GRAVITY[row.answer.outcome]))


def to_markdown(judgement: Judgement) -> str:
    """For a comment on a pull request: what is the case and what to do; the rest is folded away."""
    return "\n".join(_markdown(judgement)) + "\n"


def _markdown(judgement: Judgement) -> Iterator[str]:
    rows = [row for lamp in Lamp for row in _rows(judgement, lamp) if row.required]
    asked = [row for row in rows if _is_asked(judgement, row.check.lamp)]
    later = _open(row for row in rows if row not in asked)
    bullet = partial(_bullet, named=len(judgement.originals) > 1)
    yield f"## {_SIGNS[judgement.verdict]} Fix verification: {judgement.verdict}"
    yield f"\n{' · '.join(_markdown_of_lamps(judgement))}"
    yield f"\n**{' '.join(_headline(judgement))}**"
    yield from _list("What stands in the way", map(bullet, _open(asked)))
    waived = [row for row in asked if row.answer.outcome is Outcome.WAIVED]
    yield from _list("Waived", map(bullet, waived))
    yield from _markdown_of_new(judgement)
    yield from _markdown_of_findings(judgement)
    if later:
        yield from _folded(f"{_count(later, 'check')} to be answered later", map(bullet, later))
    green = [row for row in rows if row.answer.outcome in _GREEN]
    yield from _folded(f"{_count(green, 'check')} passed", map(bullet, green))
    digest = judgement.policy_digest.removeprefix("sha256:")[:12]
    policy = f"policy {as_text(judgement.policy_name)} (`{digest}`)"
    yield f"\n<sub>tier {judgement.tier} · {policy} · gate {__version__}</sub>"


def _markdown_of_lamps(judgement: Judgement) -> Iterator[str]:
    for lamp, question in _asked(judgement):
        verdict = judgement.lamps[lamp]
        later = not _is_asked(judgement, lamp) and verdict != "pass"
        yield f"**{question}** {_SIGNS[verdict]} {verdict}{' (not asked here)' if later else ''}"


def _headline(judgement: Judgement) -> Iterator[str]:
    """Whether the originals are gone and anything came in, in a sentence each."""
    answers = [_presence(judgement, original.finding) for original in judgement.originals]
    if len(answers) == 1:
        yield f"The finding is {answers[0]}."
    elif answers:
        yield f"{answers.count(GONE)} of {len(answers)} findings are gone."
    new = [row for row in judgement.checks if row.check.id == "NOTHING_NEW"]
    yield from map(_headline_of_new, new[:1])


def _headline_of_new(row: CheckRow) -> str:
    if row.answer.outcome is Outcome.FAIL:
        return "The fix brings in something new that counts against it."
    if row.answer.outcome in _DONE:
        return "Nothing new that counts is reported."
    return "Whether the fix brings in anything new is not known."


def _presence(judgement: Judgement, finding: str) -> str:
    """Gone is said only where every check under it holds: who silences a scanner is not done."""
    rows = [
        row
        for row in judgement.checks
        if row.required and row.check.lamp is Lamp.SAFE and row.finding in (None, finding)
    ]
    outcomes = {row.check.id: row.answer.outcome for row in rows}
    if outcomes.get("ORIGINAL_ABSENT") is Outcome.FAIL:
        return THERE
    if outcomes.get("ORIGINAL_ABSENT") not in _DONE:
        return "perhaps still there"
    others = [row for row in rows if row.check.id != "NOTHING_NEW"]
    return "no longer reported, but not shown to be fixed" if _open(others) else GONE


def _markdown_of_findings(judgement: Judgement) -> Iterator[str]:
    if judgement.originals:
        yield "\n### What the fix is about"
        yield from ("", "| Finding | Now | Why |", "| --- | --- | --- |")
    for original in judgement.originals[:MOST_ROWS]:
        now = _presence(judgement, original.finding)
        sign = _SIGNS[{GONE: "pass", THERE: "fail"}.get(now, "unknown")]
        cells = (as_code(original.finding), f"{sign} {now}", as_text(original.reason))
        yield f"| {' | '.join(cells)} |"
    if len(judgement.originals) > MOST_ROWS:
        yield f"\n… and {len(judgement.originals) - MOST_ROWS} more findings."


def _markdown_of_new(judgement: Judgement) -> Iterator[str]:
    counting = [new for new in judgement.new if new["blocks"]]
    others = [new for new in judgement.new if not new["blocks"]]
    if counting:
        yield f"\n### {_count(counting, 'new result')} to remove"
        yield from _table(counting[:SHOWN])
        if len(counting) > SHOWN:
            yield from _folded(f"{len(counting) - SHOWN} more to remove", _table(counting[SHOWN:]))
    if others:
        title = f"{_count(others, 'new result')} below the threshold or not of the fix"
        yield from _folded(title, _table(others))


def _table(results: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield from ("", "| Where | Rule | Level | Why it is new |", "| --- | --- | --- | --- |")
    for new in results[:MOST_ROWS]:
        place = f"{new['path'] or '(no file)'}:{new['line'] or ''}".rstrip(":")
        cells = (
            as_code(place),
            as_code(new["rule"]),
            as_text(new["level"]),
            as_text(new["reason"]),
        )
        yield f"| {' | '.join(cells)} |"
    if len(results) > MOST_ROWS:
        yield f"\n… and {len(results) - MOST_ROWS} more."


def _list(title: str, bullets: Iterable[str]) -> Iterator[str]:
    lines = list(bullets)
    if lines:
        yield f"\n### {title}\n"
        yield from lines[:MOST_ROWS]
    if len(lines) > MOST_ROWS:
        yield f"- … and {len(lines) - MOST_ROWS} more"


def _bullet(row: CheckRow, *, named: bool) -> str:
    about = f" {as_code(row.finding)}:" if row.finding and named else ":"
    sign, answer = _OUTCOME_SIGNS[row.answer.outcome], row.answer
    text = f"- {sign} **{row.check.id}**{about} {as_text(answer.reason)}"
    if answer.remedy and answer.outcome not in _DONE:
        text += f"<br>**To pass:** {as_text(answer.remedy)}"
    return text


def _folded(title: str, lines: Iterable[str]) -> Iterator[str]:
    yield f"\n<details><summary>{title}</summary>\n"
    yield from lines
    yield "\n</details>"


def _open(rows: Iterable[CheckRow]) -> list[CheckRow]:
    return [row for row in rows if row.answer.outcome not in _DONE]


def _count(items: Sequence[Any], noun: str) -> str:
    return f"{len(items)} {noun}{'' if len(items) == 1 else 's'}"
