"""Sessions, and accounts in the hands of administrators of the installation."""

from datetime import timedelta

from allauth.mfa.models import Authenticator
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from core.models import InstallationRole, Session
from core.sessions import forget_old_sessions
from scopes.models import ApiToken
from scopes.services import issue_token
from tests import factories as make
from tests.pages.markup import Page, faults
from tests.people.signing import browser, enrol_app, events, is_in, sign_in

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"


def test_a_session_tells_browser_address_and_times(vic):
    client = Client(REMOTE_ADDR="192.0.2.7", headers={"User-Agent": FIREFOX})
    sign_in(client, vic.username)
    row = Session.objects.get(user=vic)
    assert (row.address, row.browser) == ("192.0.2.7", FIREFOX)
    assert timezone.now() - row.signed_in_at < timedelta(minutes=1)
    page = client.get("/profile/sessions/")
    assert "Firefox on Linux" in page.content.decode()
    assert row.session_key not in page.content.decode()
    assert list(faults(Page(page))) == []


def test_a_use_is_written_down_every_five_minutes(vic):
    client = browser(vic)
    old = timezone.now() - timedelta(minutes=4)
    Session.objects.update(seen_at=old)
    client.get("/profile/sessions/")
    assert Session.objects.get(user=vic).seen_at == old
    Session.objects.update(seen_at=old - timedelta(minutes=2))
    client.get("/profile/sessions/")
    assert Session.objects.get(user=vic).seen_at > old


def test_one_other_session_is_ended_or_all(vic):
    here, there, phone = browser(vic), browser(vic), browser(vic)
    mark = next(
        row["mark"] for row in there.get("/profile/sessions/").context["sessions"] if row["own"]
    )
    here.post("/profile/sessions/end/", {"session": mark})
    assert (is_in(here), is_in(there), is_in(phone)) == (True, False, True)
    here.post("/profile/sessions/end/")
    assert (is_in(here), is_in(phone)) == (True, False)
    assert [e.data["ended"] for e in events("user.sessions_ended")] == [1, 1]


def test_nobody_ends_the_session_of_somebody_else(vic, ada):
    victim = browser(ada)
    mark = victim.get("/profile/sessions/").context["sessions"][0]["mark"]
    browser(vic).post("/profile/sessions/end/", {"session": mark})
    assert is_in(victim)


def test_signing_out_deletes_the_session_and_is_an_event(vic):
    client = browser(vic)
    client.post("/sign-out/")
    assert not Session.objects.filter(user=vic).exists()
    assert [e.actor for e in events("sign_in.ended")] == [vic]


def test_signing_in_gives_the_session_another_key(vic):
    client = Client()
    client.get("/join/", {"key": "x"})  # a session of nobody
    before = client.cookies["sessionid"].value
    sign_in(client, vic.username)
    assert client.cookies["sessionid"].value != before
    assert not Session.objects.filter(pk=before).exists()


def test_old_sessions_are_deleted(vic):
    client = browser(vic)
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    assert not is_in(client)
    assert forget_old_sessions(at=timezone.now()) == 1


# --- accounts ------------------------------------------------------------------------------------
def test_a_closed_account_is_out_at_once_everywhere(vic, root):
    client = browser(vic)
    _, key = issue_token(user=vic, by=vic, name="laptop", at=timezone.now())
    header = {"Authorization": f"Bearer {key}"}
    assert Client().get("/api/v1/me/", headers=header).status_code == 200
    assert client.get("/api/v1/me/").status_code == 200
    browser(root).post(f"/people/{vic.pk}/close/")
    assert client.get("/").status_code == 302
    assert client.get("/api/v1/me/").status_code == 401
    assert Client().get("/api/v1/me/", headers=header).status_code == 401
    assert sign_in(Client(), vic.username).status_code == 200
    assert not Session.objects.filter(user=vic).exists()
    assert ApiToken.objects.get().revoked_by == root
    (event,) = events("user.closed")
    assert event.data == {"user": vic.username, "sessions": 1, "tokens": 1}


def test_a_session_that_outlived_its_account_opens_nothing(vic):
    """What closes the account elsewhere, in the database, counts as much."""
    client = browser(vic)
    vic.is_active = False
    vic.save()
    assert client.get("/").status_code == 302
    assert client.get("/api/v1/me/").status_code == 401


def test_an_account_is_opened_again_with_its_roles_and_without_its_tokens(vic, root):
    _, key = issue_token(user=vic, by=vic, name="laptop", at=timezone.now())
    admin = browser(root)
    admin.post(f"/people/{vic.pk}/close/")
    admin.post(f"/people/{vic.pk}/open/")
    assert browser(vic).get("/scopes/shop/").status_code == 200
    answer = Client().get("/api/v1/me/", headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 401


def test_lost_second_factors_are_taken_away_with_an_event_and_the_sessions(vic, root):
    client = browser(vic)
    enrol_app(client)
    browser(root).post(f"/people/{vic.pk}/factors/")
    assert not Authenticator.objects.exists()
    assert not is_in(client)
    assert sign_in(Client(), vic.username)["Location"] == "/"
    assert [(e.actor, e.data["user"]) for e in events("user.factors_reset")] == [
        (root, vic.username)
    ]


def test_an_administrator_signs_another_out_everywhere(vic, root):
    client = browser(vic)
    browser(root).post(f"/people/{vic.pk}/sessions/")
    assert not is_in(client)


def test_nobody_closes_their_own_account_nor_that_of_a_programme(root, scope):
    admin, pipeline = browser(root), make.member(scope, "pipeline")
    page = admin.post(f"/people/{root.pk}/close/", follow=True)
    assert "another administrator has to" in page.content.decode()
    assert admin.post(f"/people/{pipeline.pk}/close/").status_code == 404
    root.refresh_from_db()
    assert root.is_active


def test_people_are_found_and_shown(vic, ada, root):
    admin = browser(root)
    page = admin.get("/people/", {"q": vic.username[:4]})
    assert vic.username in page.content.decode()
    assert ada.username not in page.content.decode()
    for address in ("/people/", f"/people/{vic.pk}/", f"/people/{root.pk}/"):
        assert list(faults(Page(admin.get(address)))) == [], address
    assert "the last administrator" in admin.get(f"/people/{ada.pk}/").content.decode()


def test_an_administrator_of_the_installation_sees_the_system_s_events(vic, root):
    browser(vic)
    assert "signed in" in browser(root).get("/audit/").content.decode()
    page = browser(vic).get("/audit/").content.decode()
    assert root.username not in page


def test_the_shell_makes_administrators_and_opens_a_locked_installation(vic, scope):
    enrol_app(browser(vic))
    vic.is_active = False
    vic.save()
    call_command("make_admin", vic.username, "--reset-factors", verbosity=0)
    vic.refresh_from_db()
    assert (vic.is_active, vic.installation_role) == (True, InstallationRole.ADMIN)
    assert sign_in(Client(), vic.username)["Location"] == "/"
    call_command("make_admin", vic.username, "--scope", scope.slug, verbosity=0)
    assert vic.memberships.get().role == "admin"
    assert [e.actor for e in events("user.role_set")] == [None]
