"""Signing in: by name or mail address, with a second factor, by passkey; and what keeps others out."""

import json
import statistics
import time

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.test import Client

from core.models import Event, FailedSignIns
from people import limits
from tests import factories as make
from tests.people.passkey import Passkey
from tests.people.signing import (
    PASSWORD,
    browser,
    code_of,
    enrol_app,
    events,
    is_in,
    options_of,
    sign_in,
    with_password,
)

WRONG = "The user name or the password is wrong."


def test_name_and_mail_address_both_open_the_account_and_leave_an_event(vic):
    for name in (vic.username, vic.email, vic.email.upper()):
        client = Client(REMOTE_ADDR="192.0.2.7")
        answer = sign_in(client, name, next="/scans/")
        assert answer["Location"] == "/scans/"
        assert is_in(client)
    told = events("sign_in.done")
    assert [event.data for event in told] == [{"method": ["password"], "address": "192.0.2.7"}] * 3
    assert {event.actor_id for event in told} == {vic.pk}


def test_nobody_is_led_to_another_site_after_signing_in(vic):
    assert sign_in(Client(), vic.username, next="https://evil.example/")["Location"] == "/"


def test_what_fails_is_told_in_one_sentence_whatever_the_reason(vic):
    closed = with_password(make.make_user("closed"))
    closed.is_active = False
    closed.save()
    for name in (vic.username, "nobody", "nobody@example.org", vic.email, closed.username):
        password = PASSWORD if name == closed.username else "wrong"
        page = sign_in(Client(), name, password)
        assert page.status_code == 200
        assert WRONG in page.content.decode(), name


def test_a_mail_address_of_two_accounts_opens_neither(vic):
    twin = with_password(make.make_user("twin"))
    twin.email = vic.email
    twin.save()
    assert sign_in(Client(), vic.email).status_code == 200
    assert sign_in(Client(), vic.username).status_code == 302


