"""``Idempotency-Key`` at every door that takes a POST: done once, answered as before."""

import json
import uuid
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.utils import timezone
from rest_framework.test import APIClient

from core import idempotency
from core.errors import Unavailable
from core.idempotency import forget_old_keys
from core.models import KeptAnswer
from findings.models import Comment
from scans.models import Scan
from tests.api.bodies import body_of
from tests.api.conftest import V1, stored
from tests.code import sarif_of
from tests.factories import code_of

REPLAYED = "Idempotency-Replayed"


def keyed(key="a key"):
    return {"HTTP_IDEMPOTENCY_KEY": key}


@pytest.fixture
def comments(world):
    """The address where a second POST adds a second row."""
    return f"findings/{world.open.pk}/comments/"


def type_of(answer):
    return answer.json()["type"].removeprefix("urn:ctem:problem:")


def test_at_every_door_the_same_request_again_does_nothing_and_is_answered_as_before(
    spec, api, world
):
    client, tried = api(world.admin), 0
    for template, methods in spec["paths"].items():
        if "post" not in methods:
            continue
        name = methods["post"]["operationId"]
        path, body, key = world.path(template), body_of(name, world), keyed(str(uuid.uuid4()))
        with transaction.atomic():
            first = client.post(path, body, **key)
            assert REPLAYED not in first.headers, name
            before = stored()
            again = client.post(path, body, **key)
            assert again.headers[REPLAYED] == "true", name
            assert (again.status_code, again.content) == (first.status_code, first.content), name
            assert again.headers.get("Location") == first.headers.get("Location")
            assert again.headers.get("Content-Type") == first.headers.get("Content-Type")
            assert stored() == before, name
            transaction.set_rollback(True)
        tried += 1
    assert tried > 70


def test_without_a_key_or_with_another_it_is_done_again(api, world, comments):
    client = api(world.analyst)
    for key in ({}, {}, keyed("1"), keyed("2")):
        assert client.post(comments, {"body": "Same."}, **key).status_code == 201
    assert Comment.objects.filter(body="Same.").count() == 4


def test_the_rate_of_a_replayed_answer_is_that_of_now(api, world, comments):
    client = api(world.analyst)
    one, again = (client.post(comments, {"body": "Same."}, **keyed()) for _ in range(2))
    assert again.headers[REPLAYED] == "true"
    assert one.headers["RateLimit"] != again.headers["RateLimit"]


@pytest.mark.parametrize("other", ["body", "query", "path", "token"])
def test_a_key_of_another_request_is_422(api, world, comments, other):
    client = api(world.analyst)
    assert client.post(comments, {"body": "One."}, **keyed()).status_code == 201
    before = Comment.objects.count()
    answer = {
        "body": lambda: client.post(comments, {"body": "Two."}, **keyed()),
        "query": lambda: client.post(f"{comments}?x=1", {"body": "One."}, **keyed()),
        "path": lambda: client.post(
            f"findings/{world.fresh.pk}/comments/", {"body": "One."}, **keyed()
        ),
        "token": lambda: api(world.analyst).post(comments, {"body": "One."}, **keyed()),
    }[other]()
    assert (answer.status_code, type_of(answer)) == (422, "idempotency-key-reused")
    assert Comment.objects.count() == before


def test_keys_of_two_accounts_are_two_keys(api, world, comments):
    for user in (world.analyst, world.developer):
        answer = api(user).post(comments, {"body": "Same."}, **keyed())
        assert answer.status_code == 201 and REPLAYED not in answer.headers


@pytest.mark.parametrize("key", ["", "x" * 256, "caf\xe9", "a\tb"])
def test_a_key_that_cannot_be_used_is_refused_by_name(api, world, comments, key):
    answer = api(world.analyst).post(comments, {"body": "No."}, **keyed(key))
    assert answer.status_code == 400
    assert answer.json()["where"] == "Idempotency-Key"
    assert not KeptAnswer.objects.exists()


def test_the_longest_key_is_one(api, world, comments):
    answers = [api(world.analyst).post(comments, {"body": "A"}, **keyed("~" * 255))]
    assert answers[0].status_code == 201


