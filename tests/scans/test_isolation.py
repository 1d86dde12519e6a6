"""The wall around scanners (T36), looked at by probes that try to get past it, and how it is asked for."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pytest
from django.core.management import call_command

from core.permissions import Role
from scans.models import Scan
from scans.runners import isolation, run
from scans.services.uploads import order_scan
from scans.statuses import ScanState
from tests.factories import default_line, make_asset, member, now, run_job
from tests.scans.repository import WEAK, Repository

EMPTY = json.dumps({"version": "2.1.0", "runs": []})
REPORT = f"\nopen('{{out}}', 'w').write('{EMPTY}')\n"


def scan_with_probe(repository: Repository, commit: str = "") -> Scan:
    commit = commit or repository.commit({"a.py": WEAK})
    asset = make_asset(repository=str(repository.folder))
    scan, _ = order_scan(
        asset=asset, recipe="probe", commit=commit, line=default_line(asset),
        by=member(asset.scope, Role.PIPELINE), at=now(),
    )  # fmt: skip
    return run_job(scan)


@pytest.fixture
def said(files, repository, probe, wall):
    """Run a program as scanner behind the wall and return its log."""

    def look(code: str, commit: str = "", **members) -> str:
        probe(code + REPORT, python=True, **members)
        scan = scan_with_probe(repository, commit)
        assert scan.state == ScanState.DONE, scan.log
        return scan.log

    return look


CONNECT = """
import socket
def tried(kind, *where):
    try:
        socket.create_connection(*where, timeout=3)
        print(kind, 'REACHED')
    except OSError as error:
        print(kind, 'refused', error)
tried('loopback', ('127.0.0.1', %d))
tried('outside', ('192.0.2.1', 443))
"""


@pytest.mark.django_db
def test_a_scanner_reaches_no_network_not_even_that_of_its_machine(said):
    with socket.create_server(("127.0.0.1", 0)) as server:
        log = said(CONNECT % server.getsockname()[1])
        assert "REACHED" not in log
        assert "loopback refused" in log and "outside refused" in log
        server.settimeout(0.1)
        with pytest.raises(TimeoutError):
            server.accept()
    assert "no network" in log


@pytest.mark.django_db
def test_a_recipe_that_may_use_the_network_uses_it(said, settings):
    settings.RUNNER_NETWORK = True
    with socket.create_server(("127.0.0.1", 0)) as server:
        log = said(CONNECT % server.getsockname()[1], network="allowed")
    assert "loopback REACHED" in log and "with network" in log


PROCESSES = """
import os
pids = [name for name in os.listdir('/proc') if name.isdigit()]
print(len(pids), 'processes')
for pid in pids:
    try:
        print(pid, open(f'/proc/{pid}/environ').read())
    except OSError as error:
        print(pid, error)
print('uid', os.getuid(), open('/proc/self/status').read())
"""


@pytest.mark.django_db
def test_a_scanner_sees_no_process_and_no_variable_of_ours(said, monkeypatch):
    monkeypatch.setenv("CTEM_SECRET_KEY", "swordfish")
    log = said(PROCESSES)
    count = int(log.split(" processes")[0].split()[-1])
    assert count <= 4
    assert "swordfish" not in log and "SECRET" not in log
    assert "CapEff:\t0000000000000000" in log and "NoNewPrivs:\t1" in log
    assert "uid 0" not in log


FILES = """
import os
for path in %r:
    try:
        print(path, 'SEEN', os.listdir(path) if os.path.isdir(path) else open(path).read())
    except OSError as error:
        print(path, 'hidden', error)
