"""Was the fix approved by people who did not make it, on exactly what is judged?"""

from __future__ import annotations

import re
import unicodedata

from gate.binding import Revision, short
from gate.case import Case
from gate.checks.check import (
    About,
    Answer,
    Lamp,
    check,
    failed,
    passed,
    plain,
    sentence,
    unknown,
    worst,
)
from gate.checks.standing import standing_approval
from gate.disputes import authors, is_fixer
from gate.evidence import Review
from gate.moments import SKEW
from gate.people import is_bot_login, person
from gate.provenance import machine
from gate.strict import moment
from gate.terms import Terms

_REVIEW = "Have a person who did not write the fix approve exactly {}."
_SAY_PATCH = (
    "Have exactly {} approved; or, where only the base was updated, say patch_id of the review, or patches "
    "in the facts (python -m gate facts --reviewed COMMIT or git patch-id --verbatim print it)."
)
_MERGE_AS_REVIEWED = (
    "Have what merged beside the reviewed change reviewed too, as a change of its own."
)
_NO = {"no", "false", "n", "nope", "nein", "not", "never"}
_NOTHING = {
    "", "na", "n a", "none", "null", "nil", "unknown", "not applicable", "not known", "tbd", "todo",
    "x", "xx", "xxx", "idk", "dunno", "i do not know", "i don t know", "don t know", "not sure",
    "unsure", "maybe", "later", "pending", "skip", "skipped",
}  # fmt: skip


@check("HUMAN_REVIEW", about=About.SCANS, lamp=Lamp.RIGHT, version=3, can_be_waived=False)
def human_review(case: Case, terms: Terms) -> Answer:
    """Approved by people who are not author, committer, bot or AI, on this exact revision?

    Of this revision is also what looked at the identical patch, before the base was updated. A bot's
    change of versions may be covered by an owner's standing approval, where the policy accepts it.
    """
    head = case.at.head
    remedy = _REVIEW.format(head.label)
    if not head.known and not case.at.goal.known:
        return unknown(
            "Which revision the fix is was not said, so no review can be of it.",
            remedy="Say the fix's head_commit and head_tree in the facts.",
        )
    if not authors(case.evidence.fix):
        return unknown(
            "Who wrote the fix is not known, so whether a reviewer did cannot be told.",
            remedy="Say author or commits of the fix in the facts.",
        )
    refused = [r for r in _standing(case) if r.decision == "rejected" and _is_refusal(case, r)]
    if refused:
        return failed(
            f"{refused[0].reviewer} rejected {head.label}.",
            remedy="Answer what the reviewer says, and have the new revision reviewed.",
        )
    counted = counted_reviews(case)
    if not counted:
        return standing_approval(case, terms) or _why_none(case, remedy)
    answered = worst((_answers(r, terms) for r in counted), passed(""))
    if answered.outcome != "PASS":
        return answered
    names = ", ".join(review.reviewer for review in counted)
    if len(counted) < terms.reviewers:
        return unknown(
            sentence(
                f"{head.label} is approved by {names}, but {terms.reviewers} people are asked."
            ),
            remedy=remedy,
        )
    return passed(sentence(f"{head.label} is approved by {names}."))


def counted_reviews(case: Case) -> list[Review]:
    """Standing approvals of this exact revision by different people who did not make the fix."""
    counted: list[Review] = []
    for review in _standing(case):
        others = (person(other.reviewer) for other in counted)
        again = any(person(review.reviewer).is_same(other) for other in others)
        doubtful = _objection(case, review) or _doubt(case, review)
        if review.decision == "approved" and not doubtful and not again:
            counted.append(review)
    return counted


def _standing(case: Case) -> list[Review]:
    """Every reviewer's last decision on each revision; comments decide nothing.

    A rejection is taken back only by who is surely the same person, at a time known to be no earlier.
    """
    standing: dict[tuple[str, str], Review] = {}
    for review in sorted(case.evidence.reviews, key=_when):
        if review.decision != "commented":
            which = "here" if _is_of_this(case, review) else review.commit or review.tree
            standing[(person(review.reviewer).identity() or review.reviewer, which)] = review
    return list(standing.values())


def _when(review: Review) -> tuple[float, bool]:
    """For ordering. Without a time a rejection is the last word, and an approval the first; of
    one moment the later in the list."""
    at = moment(review.at)
    rejects = review.decision == "rejected"
    if at is None:
        return float("inf") if rejects else float("-inf"), rejects
    return at.timestamp(), False


def _is_refusal(case: Case, review: Review) -> bool:
    return _is_of_this(case, review) and not _objection(case, review)


