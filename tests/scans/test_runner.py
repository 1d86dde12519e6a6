"""Our own runner: what it fetches, what it refuses, what it measures, and how it ends."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pytest
from django.db import connection

from core.errors import BadInput
from core.models import Job, JobState
from core.permissions import Role
from findings.models import Finding
from gate import facts as gate_facts
from gate.errors import InputError
from gate.git import snapshot
from scans.models import Scan
from scans.runners import RECIPES, Recipe, checkout, confined, run
from scans.runners.checkout import allowed_repository, check_out
from scans.runners.confined import Limits, environment, run_confined
from scans.services.uploads import order_scan
from scans.statuses import ScanState
from tests.factories import default_line, make_asset, member, now, run_job
from tests.scans.repository import WEAK, Repository

LIMITS = Limits(wall_seconds=20, cpu_seconds=10, memory_bytes=2**31, file_bytes=10**6, processes=32)


# --- the checkout --------------------------------------------------------------------------------
def make_evil(repository: Repository, canary: Path) -> str:
    """All that a repository can bring along that is not just text; return its commit."""
    touch = f"touch {canary}"
    (repository.folder / "link").symlink_to("/etc/passwd")
    (repository.folder / "folder").symlink_to("/etc")
    (repository.folder / "loop").symlink_to("loop")
    repository.stage("100644", "plain.py", b"x = 1\r\n$Id$\r\n")
    repository.stage("100755", "tool.sh", b"#!/bin/sh\n" + touch.encode())
    repository.stage(
        "100644", "big.bin", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"
    )
    repository.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},module")
    attributes = "* text eol=lf ident filter=evil\n*.bin filter=lfs diff=evil\n*.py working-tree-encoding=UTF-16\n"
    repository.stage("100644", ".gitattributes", attributes.encode())
    modules = f'[submodule "x\r"]\n\tpath = "module\r"\n\turl = ../x\n\tupdate = !{touch}\n'
    repository.stage("100644", ".gitmodules", modules.encode())
    repository.git("add", "link", "folder", "loop")
    repository.git("commit", "--quiet", "--no-verify", "--message", "evil")
    settings = ("filter.evil.smudge", "filter.evil.clean", "filter.lfs.smudge", "filter.lfs.process",
                "diff.evil.textconv", "core.fsmonitor", "core.sshCommand", "core.pager", "core.editor",
                "uploadpack.packObjectsHook", "credential.helper", "alias.fetch")  # fmt: skip
    for name in settings:
        repository.git("config", name, f"!{touch}" if name.startswith("alias") else touch)
    for name in ("post-checkout", "post-merge", "reference-transaction", "post-index-change",
                 "fsmonitor-watchman", "pre-receive", "update", "post-update"):  # fmt: skip
        hook = repository.folder / ".git" / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\n{touch}\n")
        hook.chmod(0o755)
    return repository.git("rev-parse", "HEAD")


def test_an_evil_repository_becomes_plain_files_and_runs_nothing(repository, allowed, canary, into):
    commit = make_evil(repository, canary)
    canary.unlink(missing_ok=True)  # making it ran its hooks
    top = check_out(allowed_repository(str(repository.folder), [str(allowed)]), commit, into)
    assert snapshot(top).clean and snapshot(top).commit == commit
    assert not canary.exists()
    assert not [path for path in top.rglob("*") if path.is_symlink()]
    assert (top / "link").read_bytes() == b"/etc/passwd"
    assert (top / "plain.py").read_bytes() == b"x = 1\r\n$Id$\r\n"
    assert (top / "module").is_dir() and not list((top / "module").iterdir())
    assert not os.access(top / "tool.sh", os.X_OK) or os.geteuid() == 0
    assert not (top / "tool.sh").stat().st_mode & 0o111
    assert not (top / ".git" / "hooks").exists()


@pytest.mark.parametrize("name", [".git", ".GIT", "..", "."])
def test_a_tree_with_a_name_that_no_file_may_have_is_refused(repository, into, name):
    blob = repository.git("hash-object", "-w", "--stdin", given=b"[core]\n")
    inner = b"100644 config\0" + bytes.fromhex(blob)
    tree = repository.git("hash-object", "-w", "-t", "tree", "--literally", "--stdin", given=inner)
    outer = f"40000 {name}\0".encode() + bytes.fromhex(tree)
    top = repository.git("hash-object", "-w", "-t", "tree", "--literally", "--stdin", given=outer)
    commit = repository.git("commit-tree", "-m", "odd", top)
    with pytest.raises((BadInput, InputError)):
        check_out(str(repository.folder), commit, into)
    assert (into / "checkout" / ".git" / "config").read_text() != "[core]\n"


def test_a_tree_that_names_a_link_and_a_folder_alike_writes_nothing_outside(
    repository, into, tmp_path
):
    target = tmp_path / "outside"
    target.mkdir()
    link = repository.git("hash-object", "-w", "--stdin", given=str(target).encode())
    blob = repository.git("hash-object", "-w", "--stdin", given=b"gotcha")
    inner = repository.git("hash-object", "-w", "-t", "tree", "--literally", "--stdin",
                           given=b"100644 file\0" + bytes.fromhex(blob))  # fmt: skip
    both = b"120000 a\0" + bytes.fromhex(link) + b"40000 a\0" + bytes.fromhex(inner)
    top = repository.git("hash-object", "-w", "-t", "tree", "--literally", "--stdin", given=both)
    commit = repository.git("commit-tree", "-m", "twice", top)
    with pytest.raises((BadInput, InputError)):
        check_out(str(repository.folder), commit, into)
    assert not list(target.iterdir())


def test_a_tree_that_names_two_files_alike_is_refused(repository, into):
    first, second = (
        repository.git("hash-object", "-w", "--stdin", given=text) for text in (b"good", b"evil")
    )
    twice = b"".join(b"100644 a.py\0" + bytes.fromhex(blob) for blob in (first, second))
    top = repository.git("hash-object", "-w", "-t", "tree", "--literally", "--stdin", given=twice)
    with pytest.raises(BadInput, match="twice"):
        check_out(str(repository.folder), repository.git("commit-tree", "-m", "x", top), into)


def test_only_the_ordered_commit_is_fetched(repository, into):
    first = repository.commit({"a.py": "a = 1\n"})
    second = repository.commit({"a.py": "a = 2\n"})
    repository.commit({"a.py": "a = 3\n"})
    top = check_out(str(repository.folder), second, into)
    assert (top / "a.py").read_text() == "a = 2\n"
    assert snapshot(top).parents == (first,)
    listed = subprocess.check_output(["git", "-C", top, "rev-list", "--all", "HEAD"], text=True)
    assert listed.split() == [second]


def test_what_is_no_full_id_of_a_commit_in_the_repository_is_refused(repository, into):
    commit = repository.commit({"a.py": "a = 1\n"})
    blob = repository.git("rev-parse", "HEAD:a.py")
    repository.git("tag", "--annotate", "--message", "1", "v1")
    tag = repository.git("rev-parse", "v1")
    for wrong in ("f" * 40, blob, tag, commit[:12], "main", "--upload-pack=x", commit + "\n"):
        shutil.rmtree(into)
        into.mkdir()
        with pytest.raises((BadInput, InputError), match="commit"):
            check_out(str(repository.folder), wrong, into)


LIMITED = {
    "MAX_FILES": (2, "more files than allowed"),
    "MAX_BYTES": (1000, "larger than allowed"),
    "MAX_FILE_BYTES": (1000, "big.py is larger than allowed"),
    "MAX_LISTING": (50, "more than 50 bytes"),
}


@pytest.mark.parametrize("name", LIMITED)
def test_a_tree_over_a_limit_is_refused_before_a_file_is_written(
    repository, into, monkeypatch, name
):
    limit, sentence = LIMITED[name]
    commit = repository.commit({"a.py": "", "b.py": "b = 1\n", "big.py": "#" * 2000})
    monkeypatch.setattr(checkout, name, limit)
    with pytest.raises((BadInput, InputError), match=sentence) as caught:
        check_out(str(repository.folder), commit, into)
    assert str(limit) in str(caught.value)
    assert [path.name for path in (into / "checkout").iterdir()] == [".git"]


def test_a_pack_over_the_limit_is_refused(repository, into, monkeypatch):
    commit = repository.commit({f"noise{n}.bin": os.urandom(60_000) for n in range(5)})
    monkeypatch.setattr(
        checkout, "FETCH_LIMITS", replace(checkout.FETCH_LIMITS, file_bytes=100_000)
    )
    with pytest.raises(BadInput, match="at most 100000 bytes"):
        check_out(str(repository.folder), commit, into)
    assert sum(path.stat().st_size for path in into.rglob("*") if path.is_file()) < 200_000


def test_large_trees_come_in_several_parts(repository, into, monkeypatch):
    monkeypatch.setattr(checkout, "BATCH_FILES", 3)
    monkeypatch.setattr(checkout, "BATCH_BYTES", 150)
    files = {f"d{n % 3}/f{n}.py": f"n = {n}\n" * 20 for n in range(10)}
    top = check_out(str(repository.folder), repository.commit(files), into)
    assert {str(p.relative_to(top)): p.read_text() for p in top.rglob("*.py")} == files


# --- which repositories --------------------------------------------------------------------------
def test_allowed_are_folders_and_addresses_below_what_the_operator_named(allowed):
    Repository(allowed / "web")
    inside = [str(allowed), "https://code.example/shop/"]
    assert allowed_repository(str(allowed / "web"), inside) == str((allowed / "web").resolve())
    for address in ("https://code.example/shop/web", "https://code.example/shop/web.git"):
        assert allowed_repository(address, inside) == address


NOT_ALLOWED = [
    "--upload-pack=touch {canary}", "-u touch", "ext::sh -c touch% {canary}", "file://{allowed}/web",
    "ssh://-oProxyCommand=touch {canary}/x", "git@code.example:shop/web", "web", "./web", "",
    "{allowed}/../outside", "{allowed}-lookalike/web", "{allowed}/escape", "{allowed}/pointer",
    "{allowed}/elsewhere", "{allowed}/missing", "{allowed}/we\0b", "{allowed}/loop",
    "http://code.example/shop/web", "https://code.example/shopping/web", "https://code.example.evil.org/shop/web",
    "https://user:secret@code.example/shop/web", "https://code.example/shop/../other/web",
    "https://code.example/shop/%2e%2e/other", "https://code.example/shop/web?x=1", "https://code.example/shop/web\n",
    "https://code.example/shop/--upload-pack=x y", "https://CODE.example@evil.org/shop/web", "HTTPS://code.example/shop/web",
]  # fmt: skip


@pytest.mark.parametrize("repository", NOT_ALLOWED)
def test_every_other_repository_is_refused(allowed, canary, into, repository):
    outside = Repository(allowed.parent / "outside")
    Repository(allowed.parent / "allowed-lookalike" / "web")
    (allowed / "escape").symlink_to(outside.folder)
    (allowed / "pointer").mkdir()
    (allowed / "pointer" / ".git").write_text(f"gitdir: {outside.folder}/.git\n")
    (allowed / "elsewhere").mkdir()
    (allowed / "elsewhere" / ".git").symlink_to(outside.folder / ".git")
    (allowed / "loop").symlink_to("loop")
    inside = [str(allowed), "https://code.example/shop"]
    with pytest.raises(BadInput, match="repository"):
        allowed_repository(repository.format(allowed=allowed, canary=canary), inside)
    assert not canary.exists()


def test_without_the_setting_nothing_is_allowed(repository):
    with pytest.raises(BadInput, match="CTEM_RUNNER_REPOSITORIES"):
        allowed_repository(str(repository.folder), [])


# --- the confinement -----------------------------------------------------------------------------
def confined_python(code: str, cwd: Path, **limits) -> confined.Ended:
    return run_confined(
        [sys.executable, "-c", code], cwd=cwd, environ=environment(cwd), limits=replace(LIMITS, **limits)
    )  # fmt: skip


def test_a_program_sees_no_variable_of_ours(tmp_path, monkeypatch):
    monkeypatch.setenv("CTEM_SECRET_KEY", "swordfish")
    monkeypatch.setenv("DATABASE_URL", "postgresql://swordfish")
    ended = confined_python("import os; print(os.environ)", tmp_path)
    assert ended.exit_code == 0 and "PATH" in ended.output
    assert "swordfish" not in ended.output


def is_gone(pid: int) -> bool:
    """Whether the process ends within a few seconds; nobody may have collected it yet."""
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2]
        except FileNotFoundError:
            return True
        if state.startswith("Z"):
            return True
        time.sleep(0.05)
    return False


CHILD = (
    "import subprocess, sys, time\n"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(300)'])\n"
    "print(child.pid, flush=True)\n"
)


@pytest.mark.slow
def test_a_program_that_takes_too_long_ends_with_all_it_started(tmp_path):
    began = time.monotonic()
    ended = confined_python(CHILD + "time.sleep(300)\n", tmp_path, wall_seconds=3)
    assert ended.timed_out and ended.exit_code < 0
    assert time.monotonic() - began < 60
    assert is_gone(int(ended.output))


def test_what_a_program_leaves_running_ends_with_it(tmp_path):
    ended = confined_python(CHILD, tmp_path)
    assert ended.exit_code == 0 and not ended.timed_out
    assert is_gone(int(ended.output))


OVER_LIMIT = {
    "memory": "x = bytearray(3 * 2**30)",
    "file size": "open('f', 'wb').write(bytes(5 * 10**6))",
    "core dump": "import os, resource; assert resource.getrlimit(resource.RLIMIT_CORE) == (1, 1)",
    "raising a limit": (
        "import resource as r; most = r.getrlimit(r.RLIMIT_FSIZE)[1]; r.setrlimit(r.RLIMIT_FSIZE,"
        " (most, most)); open('f', 'wb').write(bytes(5 * 10**6))"
    ),
}


@pytest.mark.parametrize("what", OVER_LIMIT)
def test_a_program_does_not_get_past_its_limits(tmp_path, what):
    assert confined_python(OVER_LIMIT[what], tmp_path).exit_code == 1
    assert not any(path.stat().st_size > LIMITS.file_bytes for path in tmp_path.iterdir())


def test_a_program_that_only_computes_ends_at_its_processor_time(tmp_path):
    ended = confined_python("while True: pass", tmp_path, cpu_seconds=1, wall_seconds=60)
    assert ended.exit_code < 0 and not ended.timed_out


@pytest.mark.skipif(os.geteuid() == 0, reason="root has no limit on processes")
def test_a_program_cannot_fill_the_table_of_processes(tmp_path):
    code = "import os, time\nwhile True:\n    if os.fork() == 0: time.sleep(60)\n"
    assert confined_python(code, tmp_path, processes=8).exit_code == 1


def test_only_the_end_of_what_a_program_says_is_kept(tmp_path):
    ended = confined_python("print('a' * 500_000 + 'the end \\x00')", tmp_path)
    assert len(ended.output) <= confined.OUTPUT_SHOWN and ended.words().endswith("the end \0")


def test_a_program_that_is_not_there_says_so(tmp_path):
    ended = run_confined(
        ["no-such-scanner"], cwd=tmp_path, environ=environment(tmp_path), limits=LIMITS
    )
    assert ended.exit_code == confined.NOT_STARTED and "no-such-scanner" in ended.output


# --- a whole scan --------------------------------------------------------------------------------
def order(repository: Repository, commit: str, recipe: str = "bandit", **members) -> Scan:
    asset = make_asset(repository=str(repository.folder), **members)
    scan, _ = order_scan(
        asset=asset, recipe=recipe, commit=commit, line=default_line(asset),
        by=member(asset.scope, Role.PIPELINE), at=now(),
    )  # fmt: skip
    return scan


@pytest.mark.django_db
def test_a_scan_becomes_findings_and_measured_facts(files, repository):
    parent = repository.commit({"app/ok.py": "x = 1\n"})
    commit = repository.commit({"app/views.py": WEAK, "notes.txt": "nothing\n"})
    scan = run_job(order(repository, commit))
    assert (scan.state, scan.error) == (ScanState.DONE, "")
    assert set(Finding.objects.values_list("rule", "path", "start_line")) == {
        ("B404", "app/views.py", 1),
        ("B602", "app/views.py", 5),
    }
    tree = repository.git("rev-parse", "HEAD^{tree}")
    (facts,) = gate_facts.read({"after": scan.facts}).after
    assert (facts.commit, facts.tree, facts.parents) == (commit, tree, (parent,))
    assert (scan.commit, scan.tree, scan.tool_class) == (commit, tree, "sast")
    assert (facts.scope, facts.exit_code, facts.tool_class, facts.vendor) == (
        "full",
        1,
        "sast",
        "PyCQA",
    )
    assert facts.source.value == scan.source == "measured"
    assert (facts.uploader, facts.uploader_kind) == ("runner", "runner")
    assert facts.started_at < facts.finished_at and facts.version and "bandit" in facts.command
    assert dict(facts.blobs)["app/views.py"] == repository.git("rev-parse", "HEAD:app/views.py")
    assert facts.files_scanned == ("app/ok.py", "app/views.py")
    assert facts.config_digest.startswith("sha256:")
    assert scan.raw.size and "bandit started" in scan.log and commit in scan.log


@pytest.mark.django_db
def test_a_comment_in_the_code_hides_nothing_from_our_own_scan(files, repository):
    hidden = WEAK.replace("shell=True)", "shell=True)  # nosec")
    run_job(order(repository, repository.commit({"views.py": hidden})))
    assert Finding.objects.filter(rule="B602").exists()


@pytest.mark.django_db
def test_the_same_recipe_has_one_digest_until_its_configuration_changes(files, repository):
    scans = [
        run_job(order(repository, repository.commit(files_)))
        for files_ in ({"a.py": WEAK}, {"b.py": "b = 1\n"}, {".bandit": "[bandit]\nskips: B404\n"})
    ]
    first, second, third = (scan.facts["config_digest"] for scan in scans)
    assert first == second != third
    assert Finding.objects.filter(asset=scans[2].asset, rule="B404").exists()  # it had no say


def fails(scan: Scan, sentence: str) -> Scan:
    """Do the job and hold that it ended for good, said why, and left nothing behind."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", folder)
        scan = run_job(scan)
        assert os.listdir(folder) == []
    assert scan.state == ScanState.FAILED
    assert sentence in scan.error, scan.error
    assert Job.objects.get(subject_id=scan.pk).state == JobState.FAILED
    assert not Finding.objects.filter(asset=scan.asset).exists()
    assert scan.raw_id is None and "tree" not in scan.facts
    return scan


