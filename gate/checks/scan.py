"""Is there a scan after the fix, is it usable, did it succeed, is it recent and whole?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

from gate.binding import BOUND
from gate.case import After, Case
from gate.catalogue import load
from gate.changes import both_paths
from gate.checks.check import (
    About,
    Answer,
    check,
    counted,
    failed,
    passed,
    plain,
    unknown,
    worst,
)
from gate.checks.notices import as_told, earlier, falls_short, names
from gate.evidence import Role, Scan, Source
from gate.legs import PLACELESS, Leg
from gate.moments import SKEW
from gate.records import Level
from gate.strict import moment
from gate.terms import Terms

# Departures from the format that no answer of the gate rests on; any other is UNKNOWN.
_HARMLESS = re.compile(
    r"was shortened|U\+FFFD|not used|not a SHA-256|refers to nothing|refers to no artifact"
    r"|ruleId is used|not below a known root|missing \(3\.27\.11\)|is out of range"
)


@check("WELL_FORMED", about=About.SCANS, version=2)
def well_formed(case: Case, terms: Terms) -> Answer:
    """Is each file valid in its format, within limits? (What cannot be read at all is an error.)"""
    parts = [_form_of(scan) for scan in case.evidence.role(Role.AFTER)]
    parts += [part for after in case.afters for part in _unplaced(after.leg)]
    parts += [part for after in case.afters for part in _displaced(case, after.leg)]
    return worst(parts, _no_scan())


def _form_of(scan: Scan) -> Answer:
    name = scan.report.name
    grave = [problem for problem in scan.report.problems if not _HARMLESS.search(problem)]
    if grave:
        return unknown(
            f"{name} departs from {scan.report.format} where it matters: {plain(grave[0])}.",
            f"{name}#{grave[0].partition(':')[0]}",
            remedy=f"Write the report with a version of the tool that follows {scan.report.format}.",
        )
    harmless = len(scan.report.problems)
    said = f", but for {counted(harmless, 'departure')} of no consequence" if harmless else ""
    return passed(f"{name} is valid {scan.report.format} within all limits{said}.")


def _unplaced(leg: Leg) -> Iterator[Answer]:
    """Results that lie nowhere below the root, of a tool that looks at files."""
    lost = [r for r in leg.run.results if r.location.path is None and _is_outside(r.location.uri)]
    if not lost or leg.tool_class in PLACELESS:
        return
    yield unknown(
        f"{counted(len(lost), 'result')} of {leg.label} lie at {plain(lost[0].location.uri, 80)} or the "
        "like, which is not below the repository root.",
        *(leg.ref(result.pointer) for result in lost[:3]),
        remedy="Run the scanner at the repository root with relative paths, or let it write "
        "originalUriBaseIds.",
    )


def _is_outside(uri: str) -> bool:
    """Whether an address without a path is one outside the root, not the root itself or nothing."""
    return bool(uri.strip().strip("/.")) or uri.strip().startswith(("/", ".."))


def _displaced(case: Case, leg: Leg) -> Iterator[Answer]:
    """Results that all lie in files of the diff, if one folder is put before their paths."""
    paths = {result.location.path for result in leg.run.results if result.location.path}
    known = set(dict(leg.facts.blobs)) if case.diff else set()
    known.update(
        path for file in (case.diff.files if case.diff else ()) for path in both_paths(file)
    )
    if not paths or not paths.isdisjoint(known):
        return
    first = min(paths)
    prefixes = {path.removesuffix(first) for path in known if path.endswith(f"/{first}")}
    fits = [prefix for prefix in sorted(prefixes) if all(prefix + path in known for path in paths)]
    if len(fits) == 1:
        yield unknown(
            f"The paths of {leg.label} seem to count from {fits[0].rstrip('/')}, those of the diff from the "
            "repository root.",
            leg.ref(),
            remedy="Run the scanner at the repository root, or let the report name its root.",
        )


@check("SCAN_LINKED", about=About.SCANS, can_be_waived=False)
def scan_linked(case: Case, terms: Terms) -> Answer:
    """Is there a post-fix scan for this remediation?"""
    names = [scan.report.name for scan in case.evidence.role(Role.AFTER)]
    if not case.afters:
        reason = (
            f"{names[0]} holds no run of a tool." if names else "No scan after the fix is given."
        )
        return failed(reason, *names, remedy="Scan the fixed code and give the report as --after.")
    if not case.at.goal.known:
        return unknown(
            f"{names[0]} is given as the scan after the fix, but which revision the fix is was not "
            "said.",
            remedy="Say the fix's head_commit and head_tree in the facts.",
        )
    tools = ", ".join(dict.fromkeys(after.leg.label for after in case.afters))
    refs = [after.leg.ref() for after in case.afters]
    return passed(f"{tools} scanned after the fix ({case.at.goal.label}).", *refs)


@check("SCAN_FRESH", about=About.SCANS, version=2)
def scan_fresh(case: Case, terms: Terms) -> Answer:
    """After the last push, and within the policy's age?"""
    now = moment(case.evidence.at)
    if now is None:
        return unknown("The time of judging was not said.", remedy='Say "at" in the facts.')
    parts = [_freshness(case, after, now, terms.scan_max_age_days) for after in case.afters]
    return worst(parts, _no_scan())


