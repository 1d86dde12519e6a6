"""The pipeline command: exit status, formats, one line for errors, a quick start."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from gate import formats
from gate.__main__ import main
from gate.judgement import judge
from gate.output import to_markdown, to_text
from gate.policy import DEFAULT
from gate.sarif_output import to_sarif
from tests.gate.made import (
    PAIRS,
    REF,
    SINK,
    SINK_REF,
    changed,
    document,
    evidence,
    good_facts,
    sarif,
)

ROOT = Path(__file__).parents[2]


@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    """Runs the command in a folder with the real set and good facts; (status, out, err)."""
    for path in PAIRS.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "facts.json").write_text(json.dumps(good_facts()))
    monkeypatch.chdir(tmp_path)

    def run(*argv: str) -> tuple[int, str, str]:
        status = main(list(argv))
        out, err = capsys.readouterr()
        return status, out, err

    return run


def _asked(variant: str, *more: str, facts: str = "facts.json") -> list[str]:
    scans = [
        "--before",
        "00_before.sarif",
        "--after",
        f"{variant}.sarif",
        "--diff",
        f"{variant}.diff",
    ]
    return [*scans, "--finding", REF, "--facts", facts, *more]


def test_the_exit_status_is_the_verdict(call, tmp_path):
    (tmp_path / "none.json").write_text("{}")

    assert call(*_asked("01_good_fix"))[0] == 0
    assert call(*_asked("02_nosec"))[0] == 1
    assert call(*_asked("01_good_fix", facts="none.json"))[0] == 2


def test_the_json_output_is_the_contract(call):
    status, out, err = call(*_asked("07_fix_introduces_new", "--format", "json"))
    judgement = json.loads(out)

    assert (status, err) == (1, "")
    assert judgement["schema"] == "ctem.judgement/1"
    assert {new["rule"] for new in judgement["new"] if new["blocks"]} == {"B102", "B307"}
    assert judgement["policy"] == {"name": "default", "digest": DEFAULT.digest}


def test_the_default_lamp_is_safe_and_the_others_can_be_chosen(call, tmp_path):
    facts = good_facts() | {"reviews": []}
    (tmp_path / "unreviewed.json").write_text(json.dumps(facts))
    asked = _asked("01_good_fix", facts="unreviewed.json")

    assert call(*asked)[0] == 0
    assert call(*asked, "--lamp", "right")[0] == 2
    assert call(*asked, "--lamp", "both")[0] == 2


def test_a_later_scan_that_sees_it_again_fails_a_fix_that_passed(call, tmp_path):
    told = {
        "commit": "e" * 40,
        "descends_from": [good_facts()["fix"]["head_commit"]],
        "scope": "full",
    }
    later = good_facts() | {"later": told | {"exit_code": 1, "source": "measured"}}
    (tmp_path / "later.json").write_text(json.dumps(later))
    status, out, _ = call(*_asked("01_good_fix", "--later", "00_before.sarif", facts="later.json"))

    assert status == 1
    assert "Still so? fail" in out
    assert call(*_asked("01_good_fix", "--later", "01_good_fix.sarif", facts="later.json"))[0] == 0
    for form, said in (
        ("markdown", "**Still so?** ❌ fail"),
        ("sarif", "7 again"),
        ("json", "7 again"),
    ):
        asked = _asked(
            "01_good_fix", "--later", "00_before.sarif", "--format", form, facts="later.json"
        )
        assert said in call(*asked)[1]


def test_several_findings_are_judged_in_one_run(call):
    second = "00_before.sarif#/runs/0/results/2"
    status, out, _ = call(*_asked("01_good_fix", "--format", "json", "--finding", second))

    assert status == 1
    assert [o["verdict"] for o in json.loads(out)["originals"]] == ["pass", "fail"]


def test_without_a_finding_only_what_is_new_is_asked(call):
    asked = ["--after", "01_good_fix.sarif", "--diff", "01_good_fix.diff", "--facts", "facts.json"]

    assert call(*asked, "--before", "00_before.sarif")[0] == 0


def test_what_is_open_already_is_not_new(call, tmp_path):
    log = sarif(
        [SINK | {"rule": "B307", "path": "app/far.py", "snippet": "eval(x)\n"}],
        files=["app/views.py"],
    )
    (tmp_path / "after.sarif").write_text(json.dumps(log))
    (tmp_path / "open.json").write_text(json.dumps(log))
    asked = ["--after", "after.sarif", "--diff", "01_good_fix.diff", "--facts", "facts.json"]

    assert call(*asked)[0] == 2
    assert call(*asked, "--known", "open.json")[0] == 0


def test_another_policy_can_be_given(call, tmp_path):
    strict = DEFAULT.to_toml().replace(b'level = "warning"', b'level = "note"')
    (tmp_path / "strict.toml").write_bytes(strict)

    assert call(*_asked("01_good_fix", "--policy", "strict.toml"))[0] == 1


def test_the_output_can_go_to_a_file(call, tmp_path):
    status, out, _ = call(*_asked("01_good_fix", "--format", "json", "--output", "answer.json"))

    assert (status, out) == (0, "")
    assert json.loads((tmp_path / "answer.json").read_text())["verdict"] == "pass"


@pytest.mark.parametrize(
    ("argv", "where"),
    [
        ([], "--after"),
        (["--after", "01_good_fix.sarif"], "--diff"),
        (["--after", "01_good_fix.sarif", "--diff", "nowhere.diff"], "nowhere.diff"),
        (["--after", "nowhere.sarif", "--diff", "01_good_fix.diff"], "nowhere.sarif"),
        (["--after", ".", "--diff", "01_good_fix.diff"], "."),
        (["--after", "README.txt", "--diff", "01_good_fix.diff"], "README.txt"),
        (["--after", "01_good_fix.sarif", "--diff", "README.txt"], "README.txt"),
        ([*_asked("01_good_fix"), "--finding", "B602@app/views.py:99"], "B602@app/views.py:99"),
        ([*_asked("01_good_fix"), "--lamp", "green"], "--lamp"),
        ([*_asked("01_good_fix"), "--form", "json"], "--form"),
        ([*_asked("01_good_fix"), "--facts", "README.txt"], "README.txt"),
        ([*_asked("01_good_fix"), "--policy", "README.txt"], "README.txt"),
        ([*_asked("01_good_fix"), "--known", "facts.json"], "facts.json"),
        ([*_asked("01_good_fix"), "--output", "no/such/folder"], "no/such/folder"),
        (["policy"], ""),
        (["policy", "check", "README.txt"], "README.txt"),
        (["policy", "burn"], "burn"),
    ],
)
def test_what_cannot_be_used_ends_with_3_and_one_line_that_says_where(call, argv, where):
    status, out, err = call(*argv)

    assert (status, out) == (3, "")
    assert err.count("\n") == 1
    assert err.startswith("gate: ")
    assert where in err


def test_facts_of_several_files_are_joined(call, tmp_path):
    facts = good_facts()
    for name in facts:
        (tmp_path / f"{name}.json").write_text(json.dumps({name: facts[name]}))
    files = [word for name in facts for word in ("--facts", f"{name}.json")]
    asked = _asked("01_good_fix", "--format", "json", *files, facts="fix.json")

    assert call(*asked)[1] == call(*_asked("01_good_fix", "--format", "json"))[1]


def test_facts_that_contradict_each_other_are_refused(call, tmp_path):
    other = {"fix": {"head_commit": "f" * 40, "branch": "main"}}
    (tmp_path / "other.json").write_text(json.dumps(other))
    told = "gate: other.json: fix.head_commit: is told differently by an earlier facts file\n"

    assert call(*_asked("01_good_fix", "--facts", "other.json")) == (3, "", told)


def test_the_facts_of_two_scans_follow_in_the_order_of_the_files(call, tmp_path):
    (tmp_path / "after.json").write_text(json.dumps({"after": good_facts()["after"]}))

    assert call(*_asked("01_good_fix", "--facts", "after.json"))[2] == (
        "gate: facts.json + after.json: after: facts of 2 scans, but 1 were given; write a list\n"
    )


def test_a_misspelt_fact_is_refused_with_its_path(call, tmp_path):
    (tmp_path / "facts.json").write_text(json.dumps(changed(good_facts(), "after.comit", "x")))

    assert call(*_asked("01_good_fix"))[2] == "gate: facts.json: after.comit: unknown member\n"


def test_the_policy_commands_show_check_and_compare(call, tmp_path):
    (tmp_path / "ours.toml").write_bytes(
        DEFAULT.to_toml().replace(b"reviewers = 2", b"reviewers = 3")
    )

    assert call("policy", "show")[1].encode() == DEFAULT.to_toml()
    assert DEFAULT.digest not in call("policy", "check", "ours.toml")[1]
    assert call("policy", "diff", "ours.toml")[1] == "high: reviewers 2 -> 3\n"
    assert call("policy", "diff", "ours.toml", "ours.toml")[1] == "No difference.\n"


def test_the_other_subcommands_are_reached(call):
    assert call("verify", "nowhere.zip")[0] == 3
    assert call("run", "--out", "out")[0] == 3
    assert call("facts")[0] == 3


def test_the_command_runs_as_a_module_and_starts_quickly():
    argv = [sys.executable, "-m", "gate", "--help"]
    begun = os.times()
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, check=False)
    ended = os.times()

    assert done.returncode == 0
    assert ended.children_user - begun.children_user < 1.0


def test_the_command_needs_nothing_but_the_standard_library():
    code = (
        "import sys; sys.argv = ['gate', 'policy', 'show']; import runpy\n"
        "try: runpy.run_module('gate', run_name='__main__')\n"
        "except SystemExit: pass\n"
        "import gate.assemble, gate.judgement, gate.output, gate.sarif_output\n"
        "mine = {name.partition('.')[0] for name in sys.modules}\n"
        "print(sorted(mine - set(sys.stdlib_module_names) - {'gate', '__main__'}), file=sys.stderr)"
    )
    argv = [
        sys.executable,
        "-I",
        "-S",
        "-c",
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{code}",
    ]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, check=True)

    assert done.stderr.decode().strip().splitlines()[-1] == "[]"


# Renderers.


def _judgement(**given: Any):
    return judge(evidence(**given), DEFAULT, lamp="both")


HOSTILE = (
    "<img src=x> [click](https://evil.example) @everyone #1 `x` | \x1b[31m\u202e www.evil.example"
)


def test_markdown_shows_hostile_text_without_any_effect():
    added = SINK | {"rule": "B307", "message": HOSTILE, "path": "app/a|b<i>@x.py"}
    note = {"message": {"text": HOSTILE}, "level": "error"}
    invocation = [{"executionSuccessful": True, "toolExecutionNotifications": [note]}]
    text = to_markdown(_judgement(after=sarif([added], invocations=invocation)))

    for effect in (
        "<img",
        " [click",
        "[click](",
        "@everyone",
        "@x",
        "https://",
        "\x1b",
        "\u202e",
        " #1",
        "www.",
    ):
        assert effect not in text, effect
    assert text.startswith("## ❌ Fix verification: fail\n")
    assert "ORIGINAL_ABSENT" in text.replace("\\", "")


def test_text_shows_hostile_text_on_one_line_without_control_characters():
    note = {"message": {"text": f"{HOSTILE}\nPASS  everything"}, "level": "error"}
    invocation = [{"executionSuccessful": True, "toolExecutionNotifications": [note]}]
    text = to_text(_judgement(after=sarif(invocations=invocation)))

    assert "\x1b" not in text
    assert "\u202e" not in text
    assert not any(line.startswith("PASS") for line in text.splitlines())
    assert text.startswith("FAIL  (safe fail, right pass; tier medium, policy default)\n")


def test_what_stands_in_the_way_comes_first():
    after = sarif([SINK], files=["app/db.py", "app/x.py"])
    text = to_text(_judgement(after=after, diff={"app/x.py": (None, "x = 1\n")}))
    first = next(line for line in text.splitlines() if line.startswith("  FAIL"))

    assert "ORIGINAL_ABSENT" in first
    assert "to pass: " in text


def test_the_sarif_output_has_states_and_the_gates_own_run(call):
    status, out, _ = call(*_asked("07_fix_introduces_new", "--format", "sarif"))
    log = json.loads(out)
    scan, gate = log["runs"]
    states = {r["ruleId"]: r["baselineState"] for r in scan["results"]}

    assert status == 1
    assert states == {
        "B404": "unchanged",
        "B102": "new",
        "B307": "new",
        "B324": "unchanged",
        "B403": "unchanged",
        "B301": "unchanged",
    }
    assert scan["tool"]["driver"]["name"] == "Bandit"
    assert gate["tool"]["driver"]["name"] == "CTEM gate"
    assert [r["ruleId"] for r in gate["results"]] == ["NOTHING_NEW"]
    assert formats.read("out.sarif", out.encode()).problems == ()


def test_the_sarif_output_keeps_everything_else_of_the_scan():
    after = sarif([SINK | {"properties": {"kept": 1}}], custom=1)
    log = json.loads(to_sarif(_judgement(after=after), [document("after.sarif", after)]))
    (result,) = log["runs"][0]["results"]

    assert log["runs"][0]["custom"] == 1
    assert result["properties"] == {"kept": 1}
    assert result["baselineState"] == "unchanged"


def test_the_sarif_output_places_what_is_still_there():
    diff = {"app/x.py": (None, "x = 1\n")}
    after = sarif([SINK])
    log = json.loads(to_sarif(_judgement(after=after, diff=diff), [document("after.sarif", after)]))
    (result,) = (r for r in log["runs"][1]["results"] if r["ruleId"] == "ORIGINAL_ABSENT")
    place = result["locations"][0]["physicalLocation"]

    assert place == {"artifactLocation": {"uri": "app/db.py"}, "region": {"startLine": 5}}
    assert result["properties"]["finding"] == SINK_REF


@pytest.mark.slow
def test_thousands_of_results_are_judged_in_seconds():
    many = [
        {
            "rule": f"B{n % 50}",
            "path": f"app/f{n % 200}.py",
            "line": n,
            "level": "warning",
            "message": f"m{n}",
        }
        for n in range(1, 12_346)
    ]
    begun = time.process_time()
    judgement = _judgement(before=sarif([SINK, *many]), after=sarif(many))

    assert judgement.verdict == "pass"
    assert time.process_time() - begun < 15
