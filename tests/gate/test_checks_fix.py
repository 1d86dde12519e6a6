"""Checks on the fix: suppressions, scanner files, tests, scope."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gate.made import (
    HEAD,
    NEW,
    OLD,
    SINK,
    SINK_REF,
    changed,
    good_facts,
    judged,
    outcome,
    row,
    sarif,
)


def _with(path: str, old: str | None, new: str | None) -> dict[str, Any]:
    """The good fix with one more file changed."""
    return {"diff": {"app/db.py": (OLD, NEW), path: (old, new)}}


# NO_NEW_SUPPRESSION


@pytest.mark.parametrize(
    "line",
    ["x = 1  # nosec", "x = 1  #nosec: B602,B607", "# NOSEC", "x = 1  # @generated"],
)
def test_an_added_mark_that_the_scanner_obeys_fails(line):
    answer = row(judged(**_with("app/y.py", "x = 1\n", f"{line}\n")), "NO_NEW_SUPPRESSION")

    assert answer["outcome"] == "FAIL"
    assert answer["evidence"] == ["fix.diff:app/y.py:1"]
    assert "app/y.py:1" in answer["to_pass"]


def test_a_mark_for_another_tool_is_named_and_not_failed():
    answer = row(judged(**_with("app/y.py", "x = 1\n", "x = 1  // eslint-disable-line\n")), "NO_NEW_SUPPRESSION")

    assert answer["outcome"] == "PASS"
    assert "app/y.py:1" in answer["reason"]


def test_a_mark_that_was_only_indented_anew_is_not_new():
    old, new = "x = 1  # nosec\n", "if y:\n    x = 1  # nosec\n"

    assert outcome("NO_NEW_SUPPRESSION", **_with("app/y.py", old, new)) == "PASS"


def test_a_mark_taken_from_one_line_does_not_pay_for_one_on_another():
    old = "a = 1  # nosec\n" + "x\n" * 20 + "b = 1\n"
    new = "a = 1\n" + "x\n" * 20 + "b = 1  # nosec\n"

    assert outcome("NO_NEW_SUPPRESSION", **_with("app/y.py", old, new)) == "FAIL"


def test_a_mark_that_is_taken_away_is_welcome():
    assert outcome("NO_NEW_SUPPRESSION", **_with("app/y.py", "x  # nosec\n", "x\n")) == "PASS"


def test_what_looks_like_a_mark_is_unknown_for_a_tool_without_a_row():
    tool = {"before": sarif([SINK], tool="OurScan"), "after": sarif(tool="OurScan")}
    given = _with("app/y.py", "x = 1\n", "x = 1  # ourscan: skip-check\n")

    assert outcome("NO_NEW_SUPPRESSION", **tool, **given) == "UNKNOWN"
    assert outcome("NO_NEW_SUPPRESSION", **given) == "PASS"


@pytest.mark.parametrize(
    ("tool", "path"),
    [
        ("Semgrep OSS", ".semgrepignore"),
        ("Gitleaks", ".gitleaksignore"),
        ("Trivy", "deploy/.trivyignore"),
        ("Checkov", ".checkov.baseline"),
        ("Bandit", "bandit-baseline.json"),
    ],
)
def test_a_side_file_that_tells_the_scanner_what_to_ignore_fails(tool, path):
    scans = {"before": sarif([SINK], tool=tool), "after": sarif(tool=tool)}
    given = _with(path, None, "x\n")

    assert outcome("NO_NEW_SUPPRESSION", **scans, **given) == "FAIL"


def test_a_result_that_is_suppressed_only_since_the_fix_fails():
    other = {"rule": "B324", "path": "app/z.py", "line": 2, "snippet": "hashlib.md5(x)\n"}
    hidden = other | {"suppressions": [{"kind": "external"}]}
    shown = other | {"suppressions": []}

    fresh = outcome("NO_NEW_SUPPRESSION", before=sarif([SINK, shown]), after=sarif([hidden]))
    old = outcome("NO_NEW_SUPPRESSION", before=sarif([SINK, hidden]), after=sarif([hidden]))
    assert (fresh, old) == ("FAIL", "PASS")


def test_a_mark_that_names_an_approved_false_positive_is_accepted():
    word = {"kind": "false_positive", "rule": "B404", "path": "app/y.py", "reason": "constant"}

    def with_mark(mark: str, by: str) -> str:
        facts = good_facts() | {"dispositions": [word | {"by": by}]}
        given = _with("app/y.py", "x = 1\n", f"x = 1  # nosec {mark}\n")
        return outcome("NO_NEW_SUPPRESSION", facts=facts, **given)

    assert with_mark("B404", "lead") == "PASS"
    assert with_mark("B404", "dev") == "FAIL"
    assert with_mark("B602", "lead") == "FAIL"


# SCANNER_CONFIG_UNTOUCHED and what INDEPENDENCE says of it


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        (".bandit", None, "[bandit]\nskips: B602\n"),
        ("ci/bandit.yaml", "skips: []\n", "skips: [B602]\n"),
        ("pyproject.toml", "[tool.bandit]\nskips = []\n", "[tool.bandit]\nskips = ['B602']\n"),
        ("pyproject.toml", "[tool]\nx = 1\n", "[tool]\nbandit = { skips = ['B602'] }\n"),
        ("pyproject.toml", "x = [\n" + "1,\n" * 9 + "]\n", "x = [\n" + "1,\n" * 8 + '"B602",\n]\n'),
        ("setup.cfg", "[bandit]\nskips =\n", "[bandit]\nskips = B602\n"),
        (".gitattributes", None, "app/db.py linguist-generated=true\n"),
        ("Makefile", "scan:\n\tbandit -r .\n", "scan:\n\tbandit -r . || true\n"),
    ],
)
def test_a_changed_configuration_of_the_scanner_fails_and_is_not_independent(path, old, new):
    judgement = judged(**_with(path, old, new))

    assert row(judgement, "SCANNER_CONFIG_UNTOUCHED")["outcome"] == "FAIL"
    assert row(judgement, "INDEPENDENCE")["outcome"] == "FAIL"


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("pyproject.toml", "[project]\nversion = '1'\n", "[project]\nversion = '2'\n"),
        ("pyproject.toml", "[tool.ruff]\nselect = ['E']\n", "[tool.ruff]\nselect = ['F']\n"),
        ("eslint.config.mjs", "export default []\n", "export default [1]\n"),
        (".github/CODEOWNERS", "* @a\n", "* @b\n"),
        ("Makefile", "run:\n\t./run\n", "run:\n\t./run --fast\n"),
    ],
)
def test_other_files_and_other_tools_configuration_do_not_fail(path, old, new):
    assert outcome("SCANNER_CONFIG_UNTOUCHED", **_with(path, old, new)) == "PASS"


def test_a_deleted_or_renamed_configuration_is_changed_too():
    renamed = (
        "diff --git a/.bandit b/bandit.off\nsimilarity index 100%\n"
        "rename from .bandit\nrename to bandit.off\n"
    )

    assert outcome("SCANNER_CONFIG_UNTOUCHED", **_with(".bandit", "[bandit]\n", None)) == "FAIL"
    assert outcome("SCANNER_CONFIG_UNTOUCHED", diff=renamed) == "FAIL"


@pytest.mark.parametrize("path", ["AGENTS.md", "CLAUDE.md", ".cursor/rules/a.mdc", "web/.cursorrules"])
def test_changed_instructions_to_ai_tools_fail(path):
    assert outcome("SCANNER_CONFIG_UNTOUCHED", **_with(path, "a\n", "b\n")) == "FAIL"


WORKFLOW = ".github/workflows/ci.yml"


def test_a_changed_scanner_job_fails_and_another_change_of_a_pipeline_is_unknown():
    scan = _with(WORKFLOW, "a: 1\nrun: bandit -r .\n", "a: 2\nrun: bandit -r .\n")
    lenient = _with(WORKFLOW, "a: 1\n", "a: 1\ncontinue-on-error: true\n")
    other = _with(WORKFLOW, "node: 18\n", "node: 20\n")

    assert outcome("SCANNER_CONFIG_UNTOUCHED", **scan) == "FAIL"
    assert outcome("SCANNER_CONFIG_UNTOUCHED", **lenient) == "FAIL"
    assert outcome("SCANNER_CONFIG_UNTOUCHED", **other) == "UNKNOWN"


def test_the_findings_own_pipeline_file_may_change_while_scanner_jobs_are_untouched():
    unpinned = {"rule": "zizmor/unpinned-uses", "path": WORKFLOW, "line": 1, "level": "error"}
    facts = changed(good_facts(), "after.exit_code", 0)
    given = {
        "before": sarif([unpinned], tool="zizmor"),
        "after": sarif(tool="zizmor", files=[WORKFLOW]),
        "findings": (f"zizmor/unpinned-uses@{WORKFLOW}:1",),
        "facts": facts,
    }

    own = {WORKFLOW: ("uses: a/b@main\n", "uses: a/b@0123\n")}
    scan = {WORKFLOW: ("uses: a/b@main\nrun: zizmor .\n", "uses: a/b@0123\n")}
    assert outcome("SCANNER_CONFIG_UNTOUCHED", diff=own, **given) == "PASS"
    assert outcome("SCANNER_CONFIG_UNTOUCHED", diff=scan, **given) == "FAIL"


def test_without_the_diff_nobody_knows_what_the_fix_touches():
    for check in ("NO_NEW_SUPPRESSION", "SCANNER_CONFIG_UNTOUCHED", "TESTS_INTACT", "SCOPE_OF_CHANGE"):
        assert outcome(check, diff="") == "UNKNOWN"


# TESTS_INTACT

PYTEST = "def test_a():\n    assert run() == 1\n\n\ndef test_b():\n    assert run() == 2\n"


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("tests/test_a.py", PYTEST, None),
        ("tests/test_a.py", PYTEST, PYTEST.replace("    assert run() == 2", "    run()")),
        ("tests/test_a.py", PYTEST, PYTEST.split("\n\n\n", maxsplit=1)[0] + "\n"),
        ("tests/test_a.py", PYTEST, "import pytest\n\n\n@pytest.mark.skip\n" + PYTEST),
        ("tests/test_a.py", PYTEST, "import pytest\n\n\n@pytest.mark.xfail(strict=False)\n" + PYTEST),
        ("tests/test_u.py", "x\n", "    @unittest.skipIf(True, 'x')\nx\n"),
        ("web/a.test.ts", "it('a', f)\n", "it.skip('a', f)\n"),
        ("web/a.test.ts", "describe('a', f)\n", "describe.only('a', f)\n"),
        ("web/a.spec.js", "expect(a).toBe(1)\nx\n", "x\n"),
        ("src/test/java/ATest.java", "@Test\nvoid a() {}\n", "@Disabled\n@Test\nvoid a() {}\n"),
        ("src/test/java/ATest.java", "assertEquals(1, a);\nx;\n", "x;\n"),
        ("pkg/a_test.go", "func TestA(t *testing.T) {\n", 'func TestA(t *testing.T) {\n\tt.Skip("x")\n'),
        ("pkg/a_test.go", "func TestA(t *testing.T) {\n}\nx\n", "x\n"),
    ],
)
def test_a_deleted_skipped_or_weakened_test_fails(path, old, new):
    assert outcome("TESTS_INTACT", **_with(path, old, new)) == "FAIL"


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("tests/test_a.py", None, PYTEST),
        ("tests/test_a.py", PYTEST, PYTEST + "\n\ndef test_c():\n    assert run() == 3\n"),
        ("tests/test_a.py", PYTEST, PYTEST.replace("== 2", "== 3")),
        ("tests/data/report.json", "{}\n", None),
        ("app/skip.py", "x\n", "    pytest.skip('no test')\n"),
    ],
)
def test_added_and_edited_tests_pass(path, old, new):
    assert outcome("TESTS_INTACT", **_with(path, old, new)) == "PASS"


def test_a_test_that_is_moved_out_of_the_tests_fails_and_a_changed_runner_is_unknown():
    moved = (
        "diff --git a/tests/test_a.py b/attic/a.py\nsimilarity index 100%\n"
        "rename from tests/test_a.py\nrename to attic/a.py\n"
    )

    assert outcome("TESTS_INTACT", diff=moved) == "FAIL"
    assert outcome("TESTS_INTACT", **_with("pytest.ini", "[pytest]\n", "[pytest]\nx = 1\n")) == "UNKNOWN"


# SCOPE_OF_CHANGE


def _scope(path: str, facts: dict[str, Any] | None = None) -> str:
    given = _with(path, "a = 1\n", "a = 2\n")
    return str(row(judged(lamp="both", facts=facts, **given), "SCOPE_OF_CHANGE")["outcome"])


@pytest.mark.parametrize("path", ["tests/test_db.py", "requirements.txt", "package-lock.json", "go.sum"])
def test_tests_and_manifests_explain_themselves(path):
    assert _scope(path) == "PASS"


def test_a_file_that_nothing_explains_waits_for_a_reviewers_word():
    facts = good_facts()
    facts["reviews"][0]["answers"] = {"acknowledged_files": ["app/other.py"]}
    stale = good_facts()
    stale["reviews"][0] |= {"commit": "9" * 40, "answers": {"acknowledged_files": ["app/other.py"]}}
    own = good_facts()
    own["reviews"][0] |= {"reviewer": "dev", "answers": {"acknowledged_files": "app/other.py"}}

    assert _scope("app/other.py") == "UNKNOWN"
    assert _scope("app/other.py", facts) == "PASS"
    assert _scope("app/else.py", facts) == "UNKNOWN"
    assert _scope("app/other.py", stale) == "UNKNOWN"
    assert _scope("app/other.py", own) == "UNKNOWN"


def test_the_data_flow_of_the_finding_explains_its_files():
    place = {"physicalLocation": {"artifactLocation": {"uri": "app/web.py"}, "region": {"startLine": 2}}}
    flow = [{"threadFlows": [{"locations": [{"location": place}]}]}]
    given = _with("app/web.py", "a\n", "b\n")
    judgement = judged(before=sarif([SINK | {"codeFlows": flow}]), lamp="both", **given)

    assert row(judgement, "SCOPE_OF_CHANGE")["outcome"] == "PASS"


def test_without_a_finding_nothing_can_explain_the_change():
    assert outcome("SCOPE_OF_CHANGE", findings=()) == "NOT_APPLICABLE"
    assert SINK_REF == "B602@app/db.py:5"
    assert HEAD == good_facts()["fix"]["head_commit"]
