"""Command lines of scanners: what narrows them, what leaves something out, when two are alike."""

from __future__ import annotations

import re
from datetime import date

import pytest

from gate import __main__, commands
from gate.catalogue import load
from gate.policy import DEFAULT
from gate.policy import load as load_policy
from tests.gate.made import NEW, OLD, changed, good_facts, judged, outcome, row, sarif

KINDS = {"output", "narrow", "files", "rules", "level", "limit", "config", "target", "keep"}


@pytest.mark.parametrize(
    "command",
    [
        "bandit -r . -b base.json", "bandit -r . -bbase.json", "bandit -rb base.json .",
        "bandit --base base.json -r .", "sh -c 'bandit -b base.json -r .'",
        "SEMGREP_BASELINE_REF=main semgrep scan --config auto", "semgrep ci",
        "docker run --rm -v x:/src semgrep/semgrep semgrep ci", "golangci-lint run --new",
        "golangci-lint run -n", "trufflehog git file://. --since-commit HEAD~1",
        "gitleaks protect --staged", "checkov -d . --baseline b.json",
        "bandit $(git diff --name-only HEAD~1)", "mytool --new-from-rev=main ./...",
        r"C:\tools\bandit.exe -r . -b base.json",
    ],
)  # fmt: skip
def test_what_limits_a_scan_to_changes_or_hides_what_was_known_is_seen(command):
    assert commands.narrowing(command)


@pytest.mark.parametrize(
    "command",
    [
        "bandit -r . -f sarif", "semgrep scan --config auto .", "eslint .", "gosec ./...",
        "golangci-lint run", "python -m bandit -r . -o base.sarif", "", "'", "make scan",
        "codeql database analyze db --sarif-run-property=incrementalMode=overlay",
    ],
)  # fmt: skip
def test_an_ordinary_command_narrows_nothing(command):
    assert not commands.narrowing(command)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("bandit -r . -f sarif -o a.sarif", "/usr/bin/bandit -o b.sarif --format=sarif -r ./"),
        ("bandit -lll -r .", "bandit -r . -l -l -l"),
        ("semgrep scan --config auto --metrics=off .", "semgrep --config=auto -q scan ."),
        ("gosec -exclude-dir=x ./...", "gosec --exclude-dir x -fmt sarif ./..."),
        ("bandit -r . > out.sarif 2>&1", "bandit -r ."),
        ("npx eslint . -f json", "eslint ."),
    ],
)
def test_commands_that_differ_in_output_and_order_are_alike(one, other):
    assert commands.difference(one, other) == ""


@pytest.mark.parametrize(
    ("after", "what"),
    [
        ("bandit -r . -t B605", "-t B605"), ("bandit -r . -x app/db.py", "-x app/db.py"),
        ("bandit -r . --ini other.ini", "--ini other.ini"), ("bandit app/x.py", "app/x.py"),
        ("bandit -r . -p weak", "-p weak"), ("bandit -r . -lll", "-l"),
    ],
)  # fmt: skip
def test_any_other_option_makes_a_difference(after, what):
    assert what in commands.difference("bandit -r .", after)


@pytest.mark.parametrize(
    ("command", "whole"),
    [
        ("bandit -r . -f sarif", True), ("semgrep scan --config rules.yml", True),
        ("semgrep scan --config auto .", True), ("gosec ./...", True),
        ("bandit -c bandit.yaml -r .", False), ("bandit -r app", False),
        ("semgrep scan --exclude lib .", False), ("semgrep scan --max-target-bytes 9 .", False),
        ("mytool .", False), ("semgrep scan --something-new .", False), ("", False),
    ],
)  # fmt: skip
def test_a_whole_scope_is_known_only_of_a_known_command_that_leaves_nothing_out(command, whole):
    assert commands.is_whole(command) is whole


@pytest.mark.parametrize("catalogue", ["commands.json", "notices.json", "checkouts.json"])
def test_every_row_says_where_it_comes_from_and_when(catalogue):
    for entry in load(catalogue)["rows"]:
        assert entry["source"].strip()
        assert date.fromisoformat(entry["date"]) <= date(2026, 11, 23)


def test_every_option_has_a_kind_and_a_name_of_its_own():
    for entry in load("commands.json")["rows"]:
        names = [
            name
            for options in entry["options"].values()
            for option in options
            for name in option.removesuffix("=").split("|")
        ]
        assert set(entry["options"]) <= KINDS
        assert len(set(names)) == len(names), entry["programs"]


