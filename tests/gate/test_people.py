"""Who is who, however it is spelled; and who is no person."""

from __future__ import annotations

import pytest

from gate.disputes import authors, is_fixer
from gate.evidence import Commit, FixFacts
from gate.people import co_authors, person
from gate.provenance import dependency_bot, machine, tell_origin

DEV = "Dev One <dev@corp.example>"
COPILOT = "copilot-swe-agent[bot] <198982749+Copilot@users.noreply.github.com>"


@pytest.mark.parametrize(
    "other",
    [
        "mailto:dev@corp.example", "dev@corp.example (Dev One)", '"Dev One"', "Dev One <>", "One, Dev",
        "Dev\u200bOne", "Dev\u00a0One", "https://github.com/dev", "https://gitlab.example/users/dev/",
        "corp\\dev", "github:dev", "@dev", "Dev One (security)", "Dr. Dev One", "one dev", "DEV@corp.example",
        "dev+review@corp.example", "dev@corp.example.", "dev1 (Dev One)", "dev_one", "dev-one", "Dév One",
        "\uff24\uff45\uff56 One", "D\u0435v One", "Dev M. One <other@home.example>",
    ],
)  # fmt: skip
def test_one_person_in_another_spelling_is_the_same(other):
    assert person(DEV).is_same(person(other))
    assert is_fixer(other, FixFacts(author=DEV))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Anna Roth <anna.roth@corp.example>", "Anna Rothe <anna.rothe@corp.example>"),
        ("Alice (Security Team)", "Bob (Security Team)"),
        ("security-lead", "second-lead"),
        ("J. Doe <jane@corp.example>", "K. Doe <kim@corp.example>"),
        ("noreply@github.com", "noreply@example.org"),
        ("info@corp.example", "info@other.example"),
    ],
)
def test_two_colleagues_stay_two(one, other):
    assert not person(one).is_same(person(other))


def test_dots_and_a_plus_in_a_mail_address_are_no_difference():
    assert person("dev.one@gmail.com").is_same(person("devone+x@gmail.com"))


@pytest.mark.parametrize(
    "trailer",
    [
        "co-authored-by : Pair <pair@x.example>", "  Co-authored-by: Pair <pair@x.example>",
        "> Co-authored-by: Pair <pair@x.example>", "* Co-authored-by: Pair <pair@x.example>",
        "Co-developed-by: Pair <pair@x.example>", "Co-authored-by: Pair pair@x.example",
        "Co-authored-by:Pair<pair@x.example>\r", "Co-authored-by:\n  Pair <pair@x.example>",
        "Co-authored-by: Other <o@x.example>, Pair <pair@x.example>", "Signed-off-by: Pair <pair@x.example>",
        "Co\u2010authored-by: x <x@x.example>\nCo-Authored-By: Pair <pair@x.example>",
    ],
)  # fmt: skip
def test_whoever_a_trailer_names_had_a_hand_in_the_fix(trailer):
    fix = FixFacts(author=DEV, commits=(Commit("a", f"Fix\n\n{trailer}\n", DEV, DEV),))

    assert is_fixer("pair@x.example", fix)
    assert not is_fixer("someone@y.example", fix)


def test_a_word_that_only_looks_like_a_trailer_names_nobody():
    assert co_authors("Fix\n\nsaid that Co-authored-by: x <x@x.example> is odd") == ()
    assert (
        len(authors(FixFacts(author=DEV, commits=(Commit("a", "Reviewed-by: R <r@x.example>"),))))
        == 1
    )


@pytest.mark.parametrize(
    "login",
    [
        "coderabbitai", "copilot-pull-request-reviewer", "github-actions", "dependabot", "app/copilot",
        "gemini-code-assist", "devin-ai-integration", "snyk-bot", "k8s-ci-robot", "renovate-bot",
        "chatgpt-codex-connector", "mergify", "security-bot", "ai-reviewer", "https://github.com/apps/claude",
        "project_12_bot_0123abcd", "@GitHub-Actions",
    ],
)  # fmt: skip
def test_an_application_is_none_the_more_a_person_without_its_mark(login):
    assert machine(login)


@pytest.mark.parametrize(
    "name",
    ["jane", "abbot", "Jan Bot <jan.bot@corp.example>", "Claude Dupont <claude@corp.example>", "ai-weiwei",
     "security-lead", "Mergim <mergim@corp.example>"],
)  # fmt: skip
def test_people_with_such_names_stay_people(name):
    assert not machine(name)


@pytest.mark.parametrize(
    ("account", "fix", "same"),
    [
        ("claude[bot]", FixFacts(author=DEV, agent="Claude Code"), True),
        ("claude[bot]", FixFacts(author=DEV, agent="claude-code"), True),
        ("copilot-swe-agent", FixFacts(author=COPILOT), True),
        ("github-advanced-security[bot]", FixFacts(author=DEV, agent="GitHub Copilot Autofix"), False),
        ("ci-runner", FixFacts(author="deploy-bot"), False),
    ],
)  # fmt: skip
def test_an_agents_account_is_the_agent(account, fix, same):
    assert is_fixer(account, fix) is same


def test_a_machine_that_signs_off_is_heard_and_a_quoted_trailer_too():
    signed = Commit("a", "Fix\n\nSigned-off-by: Claude <noreply@anthropic.com>", DEV, DEV)
    quoted = Commit("a", "Fix\n\n> Co-authored-by: Cursor <cursoragent@cursor.com>", DEV, DEV)

    assert tell_origin([signed]).agent == "Claude Code"
    assert tell_origin([quoted]).agent == "Cursor"


def test_what_excuses_a_dependency_bot_is_read_as_it_is_written():
    assert dependency_bot("dependabot[bot]") == "Dependabot"
    assert dependency_bot("dependabot") == ""
