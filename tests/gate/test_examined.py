"""Whether the code that is to be gone is where a scan looked: joining, coverage, roots."""

from __future__ import annotations

from typing import Any

import pytest

from gate.assemble import assemble
from gate.case import build
from gate.checks.examined import proven
from gate.diff import parse
from gate.evidence import Source
from gate.joining import contradiction, same_content
from tests.gate.made import (
    BASE,
    BASE_TREE,
    HEAD_TREE,
    NEW,
    OLD,
    SINK,
    SINK_REF,
    changed,
    document,
    evidence,
    git_diff,
    good_facts,
    judged,
    outcome,
    row,
    sarif,
)

BLOBS = {"app/db.py": "5" * 40, "app/x.py": "6" * 40}
FIXED = BLOBS | {"app/db.py": "7" * 40}
MOVED = (
    "diff --git a/app/db.py b/{0}\nsimilarity index 100%\nrename from app/db.py\nrename to {0}\n"
)


def _semgrep(results: list[dict[str, Any]], **run: Any) -> dict[str, Any]:
    return sarif(results, tool="Semgrep OSS", version="1.96.0", files=(), **run)


def _silent(**given: Any) -> dict[str, Any]:
    """The fix judged by a scanner that lists no files, which still reports beside the original."""
    other = SINK | {"rule": "B404", "line": 1, "level": "note", "snippet": "import subprocess\n"}
    near = other | {"path": "app/x.py"}
    return judged(before=_semgrep([SINK, near]), after=_semgrep([near]), **given)


# Whether anything was changed, and whether the diff says what


def test_a_fix_whose_head_is_its_base_is_none():
    facts = changed(good_facts(), "fix.head_tree", BASE_TREE)
    answer = row(judged(facts=changed(facts, "after.tree", BASE_TREE), diff=""), "CONTENT_BINDING")

    assert answer["outcome"] == "FAIL"
    assert "Nothing was changed" in answer["reason"]


def test_the_tree_of_the_base_is_taken_from_its_scan_where_the_fix_does_not_say_it():
    facts = changed(changed(good_facts(), "fix.head_tree", BASE_TREE), "fix.base_tree", None)

    assert outcome("CONTENT_BINDING", facts=changed(facts, "after.tree", BASE_TREE)) == "FAIL"


def test_where_only_new_is_asked_nothing_has_to_have_changed():
    facts = changed(changed(good_facts(), "fix.head_tree", BASE_TREE), "after.tree", BASE_TREE)

    assert outcome("CONTENT_BINDING", facts=facts, diff="", findings=()) != "FAIL"


@pytest.mark.parametrize(
    ("base", "head", "what"),
    [
        (BLOBS, BLOBS, "app/db.py"),  # changed by the diff, not by the trees
        (BLOBS, FIXED | {"app/x.py": "8" * 40}, "app/x.py"),  # the other way
        (BLOBS, FIXED | {".bandit": "8" * 40}, ".bandit"),
        (BLOBS | {"LICENSE": "8" * 40}, FIXED, "LICENSE"),
    ],
)
def test_a_diff_that_the_blobs_contradict_joins_nothing(base, head, what):
    facts = changed(changed(good_facts(), "before.blobs", base), "after.blobs", head)
    judgement = judged(facts=facts)

    assert row(judgement, "CONTENT_BINDING")["outcome"] == "UNKNOWN"
    assert what in row(judgement, "CONTENT_BINDING")["reason"]
    assert row(judgement, "NOTHING_NEW")["outcome"] == "UNKNOWN"


def test_blobs_that_agree_with_the_diff_are_no_objection():
    facts = changed(changed(good_facts(), "before.blobs", BLOBS), "after.blobs", FIXED)

    assert judged(facts=facts)["verdict"] == "pass"


def test_lists_of_a_few_files_are_compared_in_what_they_share():
    diff = parse(git_diff({"app/db.py": (OLD, NEW), "app/y.py": (None, "x = 1\n")}).encode())

    assert contradiction(None, diff, iter([(BLOBS, FIXED)])) == ""
    assert contradiction(None, diff, iter([({}, FIXED)])) == ""
    assert contradiction(False, parse(b""), iter([])) != ""
    assert same_content((BASE, ""), (BASE, HEAD_TREE)) is True
    assert same_content((BASE, BASE_TREE), (BASE, HEAD_TREE)) is False
    assert same_content(("", ""), (BASE, HEAD_TREE)) is None


