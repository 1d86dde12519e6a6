"""The published cases in tests/cases: good fixes pass, nothing else does. See its README."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from gate import facts as fact_reader
from gate.assemble import assemble
from gate.evidence import Document
from gate.judgement import judge
from gate.policy import DEFAULT, load

CASES = Path(__file__).parents[1] / "cases"
ROOT = CASES.parents[1]
NAMES = sorted(file.parent.name for file in CASES.glob("*/case.toml"))
GREEN = ("PASS", "NOT_APPLICABLE", "WAIVED")
THROUGH_THE_COMMAND = (
    "good-bandit", "bad-nosec", "good-eslint-api-upload",  # exit 0, 1 and 2
    "good-still-holds", "bad-reverted-later",
)  # fmt: skip
LAMPS = ("safe", "right", "after")
EXIT = {"pass": 0, "fail": 1, "unknown": 2}


@cache
def told(name: str) -> dict[str, Any]:
    """What case.toml says."""
    return tomllib.loads((CASES / name / "case.toml").read_text(encoding="utf-8"))


def documents(folder: Path, names: Sequence[str]) -> list[Document]:
    return [Document(name, (folder / name).read_bytes()) for name in names]


@cache
def answer(name: str) -> Mapping[str, Any]:
    """The judgement of a case on both lamps."""
    folder, case = CASES / name, told(name)
    evidence = assemble(
        after=documents(folder, case.get("after", [])),
        before=documents(folder, case.get("before", [])),
        control=documents(folder, case.get("control", [])),
        later=documents(folder, case.get("later", [])),
        diff=documents(folder, ["fix.diff"])[0],
        known=next(iter(documents(folder, [case["known"]] if "known" in case else [])), None),
        findings=case.get("findings", []),
        facts=fact_reader.parse((folder / "facts.json").read_bytes(), "facts.json"),
    )
    policy = (
        load((folder / "policy.toml").read_bytes(), "policy.toml") if "policy" in case else DEFAULT
    )
    return judge(evidence, policy).to_dict()


def stopping(judgement: Mapping[str, Any]) -> dict[str, str]:
    """The required checks that are not green, with their reasons."""
    return {
        row["id"]: f"{row['outcome']}: {row['reason']}"
        for row in judgement["checks"]
        if row["required"] and row["outcome"] not in GREEN
    }


@pytest.mark.parametrize("name", NAMES)
def test_a_case_ends_as_it_says(name: str) -> None:
    case, judgement = told(name), answer(name)
    expected, stopped = case["expect"], stopping(judgement)
    lamps = {lamp: expected[lamp] for lamp in LAMPS if lamp in expected}
    assert judgement["lamps"] == lamps, stopped
    assert set(expected["stopped_by"]) <= set(stopped), stopped
    if case["kind"] == "good":
        assert set(expected["stopped_by"]) == set(stopped), stopped
    verdicts = {original["finding"]: original["verdict"] for original in judgement["originals"]}
    for finding, verdict in expected.get("verdicts", {}).items():
        assert verdicts[finding] == verdict


@pytest.mark.parametrize("name", NAMES)
def test_a_case_says_what_it_is(name: str) -> None:
    case = told(name)
    worst = max(
        (case["expect"].get(lamp, "pass") for lamp in LAMPS), key=("pass", "unknown", "fail").index
    )
    assert case["title"] and case["setup"] and name.startswith(f"{case['kind']}-")
    assert (worst == "pass") == (not case["expect"]["stopped_by"])
    assert worst != ("pass" if case["kind"] == "bad" else "fail")
    assert (case["kind"] == "good" and worst == "unknown") == ("unknown" in case)
    assert all(case.get("unknown", {"cause": "-", "owner": "-"}).values())


def test_no_bad_case_passes_no_good_one_fails_and_few_stock_ones_are_unknown() -> None:
    ended = Counter((told(name)["kind"], answer(name)["verdict"]) for name in NAMES)
    good, bad = (sum(n for (kind, _), n in ended.items() if kind == k) for k in ("good", "bad"))
    assert good + bad == len(NAMES) >= 60
    assert good * 3 >= len(NAMES)
    assert ended["bad", "pass"] == 0
    assert ended["good", "fail"] == 0
    stock = [name for name in NAMES if told(name)["kind"] == "good" and told(name)["stock"]]
    unknown = [name for name in stock if answer(name)["verdict"] == "unknown"]
    assert len(stock) >= 10
    assert len(unknown) * 10 <= len(stock), unknown


@pytest.mark.parametrize("name", THROUGH_THE_COMMAND)
def test_the_command_answers_as_the_library_does(name: str) -> None:
    case = told(name)
    words = [
        f"--{role}={file}"
        for role in ("before", "after", "control", "later")
        for file in case.get(role, [])
    ]
    words += [f"--finding={finding}" for finding in case["findings"]]
    done = subprocess.run(
        [sys.executable, "-m", "gate", *words, "--diff=fix.diff", "--facts=facts.json", "--lamp=both"],
        cwd=CASES / name, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == EXIT[answer(name)["verdict"]], done.stderr
