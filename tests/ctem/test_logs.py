"""A line of the log: one line whatever is in it, with what it is about, and no secret."""

import io
import json
import logging

import pytest
from django.test import Client

from core import log_context
from core.models import Job
from ctem import logs
from scopes.services import issue_token
from tests import factories as make

HOSTILE = 'x\n2026-01-01 INFO ctem "forged" \r\u2028\x1b[31m'


def formatted(formatter, message, *args, **options):
    record = logging.LogRecord("ctem.test", logging.INFO, "f", 1, message, args, None)
    for name, value in options.items():
        setattr(record, name, value)
    return formatter.format(record)


def test_a_line_for_machines_is_one_json_object_whatever_was_said():
    with log_context.about(request_id="r1"):
        log_context.tell(scope_id=7, user_id=None)
        text = formatted(logs.JsonLines(), "said %s", HOSTILE, fields={"status": 200})
    assert "\n" not in text and text.isascii()
    said = json.loads(text)
    assert said["message"] == f"said {HOSTILE}"
    assert (said["request_id"], said["scope_id"], said["status"]) == ("r1", 7, 200)
    assert "user_id" not in said
    assert said["time"].endswith("+00:00")


def test_a_line_for_people_is_one_line_with_what_it_is_about_at_its_end():
    with log_context.about(job_id=5):
        text = formatted(logs.TextLines(), "said %s", HOSTILE)
    assert "\n" not in text and "\r" not in text
    assert text.endswith("[job_id=5]")
    assert "[" not in formatted(logs.TextLines(), "alone")


def test_an_error_carries_its_traceback():
    try:
        raise ValueError("broken")
    except ValueError as error:
        info = (ValueError, error, error.__traceback__)
    assert (
        "ValueError: broken" in json.loads(formatted(logs.JsonLines(), "x", exc_info=info))["error"]
    )
    assert "ValueError: broken" in formatted(logs.TextLines(), "x", exc_info=info, exc_text=None)


def test_what_a_piece_of_work_is_about_ends_with_it():
    with log_context.about(job_id=1):
        with log_context.about(job_id=2):
            log_context.tell(scope_id=3)
        assert log_context.current() == {"job_id": 1}
    log_context.tell(scope_id=4)  # outside of any work: said to nobody
    assert log_context.current() == {}


@pytest.fixture
def written():
    """What a log for machines says beside the one of the tests."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.JsonLines())
    logging.getLogger().addHandler(handler)
    yield stream
    logging.getLogger().removeHandler(handler)


def lines_of(written, logger):
    said = [json.loads(one) for one in written.getvalue().splitlines()]
    return [one for one in said if one["logger"] == logger]


@pytest.mark.parametrize(
    ("environ", "form"),
    [({}, "text"), ({"CTEM_PRODUCTION": "1"}, "json"),
     ({"CTEM_PRODUCTION": "1", "CTEM_LOG_FORMAT": "text"}, "text")],
)  # fmt: skip
def test_production_logs_for_machines_unless_told_otherwise(environ, form, monkeypatch):
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert logs.configuration()["handlers"]["console"]["formatter"] == form


@pytest.mark.django_db
def test_a_request_leaves_one_line_with_who_and_where_and_without_what_is_secret(
    admin, scope, written
):
    _, key = issue_token(user=admin, name="t", by=admin, at=make.now(), days=1)
    answer = Client().get(
        f"/api/v1/scopes/{scope.pk}/?token=canary-in-a-query",
        headers={"Authorization": f"Bearer {key}", "X-Request-ID": "of-the-proxy-1"},
    )
    text = written.getvalue()
    (said,) = lines_of(written, "ctem.requests")
    assert answer.headers["X-Request-ID"] == said["request_id"] == "of-the-proxy-1"
    assert (said["user_id"], said["path"]) == (admin.pk, f"/api/v1/scopes/{scope.pk}/")
    assert key not in text and "canary" not in text


@pytest.mark.django_db
@pytest.mark.parametrize("said", ["short", "x" * 65, "a b c d e f", "läuft-nicht"])
def test_an_id_of_a_request_that_is_none_is_replaced(said):
    answer = Client().get("/healthz", headers={"X-Request-ID": said})
    assert answer.headers["X-Request-ID"] != said
    assert len(answer.headers["X-Request-ID"]) == 32


@pytest.mark.django_db
def test_the_lines_of_a_job_carry_its_number_and_its_scope(asset, line, files, written):
    scan, _ = make.upload(asset, make.code_of(line))
    make.run_job(scan)
    (said,) = lines_of(written, "ctem.jobs")
    job = Job.objects.get(kind="ingest", subject_id=scan.pk)
    assert (said["job_id"], said["job_kind"], said["scope_id"]) == (job.pk, "ingest", scan.scope_id)
