# ruff: noqa: E501 - what a case is called and shows stays on its line
"""The fix is what it is; the evidence is of another content, another time, or no evidence at all."""

from __future__ import annotations

import copy

from history import Revision
from scanners import finding, shaped
from sources import FIXED_VIEWS, SHELL_REF, SHOP, STORE, TAR_VIEWS, VIEWS
from story import Case, Workshop, changed, review

GOOD = {"app/views.py": TAR_VIEWS}


def tell(shop: Workshop) -> None:
    """All of them."""
    revisions(shop)
    times_and_scope(shop)
    reports(shop)


def only(shop: Workshop, case: Case, *revisions: Revision) -> None:
    """The case with scans after the fix of these revisions alone."""
    case.after, case.facts["after"] = [], []
    for revision in revisions:
        shop.add(case, "after", revision, "bandit")


def revisions(shop: Workshop) -> None:
    case = shop.case(
        "good-before-merge",
        "good",
        "The head is scanned, nothing is merged yet",
        SHOP,
        GOOD,
        SHELL_REF,
        merged="open",
    )
    case.expect(shows="In a pipeline, before the merge, the goal is the head.")
    case = shop.case(
        "good-squash",
        "good",
        "Squashed: another commit, the same tree",
        SHOP,
        GOOD,
        SHELL_REF,
        merged="squash",
    )
    only(shop, case, case.head)
    case.expect(shows="The head was scanned, the squash merged: equal trees carry the scan over.")
    case = shop.case(
        "good-fast-forward", "good", "Merged by fast-forward", SHOP, GOOD, SHELL_REF, merged="open"
    )
    case.merge = case.head
    case.fact("fix.merge_commit", case.head.commit).fact("fix.merge_tree", case.head.tree).expect()
    case = shop.case(
        "good-test-merge", "good", "The pipeline scanned the test merge", SHOP, GOOD, SHELL_REF
    )
    test = shop.history.commit(
        case.head.files, message="Merge head into base", parents=[case.base, case.head]
    )
    only(shop, case, test)
    case.expect(shows="GitHub scans refs/pull/N/merge; what merged has the same tree.")
    case = shop.case("good-merge-queue", "good", "Through a merge queue", SHOP, GOOD, SHELL_REF)
    ahead = shop.history.commit(
        {**SHOP, "app/cart.py": "def cart():\n    return []\n"},
        message="Merge #6",
        parents=[case.base],
    )
    queued = shop.history.commit(
        changed(ahead.files, GOOD), message="Merge #7", parents=[ahead, case.head]
    )
    move_to(shop, case, ahead, queued)
    case.expect(
        shows="The queue builds the fix on another one: base, diff and scans are of the commit it built."
    )
    case = shop.case(
        "good-base-moved", "good", "The base moved before the merge", SHOP, GOOD, SHELL_REF
    )
    moved = shop.history.commit(
        {**SHOP, "app/cart.py": "def cart():\n    return eval('[]')\n"},
        message="Merge #6",
        parents=[case.base],
    )
    landed = shop.history.commit(
        changed(moved.files, GOOD), message="Merge #7", parents=[moved, case.head]
    )
    case.merge = landed
    only(shop, case, case.head, landed)
    case.fact("fix.merge_commit", landed.commit).fact("fix.merge_tree", landed.tree)
    case.expect(
        shows="New is answered on the head, gone on the merge; a colleague's eval in the merge is theirs."
    )
    case = shop.case(
        "bad-base-moved-not-rescanned",
        "bad",
        "The base moved and only the head was scanned",
        SHOP,
        GOOD,
        SHELL_REF,
    )
    other = shop.history.commit(
        changed(changed(SHOP, GOOD), {"app/views.py": TAR_VIEWS + VIEWS.partition('"""\n')[2]}),
        message="Merge #7",
        parents=[moved, case.head],
    )
    only(shop, case, case.head)
    case.fact("fix.merge_commit", other.commit).fact("fix.merge_tree", other.tree)
    case.expect(
        "fail",
        stops="CONTENT_BINDING ORIGINAL_ABSENT",
        shows="What merged has another file than what was scanned.",
    )
    case = shop.case(
        "good-merged-before-scanned",
        "good",
        "Merged first, scanned afterwards",
        SHOP,
        GOOD,
        SHELL_REF,
    )
    case.fact("fix.merged_at", "2026-11-20T09:45:00Z")
    case.expect(
        shows="The scan of the merge commit answers both questions; the certificate says when."
    )
    several(shop)
    case = shop.case(
        "bad-wrong-commit",
        "bad",
        "The scan is of another branch",
        SHOP,
        {"app/views.py": VIEWS + "# fixed\n"},
        SHELL_REF,
    )
    clean = shop.history.commit(
        changed(SHOP, {"app/views.py": TAR_VIEWS}), message="Another try", parents=[case.base]
    )
    only(shop, case, clean)
    case.expect(
        "fail",
        stops="CONTENT_BINDING ORIGINAL_ABSENT",
        shows="That branch is clean; it is not what merged.",
    )
    case = shop.case(
        "bad-commit-forged-in-facts",
        "bad",
        "The facts name another commit than the report",
        SHOP,
        {"app/views.py": VIEWS + "# fixed\n"},
        SHELL_REF,
    )
    case.after = [copy.deepcopy(shop.scan(clean, "bandit").report)]
    case.after[0]["runs"][0]["versionControlProvenance"] = [
        {"repositoryUri": "https://example.org/shop", "revisionId": clean.commit}
    ]
    case.expect(
        "fail", stops="CONTENT_BINDING", shows="The report itself says which commit it is of."
    )
    case = shop.case(
        "bad-commit-not-said", "bad", "Nobody says which commit was scanned", SHOP, GOOD, SHELL_REF
    )
    for member in ("commit", "tree", "blobs", "parents"):
        case.fact(f"after.0.{member}", None)
    case.expect(
        "unknown",
        stops="CONTENT_BINDING ORIGINAL_ABSENT",
        shows="A bare SARIF file, as in 58 of 60 real runs: unknown, not pass.",
    )
    case = shop.case(
        "bad-pushed-after-scan",
        "bad",
        "One more push after the scan",
        SHOP,
        GOOD,
        SHELL_REF,
        merged="open",
    )
    last = shop.history.commit(
        changed(SHOP, {"app/views.py": FIXED_VIEWS.replace('["tar"', "[folder")}),
        message="Tidy",
        parents=[case.head],
    )
    case.fact("fix.head_commit", last.commit).fact("fix.head_tree", last.tree).fact(
        "fix.pushed_at", "2026-11-20T11:30:00Z"
    )
    case.facts["reviews"] = [review(last, at="2026-11-20T11:40:00Z")]
    case.diff = shop.history.diff(case.base, last)
    case.expect(
        "fail",
        stops="CONTENT_BINDING SCAN_FRESH",
        shows="The scan began before the last push and is of the commit before it.",
    )


