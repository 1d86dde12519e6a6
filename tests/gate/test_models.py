"""Names of models and runs: one thing in several spellings, and things that are alike and two."""

from __future__ import annotations

import pytest

from gate.models import is_inside, is_same_model
from tests.gate.made import SINK, changed, good_facts, outcome, sarif


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Claude Opus 4.5", "claude-opus-4-5", True), ("gpt-5", "openai/gpt-5", True),
        ("gpt_5", "GPT-5", True), ("GPT 5", "gpt-5-2026-08-01", True),
        ("us.anthropic.claude-opus-4-5-20260101-v1:0", "Claude Opus 4.5", True),
        ("models/gemini-3-latest", "gemini-3", True), ("gpt-5", "gpt-5-mini", False),
        ("gpt-4.1", "gpt-41", False), ("claude-opus-4-5", "claude-sonnet-4-5", False), ("", "", False),
        (None, "gpt-5", False),
    ],
)  # fmt: skip
def test_a_model_is_known_in_every_spelling(one, other, same):
    assert is_same_model(one, other) is same
    assert is_same_model(other, one) is same


@pytest.mark.parametrize(
    ("run", "outer", "inside"),
    [
        ("run/7/", "run/7", True), ("RUN_7", "run-7", True), ("run-1-1", "run-11", False),
        ("https://github.com/o/r/actions/runs/12/job/5?pr=1", "github.com/o/r/actions/runs/12", True),
        ("https://github.com/o/r/actions/runs/123", "https://github.com/o/r/actions/runs/12", False),
        ("run-7", "run-8", False), (None, "run-7", False), ("run-7", "", False),
    ],
)  # fmt: skip
def test_a_part_of_a_run_is_inside_it(run, outer, inside):
    assert is_inside(run, outer) is inside


def test_the_fixers_model_among_the_extensions_of_the_report_fails():
    facts = changed(good_facts(), "fix.model", "gpt-6")
    for role in ("before", "after"):
        facts = changed(facts, f"{role}.tool_class", "agentic")
    facts = changed(facts, "after.model", "scan-1")
    report = sarif(tool="Agentic Scanner")
    told = {"before": sarif([SINK], tool="Agentic Scanner"), "facts": facts}

    assert outcome("INDEPENDENCE", after=report, **told) != "FAIL"
    report["runs"][0]["tool"]["extensions"] = [{"name": "openai/GPT-6", "version": "1"}]
    assert outcome("INDEPENDENCE", after=report, **told) == "FAIL"
