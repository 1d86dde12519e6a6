"""TESTS_INTACT, framework by framework: what weakens a test, and what does not."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from tests.gate.made import GOOD_DIFF, git_diff, judged, row


class Framework(NamedTuple):
    """A test file with one test, and how its parts are written."""

    path: str
    head: str  # opens the test
    check: str
    foot: str
    other: str  # another assert
    hollow: str
    comment: str = "// "


PYTEST = Framework("tests/test_a.py", "def test_run():", "    assert run() == 1", "",
                   "    assert run() > 0", "    assert True", "# ")  # fmt: skip
UNITTEST = Framework("tests/test_a.py", "class TestRun(TestCase):\n    def test_run(self):",
                     "        self.assertEqual(1, run())", "", "        self.assertTrue(run())",
                     "        self.assertTrue(True)", "# ")  # fmt: skip
JUNIT = Framework("src/test/java/RunTest.java", "    @Test\n    void runs() {",
                  "        assertEquals(1, run());",
                  "    }", "        assertTrue(run() > 0);", "        assertTrue(true);")  # fmt: skip
JEST = Framework("web/run.test.js", "it('runs', () => {", "  expect(run()).toBe(1);", "});",
                 "  expect(run()).toBeGreaterThan(0);", "  expect(true).toBe(true);")  # fmt: skip
MOCHA = Framework("test/run.spec.ts", "test('runs', function () {", "  assert.equal(run(), 1);", "});",
                  "  assert.ok(run());", "  assert.ok(true);")  # fmt: skip
GO = Framework("run_test.go", "func TestRun(t *testing.T) {", "\trequire.Equal(t, 1, run())", "}",
               "\tassert.True(t, run() > 0)", "\tassert.True(t, true)")  # fmt: skip
RSPEC = Framework("spec/run_spec.rb", "  it 'runs' do", "    expect(run).to eq(1)", "  end",
                  "    expect(run).to be_positive", "    expect(true).to be true", "# ")  # fmt: skip
XUNIT = Framework("tests/RunTests.cs", "    [Fact]\n    public void Runs() {", "        Assert.Equal(1, Run());",
                  "    }", "        Assert.True(Run() > 0);", "        Assert.True(true);")  # fmt: skip
PHPUNIT = Framework("tests/RunTest.php", "    public function testRun(): void {",
                    "        $this->assertSame(1, run());", "    }",
                    "        self::assertTrue(run() > 0);", "        $this->assertTrue(true);")  # fmt: skip
RUST = Framework("tests/run.rs", "#[test]\nfn runs() {", "    assert_eq!(1, run());", "}",
                 "    assert!(run() > 0);", "    assert!(true);")  # fmt: skip
ALL = {
    "pytest": PYTEST, "unittest": UNITTEST, "JUnit": JUNIT, "Jest": JEST, "Mocha": MOCHA, "Go": GO,
    "RSpec": RSPEC, "xUnit": XUNIT, "PHPUnit": PHPUNIT, "Rust": RUST,
}  # fmt: skip
EVERY = pytest.mark.parametrize("of", ALL.values(), ids=ALL)


def answer(path: str, old: str | None, new: str | None) -> tuple[str, str]:
    found = row(judged(diff={**GOOD_DIFF, path: (old, new)}), "TESTS_INTACT")
    return found["outcome"], found["reason"]


def text(of: Framework, *body: str) -> str:
    return "\n".join((of.head, *(body or (of.check,)), of.foot)).rstrip("\n") + "\n"


@EVERY
def test_a_test_that_is_added_or_says_more_is_no_weakening(of):
    assert answer(of.path, None, text(of))[0] == "PASS"
    assert answer(of.path, text(of), text(of, of.check, of.other))[0] == "PASS"
    assert answer(of.path, text(of), text(of, of.other))[0] == "PASS"


@EVERY
def test_a_deleted_test_fails(of):
    assert answer(of.path, text(of), None)[0] == "FAIL"
    assert answer(of.path, "\n" + text(of), "\n")[0] == "FAIL"


@EVERY
def test_a_test_that_is_commented_out_fails(of):
    out = "".join(f"{of.comment}{line}\n" for line in text(of).splitlines())

    assert answer(of.path, text(of), out)[0] == "FAIL"


@EVERY
def test_an_assert_that_is_commented_out_fails(of):
    assert answer(of.path, text(of), text(of, of.comment + of.check.strip()))[0] == "FAIL"


@EVERY
def test_an_assert_that_always_holds_fails(of):
    outcome, said = answer(of.path, text(of), text(of, of.hollow))

    assert outcome == "FAIL"
    assert "always holds" in said


@EVERY
def test_a_return_at_the_beginning_fails_and_one_at_the_end_does_not(of):
    inner = of.check[: len(of.check) - len(of.check.lstrip())]
    outcome, said = answer(of.path, text(of), text(of, f"{inner}return", of.check))

    assert outcome == "FAIL"
    assert "before it asserts" in said
    assert answer(of.path, text(of), text(of, of.check, f"{inner}return"))[0] == "PASS"


SKIPS = [
    (PYTEST, "@pytest.mark.skip\n{}"), (PYTEST, "@pytest.mark.skip(reason='x')\n{}"),
    (PYTEST, "@pytest.mark.skipif(True, reason='x')\n{}"), (PYTEST, "@pytest.mark.xfail\n{}"),
    (PYTEST, "pytestmark = pytest.mark.skip\n{}"), (PYTEST, "{}    pytest.skip('x')\n"),
    (UNITTEST, "@unittest.skip('x')\n{}"), (UNITTEST, "@unittest.expectedFailure\n{}"),
    (UNITTEST, "{}        self.skipTest('x')\n"), (UNITTEST, "{}    __test__ = False\n"),
    (JUNIT, "    @Disabled\n{}"), (JUNIT, "    @Ignore(\"x\")\n{}"),
    (JUNIT, "{}        Assumptions.assumeTrue(false);\n"),
    (GO, "//go:build ignore\n{}"), (GO, "{}\tt.Skip(\"x\")\n"), (GO, "{}\tt.SkipNow()\n"),
    (RSPEC, "{}    pending 'x'\n"), (RSPEC, "{}    skip\n"),
    (XUNIT, "    [Ignore(\"x\")]\n{}"), (XUNIT, "#if false\n{}#endif\n"),
    (PHPUNIT, "{}        $this->markTestSkipped('x');\n"), (RUST, "#[ignore]\n{}"),
]  # fmt: skip


@pytest.mark.parametrize(("of", "skipped"), SKIPS, ids=[s.replace("{}", "") for _, s in SKIPS])
def test_a_skip_fails(of, skipped):
    outcome, said = answer(of.path, text(of), skipped.format(text(of)))

    assert outcome == "FAIL"
    assert "switches a test off" in said


RENAMED = [
    (PYTEST, "def test_run", "def _test_run"), (PYTEST, "def test_run", "def run_test"),
    (UNITTEST, "class TestRun(TestCase)", "class Runs"), (UNITTEST, "def test_run", "def check_run"),
    (JUNIT, "    @Test\n", ""), (GO, "func TestRun", "func testRun"), (GO, "func TestRun", "func RunTest"),
    (JEST, "it('runs'", "xit('runs'"), (JEST, "it('runs'", "it.skip('runs'"), (JEST, "it('runs'", "it.only('runs'"),
    (MOCHA, "test('runs'", "test.todo('runs'"), (MOCHA, "test('runs'", "xtest('runs'"),
    (RSPEC, "it 'runs' do", "xit 'runs' do"), (RSPEC, "it 'runs' do", "it 'runs', :skip do"),
    (XUNIT, "[Fact]", "[Fact(Skip = \"x\")]"), (XUNIT, "    [Fact]\n", ""),
    (PHPUNIT, "function testRun", "function runTest"), (RUST, "#[test]\n", ""),
]  # fmt: skip


@pytest.mark.parametrize(("of", "old", "new"), RENAMED, ids=[new or old for _, old, new in RENAMED])
def test_a_test_that_no_runner_finds_any_more_fails(of, old, new):
    assert answer(of.path, text(of), text(of).replace(old, new))[0] == "FAIL"


@pytest.mark.parametrize(
    ("of", "line"),
    [
        (PYTEST, "# pytest.skip is not for us"), (JEST, "// it.skip is not for us"),
        (JUNIT, "// @Disabled is not for us"), (RSPEC, "# skip"), (XUNIT, "// [Ignore]"),
        (PYTEST, "@pytest.mark.slow"), (JEST, "const skip = 1;"), (GO, "func helper() {}"),
    ],
)  # fmt: skip
def test_words_about_skipping_are_no_skip(of, line):
    assert answer(of.path, text(of), f"{line}\n{text(of)}")[0] == "PASS"


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("pytest.ini", "[pytest]\n", "[pytest]\naddopts = -k fast\n"),
        ("pyproject.toml", "[tool.x]\n", "[tool.x]\naddopts = '--deselect tests/test_a.py'\n"),
        ("package.json", '  "test": "jest"\n', '  "test": "true"\n'),
        ("pom.xml", "<a/>\n", "<skipTests>true</skipTests>\n"),
        ("tests/conftest.py", "x = 1\n", "def pytest_collection_modifyitems(items):\n"),
        (".rspec", "--format doc\n", "--tag ~slow\n"),
    ],
)
def test_what_decides_which_tests_run_is_for_people(path, old, new):
    outcome, said = answer(path, old, new)

    assert outcome == "UNKNOWN"
    assert "decides which tests run" in said


def test_other_lines_of_those_files_are_not():
    assert answer("package.json", '  "lodash": "1.0"\n', '  "lodash": "1.1"\n')[0] == "PASS"


def whole(files: dict[str, tuple[str | None, str | None]]) -> str:
    return row(judged(diff={**GOOD_DIFF, **files}), "TESTS_INTACT")["outcome"]


TWO = "def test_a():\n    assert run(1) == 1\n\n\ndef test_b():\n    assert run(2) == 2\n"
ONE, REST = TWO.split("\n\n\n")


def test_a_test_that_moves_to_another_test_file_is_kept():
    gone = {"tests/test_v.py": (TWO, ONE + "\n")}

    assert whole({**gone, "tests/test_w.py": (None, REST)}) == "PASS"
    assert whole({"tests/test_v.py": (TWO, None), "tests/test_w.py": (None, TWO)}) == "PASS"
    assert whole({**gone, "tests/test_w.py": (None, REST.replace("    ", "  "))}) == "PASS"


def test_what_comes_back_otherwise_or_where_no_runner_looks_is_lost():
    gone = {"tests/test_v.py": (TWO, ONE + "\n")}

    assert whole(gone) == "FAIL"
    assert whole({**gone, "tests/test_w.py": (None, REST.replace("run(2)", "2"))}) == "FAIL"
    assert whole({**gone, "tests/old_w.py": (None, REST)}) == "FAIL"
    assert whole({**gone, "app/w.py": (None, REST)}) == "FAIL"
    assert whole({"tests/test_v.py": (TWO, None), "tests/test_w.py": (None, REST)}) == "FAIL"
    twice = {"tests/test_v.py": (TWO, ONE + "\n"), "tests/test_x.py": (REST, "\n")}
    assert whole({**twice, "tests/test_w.py": (None, REST)}) == "FAIL"


def test_a_class_line_is_no_test_but_what_opens_tests():
    old = (
        "import unittest\n\n\nclass T(unittest.TestCase):\n    def test_a(self):\n"
        "        self.assertEqual(1, run())\n"
    )

    assert whole({"tests/test_v.py": (old, "def test_a():\n    assert run() == 1\n")}) == "PASS"
    assert (
        whole({"tests/test_v.py": (old, old.replace("class T(unittest.TestCase)", "class Cases"))})
        == "FAIL"
    )
    assert whole({"tests/test_v.py": (old, old.replace("class T(", "class Runs("))}) == "PASS"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("tests/test_v.py", "tests/v_disabled.py"), ("run_test.go", "run_tests_off.go"),
        ("web/run.test.js", "web/run.old.js"), ("spec/run_spec.rb", "spec/run_sp.rb"),
        ("tests/RunTest.php", "tests/RunT.php"), ("src/test/java/RunTest.java", "src/test/java/Run.java.off"),
    ],
)  # fmt: skip
def test_a_test_file_with_a_name_that_no_runner_looks_for_is_gone(old, new):
    move = (
        f"diff --git a/{old} b/{new}\nsimilarity index 100%\nrename from {old}\nrename to {new}\n"
    )
    found = row(judged(diff=git_diff(GOOD_DIFF) + move), "TESTS_INTACT")

    assert (found["outcome"], "out of the tests" in found["reason"]) == ("FAIL", True)


@pytest.mark.parametrize(
    ("path", "outcome"),
    [
        ("test/run_test.exs", "FAIL"),
        ("Tests/RunTests.swift", "FAIL"),
        ("tests/run.bats", "FAIL"),
        ("tests/data/x.json", "PASS"),
    ],
)
def test_a_deleted_test_in_a_language_that_nobody_reads_here_counts(path, outcome):
    assert whole({path: ("anything\n", None)}) == outcome


@pytest.mark.parametrize(
    "line",
    [
        "@mark.skip", "@u.skip('x')", "@m.xfail", "test_a.__test__ = False",
    ],
)  # fmt: skip
def test_a_skip_by_another_name_fails(line):
    assert whole({"tests/test_v.py": (TWO, f"{line}\n{TWO}")}) == "FAIL"


@pytest.mark.parametrize(
    "body",
    [
        "    try:\n        assert run(1) == 1\n    except AssertionError:\n        pass\n",
        "    try:\n        assert run(1) == 1\n    except Exception:\n        pass\n",
        "    with suppress(AssertionError):\n        assert run(1) == 1\n",
    ],
)
def test_an_assert_that_may_fail_unheard_fails(body):
    assert whole({"tests/test_v.py": (ONE + "\n", "def test_a():\n" + body)}) == "FAIL"
