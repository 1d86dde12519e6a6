"""Somebody sets up second factors, signs in by passkey and invites, in a real browser with an authenticator."""

import pytest
from django.core.cache import cache
from playwright.sync_api import expect

from core.models import InstallationRole
from core.permissions import Role
from tests import factories as make
from tests.browser.test_closing_walk import PASSWORD
from tests.browser.test_closing_walk import _static as _static
from tests.browser.test_closing_walk import walk as walk
from tests.people.signing import code_of

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.django_db(transaction=True)]
DEVICE = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True,
          "hasUserVerification": True, "isUserVerified": True,
          "automaticPresenceSimulation": True}  # fmt: skip


@pytest.fixture
def admin(transactional_db):
    cache.clear()
    user = make.member(make.make_scope(name="Shop", slug="shop"), Role.ADMIN)
    user.set_password(PASSWORD)
    user.installation_role = InstallationRole.ADMIN
    user.save()
    return user


def device(page):
    """A phone's or laptop's own authenticator, as Chromium simulates it."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})


def both(walk, page, name):
    """The page as it is, wide and narrow, light and dark."""
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 900})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            walk.keep(page, f"{name}-{width}-{scheme}")
            overflow = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
            assert not page.evaluate(overflow), (name, width)
    page.set_viewport_size({"width": 1440, "height": 900})
    page.emulate_media(color_scheme="light")


def sign_in(page, user):
    page.get_by_label("User name").fill(user.username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def titled(page, words):
    expect(page.get_by_role("heading", level=1)).to_have_text(words)


def set_up_an_app(walk, page):
    page.get_by_role("link", name="Set up an app").click()
    page.get_by_text("The app cannot read pictures?").click()
    both(walk, page, "app")
    secret = page.locator("#secret").inner_text()
    page.get_by_label("Authenticator code").fill(code_of(secret))
    page.get_by_role("button", name="Set it up").click()
    titled(page, "Recovery codes")
    both(walk, page, "codes")
    page.get_by_role("link", name="I have kept them").click()


def make_a_passkey(walk, page):
    page.get_by_role("link", name="Add a passkey").click()
    both(walk, page, "add-passkey")
    page.get_by_label("Name").fill("Laptop")
    page.get_by_role("button", name="Make the passkey").click()
    titled(page, "Ways to sign in")
    expect(page.get_by_role("table", name="My passkeys")).to_contain_text("Laptop")
    both(walk, page, "ways")


def invite(walk, page):
    page.goto("/scopes/shop/members/")
    page.get_by_label("Mail address").fill("grace@example.org")
    page.get_by_role("button", name="Invite").click()
    link = page.locator("#link").inner_text()
    both(walk, page, "members")
    return link


def test_who_must_have_a_second_factor_sets_one_up_and_invites(walk, admin, settings):
    settings.REQUIRE_MFA = "admins+approvers"
    page = walk.open(viewport={"width": 1440, "height": 900})
    device(page)
    page.goto("/")
    both(walk, page, "sign-in")
    sign_in(page, admin)
    titled(page, "Ways to sign in")
    expect(page.get_by_role("status").first).to_contain_text("asks for a second factor of you")
    both(walk, page, "must")
    set_up_an_app(walk, page)
    make_a_passkey(walk, page)

    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Use a passkey").click()
    titled(page, "My work")
    for address, name in (("/profile/sessions/", "sessions"), ("/people/", "people")):
        page.goto(address)
        both(walk, page, name)
    page.get_by_role("table").get_by_role("link", name=admin.display).click()
    both(walk, page, "person")
    link = invite(walk, page)

    page.get_by_role("button", name="Sign out").click()
    sign_in(page, admin)
    titled(page, "Your second factor")
    both(walk, page, "factor")
    page.get_by_role("button", name="Use a passkey").click()
    titled(page, "My work")
    page.get_by_role("button", name="Sign out").click()

    page.goto(link)
    both(walk, page, "join")
    page.get_by_label("User name").fill("grace")
    page.get_by_label("Your name").fill("Grace Hopper")
    for label in ("Password", "The password again"):
        page.get_by_label(label, exact=True).fill("nanoseconds of wire")
    page.get_by_role("button", name="Make my account").click()
    titled(page, "Sign in")
