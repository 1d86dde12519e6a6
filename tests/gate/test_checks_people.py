"""Checks on people and machines: independence, provenance of the scan, the human review."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gate.made import (
    BASE,
    HEAD,
    HEAD_TREE,
    MERGE,
    SINK,
    changed,
    good_facts,
    judged,
    outcome,
    row,
    sarif,
)

AGENT = {
    "origin": "ai_generated",
    "agent": "GitHub Copilot coding agent",
    "model": "m-5",
    "agent_run": "run/7",
}


def _facts(fix: dict[str, Any] | None = None, **after: Any) -> dict[str, Any]:
    facts = good_facts()
    facts["fix"] |= fix or {}
    facts["after"] |= after
    return facts


# INDEPENDENCE


@pytest.mark.parametrize(
    "after",
    [
        {"agent_run": "run/7"},
        {"model": "M-5", "tool_class": "sast"},
        {"uploader": "dev", "uploader_kind": "human"},
        {"uploader": "dev@example.org", "uploader_kind": "service"},
        {"uploader": "GitHub Copilot coding agent", "uploader_kind": "service"},
    ],
)
def test_a_scan_by_the_fixer_or_inside_its_run_or_by_its_model_fails(after):
    assert outcome("INDEPENDENCE", facts=_facts(AGENT, **after)) == "FAIL"


def test_a_deterministic_engine_after_an_agents_fix_is_independent_whoever_sells_it():
    assert outcome("INDEPENDENCE", facts=_facts(AGENT, vendor="GitHub")) == "PASS"


def test_a_model_that_nobody_discloses_is_unknown_at_the_high_tier_only():
    facts = _facts({"agent": "Copilot"}, tool_class="agentic")
    facts["before"]["tool_class"] = "agentic"
    scans = {"before": sarif([SINK], tool="MDASH"), "after": sarif(tool="MDASH")}
    high = changed(facts, "surroundings", {"kev": True})

    assert outcome("INDEPENDENCE", facts=facts, **scans) == "PASS"
    assert outcome("INDEPENDENCE", facts=high, **scans) == "UNKNOWN"
    told = changed(changed(high, "fix.model", "m-5"), "after.model", "sees-all-3")
    assert outcome("INDEPENDENCE", facts=told, **scans) == "PASS"


@pytest.mark.parametrize(
    ("after", "outcome_"),
    [
        ({"source": "declared"}, "UNKNOWN"),
        ({"source": "declared", "uploader_kind": "runner"}, "PASS"),
        ({"source": "declared", "uploader": "ci", "uploader_kind": "service"}, "PASS"),
        ({"source": "declared", "uploader": "qa", "uploader_kind": "human"}, "PASS"),
        ({"source": "declared", "uploader": "dev", "uploader_kind": "human"}, "FAIL"),
        ({"source": "attested"}, "PASS"),
        ({"source": "measured"}, "PASS"),
        ({"source": "measured", "uploader": "dev", "uploader_kind": "human"}, "FAIL"),
    ],
)
def test_where_a_person_made_the_fix_it_matters_who_ran_the_scan(after, outcome_):
    assert outcome("INDEPENDENCE", facts=_facts(None, **after)) == outcome_


def test_a_person_who_ran_the_scan_of_a_fix_by_nobody_known_is_unknown():
    facts = changed(_facts(uploader="qa", uploader_kind="human"), "fix.author", None)

    assert outcome("INDEPENDENCE", facts=facts) == "UNKNOWN"


# SCAN_PROVENANCE


@pytest.mark.parametrize(
    ("after", "outcome_"),
    [
        ({"source": "measured"}, "PASS"),
        ({"source": "attested"}, "PASS"),
        ({"source": "declared"}, "UNKNOWN"),
        ({"source": "fetched"}, "UNKNOWN"),
        ({"source": "declared", "uploader": "ci", "uploader_kind": "service"}, "PASS"),
        ({"source": "declared", "uploader": "qa", "uploader_kind": "human"}, "UNKNOWN"),
        ({"source": "attested", "uploader": "dev", "uploader_kind": "service"}, "FAIL"),
    ],
)
def test_a_scan_has_to_come_from_somewhere(after, outcome_):
    assert outcome("SCAN_PROVENANCE", facts=_facts(None, **after)) == outcome_


# HUMAN_REVIEW


def _review(fix: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    facts = _facts(fix)
    facts["reviews"] = [facts["reviews"][0] | changes]
    return row(judged(lamp="both", facts=facts), "HUMAN_REVIEW")


def test_the_approval_of_another_person_on_the_head_passes():
    assert _review()["outcome"] == "PASS"


@pytest.mark.parametrize(
    "reviewer",
    [
        "Dev Eloper <dev@example.org>",
        "dev@example.org",
        "DEV@EXAMPLE.ORG",
        "dev",
        "@Dev",
        "dev eloper",
        "Somebody <dev+work@example.org>",
        "Somebody <12345+dev@users.noreply.github.com>",
    ],
)
def test_the_author_in_whatever_form_is_no_reviewer(reviewer):
    answer = _review(reviewer=reviewer)

    assert answer["outcome"] == "FAIL"
    assert "made the fix" in answer["reason"]


@pytest.mark.parametrize(
    "commit",
    [
        {"author": "Jo <jo@example.org>"},
        {"committer": "Jo <jo@example.org>"},
        {"message": "Fix\n\nCo-authored-by: Jo <jo@example.org>\n"},
        {"message": "Fix\n\nco-authored-by: Other Name <99+jo@users.noreply.github.com>\n"},
    ],
)
def test_whoever_wrote_or_committed_any_part_is_no_reviewer(commit):
    assert _review({"commits": [{"id": HEAD, **commit}]}, reviewer="jo")["outcome"] == "FAIL"


@pytest.mark.parametrize(
    ("reviewer", "kind"),
    [
        ("coderabbitai[bot]", "human"),
        ("copilot-swe-agent[bot]", "human"),
        ("Copilot", "human"),
        ("dependabot[bot]", "bot"),
        ("Claude <noreply@anthropic.com>", "human"),
        ("reviewer-9000", "ai"),
        ("some-app[bot]", "human"),
    ],
)
def test_a_bot_or_an_ai_is_no_reviewer_whatever_it_calls_itself(reviewer, kind):
    assert _review(reviewer=reviewer, kind=kind)["outcome"] == "FAIL"


@pytest.mark.parametrize(
    ("changes", "outcome_"),
    [
        ({"commit": BASE}, "FAIL"),
        ({"commit": BASE, "tree": HEAD_TREE}, "PASS"),
        ({"commit": "", "tree": HEAD_TREE}, "PASS"),
        ({"decision": "commented"}, "UNKNOWN"),
        ({"decision": "rejected"}, "FAIL"),
    ],
)
def test_the_decision_has_to_be_an_approval_of_this_very_revision(changes, outcome_):
    assert _review(**changes)["outcome"] == outcome_


def test_a_review_of_the_merge_commit_counts():
    fix = {"merge_commit": MERGE, "merge_tree": HEAD_TREE}

    assert _review(fix, commit=MERGE)["outcome"] == "PASS"


def _reviews(*reviews: dict[str, Any], **surroundings: Any) -> dict[str, Any]:
    base = {"kind": "human", "commit": HEAD, "decision": "approved"}
    facts = good_facts() | {"reviews": [base | review for review in reviews]}
    if surroundings:
        facts["surroundings"] = surroundings
    return row(judged(lamp="both", facts=facts), "HUMAN_REVIEW")


def test_nobodys_review_yet_is_unknown():
    assert _reviews()["outcome"] == "UNKNOWN"


def test_a_standing_rejection_outweighs_another_persons_approval():
    assert (
        _reviews({"reviewer": "a"}, {"reviewer": "b", "decision": "rejected"})["outcome"] == "FAIL"
    )


def test_a_reviewers_last_decision_is_the_one_that_stands():
    first = {"reviewer": "a", "decision": "rejected", "at": "2026-11-23T08:00:00Z"}
    last = {"reviewer": "a", "decision": "approved", "at": "2026-11-23T09:00:00Z"}
    withdrawn = last | {"at": "2026-11-23T07:00:00Z"}

    assert _reviews(last, first)["outcome"] == "PASS"
    assert _reviews(first, withdrawn)["outcome"] == "FAIL"


ANSWERS = {"root_cause_removed": "yes", "variants_considered": "yes, none", "behaviour_kept": "yes"}


def test_the_high_tier_needs_two_different_people_who_answer_its_questions():
    a, b = {"reviewer": "a", "answers": ANSWERS}, {"reviewer": "b", "answers": ANSWERS}
    same = {"reviewer": "A <a@example.org>", "answers": ANSWERS}

    assert _reviews(a, kev=True)["outcome"] == "UNKNOWN"
    assert _reviews(a, same, kev=True)["outcome"] == "UNKNOWN"
    assert _reviews(a, b, kev=True)["outcome"] == "PASS"
    assert _reviews(a, {"reviewer": "b"}, kev=True)["outcome"] == "UNKNOWN"
    no = {"reviewer": "b", "answers": ANSWERS | {"root_cause_removed": "No"}}
    assert _reviews(a, no, kev=True)["outcome"] == "FAIL"


def test_a_fix_by_nobody_known_cannot_show_that_its_reviewer_is_another():
    facts = changed(good_facts(), "fix.author", None)

    assert row(judged(lamp="both", facts=facts), "HUMAN_REVIEW")["outcome"] == "UNKNOWN"
