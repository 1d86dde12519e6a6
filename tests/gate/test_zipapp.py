"""The gate as one file: the same answers, the same source, the same bytes, on Python alone."""

from __future__ import annotations

import importlib.util
import json
import os
import resource
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.gate.made import PAIRS, REF, good_facts

ROOT = Path(__file__).parents[2]
ALONE = [sys.executable, "-S", "-E", "-I"]
CPU_SECONDS = 0.3  # of a process that judges a small file; the clock also counts what others do


def made(target: Path, *python: str, **environ: str) -> Path:
    command = [sys.executable, *python, str(ROOT / "scripts" / "zipapp"), str(target)]
    env = {**os.environ, **environ}
    subprocess.run(command, cwd=target.parent, env=env, capture_output=True, check=True)
    return target


@pytest.fixture(scope="module")
def pyz(tmp_path_factory) -> Path:
    return made(tmp_path_factory.mktemp("zipapp") / "gate.pyz")


@pytest.fixture
def asked(tmp_path) -> list[str]:
    """The question of one case of pairs_bandit, the clock among its facts."""
    (tmp_path / "facts.json").write_text(json.dumps(good_facts()))
    variant = "07_fix_introduces_new"
    scans = ["--before", "00_before.sarif", "--after", f"{variant}.sarif"]
    facts = ["--facts", str(tmp_path / "facts.json")]
    return [*scans, "--diff", f"{variant}.diff", "--finding", REF, *facts, "--format", "json"]


def run(command: list[str], **options) -> subprocess.CompletedProcess:
    return subprocess.run(command, capture_output=True, check=False, **options)


def test_it_answers_as_the_package_does_on_the_standard_library_alone(pyz, asked):
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    package = run([sys.executable, "-m", "gate", *asked], cwd=PAIRS, env=environ)
    alone = run([*ALONE, str(pyz), *asked], cwd=PAIRS)

    assert json.loads(package.stdout)["verdict"] == "fail"
    assert (alone.returncode, alone.stdout, alone.stderr) == (1, package.stdout, b"")


def test_it_runs_as_a_program_and_takes_nothing_from_the_folder_it_runs_in(pyz, tmp_path):
    for name in ("json.py", "gate.py", "argparse.py"):
        (tmp_path / name).write_text("raise SystemExit('taken from the scanned folder')\n")

    done = run([str(pyz), "policy", "check", str(ROOT / "gate/data/default_policy.toml")],
               cwd=tmp_path)  # fmt: skip

    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"default: a valid policy, sha256:")


def test_the_source_in_it_has_the_digests_of_the_package(pyz):
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import gate, gate.statement as statement, hashlib\n"
        "assert gate.__file__.startswith(sys.argv[1]), gate.__file__\n"
        "for path, data in statement.gate_source().items():\n"
        "    print(path, hashlib.sha256(data).hexdigest())"
    )
    zipped = run([*ALONE, "-c", program, str(pyz)], text=True).stdout
    folder = run([*ALONE, "-c", program, str(ROOT)], text=True).stdout

    assert zipped == folder
    for path in ("gate/VERIFY.md", "gate/statement.py", "gate/data/default_policy.toml"):
        assert f"{path} " in zipped


def test_the_same_source_gives_the_same_bytes(pyz, tmp_path):
    again = made(tmp_path / "again.pyz", "-I", "-S")
    seeded = made(tmp_path / "seeded.pyz", PYTHONHASHSEED="7", TZ="Pacific/Auckland")

    assert again.read_bytes() == pyz.read_bytes() == seeded.read_bytes()


def test_a_compiled_file_that_does_not_fit_its_source_is_not_run(pyz, tmp_path):
    changed = tmp_path / "changed.pyz"
    with zipfile.ZipFile(pyz) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "gate/__init__.py":
                data = data.replace(b"__version__ =", b"__version__ = 'changed'  #")
            new.writestr(name, data)
    program = "import sys; sys.path.insert(0, sys.argv[1]); import gate; print(gate.__version__)"

    assert run([*ALONE, "-c", program, str(changed)], text=True).stdout == "changed\n"


def test_every_module_is_compiled_for_this_python(pyz):
    with zipfile.ZipFile(pyz) as archive:
        names = set(archive.namelist())
        compiled = archive.read("gate/judgement.pyc")

    assert {f"{name}c" for name in names if name.endswith(".py")} < names
    assert compiled[:4] == importlib.util.MAGIC_NUMBER
    assert not [name for name in names if "__pycache__" in name]


def test_a_python_that_is_too_old_is_told_so_in_one_line(pyz):
    with zipfile.ZipFile(pyz) as archive:
        main = archive.read("__main__.py").decode()
    program = f"import sys; sys.version_info = (3, 10, 4)\n{main}"
    done = run([*ALONE, "-c", program], text=True)

    assert done.returncode == 3
    assert done.stderr.startswith("gate: needs Python 3.11 or newer, this is ")


def test_it_starts_and_judges_a_small_file_quickly(pyz, asked):
    took = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert run([*ALONE, str(pyz), *asked], cwd=PAIRS).returncode == 1
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        took.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)

    assert min(took) < CPU_SECONDS
