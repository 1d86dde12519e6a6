"""Checks on findings: gone, nothing new, the rule on, levels kept, the right tool, a control."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gate.made import (
    NEW,
    OLD,
    OTHER,
    OTHER_TREE,
    SINK,
    SINK_REF,
    changed,
    good_facts,
    judged,
    outcome,
    row,
    sarif,
)

ADDED = {"rule": "B307", "path": "app/db.py", "line": 5, "level": "warning"}
ELSEWHERE = {"rule": "B307", "path": "app/far.py", "line": 3, "level": "error"}


def _answer(check: str, **given: Any) -> dict[str, Any]:
    return row(judged(**given), check)


# ORIGINAL_ABSENT


def test_a_suppressed_original_is_present():
    hidden = SINK | {"suppressions": [{"kind": "external", "status": "accepted"}]}
    answer = _answer("ORIGINAL_ABSENT", after=sarif([hidden]), diff={"app/x.py": (None, "x = 1\n")})

    assert answer["outcome"] == "FAIL"
    assert "suppressed" in answer["reason"]


def test_the_same_rule_elsewhere_in_the_file_is_inconclusive():
    other = SINK | {
        "line": 40,
        "snippet": "    subprocess.run(other, shell=True)\n",
        "message": "B602 here",
    }
    judgement = judged(after=sarif([other]))

    assert row(judgement, "ORIGINAL_ABSENT")["outcome"] == "UNKNOWN"
    assert judgement["originals"][0]["presence"] == "inconclusive"
    assert judgement["originals"][0]["stage"] in ("S6", "S7")


def test_one_of_two_alike_that_is_left_does_not_say_which_one_it_is():
    twin = SINK | {"line": 40}
    after = sarif([SINK | {"line": 30}])
    answers = {
        ref: _answer("ORIGINAL_ABSENT", before=sarif([SINK, twin]), after=after, findings=(ref,),
                     diff={"app/db.py": ("a\n" * 45, "b\n" * 45)})["outcome"]
        for ref in (SINK_REF, "B602@app/db.py:40")
    }  # fmt: skip

    assert "PASS" not in answers.values()


def test_a_dispute_by_two_others_rejects_a_match_and_makes_the_result_new():
    other = SINK | {
        "line": 40,
        "snippet": "    subprocess.run(other, shell=True)\n",
        "message": "B602 here",
    }
    dispute = {
        "kind": "dispute",
        "about": "match",
        "finding": SINK_REF,
        "result": "after.sarif#/runs/0/results/0",
        "by": "analyst",
        "second": "lead",
        "reason": "another call with a constant",
    }
    judgement = judged(after=sarif([other]), facts=good_facts() | {"dispositions": [dispute]})

    assert row(judgement, "ORIGINAL_ABSENT")["outcome"] == "PASS"
    assert [new["rule"] for new in judgement["new"]] == ["B602"]


@pytest.mark.parametrize("people", [("dev", "lead"), ("analyst", "Analyst"), ("analyst", "x[bot]")])
def test_a_dispute_by_the_fixer_by_one_person_or_by_a_bot_is_void(people):
    dispute = {
        "kind": "dispute",
        "about": "match",
        "finding": SINK_REF,
        "result": "after.sarif#/runs/0/results/0",
        "by": people[0],
        "second": people[1],
        "reason": "no",
    }
    facts = good_facts() | {"dispositions": [dispute]}

    assert outcome("ORIGINAL_ABSENT", after=sarif([SINK]), diff="", facts=facts) != "PASS"


def test_absence_in_a_scan_that_the_diff_does_not_reach_is_inconclusive():
    facts = changed(changed(good_facts(), "before.commit", OTHER), "before.tree", OTHER_TREE)

    assert outcome("ORIGINAL_ABSENT", facts=facts) == "UNKNOWN"


def test_an_original_from_an_older_scan_is_followed_to_the_scan_of_the_base():
    facts = good_facts()
    facts["before"] = [facts["before"] | {"commit": OTHER, "tree": OTHER_TREE}, facts["before"]]
    moved = SINK | {"line": 4, "path": "app/old.py"}
    refs = ("B602@app/old.py:4",)
    judgement = judged(before=[sarif([moved]), sarif([SINK])], facts=facts, findings=refs)

    assert row(judgement, "ORIGINAL_ABSENT")["outcome"] == "PASS"
    assert judgement["verdict"] == "pass"


def test_an_agentic_scanner_must_be_clean_as_often_as_the_policy_says():
    given = _agentic()
    assert outcome("ORIGINAL_ABSENT", **given) == "UNKNOWN"

    facts = given["facts"]
    facts["after"] = [facts["after"] | {"agent_run": f"run-{number}"} for number in (1, 2)]
    twice = [given["after"], sarif(tool="MDASH", version="2", properties={"run": 2})]
    assert outcome("ORIGINAL_ABSENT", **{**given, "after": twice}) == "PASS"
    once = [given["after"], given["after"]]
    assert outcome("ORIGINAL_ABSENT", **{**given, "after": once}) == "UNKNOWN"


def _agentic() -> dict[str, Any]:
    """A finding of an AI scanner, at the high tier."""
    facts = changed(good_facts(), "fix.origin", "ai_generated")
    for scan in ("before", "after"):
        facts[scan] |= {"tool_class": "agentic", "model": "sees-all-3", "exit_code": 0}
    before, after = sarif([SINK], tool="MDASH", version="2"), sarif(tool="MDASH", version="2")
    return {"before": before, "after": after, "facts": facts}


# NOTHING_NEW


def test_a_new_result_on_a_changed_line_blocks():
    judgement = judged(after=sarif([ADDED]))
    (new,) = judgement["new"]

    assert row(judgement, "NOTHING_NEW")["outcome"] == "FAIL"
    assert (new["placement"], new["cause"], new["blocks"]) == ("changed_lines", "fix", True)


@pytest.mark.parametrize(
    ("level", "properties", "outcome_"),
    [
        ("note", {}, "PASS"),
        ("note", {"security-severity": "3.9"}, "PASS"),
        ("note", {"security-severity": "4.0"}, "FAIL"),
        ("warning", {}, "FAIL"),
        ("error", {}, "FAIL"),
    ],
)
def test_from_the_threshold_on_a_new_result_blocks(level, properties, outcome_):
    rules = [{"id": "B307", "properties": properties}]
    report = sarif([ADDED | {"level": level}], rules=rules)

    assert outcome("NOTHING_NEW", after=report) == outcome_


def test_a_new_result_counts_at_the_level_its_rule_had_before():
    before = sarif([SINK, ELSEWHERE | {"line": 90}])
    after = sarif([ELSEWHERE | {"line": 90}, ADDED | {"level": "note"}])

    assert outcome("NOTHING_NEW", before=before, after=after) == "FAIL"


def test_a_result_that_asks_a_person_counts_by_the_level_of_its_rule():
    review = ADDED | {"kind": "review", "level": "none"}

    assert outcome("NOTHING_NEW", after=sarif([review])) == "FAIL"


def test_a_suppressed_new_result_blocks():
    hidden = ADDED | {"suppressions": [{"kind": "inSource"}]}

    assert outcome("NOTHING_NEW", after=sarif([hidden])) == "FAIL"


def test_a_new_result_far_away_is_the_fixs_where_tool_rules_and_configuration_are_the_same():
    judgement = judged(after=sarif([ELSEWHERE]))
    (new,) = judgement["new"]

    assert (new["placement"], new["cause"]) == ("elsewhere", "fix")
    assert row(judgement, "NOTHING_NEW")["outcome"] == "FAIL"


def test_a_new_result_far_away_under_a_newer_tool_does_not_count():
    judgement = judged(after=sarif([ELSEWHERE], version="1.9.5"))

    assert judgement["new"][0]["cause"] == "tool_changed"
    assert row(judgement, "NOTHING_NEW")["outcome"] == "PASS"


def test_a_new_result_on_a_changed_line_counts_under_a_newer_tool_too():
    assert outcome("NOTHING_NEW", after=sarif([ADDED], version="1.9.5")) == "FAIL"


def test_a_new_result_of_a_rule_that_was_not_on_before_does_not_count_elsewhere():
    before = sarif([SINK], tool="CodeQL", rules=[{"id": "B602"}])
    after = sarif([ELSEWHERE], tool="CodeQL", rules=[{"id": "B602"}, {"id": "B307"}])
    facts = changed(good_facts(), "after.exit_code", 0)

    assert judged(before=before, after=after, facts=facts)["new"][0]["cause"] == "tool_changed"


def test_a_new_result_whose_cause_nobody_can_tell_is_unknown():
    facts = changed(good_facts(), "before.config_digest", "sha256:1")
    facts = changed(facts, "after.config_digest", "sha256:2")
    judgement = judged(after=sarif([ELSEWHERE]), facts=facts)

    assert judgement["new"][0]["cause"] == "unknown"
    assert row(judgement, "NOTHING_NEW")["outcome"] == "UNKNOWN"


def test_a_data_flow_through_changed_code_is_the_fixs():
    place = {
        "physicalLocation": {"artifactLocation": {"uri": "app/db.py"}, "region": {"startLine": 5}}
    }
    flow = [{"threadFlows": [{"locations": [{"location": place}]}]}]
    report = sarif([ELSEWHERE | {"codeFlows": flow}], version="1.9.5")
    (new,) = judged(after=report)["new"]

    assert new["cause"] == "fix"
    assert "data flow" in new["reason"]


def test_a_new_result_beside_a_removed_line_is_the_fixs():
    guarded = OLD.replace("    return", "    check(cmd)\n    return")
    sink = SINK | {"line": 6}
    beside = SINK | {"rule": "B605", "line": 5}
    given = {"diff": {"app/db.py": (guarded, OLD)}, "findings": ("B602@app/db.py:6",)}

    report = sarif([beside], version="1.9.5")
    assert judged(before=sarif([sink]), after=report, **given)["new"][0]["cause"] == "fix"


def test_the_same_advisory_scanner_with_new_advisories_does_not_count_against_the_fix():
    sink = SINK | {"path": "app/db.py"}
    advisory = {"rule": "CVE-2026-1", "path": "requirements.txt", "line": 1, "level": "error"}
    facts = changed(good_facts(), "after.exit_code", 0)
    given = {"before": sarif([sink], tool="Trivy"), "after": sarif([advisory], tool="Trivy")}

    code_only = judged(facts=facts, **given)
    bumped = {"app/db.py": (OLD, NEW), "requirements.txt": ("a==1\n", "a==2\n")}
    with_bump = judged(facts=facts, diff=bumped, **given)

    assert code_only["new"][0]["cause"] == "advisory_changed"
    assert row(code_only, "NOTHING_NEW")["outcome"] == "PASS"
    assert with_bump["new"][0]["cause"] == "fix"


def test_what_is_open_on_the_line_already_is_not_new():
    open_finding = {"tool": "Bandit", "rule": "B307", "path": "app/far.py", "line": 3}
    known = {"results": [open_finding | {"message": "B307 fires", "snippet": "eval(x)\n"}]}
    there = ELSEWHERE | {"snippet": "eval(x)\n"}

    assert outcome("NOTHING_NEW", after=sarif([there])) == "FAIL"
    assert outcome("NOTHING_NEW", after=sarif([there]), known=known) == "PASS"


def test_a_known_finding_that_the_scan_before_saw_too_does_not_excuse_a_copy():
    line = {"snippet": SINK["snippet"], "message": "B602 fires"}
    known = {"results": [{"tool": "Bandit", "rule": "B602", "path": "app/db.py", "line": 5} | line]}
    text = OLD + "\n\ndef run2(cmd):\n    return subprocess.call(cmd, shell=True)\n"
    after = sarif([SINK, SINK | {"line": 9}])
    given = {"after": after, "diff": {"app/db.py": (OLD, text)}, "findings": ()}

    assert outcome("NOTHING_NEW", known=known, **given) == "FAIL"


def test_a_report_that_is_given_twice_leaves_no_spare_copies_to_match():
    text = OLD + "\n\ndef run2(cmd):\n    return subprocess.call(cmd, shell=True)\n"
    facts = good_facts()
    facts["before"] = [facts["before"], facts["before"]]
    after = sarif([SINK, SINK | {"line": 9}])
    given = {"after": after, "diff": {"app/db.py": (OLD, text)}, "findings": (), "facts": facts}

    assert outcome("NOTHING_NEW", before=[sarif([SINK]), sarif([SINK])], **given) == "FAIL"


def test_without_a_scan_before_only_changed_lines_can_be_told():
    given = {"before": [], "findings": (), "facts": changed(good_facts(), "before", None)}

    assert outcome("NOTHING_NEW", after=sarif(), **given) == "PASS"
    assert outcome("NOTHING_NEW", after=sarif([ADDED]), **given) == "FAIL"
    assert outcome("NOTHING_NEW", after=sarif([ELSEWHERE]), **given) == "UNKNOWN"


def test_without_the_diff_nothing_new_is_unknown():
    assert outcome("NOTHING_NEW", diff="") == "UNKNOWN"


def test_a_scan_before_of_other_content_than_the_base_leaves_new_unknown():
    facts = changed(changed(good_facts(), "before.commit", OTHER), "before.tree", OTHER_TREE)
    judgement = judged(after=sarif([ELSEWHERE]), facts=facts)

    assert row(judgement, "NOTHING_NEW")["outcome"] == "UNKNOWN"
    assert judgement["new"][0]["cause"] == "base_moved"


def test_at_the_high_tier_a_lesser_new_result_asks_for_a_persons_word():
    facts = changed(good_facts(), "fix.origin", "ai_generated")
    report = sarif([ADDED | {"level": "note"}])
    word = {
        "kind": "accepted",
        "rule": "B307",
        "path": "app/db.py",
        "line": 5,
        "reason": "constant",
    }

    def with_word(by: str) -> str:
        told = facts | {"dispositions": [word | {"by": by}]}
        return outcome("NOTHING_NEW", after=report, facts=told)

    assert outcome("NOTHING_NEW", after=report, facts=facts) == "UNKNOWN"
    assert with_word("dev") == "UNKNOWN"
    assert with_word("analyst") == "PASS"


def test_a_word_of_acceptance_never_clears_a_result_at_the_threshold():
    word = {
        "kind": "false_positive",
        "rule": "B307",
        "path": "app/db.py",
        "by": "lead",
        "reason": "x",
    }

    facts = good_facts() | {"dispositions": [word]}
    assert outcome("NOTHING_NEW", after=sarif([ADDED]), facts=facts) == "FAIL"


def test_a_dispute_by_two_others_gives_a_result_another_cause():
    dispute = {
        "kind": "dispute",
        "about": "cause",
        "result": "after.sarif#/runs/0/results/0",
        "cause": "tool_changed",
        "by": "analyst",
        "second": "lead",
        "reason": "the rule pack was updated that night",
    }
    judgement = judged(after=sarif([ELSEWHERE]), facts=good_facts() | {"dispositions": [dispute]})

    assert judgement["new"][0]["cause"] == "tool_changed"
    assert "rule pack" in judgement["new"][0]["reason"]
    assert row(judgement, "NOTHING_NEW")["outcome"] == "PASS"


# RULE_ACTIVE


def test_a_rule_that_fires_elsewhere_was_on():
    other = SINK | {"path": "app/z.py", "line": 2, "snippet": "call(y, shell=True)\n"}

    assert outcome("RULE_ACTIVE", before=sarif([SINK, other]), after=sarif([other])) == "PASS"


def test_a_rule_that_passed_somewhere_was_on():
    fine = SINK | {"path": "app/z.py", "kind": "pass", "level": "none"}
    facts = changed(good_facts(), "after.config_digest", "sha256:2")
    facts = changed(facts, "before.config_digest", "sha256:1")

    assert outcome("RULE_ACTIVE", after=sarif([fine]), facts=facts) == "PASS"
    assert outcome("RULE_ACTIVE", facts=facts) == "UNKNOWN"


def test_a_full_inventory_says_whether_the_rule_was_on():
    before = sarif([SINK], tool="CodeQL", rules=[{"id": "B602"}, {"id": "B1"}])
    facts = changed(good_facts(), "after.exit_code", 0)

    def with_rules(*ids: str) -> str:
        after = sarif(tool="CodeQL", rules=[{"id": id_} for id_ in ids])
        return outcome("RULE_ACTIVE", before=before, after=after, facts=facts)

    assert with_rules("B602", "B1") == "PASS"
    assert with_rules("B1") == "FAIL"


def test_a_gap_that_an_ai_scanner_admits_for_the_rule_is_unknown():
    gap = {
        "message": {"text": "not every path was followed"},
        "level": "warning",
        "descriptor": {"id": "RULE-COVERAGE-GAP"},
        "associatedRule": {"id": "B602"},
    }
    report = sarif(
        rules=[{"id": "B602"}],
        invocations=[{"executionSuccessful": True, "toolExecutionNotifications": [gap]}],
    )

    assert outcome("RULE_ACTIVE", after=report) == "UNKNOWN"


def test_a_command_that_names_the_rule_and_did_not_before_is_unknown():
    facts = changed(good_facts(), "after.command", "bandit -r . -s B602")
    same = changed(facts, "before.command", "bandit -r . -s B602")
    longer = changed(good_facts(), "after.command", "bandit -r . -s B6021")
    longer = changed(longer, "before.command", "bandit -s B6021 -r .")

    assert outcome("RULE_ACTIVE", facts=facts) == "UNKNOWN"
    assert outcome("RULE_ACTIVE", facts=same) == "PASS"
    assert outcome("RULE_ACTIVE", facts=longer) == "PASS"


# SEVERITY_STABLE


def test_a_lower_level_of_an_unchanged_result_fails():
    other = {"rule": "B324", "path": "app/z.py", "line": 2, "snippet": "hashlib.md5(x)\n"}
    before = sarif([SINK, other | {"level": "error"}])
    answer = _answer("SEVERITY_STABLE", before=before, after=sarif([other | {"level": "note"}]))

    assert answer["outcome"] == "FAIL"
    assert "B324 was error and is note now" in answer["reason"]


def test_a_lower_level_in_a_full_inventory_fails():
    def listed(level: str) -> list[dict[str, Any]]:
        return [{"id": "B602"}, {"id": "B1", "defaultConfiguration": {"level": level}}]

    before = sarif([SINK], tool="CodeQL", rules=listed("error"))
    after = sarif(tool="CodeQL", rules=listed("note"))

    assert outcome("SEVERITY_STABLE", before=before, after=after) == "FAIL"


def test_a_threshold_option_that_was_not_there_before_fails():
    facts = changed(good_facts(), "after.command", "bandit -r . -lll")

    assert outcome("SEVERITY_STABLE", facts=facts) == "UNKNOWN"
    facts = changed(facts, "before.command", "bandit -r .")
    assert outcome("SEVERITY_STABLE", facts=facts) == "FAIL"
    facts = changed(facts, "before.command", "bandit -lll -r .")
    assert outcome("SEVERITY_STABLE", facts=facts) == "PASS"


# SAME_CLASS, TOOL_VERSION


def test_an_agentic_finding_is_not_closed_by_a_linter():
    facts = changed(good_facts(), "before.tool_class", "agentic")
    facts = changed(facts, "after.exit_code", 0)
    before, after = sarif([SINK], tool="MDASH"), sarif(tool="Bandit")

    answer = _answer("SAME_CLASS", before=before, after=after, facts=facts)
    assert answer["outcome"] == "FAIL"
    assert "agentic" in answer["reason"]


def test_a_tool_of_a_class_that_nobody_knows_is_unknown():
    facts = changed(changed(good_facts(), "before.tool_class", None), "after.tool_class", None)
    before, after = sarif([SINK], tool="OurScan"), sarif(tool="TheirScan")

    assert outcome("SAME_CLASS", before=before, after=after, facts=facts) == "UNKNOWN"


def test_the_same_name_with_another_declared_class_fails():
    facts = changed(good_facts(), "before.tool_class", "agentic")
    before, after = sarif([SINK], tool="OurScan"), sarif(tool="OurScan")

    assert outcome("SAME_CLASS", before=before, after=after, facts=facts) == "FAIL"


def test_two_editions_of_one_engine_are_compared_with_each_other():
    before, after = sarif([SINK], tool="Semgrep OSS"), sarif([SINK], tool="Semgrep PRO")
    judgement = judged(before=before, after=after, diff={"app/x.py": (None, "x = 1\n")})

    assert row(judgement, "SAME_CLASS")["outcome"] == "PASS"
    assert row(judgement, "ORIGINAL_ABSENT")["outcome"] == "FAIL"


CWE = [{"id": "py/command-line-injection", "properties": {"tags": ["external/cwe/cwe-078"]}}]
B602 = [{"id": "B602", "properties": {"tags": ["external/cwe/cwe-78"]}}]
SAME_WEAKNESS = SINK | {"rule": "py/command-line-injection", "line": 6}


def _other_engine(control: Any, after: Any) -> dict[str, Any]:
    facts = changed(good_facts(), "after.exit_code", 0)
    facts["control"] = facts["before"] | {"exit_code": 0}
    return {"before": sarif([SINK], rules=B602), "after": after, "control": control, "facts": facts}


def test_another_engine_of_the_class_needs_its_own_positive_control():
    after = sarif(tool="CodeQL", rules=CWE)
    seeing = sarif([SAME_WEAKNESS], tool="CodeQL", rules=CWE)

    judgement = judged(**_other_engine(seeing, after))
    assert row(judgement, "SAME_CLASS")["outcome"] == "PASS"
    assert row(judgement, "ORIGINAL_ABSENT")["outcome"] == "PASS"
    assert judgement["verdict"] == "pass"
    assert outcome("SAME_CLASS", **_other_engine([], after)) == "UNKNOWN"
    assert (
        outcome("SAME_CLASS", **_other_engine(sarif(tool="CodeQL", rules=CWE), after)) == "UNKNOWN"
    )


def test_another_engine_that_still_reports_the_weakness_keeps_it_present():
    seeing = sarif([SAME_WEAKNESS], tool="CodeQL", rules=CWE)
    given = _other_engine(seeing, seeing) | {"diff": {"app/x.py": (None, "x = 1\n")}}

    assert outcome("ORIGINAL_ABSENT", **given) == "FAIL"


@pytest.mark.parametrize(
    ("version", "outcome_"),
    [
        ("1.9.4", "PASS"),
        ("1.9.5", "PASS"),
        ("1.10.0", "PASS"),
        ("2.0.0", "UNKNOWN"),
        ("1.9.3", "FAIL"),
        ("1.8", "FAIL"),
        ("", "UNKNOWN"),
        ("nightly", "UNKNOWN"),
    ],
)
def test_the_tool_may_be_newer_but_not_older(version, outcome_):
    assert outcome("TOOL_VERSION", after=sarif(version=version)) == outcome_


def test_a_newer_major_version_passes_with_its_positive_control():
    facts = good_facts()
    facts["control"] = facts["before"]
    given = {
        "after": sarif(version="2.0.0"),
        "control": sarif([SINK], version="2.0.0"),
        "facts": facts,
    }

    assert outcome("TOOL_VERSION", **given) == "PASS"


# POSITIVE_CONTROL


def _control(report: Any, **changes: Any) -> dict[str, Any]:
    facts = good_facts()
    facts["control"] = facts["before"] | changes
    return {"control": report, "facts": facts}


def test_a_control_that_reports_the_original_passes():
    assert outcome("POSITIVE_CONTROL", **_control(sarif([SINK]))) == "PASS"


def test_a_control_that_does_not_report_the_original_shows_a_blind_recipe():
    answer = _answer("POSITIVE_CONTROL", **_control(sarif()))

    assert answer["outcome"] == "FAIL"
    assert "blind" in answer["reason"]


def test_a_control_of_other_content_or_another_version_controls_nothing():
    facts = changed(good_facts(), "before.config_digest", "sha256:1")
    facts = changed(facts, "after.config_digest", "sha256:2")
    other = facts | {"control": facts["before"] | {"commit": OTHER, "tree": OTHER_TREE}}
    older = facts | {"control": facts["before"] | {"config_digest": "sha256:2"}}
    alike = facts | {"control": facts["before"] | {"config_digest": "sha256:2"}}

    assert outcome("POSITIVE_CONTROL", control=sarif([SINK]), facts=other) == "UNKNOWN"
    assert (
        outcome("POSITIVE_CONTROL", control=sarif([SINK], version="1.9.3"), facts=older)
        == "UNKNOWN"
    )
    assert outcome("POSITIVE_CONTROL", control=sarif([SINK]), facts=alike) == "PASS"


def test_the_stored_scan_serves_if_its_files_have_the_blobs_of_the_base():
    facts = changed(changed(good_facts(), "before.commit", OTHER), "before.tree", OTHER_TREE)
    facts = changed(facts, "before.config_digest", "sha256:1")
    facts = changed(facts, "after.config_digest", "sha256:1")
    facts = changed(facts, "fix.base_blobs", {"app/db.py": "e" * 40})
    same = changed(facts, "before.blobs", {"app/db.py": "e" * 40})
    other = changed(facts, "before.blobs", {"app/db.py": "f" * 40})

    assert outcome("POSITIVE_CONTROL", facts=same) == "PASS"
    assert outcome("POSITIVE_CONTROL", facts=other) == "UNKNOWN"


def test_a_stored_scan_limited_to_a_diff_or_with_another_version_is_no_control():
    limited = changed(good_facts(), "before.scope", "diff")

    assert outcome("POSITIVE_CONTROL", facts=limited) == "UNKNOWN"
    assert outcome("POSITIVE_CONTROL", after=sarif(version="1.9.5")) == "UNKNOWN"


def test_an_agentic_scanner_needs_a_control_with_the_same_model():
    given = _agentic()
    assert outcome("POSITIVE_CONTROL", **given) == "UNKNOWN"

    given["control"] = given["before"]
    given["facts"]["control"] = dict(given["facts"]["before"])
    assert outcome("POSITIVE_CONTROL", **given) == "PASS"
    given["facts"]["control"]["model"] = "sees-all-2"
    assert outcome("POSITIVE_CONTROL", **given) == "UNKNOWN"


# CLASS_SPECIFIC


@pytest.mark.parametrize(
    ("tool", "outcome_"),
    [
        ("Bandit", "NOT_APPLICABLE"),
        ("Gitleaks", "UNKNOWN"),
        ("Trivy", "UNKNOWN"),
        ("Nobodys", "UNKNOWN"),
    ],
)
def test_some_classes_need_more_than_absence_from_a_scan(tool, outcome_):
    facts = changed(good_facts(), "before.tool_class", None)
    facts = changed(facts, "after.tool_class", None)
    before, after = sarif([SINK], tool=tool), sarif(tool=tool)

    assert outcome("CLASS_SPECIFIC", before=before, after=after, facts=facts) == outcome_