"""


@pytest.mark.django_db
def test_a_scanner_reads_nothing_of_ours(said, settings, repository):
    data = Path(settings.DATA_DIR)
    (data / "secret_key").write_text("swordfish")
    paths = [settings.DATA_DIR, data / "secret_key", settings.MEDIA_ROOT, settings.BASE_DIR / "ctem",
             repository.folder, "/root/.ssh", "/etc/shadow", "/run", "/var", "/srv"]  # fmt: skip
    log = said(FILES % ([str(path) for path in paths],))
    assert "swordfish" not in log and "SEEN" not in log
    assert log.count("hidden") == len(paths)


def test_our_data_is_hidden_even_where_it_lies_below_a_folder_of_programs(tmp_path, settings, wall):
    data = tmp_path / "tools" / "data"
    data.mkdir(parents=True)
    (data / "secret_key").write_text("swordfish")
    (tmp_path / "tools" / "scanner").write_text("here")
    tmp_path.chmod(0o755)
    settings.RUNNER_TOOLS, settings.DATA_DIR = [str(tmp_path / "tools")], data
    ended = in_room(["sh", "-c", f"cat {tmp_path}/tools/scanner; cat {data}/secret_key"])
    assert "here" in ended.output and "swordfish" not in ended.output


def in_room(command):
    with tempfile.TemporaryDirectory() as name:
        room = isolation.Room(*(Path(name, part) for part in ("top", "home", "out", "config")))
        for folder in (room.top, room.home, room.out, room.config):
            folder.mkdir()
        return run.run_confined(
            isolation.wrapped(command, room, network=False),
            cwd=room.top,
            environ=isolation.environ_of(room),
            limits=isolation.limits_of(run.SCAN_LIMITS),
        )


BOMB = """
import os, time
made = 0
try:
    while made < 5000:
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
        made += 1
    print('UNBOUNDED')
except OSError as error:
    print('bounded after', made, error)
"""


@pytest.mark.django_db
def test_a_fork_bomb_is_bounded_and_ends_with_the_scan(said):
    log = said(BOMB)
    assert "bounded after" in log and "UNBOUNDED" not in log
    assert int(log.split("bounded after ")[1].split()[0]) <= run.SCAN_LIMITS.processes


HUGE = """
import os
block = bytes(1024 * 1024)
try:
    with open('%s', 'wb') as file:
        for _ in range(10 * 1024):
            file.write(block)
    print('UNBOUNDED')
except OSError as error:
    print('bounded', error, os.path.getsize('%s'))
os.unlink('%s')
"""


@pytest.mark.django_db
@pytest.mark.parametrize("where", ["/out/huge", "/home/scanner/huge", "/tmp/huge"])
def test_a_file_of_ten_gigabytes_is_bounded(said, monkeypatch, where):
    limits = replace(run.SCAN_LIMITS, file_bytes=50 * 1024 * 1024)
    monkeypatch.setattr(run, "SCAN_LIMITS", limits)
    log = said(
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)" + HUGE % ((where,) * 3)
    )
    assert "bounded" in log and "UNBOUNDED" not in log


ROOM = """
import os
for folder in ('/', '/dev', '/etc', '/home', '/usr', '/checkout', '/config'):
    try:
        open(os.path.join(folder, 'mine'), 'w')
        print(folder, 'WRITABLE')
    except OSError as error:
        print(folder, 'closed', error)
for folder in ('/tmp', '/dev/shm', os.environ['HOME']):
    open(os.path.join(folder, 'mine'), 'w').close()
    found = os.statvfs(folder)
    print(folder, 'room', found.f_blocks * found.f_frsize)