def test_every_pattern_finds_its_examples_and_nothing_else():
    patterns = [*load("notices.json")["rows"], load("commands.json")["indirect"]]
    for entry in patterns:
        assert all(re.search(entry["pattern"], text, re.IGNORECASE) for text in entry["match"])
        assert not any(
            re.search(entry["pattern"], text, re.IGNORECASE) for text in entry["no_match"]
        )
    for entry in load("checkouts.json")["rows"]:
        for address, path in entry["match"]:
            assert re.fullmatch(f"(?:{entry['pattern']})/{re.escape(path)}", address), address
        assert not any(re.match(f"(?:{entry['pattern']})/", text) for text in entry["no_match"])


# What the checks make of it


def _commands(before: str, after: str) -> dict:
    facts = changed(good_facts(), "after.command", after)
    facts = changed(facts, "after.files_scanned", ["app/db.py"])
    return changed(facts, "before.command", before) if before else facts


def test_two_different_commands_are_no_one_recipe():
    facts = _commands("bandit -r .", "bandit -r . -t B605")

    assert outcome("RULE_ACTIVE", facts=facts) == "UNKNOWN"
    assert outcome("POSITIVE_CONTROL", facts=facts) == "UNKNOWN"


def test_a_file_left_out_by_the_command_is_no_full_scan_whatever_the_facts_list():
    facts = _commands("bandit -r .", "bandit -r . -x app/db.py")

    assert outcome("SCAN_SCOPE", facts=facts) == "UNKNOWN"
    assert outcome("SCAN_SCOPE", facts=_commands("", "bandit -r . -x app/db.py")) == "UNKNOWN"
    same = _commands("bandit -r . -x docs", "bandit -x docs -r .")
    assert outcome("SCAN_SCOPE", facts=same) == "PASS"


def test_an_option_that_chooses_rules_is_unknown_where_the_command_before_is():
    facts = _commands("", "bandit -r . -t B602")

    assert outcome("RULE_ACTIVE", facts=facts) == "UNKNOWN"
    assert outcome("POSITIVE_CONTROL", facts=facts) == "UNKNOWN"


def test_a_control_by_another_command_is_no_control():
    facts = _commands("bandit -r .", "bandit -r . -t B605") | {
        "control": {**good_facts()["before"], "command": "bandit -r ."}
    }
    judgement = judged(facts=facts, control=sarif([]))

    assert row(judgement, "POSITIVE_CONTROL")["outcome"] == "UNKNOWN"


@pytest.mark.parametrize("name", ["sec/scan.yaml", "sec", "./sec/"])
def test_configuration_that_the_command_names_and_the_fix_wrote_is_not_independent(name):
    facts = _commands(f"bandit -c {name} -r .", f"bandit -c {name} -r .")
    diff = {"app/db.py": (OLD, NEW), "sec/scan.yaml": ("tests: []\n", "skips: [B602]\n")}
    answer = row(judged(facts=facts, diff=diff), "INDEPENDENCE")

    assert answer["outcome"] == "FAIL"
    assert "sec/scan.yaml" in answer["reason"]


def test_configuration_that_the_report_names_and_the_fix_wrote_is_not_independent():
    named = {"location": {"uri": "sec/scan.yaml"}, "roles": ["userSpecifiedConfiguration"]}
    diff = {"app/db.py": (OLD, NEW), "sec/scan.yaml": ("tests: []\n", "skips: [B602]\n")}
    after = sarif(artifacts=[named, {"location": {"uri": "app/db.py"}}])

    assert outcome("INDEPENDENCE", after=after, diff=diff) == "FAIL"


def test_an_error_of_ours_is_no_verdict(monkeypatch, capsys):
    def breaks(call):
        raise RecursionError("too\ndeep")

    monkeypatch.setattr(__main__, "_judge", breaks)
    call = ["--after", "a.sarif", "--diff", "fix.diff"]

    assert __main__.main(call) == __main__.UNUSABLE
    assert capsys.readouterr().err == "gate: internal error: RecursionError: too deep\n"


def test_an_age_that_nobody_can_reckon_with_is_refused_with_its_limit():
    text = DEFAULT.data.decode().replace("scan_max_age_days = 30", "scan_max_age_days = 999999999")

    with pytest.raises(ValueError, match=r"scan_max_age_days: must be at most 36500"):
        load_policy(text.encode(), "policy.toml")
