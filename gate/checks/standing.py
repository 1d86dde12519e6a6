"""Standing approvals: an owner's word, given once, for what dependency bots do again and again."""

from __future__ import annotations

from gate.bump_only import ecosystem_names, more_than_bumps
from gate.case import Case
from gate.checks.check import Answer, passed, plain, sentence, unknown
from gate.diff import Diff
from gate.disputes import is_fixer
from gate.evidence import FixFacts, StandingApproval
from gate.globs import matches
from gate.moments import backdated
from gate.people import co_authors
from gate.provenance import dependency_bot, is_host, is_person
from gate.strict import deadline, moment
from gate.terms import Terms

_REMEDY = "Have a person who did not make the change approve it."


def standing_approval(case: Case, terms: Terms) -> Answer | None:
    """PASS where a standing approval covers the fix, UNKNOWN with why where none does.

    From the facts ``standing_approvals``. None where nobody gave one.
    """
    given = case.evidence.standing_approvals
    if not given:
        return None
    head = case.at.head.label
    reasons = [_objection(case, terms, approval) for approval in given]
    for approval, reason in zip(given, reasons, strict=True):
        if not reason:
            bot = _bot(case.evidence.fix)
            return passed(
                sentence(
                    f"{head} changes versions only, by {bot}, and is covered by the standing approval "
                    f"of {plain(approval.owner, 60)} of {approval.at}, until {approval.until}: "
                    f"{plain(approval.reason)}."
                ),
                f"facts#/standing_approvals/{given.index(approval)}",
            )
    return unknown(
        f"Nobody has approved {head}, and the standing approval of {plain(given[0].owner, 60)} does not "
        f"cover it: {reasons[0]}.",
        "facts#/standing_approvals/0",
        remedy=_REMEDY,
    )


def _objection(case: Case, terms: Terms, approval: StandingApproval) -> str:
    """Why an approval does not cover the fix; empty where it does."""
    if not terms.standing_approvals:
        return f"the policy accepts none at the {terms.tier} tier"
    if case.diff is None:
        return "the diff is not known"
    if case.evidence.fix.landed_as == "changed":
        return f"{case.at.goal.label} is not known to be that and no more"
    return (
        _not_by_a_bot(case.evidence.fix)
        or more_than_bumps(case.diff)
        or _owner(case.evidence.fix, approval)
        or _untimely(case, approval)
        or _uncovered(case.diff, case.evidence.fix, approval)
    )


def _bot(fix: FixFacts) -> str:
    """The dependency bot that made the fix, by its author and commits; empty for anybody else."""
    authors = (fix.author, *(commit.author for commit in fix.commits))
    bots = {dependency_bot(author) for author in authors if author}
    return bots.pop() if len(bots) == 1 and fix.commits else ""


def _not_by_a_bot(fix: FixFacts) -> str:
    """Whether anybody but one dependency bot had a hand in the fix."""
    if not fix.author or not fix.commits or not all(commit.author for commit in fix.commits):
        return (
            "not all of its commits are known: say author and commits of the fix in the facts, each commit "
            "with author, committer and message, as the code host or python -m gate facts gives them"
        )
    bot = _bot(fix)
    if not bot:
        return "it, or one of its commits, is not known to be of a dependency bot"
    if fix.origin != "automation" or fix.agent not in ("", bot):
        return f"it is said to be {fix.origin or 'of unknown origin'}, by {fix.agent or 'somebody'}"
    for commit in fix.commits:
        hands = (*co_authors(commit.message), *filter(None, (commit.committer,)))
        others = [hand for hand in hands if dependency_bot(hand) != bot and not is_host(hand)]
        if others:
            return f"{plain(others[0], 60)} had a hand in it"
    return ""


def _owner(fix: FixFacts, approval: StandingApproval) -> str:
    if not is_person(approval.owner):
        return "its owner is no person"
    if is_fixer(approval.owner, fix):
        return f"{plain(approval.owner, 60)} had a hand in the fix"
    return "" if approval.reason.strip() else "it gives no reason"


def _untimely(case: Case, approval: StandingApproval) -> str:
    """It must have been given, and be in force, when the fix merged, or now before it does."""
    later = backdated(case.evidence)
    if later:
        return f"judging is said to be at {case.evidence.at}, and the evidence tells of {later}"
    at = moment(case.evidence.fix.merged_at) or moment(case.evidence.at)
    given, since, until = moment(approval.at), moment(approval.since), deadline(approval.until)
    if at is None or given is None or since is None or until is None:
        return "its times cannot be compared"
    if max(given, since) > at:
        return f"it was given at {approval.at}, from {approval.since} on, which is too late"
    return f"it ended {approval.until}" if until < at else ""


def _uncovered(diff: Diff, fix: FixFacts, approval: StandingApproval) -> str:
    """What it does not speak of: the bot, or a file."""
    bot = _bot(fix)
    if bot.casefold() not in {(dependency_bot(name) or name).casefold() for name in approval.bots}:
        return f"it does not speak of {bot}"
    covered = {name.casefold() for name in approval.ecosystems}
    for file in diff.files:
        by_name = not covered.isdisjoint(ecosystem_names(file.path))
        if not by_name and not (approval.manifests and matches(approval.manifests, file.path)):
            return f"it does not speak of {file.path}"
    return ""
