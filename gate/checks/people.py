"""Who verified, who reviewed, and whether they are others than who wrote the fix."""

from __future__ import annotations

from collections.abc import Iterator

from gate.binding import short
from gate.case import After, Case
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
from gate.disputes import authors, is_fixer
from gate.evidence import SOURCE_RANK, Review, Source
from gate.legs import Leg
from gate.people import is_bot_login, person
from gate.provenance import AI_ORIGINS, machine
from gate.strict import moment
from gate.terms import Terms

_ELSEWHERE = "Let a pipeline or a runner that is not the fixer's scan the fix."
_REVIEW = "Have a person who did not write the fix approve exactly {}."
_NO = ("no", "false", "n")


@check("INDEPENDENCE", about=About.SCANS, can_be_waived=False)
def independence(case: Case, terms: Terms) -> Answer:
    """Is the verifying run apart from whoever, or whatever, made the fix?"""
    parts = [part for after in case.afters for part in _dependence(case, terms, after)]
    parts += _own_configuration(case)
    none = unknown("There is no scan after the fix to look at.", remedy=_ELSEWHERE)
    return worst(parts, none)


def _dependence(case: Case, terms: Terms, after: After) -> Iterator[Answer]:
    """What ties one run to the fixer: the session, the model, the account."""
    leg, fix = after.leg, case.evidence.fix
    if fix.agent_run and _same(leg.facts.agent_run, fix.agent_run):
        yield failed(
            f"{leg.label} was started inside the run of the agent that made the fix "
            f"({plain(fix.agent_run, 60)}).",
            leg.ref(),
            remedy=_ELSEWHERE,
        )
    if fix.model and _same(leg.facts.model, fix.model):
        yield failed(
            f"{leg.label} used {plain(fix.model, 60)}, the model that made the fix.",
            leg.ref(),
            remedy="Scan with an engine or model that did not make the fix.",
        )
    if leg.facts.uploader and is_fixer(leg.facts.uploader, fix):
        yield failed(
            f"{leg.label} was run by {plain(leg.facts.uploader, 60)}, who made the fix.",
            leg.ref(),
            remedy=_ELSEWHERE,
        )
    if fix.origin in AI_ORIGINS or fix.agent:
        yield _apart_from_agent(case, terms, leg)
    else:
        yield _apart_from_author(case, leg)


def _same(one: str | None, other: str) -> bool:
    return bool(one) and one is not None and one.strip().casefold() == other.strip().casefold()


def _apart_from_agent(case: Case, terms: Terms, leg: Leg) -> Answer:
    """A deterministic engine is apart from any agent; of another, the model has to be known."""
    fix = case.evidence.fix
    who = fix.agent or "an AI"
    vendor = leg.facts.vendor or leg.run.organization
    if leg.tool_class != "agentic":
        return passed(f"{leg.label} does not use the model of {who}.", leg.ref())
    if terms.disclosed_model and not (leg.facts.model and fix.model):
        hidden = leg.label if not leg.facts.model else who
        return unknown(
            f"Which model {hidden} uses is not disclosed.",
            leg.ref(),
            remedy="Say model of the fix and of the scan in the facts.",
        )
    said = f", by {vendor}" if vendor else ""
    return passed(f"{leg.label} is another run than that of {who}{said}.", leg.ref())


def _apart_from_author(case: Case, leg: Leg) -> Answer:
    """Where a person made the fix, or nobody knows who, it matters who ran the scan."""
    facts, fix = leg.facts, case.evidence.fix
    if facts.uploader_kind in ("service", "runner"):
        return passed(
            f"{leg.label} was run by {facts.uploader or 'a'} ({facts.uploader_kind}).", leg.ref()
        )
    if facts.uploader_kind == "human" or facts.uploader:
        if facts.uploader and authors(fix):
            return passed(
                f"{leg.label} was run by {facts.uploader}, who did not make the fix.", leg.ref()
            )
        return unknown(
            f"Whether who ran {leg.label} also made the fix is not known.",
            leg.ref(),
            remedy="Say author of the fix and uploader of the scan in the facts.",
        )
    if SOURCE_RANK[facts.source] > SOURCE_RANK[Source.DECLARED]:
        return passed(
            f"{leg.label} was run by a pipeline or runner: its facts are {facts.source}.", leg.ref()
        )
    return unknown(
        f"{leg.lacking('Who ran it')}.",
        leg.ref(),
        remedy="Say uploader and uploader_kind of the scan, or measure its facts.",
    )


def _own_configuration(case: Case) -> Iterator[Answer]:
    """Configuration that the fix itself wrote, and the scan obeyed."""
    for after in case.afters:
        for touch in case.touches:
            if touch.kind == "config" and after.leg.engine in touch.tools:
                yield failed(
                    f"{after.leg.label} obeyed {touch.place}, which the fix wrote.",
                    case.diff_ref(touch.place),
                    remedy=f"Take {touch.path} out of the fix and scan again.",
                )


