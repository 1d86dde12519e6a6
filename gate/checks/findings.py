"""Is the original gone, and did the fix bring in nothing? The two questions of the safe lamp."""

from __future__ import annotations

from collections.abc import Iterator

from gate.binding import BOUND
from gate.case import After, Case, Target, Witness
from gate.checks.agentic import often_enough
from gate.checks.check import About, Answer, check, counted, failed, passed, plain, unknown, worst
from gate.checks.out_of_sight import out_of_sight, silenced, told_otherwise
from gate.checks.proofs import still_works
from gate.disputes import is_fixer
from gate.earlier import stood
from gate.legs import Leg
from gate.matching import Pair
from gate.novelty import Cause, Novelty
from gate.provenance import is_person
from gate.records import Result
from gate.terms import Terms


@check("ORIGINAL_ABSENT", about=About.FINDING, version=2, can_be_waived=False)
def original_absent(case: Case, terms: Terms, target: Target) -> Answer:
    """Is the original gone? Read liberally: whatever may be it counts as present."""
    ref = target.original.ref
    shown = still_works(case, target)
    if shown:
        return shown
    if not target.witnesses:
        return unknown(
            f"No scan after the fix is of the kind that found {ref}.",
            remedy="Scan the fix with the tool that found it.",
        )
    asked = target.gone or target.witnesses
    answer = worst((_absence(case, target, item) for item in asked), _unbound(case, target))
    if answer.outcome != "PASS":
        return answer
    if not target.gone:
        return _unbound(case, target)
    if hidden := silenced(case, terms, target):
        return hidden
    return often_enough(case, target, terms, answer)


def _unbound(case: Case, target: Target) -> Answer:
    goal = case.at.goal.label
    return unknown(
        f"No scan known to be of {goal} says whether {target.original.ref} is gone.",
        *(item.after.leg.ref() for item in target.witnesses),
        remedy=f"Scan exactly the content of {goal}, and say commit and tree of the scan.",
    )


def _absence(case: Case, target: Target, item: Witness) -> Answer:
    """What one run says of the original."""
    leg, ref = item.after.leg, target.original.ref
    if item.index is None:
        return unknown(
            f"Nothing stands for {ref} in the scans that {leg.label} is compared with.",
            leg.ref(),
            remedy="Give a scan of the base by this tool that reports it.",
        )
    pair = item.after.comparison.pairs.get(item.index)
    if pair:
        return _present(item, ref, pair, leg)
    if item.index in item.after.comparison.matching.contested:
        return unknown(
            f"One of several alike is still there in {leg.label}; whether it is {ref} "
            "cannot be told.",
            leg.ref(),
            remedy="Fix the others too, or dispute the match with a second approver.",
        )
    if not item.after.comparison.joined and not _is_comparable(case, item):
        return unknown(
            f"{ref} is not in {leg.label}, but the diff does not join the two scanned revisions.",
            leg.ref(),
            remedy="Give a scan of exactly the fix's base, and the diff from there.",
        )
    pointer = item.after.comparison.pool[item.index].pointer
    before = (item.source.ref(pointer),) if item.source else ()
    for doubt in (told_otherwise, out_of_sight):
        if answer := doubt(target, item, case):
            return answer
    return passed(f"{ref} is not in {leg.label}, nor anything like it.", *before, leg.ref())


def _present(item: Witness, ref: str, pair: Pair, leg: Leg) -> Answer:
    """A counterpart was found. A suppressed one is there all the same."""
    source, found = item.source, leg.run.results[pair.after]
    refs = [leg.ref(found.pointer)]
    if source and item.index is not None:
        refs.insert(0, source.ref(item.after.comparison.pool[item.index].pointer))
    hidden = ", only suppressed" if found.suppressed else ""
    what = f"{place_of(found)} in {leg.label}{hidden}: {plain(pair.reason)}".rstrip(".")
    if pair.is_present:
        return failed(
            f"{ref} is still there, at {what} ({pair.stage}).",
            *refs,
            remedy="Remove the weakness itself and scan again.",
        )
    return unknown(
        f"{ref} may still be there, at {what} ({pair.stage}).",
        *refs,
        remedy="Show that it is another weakness: dispute the match with a second "
        "approver, or remove it too.",
    )


