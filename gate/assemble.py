"""Documents and facts in, frozen evidence out: the one way to build what a judgement looks at."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from gate import formats
from gate import known as known_list
from gate.checks import CHECKS
from gate.diff import parse as parse_diff
from gate.errors import InputError
from gate.evidence import Commit, Document, Evidence, FixFacts, Original, Role, Scan, ScanFacts
from gate.facts import Facts
from gate.facts import read as read_facts
from gate.patches import NO_PATCH, patch_ids
from gate.provenance import raised, tell_origin
from gate.records import Result
from gate.roots import rooted
from gate.strict import normal_path

MAX_FINDINGS = 10_000


def assemble(
    *,
    after: Sequence[Document],
    before: Sequence[Document] = (),
    control: Sequence[Document] = (),
    later: Sequence[Document] = (),
    diff: Document | None = None,
    known: Document | None = None,
    findings: Sequence[str] = (),
    facts: Mapping[str, Any],
    facts_name: str = "facts",
) -> Evidence:
    """Read every document and join it with its facts.

    ``findings``: what is to be judged, as ``RULE@PATH:LINE`` or ``FILE#/runs/0/results/3`` of a
    before document. Raises InputError for documents, facts, waivers or references that cannot be
    used.
    """
    told = read_facts(facts, facts_name)
    _check_waivers(told, findings, facts_name)
    _check_findings(told, findings, facts_name)
    scans = (
        *_scans(Role.BEFORE, before, told.before, told, facts_name),
        *_scans(Role.AFTER, after, told.after, told, facts_name),
        *_scans(Role.CONTROL, control, told.control, told, facts_name),
        *_scans(Role.LATER, later, told.later, told, facts_name),
    )
    fix = parse_diff(diff.data, diff.name) if diff else None
    scans = rooted(scans, (*before, *after, *control, *later), told.fix, fix)
    return Evidence(
        scans=scans,
        fix=_with_origin(told.fix),
        at=told.at,
        diff=fix,
        originals=_originals(findings, scans),
        known=known_list.read(known) if known else (),
        reviews=told.reviews,
        waivers=told.waivers,
        dispositions=told.dispositions,
        revocations=told.revocations,
        releases=told.releases,
        proofs=told.proofs,
        standing_approvals=told.standing_approvals,
        surroundings=told.surroundings,
        diff_name=diff.name if diff else "diff",
        patches=told.patches,
        patch_ids=patch_ids(fix, diff.data) if diff and fix else NO_PATCH,
    )


def _scans(
    role: Role,
    documents: Sequence[Document],
    facts: tuple[ScanFacts, ...],
    told: Facts,
    facts_name: str,
) -> Iterator[Scan]:
    """The scans of one role. One object of facts stands for one scan, a list for that many."""
    if facts and len(facts) != len(documents) and (documents or role.value not in told.loose):
        what = f"facts of {len(facts)} scans, but {len(documents)} were given; write a list"
        raise InputError(f"{facts_name}: {role.value}", what)
    names = [document.name for document in documents]
    for name in set(names):
        if names.count(name) > 1:
            raise InputError(name, f"two {role.value} scans have this name")
    for index, document in enumerate(documents):
        report = formats.read(document.name, document.content)
        yield Scan(role, report, facts[index] if facts else ScanFacts())


def _check_waivers(told: Facts, findings: Sequence[str], facts_name: str) -> None:
    """Refuse waivers of what nobody can waive, of what does not exist, and of no finding here."""
    checks = {check.id: check for check in CHECKS}
    for index, waiver in enumerate(told.waivers):
        where = f"{facts_name}: waivers[{index}]"
        if waiver.check not in checks:
            raise InputError(f"{where}.check", f"there is no check called {waiver.check!r}")
        if not checks[waiver.check].can_be_waived:
            raise InputError(f"{where}.check", f"{waiver.check} can be waived by nobody")
        if waiver.finding is not None and waiver.finding not in findings:
            raise InputError(f"{where}.finding", f"{waiver.finding!r} is not judged here")


def _check_findings(told: Facts, findings: Sequence[str], facts_name: str) -> None:
    """Refuse revocations and proofs of findings that are not judged: a misspelt one is no fact."""
    named = [(f"revocations[{i}]", row.finding) for i, row in enumerate(told.revocations)]
    named += [(f"proofs[{i}]", row.finding) for i, row in enumerate(told.proofs)]
    for where, finding in named:
        if finding not in findings:
            raise InputError(f"{facts_name}: {where}.finding", f"{finding!r} is not judged here")


def _with_origin(fix: FixFacts) -> FixFacts:
    """The fix with the origin its commits tell; what was declared may raise it, never lower it."""
    mentions = (*fix.commits, Commit(author=fix.author)) if fix.author else fix.commits
    told = tell_origin(mentions, fix.branch)
    return replace(
        fix,
        origin=raised(fix.origin, told.origin),
        agent=fix.agent or told.agent,
        model=fix.model or told.model,
    )


def _originals(findings: Sequence[str], scans: Sequence[Scan]) -> tuple[Original, ...]:
    """The frozen results that the references name, in their order."""
    if len(findings) > MAX_FINDINGS:
        raise InputError("findings", f"{len(findings)}, more than the limit of {MAX_FINDINGS}")
    before = [scan for scan in scans if scan.role is Role.BEFORE]
    if findings and not before:
        raise InputError(f"finding {findings[0]}", "needs a before scan to be looked up in")
    originals: list[Original] = []
    for ref in dict.fromkeys(findings):
        hits = list(_by_pointer(ref, before)) or list(_by_place(ref, before))
        originals += _meant(ref, hits, before)
    if len(originals) > MAX_FINDINGS:
        raise InputError("findings", f"{len(originals)} results, more than {MAX_FINDINGS}")
    return tuple(originals)


def _meant(
    ref: str, hits: list[tuple[int, Result, str]], before: Sequence[Scan]
) -> Iterator[Original]:
    """What a reference means. Several scans may report the very same result; of several alike
    each is judged, the others by their own address, and the worst decides."""
    if not hits:
        raise InputError(f"finding {ref}", f"matches no result of the before scans{_lost(before)}")
    most: Counter[tuple[object, ...]] = Counter()
    here: Counter[tuple[object, ...]] = Counter()
    for scan, result, name in hits:
        key = result.tool, result.rule_key, result.location, result.message
        here[scan, *key] += 1
        if here[scan, *key] > most[key]:
            yield Original(name if most else ref, result, scan)
            most[key] += 1


def _lost(before: Sequence[Scan]) -> str:
    """That results lie outside any known root, where that may be why none was found."""
    lost = [r.location.uri for scan in before for r in _results(scan) if r.location.path is None]
    if not lost:
        return ""
    return f"; {len(lost)} of them lie at addresses below no known root, such as {lost[0][:120]}"


def _by_pointer(ref: str, before: Sequence[Scan]) -> Iterator[tuple[int, Result, str]]:
    """Results named as ``FILE#/runs/0/results/3``; FILE may leave out the folders."""
    name, sign, pointer = ref.rpartition("#")
    if not sign or not pointer.startswith("/"):
        return
    exact = [i for i, scan in enumerate(before) if scan.report.name == name]
    loose = [i for i, s in enumerate(before) if posixpath.basename(s.report.name) == name]
    for index in exact or loose:
        for result in _results(before[index]):
            if result.pointer == pointer:
                yield index, result, f"{before[index].report.name}#{pointer}"


def _by_place(ref: str, before: Sequence[Scan]) -> Iterator[tuple[int, Result, str]]:
    """Results named as ``RULE@PATH:LINE``, or ``RULE@PATH`` where a result has no line."""
    head, _, tail = ref.rpartition(":")
    line = int(tail) if head and tail.isascii() and tail.isdigit() and len(tail) < 10 else None
    wanted = set(_rules_and_paths(head if line is not None else ref))
    for index, scan in enumerate(before):
        for result in _results(scan):
            if result.location.line == line and not wanted.isdisjoint(_names(result)):
                yield index, result, f"{scan.report.name}#{result.pointer}"


def _rules_and_paths(text: str) -> Iterator[tuple[str, str]]:
    """Every way to cut ``RULE@PATH``: rules and paths may hold the sign themselves."""
    for at, char in enumerate(text):
        path = normal_path(text[at + 1 :]) if char == "@" and at else None
        if path:
            yield text[:at], path


def _names(result: Result) -> Iterator[tuple[str, str]]:
    for rule in (result.rule, result.rule_key, *result.aliases):
        if result.location.path:
            yield rule, result.location.path


def _results(scan: Scan) -> Iterator[Result]:
    for run in scan.report.runs:
        yield from run.results
