"""The production shape for real: the Procfile's own commands, PostgreSQL, Redis, gunicorn, Celery, SIGTERM."""

import base64
import gzip
import http.client
import json
import os
import re
import secrets
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.ctem.worker_probe import report

ROOT = Path(__file__).resolve().parents[2]
HOST = "ctem.example.org"
PROCFILE = dict(
    line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines() if line
)
LIVING = ("web", "worker", "beat")
RESULTS = 4000  # enough to be stopped in the middle of
SMALL = 3
CELERYS_OWN = ("", "worker: Warm shutdown (MainProcess)")  # written from its signal handler

pytestmark = [pytest.mark.slow, pytest.mark.postgresql]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Installation:
    """One server as the Procfile starts it, and one client's way to it."""

    def __init__(self, folder, database, broker):
        self.logs, self.children, self.port = folder, {}, free_port()
        self.secrets = {name: secrets.token_urlsafe(48) for name in ("secret", "metrics")}
        self.token = ""
        programs = Path(sys.executable).parent
        ours = {k: v for k, v in os.environ.items() if not k.startswith("CTEM_")}
        self.environ = {
            **ours,
            "PATH": f"{programs}:{os.environ['PATH']}",
            "CTEM_PRODUCTION": "true",
            "CTEM_HTTPS": "true",
            "CTEM_ALLOWED_HOSTS": HOST,
            "CTEM_PUBLIC_URL": f"https://{HOST}",
            "CTEM_SECRET_KEY": self.secrets["secret"],
            "CTEM_METRICS_TOKEN": self.secrets["metrics"],
            "CTEM_DATA_DIR": str(folder / "data"),
            "CTEM_STATIC_DIR": str(folder / "static"),
            "CTEM_JOB_SWEEP_SECONDS": "1",
            "DATABASE_URL": database,
            "CTEM_BROKER_URL": broker.rpartition("/")[0] + "/7",  # its own, beside other tests
            "PORT": str(self.port),
            "WEB_CONCURRENCY": "2",
        }

    def run(self, command):
        done = subprocess.run(
            shlex.split(command), cwd=ROOT, env=self.environ, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self, *names):
        for name in names:
            with (self.logs / f"{name}.log").open("ab") as log:
                self.children[name] = subprocess.Popen(
                    shlex.split(PROCFILE[name]), cwd=ROOT, env=self.environ,
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                )  # fmt: skip

    def stop(self):
        """SIGTERM, as a container's end; return how each ended."""
        for child in self.children.values():
            child.send_signal(signal.SIGTERM)
        return {name: child.wait(60) for name, child in self.children.items()}

    def kill(self):
        for child in self.children.values():
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait(20)

    def ask(self, path, method="GET", body=None, headers=None, host=HOST, proto="https"):
        """One request as the proxy in front sends it; returns the answer and its bytes."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        sent = {"Host": host, "X-Forwarded-Proto": proto, **(headers or {})}
        data = None
        if body is not None:
            sent["Content-Type"], data = "application/json", json.dumps(body).encode()
        try:
            connection.request(method, path, data, sent)
            answer = connection.getresponse()
            return answer, answer.read()
        finally:
            connection.close()

    def api(self, path, method="GET", body=None):
        said = {"Authorization": f"Bearer {self.token}"}
        answer, data = self.ask(f"/api/v1/{path}", method, body, said)
        assert answer.status < 300, (path, answer.status, data)
        return answer, json.loads(data)

    def upload(self, asset, results):
        packed = base64.b64encode(gzip.compress(report(results))).decode()
        body = {
            "asset": asset,
            "line": "main",
            "facts": {"scope": "full"},
            "sarif_gzip_base64": packed,
        }
        return self.api("scans/", "POST", body)

    def probe(self, path):
        """As an orchestrator asks: by the address, by http, without signing in."""
        try:
            answer, data = self.ask(path, host=f"127.0.0.1:{self.port}", proto="http")
        except OSError:
            return 0, {}
        return answer.status, json.loads(data)

    def metrics(self):
        """Every sample by name and labels."""
        said = {"Authorization": f"Bearer {self.secrets['metrics']}"}
        answer, data = self.ask("/metrics", headers=said)
        assert answer.status == 200
        families = text_string_to_metric_families(data.decode())
        return {
            (sample.name, *sorted(sample.labels.values())): sample.value
            for family in families
            for sample in family.samples
        }

    def log(self, name):
        return (self.logs / f"{name}.log").read_text()


def wait(condition, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.1)
    raise AssertionError(f"waited {seconds} s in vain")


@pytest.fixture
def server(tmp_path, database, redis_url):
    server = Installation(tmp_path, database, redis_url)
    yield server
    server.kill()


@pytest.mark.timeout(300)
def test_the_procfile_serves_imports_tells_and_stops_without_losing_a_job(server):
    server.run("python manage.py collectstatic --no-input")
    server.run(PROCFILE["release"])
    server.start(*LIVING)
    wait(lambda: server.probe("/healthz") == (200, {"ok": True}))
    checks = dict.fromkeys(("database", "migrations", "broker", "storage"), "ok")
    assert server.probe("/readyz") == (200, {"ok": True, "checks": checks})
    server.token = json.loads(server.run("python manage.py demo_people"))["admin"]["token"]

    # people come by https and by the server's name only
    assert server.ask("/sign-in/", proto="http")[0].status == 301
    assert server.ask("/sign-in/", host="elsewhere.example")[0].status == 400
    page, markup = server.ask("/sign-in/")
    assert (page.status, "secure" in page.headers["Set-Cookie"].lower()) == (200, True)

    style, _ = server.ask(re.search(rb'href="(/static/[^"]+\.css)"', markup)[1].decode())
    assert style.status == 200

    # a report comes in and is read
    scope = server.api("scopes/")[1]["results"][0]["id"]
    _, asset = server.api("assets/", "POST", {"scope": scope, "name": "shop"})
    answer, scan = server.upload(asset["id"], SMALL)
    request_id = answer.headers["X-Request-ID"]
    wait(lambda: server.api(f"scans/{scan['id']}/")[1]["state"] == "done")

    # what is measured is right across the workers
    for secret in ("", "Bearer wrong", f"Bearer {server.token}"):
        assert server.ask("/metrics", headers={"Authorization": secret})[0].status == 401
    before = server.metrics()
    for _ in range(20):
        server.api("me/")
    after = server.metrics()
    me = ("ctem_http_requests_total", *sorted(("200", "GET", "api:me")))
    assert after[me] - before.get(me, 0) == 20
    assert after["ctem_http_request_seconds_count", "GET", "api:me"] == after[me]
    assert after["ctem_imports_total", "done"] == 1
    assert after["ctem_import_results_total",] == SMALL
    assert after["ctem_import_seconds_count",] == 1
    assert after["ctem_jobs_ended_total", "done", "ingest"] == 1
    assert after["ctem_jobs_ended_total", "ingest", "quarantined"] == 0
    assert after["ctem_job_oldest_due_seconds", "ingest"] == 0
    assert after["ctem_judgements_total", "pass"] == 0
    assert after["ctem_database_up",] == 1
    assert time.time() - after["ctem_last_sweep_timestamp_seconds",] < 20

    # SIGTERM while a report is being read: the worker ends what it holds
    _, scan = server.upload(asset["id"], RESULTS)
    wait(lambda: server.api(f"scans/{scan['id']}/")[1]["state"] != "received")
    assert server.stop() == {"web": 0, "worker": 0, "beat": 0}
    server.start("web")
    wait(lambda: server.probe("/readyz")[0] == 200)
    assert server.api(f"scans/{scan['id']}/")[1]["state"] == "done"
    assert server.metrics()["ctem_import_results_total",] == SMALL + RESULTS

    # and one that comes while no worker is there waits for the next
    _, scan = server.upload(asset["id"], 5)
    depth = server.metrics()["ctem_jobs", "ingest", "queued"]
    server.start("worker")
    wait(lambda: server.api(f"scans/{scan['id']}/")[1]["state"] == "done")
    assert depth == 1
    assert server.stop()["worker"] == 0
    check_logs(server, request_id)


def check_logs(server, request_id):
    """One JSON object a line, by which a request leads to its job; and no secret in any."""
    written = [line for name in LIVING for line in server.log(name).splitlines()]
    lines = [json.loads(line) for line in written if line not in CELERYS_OWN]
    of_request = [line for line in lines if line.get("request_id") == request_id]
    (ordered,) = [line for line in of_request if line["logger"] == "core.jobs"]
    number = int(ordered["message"].split()[1])
    (told,) = [line for line in of_request if line["logger"] == "ctem.requests"]
    assert (told["status"], told["view"], told["method"]) == (202, "api:scan-list", "POST")
    assert {"user_id", "scope_id", "seconds"} <= told.keys()
    (done,) = [line for line in lines if line.get("job_id") == number]
    assert (done["job_kind"], done["scope_id"]) == ("ingest", told["scope_id"])
    text = "".join(server.log(name) for name in LIVING)
    password = server.environ["DATABASE_URL"].split(":")[2].partition("@")[0]
    assert password
    for secret in (*server.secrets.values(), server.token, password):
        assert secret not in text