def test_a_refusal_is_kept_as_well(api, world):
    client, path = api(world.analyst), f"findings/{world.fresh.pk}/transitions/"
    first, again = (client.post(path, {"name": "validate"}, **keyed()) for _ in range(2))
    assert first.status_code == again.status_code >= 400
    assert again.headers[REPLAYED] == "true" and again.json() == first.json()


def test_who_may_not_ask_holds_no_key(api, world, comments):
    assert api().post(comments, {"body": "A"}, **keyed()).status_code == 401
    assert not KeptAnswer.objects.exists()


# --- in flight, cut off, not done ----------------------------------------------------------------
def test_the_same_request_while_the_first_is_worked_on_is_409_with_retry_after(
    api, world, comments, monkeypatch
):
    client, meanwhile = api(world.analyst), []
    body = {"body": "Once."}

    def keep(row, answer):  # the work is done, its answer is not kept yet
        monkeypatch.undo()
        meanwhile.append(client.post(comments, body, **keyed()))
        idempotency.keep(row, answer)

    monkeypatch.setattr("core.contract.idempotency.keep", keep)
    assert client.post(comments, body, **keyed()).status_code == 201
    assert (meanwhile[0].status_code, type_of(meanwhile[0])) == (409, "idempotency-in-flight")
    assert meanwhile[0].headers["Retry-After"] == "5"
    assert client.post(comments, body, **keyed()).headers[REPLAYED] == "true"
    assert Comment.objects.filter(body="Once.").count() == 1


def test_a_request_that_was_cut_off_is_not_done_again_and_says_so(api, world, comments):
    client = api(world.analyst)
    client.post(comments, {"body": "Once."}, **keyed())
    KeptAnswer.objects.update(
        state="running", code=None, sealed="", started_at=timezone.now() - timedelta(minutes=11)
    )
    answer = client.post(comments, {"body": "Once."}, **keyed())
    assert (answer.status_code, type_of(answer)) == (409, "idempotency-no-answer")
    assert "look whether it was done" in answer.json()["detail"]
    assert Comment.objects.filter(body="Once.").count() == 1


@pytest.mark.parametrize(
    ("fault", "status"), [(Unavailable("The bucket does not answer."), 503), (RuntimeError(), 500)]
)
def test_what_failed_for_no_fault_of_the_caller_may_be_tried_again(
    api, world, comments, monkeypatch, fault, status
):
    client = api(world.analyst)
    client.client.raise_request_exception = False

    def failing(**_):
        raise fault

    with monkeypatch.context() as patch:
        patch.setattr("findings.api.findings.add_comment", failing)
        first = client.client.post(f"{V1}/{comments}", {"body": "Once."}, **keyed())
    assert first.status_code == status and not KeptAnswer.objects.exists()
    again = client.post(comments, {"body": "Once."}, **keyed())
    assert again.status_code == 201 and REPLAYED not in again.headers


def test_a_precondition_that_fails_takes_no_key(api, world):
    client, path = api(world.analyst), f"findings/{world.fresh.pk}/transitions/"
    body = {"name": "validate", "evidence": "Seen."}
    assert client.post(path, body, HTTP_IF_MATCH='"0"', **keyed()).status_code == 412
    assert client.post(path, body, HTTP_IF_MATCH="*", **keyed()).status_code == 200
    replayed = client.post(path, body, HTTP_IF_MATCH='"0"', **keyed())
    assert replayed.status_code == 200, "it is done: what it was like before does not count"


# --- what is kept --------------------------------------------------------------------------------
def test_a_secret_that_is_shown_once_is_kept_sealed(api, world):
    client = api(world.admin)
    body = body_of("connections_create", world)
    first, again = (client.post("connections/", body, **keyed()) for _ in range(2))
    secret = first.json()["webhook_secret"]
    assert again.json()["webhook_secret"] == secret
    row = KeptAnswer.objects.get()
    assert secret not in f"{row.sealed}{row.headers}{row.fingerprint}" and len(secret) > 20