@check("SCAN_PROVENANCE", about=About.SCANS)
def scan_provenance(case: Case, terms: Terms) -> Answer:
    """Who produced the scan: our runner, or an attested pipeline or service not the fixer's?"""
    none = unknown("There is no scan after the fix to look at.", remedy=_ELSEWHERE)
    return worst((_provenance(case, after.leg) for after in case.afters), none)


def _provenance(case: Case, leg: Leg) -> Answer:
    facts = leg.facts
    if facts.uploader and is_fixer(facts.uploader, case.evidence.fix):
        return failed(
            f"{leg.label} comes from {plain(facts.uploader, 60)}, who made the fix.",
            leg.ref(),
            remedy=_ELSEWHERE,
        )
    if facts.source in (Source.MEASURED, Source.ATTESTED):
        return passed(f"The facts of {leg.label} are {facts.source}.", leg.ref())
    if facts.uploader and facts.uploader_kind in ("service", "runner"):
        return passed(
            f"{leg.label} comes from {facts.uploader} ({facts.uploader_kind}).", leg.ref()
        )
    return unknown(
        f"{leg.label} is a bare upload: nothing shows who produced it.",
        leg.ref(),
        remedy="Let a runner, or a pipeline with an attested identity, scan the fix.",
    )


@check("HUMAN_REVIEW", about=About.SCANS, lamp=Lamp.RIGHT, can_be_waived=False)
def human_review(case: Case, terms: Terms) -> Answer:
    """Approved by people who are not author, committer, bot or AI, on this exact revision?"""
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
    refused = [r for r in _latest(case) if r.decision == "rejected" and not _objection(case, r)]
    if refused:
        return failed(
            f"{refused[0].reviewer} rejected {head.label}.",
            remedy="Answer what the reviewer says, and have the new revision reviewed.",
        )
    counted = counted_reviews(case)
    if not counted:
        return _why_none(case, remedy)
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
    for review in _latest(case):
        others = (person(other.reviewer) for other in counted)
        again = any(person(review.reviewer).is_same(other) for other in others)
        if review.decision == "approved" and not _objection(case, review) and not again:
            counted.append(review)
    return counted


def _latest(case: Case) -> list[Review]:
    """Every reviewer's last decision on each revision; comments decide nothing."""
    standing: dict[tuple[str, str], Review] = {}
    for review in sorted(case.evidence.reviews, key=_when):
        if review.decision != "commented":
            which = "here" if _of_this_revision(case, review) else review.commit or review.tree
            standing[(_key(review.reviewer), which)] = review
    return list(standing.values())


def _when(review: Review) -> float:
    """For ordering; undated reviews first, in the order given."""
    at = moment(review.at)
    return at.timestamp() if at else 0.0


def _key(reviewer: str) -> str:
    return min(person(reviewer).keys(), default=reviewer)


def _objection(case: Case, review: Review) -> str:
    """Why a review does not count; empty where it does."""
    who = review.reviewer
    agent = machine(who)
    if review.kind != "human" or agent or is_bot_login(person(who)):
        return f"{who} is {'an AI' if review.kind == 'ai' else 'no person'}"
    if is_fixer(who, case.evidence.fix):
        return f"{who} made the fix"
    if not _of_this_revision(case, review):
        return f"{who} looked at {short(review.commit or review.tree) or 'no named revision'}"
    return ""


def _of_this_revision(case: Case, review: Review) -> bool:
    """The head or the merge, by commit or by tree."""
    for revision in (case.at.head, case.at.merge):
        if revision and review.commit and review.commit == revision.commit:
            return True
        if revision and review.tree and review.tree == revision.tree:
            return True
    return False


def _why_none(case: Case, remedy: str) -> Answer:
    """No review counts: because there is none yet, or because those there are do not."""
    approvals = [r for r in _latest(case) if r.decision == "approved"]
    if not approvals:
        return unknown(f"Nobody has approved {case.at.head.label} yet.", remedy=remedy)
    return failed(f"No approval counts: {_objection(case, approvals[-1])}.", remedy=remedy)


def _answers(review: Review, terms: Terms) -> Answer:
    """Whether a review answers what the policy asks; a plain no is an answer, and not a good one."""
    given = {question: answer.strip() for question, answer in review.answers}
    for question in terms.questions:
        answer = given.get(question, "")
        if answer.casefold() in _NO:
            return failed(
                f"{review.reviewer} answers {question!r} with no.",
                remedy="Change the fix, so that the answer is yes.",
            )
        if not answer:
            return unknown(
                f"{review.reviewer} has not answered {question!r}.",
                remedy=f"Answer {question!r} in the review.",
            )
    return passed(f"{review.reviewer} answers every question.")
