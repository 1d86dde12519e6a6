"""Who wrote a fix is told from its commits; a declared origin may only raise it."""

import pytest

from core.errors import BadInput
from remediations.models import Remediation
from remediations.statuses import Origin
from tests.factories import import_finding, make_remediation, push

pytestmark = pytest.mark.django_db

PERSON = "Jane Doe <jane@example.org>"
COPILOT = "Copilot <198982749+Copilot@users.noreply.github.com>"
CLAUDE_TRAILER = "Fix\n\nCo-Authored-By: Claude Opus 4.1 <noreply@anthropic.com>\n"
DEPENDABOT = "dependabot[bot] <49699333+dependabot[bot]@users.noreply.github.com>"


def commit(author: str = PERSON, message: str = "Fix\n", **members: str) -> dict:
    return {"id": "a" * 40, "message": message, "author": author, "committer": PERSON, **members}


def propose(*commits: dict, **details) -> Remediation:
    return make_remediation(import_finding(), commits=list(commits), **details)


@pytest.mark.parametrize(
    ("commits", "origin", "agent"),
    [
        ([], Origin.UNKNOWN, ""),
        ([commit()], Origin.UNKNOWN, ""),  # no signal is no sign of a person
        ([commit(author=COPILOT)], Origin.AI_GENERATED, "GitHub Copilot coding agent"),
        ([commit(message=CLAUDE_TRAILER)], Origin.AI_ASSISTED, "Claude Code"),
        ([commit(author=DEPENDABOT)], Origin.AUTOMATION, "Dependabot"),
        ([commit(), commit(author=COPILOT)], Origin.AI_GENERATED, "GitHub Copilot coding agent"),
    ],
)
def test_the_origin_is_told_from_the_commits(commits, origin, agent):
    fix = propose(*commits)
    assert (fix.origin, fix.agent) == (origin, agent)
    assert bool(fix.signals.count()) is (origin != Origin.UNKNOWN)


def test_signals_say_what_told_it_and_how_sure_it_is():
    fix = propose(commit(message=CLAUDE_TRAILER))
    signal = fix.signals.filter(kind="trailer-mail").get()
    assert (signal.agent, signal.origin, signal.confidence) == (
        "Claude Code",
        "ai_assisted",
        "medium",
    )
    assert signal.commit == "a" * 40
    assert fix.model == "claude opus 4.1" or fix.model == "Claude Opus 4.1"


RANK = ["unknown", "human", "automation", "ai_assisted", "ai_generated"]


@pytest.mark.parametrize("declared", Origin)
@pytest.mark.parametrize(
    ("commits", "told"),
    [
        ([commit()], "unknown"),
        ([commit(author=DEPENDABOT)], "automation"),
        ([commit(message=CLAUDE_TRAILER)], "ai_assisted"),
        ([commit(author=COPILOT)], "ai_generated"),
    ],
)
def test_a_declared_origin_raises_and_never_lowers(commits, told, declared):
    fix = propose(*commits, declared_origin=declared.value)
    assert fix.origin == max(told, declared.value, key=RANK.index)


def test_a_branch_of_an_agent_is_a_signal():
    fix = propose(commit(), branch="copilot/fix-command-injection")
    assert fix.origin == Origin.AI_GENERATED


def test_a_push_without_the_traces_does_not_wash_them_off():
    """An agent's fix, amended by a person, was still written by an agent."""
    fix = propose(commit(author=COPILOT))
    fix.commits = [commit()]
    pushed = push(fix)
    assert pushed.origin == Origin.AI_GENERATED


def test_an_origin_that_does_not_exist_is_refused():
    with pytest.raises(BadInput, match="declared_origin"):
        propose(commit(), declared_origin="martian")
