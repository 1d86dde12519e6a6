"""An administrator connects a code host, in a real browser; the host is a GitHub of real HTTP."""

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from core import jobs as queue
from core.permissions import Role
from ctem import jobs
from forges.models import Connection, InboundMessage
from tests import factories as make
from tests.browser.test_closing_walk import (  # noqa: F401  (fixtures)
    PASSWORD,
    _static,
    meanwhile,
    walk,
)
from tests.forges.codeql import WEAK
from tests.forges.fake_github import FakeGitHub

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def github():
    with FakeGitHub(org="acme") as github:
        yield github


@pytest.fixture
def admin(transactional_db):
    user = make.member(make.make_scope(name="Shop", slug="shop"), Role.ADMIN)
    user.set_password(PASSWORD)
    user.save()
    return user


def work():
    while due := list(queue.due(timezone.now()).values_list("pk", flat=True)):
        for pk in due:
            jobs.run(pk)


def rang():
    InboundMessage.objects.create(
        connection=Connection.objects.get(), delivery="5f1b8c1e-6d1c-11ef-8000-1d9c0a6a7f1b",
        event="pull_request", about="pull", state="rang", received_at=timezone.now(),
    )  # fmt: skip


def test_an_administrator_connects_an_organisation(walk, admin, github, settings):  # noqa: F811
    settings.OUTBOUND_PLAIN_HOSTS = [github.host]
    shop = github.add_repository("shop", {"app/pack.py": WEAK})
    github.commit(shop, "fix", {"app/pack.py": "x = 1\n"}, "Tidy up", author="dana")
    github.open_pull(shop, "fix", title="Tidy up <b>all</b>", author="dana")
    sign_in = github.app_sign_in()
    page = walk.open(viewport={"width": 1440, "height": 900})
    walk.sign_in(page, admin)
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Integrations").click()
    walk.keep(page, "1-none")
    page.get_by_role("link", name="Connect a code host").first.click()
    page.get_by_label("Name", exact=True).fill("Acme on GitHub")
    page.get_by_label("Account", exact=True).fill("acme")
    page.get_by_label("Address of the API").fill(github.api)
    page.get_by_label("Token or private key").fill(sign_in["private_key"])
    walk.keep(page, "2-form")
    page.get_by_role("button", name="Connect", exact=True).click()
    expect(page.get_by_text("must be the number that GitHub shows").first).to_be_visible()
    expect(page.get_by_label("Token or private key")).to_have_value("")  # never written back
    walk.keep(page, "3-refused")
    assert [text for text in walk.said if "400 (Bad Request)" not in text] == []
    walk.said.clear()
    page.get_by_label("App ID").fill(sign_in["app_id"])
    page.get_by_label("Installation ID").fill(sign_in["installation"])
    page.get_by_label("Token or private key").fill(sign_in["private_key"])
    page.get_by_role("button", name="Connect", exact=True).click()
    expect(page.get_by_text("It is shown this once")).to_be_visible()
    secret = page.locator("#secret").inner_text()
    assert len(secret) >= 40
    walk.keep(page, "4-connected")
    page.get_by_role("link", name="I have copied it").click()
    expect(page.get_by_role("region", name="Progress")).to_contain_text("Listing repositories")
    meanwhile(work)  # progress comes by itself
    expect(page.get_by_text("It is shown this once")).to_have_count(0)
    expect(page.get_by_role("region", name="Progress")).to_contain_text(
        "1 of 1 repositories looked at"
    )
    expect(page.get_by_role("region", name="Pull requests")).to_contain_text("Tidy up <b>all</b>")
    meanwhile(rang)
    page.reload()
    expect(page.get_by_role("region", name="Messages")).to_contain_text("pull_request")
    walk.keep(page, "5-looked-at")
    change_and_look_at_phone(walk, page)


def change_and_look_at_phone(walk, page):  # noqa: F811

    page.get_by_label("Block: a lamp that is not green is a failed check").check()
    page.get_by_role("button", name="Change", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Changed.")
    page.goto("/integrations/")
    expect(page.get_by_role("row", name="Acme on GitHub")).to_contain_text("block")
    walk.keep(page, "6-list")
    page.set_viewport_size({"width": 360, "height": 800})
    walk.keep(page, "7-list-narrow")
    page.get_by_role("link", name="Acme on GitHub").click()
    walk.keep(page, "8-narrow")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.goto("/integrations/new/")
    walk.keep(page, "9-new-narrow")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
