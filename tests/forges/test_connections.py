"""The life of a connection: who may, what is refused with its place, where secrets are and are not."""

import json
import logging
from datetime import timedelta

import pytest

from core.errors import BadInput, NotAllowed, WrongState
from core.models import Event, Job, JobState, User
from core.permissions import Role
from core.sealing import unseal
from forges.models import Connection
from forges.services.connections import (
    ask_look,
    ask_look_soon,
    change_connection,
    end_connection,
    renew_webhook_secret,
    replace_key,
)
from forges.services.opening import context, webhook_secrets
from tests import factories as make
from tests.forges.connected import TOKEN, make_connection, make_pull, make_repository, pem

pytestmark = pytest.mark.django_db


@pytest.fixture
def connection(scope):
    return make_connection(scope)[0]


def looks(connection):
    return Job.objects.filter(kind="forge_connection", subject_id=connection.pk)


def again(connection):
    return Connection.objects.get(pk=connection.pk)


# --- connecting ----------------------------------------------------------------------------------
def test_connecting_makes_the_row_its_service_account_and_the_first_look(scope, admin):
    connection, secret = make_connection(scope, release_branches=["release/*"])
    assert (connection.api, connection.include, connection.mode) == (
        "https://api.github.com", ["*"], "warn")  # fmt: skip
    actor = connection.actor
    assert actor.kind == "service" and not actor.has_usable_password()
    assert actor.username == f"github-acme-{connection.hook[:8]}".lower()
    assert actor.memberships.get().role == Role.PIPELINE
    (job,) = looks(connection)
    assert job.state == JobState.QUEUED and connection.asked_at == job.created_at
    assert unseal(connection.sealed_key, context=context(connection, "key")) == TOKEN
    assert webhook_secrets(connection, make.now()) == [secret] and len(secret) >= 40
    event = Event.objects.get(action="connection.connected")
    assert event.actor == admin and event.data["account"] == "acme"


def test_no_secret_is_in_an_event_a_job_a_log_or_the_row(scope, caplog):
    caplog.set_level(logging.DEBUG)
    connection, secret = make_connection(scope)
    _, renewed = renew_webhook_secret(
        connection=connection, by=make.member(scope, Role.ADMIN), at=make.now()
    )
    replace_key(connection=connection, key=pem()[:900].replace("\n", "").replace(" ", ""),
                by=make.member(scope, Role.ADMIN), at=make.now())  # fmt: skip
    rows = json.dumps(
        [list(m.objects.values()) for m in (Connection, Event, Job, User)], default=str
    )
    for hidden in (TOKEN, secret, renewed, connection.hook, pem()[100:140]):
        assert hidden not in caplog.text
    for hidden in (TOKEN, secret, renewed, pem()[100:140]):
        assert hidden not in rows
    assert connection.hook not in json.dumps(list(Event.objects.values()), default=str)
    assert TOKEN not in repr(connection) + str(connection)


@pytest.mark.parametrize("role", [r for r in Role if r is not Role.ADMIN])
def test_only_an_administrator_connects_and_changes(scope, connection, role):
    by, before = make.member(scope, role), Event.objects.count()
    for verb in (
        lambda: make_connection(scope, name="Other", by=by),
        lambda: change_connection(connection=connection, mode="block", by=by, at=make.now()),
        lambda: replace_key(connection=connection, key="x", by=by, at=make.now()),
        lambda: renew_webhook_secret(connection=connection, by=by, at=make.now()),
        lambda: end_connection(connection=connection, by=by, at=make.now()),
    ):
        with pytest.raises(NotAllowed):
            verb()
    assert (Connection.objects.count(), Event.objects.count()) == (1, before)


