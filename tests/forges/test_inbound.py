"""Webhooks in: who may ring, what a message can do, and that nothing else ever comes of one."""

import base64
import hashlib
import hmac
import json
import logging
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client

from core.models import Event, Job
from forges.api.hooks import MAX_BYTES
from forges.models import Connection, InboundMessage, PullRequest
from forges.services.connections import end_connection, renew_webhook_secret
from forges.services.inbound import forget_messages
from tests import factories as make
from tests.forges.connected import make_connection, make_repository

pytestmark = pytest.mark.django_db

PULL = {"action": "opened", "pull_request": {"number": 12, "title": "<b>trust me</b>", "merged": True},
        "repository": {"id": 77, "full_name": "evil/other"}}  # fmt: skip
MERGE_REQUEST = {"object_kind": "merge_request", "project": {"id": 77},
                 "object_attributes": {"iid": 12, "action": "open", "state": "merged"}}  # fmt: skip


@pytest.fixture(autouse=True)
def _static(settings):
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)  # or WhiteNoise warns


class Caller:
    """A code host, or somebody who plays one."""

    def __init__(self, connection, secret):
        self.connection, self.secret = connection, secret
        self.path = f"/hooks/{connection.hook}/"
        self.client = Client(enforce_csrf_checks=True)

    def post(self, body, **headers):
        return self.client.post(self.path, body, content_type="application/json", headers=headers)


class GitHub(Caller):
    message = json.dumps(PULL).encode()

    def headers(self, body, secret=None, delivery="d-1", event="pull_request"):
        made = hmac.new((secret or self.secret).encode(), body, hashlib.sha256).hexdigest()
        return {"X-GitHub-Event": event, "X-GitHub-Delivery": delivery,
                "X-Hub-Signature-256": f"sha256={made}"}  # fmt: skip

    def send(self, body=None, **how):
        body = self.message if body is None else body
        return self.post(body, **self.headers(body, **how))

    def forged(self, body):
        """Headers with every kind of signature that is none."""
        good = self.headers(body)
        for name, value in (
            ("no", None), ("empty", ""), ("wrong", "sha256=" + "0" * 64),
            ("not ASCII", "sha256=é☃"), ("cut", good["X-Hub-Signature-256"][:-1]),
            ("of an empty secret",
             "sha256=" + hmac.new(b"", body, hashlib.sha256).hexdigest()),
            ("of SHA-1", "sha1=" + hmac.new(self.secret.encode(), body, "sha1").hexdigest()),
        ):  # fmt: skip
            headers = {**good, "X-Hub-Signature-256": value}
            yield name, {k: v for k, v in headers.items() if v is not None}


class GitLab(Caller):
    message = json.dumps(MERGE_REQUEST).encode()

    def headers(self, body, secret=None, delivery="d-1", event="Merge Request Hook"):
        key = base64.b64decode((secret or self.secret).removeprefix("whsec_"))
        signed = f"{delivery}.1700000000.".encode() + body
        made = base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
        return {"X-Gitlab-Event": event, "webhook-id": delivery,
                "webhook-timestamp": "1700000000", "webhook-signature": f"v1,{made}"}  # fmt: skip

    send = GitHub.send

    def forged(self, body):
        good = self.headers(body)
        for name, value in (
            ("no", None), ("empty", ""), ("wrong", "v1," + base64.b64encode(b"0" * 32).decode()),
            ("not ASCII", "v1,é☃"), ("cut", good["webhook-signature"][:-4]),
        ):  # fmt: skip
            headers = {**good, "webhook-signature": value}
            yield name, {k: v for k, v in headers.items() if v is not None}
        plain = {"X-Gitlab-Event": "Merge Request Hook"}
        for token in ("", "wrong", "é☃", self.secret[6:-1], self.secret[6:] + "x"):
            yield f"token {token[:5]}", {**plain, "X-Gitlab-Token": token}


CALLERS = {"github": GitHub, "gitlab": GitLab}


@pytest.fixture(params=sorted(CALLERS))
def caller(request, scope):
    connection, secret = make_connection(scope, forge=request.param)
    make_repository(connection, "77")
    return CALLERS[request.param](connection, secret)


