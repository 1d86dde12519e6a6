"""Who wrote a fix: every trace raises, and the absence of traces never says human."""

from __future__ import annotations

import pytest

from gate.evidence import Commit
from gate.people import person
from gate.provenance import machine, raised, tell_maker, tell_origin

HUMAN = "Jane Doe <jane@example.org>"
NOREPLY = "@users.noreply.github.com"


def _commit(message: str = "Fix it", author: str = HUMAN, committer: str = HUMAN) -> Commit:
    return Commit("a" * 40, message, author, committer)


def test_no_trace_is_unknown_and_never_human():
    assert tell_origin([]).origin == "unknown"
    assert tell_origin([_commit()]).origin == "unknown"
    assert (
        tell_origin([_commit("Fix\n\nSigned-off-by: Jane Doe <jane@example.org>")]).origin
        == "unknown"
    )


@pytest.mark.parametrize(
    ("author", "agent"),
    [
        (f"copilot-swe-agent[bot] <198982749+Copilot{NOREPLY}>", "GitHub Copilot coding agent"),
        ("copilot-swe-agent[bot]", "GitHub Copilot coding agent"),
        (f"Copilot Autofix <175728472+Copilot{NOREPLY}>", "GitHub Copilot Autofix"),
        ("Cursor Agent <cursoragent@cursor.com>", "Cursor"),
        (f"devin-ai-integration[bot] <158243242+devin-ai-integration[bot]{NOREPLY}>", "Devin"),
        (f"google-labs-jules[bot] <161369871+google-labs-jules[bot]{NOREPLY}>", "Google Jules"),
        ("amazon-q-developer[bot]", "Amazon Q Developer"),
        ("Jane Doe (aider) <jane@example.org>", "aider"),
        ("Codex <codex@openai.com>", "OpenAI Codex"),
    ],
)
def test_an_ai_author_makes_the_fix_generated(author, agent):
    told = tell_origin([_commit(author=author)])

    assert (told.origin, told.agent) == ("ai_generated", agent)


@pytest.mark.parametrize(
    ("trailer", "origin", "agent", "model"),
    [
        ("Co-Authored-By: Claude <noreply@anthropic.com>", "ai_assisted", "Claude Code", ""),
        (
            "Co-authored-by: Claude Opus 4.1 <noreply@anthropic.com>",
            "ai_assisted",
            "Claude Code",
            "Claude Opus 4.1",
        ),
        ("Co-authored-by: aider (gpt-4o) <noreply@aider.chat>", "ai_assisted", "aider", "gpt-4o"),
        ("Co-authored-by: Cursor <cursoragent@cursor.com>", "ai_assisted", "Cursor", ""),
        (
            f"Co-authored-by: Copilot <223556219+Copilot{NOREPLY}>",
            "ai_assisted",
            "GitHub Copilot",
            "",
        ),
        (
            f"Co-authored-by: Copilot Autofix powered by AI <62310815+github-advanced-security[bot]{NOREPLY}>",
            "ai_generated",
            "GitHub Copilot Autofix",
            "",
        ),
        ("Assisted-by: Claude:claude-3-opus coccinelle", "ai_assisted", "Claude", "claude-3-opus"),
        ("Generated-by: ChatGPT 5", "ai_generated", "ChatGPT 5", ""),
        ("Made-with: Cursor", "ai_assisted", "Cursor", ""),
        (
            "🤖 Generated with [Claude Code](https://claude.com/claude-code)",
            "ai_generated",
            "Claude Code",
            "",
        ),
        (
            "Agent-Logs-Url: https://github.com/o/r/sessions/1",
            "ai_generated",
            "GitHub Copilot coding agent",
            "",
        ),
    ],
)
def test_what_a_message_says_of_an_ai_is_heard(trailer, origin, agent, model):
    told = tell_origin([_commit(f"Fix it\n\nBecause.\n\n{trailer}\n")])

    assert (told.origin, told.agent, told.model) == (origin, agent, model)


@pytest.mark.parametrize(
    "message",
    [
        "Potential fix for code scanning alert no. 12: Uncontrolled command line",
        "Merge pull request #3 from acme/copilot/fix-3",
        "Merge branch 'alert-autofix-12'",
        "Merge remote-tracking branch 'origin/devin/17-fix'",
    ],
)
def test_subjects_and_branches_of_agents_are_heard(message):
    assert tell_origin([_commit(message)]).origin == "ai_generated"


def test_the_branch_may_be_told_apart():
    assert tell_origin([_commit()], branch="claude/fix-b602").agent == "Claude Code"
    assert tell_origin([_commit()], branch="fix/claude").origin == "unknown"