"""


@pytest.mark.django_db
def test_a_scanner_writes_to_its_own_folders_alone_and_memory_for_files_is_bounded(said):
    log = said(ROOM)
    assert "WRITABLE" not in log and log.count("closed") == 7
    assert f"/tmp room {isolation.TMP_BYTES}\n" in log
    assert f"/dev/shm room {isolation.SHARED_BYTES}\n" in log


@pytest.mark.django_db
def test_many_files_are_bounded_together(files, repository, probe, monkeypatch):
    monkeypatch.setattr(run, "MOST_WRITTEN", 5_000_000)
    probe("import os, time\nhome = os.environ['HOME']\nfor n in range(20):\n"
          "    open(f'{home}/{n}', 'wb').write(bytes(1_000_000))\ntime.sleep(60)", python=True)  # fmt: skip
    scan = scan_with_probe(repository)
    assert scan.state == ScanState.FAILED
    assert "wrote more than allowed" in scan.error and "5000000" in scan.error


@pytest.mark.django_db
def test_a_link_out_of_the_checkout_is_not_followed(said, repository, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("swordfish")
    (repository.folder / "link").symlink_to(secret)
    (repository.folder / "passwd").symlink_to("/etc/hosts")
    commit = repository.commit({"a.py": WEAK})
    log = said("import os\nprint(os.path.islink('link'), open('link').read(), open('passwd').read())",
               commit)  # fmt: skip
    assert f"False {secret}" in log and "swordfish" not in log and "/etc/hosts" in log


@pytest.mark.django_db
def test_what_a_scanner_leaves_running_ends_with_it(said):
    log = said("import subprocess\nsubprocess.Popen(['sleep', '987654'], start_new_session=True)")
    assert "probe started" in log
    assert not sleepers("987654")


def sleepers(seconds: str) -> list[str]:
    """The processes of this machine that sleep so long."""
    found = []
    for process in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if process.name.isdigit() and (process / "cmdline").read_bytes().startswith(
                b"sleep\x00" + seconds.encode()
            ):
                found.append(process.name)
    return found


WORKER = """
import django; django.setup()
from tests.scans.test_isolation import in_room
in_room(["sh", "-c", "sleep 765432 & sleep 765432"])
"""


@pytest.mark.slow
def test_a_worker_that_is_killed_leaves_no_scanner_behind(wall):
    environ = {**os.environ, "DJANGO_SETTINGS_MODULE": "ctem.settings"}
    with subprocess.Popen([sys.executable, "-c", WORKER], env=environ) as worker:
        wait_until(lambda: len(sleepers("765432")) >= 2)
        worker.kill()
    wait_until(lambda: not sleepers("765432"))


def wait_until(condition) -> None:
    until = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.django_db
def test_a_checkout_of_a_strict_mask_is_read_whole(files, repository, wall):
    before = os.umask(0o077)
    try:
        asset = make_asset(repository=str(repository.folder))
        scan, _ = order_scan(
            asset=asset, recipe="bandit", commit=repository.commit({"deep/er/a.py": WEAK}),
            line=default_line(asset), by=member(asset.scope, Role.PIPELINE), at=now(),
        )  # fmt: skip
        scan = run_job(scan)
    finally:
        os.umask(before)
    assert scan.state == ScanState.DONE and scan.counts["results"] == 2


# --- where there is no wall ----------------------------------------------------------------------
@pytest.mark.django_db
def test_without_bubblewrap_the_log_says_so(files, repository, probe, no_wall):
    probe(REPORT.strip(), python=True)
    scan = scan_with_probe(repository)
    assert scan.state == ScanState.DONE
    assert "not isolated: bubblewrap (bwrap) is not installed" in scan.log


@pytest.mark.django_db
def test_where_isolation_is_required_nothing_is_started_without(
    files, repository, probe, settings, no_wall
):
    settings.RUNNER_ISOLATION = "required"
    probe("echo STARTED; true > {out}")
    scan = scan_with_probe(repository)
    assert scan.state == ScanState.FAILED
    assert "CTEM_RUNNER_ISOLATION: is required, but bubblewrap" in scan.error
    assert "STARTED" not in scan.log


def test_a_bubblewrap_that_does_not_work_counts_as_none(tmp_path, monkeypatch):
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho no permissions to create new namespace >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert not isolation.available()


def test_the_deployment_check_warns_where_the_runner_is_used_without_a_wall(
    settings, no_wall, capsys
):
    settings.RUNNER_REPOSITORIES = []
    call_command("check", "--deploy", "--tag", "security")
    assert "scans.W001" not in capsys.readouterr().err
    settings.RUNNER_REPOSITORIES = ["/srv/repositories"]
    call_command("check", "--deploy", "--tag", "security")
    assert "scans.W001" in capsys.readouterr().err