def rung(kind=None):
    rows = Job.objects.exclude(kind__in=["ingest", "run"])
    rows = rows.filter(kind=kind) if kind else rows
    return list(rows.order_by("pk").values_list("kind", "subject_id"))


def stored():
    return (
        rung(),
        InboundMessage.objects.count(),
        PullRequest.objects.count(),
        Event.objects.count(),
    )


# --- who may ring --------------------------------------------------------------------------------
def test_a_signed_message_rings_and_only_its_ids_are_kept(caller):
    response = caller.send()
    assert response.status_code == 202
    pull = PullRequest.objects.get()
    assert (pull.number, pull.title, pull.state, pull.head_commit) == (12, "", "open", "")
    assert pull.repository.full_name == "acme/web-77" and pull.asked_at is not None
    assert rung("forge_pull") == [("forge_pull", pull.pk)]
    row = InboundMessage.objects.get()
    assert (row.state, row.about, row.repository, row.number) == ("rang", "pull", "77", 12)
    assert "trust me" not in json.dumps(list(InboundMessage.objects.values()), default=str)
    assert Connection.objects.get(pk=caller.connection.pk).message_at == row.received_at


def test_a_forged_one_is_401_with_nothing_in_it_and_writes_nothing(caller):
    before = stored()
    for name, headers in caller.forged(caller.message):
        response = caller.post(caller.message, **headers)
        assert (response.status_code, response.content) == (401, b""), name
    assert stored() == before


def test_another_connections_secret_opens_nothing(caller):
    _, other = make_connection(make.make_scope(), forge=caller.connection.forge)
    before = stored()
    assert caller.send(secret=other).status_code == 401
    assert stored() == before


def test_a_body_that_was_written_anew_is_not_the_one_that_was_signed(caller):
    headers = caller.headers(caller.message)
    body = json.dumps(json.loads(caller.message), indent=1).encode()
    assert caller.post(body, **headers).status_code == 401
    assert not InboundMessage.objects.exists()


def test_the_secret_of_before_rings_inside_its_window_and_not_after(caller, admin):
    at = make.now()
    old = caller.secret
    _, new = renew_webhook_secret(connection=caller.connection, by=admin, at=at)
    assert caller.send(secret=old, delivery="d-1").status_code == 202
    assert caller.send(secret=new, delivery="d-2").status_code == 202
    Connection.objects.update(old_secret_until=at - timedelta(seconds=1))
    assert caller.send(secret=old, delivery="d-3").status_code == 401
    assert caller.send(secret=new, delivery="d-4").status_code == 202


def test_an_address_that_is_not_there_or_has_ended_is_404_alike(caller, admin):
    end_connection(connection=caller.connection, by=admin, at=make.now())
    ended = caller.send()
    caller.path = "/hooks/nobody-has-this-one/"
    absent = caller.send()
    assert (ended.status_code, ended.content) == (absent.status_code, absent.content)
    assert ended.status_code == 404 and not InboundMessage.objects.exists()


def test_a_replay_is_seen_and_has_no_effect(caller):
    assert caller.send().status_code == 202
    before = stored()
    for _ in range(2):
        response = caller.send()
        assert (response.status_code, response.json()) == (200, {"seen": True})
    assert stored() == before


def test_messages_are_forgotten_after_ninety_days(caller):
    caller.send()
    assert forget_messages(at=make.now() + timedelta(days=89)) == 0
    assert forget_messages(at=make.now() + timedelta(days=91)) == 1
    assert not InboundMessage.objects.exists()
    assert caller.send().status_code == 202  # one that is sent again only rings


def test_the_same_delivery_may_reach_two_connections(caller):
    other, secret = make_connection(make.make_scope(), forge=caller.connection.forge)
    caller.send()
    assert type(caller)(other, secret).send().status_code == 202


