"""HUMAN_REVIEW: times that contradict, words that are no answer; and waivers that time would revive."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gate.made import AT, HEAD, MERGE, OTHER, changed, git_diff, good_facts, judged, row

QUESTIONS = ("root_cause_removed", "variants_considered", "behaviour_kept")
PUSHED = "2026-11-23T08:00:00Z"


def reviewed(*reviews: dict[str, Any], **more: Any) -> dict[str, Any]:
    base = {"reviewer": "security-lead", "kind": "human", "commit": HEAD, "decision": "approved"}
    facts = good_facts() | {"reviews": [base | review for review in reviews]} | more
    facts = changed(facts, "fix.pushed_at", PUSHED)
    return row(judged(lamp="both", facts=facts), "HUMAN_REVIEW")


@pytest.mark.parametrize(
    ("at", "outcome"),
    [
        ("2026-11-23T09:00:00Z", "PASS"),
        ("2026-11-23T07:57:00Z", "PASS"),
        ("2026-11-23T07:00:00Z", "UNKNOWN"),
        ("2020-01-01T00:00:00Z", "UNKNOWN"),
        ("2026-11-23T12:04:00Z", "PASS"),
        ("2027-11-23T12:00:00Z", "UNKNOWN"),
    ],
)
def test_an_approval_lies_between_the_push_and_now(at, outcome):
    assert reviewed({"at": at})["outcome"] == outcome


@pytest.mark.parametrize(
    ("reviews", "outcome"),
    [
        ([{"decision": "rejected"}, {"at": "2026-11-23T09:00:00Z"}], "FAIL"),
        ([{"at": "2026-11-23T09:00:00Z"}, {"decision": "rejected"}], "FAIL"),
        ([{"decision": "rejected", "at": "2026-11-23T09:00:00Z"}, {}], "FAIL"),
        # Of one second the later in the list is the later one.
        ([{"decision": "rejected", "at": "2026-11-23T09:00:00Z"}, {"at": "2026-11-23T09:00:00Z"}], "PASS"),
        ([{"at": "2026-11-23T09:00:00Z"}, {"decision": "rejected", "at": "2026-11-23T09:00:00Z"}], "FAIL"),
        ([{"decision": "rejected", "at": "2026-11-23T09:00:00Z"}, {"at": "2026-11-23T09:30:00Z"}], "PASS"),
        ([{"decision": "rejected", "commit": OTHER}, {"at": "2026-11-23T09:30:00Z"}], "PASS"),
        ([{"decision": "rejected", "reviewer": "lead@a.example"}, {"reviewer": "lead@b.example"}], "FAIL"),
    ],
)  # fmt: skip
def test_a_rejection_stands_until_the_same_person_surely_takes_it_back(reviews, outcome):
    assert reviewed(*reviews)["outcome"] == outcome


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ("yes", "PASS"),
        ("No other call is in the shop.", "PASS"),
        ("-", "UNKNOWN"), ("\N{EN DASH}", "UNKNOWN"), ("n/a", "UNKNOWN"), ("N.A.", "UNKNOWN"),
        ("unknown", "UNKNOWN"), ("?", "UNKNOWN"), ("TBD", "UNKNOWN"), ("", "UNKNOWN"),
        ("no", "FAIL"), ("No.", "FAIL"), ("NO!", "FAIL"), ("\uff2e\uff4f", "FAIL"),
    ],
)  # fmt: skip
def test_an_answer_says_something(answer, outcome):
    answers = {**dict.fromkeys(QUESTIONS, "yes"), "variants_considered": answer}
    people = [{"reviewer": name, "answers": answers} for name in ("security-lead", "second-lead")]

    assert reviewed(*people, surroundings={"kev": True})["outcome"] == outcome


@pytest.mark.parametrize(
    ("landed_as", "commit", "outcome"),
    [
        ("head", HEAD, "PASS"),
        ("clean", HEAD, "PASS"),
        ("changed", HEAD, "UNKNOWN"),
        ("changed", MERGE, "PASS"),
    ],
)
def test_an_approval_of_the_head_is_none_of_a_merge_that_holds_something_else(
    landed_as, commit, outcome
):
    fix = good_facts()["fix"] | {"merge_commit": MERGE, "landed_as": landed_as}
    assert reviewed({"commit": commit}, fix=fix)["outcome"] == outcome


@pytest.mark.parametrize(
    "told",
    [
        {"former_hands": ["Security Lead <lead@shop.example>"]},
        {"commits": [{"author": "S <s@x.example>", "author_login": "security-lead"}]},
        {"commits": [{"author": "S <s@x.example>", "committer_login": "security-lead"}]},
        {"commits": [{"author": "Evelyn Jones <ej@corp.example>"}]},
    ],
)
def test_who_wrote_any_revision_by_any_name_does_not_review_it(told):
    fix = good_facts()["fix"] | told
    review = {"aliases": ["Evelyn Jones <ej@corp.example>"]}
    assert reviewed(review, fix=fix)["outcome"] == "FAIL"


def waived(until: str, at: str = AT) -> dict[str, Any]:
    waiver = {"check": "NO_NEW_SUPPRESSION", "by": "ciso", "reason": "agreed", "until": until}
    facts = changed(
        good_facts() | {"waivers": [waiver], "at": at}, "after.finished_at", "2026-11-23T11:00:00Z"
    )
    marked = git_diff({"app/x.py": ("x = 1\n", "x = 1\ny = run()  # nosec\n")})
    return row(judged(facts=facts, diff=marked), "NO_NEW_SUPPRESSION")


def test_no_waiver_holds_at_a_time_before_what_is_judged():
    assert waived("2026-12-01")["outcome"] == "WAIVED"
    assert waived("2026-11-10")["outcome"] == "FAIL"
    early = waived("2026-11-10", at="2026-11-09T00:00:00Z")
    assert early["outcome"] == "FAIL"
    assert "2026-11-23T11:00:00Z, " not in early["reason"]
    assert "the evidence tells of 2026-11-23T11:00:00Z" in early["reason"]


def test_a_waiver_until_the_last_day_there_is_makes_no_trace():
    assert waived("2999-12-31")["outcome"] == "WAIVED"
