"""An administrator connects a Jira, a developer makes a ticket, in a real browser; the Jira is real HTTP."""

import pytest
from playwright.sync_api import expect

from core.permissions import Role
from tests import factories as make
from tests.browser.test_closing_walk import (  # noqa: F401  (fixtures)
    PASSWORD,
    _static,
    meanwhile,
    walk,
)
from tests.loopback import serving
from tests.tickets.fake_jira import MAIL, TOKEN, Jira
from tickets.models import TrackerConnection
from tickets.services.tracker_relay import relay_trackers
from tickets.services.tracker_rounds import serve

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def finding(transactional_db):
    made = make.make_finding(asset=make.make_asset(make.make_scope(name="Shop", slug="shop")))
    user = make.member(made.scope, Role.ADMIN)
    user.set_password(PASSWORD)
    user.save()
    return made


def work():
    for _ in range(2):
        relay_trackers(at=make.now())
        serve(TrackerConnection.objects.get().pk)


def test_an_administrator_connects_a_tracker_and_a_finding_gets_its_ticket(
    walk,  # noqa: F811
    finding,
    settings,
):
    with serving() as server:
        settings.OUTBOUND_PLAIN_HOSTS = [server.host]
        jira, admin = Jira(server), make.member(finding.scope, Role.ADMIN)
        page = walk.open(viewport={"width": 1440, "height": 900})
        walk.sign_in(page, admin)
        page.get_by_role("navigation", name="Main").get_by_role("link", name="Integrations").click()
        page.get_by_role("link", name="Trackers").first.click()
        walk.keep(page, "1-none")
        page.get_by_role("link", name="Connect a tracker").first.click()
        page.get_by_label("Name", exact=True).fill("Jira")
        page.get_by_label("Address", exact=True).fill(server.url)
        page.get_by_label("Project", exact=True).fill("SEC")
        page.get_by_label("E-mail address").fill(MAIL)
        page.get_by_label("Token or password").fill(TOKEN)
        walk.keep(page, "2-form")
        page.get_by_role("button", name="Connect it").click()
        expect(page.get_by_text("It is shown this once")).to_be_visible()
        walk.keep(page, "3-made")
        page.get_by_role("link", name="I have copied it").click()
        page.goto(finding.get_absolute_url())
        page.get_by_text("Make or link a ticket").click()
        page.get_by_role("button", name="Make or link it").click()
        meanwhile(work)
        page.reload()
        expect(page.get_by_role("link", name="SEC-1")).to_be_visible()
        page.locator("#tickets").scroll_into_view_if_needed()
        walk.keep(page, "4-finding")
        assert jira.only["summary"].startswith(str(finding))
        tracker = meanwhile(TrackerConnection.objects.get)
        page.goto(tracker.get_absolute_url())
        expect(page.get_by_text("CTEM bot")).to_be_visible()
        walk.keep(page, "5-tracker")
        page.set_viewport_size({"width": 390, "height": 844})
        for number, address in enumerate((
            "/integrations/trackers/", "/integrations/trackers/new/", tracker.get_absolute_url(),
            finding.get_absolute_url(),
        )):  # fmt: skip
            page.goto(address)
            walk.keep(page, f"6-narrow-{number}")
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
