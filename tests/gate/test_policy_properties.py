"""Policies that nobody would write: refused, or as strict as every policy has to be."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gate.checks import CHECKS
from gate.errors import InputError
from gate.evidence import Source
from gate.policy import DEFAULT, FIGURES, MOST_DAYS, MOST_LENIENT_SCORE, Policy, differences, load
from gate.records import LEVEL_RANK, Level
from gate.terms import Tier

TEXT = DEFAULT.to_toml().decode()
LINES = TEXT.splitlines()
DAGGERS = {check.id for check in CHECKS if not check.can_be_waived}
TABLES = ("tier.medium", "tier.high", "tier.raise", "nothing_new", "low", "medium", "high", "other")
KEYS = (
    *FIGURES, "schema", "name", "checks", "level", "security_severity", "kev", "origins", "exposure",
    "criticality", "changed_lines", "changed_files", "attempts", "waive", '"a\\nb"', "low.checks",
)  # fmt: skip
VALUES = st.one_of(
    st.sampled_from([
        "true", "false", "0", "1", "-1", "2", "4.0", "4.1", "0.0", "nan", "-inf", "1e999", "1979-05-27",
        "[]", "{}", '""', '"warning"', '"error"', '"none"', '"note"', '"unknown"', '"declared"',
        '"ctem.policy/1"', '["NOTHING_NEW"]', '["human"]', '["a", 1]', "[[1]]", "{ a = 1 }", "9" * 5000,
    ]),
    st.integers().map(str),
    st.text(max_size=5).map(json.dumps),
    st.lists(st.sampled_from([*sorted(DAGGERS), "SCAN_FRESH", "X"]), max_size=3).map(json.dumps),
)  # fmt: skip
SETTINGS = st.tuples(st.sampled_from(KEYS), VALUES).map(" = ".join)
MEMBERS = st.one_of(SETTINGS, st.sampled_from(TABLES).map("[{}]".format), st.text(max_size=9))
PLACES = st.integers(0, len(LINES) - 1)


def outcome(data: bytes) -> Policy | None:
    """The policy, held against what every policy promises; None if it is refused in one line."""
    try:
        policy = load(data, "ours.toml")
    except InputError as error:
        assert error.where.startswith("ours.toml")
        assert str(error).isprintable(), "one line that can be shown"
        return None
    assert policy.to_toml() == data
    asked = [policy.terms[tier] for tier in Tier]
    for terms in asked:
        assert terms.required >= DAGGERS
        assert terms.new.level and LEVEL_RANK[terms.new.level] <= LEVEL_RANK[Level.WARNING]
        assert 0 <= terms.new.security_severity <= MOST_LENIENT_SCORE
        assert terms.reviewers >= 1
        assert terms.clean_runs >= 1
        assert 1 <= terms.scan_max_age_days <= MOST_DAYS
        assert terms.least_source != Source.UNKNOWN
    assert asked[0].required <= asked[1].required <= asked[2].required
    assert all(type(line) is str for line in differences(DEFAULT, policy))
    return policy


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(PLACES, st.sampled_from("-+*="), MEMBERS), min_size=1, max_size=4))
@example([(0, "+", f"x = {'9' * 5000}")])
@example([(0, "+", '"a\\nb" = 1')])
def test_a_changed_default_policy_is_refused_or_as_strict_as_any(changes):
    lines = list(LINES)
    for place, step, member in changes:
        key = lines[place].partition("=")[0]
        texts = {"-": "", "+": f"{lines[place]}\n{member}", "*": member}
        lines[place] = texts.get(step, f"{key}= {member.partition('=')[2] or member}")
    outcome("\n".join(lines).encode("utf-8", "surrogatepass"))


@settings(max_examples=200, deadline=None)
@given(st.lists(MEMBERS, max_size=12))
def test_a_policy_made_at_random_is_refused_or_as_strict_as_any(members):
    outcome("\n".join(members).encode("utf-8", "surrogatepass"))


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(TEXT)), st.integers(0, 40), st.binary(max_size=6))
def test_a_damaged_policy_is_refused_or_as_strict_as_any(start, length, damage):
    data = TEXT.encode()
    outcome(data[:start] + damage + data[start + length :])


@pytest.mark.parametrize("tier", list(Tier))
@pytest.mark.parametrize("check", sorted(DAGGERS))
def test_no_tier_can_leave_out_what_cannot_be_waived(tier, check):
    """Neither by naming other checks only, nor by a list of its own, nor by a word for waiving."""
    kept = [name for name in DAGGERS if name != check]
    bare = "\n".join(line for line in LINES if not line.strip().startswith(('"', "checks", "]")))
    named = bare.replace(f"[{tier}]", f"[{tier}]\nchecks = {json.dumps(kept)}")
    policy = outcome(named.encode())
    assert policy and check in policy.terms[tier].required
    for word in ("waive", "waived", "optional", "exclude"):
        assert outcome(f'{TEXT}\n{word} = ["{check}"]\n'.encode()) is None