def _freshness(case: Case, after: After, now: datetime, days: int) -> Answer:
    leg = after.leg
    ended = moment(leg.finished_at or leg.started_at)
    began = moment(leg.started_at) or ended
    rescan = "Scan the fix's content again."
    if ended is None or began is None:
        remedy = "Say started_at and finished_at of the scan."
        return unknown(f"{leg.lacking('The time')}.", leg.ref(), remedy=remedy)
    if max(began, ended) - now > SKEW:
        return failed(
            f"{leg.label} ran {max(began, ended):%Y-%m-%d %H:%M}Z, which is in the future.",
            leg.ref(),
            remedy="Correct the clock of the scanning machine, scan again.",
        )
    age = (now - ended).days
    if age >= days and now - ended != timedelta(days=days):
        return failed(
            f"{leg.label} is {age} days old, the policy allows {days}.", leg.ref(), remedy=rescan
        )
    return _after_push(case, after, began, rescan)


def _after_push(case: Case, after: After, began: datetime, rescan: str) -> Answer:
    """A scan of the very content cannot miss a push; of other content, time has to tell."""
    leg = after.leg
    pushed = moment(case.evidence.fix.pushed_at)
    if after.to_goal in BOUND or after.to_head in BOUND:
        return passed(f"{leg.label} of {began:%Y-%m-%d %H:%M}Z is of the last pushed content.")
    if pushed is None:
        return unknown(
            f"Whether {leg.label} is later than the last push is not known.",
            leg.ref(),
            remedy="Say pushed_at of the fix, or scan its head commit.",
        )
    if began < pushed:
        return failed(
            f"{leg.label} began before the last push ({pushed:%Y-%m-%d %H:%M}Z).",
            leg.ref(),
            remedy=rescan,
        )
    return passed(f"{leg.label} began after the last push.")


@check("EXECUTION_OK", about=About.SCANS, version=2, can_be_waived=False)
def execution_ok(case: Case, terms: Terms) -> Answer:
    """Did each tool succeed: flag, exit status, results there, no error that matters?"""
    empty = [s.report.name for s in case.evidence.role(Role.AFTER) if not s.report.runs]
    parts = [
        failed(f"{name} holds no run: nothing was scanned.", name, remedy=_RERUN) for name in empty
    ]
    for after in case.afters:
        parts += [ended(after.leg), *_errors(case, after), *_short(case, after)]
        parts += [*_mistimed(case, after.leg), *_warned(after.leg)]
    return worst(parts, _no_scan())


_RERUN = "Repair the cause and scan again."


def ended(leg: Leg) -> Answer:
    """What flag, exit status and the presence of results say about one run."""
    run = leg.run
    if not run.results_present:
        return failed(
            f"{leg.label} has no list of results: the analysis did not begin.",
            leg.ref(),
            remedy=_RERUN,
        )
    if run.failure:
        return failed(
            f"{leg.label} says that it broke off: {plain(run.failure)}.", leg.ref(), remedy=_RERUN
        )
    if run.execution_successful is False:
        return failed(f"{leg.label} says that it did not succeed.", leg.ref(), remedy=_RERUN)
    codes = [code for code in (leg.facts.exit_code, run.exit_code) if code is not None]
    for code in codes:
        meaning = _succeeded(leg, code)
        if meaning is False:
            return failed(
                f"{leg.label} ended with exit status {code}, which is a failure.",
                leg.ref(),
                remedy=_RERUN,
            )
        if meaning is None:
            return unknown(
                f"What exit status {code} of {leg.label} means is not known.",
                leg.ref(),
                remedy="Let the scanner end with 0 when it succeeds.",
            )
    if run.execution_successful is None and not codes:
        return unknown(
            f"{leg.lacking('The success')}; it names no invocation.",
            leg.ref(),
            remedy="Say exit_code of the scan in the facts.",
        )
    how = f" with exit status {codes[0]}" if codes else ""
    return passed(f"{leg.label} succeeded{how} and has no error that matters.", leg.ref())