def move_to(shop: Workshop, case: Case, base: Revision, merge: Revision) -> None:
    """The case as a fix from another base to another merge commit, both scanned."""
    case.base, case.merge, case.before, case.facts["before"] = base, merge, [], []
    shop.add(case, "before", base, "bandit")
    only(shop, case, merge)
    case.diff = shop.history.diff(base, merge)
    for role, revision in (("base", base), ("merge", merge)):
        case.fact(f"fix.{role}_commit", revision.commit).fact(f"fix.{role}_tree", revision.tree)


def several(shop: Workshop) -> None:
    """One scan of the main line, after two fixes have landed."""
    case = shop.case(
        "good-one-scan-for-several",
        "good",
        "One main scan for several fixes",
        SHOP,
        GOOD,
        SHELL_REF,
    )
    second = changed(case.head.files, {"app/store.py": STORE.replace("md5", "sha256")})
    later = shop.history.commit(second, message="Merge pull request #8", parents=[case.merge])
    only(shop, case, case.head, later)
    case.fact("fix.merge_blobs", case.merge.blobs)
    case.expect(
        shows="The later main scan holds the fixed file with the very same blob; the pull-request scan answered new."
    )
    case = shop.case(
        "bad-later-scan-file-changed-again",
        "bad",
        "The later main scan is of another state of the file",
        SHOP,
        {"app/views.py": VIEWS + "# fixed\n"},
        SHELL_REF,
    )
    later = shop.history.commit(
        changed(SHOP, GOOD), message="Merge pull request #8", parents=[case.merge]
    )
    only(shop, case, later)
    case.fact("fix.merge_blobs", case.merge.blobs)
    case.expect(
        "fail",
        stops="CONTENT_BINDING ORIGINAL_ABSENT",
        shows="Somebody else's fix closes nothing of this one.",
    )


