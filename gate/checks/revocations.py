"""Was a secret revoked? Taking it out of the code is not enough: it stays in the history."""

from __future__ import annotations

from gate.case import Case, Target
from gate.checks.check import Answer, failed, passed, plain, unknown
from gate.disputes import authors, is_fixer
from gate.evidence import SOURCE_RANK, Revocation, Source
from gate.moments import SKEW
from gate.provenance import is_person
from gate.strict import moment
from gate.terms import Terms

_REMEDY = (
    "Whoever owns the account at the provider revokes the secret; give the provider's answer as "
    "revocations in the facts (fetched or measured), or the word of a person who did not make the fix; "
    "that it was never live (state never_live) is such a word too."
)


def revoked(case: Case, terms: Terms, target: Target) -> Answer:
    """What the facts ``revocations`` say of a finding's secret: the newest word that holds decides.

    Without one it is UNKNOWN, never FAIL: nobody says that the secret still works.
    """
    ref = target.original.ref
    mine = [
        (index, row) for index, row in enumerate(case.evidence.revocations) if row.finding == ref
    ]
    held = [(index, row) for index, row in mine if not _objection(case, terms, row)]
    if held:
        return _told(ref, *max(held, key=lambda pair: _when(pair[1])))
    if mine:
        index, row = mine[-1]
        reason = (
            f"That the secret of {ref} was revoked is not shown: {_objection(case, terms, row)}."
        )
        return unknown(reason, _at(index), remedy=_REMEDY)
    return unknown(
        f"{ref} is a secret, and nothing shows that it was revoked: it stays in the history.",
        *((target.finder.ref(),) if target.finder else ()),
        remedy=_REMEDY,
    )


def _told(ref: str, index: int, row: Revocation) -> Answer:
    shown = f", shown by {plain(row.evidence, 120)}" if row.evidence else ""
    if row.state == "active":
        return failed(
            f"The provider still takes the secret of {ref}: {plain(row.method, 120)} at {row.at} "
            f"({row.source}{shown}).",
            _at(index),
            remedy=_REMEDY,
        )
    if row.state == "never_live":
        return passed(
            f"The secret of {ref} was never live, says {plain(row.by, 60)} at {row.at}: "
            f"{plain(row.method, 120)} ({row.source}{shown}).",
            _at(index),
        )
    return passed(
        f"The secret of {ref} was revoked at {row.at} by {plain(row.by, 60)}: "
        f"{plain(row.method, 120)} ({row.source}{shown}).",
        _at(index),
    )


def _objection(case: Case, terms: Terms, row: Revocation) -> str:
    """Why a word about a revocation does not hold; empty where it does."""
    if SOURCE_RANK[row.source] < SOURCE_RANK[terms.least_source]:
        return f"it is {row.source} only, the policy asks for {terms.least_source}"
    return _untimely(case, row) or _unfounded(case, row)


def _untimely(case: Case, row: Revocation) -> str:
    """A time that cannot be: after the judging, or before the secret came in."""
    when, now, came = moment(row.at), moment(case.evidence.at), moment(row.committed_at)
    if when is None or now is None:
        return "its time, or that of judging, was not said"
    if when - now > SKEW:
        return f"it is said to be of {row.at}, which is in the future"
    if came and when < came:
        return f"it is said to be of {row.at}, before the secret came in ({row.committed_at})"
    return ""


def _unfounded(case: Case, row: Revocation) -> str:
    """Who says so, and by what: a provider's answer, or a person apart from the fixer."""
    if not row.method or not row.by:
        return "it does not say by whom and how"
    if row.source is not Source.DECLARED:
        return "" if row.evidence else "it does not say what was seen"
    if not is_person(row.by):
        return "somebody's word needs a person"
    if not authors(case.evidence.fix):
        return "nobody knows who made the fix, and the fixer's own word does not count"
    return (
        f"it is the word of {row.by}, who made the fix"
        if is_fixer(row.by, case.evidence.fix)
        else ""
    )


def _when(row: Revocation) -> float:
    """For ordering; a word that holds has a time."""
    found = moment(row.at)
    return found.timestamp() if found else 0.0


def _at(index: int) -> str:
    return f"facts#/revocations/{index}"