REFUSED = [
    ({"forge": "bitbucket"}, "forge"),
    ({"name": " "}, "name"),
    ({"name": "a" * 81}, "name"),
    ({"name": "a\nb"}, "name"),
    ({"account": ""}, "account"),
    ({"account": "a b"}, "account"),
    ({"account": "../x"}, "account"),
    ({"account": "a" * 201}, "account"),
    ({"api": "http://api.github.com"}, "api"),
    ({"api": "https://user:word@api.github.com"}, "api"),
    ({"api": "https://api.github.com/?a=b"}, "api"),
    ({"api": "file:///etc/passwd"}, "api"),
    ({"api": "https://h/" + "a" * 200}, "api"),
    ({"sign_in": "password"}, "sign_in"),
    ({"sign_in": "app"}, "app_id"),
    ({"sign_in": "app", "app_id": "1"}, "installation"),
    ({"sign_in": "app", "app_id": "1", "installation": "2x"}, "installation"),
    ({"sign_in": "app", "app_id": "1", "installation": "2"}, "key"),
    ({"app_id": "1"}, "app_id"),
    ({"forge": "gitlab", "sign_in": "app"}, "sign_in"),
    ({"key": ""}, "key"),
    ({"key": "a b"}, "key"),
    ({"key": "ä"}, "key"),
    ({"key": "a" * 1001}, "key"),
    ({"include": []}, "include"),
    ({"include": ["ok", "no blanks"]}, "include/1"),
    ({"include": [f"a{n}" for n in range(101)]}, "include"),
    ({"release_branches": ["a" * 201]}, "release_branches/0"),
    ({"mode": "shout"}, "mode"),
]


@pytest.mark.parametrize(("members", "where"), REFUSED)
def test_what_cannot_be_used_is_refused_with_its_place_and_leaves_nothing(scope, members, where):
    make.member(scope, Role.ADMIN)
    users, events = User.objects.count(), Event.objects.count()
    with pytest.raises(BadInput) as refused:
        make_connection(scope, **members)
    assert refused.value.where == where
    assert members.get("key", TOKEN) not in str(refused.value) or not members.get("key")
    assert (User.objects.count(), Event.objects.count()) == (users, events)
    assert not Connection.objects.exists() and not Job.objects.exists()


def test_a_plain_address_is_for_hosts_that_the_operator_lists(scope, settings):
    settings.OUTBOUND_PLAIN_HOSTS = ["127.0.0.1:8080"]
    connection, _ = make_connection(scope, api="http://127.0.0.1:8080/api/v3/")
    assert connection.api == "http://127.0.0.1:8080/api/v3"


def test_a_name_is_taken_once_in_a_scope(scope, connection):
    users = User.objects.count()
    with pytest.raises(WrongState, match="already has a connection called Acme"):
        make_connection(scope)
    make_connection(make.make_scope())
    other, _ = make_connection(scope, name="Other")
    with pytest.raises(WrongState):
        by = make.member(scope, Role.ADMIN)
        change_connection(connection=other, name="Acme", by=by, at=make.now())
    assert again(other).name == "Other" and User.objects.count() > users


def test_an_app_of_github_is_connected_with_its_private_key(scope):
    app = {"sign_in": "app", "app_id": "12", "installation": "345", "key": pem()}
    connection, _ = make_connection(scope, **app)
    assert (connection.app_id, connection.installation) == ("12", "345")
    assert unseal(connection.sealed_key, context=context(connection, "key")) == pem()


def test_gitlab_gets_a_secret_that_signs_too(scope):
    connection, secret = make_connection(scope, forge="gitlab", account="acme/apps")
    assert connection.api == "https://gitlab.com/api/v4" and secret.startswith("whsec_")
    assert connection.actor.username.startswith("gitlab-acme-apps-")


# --- changing ------------------------------------------------------------------------------------
def test_a_change_tells_what_was_and_is_and_asks_for_a_look_where_it_matters(connection, admin):
    change_connection(connection=connection, name="ACME", by=admin, at=make.now())
    assert looks(connection).count() == 1
    change_connection(
        connection=connection, include=["acme/*"], release_branches=["v*"], by=admin, at=make.now()
    )
    assert looks(connection).count() == 2
    event = Event.objects.filter(action="connection.changed").latest("pk")
    assert event.data == {"include": [["*"], ["acme/*"]], "release_branches": [[], ["v*"]]}
    events = Event.objects.count()
    change_connection(connection=connection, name="ACME", by=admin, at=make.now())
    assert Event.objects.count() == events


