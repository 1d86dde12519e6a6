"""Agentic scanners: distinct runs, the estimate of what they miss, and proofs of concept."""

from __future__ import annotations

from typing import Any

import pytest

from gate.checks.agentic import missed, recall
from tests.gate.made import (
    AT,
    BASE,
    BASE_TREE,
    HEAD,
    HEAD_TREE,
    OTHER,
    SINK,
    SINK_REF,
    changed,
    good_facts,
    judged,
    row,
    sarif,
)  # fmt: skip

PROOF = {
    "finding": SINK_REF,
    "before": {"commit": BASE, "outcome": "works"},
    "after": {"commit": HEAD, "outcome": "fails"},
    "by": "replay-runner",
    "at": "2026-11-23T10:00:00Z",
    "source": "measured",
    "evidence": "sha256:" + "0" * 64,
}


def report(number: int = 0, *, found: bool = False) -> dict[str, Any]:
    return sarif([SINK] if found else [], tool="MDASH", version="2", properties={"run": number})


def agentic(clean: int = 2, controls: tuple[bool, ...] = (), **after: Any) -> dict[str, Any]:
    """A finding of an AI scanner at the high tier, clean runs after it, and controls that hit or miss."""
    facts = changed(good_facts(), "fix.origin", "ai_generated")
    plain = {"tool_class": "agentic", "model": "sees-all-3", "exit_code": 0}
    facts["before"] |= plain | {"agent_run": "found-it"}
    facts["after"] = [
        facts["after"] | plain | {"agent_run": f"after-{i}"} | after for i in range(clean)
    ]
    facts["control"] = [
        facts["before"] | {"agent_run": f"control-{i}"} for i in range(len(controls))
    ]
    return {
        "before": report(100, found=True),
        "after": [report(i) for i in range(clean)],
        "control": [report(200 + i, found=hit) for i, hit in enumerate(controls)],
        "facts": facts,
    }


def absent(**given: Any) -> dict[str, Any]:
    return row(judged(**given), "ORIGINAL_ABSENT")


def test_the_estimate_is_the_rule_of_succession():
    assert recall(0, 0) == 0.5
    assert recall(3, 3) == pytest.approx(0.8)
    assert missed(3, 3, 2) == pytest.approx(0.04)
    assert missed(1, 3, 2) == pytest.approx(0.36)


@pytest.mark.parametrize(
    ("controls", "said"),
    [
        ((), "found it in 1 of 1 run before the fix: by the rule of succession a run finds it with "
             "probability 0.67, and 2 clean runs would all miss it with 0.11"),
        ((True, True), "3 of 3 runs before the fix"),
        ((True, False, False), "2 of 4 runs before the fix"),
    ],
)  # fmt: skip
def test_clean_runs_say_how_likely_they_only_missed_it(controls, said):
    found = absent(**agentic(controls=controls))

    assert found["outcome"] == "PASS"
    assert said in found["reason"]


def test_runs_of_another_model_or_of_other_code_are_no_basis_of_the_estimate():
    given = agentic(controls=(True, True))
    given["facts"]["control"][0]["model"] = "sees-all-2"
    given["facts"]["control"][1] |= {"commit": OTHER, "tree": "4" * 40}

    assert "1 of 1 run before the fix" in absent(**given)["reason"]


@pytest.mark.parametrize(
    ("first", "second", "outcome"),
    [
        ({"agent_run": "a"}, {"agent_run": "b"}, "PASS"),
        ({"agent_run": "a"}, {"agent_run": "a"}, "UNKNOWN"),
        ({"agent_run": None}, {"agent_run": None}, "UNKNOWN"),
        ({"agent_run": None, "started_at": "2026-11-23T01:00:00Z"},
         {"agent_run": None, "started_at": "2026-11-23T02:00:00Z"}, "PASS"),
        ({"agent_run": "a", "started_at": "2026-11-23T01:00:00Z"},
         {"agent_run": None, "started_at": "2026-11-23T01:00:00Z"}, "UNKNOWN"),
    ],
)  # fmt: skip
def test_a_copy_with_another_byte_is_not_another_run(first, second, outcome):
    given = agentic()
    for facts, told in zip(given["facts"]["after"], (first, second), strict=True):
        facts |= told
    found = absent(**given)

    assert found["outcome"] == outcome
    assert ("1 other not known to be another run" in found["reason"]) == (outcome == "UNKNOWN")


