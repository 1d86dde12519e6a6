"""The wrapper measures what really was scanned: real git, real Bandit, hostile repositories."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gate import collect, formats, git
from gate.collect import Execution, main, measure
from gate.errors import InputError
from gate.facts import read as read_facts
from gate.records import Report

BANDIT = str(Path(sys.executable).parent / "bandit")
SOURCE = "import subprocess\n\n\ndef run(name):\n    subprocess.call(name, shell=True)\n"
FIXED = SOURCE.replace("name, shell=True", "[name]")
PEOPLE = {
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Bot",
    "GIT_COMMITTER_EMAIL": "bot@example.org",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
}


class Repo:
    """A git repository to play with."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.path,
            env={**os.environ, **PEOPLE},
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def write(self, path: str, text: str) -> None:
        (self.path / path).parent.mkdir(parents=True, exist_ok=True)
        (self.path / path).write_text(text)

    def commit(self, message: str = "change", **files: str) -> str:
        for path, text in files.items():
            self.write(path, text)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repo:
    """One commit with a flaw in app.py; the working directory of the test."""
    repo = Repo(tmp_path / "repo")
    repo.commit("first", **{"app.py": SOURCE, "README": "hello\n"})
    monkeypatch.chdir(repo.path)
    return repo


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """What the real Bandit says of the flaw."""
    folder = tmp_path_factory.mktemp("bandit")
    (folder / "app.py").write_text(SOURCE)
    command = [BANDIT, "-q", "-r", ".", "-f", "sarif"]
    told = subprocess.run(command, cwd=folder, capture_output=True, check=False).stdout
    return formats.read("scan.sarif", told)


def run_bandit(out: Path, *options: str, command: tuple[str, ...] = ("-r", ".")) -> int:
    return main(["run", "--out", str(out), *options, "--", BANDIT, "-q", "-f", "sarif", *command])


def facts_of(out: Path) -> dict[str, Any]:
    facts = json.loads((out / "facts.json").read_text())
    read_facts(facts)  # strict: refuses what the gate does not know
    return facts


def fake_scanner(repo: Repo, *lines: str, report: str = '{"version": "2.1.0", "runs": []}') -> str:
    """A scanner as a program outside the repository, which also does what the lines say."""
    path = repo.path.parent / "scanner.py"
    path.write_text("\n".join(["import os, subprocess, sys", *lines, f"print({report!r})"]))
    return str(path)


def measured(repo: Repo, report: Report, *command: str, report_path: str = "") -> dict[str, Any]:
    """Facts of a scan that is not really run."""
    moment = "2026-11-20T10:00:00Z"
    execution = Execution(command, 0, moment, moment, report_path)
    before = git.snapshot(repo.path)
    return measure(repo.path, report=report, execution=execution, before=before)