def test_a_token_made_in_a_session_is_made_once_and_kept_sealed(world):
    client = APIClient()
    client.force_login(world.admin)
    body = {"name": "script"}
    first, again = (client.post(f"{V1}/tokens/", body, **keyed()) for _ in range(2))
    assert first.status_code == 201 and again.content == first.content
    assert world.admin.tokens.filter(name="script").count() == 1
    assert first.json()["key"] not in KeptAnswer.objects.get().sealed


def test_an_answer_that_does_not_open_any_more_is_not_made_up(api, world, comments, settings):
    client = api(world.analyst)
    client.post(comments, {"body": "Once."}, **keyed())
    settings.SECRET_KEY = "another secret than before " * 3
    answer = client.post(comments, {"body": "Once."}, **keyed())
    assert (answer.status_code, type_of(answer)) == (409, "idempotency-no-answer")
    assert "answered 201" in answer.json()["detail"]


def form_of(world, report=None):
    report = report or json.dumps(sarif_of(code_of(world.line))).encode()
    return {
        "asset": str(world.asset.pk),
        "line": world.line.name,
        "file": SimpleUploadedFile("report.sarif", report),
    }


def test_of_a_large_answer_it_is_kept_that_it_was_given_and_where(api, world, monkeypatch):
    monkeypatch.setattr(idempotency, "MOST_KEPT", 100)
    client = api(world.pipeline)
    first = client.post("scans/", form_of(world), format="multipart", **keyed())
    again = client.post("scans/", form_of(world), format="multipart", **keyed())
    assert first.status_code == 202
    assert (again.status_code, type_of(again)) == (409, "idempotency-no-answer")
    assert again.headers["Location"] == first.headers["Location"]
    assert "> 100 bytes" in again.json()["detail"]
    assert KeptAnswer.objects.get().sealed == ""


def test_a_form_is_the_same_by_its_members_and_the_bytes_of_its_files(api, world):
    client, scans = api(world.pipeline), Scan.objects.count()
    first = client.post("scans/", form_of(world), format="multipart", **keyed())
    again = client.post("scans/", form_of(world), format="multipart", **keyed())
    assert first.status_code == again.status_code == 202
    assert again.headers[REPLAYED] == "true" and again.json() == first.json()
    assert Scan.objects.count() == scans + 1
    other = form_of(world, b'{"version": "2.1.0", "runs": []}')
    assert client.post("scans/", other, format="multipart", **keyed()).status_code == 422
    longer = {**form_of(world), "category": "x"}
    assert client.post("scans/", longer, format="multipart", **keyed()).status_code == 422


def test_the_report_of_a_keyed_form_is_stored_whole(api, world):
    report = json.dumps(sarif_of(code_of(world.line))).encode()
    client = api(world.pipeline)
    told = client.post("scans/", form_of(world, report), format="multipart", **keyed()).json()
    raw = api(world.viewer).get(f"scans/{told['id']}/raw/")
    assert raw.content == report


def test_a_key_is_held_for_a_day(api, world, comments):
    client = api(world.analyst)
    client.post(comments, {"body": "Daily."}, **keyed())
    KeptAnswer.objects.update(started_at=timezone.now() - timedelta(hours=23, minutes=59))
    assert client.post(comments, {"body": "Daily."}, **keyed()).headers[REPLAYED] == "true"
    KeptAnswer.objects.update(started_at=timezone.now() - timedelta(hours=24))
    answer = client.post(comments, {"body": "Daily."}, **keyed())
    assert answer.status_code == 201 and REPLAYED not in answer.headers
    assert Comment.objects.filter(body="Daily.").count() == 2


def test_keys_of_yesterday_are_forgotten_by_the_clock(api, world, comments):
    client = api(world.analyst)
    for key in ("old", "new"):
        client.post(comments, {"body": key}, **keyed(key))
    KeptAnswer.objects.filter(key="old").update(started_at=timezone.now() - timedelta(hours=25))
    assert forget_old_keys(at=timezone.now()) == 1
    assert KeptAnswer.objects.get().key == "new"