# FILES_ANALYSED: where the original's code is


@pytest.mark.parametrize(
    "path", ["app/db.tpl", "tests/db.py", "app/vendor/db.py", "app/node_modules/db.py", "app/db"]
)
def test_an_original_that_was_renamed_has_to_be_shown_to_be_examined(path):
    answer = row(_silent(diff=MOVED.format(path)), "FILES_ANALYSED")

    assert answer["outcome"] == "UNKNOWN"
    assert path in answer["reason"]


@pytest.mark.parametrize("path", ["app/run.tpl", "tests/run.py", "app/vendor/run.py"])
def test_a_file_that_the_original_s_code_went_to_has_to_be_shown_to_be_examined(path):
    sink = "def go(cmd):\n    return subprocess.call(cmd, shell=True)\n"
    gone = "import subprocess\n\n\ndef run(cmd):\n    return go(cmd)\n"
    diff = {"app/db.py": (OLD, gone), path: (None, sink)}
    answer = row(_silent(diff=diff), "FILES_ANALYSED")

    assert answer["outcome"] == "UNKNOWN"
    assert path in answer["reason"]


def test_a_file_of_its_own_name_is_shown_by_the_same_recipe_before():
    judgement = _silent()

    assert row(judgement, "FILES_ANALYSED")["outcome"] == "PASS"


def test_a_new_clean_file_where_scanners_do_not_look_is_not_near():
    diff = {"app/db.py": (OLD, NEW), "app/vendor/z.py": (None, "x = 1\n")}

    assert row(_silent(diff=diff), "FILES_ANALYSED")["outcome"] == "UNKNOWN"
    diff = {"app/db.py": (OLD, NEW), "app/z.py": (None, "x = 1\n")}
    assert row(_silent(diff=diff), "FILES_ANALYSED")["outcome"] == "PASS"


def test_proven_asks_for_more_than_a_file_of_the_same_kind_nearby():
    diff = {"app/db.py": (OLD, NEW), "app/z.py": (None, "x = 1\n")}
    case = build(
        evidence(before=_semgrep([SINK]), after=_semgrep([SINK | {"line": 9}]), diff=diff),
        Source.DECLARED,
    )
    leg = case.afters[0].leg

    assert proven(leg, "app/db.py", case)
    assert not proven(leg, "app/z.py", case)


@pytest.mark.parametrize(
    ("path", "command", "extra", "expected"),
    [
        ("web/z.py", "semgrep scan --config r.yml .", {}, "PASS"),
        ("web/z.py", "semgrep scan --config r.yml", {}, "PASS"),
        ("tests/z.py", "semgrep scan --config r.yml .", {"tests/y.py": "9" * 40}, "PASS"),
        ("web/vendor/z.py", "semgrep scan --config r.yml .", {}, "UNKNOWN"),
        ("web/z.py", "semgrep scan --config r.yml app", {}, "UNKNOWN"),
        ("web/z.py", "semgrep scan --config r.yml --exclude web .", {}, "UNKNOWN"),
        ("web/z.py", "semgrep scan --config r.yml .", {".semgrepignore": "9" * 40}, "UNKNOWN"),
        ("web/z.py", "", {}, "UNKNOWN"),
    ],
)
def test_a_scope_known_to_be_the_whole_repository_covers_a_clean_file(
    path, command, extra, expected
):
    facts = changed(good_facts(), "after.blobs", FIXED | extra | {path: "9" * 40})
    facts = changed(changed(facts, "after.command", command), "before.command", command)
    diff = {"app/db.py": (OLD, NEW), path: (None, "x = 1\n")}

    assert row(_silent(diff=diff, facts=facts), "FILES_ANALYSED")["outcome"] == expected