@pytest.mark.slow
def test_the_time_of_a_refusal_tells_nothing(vic, settings):
    """T37: known, unknown, without a password, closed: medians within what one of them varies by."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
    settings.ACCOUNT_RATE_LIMITS = {}
    assert Argon2PasswordHasher().algorithm == "argon2"
    with_password(vic)
    sso = make.make_user("no-password")
    sso.set_unusable_password()
    sso.save()
    names = [vic.username, vic.email, sso.username, "nobody", "nobody@example.org"]
    took = {name: [] for name in names}
    for number in range(15):
        for name in names:
            client = Client(REMOTE_ADDR=f"10.{number}.{names.index(name)}.1")
            client.get("/sign-in/")
            began = time.perf_counter()
            assert sign_in(client, name, "wrong").status_code == 200
            took[name].append(time.perf_counter() - began)
    medians = [statistics.median(times) for times in took.values()]
    assert max(medians) < 1.35 * min(medians), took


def test_failures_are_counted_and_told_once_an_hour_not_each(vic):
    for number in range(4):
        sign_in(Client(REMOTE_ADDR=f"192.0.2.{number}"), vic.username, f"wrong {number}")
        sign_in(Client(REMOTE_ADDR=f"192.0.2.{number}"), f"nobody {number}", "wrong")
    assert [(event.subject_id, event.data["failures"]) for event in events("sign_in.failed")] == [
        (vic.pk, 1),
        (0, 1),
    ]
    assert FailedSignIns.objects.get(pk=vic.pk).count == 3
    browser(vic)
    assert events("sign_in.done")[0].data["failures"] == 3
    assert FailedSignIns.objects.get(pk=vic.pk).count == 0


def test_what_was_typed_stands_in_no_event(vic, caplog):
    sign_in(Client(), "my password is hunter2", "hunter2")
    sign_in(Client(), vic.username, "hunter2")
    text = json.dumps(list(Event.objects.values_list("data", flat=True))) + caplog.text
    assert "hunter2" not in text


@pytest.fixture
def narrow(monkeypatch):
    """The same limits, sooner reached."""
    monkeypatch.setattr(limits, "OF_PAIR", limits.Limit(4, 300))
    monkeypatch.setattr(limits, "OF_ACCOUNT", limits.Limit(6, 3600))


def test_guessing_from_one_address_ends_soon_and_stops_only_that_address(vic, narrow):
    for number in range(limits.OF_PAIR.most):
        assert WRONG in sign_in(Client(), vic.username, f"wrong {number}").content.decode()
    stopped = sign_in(Client(), vic.username)
    assert "Too many attempts" in stopped.content.decode()
    assert sign_in(Client(REMOTE_ADDR="192.0.2.9"), vic.username).status_code == 302


def test_who_guesses_from_everywhere_does_not_keep_the_owner_out_of_their_browser(vic, narrow):
    own = browser(vic, REMOTE_ADDR="192.0.2.1")
    own.post("/sign-out/")
    for number in range(limits.OF_ACCOUNT.most):
        sign_in(Client(REMOTE_ADDR=f"10.0.{number}.1"), vic.username, "wrong")
    elsewhere = sign_in(Client(REMOTE_ADDR="10.9.9.9"), vic.username)
    assert "Too many attempts" in elsewhere.content.decode()
    assert sign_in(own, vic.username).status_code == 302
    assert is_in(own)


def test_a_cookie_that_somebody_wrote_makes_no_browser_known(vic, narrow):
    for number in range(limits.OF_ACCOUNT.most):
        sign_in(Client(REMOTE_ADDR=f"10.0.{number}.1"), vic.username, "wrong")
    forged = Client(REMOTE_ADDR="10.9.9.9")
    forged.cookies[limits.COOKIE] = json.dumps([limits.name_key(vic.username)])
    assert "Too many attempts" in sign_in(forged, vic.username).content.decode()


def test_names_that_nobody_has_are_throttled_like_others(db, narrow):
    for number in range(limits.OF_PAIR.most):
        sign_in(Client(), "nobody", f"wrong {number}")
    assert "Too many attempts" in sign_in(Client(), "nobody", "x").content.decode()


# --- second factors ------------------------------------------------------------------------------
def test_with_an_app_the_password_alone_opens_nothing(vic):
    secret = enrol_app(browser(vic))
    client = Client()
    answer = sign_in(client, vic.username, next="/scans/")
    assert answer["Location"] == "/sign-in/factor/"
    assert not is_in(client)
    wrong = client.post("/sign-in/factor/", {"code": "000000"})
    assert "This code is wrong" in wrong.content.decode()
    assert not is_in(client)
    code = code_of(secret, time.time() + 30)  # the one of now was used to set it up
    assert client.post("/sign-in/factor/", {"code": code})["Location"] == "/scans/"
    assert is_in(client)
    assert events("sign_in.done")[-1].data["method"] == ["password", "totp"]
    assert [event.data["failures"] for event in events("sign_in.failed")] == [1]


def test_a_code_opens_once(vic):
    secret = enrol_app(browser(vic))
    code = code_of(secret, time.time() + 30)
    for expected in (True, False):
        client = Client()
        sign_in(client, vic.username)
        client.post("/sign-in/factor/", {"code": code})
        assert is_in(client) is expected


def test_codes_cannot_be_guessed(vic):
    secret = enrol_app(browser(vic))
    client = Client()
    sign_in(client, vic.username)
    for number in range(10):
        client.post("/sign-in/factor/", {"code": f"{number:06}"})
    right = client.post("/sign-in/factor/", {"code": code_of(secret, time.time() + 30)})
    assert right.status_code == 200
    assert not is_in(client)


def test_recovery_codes_are_shown_once_and_each_opens_once(vic):
    client = browser(vic)
    enrol_app(client)
    page = client.get("/profile/sign-in/codes/")
    codes = page.context["unused_codes"]
    assert len(codes) == 10
    assert codes[0] not in client.get("/profile/sign-in/codes/").content.decode()
    for expected in (True, False):
        other = Client()
        sign_in(other, vic.username)
        other.post("/sign-in/factor/", {"code": codes[0]})
        assert is_in(other) is expected
    renewed = client.post("/profile/sign-in/codes/new/")
    assert renewed["Location"] == "/profile/sign-in/codes/"
    other = Client()
    sign_in(other, vic.username)
    other.post("/sign-in/factor/", {"code": codes[1]})
    assert not is_in(other)


def test_the_secrets_of_factors_are_sealed_in_the_database_and_in_no_event(vic):
    client = browser(vic)
    secret = enrol_app(client)
    codes = client.get("/profile/sign-in/codes/").context["unused_codes"]
    stored = json.dumps([row.data for row in Authenticator.objects.all()])
    told = json.dumps(list(Event.objects.values_list("data", flat=True)))
    assert secret not in stored + told
    assert not any(code in stored + told for code in codes)


def test_setting_up_and_removing_a_factor_is_an_event(vic):
    client = browser(vic)
    enrol_app(client)
    assert client.post("/profile/sign-in/app/remove/").status_code == 302
    assert [e.data["method"] for e in events("second_factor.added")] == ["totp"]
    assert [e.data["method"] for e in events("second_factor.removed")] == ["totp"]
    assert not Authenticator.objects.exists()


def test_changing_the_password_ends_every_other_session(vic):
    here, there = browser(vic), browser(vic)
    new = "another horse battery"
    body = {"oldpassword": PASSWORD, "password1": new, "password2": new}
    assert here.post("/profile/sign-in/password/", body).status_code == 302
    assert is_in(here)
    assert not is_in(there)
    assert len(events("user.password_set")) == 1


# --- passkeys ------------------------------------------------------------------------------------
@pytest.fixture
def site(monkeypatch):
    """Passkeys want https, or localhost."""
    return {"origin": "http://localhost", "host": "localhost"}


def add_passkey(client, key):
    page = client.get("/profile/sign-in/passkeys/add/")
    body = {"credential": key.make(options_of(page)), "name": "Laptop", "passwordless": "on"}
    return client.post("/profile/sign-in/passkeys/add/", body)


def test_a_passkey_signs_in_without_a_password(vic, site):
    client, key = browser(vic, SERVER_NAME="localhost"), Passkey(**site)
    assert add_passkey(client, key).status_code == 302
    other = Client(SERVER_NAME="localhost")
    options = other.get("/sign-in/passkey/", HTTP_ACCEPT="application/json").json()
    body = {"credential": key.show(options["request_options"]), "next": "/scans/"}
    answer = other.post("/sign-in/passkey/", body)
    assert answer["Location"] == "/scans/"
    assert is_in(other)
    assert events("sign_in.done")[-1].data["method"] == ["webauthn"]


def test_a_passkey_is_a_second_factor_beside_the_password(vic, site):
    client, key = browser(vic, SERVER_NAME="localhost"), Passkey(**site)
    add_passkey(client, key)
    other = Client(SERVER_NAME="localhost")
    assert sign_in(other, vic.username)["Location"] == "/sign-in/factor/"
    page = other.get("/sign-in/factor/")
    other.post("/sign-in/factor/", {"credential": key.show(options_of(page))})
    assert is_in(other)


def test_a_passkey_of_another_site_challenge_or_key_opens_nothing(vic, site):
    client, key = browser(vic, SERVER_NAME="localhost"), Passkey(**site)
    add_passkey(client, key)
    thief = Passkey(**site)
    thief.id, thief.handle = key.id, key.handle
    phished = Passkey(origin="https://evil.example", host="localhost")
    phished.id, phished.handle, phished.key = key.id, key.handle, key.key
    for bad in (thief, phished):
        other = Client(SERVER_NAME="localhost")
        options = other.get("/sign-in/passkey/", HTTP_ACCEPT="application/json").json()
        other.post("/sign-in/passkey/", {"credential": bad.show(options["request_options"])})
        assert not is_in(other)
    other = Client(SERVER_NAME="localhost")
    options = other.get("/sign-in/passkey/", HTTP_ACCEPT="application/json").json()
    shown = key.show(options["request_options"])
    fresh = Client(SERVER_NAME="localhost")
    fresh.get("/sign-in/passkey/", HTTP_ACCEPT="application/json")
    fresh.post("/sign-in/passkey/", {"credential": shown})  # another browser's challenge
    assert not is_in(fresh)


def test_a_passkey_that_asks_for_no_finger_and_no_pin_is_not_taken(vic, site):
    client = browser(vic, SERVER_NAME="localhost")
    assert add_passkey(client, Passkey(**site, verified=False)).status_code == 200
    assert not Authenticator.objects.exists()


def test_the_passkey_of_a_closed_account_opens_nothing(vic, site):
    client, key = browser(vic, SERVER_NAME="localhost"), Passkey(**site)
    add_passkey(client, key)
    vic.is_active = False
    vic.save()
    other = Client(SERVER_NAME="localhost")
    options = other.get("/sign-in/passkey/", HTTP_ACCEPT="application/json").json()
    other.post("/sign-in/passkey/", {"credential": key.show(options["request_options"])})
    assert not is_in(other)