@pytest.mark.django_db
def test_a_repository_that_is_not_allowed_ends_the_scan(files, repository, settings, tmp_path):
    settings.RUNNER_REPOSITORIES = [str(tmp_path / "other")]
    fails(order(repository, repository.commit({"a.py": WEAK})), "CTEM_RUNNER_REPOSITORIES")


@pytest.mark.django_db
def test_a_commit_that_is_not_there_ends_the_scan(files, repository):
    repository.commit({"a.py": WEAK})
    fails(order(repository, "f" * 40), f"commit: {'f' * 40} is not in")


PROBES = {
    "slow": ("sleep 60", "took longer than allowed (0.5 s)"),
    "crash": ("echo no more memory >&2; exit 3", "ended with status 3, not 0: no more memory"),
    "killed": ("kill -9 $$", "ended with status"),
    "silent": ("true", "wrote no report"),
    "link": ("ln -s /etc/passwd {out}", "wrote no report"),
    "folder": ("mkdir {out}", "wrote no report"),
    "huge": (
        "head -c 200000 /dev/zero > {out}",
        "wrote a report larger than allowed (> 100000 bytes)",
    ),
    "no report": ("echo hello > {out}", "sarif"),
}


@pytest.mark.django_db
@pytest.mark.parametrize("name", PROBES)
def test_a_scanner_that_does_not_do_its_work_ends_the_scan(
    files, repository, settings, monkeypatch, name
):
    script, sentence = PROBES[name]
    recipe = Recipe(name="probe", tool_class="sast", command=("sh", "-c", script))
    monkeypatch.setitem(RECIPES, "probe", recipe)
    settings.MAX_REPORT_BYTES = 100_000
    wall = 0.5 if name == "slow" else 20
    monkeypatch.setattr(run, "SCAN_LIMITS", replace(run.SCAN_LIMITS, wall_seconds=wall))
    scan = fails(order(repository, repository.commit({"a.py": WEAK}), "probe"), sentence)
    assert "probe started" in scan.log


