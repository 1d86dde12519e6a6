"""An administrator makes a webhook, tries it and reads its log, in a real browser; the receiver is real HTTP."""

import pytest
from playwright.sync_api import expect
from standardwebhooks.webhooks import Webhook

from core.permissions import Role
from tests import factories as make
from tests.browser.test_closing_walk import (  # noqa: F401  (fixtures)
    PASSWORD,
    _static,
    meanwhile,
    walk,
)
from tests.loopback import serving
from tests.tickets.hooked import happen
from tickets.services.webhook_relay import relay
from tickets.services.webhook_sending import due_endpoints, send_due

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def admin(transactional_db):
    user = make.member(make.make_scope(name="Shop", slug="shop"), Role.ADMIN)
    user.set_password(PASSWORD)
    user.save()
    return user


def work():
    relay(at=make.now())
    for pk in due_endpoints(make.now()):
        send_due(pk)


def test_an_administrator_makes_a_webhook_and_mends_it(walk, admin, settings):  # noqa: F811
    scope = admin.memberships.get().scope
    with serving() as receiver:
        settings.OUTBOUND_PLAIN_HOSTS = [receiver.host]
        receiver.answers["/hook"] = 200, {}, b"thanks"
        page = walk.open(viewport={"width": 1440, "height": 900})
        walk.sign_in(page, admin)
        page.get_by_role("navigation", name="Main").get_by_role("link", name="Integrations").click()
        page.get_by_role("link", name="Webhooks").first.click()
        walk.keep(page, "1-none")
        page.get_by_role("link", name="New webhook").click()
        page.get_by_label("Name", exact=True).fill("Chat")
        page.get_by_label("Address", exact=True).fill(f"{receiver.url}/hook")
        page.get_by_label("Events").fill("finding.*\nscan.imported")
        walk.keep(page, "2-form")
        page.get_by_role("button", name="Make it").click()
        expect(page.get_by_text("It is shown this once")).to_be_visible()
        secret = page.locator("#secret").inner_text()
        walk.keep(page, "3-made")
        page.get_by_role("link", name="I have copied it").click()
        assert secret not in page.content()
        page.get_by_role("button", name="Send a test").click()
        meanwhile(work)
        page.reload()
        expect(page.get_by_text("ctem.test")).to_be_visible()
        (arrived,) = receiver.requests
        assert Webhook(secret).verify(arrived.body, arrived.headers)["type"] == "ctem.test"
        receiver.answers["/hook"] = 410, {}, b"<h1>Moved away</h1> ask <b>nobody</b>"
        meanwhile(lambda: happen(scope, "finding.closed", "finding.commented"))
        meanwhile(work)
        page.reload()
        expect(page.get_by_text("Nothing is sent any more")).to_be_visible()
        walk.keep(page, "4-disabled")
        receiver.answers["/hook"] = 200, {}, b"thanks"
        page.get_by_role("button", name="Resume").click()
        page.get_by_role("button", name="Send number 2 again").click()
        meanwhile(work)
        page.reload()
        expect(page.get_by_text("failed", exact=True)).to_have_count(0)
        walk.keep(page, "5-mended")
        page.get_by_role("link", name="Webhooks", exact=True).click()
        walk.keep(page, "6-list")
        page.set_viewport_size({"width": 390, "height": 844})
        for address in ("/integrations/webhooks/", "/integrations/webhooks/new/"):
            page.goto(address)
            walk.keep(page, f"7-narrow{address.replace('/', '-')}")
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.goto("/integrations/webhooks/")
        page.get_by_role("link", name="Chat", exact=True).click()
        walk.keep(page, "8-narrow")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
