"""Policies: what they may say, what they may never say, and how errors are told."""

from __future__ import annotations

import hashlib

import pytest

from gate.checks import CHECKS
from gate.errors import InputError
from gate.evidence import Source
from gate.policy import DEFAULT, differences, load
from gate.terms import Tier

TEXT = DEFAULT.to_toml().decode()
DAGGERS = {
    "SCAN_LINKED",
    "CONTENT_BINDING",
    "SCAN_SCOPE",
    "EXECUTION_OK",
    "SAME_CLASS",
    "ORIGINAL_ABSENT",
    "NOTHING_NEW",
    "INDEPENDENCE",
    "HUMAN_REVIEW",
}
LOW = DAGGERS | {
    "WELL_FORMED",
    "FILES_ANALYSED",
    "RULE_ACTIVE",
    "SEVERITY_STABLE",
    "TOOL_VERSION",
    "NO_NEW_SUPPRESSION",
    "SCANNER_CONFIG_UNTOUCHED",
    "CLASS_SPECIFIC",
}
MEDIUM = LOW | {
    "POSITIVE_CONTROL",
    "SCAN_FRESH",
    "NOT_TRUNCATED",
    "TESTS_INTACT",
    "SCOPE_OF_CHANGE",
}


def _load(old: str, new: str, count: int = 1):
    assert old in TEXT
    return load(TEXT.replace(old, new, count).encode(), "ours.toml")


def test_the_default_policy_asks_of_each_tier_what_the_design_says():
    asked = {tier: set(terms.required) for tier, terms in DEFAULT.terms.items()}

    assert asked == {
        Tier.LOW: LOW,
        Tier.MEDIUM: MEDIUM,
        Tier.HIGH: MEDIUM | {"SCAN_PROVENANCE"},
    }
    assert DEFAULT.terms[Tier.HIGH].reviewers == 2
    assert DEFAULT.terms[Tier.LOW].new.security_severity == 4.0


def test_the_checks_that_nobody_can_waive_are_those_of_the_design():
    assert {check.id for check in CHECKS if not check.can_be_waived} == DAGGERS


def test_a_policy_is_known_by_the_digest_of_its_exact_bytes():
    data = TEXT.encode() + b"# ours\n"
    policy = load(data, "ours.toml")

    assert policy.to_toml() == data
    assert policy.digest == "sha256:" + hashlib.sha256(data).hexdigest()
    assert policy.digest != DEFAULT.digest


def test_checks_that_nobody_can_waive_are_required_by_a_policy_that_names_none():
    policy = load(_without_checks().encode(), "bare.toml")

    assert all(terms.required == DAGGERS for terms in policy.terms.values())


def _without_checks() -> str:
    lines, inside = [], False
    for line in TEXT.splitlines():
        inside = inside or line.startswith("checks = [")
        if not inside:
            lines.append(line)
        inside = inside and not line.rstrip().endswith("]")
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            '"WELL_FORMED"',
            '"WELL_FROMED"',
            r"line \d+, low.checks: there is no check called 'WELL_FROMED'",
        ),
        ("reviewers = 1 ", "reviewers = 0 ", r"line \d+, low.reviewers: must be at least 1"),
        ("reviewers = 1 ", "reviewers = true ", r"low.reviewers: must be a whole number"),
        ("clean_runs = 2", "clean_runs = 0", r"high.clean_runs: must be at least 1"),
        ("scan_max_age_days = 30", "# none", r"low.scan_max_age_days: is missing"),
        (
            'least_source = "declared"',
            'least_source = "unknown"',
            r"least_source: cannot be 'unknown'",
        ),
        ('least_source = "declared"', 'least_source = "heard"', r"'heard' is none of"),
        ("reviewers = 2", "reviewrs = 2", r"line \d+, high.reviewrs: unknown member"),
        ("kev = true", 'kev = "yes"', r"tier.high.kev: must be true or false"),
        (
            'schema = "ctem.policy/1"',
            'schema = "ctem.policy/2"',
            r"schema: must be 'ctem.policy/1'",
        ),
        ('name = "default"', "", r"name: is missing"),
        ("[high]", "[extra]\nx = 1\n[high]", r"line \d+, extra: unknown member"),
        ("attempts = 3", "attempts = 0", r"tier.raise.attempts: must be at least 1"),
        ("security_severity = 9.0", "security_severity = 11.0", r"must be from 0.0 to 10.0"),
        ("[high]", "[high", r"not TOML: .*line \d+"),
        (TEXT, 'name = "x"\ny = [\n', r"not TOML: .*line 2, the end of the document"),
    ],
)
def test_a_policy_that_cannot_be_used_is_refused_with_the_place(old, new, message):
    with pytest.raises(InputError, match=message) as caught:
        _load(old, new)
    assert str(caught.value).startswith("ours.toml: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('level = "warning"', 'level = "error"'),
        ("security_severity = 4.0", "security_severity = 4.1"),
        ('level = "warning"\n', "\n"),
        ("security_severity = 4.0\n", "\n"),
    ],
)
def test_no_policy_can_soften_what_counts_as_brought_in(old, new):
    with pytest.raises(InputError, match="NOTHING_NEW cannot be relaxed"):
        _load(old, new)


def test_a_policy_may_be_stricter_about_what_counts_as_brought_in():
    assert _load('level = "warning"', 'level = "note"').terms[Tier.LOW].new.level == "note"


def test_each_tier_keeps_what_the_one_below_asks():
    policy = _load('least_source = "declared"', 'least_source = "attested"')

    assert policy.terms[Tier.MEDIUM].least_source == Source.ATTESTED
    assert policy.terms[Tier.MEDIUM].required > policy.terms[Tier.LOW].required


def test_what_is_no_text_or_too_long_is_refused():
    with pytest.raises(InputError, match="not TOML"):
        load(b"\xff\xfe", "ours.toml")
    with pytest.raises(InputError, match="more than the limit"):
        load(b"#" * 300_000, "ours.toml")


def test_the_difference_of_two_policies_is_told_by_tier():
    stricter = _load('checks = ["SCAN_PROVENANCE"]\nreviewers = 2', "reviewers = 3")

    assert differences(DEFAULT, stricter) == [
        "high: - SCAN_PROVENANCE",
        "high: reviewers 2 -> 3",
    ]
    assert differences(DEFAULT, DEFAULT) == []


def test_a_difference_in_what_makes_a_tier_is_told_too():
    other = _load("changed_files = 10", "changed_files = 5")

    assert differences(DEFAULT, other) == ["tier.raise: changed_files 10 -> 5"]