MEDDLER = 'echo x > a.py; echo \'{"version":"2.1.0","runs":[]}\' > {out}'


@pytest.mark.django_db
def test_a_scanner_that_changes_what_it_scans_ends_the_scan(files, repository, probe, no_wall):
    probe(MEDDLER)
    fails(order(repository, repository.commit({"a.py": WEAK}), "probe"), "checkout: is not exactly")


@pytest.mark.django_db
def test_behind_the_wall_a_scanner_cannot_change_what_it_scans(files, repository, probe, wall):
    probe(MEDDLER)
    scan = run_job(order(repository, repository.commit({"a.py": WEAK}), "probe"))
    assert scan.state == ScanState.DONE and "Read-only file system" in scan.log


@pytest.mark.django_db(transaction=True)
def test_no_program_is_started_inside_a_transaction(files, repository, monkeypatch):
    started = []

    def watched(command, **options):
        assert not connection.in_atomic_block
        started.append(command[0])
        return run_confined(command, **options)

    monkeypatch.setattr(checkout, "run_confined", watched)
    monkeypatch.setattr(run, "run_confined", watched)
    assert run_job(order(repository, repository.commit({"a.py": WEAK}))).state == ScanState.DONE
    assert len(started) == 2 and started[0] == "git"


@pytest.mark.django_db
def test_a_worker_that_lost_its_lease_writes_nothing(files, repository, monkeypatch):
    scan = order(repository, repository.commit({"a.py": WEAK}))
    job = Job.objects.get(subject_id=scan.pk)

    def overtaken(command, **options):
        Job.objects.filter(pk=job.pk).update(attempts=2)
        return run_confined(command, **options)

    Job.objects.filter(pk=job.pk).update(state=JobState.RUNNING, attempts=1, lease_until=now())
    job.refresh_from_db()
    monkeypatch.setattr(run, "run_confined", overtaken)
    run.run_scan(job)
    scan.refresh_from_db()
    assert scan.raw_id is None and scan.log == "" and not Finding.objects.exists()


@pytest.mark.django_db
def test_a_scan_that_is_over_is_not_done_again(files, repository, monkeypatch):
    scan = run_job(order(repository, repository.commit({"a.py": WEAK})))
    job = Job.objects.get(subject_id=scan.pk)
    Job.objects.filter(pk=job.pk).update(state=JobState.RUNNING, attempts=2, lease_until=now())
    job.refresh_from_db()
    monkeypatch.setattr(run, "run_confined", None)
    run.run_scan(job)
    assert json.loads(json.dumps(Scan.objects.get(pk=scan.pk).facts)) == scan.facts