def test_another_mode_is_told_to_open_pull_requests(connection, admin):
    pull = make_pull(make_repository(connection))
    closed = make_pull(pull.repository, number=8, state="closed")
    change_connection(connection=connection, mode="block", by=admin, at=make.now())
    shown = Job.objects.filter(kind="forge_show").values_list("subject_id", flat=True)
    assert list(shown) == [pull.pk] != [closed.pk]


def test_a_new_key_is_tried_by_a_look_and_ends_a_refusal(connection, admin):
    Connection.objects.filter(pk=connection.pk).update(state="refused", problem="401")
    replace_key(connection=connection, key="ghp_new", by=admin, at=make.now())
    row = again(connection)
    assert (row.state, row.problem) == ("active", "")
    assert unseal(row.sealed_key, context=context(row, "key")) == "ghp_new"
    assert looks(connection).count() == 2


def test_a_webhook_secret_of_before_is_taken_for_a_day(scope, admin):
    connection, old = make_connection(scope)
    at = make.now()
    row, new = renew_webhook_secret(connection=connection, by=admin, at=at)
    assert webhook_secrets(row, at + timedelta(hours=23)) == [new, old]
    assert webhook_secrets(row, at + timedelta(hours=24)) == [new]


# --- looks ---------------------------------------------------------------------------------------
def test_a_look_is_asked_for_once_while_it_waits(connection, scope):
    analyst = make.member(scope, Role.ANALYST)
    ask_look(connection=connection, by=analyst, at=make.now())
    assert looks(connection).count() == 1  # the first look waits still
    looks(connection).update(state="running", attempts=1, lease_until=make.now())
    ask_look(connection=connection, by=analyst, at=make.now())
    ask_look(connection=connection, by=analyst, at=make.now())
    assert looks(connection).count() == 2
    for role in (Role.VIEWER, Role.DEVELOPER, Role.PIPELINE):
        with pytest.raises(NotAllowed):
            ask_look(connection=connection, by=make.member(scope, role), at=make.now())


def test_a_host_that_rings_all_the_time_makes_one_look_a_minute(connection):
    at = connection.asked_at
    for seconds in range(0, 59, 2):
        ask_look_soon(connection, at + timedelta(seconds=seconds))
    later = looks(connection).latest("pk")
    assert looks(connection).count() == 2
    assert later.next_attempt_at == at + timedelta(minutes=1)
    ask_look_soon(connection, at + timedelta(minutes=3))
    assert again(connection).asked_at == at + timedelta(minutes=3)


# --- the end -------------------------------------------------------------------------------------
def test_an_ended_connection_has_no_secret_and_its_account_cannot_act(connection, admin, scope):
    repository = make_repository(connection)
    renew_webhook_secret(connection=connection, by=admin, at=make.now())
    end_connection(connection=connection, by=admin, at=make.now())
    row = again(connection)
    assert row.has_ended and row.ended_by == admin
    assert not any((row.sealed_key, row.sealed_secret, row.sealed_old_secret))
    assert not User.objects.get(pk=row.actor_id).is_active
    assert webhook_secrets(row, make.now()) == []
    repository.refresh_from_db()  # what it brought stays
    for verb in (
        lambda: change_connection(connection=row, name="x", by=admin, at=make.now()),
        lambda: replace_key(connection=row, key="x", by=admin, at=make.now()),
        lambda: renew_webhook_secret(connection=row, by=admin, at=make.now()),
        lambda: ask_look(connection=row, by=admin, at=make.now()),
        lambda: end_connection(connection=row, by=admin, at=make.now()),
    ):
        with pytest.raises(WrongState, match="has ended"):
            verb()
