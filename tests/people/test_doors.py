"""A sweep over the map of signing in: who is led where, and that nothing is changed by a look or a forged form."""

import pytest
from django.test import Client
from django.urls import reverse

from core.models import Event, Session, User
from ctem import sign_in as doors
from tests.pages.markup import Page, faults
from tests.people.signing import browser, with_password

OPEN = {  # to who is not signed in
    "sign-in", "account_login", "account_inactive", "mfa_authenticate", "mfa_login_webauthn",
    "openid_connect_login", "openid_connect_callback", "sign-out", "join", "setup",
}  # fmt: skip
SHOWN = ("mfa_index", "mfa_activate_totp", "mfa_add_webauthn", "account_change_password",
         "account_reauthenticate")  # fmt: skip
PEOPLE = ("person", "person-close", "person-open", "person-factors", "person-sessions", "person-role")  # fmt: skip
NAMES = [pattern.name for pattern in doors.urlpatterns]


def address(name, pk=1):
    if name.startswith("openid"):
        return reverse(name, args=["sso"])
    rows = (*PEOPLE, "mfa_remove_webauthn", "sso-untie")
    return reverse(name, args=[pk] if name in rows else [])


@pytest.mark.parametrize("name", [name for name in NAMES if name not in OPEN])
def test_who_is_not_signed_in_is_led_to_the_sign_in(db, name):
    before = Event.objects.count(), Session.objects.count()
    for verb in ("get", "post"):
        answer = getattr(Client(), verb)(address(name))
        assert answer.status_code == 302, name
        assert answer["Location"].startswith("/sign-in/?next="), name
    assert (Event.objects.count(), Session.objects.count()) == before


def test_a_form_without_its_token_changes_nothing(vic):
    client = browser(vic)
    client.handler.enforce_csrf_checks = True
    before = Event.objects.count()
    for name in NAMES:
        if not name.startswith("openid") and name != "account_inactive":
            assert client.post(address(name, vic.pk)).status_code in (403, 405), name
    strange = Client(enforce_csrf_checks=True)
    told = {"login": vic.username, "password": "correct horse battery"}
    assert strange.post("/sign-in/", told).status_code == 403
    assert Event.objects.count() == before


def test_people_are_there_for_administrators_of_the_installation_alone(ada, vic, root):
    client = browser(ada)
    before = list(User.objects.order_by("pk").values("pk", "is_active", "installation_role"))
    assert client.get("/people/").status_code == 404
    for name in PEOPLE:
        verb = client.get if name == "person" else client.post
        assert (
            verb(address(name, vic.pk), {"role": "admin"} if name != "person" else {}).status_code
            == 404
        )
    assert (
        list(User.objects.order_by("pk").values("pk", "is_active", "installation_role")) == before
    )
    admin = browser(root)
    assert admin.post(address("person-role", vic.pk), {"role": "admin"}).status_code == 302
    vic.refresh_from_db()
    assert vic.installation_role == "admin"


def test_what_changes_something_takes_no_get(root, vic):
    admin = browser(root)
    for name in (*PEOPLE[1:], "sessions-end", "sign-out", "sso-untie"):
        assert admin.get(address(name, vic.pk)).status_code == 405, name


def test_every_page_holds_what_pages_have_to(vic):
    client = browser(vic)
    for name in SHOWN:
        page = client.get(address(name))
        assert page.status_code == 200, name
        assert list(faults(Page(page))) == [], name
        assert page["Cache-Control"].startswith(("no-store", "max-age=0")), name
        assert "unsafe" not in page["Content-Security-Policy"], name
    for address_ in ("/sign-in/closed/", "/join/"):
        assert list(faults(Page(Client().get(address_)))) == [], address_


def test_the_second_steps_are_no_pages_without_the_first(db):
    for path in ("/sign-in/factor/", "/confirm/", "/confirm/code/"):
        assert Client().get(path)["Location"].startswith("/sign-in/")


def test_a_single_sign_on_that_is_not_set_up_is_nowhere(db):
    for name in ("openid_connect_login", "openid_connect_callback"):
        assert Client().get(address(name)).status_code == 404


def test_a_service_account_signs_in_nowhere(scope, pipeline):
    with_password(pipeline)
    client = Client()
    client.post("/sign-in/", {"login": pipeline.username, "password": "correct horse battery"})
    assert client.get("/tokens/").status_code == 302
