"""Who must show a second factor, and for what a sign-in must be fresh: at pages, at the API, never for tokens."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import get_resolver
from django.utils import timezone

from core.sessions import SIGNED_IN_AT
from findings.models import Comment
from people import fresh
from people.middleware import ENROL, OPEN
from scopes.models import ApiToken
from scopes.services import issue_token
from tests import factories as make
from tests.people.passkey import Passkey
from tests.people.signing import PASSWORD, browser, enrol_app, is_in, with_password
from tests.people.test_sign_in import add_passkey


def aged(client, minutes):
    """The session as it is so many minutes later."""
    session = client.session
    session[SIGNED_IN_AT] = (timezone.now() - timedelta(minutes=minutes)).isoformat()
    for record in session.get("account_authentication_methods", []):
        record["at"] -= 60 * minutes
    session.save()
    return client


# --- the second factor ---------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("policy", "role", "asked"),
    [
        ("none", "admin", False),
        ("admins+approvers", "admin", True),
        ("admins+approvers", "approver", True),
        ("admins+approvers", "analyst", False),
        ("all", "viewer", True),
    ],
)
def test_the_policy_says_who_is_led_to_set_one_up(scope, settings, policy, role, asked):
    settings.REQUIRE_MFA = policy
    client = browser(with_password(make.member(scope, role)))
    page = client.get("/findings/")
    assert (page.status_code == 302) is asked
    assert not asked or page["Location"] == "/profile/sign-in/"


def test_an_administrator_of_the_installation_counts_as_one(root, settings):
    settings.REQUIRE_MFA = "admins+approvers"
    assert browser(root).get("/")["Location"] == "/profile/sign-in/"


def test_who_must_set_one_up_does_nothing_else_and_then_everything(ada, scope, settings):
    settings.REQUIRE_MFA = "admins+approvers"
    client = browser(ada)
    assert client.post("/tokens/", {"name": "way round", "days": "1"}).status_code == 302
    assert not ApiToken.objects.exists()
    api = client.get("/api/v1/scopes/")
    assert api.status_code == 403
    assert api["Content-Type"] == "application/problem+json"
    assert api.json()["type"] == "urn:ctem:problem:second-factor-needed"
    assert api.json()["detail"] == ENROL
    part = client.get("/findings/", headers={"HX-Request": "true"})
    assert part.status_code == 403
    page = client.get("/profile/sign-in/").content.decode()
    assert "Until you have set one up, nothing else opens" in page
    enrol_app(client)
    assert client.get("/scopes/shop/").status_code == 200
    assert client.get("/api/v1/scopes/").status_code == 200


def test_a_header_of_another_scheme_is_no_way_round(ada, settings):
    settings.REQUIRE_MFA = "all"
    answer = browser(ada).get("/api/v1/scopes/", headers={"Authorization": "Basic YTpi"})
    assert answer.status_code == 403


def test_a_token_is_not_asked(ada, settings):
    settings.REQUIRE_MFA = "all"
    _, key = issue_token(user=ada, by=ada, name="pipeline", at=timezone.now())
    answer = Client().get("/api/v1/scopes/", headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 200


def test_a_session_from_before_has_to_show_the_factor(ada, settings):
    before = browser(ada)
    enrol_app(browser(ada))
    assert is_in(before)
    settings.REQUIRE_MFA = "all"
    assert before.get("/findings/?open=true")["Location"] == (
        "/confirm/code/?next=%2Ffindings%2F%3Fopen%3Dtrue"
    )


def test_the_last_factor_stays_where_one_is_asked_for(ada, settings):
    settings.REQUIRE_MFA = "all"
    client, key = browser(ada, SERVER_NAME="localhost"), Passkey("http://localhost", "localhost")
    enrol_app(client)
    refused = client.post("/profile/sign-in/app/remove/")
    assert "this is the last one" in refused.content.decode()
    add_passkey(client, key)
    assert client.post("/profile/sign-in/app/remove/").status_code == 302
    last = ada.authenticator_set.get(type="webauthn")
    client.post(f"/profile/sign-in/passkeys/{last.pk}/remove/")
    assert ada.authenticator_set.filter(pk=last.pk).exists()
    assert is_in(client)


def test_pages_cost_who_has_shown_it_no_query_more(ada, settings, django_assert_num_queries):
    client = browser(ada)
    enrol_app(client)
    client.get("/profile/sessions/")
    with CaptureQueriesContext(connection) as without:
        client.get("/profile/sessions/")
    settings.REQUIRE_MFA = "admins+approvers"
    with django_assert_num_queries(len(without)):
        client.get("/profile/sessions/")


def test_the_names_that_are_open_and_that_want_a_fresh_sign_in_are_names_of_addresses():
    """A door that is renamed must not fall out of the list."""
    names = {name for name in get_resolver().reverse_dict if isinstance(name, str)}
    api = next(p for p in get_resolver().url_patterns if str(p.pattern) == "api/")
    doors = {
        f"api:{inner.name}" for p in api.url_patterns for inner in getattr(p, "url_patterns", [])
    }
    assert {*OPEN, *fresh.PAGES} <= names
    assert doors >= fresh.DOORS
    assert fresh.DECIDING == {"accept_risk", "dismiss", "renew_risk"}


# --- a fresh sign-in -----------------------------------------------------------------------------
TOKEN = {"name": "laptop", "days": "1"}


def test_a_key_is_made_by_who_signed_in_lately(vic):
    client = browser(vic)
    assert client.post("/tokens/", TOKEN).status_code == 201


def test_an_old_sign_in_is_asked_again_and_then_does_what_was_asked(vic, settings):
    settings.FRESH_MINUTES = 30
    client = aged(browser(vic), 31)
    assert is_in(client)
    asked = client.post("/tokens/", TOKEN)
    assert asked["Location"] == "/confirm/?next=%2Ftokens%2F"
    assert not ApiToken.objects.exists()
    wrong = client.post("/confirm/", {"password": "wrong", "next": "/tokens/"})
    assert "not your password" in wrong.content.decode()
    assert not ApiToken.objects.exists()
    done = client.post("/confirm/", {"password": PASSWORD, "next": "/tokens/"})
    assert done.status_code == 201
    assert ApiToken.objects.get().name == "laptop"
    assert client.post("/tokens/", {**TOKEN, "name": "other"}).status_code == 201


def test_at_the_api_an_old_session_is_told_so_and_a_token_is_not(vic, settings):
    client = aged(browser(vic), 61)
    answer = client.post("/api/v1/tokens/", TOKEN, content_type="application/json")
    assert answer.status_code == 403
    assert answer.json()["type"] == "urn:ctem:problem:fresh-sign-in-needed"
    assert not ApiToken.objects.exists()


def test_what_does_not_decide_asks_nobody_again(scope, settings):
    finding = make.import_finding(make.make_asset(scope), "shell=True")
    client = aged(browser(with_password(make.member(scope, "analyst"))), 600)
    client.post(f"/findings/{finding.pk}/comments/", {"body": "Look here."})
    assert Comment.objects.count() == 1


def test_approving_a_risk_wants_a_fresh_sign_in_and_claiming_does_not(scope):
    finding = make.import_finding(make.make_asset(scope), "shell=True")
    client = aged(browser(with_password(make.member(scope, "approver"))), 600)
    approve = client.post(f"/findings/{finding.pk}/transitions/accept_risk/", {"reason": "x"})
    assert approve["Location"].startswith("/confirm/?next=")
    claim = client.post(f"/findings/{finding.pk}/transitions/claim/", {"reason": "Fixed."})
    assert not claim["Location"].startswith("/confirm/")


def test_zero_minutes_ask_nobody(vic, settings):
    settings.FRESH_MINUTES = 0
    assert aged(browser(vic), 6000).post("/tokens/", TOKEN).status_code == 201
