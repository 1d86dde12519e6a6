"""What another policy would have decided: on one closure's evidence, and on bundles by the command."""

from __future__ import annotations

import json

import pytest

from gate.__main__ import main
from gate.policy import DEFAULT, changes, load
from gate.policy_replay import Kind, replay, totals
from tests.gate.closure import REFERENCE, Case, flipped
from tests.gate.closure import case as case

TEXT = DEFAULT.to_toml().decode()
TWO_REVIEWERS = TEXT.replace("reviewers = 1 ", "reviewers = 2 ")
BARE = TEXT.replace('"TESTS_INTACT", ', "")


def policy(text: str):
    return load(text.replace('name = "default"', 'name = "ours"').encode(), "ours.toml")


def replayed(case: Case, text: str):
    return replay(case.inputs, case.judgement, policy(text), finding=REFERENCE)


@pytest.fixture
def bundle(case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out.zip").write_bytes(case.bundle())
    (tmp_path / "default.toml").write_text(TEXT)
    (tmp_path / "two.toml").write_text(TWO_REVIEWERS)
    return "out.zip"


@pytest.fixture
def call(capsys):
    def run(*argv: str) -> tuple[int, str, str]:
        return main(["policy", "replay", *argv]), *capsys.readouterr()

    return run


def test_the_policy_of_then_changes_nothing(case):
    one = replay(case.inputs, case.judgement, DEFAULT, finding=REFERENCE)

    assert one.passes
    assert (one.verdict_then, one.tier_then) == (one.verdict_now, one.tier_now)
    assert (one.changes, one.note, one.why) == ((), "", ())


def test_a_stricter_figure_says_which_check_stops_it_and_why(case):
    one = replayed(case, TWO_REVIEWERS)

    assert (one.verdict_then, one.verdict_now) == ("pass", "unknown")
    (change,) = one.changes
    assert (change.id, change.kind, change.blocks) == ("HUMAN_REVIEW", Kind.STOPPED, True)
    assert change.sentence.startswith("HUMAN_REVIEW passed then and is unknown now: ")
    assert one.why == (change.sentence,)
    assert one.note == ""


def test_a_check_that_is_newly_required_is_told_whether_it_passes_or_not(case):
    one = replayed(case, TEXT.replace('"WELL_FORMED",', '"WELL_FORMED", "SCAN_PROVENANCE",'))
    (change,) = one.changes

    assert (change.id, change.kind) == ("SCAN_PROVENANCE", Kind.NEWLY_REQUIRED)
    assert change.blocks is not one.passes


def test_a_check_that_is_asked_no_more_is_told_and_lets_it_pass(case):
    one = replayed(case, BARE)

    assert one.passes
    (change,) = one.changes
    assert (change.kind, change.blocks) == (Kind.NO_LONGER_REQUIRED, False)
    assert change.sentence.startswith("TESTS_INTACT is no longer required; it ")


def test_another_tier_is_told(case):
    one = replayed(case, TEXT.replace("security_severity = 9.0", 'level = "error"'))

    assert (one.tier_then, one.tier_now) == ("medium", "high")
    assert "HUMAN_REVIEW" in {change.id for change in one.changes if change.blocks}


def test_where_the_gate_itself_judges_otherwise_now_that_is_said(case):
    changed = json.loads(json.dumps(case.judgement))
    row = next(row for row in changed["checks"] if row["id"] == "TESTS_INTACT")
    row["required"], changed["gate_version"] = False, "0.0.1"
    one = replay(case.inputs, changed, DEFAULT, finding=REFERENCE)

    assert one.note.startswith("Recorded by gate 0.0.1; this is ")
    assert "TESTS_INTACT" in one.note


def test_the_totals_count_what_could_not_be_judged_apart(case):
    one = replayed(case, TWO_REVIEWERS)

    assert totals([one, None, one]) == {"pass": 0, "fail": 0, "unknown": 2, "not_judged": 1}


def test_the_command_ends_with_0_where_all_would_pass(bundle, call):
    status, out, _ = call("default.toml", bundle, bundle)

    assert status == 0
    assert out.splitlines()[-1].startswith("2 of 2 closures would pass by default, sha256:")


def test_the_command_ends_with_1_where_some_would_not_and_says_why(bundle, call):
    status, out, _ = call("two.toml", bundle)

    assert status == 1
    assert out.startswith(f"out.zip: F-1 {REFERENCE}: pass -> unknown, tier ")
    assert "! HUMAN_REVIEW passed then and is unknown now" in out


def test_the_command_tells_the_same_as_json(bundle, call):
    status, out, _ = call("two.toml", bundle, "--format", "json")
    told = json.loads(out)
    (row,) = told["closures"]

    assert (status, told["schema"]) == (1, "ctem.policy-replay/1")
    assert told["totals"] == {"pass": 0, "fail": 0, "unknown": 1, "not_judged": 0}
    assert (row["bundle"], row["id"], row["finding"]) == ("out.zip", "F-1", REFERENCE)
    assert row["verdict"] == {"then": "pass", "now": "unknown"}
    assert [c["id"] for c in row["checks"] if c["blocks"]] == ["HUMAN_REVIEW"]


def test_a_bundle_that_was_changed_cannot_be_used(bundle, call, tmp_path):
    data = (tmp_path / bundle).read_bytes()
    (tmp_path / "changed.zip").write_bytes(flipped(data, data.index(b"shell=True")))
    (tmp_path / "none.zip").write_bytes(b"no archive")

    for name in ("changed.zip", "none.zip", "absent.zip"):
        status, _, said = call("default.toml", name)
        assert status == 3
        assert name in said and said.count("\n") == 1


def test_a_policy_that_softens_what_nobody_may_soften_is_refused_with_its_line(bundle, call):
    with open("soft.toml", "w") as file:
        file.write(TEXT.replace('level = "warning"', 'level = "error"'))
    line = 1 + TEXT[: TEXT.index('level = "warning"')].count("\n")
    status, out, said = call("soft.toml", bundle)

    assert (status, out) == (3, "")
    assert f"soft.toml: line {line}, nothing_new.level: NOTHING_NEW cannot be relaxed" in said


def test_changes_name_table_member_and_both_values():
    other = policy(
        TEXT.replace("changed_files = 10", "changed_files = 5")
        .replace("kev = true", "kev = false")
        .replace("security_severity = 4.0", "security_severity = 2.5")
    )

    assert [str(change) for change in changes(DEFAULT, other)] == [
        "tier.high: kev True -> False",
        "tier.raise: changed_files 10 -> 5",
        "nothing_new: security_severity 4.0 -> 2.5",
    ]