def test_more_than_is_allowed_is_413_before_it_is_read(caller):
    body = b"x" * (MAX_BYTES + 1024 * 1024)
    response = caller.post(body, **caller.headers(b"x"))
    assert response.status_code == 413
    assert response.json()["detail"].endswith(f"({len(body)} > {MAX_BYTES} bytes)")

    class Unread:
        def read(self, *_):
            raise AssertionError("it was read")

        readline = read

    request = {"CONTENT_LENGTH": str(len(body)), "wsgi.input": Unread(), "CONTENT_TYPE": "a/b"}
    assert caller.client.generic("POST", caller.path, **request).status_code == 413


def test_one_without_a_length_is_not_read_beyond_the_limit(caller, monkeypatch):
    monkeypatch.setattr("forges.api.hooks.MAX_BYTES", 10)
    monkeypatch.setattr("forges.api.hooks._announced", lambda request: 0)
    assert caller.send().status_code == 413


UNREADABLE = [b"", b"{", b"[]", b"\xff", b"null", b"{}", b"[" * 100_000, b'{"object_kind": 7}',
              b'{"object_kind": "merge_request"}', b'{"pull_request": {"number": "12"}}',
              b'{"pull_request": {"number": true}, "action": "x"}',
              b'{"pull_request": {"number": 1e400}, "action": "x"}']  # fmt: skip


@pytest.mark.parametrize("body", UNREADABLE, ids=range(len(UNREADABLE)))
def test_a_signed_one_that_cannot_be_read_is_400_with_the_place_or_of_no_use(caller, body):
    response = caller.send(body)
    if response.status_code == 400:
        assert response.headers["Content-Type"] == "application/problem+json"
        assert response.json()["where"]
    else:  # GitLab: JSON that is about nothing
        assert (response.status_code, rung("forge_pull")) == (202, [])
        assert InboundMessage.objects.get().state == "ignored"
    assert not PullRequest.objects.exists()


def test_only_post_is_possible_and_without_a_cookie_or_a_token(caller):
    for method in ("get", "put", "delete", "patch"):
        assert getattr(caller.client, method)(caller.path).status_code == 405
    assert caller.send().status_code == 202  # the client checks CSRF


def test_no_secret_is_in_a_log(caller, caplog):
    caplog.set_level(logging.DEBUG)
    caller.send()
    for _, headers in caller.forged(caller.message):
        caller.post(caller.message, **headers)
    assert caller.secret not in caplog.text
    assert caller.secret.removeprefix("whsec_") not in caplog.text


def test_a_server_whose_own_secret_changed_takes_nobody_and_says_so_in_its_log(
    caller, settings, caplog
):
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another" * 8, []
    assert caller.send().status_code == 401
    assert f"the webhook secret of connection {caller.connection.pk}" in caplog.text


# --- what rings for what -------------------------------------------------------------------------
REPOSITORY = {"repository": {"id": 77}}
GITHUB_EVENTS = [
    ("pull_request_review", PULL, "forge_pull"),
    ("push", {**REPOSITORY, "ref": "refs/heads/main", "after": "ab" * 20}, "forge_repository"),
    ("push", {**REPOSITORY, "ref": "refs/tags/v1", "after": "ab" * 20}, None),
    ("code_scanning_alert",
     {**REPOSITORY, "action": "fixed", "ref": "refs/heads/main", "commit_oid": "ab" * 20},
     "forge_repository"),
    ("repository", {**REPOSITORY, "action": "renamed"}, "forge_connection"),
    ("installation", {"action": "created"}, "forge_connection"),
    ("star", {**REPOSITORY, "action": "created"}, None),
    ("merge_group",
     {**REPOSITORY, "action": "checks_requested",
      "merge_group": {"head_sha": "cd" * 20, "base_sha": "ab" * 20, "base_ref": "refs/heads/main",
                      "head_ref": "refs/heads/gh-readonly-queue/main/pr-12-" + "ab" * 20}},
     "forge_group"),
]  # fmt: skip