def times_and_scope(shop: Workshop) -> None:
    case = shop.case("bad-stale-scan", "bad", "The scan is 60 days old", SHOP, GOOD, SHELL_REF)
    case.fact("at", "2027-01-19T12:00:00Z").expect("fail", stops="SCAN_FRESH")
    case = shop.case(
        "bad-scan-from-the-future", "bad", "The scan ends tomorrow", SHOP, GOOD, SHELL_REF
    )
    case.fact("after.0.finished_at", "2026-11-21T11:00:00Z").expect("fail", stops="SCAN_FRESH")
    case = shop.case(
        "bad-diff-scan-says-gone",
        "bad",
        "A scan of the changed lines only",
        SHOP,
        {"app/store.py": STORE + "# fixed\n"},
        SHELL_REF,
    )
    case.after[0]["runs"][0]["results"] = []
    case.fact("after.0.scope", "diff").expect(
        "fail",
        "unknown",
        stops="SCAN_SCOPE",
        shows="The original lies outside the diff: a limited scan cannot show it.",
    )
    case = shop.case(
        "bad-scope-not-said", "bad", "Nobody says whether the scan was whole", SHOP, GOOD, SHELL_REF
    )
    case.fact("after.0.scope", None).expect("unknown", stops="SCAN_SCOPE")
    case = shop.case(
        "bad-no-scan-of-the-kind",
        "bad",
        "Scanned by another class of tool",
        SHOP,
        {"app/views.py": VIEWS + "# fixed\n"},
        SHELL_REF,
    )
    case.after = [shaped("Gitleaks", "8.28.0", [], {"aws-access-token": {"level": "error"}})]
    case.expect(
        "fail",
        stops="SAME_CLASS SCAN_SCOPE ORIGINAL_ABSENT",
        shows="A secret scanner says nothing of shells.",
    )
    case = shop.case(
        "bad-tool-downgrade",
        "bad",
        "Verified by an older Bandit",
        SHOP,
        {"app/views.py": VIEWS + "# fixed\n"},
        SHELL_REF,
    )
    driver = case.after[0]["runs"][0]["tool"]["driver"]
    driver["semanticVersion"] = driver["version"] = "1.6.2"
    case.after[0]["runs"][0]["results"] = []
    case.expect("fail", stops="TOOL_VERSION POSITIVE_CONTROL")
    case = shop.case(
        "bad-new-major-without-control",
        "bad",
        "A new major version, and no control",
        SHOP,
        GOOD,
        SHELL_REF,
    )
    driver = case.after[0]["runs"][0]["tool"]["driver"]
    driver["semanticVersion"] = driver["version"] = "2.0.0"
    case.expect(
        "unknown",
        stops="TOOL_VERSION POSITIVE_CONTROL",
        shows="Whether 2.0 would have seen it, nobody tried.",
    )
    case = shop.case(
        "good-new-major-with-control",
        "good",
        "A new major version with its own control",
        SHOP,
        GOOD,
        SHELL_REF,
    )
    shop.add(case, "control", case.base, "bandit")
    for report in (*case.after, *case.control):
        driver = report["runs"][0]["tool"]["driver"]
        driver["semanticVersion"] = driver["version"] = "2.0.0"
    extra = finding("B999", "app/store.py", 10, text="A rule of 2.0", level="error")
    for report in (*case.after, *case.control):
        report["runs"][0]["results"].append(copy.deepcopy(extra))
    case.fact("control.0.command", case.facts["after"][0]["command"]).expect(
        shows="The base scanned again with 2.0 reports the original; its new rule fires elsewhere and is the tool's doing."
    )


