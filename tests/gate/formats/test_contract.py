"""What holds for every format: reports of real tools read whole, the same each time, or refused."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate import formats
from gate.errors import InputError
from gate.formats import content
from gate.formats.content import File
from gate.matching import match
from gate.records import Report
from tests.fuzz.reader import check

SAMPLES = Path(__file__).parent / "samples"
Count = Callable[[Any], int]


def _of(*keys: str) -> Count:
    return lambda log: sum(len(log.get(key) or ()) for key in keys)


def _trivy(log: Any) -> int:
    kinds = ("Vulnerabilities", "Misconfigurations", "Secrets", "Licenses")
    kinds += ("ExperimentalModifiedFindings",)
    return sum(len(one.get(kind) or ()) for one in log["Results"] for kind in kinds)


def _osv(log: Any) -> int:
    packages = [package for one in log["results"] for package in one["packages"]]
    return sum(len(package.get("groups") or ()) for package in packages)


def _cyclonedx(log: Any) -> int:
    return sum(len(one.get("affects") or "1") for one in log["vulnerabilities"])


# For each file the format, the tool, and how its results are counted without us.
READ: dict[str, tuple[formats.Format, str, Count]] = {
    "bandit.json": (formats.BANDIT, "Bandit", _of("results")),
    "semgrep.json": (formats.SEMGREP, "Semgrep OSS", _of("results")),
    "gitlab_sast_semgrep.json": (formats.GITLAB, "Semgrep", _of("vulnerabilities")),
    "gitlab_container_trivy.json": (formats.GITLAB, "Trivy", _of("vulnerabilities")),
    "gitlab_dependencies.json": (formats.GITLAB, "Gemnasium", _of("vulnerabilities")),
    "gitlab_secrets.json": (formats.GITLAB, "Gitleaks", _of("vulnerabilities")),
    "trivy_alpine.json": (formats.TRIVY, "Trivy", _trivy),
    "trivy_secrets.json": (formats.TRIVY, "Trivy", _trivy),
    "trivy_dockerfile.json": (formats.TRIVY, "Trivy", _trivy),
    "trivy_npm_suppressed.json": (formats.TRIVY, "Trivy", _trivy),
    "grype_directory.json": (formats.GRYPE, "grype", _of("matches", "ignoredMatches")),
    "grype_image.json": (formats.GRYPE, "grype", _of("matches", "ignoredMatches")),
    "osv_groups.json": (formats.OSV, "osv-scanner", _osv),
    "osv_malware.json": (formats.OSV, "osv-scanner", _osv),
    "cyclonedx_grype.json": (formats.CYCLONEDX, "grype", _cyclonedx),
    "cyclonedx_vex.json": (formats.CYCLONEDX, "CycloneDX", _cyclonedx),
    "code_scanning_alerts.json": (formats.ALERTS, "CodeQL", len),
    "nuclei.json": (formats.NUCLEI, "Nuclei", len),
    "nuclei.jsonl": (formats.NUCLEI_LINES, "Nuclei", len),
    "checkov_iac_told.csv": (formats.CSV, "Checkov", len),
}
SARIF = ("bandit", "semgrep", "trivy_alpine", "grype_directory", "grype_image", "osv_groups")


def data(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


def read(name: str) -> Report:
    return formats.read(name, data(name))


def plain(name: str) -> Any:
    """The document, or the list of its lines or rows, by other readers than ours."""
    text = data(name).decode()
    if name.endswith(".jsonl"):
        return [json.loads(line) for line in text.splitlines() if line]
    if name.endswith(".csv"):
        lines = [line for line in text.splitlines() if not line.startswith("#")]
        return [row for row in csv.DictReader(lines) if row["Misconfigurations"]]
    return json.loads(text)


def test_every_sample_is_pinned():
    known = {*READ, *(f"{name}.sarif" for name in SARIF), "checkov_iac.csv", "README.md"}
    assert {path.name for path in SAMPLES.iterdir()} == known


@pytest.mark.parametrize("name", READ)
def test_a_report_is_recognised_by_its_content_and_read_whole(name):
    form, tool, count = READ[name]
    assert formats.recognise("report", data(name)) is form
    found = formats.read("report", data(name))
    (run,) = found.runs
    assert (found.format, run.tool) == (form.name, tool)
    assert len(run.results) + len(run.passed) == count(plain(name))


@pytest.mark.parametrize("name", READ)
def test_results_say_what_the_gate_needs_and_point_into_the_document(name):
    whole = plain(name)
    for run in read(name).runs:
        assert run.pointer == ""
        for result in run.results:
            assert result.rule and result.message and result.pointer.startswith("/")
            value = whole
            for part in result.pointer.split("/")[1:]:
                value = value[int(part)] if isinstance(value, list) else value[part]
            assert isinstance(value, dict)


@pytest.mark.parametrize("name", READ)
def test_what_a_format_does_not_carry_is_unknown(name):
    form = READ[name][0]
    for run in read(name).runs:
        if form is not formats.GITLAB:
            assert run.execution_successful is None
        assert run.exit_code is None
        # No rule that merely fired makes a list of all that were on.
        assert run.lists_rules is (name == "semgrep.json")


@pytest.mark.parametrize("name", READ)
def test_a_report_reads_the_same_through_a_small_window(name, monkeypatch, tmp_path):
    file = tmp_path / "report"
    file.write_bytes(data(name))
    expected = formats.read("report", data(name))
    monkeypatch.setattr(content, "BLOCK", 100)
    assert formats.read("report", File(file)) == expected


@pytest.mark.parametrize("name", READ)
def test_the_order_of_results_does_not_matter_to_the_matcher(name):
    results = [result for run in read(name).runs for result in run.results]
    found = match(results, results[::-1])
    assert (found.unmatched_before, found.unmatched_after) == ((), ())


@pytest.mark.parametrize("name", READ)
def test_promises_of_the_reader_hold(name):
    check(data(name))


@pytest.mark.parametrize("name", READ)
@settings(max_examples=25, deadline=None)
@given(cut=st.floats(0, 1), junk=st.binary(max_size=4), kept=st.booleans())
def test_what_is_cut_or_garbled_is_read_or_refused_and_nothing_else(name, cut, junk, kept):
    whole = data(name)
    at = int(cut * len(whole))
    given = whole[:at] + junk + (whole[at + len(junk) :] if kept else b"")
    try:
        assert formats.read("report", given) == formats.read("report", given)
    except InputError as error:
        assert error.where.startswith("report")
        assert str(error).isprintable()


JSON = [name for name in READ if name.endswith(".json")]
ODD = [None, True, 7, -1, 1e300, "", "x", "\ud800\x00", [], [7], {}, {"a": 1}, [[]], [{}]]


def _places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    return [at, *(place for key, child in children for place in _places(child, (*at, key)))]


@pytest.mark.parametrize("name", JSON)
@settings(max_examples=60, deadline=None)
@given(choice=st.floats(0, 0.999), odd=st.sampled_from(ODD))
def test_any_member_of_any_type_is_read_or_refused_with_its_place(name, choice, odd):
    log = plain(name)
    places = _places(log)[1:]
    *way, last = places[int(choice * len(places))]
    inner = log
    for key in way:
        inner = inner[key]
    inner[last] = odd
    try:
        formats.read("report", json.dumps(log).encode())
    except InputError as error:
        assert error.where.startswith("report")
        assert str(error).isprintable()


# --- telling formats apart -----------------------------------------------------------------------
def test_members_of_two_formats_are_refused():
    both = {**plain("grype_directory.json"), **plain("bandit.json")}
    with pytest.raises(InputError, match="members of Grype JSON and of Bandit JSON"):
        formats.read("x", json.dumps(both).encode())


def test_runs_make_it_sarif_whatever_else_is_there_and_wherever_it_stands():
    for members in ({"runs": [], "bomFormat": "CycloneDX"}, {"bomFormat": "CycloneDX", "runs": []}):
        with pytest.raises(InputError, match=r"x#/version: must be '2\.1\.0'"):
            formats.read("x", json.dumps(members).encode())


def test_an_unknown_format_is_told_what_is_known_and_what_is_there():
    with pytest.raises(InputError) as caught:
        formats.read("x", b'{"findings": [], "meta": {}}')
    assert all(known.name in str(caught.value) for known in formats.FORMATS)
    assert str(caught.value).endswith("its members are: findings, meta")


@pytest.mark.parametrize("given", [b"", b"  ", b"[]", b"[1]", b"{}", b'{"results": 7}', b"hello"])
def test_what_is_no_report_is_refused(given):
    with pytest.raises(InputError):
        formats.read("x", given)


@pytest.mark.parametrize("name", [*READ, *(f"{name}.sarif" for name in SARIF)])
def test_the_name_decides_nothing(name):
    assert formats.recognise("any.csv", data(name)) is formats.recognise("b.sarif", data(name))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize(
    "name", ["bandit.json", "code_scanning_alerts.json", "checkov_iac_told.csv"]
)
def test_byte_order_marks_are_understood(name, encoding):
    found = formats.read(name, data(name).decode().encode(encoding))
    assert found.runs == read(name).runs
