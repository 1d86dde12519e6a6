"""The judgement as a whole: the real set of variants, lamps, tiers, waivers, and T04."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from importlib import resources
from typing import Any

import jsonschema
import pytest

from gate.errors import InputError
from gate.evidence import Document, Original, Waiver
from gate.judgement import judge
from gate.policy import DEFAULT
from gate.terms import Tier
from tests.gate.made import (
    BASE,
    BASE_TREE,
    HEAD,
    HEAD_TREE,
    MERGE,
    MERGE_TREE,
    NEW,
    OLD,
    OTHER,
    OTHER_TREE,
    PAIRS,
    REF,
    SINK,
    SINK_REF,
    changed,
    evidence,
    good_facts,
    judged,
    outcome,
    pair,
    row,
    sarif,
    stopping,
)

SCHEMA = json.loads(resources.files("gate").joinpath("data/judgement.schema.json").read_bytes())

STOPPED_BY = {
    "02_nosec": {"NO_NEW_SUPPRESSION"},
    "03_syntax_error": {"EXECUTION_OK", "FILES_ANALYSED"},
    "04_moved_to_new_file": {"ORIGINAL_ABSENT"},
    "05_extracted_to_other_file": {"ORIGINAL_ABSENT"},
    "06_config_skip": {
        "SCANNER_CONFIG_UNTOUCHED",
        "INDEPENDENCE",
        "RULE_ACTIVE",
        "POSITIVE_CONTROL",
    },
    "07_fix_introduces_new": {"NOTHING_NEW"},
    "08_lines_shifted_only": {"ORIGINAL_ABSENT"},
    "09_line_reformatted": {"ORIGINAL_ABSENT"},  # only its layout: there, and not new
    "10_duplicate_added": {"ORIGINAL_ABSENT"},
    "11_path_excluded": {
        "SCANNER_CONFIG_UNTOUCHED",
        "INDEPENDENCE",
        "FILES_ANALYSED",
        "RULE_ACTIVE",
        "SEVERITY_STABLE",
        "POSITIVE_CONTROL",
    },
}


def test_the_good_fix_of_the_real_set_passes_both_lamps():
    judgement = pair("01_good_fix", lamp="both")

    assert judgement["verdict"] == "pass"
    assert judgement["lamps"] == {"safe": "pass", "right": "pass"}
    assert judgement["tier"] == "medium"
    assert judgement["originals"][0]["presence"] == "absent"


def test_the_lesser_result_that_the_good_fix_brings_in_is_listed_and_does_not_block():
    (new,) = pair("01_good_fix")["new"]

    assert (new["rule"], new["path"], new["level"]) == ("B603", "app/views.py", "note")
    assert (new["cause"], new["placement"], new["blocks"]) == ("fix", "changed_lines", False)


@pytest.mark.parametrize("variant", sorted(STOPPED_BY))
def test_every_variant_that_is_no_fix_is_stopped_by_its_checks(variant):
    judgement = pair(variant)

    assert judgement["verdict"] == "fail"
    assert stopping(judgement) == STOPPED_BY[variant]


def test_every_variant_of_the_real_set_is_held_to_an_expectation():
    variants = {path.stem for path in PAIRS.glob("*.diff")}

    assert variants == {"01_good_fix", *STOPPED_BY}


def test_a_moved_original_is_named_at_its_new_place():
    original = pair("05_extracted_to_other_file")["originals"][0]

    assert original["presence"] == "present"
    assert original["stage"] == "S4"
    assert original["at"] == {"path": "app/util.py", "line": 9}


@pytest.mark.parametrize("variant", ["01_good_fix", *sorted(STOPPED_BY)])
def test_the_json_follows_its_schema(variant):
    jsonschema.validate(pair(variant, lamp="both"), SCHEMA)


def test_the_json_without_findings_and_without_scans_follows_its_schema():
    jsonschema.validate(judged(findings=()), SCHEMA)
    jsonschema.validate(judged(after=[], findings=(), facts={}), SCHEMA)


def test_every_check_says_why_and_every_open_one_says_what_to_do():
    for variant in STOPPED_BY:
        for check in pair(variant, lamp="both")["checks"]:
            assert check["reason"].endswith("."), check
            if check["outcome"] in ("FAIL", "UNKNOWN"):
                assert check["to_pass"].endswith("."), check


def test_the_same_evidence_gives_the_same_judgement():
    assert pair("07_fix_introduces_new") == pair("07_fix_introduces_new")


def test_the_verdict_is_that_of_the_chosen_lamp():
    facts = changed(good_facts(), "reviews", [])

    assert judged(facts=facts, lamp="safe")["verdict"] == "pass"
    assert judged(facts=facts, lamp="right")["verdict"] == "unknown"
    assert judged(facts=facts, lamp="both")["verdict"] == "unknown"


def test_an_unknown_lamp_is_refused():
    with pytest.raises(ValueError, match="lamp must be one of"):
        judge(evidence(), DEFAULT, lamp="red")


# One fact missing at a time: the check that rests on it must not pass.


@pytest.mark.parametrize(
    ("missing", "check"),
    [
        ("after.commit", "CONTENT_BINDING"),
        ("after.scope", "SCAN_SCOPE"),
        ("after.source", "INDEPENDENCE"),
        ("before.commit", "NOTHING_NEW"),
        ("before.commit", "ORIGINAL_ABSENT"),
        ("before.commit", "POSITIVE_CONTROL"),
        ("fix.base_commit", "NOTHING_NEW"),
        ("fix.head_commit", "CONTENT_BINDING"),
        ("at", "SCAN_FRESH"),
    ],
)
def test_a_missing_fact_is_unknown_and_never_passes(missing, check):
    facts = changed(good_facts(), missing, None)
    tree = {"after.commit": "after.tree", "before.commit": "before.tree"}
    tree |= {"fix.base_commit": "fix.base_tree", "fix.head_commit": "fix.head_tree"}
    facts = changed(facts, tree[missing], None) if missing in tree else facts
    judgement = judged(facts=facts)

    assert row(judgement, check)["outcome"] == "UNKNOWN"
    assert judgement["verdict"] == "unknown"


def test_no_facts_at_all_leave_everything_open_and_nothing_passes():
    judgement = judged(facts={}, lamp="both")

    assert judgement["verdict"] == "unknown"
    assert {"CONTENT_BINDING", "SCAN_SCOPE", "INDEPENDENCE"} <= stopping(judgement)


def test_a_fix_without_any_scan_fails():
    judgement = judged(after=[], facts=changed(good_facts(), "after", None))

    assert row(judgement, "SCAN_LINKED")["outcome"] == "FAIL"
    assert judgement["verdict"] == "fail"


# T04: incomplete scans (reliability.md, section 5). Each is the good scan with one thing wrong.


def _run(**members: Any) -> dict[str, Any]:
    """The good scan of the real set with members of its run replaced; ... takes one out."""
    log = json.loads((PAIRS / "01_good_fix.sarif").read_bytes())
    run = log["runs"][0] | members
    log["runs"][0] = {key: value for key, value in run.items() if value is not ...}
    return log


def _notified(array: str) -> dict[str, Any]:
    told = {"message": {"text": "could not read a file"}, "level": "error"}
    return _run(invocations=[{"executionSuccessful": True, array: [told]}])


def _present(**more: Any) -> dict[str, Any]:
    """The scan in which the original is still reported, with more said of it."""
    log = json.loads((PAIRS / "00_before.sarif").read_bytes())
    results = log["runs"][0]["results"]
    results[1] = {**results[1], **more}
    return log


def _rule_off() -> dict[str, Any]:
    override = {"descriptor": {"id": "B602"}, "configuration": {"enabled": False}}
    invocation = {"executionSuccessful": True, "ruleConfigurationOverrides": [override]}
    driver = copy.deepcopy(_run()["runs"][0]["tool"]["driver"])
    driver["rules"].append({"id": "B602"})
    return _run(invocations=[invocation], tool={"driver": driver})


def _driver(**members: Any) -> dict[str, Any]:
    driver = _run()["runs"][0]["tool"]["driver"] | members
    return _run(tool={"driver": driver})


T04 = {
    "did not succeed": (_run(invocations=[{"executionSuccessful": False}]), {}, "EXECUTION_OK"),
    "an execution error": (_notified("toolExecutionNotifications"), {}, "EXECUTION_OK"),
    "a configuration error": (_notified("toolConfigurationNotifications"), {}, "EXECUTION_OK"),
    "results null": (_run(results=None), {}, "EXECUTION_OK"),
    "results absent": (_run(results=...), {}, "EXECUTION_OK"),
    "no run": ({"version": "2.1.0", "runs": []}, {}, "EXECUTION_OK"),
    "the rule disabled": (_rule_off(), {}, "RULE_ACTIVE"),
    "the rule not among those that ran": (_run(), {"after.rules": ["B404"]}, "RULE_ACTIVE"),
    "another tool": (_driver(name="ESLint"), {}, "ORIGINAL_ABSENT"),
    "a tool of another class": (_driver(name="Gitleaks"), {}, "SAME_CLASS"),
    "another configuration": (
        _run(),
        {"before.config_digest": "sha256:1", "after.config_digest": "sha256:2"},
        "POSITIVE_CONTROL",
    ),
    "an older version": (_driver(version="1.7.0", semanticVersion="1.7.0"), {}, "TOOL_VERSION"),
    "the file not in scope": (
        _run(properties={"metrics": {"app/util.py": {}}}, results=[]),
        {},
        "FILES_ANALYSED",
    ),
    "a commit without the fix": (
        _run(),
        {"after.commit": BASE, "after.tree": BASE_TREE},
        "CONTENT_BINDING",
    ),
    "older than the fix": (
        _run(),
        {
            "after.commit": OTHER,
            "after.tree": OTHER_TREE,
            "fix.pushed_at": "2026-11-23T11:00:00Z",
            "after.started_at": "2026-11-23T10:00:00Z",
        },
        "SCAN_FRESH",
    ),
    "months old": (_run(), {"after.finished_at": "2026-06-01T00:00:00Z"}, "SCAN_FRESH"),
    "limited to the diff": (_run(), {"after.scope": "diff"}, "SCAN_SCOPE"),
    "a failing exit status": (_run(), {"after.exit_code": 2}, "EXECUTION_OK"),
    "suppressed": (_present(suppressions=[{"kind": "inSource"}]), {}, "ORIGINAL_ABSENT"),
    "another fingerprint at the same place": (
        _present(partialFingerprints={"primaryLocationLineHash": "ffff:1"}),
        {},
        "ORIGINAL_ABSENT",
    ),
}


@pytest.mark.parametrize("case", sorted(T04))
def test_an_incomplete_scan_never_passes_and_the_reason_is_shown(case):
    report, facts, check = T04[case]
    told = good_facts()
    for path, value in facts.items():
        told = changed(told, path, value)
    judgement = pair("01_good_fix", after=report, facts=told)

    assert judgement["verdict"] != "pass"
    assert check in stopping(judgement)
    assert row(judgement, check)["reason"]


def test_a_scan_cut_off_at_a_known_limit_never_passes():
    many = [
        {"rule": "B404", "path": "app/old.py", "line": n, "level": "note"} for n in range(1, 5001)
    ]
    judgement = judged(before=sarif([SINK, *many]), after=sarif(many))

    assert "NOT_TRUNCATED" in stopping(judgement)
    assert "5000" in row(judgement, "NOT_TRUNCATED")["reason"]


def test_the_true_clean_scan_passes():
    assert pair("01_good_fix", after=_run())["verdict"] == "pass"


# What merged.


def _merged(**after: str) -> dict[str, Any]:
    facts = good_facts()
    facts["fix"] |= {"merge_commit": MERGE, "merge_tree": MERGE_TREE}
    facts["after"] |= after
    return facts


def test_a_squash_merge_with_the_tree_that_was_scanned_passes():
    facts = _merged()
    facts["fix"]["merge_tree"] = HEAD_TREE

    assert judged(facts=facts, lamp="both")["verdict"] == "pass"


def test_a_merge_with_another_tree_than_the_one_scanned_fails():
    assert outcome("CONTENT_BINDING", facts=_merged()) == "FAIL"


def test_a_scan_of_the_merge_commit_on_the_base_passes():
    facts = _merged(commit=MERGE, tree=MERGE_TREE)
    facts["after"]["parents"] = [BASE, HEAD]

    assert judged(facts=facts, lamp="both")["verdict"] == "pass"


def test_a_pull_request_scan_beside_the_scan_of_the_merge_answers_only_what_is_new():
    facts = _merged()
    of_merge = facts["after"] | {"commit": MERGE, "tree": MERGE_TREE, "parents": [BASE]}
    of_head = facts["after"] | {"scope": "diff"}
    facts["after"] = [of_head, of_merge]

    assert judged(facts=facts, after=[sarif(), sarif()])["verdict"] == "pass"


def test_a_scan_of_a_later_commit_with_the_same_relevant_blobs_answers_gone_but_not_new():
    facts = _merged(commit=OTHER, tree=OTHER_TREE)
    facts["fix"]["merge_blobs"] = facts["after"]["blobs"] = {"app/db.py": "e" * 40}
    facts["before"]["blobs"] = {"app/db.py": "f" * 40}
    judgement = judged(facts=facts)

    assert row(judgement, "CONTENT_BINDING")["outcome"] == "PASS"
    assert row(judgement, "ORIGINAL_ABSENT")["outcome"] == "PASS"
    assert row(judgement, "NOTHING_NEW")["outcome"] == "UNKNOWN"


# Several findings.

SECOND = SINK | {"rule": "B324", "line": 9, "snippet": "    return hashlib.md5(x)\n"}


def test_one_finding_that_is_not_fixed_blocks_itself_and_not_its_sibling():
    refs = (SINK_REF, "B324@app/db.py:9")
    judgement = judged(before=sarif([SINK, SECOND]), after=sarif([SECOND]), findings=refs)
    verdicts = {o["finding"]: o["verdict"] for o in judgement["originals"]}

    assert verdicts == {SINK_REF: "pass", "B324@app/db.py:9": "fail"}
    assert judgement["verdict"] == "fail"


def test_what_the_fix_brings_in_blocks_every_finding():
    added = {"rule": "B307", "path": "app/db.py", "line": 5, "level": "warning"}
    refs = (SINK_REF, "B324@app/db.py:9")
    judgement = judged(before=sarif([SINK, SECOND]), after=sarif([added]), findings=refs)

    assert {o["verdict"] for o in judgement["originals"]} == {"fail"}


def test_each_finding_is_held_to_its_own_tier():
    lesser = {"rule": "B404", "path": "app/db.py", "line": 1, "level": "note"}
    facts = changed(good_facts(), "after.finished_at", "2026-09-01T00:00:00Z")
    refs = (SINK_REF, "B404@app/db.py:1")
    judgement = judged(before=sarif([SINK, lesser]), after=sarif(), findings=refs, facts=facts)
    verdicts = {o["finding"]: o["verdict"] for o in judgement["originals"]}

    assert verdicts == {SINK_REF: "fail", "B404@app/db.py:1": "pass"}
    assert row(judgement, "SCAN_FRESH", SINK_REF)["required"]
    assert not row(judgement, "SCAN_FRESH", "B404@app/db.py:1")["required"]


def test_without_a_finding_only_what_is_new_is_asked():
    facts = changed(good_facts(), "after.scope", "diff")
    judgement = judged(findings=(), facts=facts)
    asked = {r["id"]: r["outcome"] for r in judgement["checks"]}

    assert judgement["verdict"] == "pass"
    assert judgement["originals"] == []
    for check in ("SCAN_SCOPE", "ORIGINAL_ABSENT", "RULE_ACTIVE", "SAME_CLASS", "POSITIVE_CONTROL"):
        assert asked[check] == "NOT_APPLICABLE"
    assert asked["NOTHING_NEW"] == "PASS"


def test_a_finding_whose_original_nobody_has_is_unknown_at_the_high_tier():
    given = evidence(findings=())
    lost = replace(given, originals=(Original("B602@app/gone.py:1", None),))
    judgement = judge(lost, DEFAULT).to_dict()

    assert (judgement["tier"], judgement["originals"][0]["verdict"]) == ("high", "unknown")
    assert row(judgement, "ORIGINAL_ABSENT")["outcome"] == "UNKNOWN"
    jsonschema.validate(judgement, SCHEMA)


# Tiers.


@pytest.mark.parametrize(
    ("level", "properties", "tier"),
    [
        ("note", {}, "low"),
        ("warning", {}, "low"),
        ("error", {}, "medium"),
        ("warning", {"security-severity": "7.0"}, "medium"),
        ("note", {"security-severity": "9.8"}, "high"),
        ("error", {"security-severity": "6.9"}, "medium"),
    ],
)
def test_the_tier_follows_the_worse_of_level_and_security_severity(level, properties, tier):
    sink = SINK | {"level": level}
    rules = [{"id": "B602", "properties": properties}]

    assert judged(before=sarif([sink], rules=rules))["tier"] == tier


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("fix.origin", "ai_generated"),
        ("fix.origin", "ai_assisted"),
        ("fix.attempts", 3),
        ("surroundings", {"exposure": "internet", "criticality": "high"}),
        ("surroundings", {"kev": True}),
    ],
)
def test_what_calls_for_a_closer_look_raises_the_tier(path, value):
    assert judged(facts=changed(good_facts(), path, value))["tier"] == "high"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("fix.origin", "human"),
        ("fix.origin", "automation"),
        ("fix.attempts", 2),
        ("surroundings", {"exposure": "internet", "criticality": "medium"}),
        ("surroundings", {"exposure": "internal", "criticality": "critical"}),
    ],
)
def test_what_calls_for_no_closer_look_leaves_the_tier(path, value):
    assert judged(facts=changed(good_facts(), path, value))["tier"] == "medium"


def test_a_large_change_raises_the_tier():
    long = {"app/db.py": (OLD, NEW), "app/x.py": (None, "x = 1\n" * 400)}
    many = {"app/db.py": (OLD, NEW)} | {f"app/f{n}.py": (None, "x = 1\n") for n in range(10)}

    assert judged(diff=long)["tier"] == "high"
    assert judged(diff=many)["tier"] == "high"


def test_signs_of_an_ai_raise_the_tier_whatever_was_declared():
    facts = changed(good_facts(), "fix.origin", "human")
    message = "Fix\n\nCo-Authored-By: Claude <noreply@anthropic.com>\n"
    facts["fix"]["commits"] = [{"id": HEAD, "message": message, "author": "Dev <dev@example.org>"}]

    assert judged(facts=facts)["tier"] == "high"


# Waivers.


def _waived(check: str, **changes: str) -> dict[str, Any]:
    waiver = {"check": check, "by": "ciso", "reason": "agreed in review", "until": "2026-12-01"}
    facts = changed(good_facts(), "after.finished_at", "2026-09-01T00:00:00Z")
    return facts | {"waivers": [waiver | changes]}


def test_a_valid_waiver_stands_on_the_judgement_and_lets_it_pass():
    judgement = judged(facts=_waived("SCAN_FRESH"))
    waived = row(judgement, "SCAN_FRESH")

    assert judgement["verdict"] == "pass"
    assert waived["outcome"] == "WAIVED"
    assert "ciso" in waived["reason"]
    assert "2026-12-01" in waived["reason"]


@pytest.mark.parametrize(
    "changes",
    [
        {"until": "2026-11-22"},
        {"by": "dev"},
        {"by": "Dev Eloper <dev@example.org>"},
        {"by": "dependabot[bot]"},
    ],
)
def test_a_waiver_that_is_over_or_by_the_fixer_or_by_a_machine_does_not_hold(changes):
    assert outcome("SCAN_FRESH", facts=_waived("SCAN_FRESH", **changes)) == "FAIL"


def test_a_waiver_lasts_to_the_end_of_its_day():
    assert outcome("SCAN_FRESH", facts=_waived("SCAN_FRESH", until="2026-11-23")) == "WAIVED"


def test_a_waiver_for_one_finding_covers_only_that_one():
    refs = (SINK_REF, "B324@app/db.py:9")
    facts = _waived("SCAN_FRESH", finding=SINK_REF)
    judgement = judged(before=sarif([SINK, SECOND]), after=sarif(), findings=refs, facts=facts)

    assert row(judgement, "SCAN_FRESH", SINK_REF)["outcome"] == "WAIVED"
    assert row(judgement, "SCAN_FRESH", "B324@app/db.py:9")["outcome"] == "FAIL"


DAGGERS = (
    "SCAN_LINKED",
    "CONTENT_BINDING",
    "SCAN_SCOPE",
    "EXECUTION_OK",
    "SAME_CLASS",
    "ORIGINAL_ABSENT",
    "NOTHING_NEW",
    "INDEPENDENCE",
    "HUMAN_REVIEW",
)


@pytest.mark.parametrize("check", DAGGERS)
def test_a_waiver_of_a_check_that_nobody_can_waive_is_refused(check):
    with pytest.raises(InputError, match=r"waivers\[0\].check: .* can be waived by nobody"):
        evidence(facts=_waived(check))


def test_a_waiver_that_got_past_the_reading_still_waives_no_check_that_nobody_can_waive():
    given = pair_evidence("07_fix_introduces_new")
    waiver = Waiver("NOTHING_NEW", "ciso", "agreed", "2026-12-01")
    smuggled = replace(given, waivers=(waiver,))

    assert row(judge(smuggled, DEFAULT).to_dict(), "NOTHING_NEW")["outcome"] == "FAIL"


def pair_evidence(variant: str):
    return evidence(
        before=Document("before.sarif", (PAIRS / "00_before.sarif").read_bytes()),
        after=Document("after.sarif", (PAIRS / f"{variant}.sarif").read_bytes()),
        diff=(PAIRS / f"{variant}.diff").read_text(),
        findings=(REF,),
    )


def test_a_waiver_of_a_check_that_does_not_exist_is_refused():
    with pytest.raises(InputError, match="there is no check called 'SCAN_FRESHNESS'"):
        evidence(facts=_waived("SCAN_FRESHNESS"))


# The source of facts.


def test_facts_from_a_source_weaker_than_the_tier_accepts_count_as_unknown():
    facts = changed(good_facts(), "fix.origin", "ai_generated")
    facts = changed(facts, "after.source", "declared")
    judgement = judged(facts=facts)

    assert judgement["tier"] == Tier.HIGH
    assert row(judgement, "CONTENT_BINDING")["outcome"] == "UNKNOWN"
    assert "source the policy does not accept" in row(judgement, "SCAN_SCOPE")["reason"]


def test_the_time_of_judging_is_that_of_the_facts():
    early = changed(good_facts(), "at", "2026-11-23T02:00:00Z")

    assert judged(facts=early)["verdict"] == "pass"
    assert (
        outcome("SCAN_FRESH", facts=changed(good_facts(), "at", "2027-11-23T02:00:00Z")) == "FAIL"
    )
