"""Checks on the scan itself: form, link, content, age, scope, execution, coverage, size."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gate.made import (
    BASE,
    HEAD,
    NEW,
    OLD,
    OTHER,
    OTHER_TREE,
    SINK,
    changed,
    good_facts,
    judged,
    outcome,
    row,
    sarif,
)

CLEAN = [{"executionSuccessful": True, "endTimeUtc": "2026-11-23T01:41:35Z"}]


def _note(path: str | None = None, text: str = "trouble", level: str = "error") -> dict[str, Any]:
    place = [{"physicalLocation": {"artifactLocation": {"uri": path}}}] if path else []
    return {"message": {"text": text}, "level": level, "locations": place}


def _notified(*notes: dict[str, Any], array: str = "toolExecutionNotifications") -> dict[str, Any]:
    return sarif(invocations=[{"executionSuccessful": True, array: list(notes)}])


# WELL_FORMED


def test_members_in_another_spelling_than_sarif_has_are_unknown():
    report = sarif(invocations=[{"execution_successful": True}])

    assert outcome("WELL_FORMED", after=report) == "UNKNOWN"


def test_a_departure_of_no_consequence_is_well_formed():
    rules = [{"id": "B602", "properties": {"security-severity": "HIGH"}}]

    assert outcome("WELL_FORMED", after=sarif(rules=rules)) == "PASS"


def test_results_that_lie_outside_the_repository_are_unknown():
    lost = {"rule": "B404", "path": "file:///home/dev/lib/db.py", "line": 1, "level": "note"}
    judgement = judged(after=sarif([lost]))

    assert row(judgement, "WELL_FORMED")["outcome"] == "UNKNOWN"
    assert "file:///home/dev/lib/db.py" in row(judgement, "WELL_FORMED")["reason"]


# SCAN_LINKED


def test_a_scan_of_a_fix_that_names_no_revision_is_not_linked():
    facts = good_facts() | {"fix": {"author": "dev"}}

    assert outcome("SCAN_LINKED", facts=facts) == "UNKNOWN"


# CONTENT_BINDING


def test_the_same_tree_in_another_commit_is_the_same_content():
    assert outcome("CONTENT_BINDING", facts=changed(good_facts(), "after.commit", OTHER)) == "PASS"


def test_the_same_commit_with_another_tree_is_a_contradiction():
    facts = changed(good_facts(), "after.tree", OTHER_TREE)

    assert outcome("CONTENT_BINDING", facts=facts) == "FAIL"


def test_another_commit_whose_tree_nobody_knows_is_unknown():
    facts = changed(good_facts(), "after.commit", OTHER)

    assert outcome("CONTENT_BINDING", facts=changed(facts, "after.tree", None)) == "UNKNOWN"


def test_identical_blobs_of_every_relevant_file_are_the_same_content():
    facts = changed(good_facts(), "after.commit", OTHER)
    facts = changed(facts, "after.tree", OTHER_TREE)
    facts = changed(facts, "fix.blobs", {"app/db.py": "e" * 40, "x": "1" * 40})
    same = changed(facts, "after.blobs", {"app/db.py": "e" * 40, "x": "2" * 40})
    other = changed(facts, "after.blobs", {"app/db.py": "f" * 40, "x": "1" * 40})

    assert outcome("CONTENT_BINDING", facts=same) == "PASS"
    assert outcome("CONTENT_BINDING", facts=other) == "FAIL"


def test_blobs_that_leave_out_a_relevant_file_prove_nothing():
    facts = changed(good_facts(), "after.commit", OTHER)
    facts = changed(facts, "after.tree", OTHER_TREE)
    facts = changed(facts, "fix.blobs", {"x": "1" * 40})

    assert (
        outcome("CONTENT_BINDING", facts=changed(facts, "after.blobs", {"x": "1" * 40})) == "FAIL"
    )


def test_a_test_merge_of_the_head_is_bound_to_it():
    facts = changed(good_facts(), "after.commit", OTHER)
    facts = changed(facts, "after.tree", OTHER_TREE)
    merge = changed(facts, "after.parents", [BASE, HEAD])
    backwards = changed(facts, "after.parents", [HEAD, BASE])

    assert judged(facts=merge)["verdict"] == "pass"
    assert outcome("CONTENT_BINDING", facts=backwards) == "FAIL"


def test_a_report_that_names_another_commit_than_the_facts_contradicts_them():
    provenance = [{"repositoryUri": "https://example.org/r", "revisionId": OTHER}]

    assert outcome("CONTENT_BINDING", after=sarif(versionControlProvenance=provenance)) == "FAIL"


def test_a_report_that_names_its_commit_itself_is_bound_by_it():
    facts = changed(good_facts(), "after.commit", None)
    facts = changed(facts, "after.tree", None)
    provenance = [{"repositoryUri": "https://example.org/r", "revisionId": HEAD}]

    report = sarif(versionControlProvenance=provenance)
    assert outcome("CONTENT_BINDING", after=report, facts=facts) == "PASS"


def test_every_scan_after_the_fix_has_to_be_of_its_content():
    facts = good_facts()
    facts["after"] = [facts["after"], facts["after"] | {"commit": OTHER, "tree": OTHER_TREE}]

    assert outcome("CONTENT_BINDING", after=[sarif(), sarif()], facts=facts) == "FAIL"


# SCAN_FRESH


def test_a_scan_that_ended_in_the_future_fails():
    facts = changed(good_facts(), "after.finished_at", "2026-11-23T12:06:00Z")
    close = changed(good_facts(), "after.finished_at", "2026-11-23T12:04:00Z")

    assert outcome("SCAN_FRESH", facts=facts) == "FAIL"
    assert outcome("SCAN_FRESH", facts=close) == "PASS"


def test_a_scan_without_a_time_is_unknown():
    report = sarif(invocations=[{"executionSuccessful": True}])

    assert outcome("SCAN_FRESH", after=report) == "UNKNOWN"


def test_a_scan_of_the_very_commit_needs_no_later_clock_than_the_push():
    facts = changed(good_facts(), "fix.pushed_at", "2026-11-23T11:00:00Z")

    assert outcome("SCAN_FRESH", facts=facts) == "PASS"


# SCAN_SCOPE


@pytest.mark.parametrize(
    "command",
    [
        "bandit -r . -b base.json -f sarif",
        "semgrep scan --baseline-commit abc",
        "semgrep ci --sarif",
        "gitleaks detect --baseline-path b.json",
        "checkov -d . --baseline=b",
        "golangci-lint run --new-from-rev=HEAD~1",
    ],
)
def test_a_command_that_narrows_the_scan_is_no_full_scan(command):
    facts = changed(good_facts(), "after.command", command)

    assert outcome("SCAN_SCOPE", facts=facts) == "FAIL"


def test_a_report_that_calls_itself_diff_informed_is_no_full_scan_whatever_the_facts_say():
    report = sarif(properties={"metrics": {"app/db.py": {}}, "incrementalMode": "diff-informed"})

    assert outcome("SCAN_SCOPE", after=report) == "FAIL"


def test_a_scan_of_another_category_does_not_answer_for_the_finding():
    facts = changed(good_facts(), "before.category", "python")

    assert outcome("SCAN_SCOPE", facts=changed(facts, "after.category", "java")) == "FAIL"
    assert outcome("SCAN_SCOPE", facts=facts) == "UNKNOWN"
    assert outcome("SCAN_SCOPE", facts=changed(facts, "after.category", "python")) == "PASS"


def test_a_full_scan_of_one_category_does_not_stand_for_another():
    facts = good_facts()
    java = facts["after"] | {"category": "java"}
    facts["after"] = [java, facts["after"] | {"category": "python", "scope": "diff"}]
    both = changed(facts, "after", [facts["after"][1], facts["after"][0] | {"category": "python"}])

    assert outcome("SCAN_SCOPE", after=[sarif(), sarif()], facts=facts) == "FAIL"
    assert outcome("SCAN_SCOPE", after=[sarif(), sarif()], facts=both) == "PASS"


# EXECUTION_OK


@pytest.mark.parametrize("check", ["EXECUTION_OK", "NOT_TRUNCATED"])
def test_a_report_that_was_taken_with_a_warning_is_not_known_to_be_whole(check):
    facts = changed(good_facts(), "after.warning", "123 results were ignored")
    assert outcome(check) == "PASS"
    assert outcome(check, facts=facts) == "UNKNOWN"


def test_an_exit_status_is_read_by_the_row_of_its_tool():
    one = changed(good_facts(), "after.exit_code", 1)
    two = changed(good_facts(), "after.exit_code", 2)

    assert outcome("EXECUTION_OK", facts=one) == "PASS"
    assert outcome("EXECUTION_OK", facts=two) == "FAIL"


def test_an_exit_status_of_an_unknown_tool_is_clear_only_when_it_is_zero():
    tool = {"before": sarif([SINK], tool="OurScan"), "after": sarif(tool="OurScan")}
    zero = changed(good_facts(), "after.exit_code", 0)

    assert outcome("EXECUTION_OK", facts=zero, **tool) == "PASS"
    assert outcome("EXECUTION_OK", **tool) == "UNKNOWN"


def test_a_report_without_invocations_needs_an_exit_status():
    report = sarif(invocations=...)
    facts = changed(good_facts(), "after.exit_code", None)

    assert outcome("EXECUTION_OK", after=report) == "PASS"
    assert outcome("EXECUTION_OK", after=report, facts=facts) == "UNKNOWN"


@pytest.mark.parametrize("array", ["toolExecutionNotifications", "toolConfigurationNotifications"])
@pytest.mark.parametrize(
    "note",
    [_note("app/db.py"), _note(), _note(text="Syntax error at line app/db.py:1"), _note("z.py")],
)
def test_an_error_that_names_a_relevant_file_or_none_or_is_new_fails(array, note):
    assert outcome("EXECUTION_OK", after=_notified(note, array=array)) == "FAIL"


def test_an_error_about_another_file_that_was_there_before_is_no_failure():
    old = _note("vendor/z.py", text="cannot parse line 3")
    now = _note("vendor/z.py", text="cannot parse line 9")
    before = sarif(
        [SINK], invocations=[{"executionSuccessful": True, "toolExecutionNotifications": [old]}]
    )

    assert outcome("EXECUTION_OK", before=before, after=_notified(now)) == "PASS"


def test_warnings_are_no_failure_of_the_run():
    assert outcome("EXECUTION_OK", after=_notified(_note(level="warning"))) == "PASS"


# FILES_ANALYSED


@pytest.mark.parametrize(
    "note",
    [
        _note("app/db.py", level="warning"),
        _note(text="Syntax error at line app/db.py:1", level="warning"),
        _note(text="gave up on /src/app/db.py", level="warning"),
    ],
)
def test_a_warning_that_names_a_changed_file_fails(note):
    assert outcome("FILES_ANALYSED", after=_notified(note)) == "FAIL"


@pytest.mark.parametrize(
    "note",
    [_note("app/other.py", level="warning"), _note(text="see my-app/db.pyx", level="warning")],
)
def test_a_warning_about_another_file_does_not_matter(note):
    assert outcome("FILES_ANALYSED", after=_notified(note)) == "PASS"


def test_a_changed_file_missing_from_a_complete_list_fails():
    assert outcome("FILES_ANALYSED", after=sarif(files=["app/x.py"])) == "FAIL"


def test_the_facts_may_say_which_files_were_scanned():
    report = sarif(tool="OurScan", artifacts=...)
    tool = {"before": sarif([SINK], tool="OurScan", version="2"), "after": report}
    listed = changed(good_facts(), "after.files_scanned", ["app/db.py"])
    other = changed(good_facts(), "after.files_scanned", ["app/x.py"])

    assert outcome("FILES_ANALYSED", facts=listed, **tool) == "PASS"
    assert outcome("FILES_ANALYSED", facts=other, **tool) == "FAIL"
    assert outcome("FILES_ANALYSED", **tool) == "UNKNOWN"


def test_without_a_list_the_same_recipe_that_reported_on_the_file_before_shows_its_scope():
    tool = {"before": sarif([SINK], tool="gosec"), "after": sarif(tool="gosec", artifacts=...)}
    sink = SINK | {"path": "app/db.go"}
    tool["before"] = sarif([sink], tool="gosec")
    given = {"diff": {"app/db.go": (OLD, NEW)}, "findings": ("B602@app/db.go:5",)}

    assert outcome("FILES_ANALYSED", **tool, **given) == "PASS"


def test_without_a_list_a_new_file_is_covered_where_the_recipe_reports_on_its_neighbours():
    def with_new(path: str) -> dict[str, Any]:
        diff = {"app/db.go": (OLD, NEW), path: (None, "package app\n")}
        before = sarif([SINK | {"path": "app/db.go"}], tool="gosec", files=[])
        after = sarif(tool="gosec", files=[])
        found = judged(before=before, after=after, diff=diff, findings=("B602@app/db.go:5",))
        return row(found, "FILES_ANALYSED")

    assert with_new("app/new.go")["outcome"] == "PASS"
    assert with_new("cmd/new.go")["outcome"] == "UNKNOWN"
    assert "cmd/new.go" in with_new("cmd/new.go")["reason"]


def test_a_set_up_that_nothing_narrows_covers_a_file_that_it_never_named():
    diff = {"app/db.go": (OLD, NEW), "cmd/new.go": (None, "package cmd\n")}
    before = sarif([SINK | {"path": "app/db.go"}], tool="gosec", files=[])
    given = {"before": before, "after": sarif(tool="gosec", files=[]), "diff": diff,
             "findings": ("B602@app/db.go:5",)}  # fmt: skip
    whole = changed(good_facts(), "after.covers", "everything")

    assert outcome("FILES_ANALYSED", **given) == "UNKNOWN"
    assert outcome("FILES_ANALYSED", **given, facts=whole) == "PASS"


def test_a_file_that_the_fix_broke_is_not_covered_unless_the_scanner_lists_it():
    sink = SINK | {"path": "app/db.go"}
    given = {
        "before": sarif([sink], tool="gosec", files=[]), "diff": {"app/db.go": (OLD, NEW)},
        "findings": ("B602@app/db.go:5",),
    }  # fmt: skip
    broken = changed(good_facts(), "fix.unparsed", ["app/db.go"])
    silent, listing = sarif(tool="gosec", files=[]), sarif(tool="gosec", files=["app/db.go"])

    assert outcome("FILES_ANALYSED", **given, after=silent) == "PASS"
    found = judged(**given, after=silent, facts=broken)
    assert row(found, "FILES_ANALYSED")["outcome"] == "UNKNOWN"
    assert "does not any more" in row(found, "FILES_ANALYSED")["reason"]
    assert outcome("FILES_ANALYSED", **given, after=listing, facts=broken) == "PASS"


def test_a_new_test_is_outside_the_scope_of_a_recipe_that_reports_on_no_test():
    diff = {"app/db.py": (OLD, NEW), "tests/test_db.py": (None, "def test_db():\n    assert 1\n")}
    scanned = ["app/db.py", "tests/test_old.py"]
    both = {"before": sarif([SINK], files=scanned), "after": sarif(files=scanned)}

    assert outcome("FILES_ANALYSED", diff=diff) == "PASS"
    assert outcome("FILES_ANALYSED", diff=diff, **both) == "FAIL"


def test_codeqls_diagnostics_name_every_file_that_it_extracted():
    told = _note("app/db.py", level="none") | {
        "descriptor": {"id": "py/diagnostics/successfully-extracted-files"}
    }
    other = _note("app/x.py", level="none") | {"descriptor": told["descriptor"]}
    before = sarif([SINK], tool="CodeQL", rules=[{"id": "B602"}], files=[])

    def extracting(note: dict[str, Any]) -> str:
        invocation = [{"executionSuccessful": True, "toolExecutionNotifications": [note]}]
        after = sarif(tool="CodeQL", rules=[{"id": "B602"}], files=[], invocations=invocation)
        return outcome("FILES_ANALYSED", before=before, after=after)

    assert extracting(told) == "PASS"
    assert extracting(other) == "FAIL"


def test_a_list_in_the_facts_that_only_repeats_the_report_is_not_taken_for_complete():
    facts = changed(good_facts(), "after.files_scanned", ["app/far.py"])
    far = {"rule": "G1", "path": "app/far.py", "line": 1, "level": "note"}
    before = sarif([SINK, far], tool="OurScan", files=["app/far.py"])

    after = sarif([far], tool="OurScan", files=["app/far.py"])
    assert outcome("FILES_ANALYSED", before=before, after=after, facts=facts) == "PASS"


def test_files_that_no_scanner_here_reads_are_listed_and_not_failed():
    diff = {"app/db.py": (OLD, NEW), "docs/change.md": (None, "# Fix\n")}
    answer = row(judged(diff=diff), "FILES_ANALYSED")

    assert answer["outcome"] == "PASS"
    assert "docs/change.md" in answer["reason"]


def test_a_file_that_the_unchanged_scope_left_out_before_too_is_not_failed():
    diff = {"app/db.py": (OLD, NEW), "tests/test_db.py": ("x = 1\n", "x = 2\n")}

    assert outcome("FILES_ANALYSED", diff=diff) == "PASS"


def test_a_deleted_file_needs_no_analysis():
    diff = {"app/db.py": (OLD, NEW), "app/old.py": ("x = 1\n", None)}

    assert outcome("FILES_ANALYSED", diff=diff) == "PASS"


def test_a_file_that_became_a_link_fails():
    text = (
        "diff --git a/app/db.py b/app/db.py\nold mode 100644\nnew mode 120000\n"
        "index 1111111..2222222\n--- a/app/db.py\n+++ b/app/db.py\n@@ -1 +1 @@\n-x = 1\n"
        "+../elsewhere.py\n\\ No newline at end of file\n"
    )

    assert outcome("FILES_ANALYSED", diff=text) == "FAIL"


# NOT_TRUNCATED


def test_as_many_results_as_a_service_keeps_are_not_whole_when_they_come_from_there():
    many = [
        {"rule": "B404", "path": "app/o.py", "line": n, "level": "note"} for n in range(1, 5003)
    ]
    facts = changed(good_facts(), "after.source", "fetched")
    report = sarif(many)

    assert (
        outcome("NOT_TRUNCATED", before=sarif([SINK, *many]), after=report, facts=facts) == "FAIL"
    )
    assert outcome("NOT_TRUNCATED", before=sarif([SINK, *many]), after=report) == "PASS"
