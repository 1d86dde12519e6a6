"""Reports of other formats go all the way: measured, judged, written as SARIF, certified."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from gate import __main__ as command
from gate import collect, formats
from gate.certificate import original_digest
from gate.errors import InputError
from gate.evidence import Document
from gate.inputs import Input
from gate.judgement import judge
from gate.known import read as read_known
from gate.policy import DEFAULT
from gate.sarif_output import to_sarif
from tests.gate.formats.samples_read import SAMPLES
from tests.gate.made import changed, evidence, good_facts, judged, row, sarif
from tests.gate.test_checks_classes import BUMP, advisory

BANDIT = str(Path(sys.executable).parent / "bandit")
FLAWED = "import subprocess\n\n\ndef run(name):\n    subprocess.call(name, shell=True)\n"
FIXED = FLAWED.replace("name, shell=True", '["/bin/echo", name]')


# --- the same answer -----------------------------------------------------------------------------
def trivy_json(*found):
    rows = []
    for told in found:
        lines = dict(line.split(": ", 1) for line in told["message"].split("\n") if ": " in line)
        rows.append({
            "VulnerabilityID": told["rule"], "PkgName": lines["Package"], "Severity": "HIGH",
            "InstalledVersion": lines["Installed Version"], "FixedVersion": lines["Fixed Version"],
        })  # fmt: skip
    target = {"Target": "package-lock.json", "Class": "lang-pkgs", "Type": "npm"}
    results = [{**target, "Vulnerabilities": rows}]
    return {"SchemaVersion": 2, "Trivy": {"Version": "0.67"}, "Results": results}


@pytest.mark.parametrize("still", [[], [advisory("4.17.21")]])
def test_a_fix_of_a_package_is_judged_the_same_from_json_and_from_sarif(still):
    facts = good_facts()
    for scan in ("before", "after"):
        facts = changed(facts, f"{scan}.tool_class", None)

    def answers(before, after, ref):
        told = judged(before=before, after=after, diff=BUMP, facts=facts, findings=[ref])
        checks = {(one["id"], one["finding"] is None): one["outcome"] for one in told["checks"]}
        return told["verdict"], told["originals"][0]["presence"], checks

    files = {"files": ["package-lock.json"], "tool": "Trivy", "version": "0.67"}
    before, after = sarif([advisory()], **files), sarif(still, **files)
    for log in (before, after):  # Trivy's SARIF says nothing of how it ran, as its JSON
        log["runs"][0].pop("invocations", None)
    from_sarif = answers(before, after, "CVE-2021-23337@package-lock.json:3")
    from_json = answers(
        trivy_json(advisory()), trivy_json(*still), "CVE-2021-23337@package-lock.json"
    )
    assert from_json == from_sarif
    assert from_json[1] == ("present" if still else "absent")


def test_a_finding_of_sarif_is_found_again_in_json():
    told = judged(
        before=Document("b", (SAMPLES / "trivy_alpine.sarif").read_bytes()),
        after=Document("a", (SAMPLES / "trivy_alpine.json").read_bytes()),
        findings=["b#/runs/0/results/0"],
    )
    assert told["originals"][0]["presence"] == "present"
    assert told["new"] == []


def test_rules_that_only_fired_make_no_list():
    """Of Gitleaks the catalogue knows that its SARIF lists every rule; of GitLab's report it is
    not so, and a rule that is not in it may well have been on."""
    secrets = Document("b.json", (SAMPLES / "gitlab_secrets.json").read_bytes())
    log = json.loads(secrets.data)
    log["vulnerabilities"] = []
    told = judged(before=secrets, after=log, findings=["b.json#/vulnerabilities/0"])
    found = row(told, "RULE_ACTIVE")
    assert found["outcome"] != "FAIL"


def test_a_report_without_word_of_its_run_is_unknown_until_the_exit_status_is_said():
    before, after = (trivy_json(advisory()), trivy_json())
    facts = changed(good_facts(), "after.exit_code", None)
    given = {"before": before, "after": after, "diff": BUMP}
    given["findings"] = ["CVE-2021-23337@package-lock.json"]
    assert row(judged(facts=facts, **given), "EXECUTION_OK")["outcome"] == "UNKNOWN"
    facts = changed(facts, "after.exit_code", 0)
    assert row(judged(facts=facts, **given), "EXECUTION_OK")["outcome"] == "PASS"
    assert "valid Trivy JSON" in row(judged(facts=facts, **given), "WELL_FORMED")["reason"]


# --- the command ---------------------------------------------------------------------------------
def test_a_scan_with_json_is_measured_and_judged(tmp_path, monkeypatch, capsys):
    def git(*words):
        told = ["git", "-c", "user.name=A", "-c", "user.email=a@example.org", *words]
        return subprocess.run(told, check=True, capture_output=True, text=True, cwd=tmp_path).stdout

    monkeypatch.chdir(tmp_path)
    git("init", "-q", "-b", "main")
    outs = []
    for name, text in (("before", FLAWED), ("after", FIXED)):
        Path("app.py").write_text(text)
        git("add", "app.py")
        git("commit", "-q", "-m", name)
        call = ["run", "--out", f"../out-{name}", "--role", name]
        call += ["--base", "HEAD~1"] if name == "after" else []
        scan = [BANDIT, "-q", "-r", "app.py", "-f", "json", "-o", f"../{name}.json"]
        assert collect.main([*call, "--", *scan]) == 0
        outs.append(tmp_path.parent / f"out-{name}")
    facts = json.loads((outs[1] / "facts.json").read_bytes())
    facts["before"] = json.loads((outs[0] / "facts.json").read_bytes())["before"]
    assert facts["after"]["files_scanned"] == ["app.py"]
    assert "rules" not in facts["after"]  # those that fired are not those that were on
    Path("../facts.json").write_text(json.dumps(facts))
    Path("../fix.diff").write_text(git("diff", "HEAD~1", "HEAD"))
    capsys.readouterr()
    command.main([
        "--before", "../before.json", "--after", "../after.json", "--diff", "../fix.diff",
        "--finding", "B602@app.py:5", "--facts", "../facts.json", "--format", "json",
    ])  # fmt: skip
    told = json.loads(capsys.readouterr().out)
    assert told["originals"][0]["presence"] == "absent"
    assert row(told, "EXECUTION_OK")["outcome"] == "PASS"
    assert row(told, "FILES_ANALYSED")["outcome"] == "PASS"


@pytest.mark.parametrize(
    "name", ["bandit.json", "trivy_alpine.json", "nuclei.jsonl", "checkov_iac_told.csv"]
)
def test_the_sarif_output_holds_every_result_with_its_state(name):
    after = Document("after", (SAMPLES / name).read_bytes())
    found = judge(evidence(before=after, after=after, findings=()), DEFAULT)
    log = json.loads(to_sarif(found, [after]))
    given = formats.read("after", after.data)
    again = formats.read("again", json.dumps(log).encode())
    assert all("not below a known root" in problem for problem in again.problems)
    assert again.runs[0].tool == given.runs[0].tool

    def told(result):
        spot = result.location.path, result.location.line
        return result.rule, result.level, result.message, result.cwes, *spot, result.fingerprints

    assert [told(one) for one in again.runs[0].results] == [
        told(one) for one in given.runs[0].results
    ]
    assert {one["baselineState"] for one in log["runs"][0]["results"]} == {"unchanged"}


def test_what_is_known_may_be_a_report_of_any_format():
    known = read_known(Document("known", (SAMPLES / "bandit.json").read_bytes()))
    assert len(known) == 5
    ours = {"results": [{"tool": "Bandit", "rule": "B602", "path": "a.py"}]}
    assert len(read_known(Document("known", json.dumps(ours).encode()))) == 1


# --- certificates --------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "pointer", "value"),
    [
        ("bandit.json", "/results/1", lambda data: json.loads(data)["results"][1]),
        ("nuclei.jsonl", "/1", lambda data: json.loads(data.splitlines()[1])),
        ("checkov_iac_told.csv", "/0", lambda data: data.decode().splitlines()[4].split(",")),
    ],
)
def test_a_certificate_seals_the_very_result(name, pointer, value):
    data = (SAMPLES / name).read_bytes()
    plain = json.dumps(value(data), sort_keys=True, separators=(",", ":")).encode()
    assert original_digest(data, pointer) == hashlib.sha256(plain).hexdigest()
    with pytest.raises(InputError, match="names nothing"):
        original_digest(data, "/99")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("bandit.sarif", "application/sarif+json"), ("bandit.json", "application/json"),
        ("cyclonedx_vex.json", "application/vnd.cyclonedx+json"),
        ("nuclei.jsonl", "application/jsonl"), ("checkov_iac_told.csv", "text/csv"),
    ],
)  # fmt: skip
def test_a_certificate_says_what_kind_of_document_it_was(name, kind):
    given = Input("after", "after", (SAMPLES / name).read_bytes())
    assert given.descriptor()["mediaType"] == kind