def test_a_deterministic_scanner_has_no_estimate():
    assert "succession" not in row(judged(), "ORIGINAL_ABSENT")["reason"]


# Proofs of concept


def control(proof: dict[str, Any] | None = None, **given: Any) -> dict[str, Any]:
    case = {**agentic(), **given}
    case["facts"] = case["facts"] | {"proofs": [] if proof is None else [proof]}
    return row(judged(**case), "POSITIVE_CONTROL")


def test_a_proof_that_worked_before_and_fails_after_is_a_control():
    assert control()["outcome"] == "UNKNOWN"
    found = control(PROOF)

    assert found["outcome"] == "PASS"
    assert found["evidence"] == ["facts#/proofs/0"]
    assert "replay-runner" in found["reason"]


@pytest.mark.parametrize(
    "attempts",
    [
        {"before": {"tree": BASE_TREE, "outcome": "works"}, "after": {"tree": HEAD_TREE, "outcome": "fails"}},
        {"before": {"commit": BASE, "tree": BASE_TREE, "outcome": "works"}},
    ],
)  # fmt: skip
def test_a_proof_is_bound_by_commit_or_by_tree(attempts):
    assert control(PROOF | attempts)["outcome"] == "PASS"


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"source": "declared"}, "declared only"),
        ({"before": {"commit": BASE, "outcome": "fails"}}, "did not work before"),
        ({"before": {"commit": OTHER, "outcome": "works"}}, "was not run on the base"),
        ({"after": {"commit": OTHER, "outcome": "fails"}}, "was not run on the fix's head"),
        ({"after": {"commit": HEAD, "tree": BASE_TREE, "outcome": "fails"}}, "was not run on the fix's head"),
        ({"after": {"commit": OTHER, "outcome": "works"}}, "still works"),
        ({"by": "dev@example.org"}, "made the fix"),
        ({"agent_run": "session-9"}, "run by what made the fix"),
        ({"model": "Writes-All-1"}, "run by what made the fix"),
        ({"at": "2026-11-24T10:00:00Z"}, "in the future"),
    ],
)  # fmt: skip
def test_a_proof_is_judged_strictly(told, reason):
    given = agentic()
    facts = given["facts"]
    facts["fix"] |= {"agent_run": "session-9", "model": "writes-all-1"}
    found = control(PROOF | told, facts=facts)

    assert found["outcome"] == "UNKNOWN"
    assert reason in found["reason"]


def test_a_control_that_is_blind_is_not_outweighed_by_a_proof():
    given = agentic(controls=(False,))

    assert control(PROOF, **given)["outcome"] == "FAIL"


def test_a_proof_says_nothing_of_a_deterministic_scanner():
    facts = good_facts() | {"proofs": [PROOF]}
    before = sarif([SINK], version="1.9.3")

    assert row(judged(before=before, facts=facts), "POSITIVE_CONTROL")["outcome"] == "UNKNOWN"


def test_a_proof_that_still_works_says_that_it_is_still_there():
    works = PROOF | {"after": {"commit": HEAD, "outcome": "works"}, "source": "declared"}
    given = agentic()
    given["facts"] |= {"proofs": [works]}
    found = absent(**given)

    assert found["outcome"] == "FAIL"
    assert "still works" in found["reason"]


def test_the_proof_is_older_than_the_judging():
    assert PROOF["at"] < AT