def reports(shop: Workshop) -> None:
    def bad(name: str, title: str, stops: str, safe: str = "fail", shows: str = "") -> dict:
        case = shop.case(name, "bad", title, SHOP, {"app/views.py": VIEWS + "# fixed\n"}, SHELL_REF)
        case.expect(safe, stops=stops, shows=shows)
        case.after[0]["runs"][0]["results"] = []
        case.fact("after.0.exit_code", None)
        return case

    case = bad(
        "bad-results-null",
        "results: null",
        "EXECUTION_OK",
        shows="Null is not zero: the analysis did not begin.",
    )
    case.after[0]["runs"][0]["results"] = None
    case = bad("bad-no-runs", "A report without a run", "SCAN_LINKED EXECUTION_OK ORIGINAL_ABSENT")
    case.after[0]["runs"] = []
    case = bad("bad-tiny-report", "A report that says nothing at all", "EXECUTION_OK FILES_ANALYSED RULE_ACTIVE",
               shows="No invocation, no rule, no file: proves nothing.")  # fmt: skip
    case.after = [
        {"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "Bandit"}}, "results": []}]}
    ]
    case.facts["after"][0] = {
        k: v
        for k, v in case.facts["after"][0].items()
        if k in ("commit", "tree", "scope", "source")
    }
    case = bad(
        "bad-snake-case",
        "execution_successful instead of executionSuccessful",
        "WELL_FORMED EXECUTION_OK",
        safe="unknown",
    )
    case.after[0]["runs"][0]["invocations"] = [{"execution_successful": True}]
    case = bad("bad-run-failed", "The tool says that it failed", "EXECUTION_OK")
    case.after[0]["runs"][0]["invocations"][0]["executionSuccessful"] = False
    case = bad("bad-exit-status", "The tool ended with status 2", "EXECUTION_OK")
    case.fact("after.0.exit_code", 2)
    case = bad(
        "bad-error-notification",
        "Successful, with an error about no file",
        "EXECUTION_OK",
        shows="An error-level notification means that the run failed (3.20.21).",
    )
    case.after[0]["runs"][0]["invocations"][0]["toolExecutionNotifications"] = [
        {"level": "error", "message": {"text": "The plug-in registry could not be read"}}
    ]
    case = bad("bad-rule-disabled-override", "The rule is off by an override", "RULE_ACTIVE")
    case.after[0]["runs"][0]["invocations"][0]["ruleConfigurationOverrides"] = [
        {"descriptor": {"id": "B602"}, "configuration": {"enabled": False}}
    ]
    case = bad(
        "bad-truncated",
        "Exactly 1,000 results",
        "NOT_TRUNCATED",
        safe="unknown",
        shows="A round number of results looks like a limit, and what was cut off nobody knows.",
    )
    before = shop.scan(case.base, "bandit").report["runs"][0]["results"]
    kept = [row for row in before if row["ruleId"] != "B602"]
    filler = [finding("B101", "tests/test_views.py", 5, text="assert", level="note")] * (
        1000 - len(kept)
    )
    case.after[0]["runs"][0]["results"] = kept + filler
    case = shop.case(
        "good-baselined-report", "good", "A baseliner lists what is gone", SHOP, GOOD, SHELL_REF
    )
    gone = [
        row
        for row in shop.scan(case.base, "bandit").report["runs"][0]["results"]
        if row["ruleId"] == "B602"
    ]
    rows = case.after[0]["runs"][0]["results"]
    rows[:] = [{**row, "baselineState": "unchanged"} for row in rows]
    rows += [{**row, "baselineState": "absent"} for row in copy.deepcopy(gone)]
    case.expect(shows="A result with baselineState absent is not a result of this run.")