def _objection(case: Case, review: Review) -> str:
    """Why a review does not count; empty where it does, or may."""
    who = review.reviewer
    agent = machine(who)
    if review.kind != "human" or agent or is_bot_login(person(who)):
        return f"{who} is {'an AI' if review.kind == 'ai' else 'no person'}"
    if any(is_fixer(name, case.evidence.fix) for name in (who, *review.aliases)):
        return f"{who} made the fix"
    if not _is_of_this(case, review) and not _missing_patch(case, review):
        return f"{who} looked at {_seen(review)}"
    return ""


def _doubt(case: Case, review: Review) -> str:
    """What is not known of an approval, or contradicts itself; empty where all is well."""
    who, at = review.reviewer, moment(review.at)
    now, came = moment(case.evidence.at), moment(_came(case, review))
    if at and now and at - now > SKEW:
        return f"{who} approved at {review.at}, which is in the future"
    if at and came and came - at > SKEW:
        return (
            f"{who} approved at {review.at}, before that revision was there ({_came(case, review)})"
        )
    return _changed(case, review) if _is_of_this(case, review) else _missing_patch(case, review)


def _changed(case: Case, review: Review) -> str:
    """Why an approval of the head is none of what merged: whoever merges can put more into it."""
    at = case.at
    if case.evidence.fix.landed_as != "changed" or (at.merge and _names(review, at.merge)):
        return ""
    return f"{review.reviewer} approved {at.head.label}, and {at.goal.label} is not known to be that and no more"


def _came(case: Case, review: Review) -> str:
    """When the revision that a review names was pushed; empty for an older one with the same patch."""
    here = [revision for revision in (case.at.head, case.at.merge) if revision]
    commits, trees = {revision.commit for revision in here}, {revision.tree for revision in here}
    named = review.commit in commits if review.commit else review.tree in trees
    return case.evidence.fix.pushed_at if named else ""


def _is_of_this(case: Case, review: Review) -> bool:
    """The head or the merge, by commit or by tree; or the identical patch on an older base."""
    if _patch(case, review) in case.evidence.patch_ids.sure:
        return True
    return any(_names(review, one) for one in (case.at.head, case.at.merge) if one)


def _names(review: Review, revision: Revision) -> bool:
    same_commit = review.commit and review.commit == revision.commit
    return bool(same_commit or (review.tree and review.tree == revision.tree))


def _patch(case: Case, review: Review) -> str:
    return review.patch_id or dict(case.evidence.patches).get(review.commit, "")


def _missing_patch(case: Case, review: Review) -> str:
    """Why nobody can tell whether an older revision has the same patch; empty where one can."""
    patch, ids = _patch(case, review), case.evidence.patch_ids
    if not patch:
        return ""
    looked = f"{review.reviewer} looked at {_seen(review)}"
    if patch in ids.blind:
        return f"{looked}, whose patch_id is blind to white space, which has a meaning here"
    if not ids.sure:
        return f"{looked}, and the patch judged has no id: a file is binary, or there is no diff"
    return ""


def _seen(review: Review) -> str:
    return short(review.commit or review.tree) or "no named revision"


def _why_none(case: Case, remedy: str) -> Answer:
    """No review counts: because there is none yet, or because those there are do not."""
    approvals = [r for r in _standing(case) if r.decision == "approved"]
    if not approvals:
        return unknown(f"Nobody has approved {case.at.head.label} yet.", remedy=remedy)
    doubtful = [review for review in approvals if not _objection(case, review)]
    last = doubtful[-1] if doubtful else approvals[-1]
    if not _is_of_this(case, last):
        remedy = _SAY_PATCH.format(case.at.head.label)
    if not doubtful:
        return failed(f"No approval counts: {_objection(case, last)}.", remedy=remedy)
    if _changed(case, last):
        remedy = _MERGE_AS_REVIEWED
    return unknown(f"No approval is known to count: {_doubt(case, last)}.", remedy=remedy)


def _answers(review: Review, terms: Terms) -> Answer:
    """Whether a review answers what the policy asks; a plain no is an answer, and not a good one."""
    given = dict(review.answers)
    for question in terms.questions:
        words = _words(given.get(question, ""))
        if words in _NO:
            return failed(
                f"{review.reviewer} answers {question!r} with no.",
                remedy="Change the fix, so that the answer is yes.",
            )
        if words in _NOTHING:
            said = plain(given.get(question, ""), 40)
            return unknown(
                f"{review.reviewer} has not answered {question!r}{f' but with {said!r}' if said else ''}.",
                remedy=f"Answer {question!r} in the review.",
            )
    return passed(f"{review.reviewer} answers every question.")


def _words(text: str) -> str:
    """An answer's words alone: ``No.`` is ``no``, a dash is nothing."""
    return " ".join(re.findall(r"[^\W_]+", unicodedata.normalize("NFKC", text).casefold()))
