"""The pipeline files of docs/pipelines, run for real: their shell, a git repository, Bandit."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PIPELINES = ROOT / "docs" / "pipelines"
ACTION = PIPELINES / "github-action" / "action.yml"
GITLAB = PIPELINES / "gitlab.gitlab-ci.yml"
BANDIT = Path(sys.executable).parent / "bandit"
SCANNER = "bandit -q -r . -f sarif -o 'report.sarif'"
FINDING = "B602@app/views.py:5"
PEOPLE = {
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
}
FLAWED = """import subprocess


def archive(name):
    return subprocess.call("tar cf out.tar " + name, shell=True)
"""
FIXED = """import tarfile


def archive(name):
    with tarfile.open("out.tar", "w") as archive:
        archive.add(name)
"""
LIMITS = "def limit(text='10'):\n    return 10\n"
HOSTILE = "$(touch${IFS}$OWNED)`touch${IFS}$OWNED`;touch${IFS}$OWNED"  # a name that git allows

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("xargs"), reason="needs xargs"),
    pytest.mark.timeout(120),
]


@dataclass
class Project:
    """A clone of a small application, with a branch that is refused and one that passes."""

    folder: Path
    pyz: Path
    temp: Path

    def git(self, *arguments: str) -> str:
        command = ["git", *arguments]
        env = {**os.environ, **PEOPLE}
        done = subprocess.run(command, cwd=self.folder, env=env, check=True, capture_output=True)
        return done.stdout.decode().strip()

    def branch(self, name: str, **files: str) -> str:
        self.git("switch", "-q", "-c", name, "main")
        return self.commit(files)

    def commit(self, files: dict[str, str]) -> str:
        for path, text in files.items():
            (self.folder / "app" / f"{path}.py").write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "Archive without a shell")
        return self.git("rev-parse", "HEAD")

    def shell(self, script: list[str], **environ: str) -> subprocess.CompletedProcess:
        env = {**os.environ, **PEOPLE, **environ}
        env["OWNED"] = str(self.temp / "owned")
        env["PATH"] = os.pathsep.join([str(self.temp / "bin"), env["PATH"]])
        return subprocess.run(
            script, cwd=self.folder, env=env, capture_output=True, text=True, check=False
        )


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Project:
    temp = tmp_path_factory.mktemp("pipelines")
    made = Project(temp / "shop", temp / "gate.pyz", temp)
    (temp / "bin").mkdir()
    for name, program in (("bandit", BANDIT), ("python3", Path(sys.executable))):
        (temp / "bin" / name).write_text(f'#!/bin/sh\nexec "{program}" "$@"\n')
        (temp / "bin" / name).chmod(0o755)
    zipped = [sys.executable, str(ROOT / "scripts" / "zipapp"), str(made.pyz)]
    subprocess.run(zipped, capture_output=True, check=True)
    (made.folder / "app").mkdir(parents=True)
    made.git("init", "-q", "-b", "main")
    made.commit({"views": FLAWED, "limits": LIMITS})
    made.branch("passes", views=FIXED)
    made.branch("refused", views=FIXED, limits=LIMITS.replace("10\n", "eval(text)\n"))
    made.branch(HOSTILE, views=FIXED)
    made.git("switch", "-q", "main")
    made.commit({"colleague": "def run(text):\n    return eval(text)\n"})
    return made


# The composite action. GitHub's runner in small: expressions, steps, their outputs.


@dataclass
class Runner:
    """What the steps of one use of the action see and leave."""

    project: Project
    inputs: dict[str, str]
    event: dict[str, Any]
    temp: Path
    steps: dict[str, dict[str, Any]] = field(default_factory=dict)
    log: str = ""

    def use(self, action: dict[str, Any]) -> int:
        """Run the steps in order; the status of the first that fails the job, or 0."""
        for name, spec in action["inputs"].items():
            assert name in self.inputs or not spec.get("required"), name
            self.inputs.setdefault(name, self.text(spec.get("default", "")))
        status = 0
        for step in action["runs"]["steps"]:
            if self.value(step.get("if", "success()")) and (not status or "always" in step["if"]):
                code = self.run(step)
                status = status or (0 if step.get("continue-on-error") else code)
        return status

    def run(self, step: dict[str, Any]) -> int:
        assert step["shell"] == "bash"
        script, outputs = self.temp / "step.sh", self.temp / "outputs"
        script.write_text(step["run"])
        outputs.write_text("")
        files = {"GITHUB_OUTPUT": str(outputs), "GITHUB_STEP_SUMMARY": str(self.temp / "summary")}
        env = {name: self.text(value) for name, value in step["env"].items()}
        bash = ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)]
        done = self.project.shell(bash, **env, **files)
        self.log += done.stdout + done.stderr
        told = dict(line.split("=", 1) for line in outputs.read_text().splitlines())
        outcome = "success" if done.returncode == 0 else "failure"
        self.steps[step["id"]] = {"outputs": told, "outcome": outcome}
        return done.returncode

    def text(self, template: str) -> str:
        return re.sub(r"\$\{\{(.*?)\}\}", lambda m: str(self.value(m[1]) or ""), str(template))

    def value(self, expression: str) -> Any:
        """Alternatives, comparisons, texts, functions and names of contexts."""
        for sign, join in (("||", any), ("==", None)):
            if sign in expression:
                values = [self.value(part) for part in expression.split(sign)]
                return next(filter(None, values), "") if join else values[0] == values[1]
        word = expression.strip()
        if word.startswith("'"):
            return word.strip("'")
        if word in ("always()", "success()"):
            return True
        found: Any = {
            "inputs": self.inputs,
            "steps": self.steps,
            "runner": {"temp": str(self.temp)},
            "github": {"action_path": str(ACTION.parent), **self.event},
        }
        for part in word.split("."):
            found = found.get(part) if isinstance(found, dict) else None
        return found


@pytest.fixture(scope="module")
def action() -> dict[str, Any]:
    return yaml.safe_load(ACTION.read_text())


@pytest.fixture
def pull_request(project, action, tmp_path):
    """Use the action on a pull request of a branch: its exit status and its runner."""

    def use(branch: str, **inputs: str) -> tuple[int, Runner]:
        shas = {"base": {"sha": project.git("rev-parse", "main")},
                "head": {"sha": project.git("rev-parse", branch)}}  # fmt: skip
        event = {"event": {"pull_request": shas}, "sha": "0" * 40}
        given = {"scanner": SCANNER, "sarif": str(tmp_path / "answer.sarif"), **inputs}
        runner = Runner(project, given, event, tmp_path)
        return runner.use(action), runner

    return use


def test_no_expression_stands_in_a_script(action):
    for step in action["runs"]["steps"]:
        assert "${{" not in step["run"], step["name"]
        assert "${{" not in step.get("if", ""), step["name"]


def test_a_pull_request_that_brings_in_eval_is_refused(pull_request, tmp_path):
    status, runner = pull_request("refused", finding=FINDING)
    judgement = json.loads((tmp_path / "ctem-gate" / "judgement.json").read_text())
    summary = (tmp_path / "summary").read_text()

    assert status == 1, runner.log
    assert runner.steps["decide"]["outputs"] == {"verdict": "fail"}
    assert [(n["rule"], n["path"]) for n in judgement["new"] if n["blocks"]] == [
        ("B307", "app/limits.py")
    ]
    assert judgement["originals"][0]["presence"] == "absent"
    assert "B307" in summary
    assert "app/limits.py:2" in summary
    assert "::error title=CTEM gate::The verdict on the fix is fail" in runner.log


def test_a_pull_request_that_mends_and_adds_nothing_passes(pull_request, project, tmp_path):
    status, runner = pull_request("passes", finding=FINDING, gate=str(project.pyz))
    outputs = runner.steps["judge"]["outputs"]
    log = json.loads(Path(outputs["sarif"]).read_text())

    assert status == 0, runner.log
    assert runner.steps["decide"]["outputs"] == {"verdict": "pass"}
    assert [run["tool"]["driver"]["name"] for run in log["runs"]] == ["Bandit", "CTEM gate"]
    assert json.loads(Path(outputs["json"]).read_text())["verdict"] == "pass"
    assert Path(outputs["markdown"]).read_text() == (tmp_path / "summary").read_text()
    work = tmp_path / "ctem-gate"
    facts = json.loads((work / "after" / "facts.json").read_text())["after"]
    fix = json.loads((work / "fix.json").read_text())["fix"]
    assert facts["commit"] == fix["head_commit"] == project.git("rev-parse", "passes")
    assert fix["base_commit"] == project.git("merge-base", "main", "passes")
    assert (facts["scope"], facts["source"]) == ("full", "measured")
    assert project.git("worktree", "list").count("\n") == 0
    assert project.git("status", "--porcelain") == ""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mode", "status", "word"),
    [("observe", 0, "::notice"), ("warn", 0, "::warning"), ("blokc", 1, "::error")],
)
def test_the_mode_says_what_a_refusal_does_and_an_unknown_one_blocks(
    pull_request, mode, status, word
):
    ended, runner = pull_request("refused", mode=mode)

    assert ended == status, runner.log
    assert f"{word} title=CTEM gate::The verdict on the fix is fail" in runner.log


@pytest.mark.slow
@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        ({"scanner": "no-such-scanner -o report.sarif"}, "cannot be started"),
        ({"scanner": "true"}, "not JSON"),
        ({"base": "--output=owned"}, "Needed a single revision"),
        ({"finding": "B999@app/views.py:5"}, "matches no result"),
        ({"policy": "no/policy.toml"}, "no/policy.toml"),
    ],
)
def test_what_cannot_be_judged_blocks_but_an_observer_stays_green(pull_request, inputs, told):
    status, runner = pull_request("passes", **inputs)
    observed, _ = pull_request("passes", **inputs, mode="observe")

    assert (status, observed) == (3, 0), runner.log
    assert told in runner.log
    assert runner.steps["decide"]["outputs"] == {"verdict": "unusable"}


def test_a_hostile_branch_name_is_a_name_and_nothing_else(pull_request, project):
    scanner = f"{SCANNER} '--exclude=$(touch $OWNED)' \"--exclude=`touch $OWNED`\""
    status, runner = pull_request(HOSTILE, head=HOSTILE, scanner=scanner)

    assert status == 0, runner.log
    assert not (project.temp / "owned").exists()


@pytest.mark.slow
def test_a_policy_is_read_from_the_base_and_never_from_the_fix(pull_request, project, tmp_path):
    strict = (ROOT / "gate/data/default_policy.toml").read_text()
    project.git("switch", "-q", "main")
    (project.folder / "policy.toml").write_text(strict.replace('"default"', '"ours"', 1))
    project.commit({})
    project.git("switch", "-q", "-c", "lenient", "main")
    (project.folder / "policy.toml").write_text("a fix that brings its own")
    project.commit({"views": FIXED})
    project.git("switch", "-q", "main")

    status, runner = pull_request("lenient", policy="policy.toml")
    judgement = json.loads((tmp_path / "ctem-gate" / "judgement.json").read_text())

    assert status == 0, runner.log
    assert judgement["policy"]["name"] == "ours"


# The plain example.


@pytest.mark.parametrize(("branch", "status"), [("passes", 0), ("refused", 1)])
def test_the_plain_example_judges_a_branch(project, tmp_path, branch, status):
    script = [str(PIPELINES / "shell.sh"), "main", branch, FINDING, "--", *SCANNER.split()]
    script = [word.strip("'") for word in script]
    done = project.shell(script, GATE=str(project.pyz), OUT=str(tmp_path / "out"))

    assert done.returncode == status, done.stderr
    assert ("B307 at app/limits.py:2" in done.stdout) == (branch == "refused")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "before", "after", "fix.diff", "fix.json",
        "judgement.json", "judgement.markdown", "judgement.sarif",
    }  # fmt: skip
    assert project.git("worktree", "list").count("\n") == 0


@pytest.mark.parametrize(
    "words", ["", "main", "main passes", "main nowhere -- bandit", "main passes -- no-such-scanner"]
)
def test_the_plain_example_ends_with_3_where_nothing_can_be_judged(project, tmp_path, words):
    script = [str(PIPELINES / "shell.sh"), *words.split()]
    done = project.shell(script, GATE=str(project.pyz), OUT=str(tmp_path / "out"))

    assert done.returncode == 3
    assert done.stderr


# The GitLab template: its script lines in one shell, as the runner joins them.


def merge_request(project: Project, folder: Path, branch: str, **variables: str):
    job = yaml.safe_load(GITLAB.read_text())[".ctem-gate"]
    script = folder / "job.sh"
    script.write_text("\n".join(["set -eo pipefail", *job["script"]]))
    given = {
        **job["variables"],
        "CI_PROJECT_DIR": str(folder),
        "CI_COMMIT_SHA": project.git("rev-parse", branch),
        "CI_MERGE_REQUEST_DIFF_BASE_SHA": project.git("merge-base", "main", branch),
        "CTEM_GATE": str(project.pyz),
        "CTEM_SCANNER": SCANNER,
        **variables,
    }
    return project.shell(["bash", str(script)], **given)


@pytest.mark.parametrize(
    ("branch", "variables", "status"),
    [
        ("passes", {"CTEM_FINDINGS": FINDING}, 0),
        ("refused", {}, 1),
        pytest.param("refused", {"CTEM_MODE": "warn"}, 42, marks=pytest.mark.slow),
        pytest.param("refused", {"CTEM_MODE": "observe"}, 0, marks=pytest.mark.slow),
        pytest.param("passes", {"CTEM_SCANNER": "no-such-scanner"}, 3, marks=pytest.mark.slow),
        pytest.param("passes", {"CTEM_POLICY": "no/policy.toml"}, 3, marks=pytest.mark.slow),
        pytest.param("passes", {"CTEM_FINDINGS": "B999@app/views.py:5"}, 3, marks=pytest.mark.slow),
    ],
)
def test_the_template_judges_a_merge_request(project, tmp_path, branch, variables, status):
    done = merge_request(project, tmp_path, branch, **variables)

    assert done.returncode == status, done.stderr
    assert project.git("worktree", "list").count("\n") == 0


@pytest.mark.slow
def test_the_template_keeps_its_answers_as_artifacts(project, tmp_path):
    merge_request(project, tmp_path, "refused")
    (kept,) = yaml.safe_load(GITLAB.read_text())[".ctem-gate"]["artifacts"]["paths"]

    assert json.loads((tmp_path / kept / "judgement.json").read_text())["verdict"] == "fail"


def test_the_readme_shows_inputs_that_exist(action):
    text = (PIPELINES / "README.md").read_text()
    shown = yaml.safe_load(text.split("```yaml\n")[1].split("```")[0])
    step = next(s for s in shown["jobs"]["gate"]["steps"] if "github-action" in s.get("uses", ""))

    assert step["with"].keys() <= action["inputs"].keys()
    assert shown["jobs"]["gate"]["steps"][0]["with"]["fetch-depth"] == 0
