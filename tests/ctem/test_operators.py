"""The doors of operators: alive, ready, measured. Each says its part, and nothing to who may not have it."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from core import jobs as leases
from core.models import Job, JobState
from ctem import jobs, operators
from ctem.celery import app
from findings.statuses import Status
from tests import factories as make

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "t" * 32
pytestmark = pytest.mark.django_db


@pytest.fixture
def open_metrics(settings):
    settings.METRICS_TOKEN = TOKEN


def ask(path, token=TOKEN, method="get", **headers):
    """As a machine asks: by whatever name it knows us by, not by https, not signed in."""
    sent = {"Host": "10.1.2.3:8000", "Authorization": f"Bearer {token}", **headers}
    return getattr(Client(), method)(path, headers=sent)


def measured():
    text = ask("/metrics").content.decode()
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.mark.parametrize("path", operators.DOORS)
def test_a_door_of_operators_answers_before_names_and_https_and_only_reads(
    path, settings, open_metrics, files
):
    settings.SECURE_SSL_REDIRECT = True
    assert ask(path).status_code == 200
    assert ask(path)["Cache-Control"] == "no-store"
    assert ask(path, method="head").content == b"" or path == "/metrics"
    for method in ("post", "put", "delete", "patch"):
        assert ask(path, method=method).status_code == 405
    assert ask(f"{path}/").status_code == 400  # any other address: the name is not ours
    assert Client().get("/findings/").status_code == 301


def test_alive_asks_nothing(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert ask("/healthz").json() == {"ok": True}


def test_ready_names_every_part(files):
    answer = ask("/readyz")
    parts = ("database", "migrations", "broker", "storage")
    assert answer.json() == {"ok": True, "checks": dict.fromkeys(parts, "ok")}
    assert list((files / "files").iterdir()) == []


def test_ready_names_what_is_not_and_says_no_secret(settings, files, monkeypatch):
    monkeypatch.setitem(app.conf, "broker_url", "redis://:canary@127.0.0.1:1/0")
    (files / "files").write_text("a file where the folder should be")
    MigrationRecorder(connection).record_unapplied("core", "0003_postponed_jobs")
    answer = ask("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"] == {
        "database": "ok",
        "migrations": "1 not applied: manage.py migrate",
        "broker": "does not answer",
        "storage": "cannot be written",
    }
    assert b"canary" not in answer.content


def test_ready_survives_a_database_that_does_not_answer(files):
    with connection.execute_wrapper(_gone):
        checks = ask("/readyz").json()["checks"]
    assert checks["database"] == "does not answer"
    assert checks["migrations"] == "unknown: the database does not answer"
    assert checks["storage"] == "ok"


def _gone(execute, sql, params, many, context):
    raise OperationalError("connection to db.internal, password canary")


def test_there_is_no_metrics_page_without_a_token(settings):
    settings.METRICS_TOKEN = ""
    assert ask("/metrics").status_code == 404
    assert ask("/metrics", token="").status_code == 404


@pytest.mark.parametrize("shown", ["", "wrong", TOKEN[:-1], f"{TOKEN}t", "ü" * 32])
def test_metrics_are_for_who_shows_the_token_alone(open_metrics, shown):
    answer = ask("/metrics", token=shown)
    assert (answer.status_code, answer.content) == (401, b"")
    assert answer["WWW-Authenticate"] == "Bearer"


def test_an_account_is_no_way_to_the_metrics(open_metrics, admin):
    client = Client()
    client.force_login(admin)
    assert client.get("/metrics").status_code == 401


def test_requests_are_counted_by_view_and_never_by_address(open_metrics, admin):
    before = measured()
    client = Client()
    client.force_login(admin)
    for number in range(3):
        assert client.get(f"/findings/{10**9 + number}/").status_code == 404
    client.get("/nowhere/at-all")
    client.generic("BREW", "/findings/")
    after = measured()
    labels = ("ctem_http_requests_total", "404", "GET", "finding")
    assert after[labels] - before.get(labels, 0) == 3
    assert after["ctem_http_requests_total", "404", "GET", "none"] >= 1
    assert [key for key in after if "other" in key and "findings" in key]
    assert not [key for key in after if "BREW" in key or any("100000" in str(k) for k in key)]


def test_the_queue_is_measured_by_depth_age_and_end(open_metrics, asset, line, files):
    now = make.now()
    for number, (state, kind) in enumerate(
        [("queued", "ingest"), ("queued", "ingest"), ("quarantined", "run"), ("failed", "ingest")]
    ):
        job = leases.enqueue(kind=kind, subject_id=number, at=now - timedelta(minutes=5))
        Job.objects.filter(pk=job.pk).update(state=JobState(state))
    leases.enqueue(kind="forge_pull", subject_id=9, at=now + timedelta(hours=1))  # not due
    found = measured()
    assert found["ctem_jobs", "ingest", "queued"] == 2
    assert found["ctem_jobs", "forge_pull", "queued"] == 1
    assert found["ctem_jobs_ended_total", "quarantined", "run"] == 1
    assert found["ctem_jobs_ended_total", "failed", "ingest"] == 1
    assert found["ctem_job_oldest_due_seconds", "ingest"] == pytest.approx(300, abs=30)
    assert found["ctem_job_oldest_due_seconds", "forge_pull"] == 0
    for kind in jobs.HANDLERS:  # an alert needs a line that is there
        assert ("ctem_jobs_ended_total", *sorted((kind, "quarantined"))) in found


def test_what_was_read_judged_and_closed_is_measured(open_metrics, files):
    make.make_finding(at=Status.MOBILIZATION_COMPLETE)
    found = measured()
    assert found["ctem_judgements_total", "pass"] >= 1
    assert found["ctem_clearances", "live"] == 1
    assert found["ctem_imports_total", "done"] == found["ctem_import_seconds_count",] >= 1
    assert found["ctem_import_seconds_bucket", "3600.0"] == found["ctem_import_seconds_count",]
    assert found["ctem_import_seconds_sum",] > 0
    assert found["ctem_import_results_total",] >= 1
    assert found["ctem_certificate_key_expires_timestamp_seconds",] > make.now().timestamp()


def test_a_sweep_leaves_the_mark_that_beat_and_worker_live(open_metrics, settings, tmp_path):
    settings.DATA_DIR = tmp_path
    assert measured()["ctem_last_sweep_timestamp_seconds",] == 0
    jobs.sweep()
    at = measured()["ctem_last_sweep_timestamp_seconds",]
    assert at == pytest.approx(make.now().timestamp(), abs=30)


def test_a_database_that_is_gone_hides_its_own_metrics_alone(open_metrics):
    with connection.execute_wrapper(_gone):
        found = measured()
    assert found["ctem_database_up",] == 0
    assert "ctem_http_requests_total" in {key[0] for key in found}
    assert "ctem_jobs" not in {key[0] for key in found}


def test_the_documentation_names_every_metric_and_no_other(open_metrics):
    page = (ROOT / "docs" / "operations.md").read_text()
    table = set(re.findall(r"^\| `(ctem_[a-z_]+)`", page, re.MULTILINE))
    text = ask("/metrics").content.decode()
    told = set(re.findall(r"^# TYPE (ctem_[a-z_]+) ", text, re.MULTILINE))
    assert {name for name in told if not name.endswith("_created")} == table
    samples = {key[0] for key in measured()}
    assert set(re.findall(r"(ctem_[a-z_]+)(?:[{\[ )`])", page)) <= samples | table


def test_a_look_at_the_metrics_takes_the_same_queries_whatever_there_is(
    open_metrics, files, django_assert_num_queries
):
    with django_assert_num_queries(13):
        measured()
    make.make_finding(at=Status.MOBILIZATION_COMPLETE)
    with django_assert_num_queries(13):
        measured()
