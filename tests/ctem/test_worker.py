"""A real Celery worker in processes of its own, on the embedded broker and on Redis; kill -9 loses nothing."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RESULTS = 3000  # enough to be killed in the middle of


@pytest.fixture(params=["embedded", "redis"])
def broker(request):
    if request.param == "embedded":
        return "embedded://"
    return request.getfixturevalue("redis_url")


@pytest.fixture
def machine(tmp_path, database, broker):
    """Environment of a small installation: quick leases and sweeps, everything in a folder."""
    environ = {
        **os.environ,
        "CTEM_DATA_DIR": str(tmp_path / "data"),
        "DATABASE_URL": database,
        "CTEM_BROKER_URL": broker,
        "CTEM_JOB_LEASE_SECONDS": "3",
        "CTEM_JOB_SWEEP_SECONDS": "1",
        "DJANGO_SETTINGS_MODULE": "ctem.settings",
        "PYTHONPATH": str(ROOT),
    }
    manage = [sys.executable, "manage.py", "migrate", "--no-input", "--verbosity=0"]
    subprocess.run(manage, cwd=ROOT, env=environ, check=True)
    return environ


def probe(machine, *arguments):
    done = subprocess.run(
        [sys.executable, "tests/ctem/worker_probe.py", *map(str, arguments)],
        cwd=ROOT, env=machine, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1])


@contextlib.contextmanager
def worker(machine, tmp_path):
    """A worker with two children and a beat in it, in a process group of their own."""
    command = [sys.executable, "-m", "celery", "-A", "ctem", "worker", "-c", "2", "--beat"]
    with (tmp_path / "worker.log").open("ab") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env=machine, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=20)


def wait_for(machine, condition, seconds=60):
    """Poll the database until ``condition(state)`` holds; return the last state."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        state = probe(machine, "state")
        if condition(state):
            return state
        time.sleep(0.2)
    raise AssertionError(f"waited {seconds} s in vain: {state}")


@pytest.mark.slow
def test_a_worker_that_is_killed_in_the_middle_loses_nothing(machine, tmp_path):
    with worker(machine, tmp_path) as first:
        probe(machine, "upload", RESULTS)
        wait_for(machine, lambda s: s["jobs"][0][0] != "queued")
        os.killpg(first.pid, signal.SIGKILL)
    interrupted = probe(machine, "state")
    assert interrupted["findings"] in (0, RESULTS), "a half-written import is visible"
    probe(machine, "upload", 5)
    with worker(machine, tmp_path):
        over = wait_for(machine, lambda s: all(state == "done" for state, _ in s["jobs"]))
    assert set(over["scans"].values()) == {"done"}
    assert over["findings"] == RESULTS
    assert over["seen"] == RESULTS + 5


@pytest.mark.slow
def test_a_scan_uploaded_while_no_worker_runs_is_read_when_one_starts(machine, tmp_path):
    probe(machine, "upload", 3)
    assert probe(machine, "state")["jobs"] == [["queued", 0]]
    with worker(machine, tmp_path):
        over = wait_for(machine, lambda s: s["jobs"][0][0] == "done")
    assert over["findings"] == 3
