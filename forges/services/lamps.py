"""What a pull request is told of its fix: two lamps and one comment, from rows that were read. Pure.

Texts of reports and people are shown as they are and have no effect: gate/markdown.py. They never
begin a line, so that a code host takes none for a command.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from core.text import clean_text
from findings.models import Finding
from forges.hosts.records import Annotation, Lamp
from forges.statuses import Mode
from gate.markdown import as_code, as_text
from gate.strict import visible
from remediations.models import Remediation
from remediations.statuses import RemediationState
from scans.models import Verification
from scans.owners import SCANS, owner_of
from scans.services.verification import UNANSWERED

NAMES = {"safe": "CTEM: Safe?", "right": "CTEM: Right?"}
QUESTIONS = {"safe": "Safe?", "right": "Right?"}
SO_FAR = "nothing new"  # of an open change, whose reports show changed lines alone
SIGNS = {"pass": "✅", "fail": "❌", "unknown": "❔", "waiting": "⏳", SO_FAR: "✅"}
GRAVEST = ("fail", "unknown", "waiting", SO_FAR, "pass")
NO_SCAN = "SCAN_LINKED"
IN_THE_WAY = ("FAIL", "UNKNOWN")
FIRST = (NO_SCAN, "ORIGINAL_ABSENT", "NOTHING_NEW")
MOST_ANNOTATIONS = 50
MOST_ROWS = 50  # findings and checks that one text lists
MAX_REASON = 500  # characters of one reason
MAX_TITLE = 200
MAX_TEXT = 60_000  # bytes of one summary or comment; GitHub takes 65,535
LATER = "The queue's own commit is scanned after the merge."
NOTHING_LINKED = "No finding is linked to this pull request: there is nothing to prove."


@dataclass(frozen=True, slots=True)
class Judged:
    """A finding of the fix, its judgement at the shown revision, and its certificate's address here."""

    finding: Finding
    verification: Verification | None = None
    certificate: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a fix stands at one revision. ``site``: where people find us, or empty."""

    fix: Remediation
    head: str
    mode: Mode
    is_open: bool  # the pull request may still change
    judged: Sequence[Judged]
    site: str = ""
    questions: Sequence[str] = ()  # that the policy asks every reviewer at these tiers


@dataclass(frozen=True, slots=True)
class Open:
    """A required check in the way; ``findings``: of which, where not of all."""

    id: str
    lamp: str
    outcome: str
    reason: str
    to_pass: str
    findings: tuple[str, ...] = ()


# --- reading judgements --------------------------------------------------------------------------
def open_checks(standing: Standing) -> list[Open]:
    """The required checks in the way, failures first; what several findings share stands once."""
    rows: dict[tuple[str, str, str], Open] = {}
    judged = [one for one in standing.judged if one.verification is not None]
    for one in judged:
        for check in _in_the_way(one.verification):
            if check["id"] == "SCAN_SCOPE" and outcome_of(standing, one, "safe") == SO_FAR:
                continue  # it is answered after the merge, by nobody's doing
            key = (check["id"], check["outcome"], check["reason"])
            row = rows.get(key) or Open(
                check["id"],
                check["lamp"],
                check["outcome"],
                check["reason"],
                check["to_pass"] or "",
            )
            rows[key] = replace(row, findings=(*row.findings, str(one.finding)))
    of_all = [
        replace(row, findings=()) if len(row.findings) == len(judged) else row
        for row in rows.values()
    ]
    return sorted(of_all, key=_weight)


def _weight(row: Open) -> tuple[int, int]:
    """Failures first, and of them what the fix itself has to say before how it was scanned."""
    first = FIRST.index(row.id) if row.id in FIRST else len(FIRST)
    return IN_THE_WAY.index(row.outcome), first


def _in_the_way(verification: Verification | None) -> list[Mapping[str, Any]]:
    checks = verification.judgement.get("checks", ()) if verification is not None else ()
    return [c for c in checks if c["required"] and c["outcome"] in IN_THE_WAY]


def outcome(standing: Standing, lamp: str) -> str:
    """pass, fail, unknown, waiting or SO_FAR: the gravest over the findings."""
    each = [outcome_of(standing, one, lamp) for one in standing.judged]
    return next((word for word in GRAVEST if word in each), "waiting")


def outcome_of(standing: Standing, one: Judged, lamp: str) -> str:
    """The lamp of one finding. What no scan has answered yet waits, and has not failed.

    Reports of a request answer what is new; whether the original is gone, the scan after the merge.
    """
    if one.verification is None:
        return "waiting" if standing.is_open else "unknown"
    if lamp == "right":
        return one.verification.right
    ids = {check["id"] for check in _in_the_way(one.verification) if check["lamp"] == "safe"}
    if standing.is_open and ids == {"SCAN_SCOPE"}:
        return SO_FAR
    if NO_SCAN in ids if standing.is_open else ids and ids <= UNANSWERED:
        return "waiting"
    return one.verification.safe


# --- lamps ---------------------------------------------------------------------------------------
def lamp(standing: Standing, name: str) -> Lamp:
    """One lamp (safe, right) for the head of a pull request."""
    told = outcome(standing, name)
    rows = [row for row in open_checks(standing) if row.lamp == name]
    return Lamp(
        name=NAMES[name],
        commit=standing.head,
        outcome="pass" if told == SO_FAR else told,
        blocks=standing.mode == Mode.BLOCK,
        title=_title(told, rows),
        summary=_cut(_summary(standing, name, rows)),
        url=address(standing, standing.fix.get_absolute_url()) or standing.fix.url,
        annotations=tuple(annotations(standing)) if name == "safe" else (),
    )


def neutral_lamp(name: str, commit: str, url: str) -> Lamp:
    """The lamp of a pull request that is no fix: it stops nobody, and calls nothing safe."""
    text = "A finding is named by its number, as in `Fixes CTEM-17`, or by the host's own alert."
    return Lamp(NAMES[name], commit, "unknown", False, NOTHING_LINKED, text, url)


def of_a_group(shown: Lamp, commit: str) -> Lamp:
    """The same lamp on the commit that a merge queue made; a queue does not wait for a scan of ours."""
    told = "unknown" if shown.outcome == "waiting" else shown.outcome
    return replace(
        shown, commit=commit, outcome=told, title=f"{shown.title} {LATER}", annotations=()
    )


def _title(told: str, rows: Sequence[Open]) -> str:
    if told == "pass":
        return "Yes. Every required check passes."
    if told == SO_FAR:
        return "Nothing new. Whether the original is gone, the full scan after the merge tells."
    if told == "waiting":
        return "Waiting for a scan of this revision."
    if not rows:
        return "Not known: nothing has been judged at this revision."
    more = f" {len(rows) - 1} more open." if len(rows) > 1 else ""
    return clean_text(visible(rows[0].reason), MAX_TITLE) + more


def _summary(standing: Standing, name: str, rows: Sequence[Open]) -> Iterator[str]:
    yield f"| Finding | {QUESTIONS[name]} | Why |"
    yield "| --- | --- | --- |"
    for one in standing.judged[:MOST_ROWS]:
        yield f"| {_named(standing, one)} | {_sign(outcome_of(standing, one, name))} | {_why(one, name)} |"
    yield from _more(len(standing.judged), "finding")
    if rows:
        yield "\n### What stands in the way\n"
        yield from (_bullet(row) for row in rows[:MOST_ROWS])
        yield from _more(len(rows), "check")
    link = address(standing, standing.fix.get_absolute_url())
    if link:
        yield f"\n[{standing.fix} in CTEM]({link})"


def _why(one: Judged, name: str) -> str:
    if one.verification is None:
        return "nothing has been judged at this revision"
    if name == "safe":
        given = [o for o in one.verification.judgement.get("originals", ()) if o["reason"]]
    else:
        given = [c for c in _in_the_way(one.verification) if c["lamp"] == name]
    return _text(given[0]["reason"]) if given else "every required check passes"


def annotations(standing: Standing) -> Iterator[Annotation]:
    """Remarks on lines: what is still there and what came in, each place once, at most 50."""
    level = "failure" if standing.mode == Mode.BLOCK else "warning"
    places: dict[tuple[str, int, str], Annotation] = {}
    for one in standing.judged:
        judgement = one.verification.judgement if one.verification is not None else {}
        for original in judgement.get("originals", ()):
            if original["presence"] == "present" and original["at"]:
                _place(
                    places, original["at"], level, f"Still there: {one.finding}", original["reason"]
                )
        for new in judgement.get("new", ()):
            if new["blocks"]:
                _place(places, new, level, f"New: {new['rule']}", new["reason"])
    yield from list(places.values())[:MOST_ANNOTATIONS]


def _place(
    places: dict[tuple[str, int, str], Annotation],
    at: Mapping[str, Any],
    level: str,
    title: str,
    text: str,
) -> None:
    path, line = str(at["path"]), at["line"] or 1
    if path and path.isprintable() and not path.startswith(("/", "..")):
        remark = Annotation(
            path,
            line,
            level,
            clean_text(visible(title), MAX_TITLE),
            clean_text(visible(text), 2_000),
        )
        places.setdefault((path, line, remark.title), remark)


# --- the comment ---------------------------------------------------------------------------------
def comment(standing: Standing) -> str:
    """The one comment of a pull request, in Markdown."""
    return _cut(_comment(standing))


def _comment(standing: Standing) -> Iterator[str]:
    rows = open_checks(standing)
    yield "### CTEM: closed means proven"
    for name, question in QUESTIONS.items():
        told = outcome(standing, name)
        title = _title(told, [row for row in rows if row.lamp == name])
        yield f"\n**{question}** {_sign(told)} · {as_text(title)}"
    yield "\n| Finding | Safe? | Right? | Stands at |"
    yield "| --- | --- | --- | --- |"
    for one in standing.judged[:MOST_ROWS]:
        lamps = (_sign(outcome_of(standing, one, name)) for name in QUESTIONS)
        cells = (_named(standing, one), *lamps, _stands(standing, one))
        yield f"| {' | '.join(cells)} |"
    yield from _more(len(standing.judged), "finding")
    yield from _missing(standing, rows)
    yield f"\n<sub>{' · '.join(_foot(standing))}</sub>"


def _stands(standing: Standing, one: Judged) -> str:
    if not one.certificate:
        return as_text(one.finding.status.replace("_", " "))
    link = address(standing, one.certificate)
    return f"closed, with [certificate]({link})" if link else "closed, with certificate"


def _missing(standing: Standing, rows: Sequence[Open]) -> Iterator[str]:
    if standing.fix.state == RemediationState.WITHDRAWN:
        yield "\nThe fix was withdrawn: it proves nothing."
        return
    if all(one.certificate for one in standing.judged):
        return
    if not rows:
        yield f"\n**Next:** {_next(standing)}"
        return
    yield "\n**What is missing, and by whom**\n"
    for row in rows[:MOST_ROWS]:
        yield _bullet(row, by=f", by {owner_of(row.id, row.outcome)}")
        if row.id == "HUMAN_REVIEW" and standing.questions:
            asked = ", ".join(as_code(f"{question}: …") for question in standing.questions)
            yield f"  Reviewers answer in the text of their review, a line each: {asked}"
    yield from _more(len(rows), "check")


def _next(standing: Standing) -> str:
    if any(one.verification is None for one in standing.judged):
        return f"a scan of this revision, by {SCANS}."
    if standing.is_open:
        return "merge it. It closes by itself once what merged is proven too."
    return f"a scan of what was merged, by {SCANS}."


def _foot(standing: Standing) -> Iterator[str]:
    link = address(standing, standing.fix.get_absolute_url())
    yield f"[{standing.fix}]({link})" if link else str(standing.fix)
    yield f"revision {as_code(standing.head[:12])}"
    if standing.mode != Mode.BLOCK:
        yield "this stops nobody from merging"


# --- small words ---------------------------------------------------------------------------------
def address(standing: Standing, path: str) -> str:
    """Where people find a page of ours; empty where the server was not told its own address."""
    return f"{standing.site}{path}" if standing.site else ""


def _named(standing: Standing, one: Judged) -> str:
    link = address(standing, one.finding.get_absolute_url())
    name = f"[{one.finding}]({link})" if link else str(one.finding)
    return f"{name} {as_text(clean_text(one.finding.title, 100))}"


def _sign(told: str) -> str:
    return f"{SIGNS[told]} {told}"


def _bullet(row: Open, by: str = "") -> str:
    sign = SIGNS["fail" if row.outcome == "FAIL" else "unknown"]
    about = f" ({', '.join(row.findings[:10])})" if row.findings else ""
    text = f"- {sign} **{row.id}**{about}{by}: {_text(row.reason)}"
    return f"{text}<br>**To pass:** {_text(row.to_pass)}" if row.to_pass else text


def _text(text: str) -> str:
    return as_text(clean_text(text, MAX_REASON))


def _more(count: int, noun: str) -> Iterator[str]:
    if count > MOST_ROWS:
        yield f"\n… and {count - MOST_ROWS} more {noun}s."


def _cut(lines: Iterable[str]) -> str:
    """Whole lines only: half of an escape would be no escape."""
    text = "\n".join(lines)
    whole = text.encode()
    if len(whole) <= MAX_TEXT:
        return text + "\n"
    kept = whole[:MAX_TEXT].rpartition(b"\n")[0].decode()
    return kept + "\n\n… and more than a code host takes.\n"
