"""Reports as real tools wrote them: each is read, or refused with the place."""

from __future__ import annotations

from pathlib import Path

import pytest

from gate import formats
from gate.errors import InputError
from gate.formats import content
from gate.formats.content import File

SAMPLES = Path(__file__).parent / "samples"

# For each file the tool and the number of results of each run, and the number of problems.
READ = {
    "ai-profile__sarif-sdk_GroupingSample": ([("GroupingSamplerScanner", 2), ("GroupingSamplerScanner", 1)], 3),
    "ai-profile__sarif-sdk_example": ([("AI Security Analyzer", 2)], 1),
    "baseline-in__sarif-sdk_TEST1003": ([("testhost", 0)], 1),
    "baselined__sarif-sdk_AbsentResults": ([("SARIF Functional Testing", 30)], 1),
    "blackduck__defectdojo_nested_fingerprints": ([("Example-Application", 5)], 1),
    "clang-analyzer__sarif-sdk": ([("Clang Analyzer", 4)], 0),
    "cppcheck__defectdojo_many": ([("Cppcheck", 7)], 0),
    "cppcheck__defectdojo_none": ([("Cppcheck", 0)], 0),
    "devskim__defectdojo_many": ([("devskim", 7)], 0),
    "dockle__defectdojo_0_3_15": ([("Dockle", 4)], 0),
    "edge__defectdojo_no_runs": ([], 0),
    "flawfinder__defectdojo_many": ([("Flawfinder", 4)], 0),
    "flawfinder__defectdojo_none": ([("Flawfinder", 0)], 0),
    "fortify__sarif-sdk_FortifyTest": ([("Micro Focus Fortify Static Code Analyzer", 3)], 0),
    "gitleaks__gitleaks_sarif_simple": ([("gitleaks", 1)], 0),
    "govulncheck__defectdojo_issue_15033": ([("govulncheck", 3)], 1),
    "mayhem-code__defectdojo_many": ([("Mayhem Code Security", 8)], 0),
    "mobsfscan__defectdojo": ([("mobsfscan", 9)], 1),
    "njsscan__defectdojo": ([("nodejsscan", 2)], 1),
    "shiftleft-scan-python__defectdojo_taint": ([("Python Security Analysis", 11)], 0),
    "suppressions__defectdojo_SuppressionTestCurrent": ([("CodeScanner", 4)], 1),
    "suppressions__defectdojo_suppression_test": ([("CodeScanner", 5)], 1),
}  # fmt: skip
REFUSED = {
    "binskim__sarif-sdk_clang.execstack": "at byte 69122: not JSON: Expecting property name",
}


def test_every_sample_is_pinned():
    assert {path.stem for path in SAMPLES.glob("*.sarif")} == {*READ, *REFUSED}


@pytest.mark.parametrize("name", READ)
def test_a_sample_is_read(name):
    runs, problems = READ[name]
    found = formats.read("x", (SAMPLES / f"{name}.sarif").read_bytes())
    assert [(run.tool, len(run.results)) for run in found.runs] == runs
    assert len(found.problems) == problems


@pytest.mark.parametrize("name", REFUSED)
def test_a_broken_sample_is_refused_with_its_place(name):
    with pytest.raises(InputError, match=f"x {REFUSED[name]}"):
        formats.read("x", (SAMPLES / f"{name}.sarif").read_bytes())


@pytest.mark.parametrize("name", READ)
def test_a_sample_reads_the_same_through_a_small_window(name, monkeypatch):
    path = SAMPLES / f"{name}.sarif"
    expected = formats.read("x", path.read_bytes())
    monkeypatch.setattr(content, "BLOCK", 100)
    assert formats.read("x", File(path)) == expected