class TestRun:
    def test_a_scan_of_a_clean_commit_is_bound_to_it(self, repo: Repo, out: Path) -> None:
        first = repo.git("rev-parse", "HEAD")
        commit = repo.commit("second", **{"more.py": "x = 1\n"})

        assert run_bandit(out) == 0

        scan = facts_of(out)["after"]
        assert scan["commit"] == commit
        assert scan["tree"] == repo.git("rev-parse", "HEAD^{tree}")
        assert scan["parents"] == [first]
        assert scan["blobs"]["app.py"] == repo.git("rev-parse", "HEAD:app.py")
        assert scan["files_scanned"] == ["app.py", "more.py"]
        assert (scan["exit_code"], scan["version"], scan["scope"]) == (1, "1.9.4", "full")
        assert scan["started_at"] <= scan["finished_at"]
        assert scan["source"] == "measured"
        results = formats.read("scan.sarif", (out / "scan.sarif").read_bytes()).runs[0].results
        assert "B602" in {result.rule for result in results}

    def test_the_report_may_go_to_a_file_that_the_command_names(
        self, repo: Repo, out: Path
    ) -> None:
        assert run_bandit(out, command=("-r", ".", "-o", "raw.sarif")) == 0

        assert (out / "scan.sarif").read_bytes() == (repo.path / "raw.sarif").read_bytes()
        assert facts_of(out)["after"]["commit"] == repo.git("rev-parse", "HEAD")

    def test_the_folder_for_the_facts_may_lie_in_the_working_copy(self, repo: Repo) -> None:
        assert run_bandit(Path("scan-out")) == 0
        assert run_bandit(Path("scan-out")) == 0

        assert facts_of(Path("scan-out"))["after"]["commit"]

    def test_a_role_and_the_fix_are_written_when_asked_for(self, repo: Repo, out: Path) -> None:
        base = repo.git("rev-parse", "HEAD")
        repo.git("switch", "-q", "-c", "fix")
        head = repo.commit("fix it", **{"app.py": FIXED})

        assert run_bandit(out, "--base", "main", "--role", "control") == 0

        facts = facts_of(out)
        assert facts["control"]["commit"] == head
        assert (facts["fix"]["base_commit"], facts["fix"]["head_commit"]) == (base, head)
        assert facts["fix"]["branch"] == "fix"

    def test_a_later_scan_says_that_it_contains_what_merged(
        self, repo: Repo, out: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        merged = repo.commit("fix it", **{"app.py": FIXED})
        repo.commit("more", **{"README": "hello again\n"})

        assert run_bandit(out, "--role", "later", "--since", merged) == 0
        assert facts_of(out)["later"]["descends_from"] == [merged]

        repo.git("switch", "-q", "-c", "aside", "HEAD~2")
        assert run_bandit(out, "--role", "later", "--since", merged) == 0
        assert "descends_from" not in facts_of(out)["later"]
        assert "does not contain" in capsys.readouterr().err

    def test_a_changed_working_copy_leaves_commit_and_tree_empty(
        self, repo: Repo, out: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        repo.write("app.py", FIXED)

        assert run_bandit(out) == 0

        scan = facts_of(out)["after"]
        assert (scan["commit"], scan["tree"]) == ("", "")
        assert not {"blobs", "parents", "config_digest"} & scan.keys()
        assert "app.py" in capsys.readouterr().err

    @pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
    def test_flags_of_the_index_hide_no_change(self, repo: Repo, out: Path, flag: str) -> None:
        repo.git("update-index", flag, "app.py")
        repo.write("app.py", FIXED)
        assert repo.git("status", "--porcelain") == ""

        assert run_bandit(out) == 0

        assert facts_of(out)["after"]["commit"] == ""

    def test_an_untracked_file_is_a_change(self, repo: Repo, out: Path) -> None:
        repo.git("config", "status.showUntrackedFiles", "no")
        repo.write("extra.py", "x = 1\n")

        assert run_bandit(out) == 0

        assert facts_of(out)["after"]["commit"] == ""

    def test_an_ignored_scanner_configuration_is_a_change(self, repo: Repo, out: Path) -> None:
        repo.commit("ignore", **{".gitignore": ".bandit\nvenv/\n"})
        repo.write("venv/pkg/setup.cfg", "[bandit]\n")
        assert run_bandit(out) == 0
        assert facts_of(out)["after"]["commit"] != ""

        repo.write(".bandit", "[bandit]\nskips: B602\n")
        assert run_bandit(out) == 0
        assert facts_of(out)["after"]["commit"] == ""

    def test_a_scanner_that_moves_the_commit_leaves_it_unknown(self, repo: Repo, out: Path) -> None:
        moving = "subprocess.run(['git', 'commit', '-q', '--allow-empty', '-m', 'x'], check=True)"
        scanner = fake_scanner(repo, f"os.environ.update({PEOPLE!r})", moving)

        assert main(["run", "--out", str(out), "--", sys.executable, scanner]) == 0

        assert facts_of(out)["after"]["commit"] == ""

    def test_outside_a_repository_the_rest_is_still_measured(
        self, tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "plain").mkdir()
        (tmp_path / "plain" / "app.py").write_text(SOURCE)
        monkeypatch.chdir(tmp_path / "plain")

        assert run_bandit(out) == 0

        scan = facts_of(out)["after"]
        assert (scan["commit"], scan["exit_code"]) == ("", 1)

    def test_without_a_readable_report_nothing_of_an_earlier_run_stays(
        self, repo: Repo, out: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run_bandit(out) == 0

        scanner = fake_scanner(repo, report="no SARIF at all")
        assert main(["run", "--out", str(out), "--", sys.executable, scanner]) == 3

        assert list(out.iterdir()) == []
        assert "gate: the scanner's output" in capsys.readouterr().err

    def test_a_report_of_an_earlier_run_is_not_taken(self, repo: Repo, out: Path) -> None:
        stale = repo.path.parent / "stale.sarif"
        stale.write_text('{"version": "2.1.0", "runs": []}')

        call = ["run", "--out", str(out), "--sarif", str(stale), "--", sys.executable, "-c", ""]

        assert main(call) == 3
        assert not (out / "facts.json").exists()

    @pytest.mark.parametrize(
        "call",
        [
            ["--", "no-such-scanner-anywhere"],
            ["--"],
            [],
            ["--sarif", "nothing.sarif", "--", sys.executable, "-c", ""],
            ["--role", "judge", "--", "true"],
            ["--base", "no-such-revision", "--", "true"],
            ["--", "true", "one.sarif", "two.sarif"],
        ],
    )
    def test_a_call_that_cannot_be_used_ends_with_three(
        self, repo: Repo, out: Path, call: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["run", "--out", str(out), *call]) == 3
        assert capsys.readouterr().err.startswith("gate: ")
        assert not (out / "facts.json").exists()


class TestRecipe:
    def test_the_digest_ignores_where_the_report_goes_and_what_the_source_says(
        self, repo: Repo, report: Report
    ) -> None:
        command = ("/opt/a/bandit", "-r", ".", "-o", "one.sarif")
        one = measured(repo, report, *command, report_path="one.sarif")
        repo.commit("fix", **{"app.py": FIXED})
        other = ("bandit", "-r", ".", "-o", "two.sarif")
        two = measured(repo, report, *other, report_path="two.sarif")

        assert one["config_digest"] == two["config_digest"]

    @pytest.mark.parametrize(
        "files",
        [{".bandit": "[bandit]\nskips: B602\n"}, {"deep/.bandit": "[bandit]\n"}],
    )
    def test_the_digest_changes_with_the_scanners_configuration(
        self, repo: Repo, report: Report, files: dict[str, str]
    ) -> None:
        before = measured(repo, report, "bandit", "-r", ".")
        repo.commit("configure", **files)

        after = measured(repo, report, "bandit", "-r", ".")

        assert before["config_digest"] != after["config_digest"]

    def test_the_digest_changes_with_a_configuration_that_the_command_names(
        self, repo: Repo, report: Report
    ) -> None:
        command = ("bandit", "-c", "pyproject.toml", "-r", ".")
        repo.commit("one", **{"pyproject.toml": "[tool.bandit]\n"})
        before = measured(repo, report, *command)
        repo.commit("two", **{"pyproject.toml": "[tool.bandit]\nskips = ['B602']\n"})

        assert before["config_digest"] != measured(repo, report, *command)["config_digest"]

    def test_of_a_shared_file_only_the_scanners_own_part_counts(
        self, repo: Repo, report: Report
    ) -> None:
        other, own = "[metadata]\nversion = {}\n", "[bandit]\nskips = {}\n"
        digests = []
        for version, skips in (("1", "B1"), ("2", "B1"), ("2", "B602")):
            repo.commit("next", **{"setup.cfg": other.format(version) + own.format(skips)})
            digests.append(measured(repo, report, "bandit", "-r", ".")["config_digest"])

        assert digests[0] == digests[1] != digests[2]

    def test_of_an_unknown_scanner_every_known_configuration_counts(self, repo: Repo) -> None:
        run = {"tool": {"driver": {"name": "Homemade"}}, "results": []}
        sarif = formats.read("x", json.dumps({"version": "2.1.0", "runs": [run]}).encode())
        before = measured(repo, sarif, "homemade")
        repo.commit("configure", **{".semgrepignore": "app.py\n"})

        assert before["config_digest"] != measured(repo, sarif, "homemade")["config_digest"]

    def test_the_digest_changes_with_the_command(self, repo: Repo, report: Report) -> None:
        one = measured(repo, report, "bandit", "-r", ".")

        assert one["config_digest"] != measured(repo, report, "bandit", "-ll")["config_digest"]

    @pytest.mark.parametrize(
        ("command", "scope"),
        [
            ("bandit -r .", "full"),
            ("/opt/bin/bandit -r . -f sarif -o x.sarif", "full"),
            ("python -m bandit -r .", "full"),
            ("bandit -c pyproject.toml -r .", "full"),
            ("bandit -r . -b old.json", "diff"),
            ("bandit -rb old.json .", "diff"),
            ("bandit --base=old.json -r .", "diff"),
            ("bandit app.py", None),
            ("sh bandit", None),
            ("wrapper --everything", None),
        ],
    )
    def test_the_scope_is_told_only_where_the_command_shows_it(
        self, repo: Repo, report: Report, command: str, scope: str | None
    ) -> None:
        repo.commit("configure", **{"pyproject.toml": ""})

        assert measured(repo, report, *command.split()).get("scope") == scope

    def test_rules_that_merely_fired_are_no_inventory(self, repo: Repo, report: Report) -> None:
        assert "rules" not in measured(repo, report, "bandit", "-r", ".")

    def test_rules_of_an_inventory_are_those_that_were_on(self, repo: Repo) -> None:
        off = {"id": "r2", "defaultConfiguration": {"enabled": False}}
        driver = {"name": "Homemade", "rules": [{"id": "r1"}, off, {"id": "r3"}]}
        run = {"tool": {"driver": driver}, "results": []}
        sarif = json.dumps({"version": "2.1.0", "runs": [run]}).encode()

        facts = measured(repo, formats.read("x.sarif", sarif), "homemade")

        assert facts["rules"] == ["r1", "r3"]


class TestFacts:
    def test_git_tells_the_revisions_and_the_commits_with_their_words(
        self, repo: Repo, capsys: pytest.CaptureFixture[str]
    ) -> None:
        base = repo.git("rev-parse", "HEAD")
        message = "Fix it\n\nCo-authored-by: Copilot <copilot@example.org>"
        head = repo.commit(message, **{"app.py": FIXED})

        assert main(["facts", "--base", base, "--head", "HEAD"]) == 0

        facts = json.loads(capsys.readouterr().out)
        fix = facts["fix"]
        assert read_facts(facts).fix.head_commit == fix["head_commit"] == head
        assert fix["base_tree"] == repo.git("rev-parse", f"{base}^{{tree}}")
        assert fix["head_tree"] == repo.git("rev-parse", "HEAD^{tree}")
        assert fix["author"] == "Ada <ada@example.org>"
        assert fix["commits"] == [
            {
                "id": head,
                "message": f"{message}\n",
                "author": "Ada <ada@example.org>",
                "committer": "Bot <bot@example.org>",
            }
        ]

    def test_where_the_base_moved_on_the_fix_starts_where_it_left(
        self, repo: Repo, capsys: pytest.CaptureFixture[str]
    ) -> None:
        start = repo.git("rev-parse", "HEAD")
        repo.git("switch", "-q", "-c", "fix")
        repo.commit("fix", **{"app.py": FIXED})
        repo.git("switch", "-q", "main")
        repo.commit("elsewhere", **{"other.py": "x = 1\n"})

        assert main(["facts", "--base", "main", "--head", "fix", "--diff", "../fix.diff"]) == 0

        told = capsys.readouterr()
        assert json.loads(told.out)["fix"]["base_commit"] == start
        assert "moved on" in told.err
        assert "other.py" not in Path("../fix.diff").read_text()

    def test_the_author_of_a_test_merge_is_who_wrote_the_fix(self, repo: Repo) -> None:
        base = repo.git("rev-parse", "HEAD")
        repo.git("switch", "-q", "-c", "fix")
        repo.commit("fix", **{"app.py": FIXED})
        repo.git("switch", "-q", "main")
        repo.git("-c", "user.name=x", "merge", "-q", "--no-ff", "-m", "merge", "fix")
        repo.git("commit", "-q", "--amend", "--no-edit", "--author", "Host <host@example.org>")

        fix = git.git_fix(repo.path, base, "HEAD")

        assert fix["author"] == "Ada <ada@example.org>"
        assert [commit["message"] for commit in fix["commits"]] == ["fix\n", "merge\n"]

    def test_a_message_in_another_encoding_is_read_in_it(self, repo: Repo) -> None:
        base = repo.git("rev-parse", "HEAD")
        message = repo.path.parent / "message"
        message.write_bytes("Behebt Schwäche\n".encode("latin-1"))
        repo.git("-c", "i18n.commitEncoding=ISO-8859-1", "commit", "-q", "--allow-empty", "-F",
                 str(message))  # fmt: skip

        assert git.git_fix(repo.path, base, "HEAD")["commits"][0]["message"] == "Behebt Schwäche\n"

    def test_revisions_without_a_common_commit_are_refused(self, repo: Repo) -> None:
        repo.git("switch", "-q", "--orphan", "alone")
        repo.commit("alone")

        assert main(["facts", "--base", "main", "--head", "alone"]) == 3

    def test_too_many_blobs_are_left_out_whole(
        self, repo: Repo, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(git, "MAX_BLOBS", 1)

        assert git.git_fix(repo.path, "HEAD", "HEAD")["blobs"] == {}


class TestHostile:
    """F41 and F42: names that are options, repositories that want to be run."""

    @pytest.mark.parametrize(
        "revision",
        [
            "--output=canary",
            "-h",
            "--upload-pack=touch canary",
            "ext::sh -c touch% canary",
            "HEAD --output=canary",
            "HEAD\n",
            ":/first",
            "no-such-branch",
            "",
        ],
    )
    def test_a_revision_is_never_an_option(self, repo: Repo, revision: str) -> None:
        for function in (git.git_fix, git.git_diff, git.merge_base):
            with pytest.raises(InputError):
                function(repo.path, "HEAD", revision)
            with pytest.raises(InputError):
                function(repo.path, revision, "HEAD")
        assert not (repo.path / "canary").exists()

    def test_the_command_refuses_it_too(self, repo: Repo) -> None:
        assert main(["facts", "--base=--output=canary", "--head", "HEAD"]) == 3
        assert not (repo.path / "canary").exists()

    def test_no_hook_monitor_or_diff_program_of_the_repository_is_run(
        self, repo: Repo, out: Path, tmp_path: Path
    ) -> None:
        canary = tmp_path / "canary"
        trap = tmp_path / "trap.sh"
        trap.write_text(f"#!/bin/sh\ntouch {canary}\n")
        trap.chmod(0o755)
        for hook in ("post-index-change", "post-checkout", "reference-transaction"):
            (repo.path / ".git/hooks").mkdir(exist_ok=True)
            (repo.path / ".git/hooks" / hook).symlink_to(trap)
        base = repo.git("rev-parse", "HEAD")
        repo.commit("fix", **{"app.py": FIXED, ".gitattributes": "*.py diff=trap\n"})
        for setting in ("core.fsmonitor", "core.pager", "diff.external", "diff.trap.command",
                        "diff.trap.textconv", "core.sshCommand", "credential.helper"):  # fmt: skip
            repo.git("config", setting, str(trap))
        canary.unlink(missing_ok=True)

        assert run_bandit(out, "--base", base) == 0
        git.git_diff(repo.path, base, "HEAD")

        assert facts_of(out)["after"]["commit"]
        assert not canary.exists()

    def test_the_callers_surroundings_choose_nothing(
        self, repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = Repo(tmp_path / "other")
        other.commit("other")
        monkeypatch.setenv("GIT_DIR", str(other.path / ".git"))
        monkeypatch.setenv("GIT_CONFIG_PARAMETERS", "'diff.noprefix=true'")
        monkeypatch.setenv("GIT_EXTERNAL_DIFF", "false")

        found = git.snapshot(repo.path)

        assert found.commit != git.snapshot(other.path).commit
        assert found.top == repo.path

    def test_a_replaced_commit_does_not_lie_about_its_tree(self, repo: Repo) -> None:
        honest = git.snapshot(repo.path)
        repo.git("switch", "-q", "--orphan", "lie")
        lie = repo.commit("lie", **{"app.py": FIXED})
        repo.git("switch", "-q", "main")
        repo.git("replace", honest.commit, lie)

        assert git.snapshot(repo.path) == honest

    def test_a_working_copy_elsewhere_is_refused(self, repo: Repo, tmp_path: Path) -> None:
        (tmp_path / "elsewhere").mkdir()
        repo.git("config", "core.worktree", str(tmp_path / "elsewhere"))

        with pytest.raises(InputError):
            git.snapshot(repo.path)

    def test_a_sparse_checkout_is_not_the_commit(self, repo: Repo) -> None:
        repo.commit("more", **{"sub/more.py": "x = 1\n"})
        repo.git("sparse-checkout", "set", "--no-cone", "/README")

        assert not git.snapshot(repo.path).clean

    def test_an_answer_without_end_is_cut_off(self, repo: Repo) -> None:
        with pytest.raises(InputError, match="more than 3 bytes"):
            git.run_git(repo.path, "cat-file", "commit", "HEAD", limit=3)

    def test_a_call_that_takes_too_long_is_killed(self, repo: Repo) -> None:
        alias = "alias.wait=!sleep 30"
        with pytest.raises(InputError):
            git.run_git(repo.path, "-c", alias, "wait", timeout=0.2)


class TestDiff:
    def test_a_fix_cannot_declare_its_changes_binary(self, repo: Repo) -> None:
        base = repo.git("rev-parse", "HEAD")
        repo.commit("hide", **{"app.py": FIXED, ".gitattributes": "*.py binary -diff\n"})

        assert b"+    subprocess.call([name])" in git.git_diff(repo.path, base, "HEAD")

    def test_no_setting_changes_its_shape(self, repo: Repo) -> None:
        base = repo.git("rev-parse", "HEAD")
        repo.git("mv", "app.py", "moved.py")
        repo.commit("move")
        plain = git.git_diff(repo.path, base, "HEAD")
        for setting in ("diff.noprefix=true", "diff.renames=false", "color.ui=always",
                        "diff.context=0", "diff.orderFile=README", "diff.algorithm=patience",
                        "diff.mnemonicPrefix=true", "core.abbrev=4"):  # fmt: skip
            repo.git("config", *setting.split("="))

        assert git.git_diff(repo.path, base, "HEAD") == plain
        assert b"rename from app.py\nrename to moved.py" in plain

    def test_a_linked_worktree_gives_the_same(self, repo: Repo, tmp_path: Path) -> None:
        base = repo.git("rev-parse", "HEAD")
        head = repo.commit("hide", **{"app.py": FIXED, ".gitattributes": "*.py -diff\n"})
        repo.git("worktree", "add", "-q", str(tmp_path / "linked"))

        linked = git.git_diff(tmp_path / "linked", base, head)

        assert linked == git.git_diff(repo.path, base, head)


def test_the_modules_door_offers_what_runners_need() -> None:
    assert set(collect.__all__) >= {"measure", "git_fix", "git_diff", "run_git", "snapshot"}