@pytest.mark.parametrize(("path", "mode"), [("libs/legacy", "160000"), ("app/legacy", "120000")])
def test_a_new_link_or_submodule_fails_whatever_its_name(path, mode):
    link = f"diff --git a/{path} b/{path}\nnew file mode {mode}\nindex 0000000..1111111\n--- /dev/null\n"
    link += f"+++ b/{path}\n@@ -0,0 +1 @@\n+x\n\\ No newline at end of file\n"

    assert outcome("FILES_ANALYSED", diff=git_diff({"app/db.py": (OLD, NEW)}) + link) == "FAIL"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("README.md", "PASS"), ("src/client.js", "PASS"), ("go.sum", "PASS"),
        ("web/package.json", "UNKNOWN"), ("lib/log4j.jar", "UNKNOWN"), ("vendor/modules.txt", "UNKNOWN"),
    ],
)  # fmt: skip
def test_a_dependency_scanner_is_asked_about_package_lists_alone(path, expected):
    found = {
        "rule": "CVE-1",
        "path": "go.mod",
        "line": 3,
        "message": "Package: x\nInstalled Version: 1.0.0\n",
    }
    scan = sarif([found], tool="Trivy", version="0.57.0", files=())
    clean = sarif([], tool="Trivy", version="0.57.0", files=())
    diff = {"go.mod": ("x v1.0.0\n", "x v1.0.1\n"), path: ("a\n", "b\n")}
    facts = changed(changed(good_facts(), "after.tool_class", "sca"), "before.tool_class", "sca")
    judgement = judged(
        before=scan, after=clean, diff=diff, facts=facts, findings=["CVE-1@go.mod:3"]
    )

    assert row(judgement, "FILES_ANALYSED")["outcome"] == expected


# The root of absolute addresses


def _assembled(uri: str, **more: Any) -> Any:
    return assemble(
        before=[document("before.sarif", sarif([SINK | {"path": uri}]))],
        after=[document("after.sarif", sarif([]))],
        diff=document("fix.diff", git_diff({"app/db.py": (OLD, NEW)})),
        findings=[SINK_REF],
        facts=good_facts() | more,
    )


@pytest.mark.parametrize(
    "uri",
    [
        "file:///builds/group/sub/shop/app/db.py", "/var/lib/jenkins/workspace/folder/shop/app/db.py",
        "file:///Users/dana/shop/app/db.py", "C:/a/1/s/app/db.py", "C:\\a\\_work\\1\\s\\app\\db.py",
        "/home/circleci/project/app/db.py", "/opt/atlassian/pipelines/agent/build/app/db.py",
        "file:///app/db.py",
    ],
)  # fmt: skip
def test_the_root_is_the_folder_below_which_the_fix_s_files_lie(uri):
    result = _assembled(uri).originals[0].result

    assert result is not None
    assert result.location.path == "app/db.py"


def test_a_file_that_is_clean_now_leaves_the_root_that_the_scan_before_had():
    other = SINK | {"rule": "B404", "level": "note", "path": "/home/dana/shop/lib/z.py", "line": 1}
    near = other | {"path": "/home/dana/shop/app/db.py"}
    before = sarif([SINK | {"path": "/home/dana/shop/app/db.py"}, near, other])

    assert judged(before=before, after=sarif([other]))["verdict"] == "pass"


def test_an_address_that_ends_in_no_known_file_has_no_root():
    with pytest.raises(ValueError, match="matches no result"):
        _assembled("file:///home/dana/shop/lib/other.py")


def test_two_folders_that_fit_leave_the_root_open():
    near = SINK | {"path": "file:///x/shop/app/db.py"}
    far = SINK | {"path": "file:///y/shop/app/db.py", "line": 9}
    judgement = judged(after=sarif([near, far]))

    assert row(judgement, "WELL_FORMED")["outcome"] == "UNKNOWN"


def test_where_the_tree_is_known_every_address_has_to_end_in_it():
    facts = changed(good_facts(), "after.blobs", FIXED)
    strange = [SINK | {"path": f"file:///x/shop/{name}"} for name in ("app/db.py", "lib/no.py")]

    assert outcome("WELL_FORMED", after=sarif(strange), facts=facts) == "UNKNOWN"


@pytest.mark.parametrize("uri", ["./", "."])
def test_a_result_at_the_root_itself_lies_not_outside_of_it(uri):
    rooted = {"rule": "B1", "path": uri, "line": 1, "level": "note"}

    assert outcome("WELL_FORMED", after=sarif([rooted])) == "PASS"


def test_paths_that_count_from_a_folder_are_told_from_those_of_the_diff():
    diff = {"services/api/app/db.py": (OLD, NEW)}
    reason = row(judged(diff=diff, after=sarif([SINK])), "WELL_FORMED")["reason"]

    assert "services/api" in reason