@pytest.mark.parametrize(
    "message",
    [
        "Claude, Devin and Jules talked about the cursor in the codex",
        "Fix\n\nText that mentions Co-authored-by: Claude <noreply@anthropic.com> inside",
        f"Fix\n\nCo-authored-by: Claude Dupont <12345+claude{NOREPLY}>",
        "Fix\n\nReviewed-by: Cursor <someone@example.org>",
    ],
)
def test_names_of_people_and_plain_words_are_no_traces(message):
    assert tell_origin([_commit(message)]).origin == "unknown"


@pytest.mark.parametrize("author", ["dependabot[bot]", "renovate[bot]", "x <bot@renovateapp.com>"])
def test_dependency_bots_are_automation(author):
    assert tell_origin([_commit(author=author)]).origin == "automation"


def test_the_strongest_trace_of_all_commits_counts():
    commits = [_commit(author="dependabot[bot]"), _commit("x\n\nMade-with: Cursor")]

    assert tell_origin(commits).origin == "ai_assisted"
    assert len(tell_origin(commits).signals) >= 2


def test_trailers_that_a_squash_merge_collected_weigh_less():
    body = "\n\n* one\n* two\n\nCo-authored-by: Claude <noreply@anthropic.com>\n"
    squashed = tell_origin([_commit("Fix (#12)" + body)]).signals
    plain = tell_origin([_commit("Fix" + body)]).signals

    assert {signal.confidence for signal in squashed} == {"low"}
    assert {signal.confidence for signal in plain} == {"medium"}


def test_a_signal_says_where_it_was_found():
    (signal,) = tell_origin([_commit(author="Cursor Agent <cursoragent@cursor.com>")]).signals

    assert signal.commit == "a" * 40
    assert (signal.kind, signal.confidence, signal.text) == (
        "author-mail",
        "high",
        "cursoragent@cursor.com",
    )


@pytest.mark.parametrize(
    ("declared", "told", "origin"),
    [
        ("human", "ai_generated", "ai_generated"),
        ("human", "unknown", "human"),
        ("ai_assisted", "ai_generated", "ai_generated"),
        ("ai_generated", "unknown", "ai_generated"),
        ("", "unknown", "unknown"),
        ("unknown", "automation", "automation"),
    ],
)
def test_a_declared_origin_may_only_raise(declared, told, origin):
    assert raised(declared, told) == origin


@pytest.mark.parametrize(
    ("text", "is_machine"),
    [
        ("coderabbitai[bot]", True),
        ("Copilot", True),
        ("Claude <noreply@anthropic.com>", True),
        ("unheard-of[bot]", True),
        ("jane", False),
        ("Claude Dupont <claude@example.org>", False),
        ("security-lead", False),
    ],
)
def test_machines_are_told_from_people(text, is_machine):
    assert bool(machine(text)) is is_machine


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Jane Doe <jane@example.org>", "jane@example.org", True),
        ("Jane Doe <jane@example.org>", "JANE DOE", True),
        ("Jane Doe <jane@example.org>", "@jane", True),
        (f"J <123+jane-d{NOREPLY}>", "jane-d", True),
        ("jane+git@example.org", "jane@example.org", True),
        ("Jane Doe <jane@example.org>", "Jane Roe <roe@example.org>", False),
        ("noreply@github.com", "noreply@example.org", False),
        ("", "", False),
    ],
)
def test_people_are_known_by_mail_login_or_full_name(one, other, same):
    assert person(one).is_same(person(other)) is same
    assert person(other).is_same(person(one)) is same


def test_a_very_long_message_is_read_in_a_moment():
    message = "Fix\n\n" + "Co-authored-by: x <x@example.org>\n" * 20_000

    assert tell_origin([_commit(message)]).origin == "unknown"


def test_a_file_of_fixes_says_how_they_were_made_and_a_model_is_a_word_against_oneself():
    told = tell_maker(tool="fixer", vendor="Acme", strategy="deterministic", model="gpt-5")
    assert (told.origin, told.model) == ("ai_generated", "gpt-5")
    assert [(s.kind, s.confidence) for s in told.signals] == [
        ("model", "high"), ("strategy", "medium")]  # fmt: skip
    assert tell_maker(tool="fixer", strategy="deterministic").origin == "automation"
    assert tell_maker(tool="fixer", strategy="magic").origin == "unknown"


def test_the_catalogues_know_makers_and_a_scanners_own_fix_is_automation():
    assert tell_maker(tool="x", vendor="pixee").agent == "Pixee"
    known = tell_maker(tool="Semgrep OSS")
    assert (known.origin, known.signals[0].confidence) == ("automation", "low")
    assert tell_maker(tool="nobody knows").signals == ()