def _is_comparable(case: Case, item: Witness) -> bool:
    """Whether the original's file is known by its blob on both sides, or an older scan of it and
    this one of what must be clean are known to lie in one line."""
    leg, source = item.after.leg, item.source
    if source is None or item.standing is None:
        return False
    before, after = dict(source.facts.blobs), dict(leg.facts.blobs)
    if after and item.standing.location.path in before:
        return True
    return item.after.spanned and stood(source, item.standing, case.at, case.diff)


def place_of(result: Result) -> str:
    """Where a result lies, for a sentence."""
    place = result.location
    path = place.path or plain(place.uri, 80) or "no file"
    return f"{path}:{place.line}" if place.line else path


@check("NOTHING_NEW", about=About.SCANS, version=2, can_be_waived=False)
def nothing_new(case: Case, terms: Terms) -> Answer:
    """Did the fix bring in nothing at or above the threshold? Read strictly."""
    if not case.afters:
        return unknown(
            "There is no scan after the fix to look at.",
            remedy="Scan the fixed code and give the report as --after.",
        )
    if case.diff is None:
        return unknown(
            "Without the diff nobody can tell what the fix brought in.",
            remedy="Give the fix as --diff.",
        )
    parts = [part for new in case.news for part in _blocking(new, terms)]
    parts += _unjoined(case)
    if terms.dispositions:
        parts += _unattended(case, terms)
    lesser = sum(not new.counts(terms.new) for new in case.news)
    said = (
        f" {counted(lesser, 'new result')} below the threshold or of other cause." if lesser else ""
    )
    return worst(
        parts,
        passed(
            f"The fix brought in nothing that counts.{said}",
            *(after.leg.ref() for after in case.afters),
        ),
    )


def _blocking(new: Novelty, terms: Terms) -> Iterator[Answer]:
    if not new.counts(terms.new):
        return
    what = f"{new.result.rule} at {place_of(new.result)} ({new.level}) is new: {new.reason}."
    ref = new.leg.ref(new.result.pointer)
    if new.cause is Cause.FIX:
        yield failed(what, ref, remedy="Remove what the fix brought in and scan again.")
    else:
        yield unknown(
            what,
            ref,
            remedy="Give a scan of exactly the fix's base with the same "
            "recipe, and the diff from there.",
        )


def _unjoined(case: Case) -> Iterator[Answer]:
    """Kinds of scans of which none is joined to a scan before the fix by the diff."""
    for kind in _kinds(case):
        if any(_answers_new(after) for after in kind):
            continue
        yield unknown(
            f"The diff does not join {kind[0].leg.label} to the scan before it, so what is new "
            "cannot be told.",
            *(after.leg.ref() for after in kind),
            remedy="Give scans of exactly the fix's base and head, and say their commits.",
        )


def _answers_new(after: After) -> bool:
    """Joined to the scan before, by the diff or by what lies between; or, without one, of the fix's
    content with nothing to compare."""
    if after.comparison.earlier:
        return after.comparison.joined or after.spanned
    return after.to_head in BOUND or after.to_goal in BOUND


def _kinds(case: Case) -> Iterator[list[After]]:
    """The runs by engine and category."""
    groups: dict[tuple[str, str], list[After]] = {}
    for after in case.afters:
        groups.setdefault((after.leg.engine, after.leg.category), []).append(after)
    yield from groups.values()


def _unattended(case: Case, terms: Terms) -> Iterator[Answer]:
    """New results below the threshold on which no person has given a word, where one is asked."""
    for new in case.news:
        if new.cause is Cause.FIX and not new.counts(terms.new) and not _disposed(case, new):
            yield unknown(
                f"Nobody has looked at {new.result.rule} at {place_of(new.result)} ({new.level}), "
                "which the fix brought in.",
                new.leg.ref(new.result.pointer),
                remedy="Have a person who did not write the fix accept it, with a reason.",
            )


def _disposed(case: Case, new: Novelty) -> bool:
    """Whether somebody other than the fixer accepted the result or called it a false positive."""
    place = new.result.location
    for word in case.evidence.dispositions:
        same = word.get("rule") == new.result.rule and word.get("path") == place.path
        if same and word.get("line") in (None, place.line) and may_decide(case, word.get("by", "")):
            return True
    return False


def may_decide(case: Case, name: str) -> bool:
    """Whether a person may speak for a result: somebody, no machine, and not the fixer."""
    return is_person(name) and not is_fixer(name, case.evidence.fix)
