"""Findings of what runs: the scan after the fix looked at a deployment of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gate.made import BASE, HEAD, HEAD_TREE, OTHER, changed, good_facts, judged, row, sarif

FOUND = {"rule": "10038", "path": "https://shop.example.org/login", "line": 1, "level": "warning"}


def answer(kind: str = "dast", **after: Any) -> dict[str, Any]:
    facts = good_facts()
    for role in ("before", "after"):
        facts = changed(facts, f"{role}.tool_class", kind)
    for key, value in after.items():
        facts = changed(facts, f"after.{key}", value)
    reports = {
        "before": sarif([FOUND], tool="Some Prober", files=()),
        "after": sarif([], tool="Some Prober", files=()),
    }
    given = reports | {"facts": facts, "findings": ("before.sarif#/runs/0/results/0",)}
    return row(judged(**given), "CLASS_SPECIFIC")


@pytest.mark.parametrize("kind", ["dast", "cloud"])
@pytest.mark.parametrize(
    ("told", "outcome"),
    [
        ({"deployed_commit": HEAD}, "PASS"),
        ({"deployed_tree": HEAD_TREE, "deployed_at": "2026-11-23T01:00:00Z"}, "PASS"),
        ({"deployed_commit": BASE}, "FAIL"),
        ({"deployed_commit": OTHER, "deployed_tree": HEAD_TREE}, "PASS"),
        ({"deployed_commit": HEAD, "deployed_at": "2026-11-23T11:00:00Z",
          "started_at": "2026-11-23T10:00:00Z", "finished_at": "2026-11-23T11:30:00Z"}, "FAIL"),
        ({}, "UNKNOWN"),
    ],
)  # fmt: skip
def test_what_was_tested_again_is_what_was_deployed(kind, told, outcome):
    assert answer(kind, **told)["outcome"] == outcome


def test_what_is_missing_is_named_with_who_knows_it():
    assert "deployed_commit" in answer()["to_pass"]