def _succeeded(leg: Leg, code: int) -> bool | None:
    """Whether an exit status means success: by the tool's row, else only 0 is clear."""
    if leg.row and leg.row.success:
        return code in leg.row.success
    return True if code == 0 else None


def _warned(leg: Leg) -> Iterator[Answer]:
    """What whoever keeps the report took only with a warning, such as results that it left out."""
    if leg.facts.warning:
        yield unknown(
            f"{leg.label} may not be whole; who keeps it warns: {plain(leg.facts.warning)}.",
            leg.ref(),
            remedy="Repair what the warning names and scan again.",
        )


def _mistimed(case: Case, leg: Leg) -> Iterator[Answer]:
    """Times of a run that cannot be: what contradicts itself is no record of what happened."""
    began, ended = moment(leg.started_at), moment(leg.finished_at)
    now = moment(case.evidence.at)
    remedy = "Correct the clock of the scanning machine, or the facts, and scan again."
    if began and ended and began - ended > SKEW:
        yield failed(
            f"{leg.label} is said to have ended {ended:%Y-%m-%d %H:%M}Z, before it began "
            f"({began:%Y-%m-%d %H:%M}Z).",
            leg.ref(),
            remedy=remedy,
        )
    for at in (began, ended):
        if at and now and at - now > SKEW:
            yield unknown(
                f"{leg.label} is said to have run {at:%Y-%m-%d %H:%M}Z, which is in the future.",
                leg.ref(),
                remedy=remedy,
            )


def _errors(case: Case, after: After) -> Iterator[Answer]:
    """Errors the tool tells of: those that name a relevant file, no file, or that are new."""
    leg = after.leg
    before = earlier((*case.before, *case.control), leg.engine)
    for told in leg.run.notifications:
        if told.level is not Level.ERROR:
            continue
        named = next((path for path in case.relevant if names(told, path)), "")
        if named or not told.paths or as_told(told) not in before:
            about = f" about {named}" if named else ""
            yield failed(
                f"{leg.label} reports an error{about}: {plain(told.message)}.",
                leg.ref(told.pointer),
                remedy="Repair what the error says, so that the scan is complete, and scan again.",
            )


def _short(case: Case, after: After) -> Iterator[Answer]:
    """What an AI scanner says it could not get to."""
    leg = after.leg
    for told in leg.run.notifications:
        if falls_short(told, case.relevant):
            yield unknown(
                f"{leg.label} says that it did not get to everything ({told.id}): {plain(told.message)}.",
                leg.ref(told.pointer),
                remedy="Give the scanner what it lacked, and scan again.",
            )


@check("NOT_TRUNCATED", about=About.SCANS)
def not_truncated(case: Case, terms: Terms) -> Answer:
    """Are the result counts clear of known caps, and is it the raw file?"""
    legs = [after.leg for after in case.afters]
    warned = [answer for leg in legs for answer in _warned(leg)]
    return worst([*(_whole(leg) for leg in legs), *warned], _no_scan())


def _whole(leg: Leg) -> Answer:
    count = len(leg.run.results)
    for row in load("caps.json")["rows"]:
        kept = row.get("stored") and leg.scan.facts.source is Source.FETCHED
        if kept and count >= row["results"]:
            return failed(
                f"{leg.label} has {counted(count, 'result')}, fetched from where only "
                f"{row['results']} are kept.",
                leg.ref(),
                remedy="Give the raw file that the tool wrote.",
            )
        if count == row["results"]:
            return unknown(
                f"{leg.label} has exactly {count} results, a known limit ({row['where']}).",
                leg.ref(),
                remedy="Scan without the limit, or split the scan.",
            )
    return passed(f"{leg.label} has {counted(count, 'result')}, clear of known limits.", leg.ref())


def _no_scan() -> Answer:
    return unknown(
        "There is no scan after the fix to look at.",
        remedy="Scan the fixed code and give the report as --after.",
    )