@pytest.mark.parametrize(("event", "body", "kind"), GITHUB_EVENTS)
def test_each_event_of_github_rings_for_what_it_is_about(scope, event, body, kind):
    connection, secret = make_connection(scope)
    repository = make_repository(connection)
    Job.objects.all().delete()
    Connection.objects.update(asked_at=None)
    caller = GitHub(connection, secret)
    assert caller.send(json.dumps(body).encode(), event=event).status_code == 202
    assert [row[0] for row in rung()] == ([kind] if kind else [])
    row = InboundMessage.objects.get()
    assert row.state == ("rang" if kind else "ignored")
    repository.refresh_from_db()
    assert (repository.asked_at is not None) == (kind == "forge_repository")
    if kind == "forge_group":
        assert rung() == [("forge_group", row.pk)]
        assert row.ref.startswith("refs/heads/gh-readonly-queue/") and row.commit == "cd" * 20


GITLAB_EVENTS = [
    ("Push Hook",
     {"object_kind": "push", "project_id": 77, "ref": "refs/heads/main", "after": "ab" * 20},
     "forge_repository"),
    ("Pipeline Hook",
     {"object_kind": "pipeline", "project": {"id": 77},
      "object_attributes": {"status": "success", "ref": "main", "sha": "ab" * 20}},
     "forge_repository"),
    ("Project Hook", {"event_name": "project_create", "project_id": 9}, "forge_connection"),
    ("Note Hook", {"object_kind": "note"}, None),
]  # fmt: skip


@pytest.mark.parametrize(("event", "body", "kind"), GITLAB_EVENTS)
def test_each_event_of_gitlab_rings_for_what_it_is_about(scope, event, body, kind):
    connection, secret = make_connection(scope, forge="gitlab")
    make_repository(connection)
    Job.objects.all().delete()
    Connection.objects.update(asked_at=None)
    caller = GitLab(connection, secret)
    assert caller.send(json.dumps(body).encode(), event=event).status_code == 202
    assert [row[0] for row in rung()] == ([kind] if kind else [])


def test_gitlab_may_show_the_secret_as_its_token(scope):
    caller = GitLab(*make_connection(scope, forge="gitlab"))
    make_repository(caller.connection)
    headers = {"X-Gitlab-Event": "Merge Request Hook", "X-Gitlab-Token": caller.secret[6:],
               "X-Gitlab-Event-UUID": "1-2"}  # fmt: skip
    assert caller.post(caller.message, **headers).status_code == 202
    assert caller.post(caller.message, **headers).json() == {"seen": True}


def test_a_repository_that_is_not_known_has_the_connection_looked_at(caller):
    body = caller.message.replace(b"77", b"78")
    Job.objects.all().delete()
    for n in range(5):
        assert caller.send(body, delivery=f"d-{n}").status_code == 202
    assert len(rung("forge_connection")) == 1 and not PullRequest.objects.exists()


def test_a_repository_of_another_connection_is_not_known_here(caller):
    other, _ = make_connection(make.make_scope(), forge=caller.connection.forge)
    make_repository(other, "78", full_name="acme/other")
    caller.send(caller.message.replace(b"77", b"78"))
    assert not PullRequest.objects.exists()


def test_a_delivery_of_any_length_is_one(scope):
    caller = GitLab(*make_connection(scope, forge="gitlab"))
    headers = {"X-Gitlab-Token": caller.secret[6:], "Idempotency-Key": "k" * 5000}
    assert caller.post(caller.message, **headers).status_code == 202
    assert caller.post(caller.message, **headers).status_code == 200


def test_numbers_that_no_column_holds_do_no_harm(scope):
    caller = GitHub(*make_connection(scope))
    make_repository(caller.connection)
    body = {**PULL, "pull_request": {"number": 2**62}}
    assert caller.send(json.dumps(body).encode()).status_code == 202
    assert InboundMessage.objects.get().number is None and not PullRequest.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_what_rings_and_what_is_written_are_one_commit(transactional_db, monkeypatch):
    """T20: a message whose ringing breaks off is not seen, and rings when it comes again."""
    caller = GitHub(*make_connection())
    make_repository(caller.connection)
    caller.client.raise_request_exception = False

    def broken(*args, **kwargs):
        raise RuntimeError("broken off")

    with monkeypatch.context() as patch:
        patch.setattr("forges.services.inbound.ring_for_pull", broken)
        assert caller.send().status_code == 500
    assert not InboundMessage.objects.exists()
    assert caller.send().status_code == 202 and len(rung("forge_pull")) == 1
