"""From the overview to the findings behind a number, and to a report that is made meanwhile, in a real browser."""

import pytest
from playwright.sync_api import expect

from core.permissions import Role
from ctem import jobs
from reports.models import Report
from tests import factories as make
from tests.browser.test_closing_walk import COPILOT, PASSWORD, meanwhile
from tests.browser.test_closing_walk import _static as _static
from tests.browser.test_closing_walk import walk as walk
from tests.reports.conftest import make_world
from tests.reports.histories import happen

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.django_db(transaction=True)]

STEPS = [(0, "claim", 0), (1, "accept", 0), (2, "dismiss", 0), (4, "claim", 0), (6, "revoke", 0)]


@pytest.fixture
def analyst(transactional_db, files):
    world = make_world()
    finding = make.import_finding(world.findings[0].asset)
    head = make.fixed_code(finding.line, finding)
    commit = {
        "id": head.commit,
        "message": f"Parse\n\nCo-authored-by: {COPILOT}\n",
        "author": COPILOT,
    }
    make.make_remediation(finding, code=head, commits=[commit])
    make.complete(finding)
    happen(world, STEPS)
    user = make.member(world.scope, Role.ANALYST)
    user.set_password(PASSWORD)
    user.save()
    return user


@pytest.mark.parametrize(
    "width, scheme, scripts", [(1440, "light", True), (390, "dark", True), (390, "light", False)]
)
def test_a_number_leads_to_its_findings_and_a_report_is_made(walk, analyst, width, scheme, scripts):
    page = walk.open(
        viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=scripts
    )
    if scripts:
        walk.sign_in(page, analyst)
    else:
        page.goto("/")
        page.get_by_label("User name").fill(analyst.username)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
    page.goto("/overview/")
    expect(page.get_by_role("heading", name="Why it changed")).to_be_visible()
    walk.keep(page, "1-overview")
    assert narrow(page)
    page.get_by_role("link", name="Risk accepted").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Risk accepted")
    expect(page.locator("tr[data-row]")).to_have_count(1)
    walk.keep(page, "2-rows")

    page.goto("/reports/")
    walk.keep(page, "3-archive")
    assert narrow(page)
    page.get_by_label("period").select_option("week")
    page.get_by_role("button", name="Make the report").click()
    expect(page.get_by_text("Being made", exact=True)).to_be_visible()
    walk.keep(page, "4-waits")
    meanwhile(make_it)
    if not scripts:
        page.get_by_role("link", name="Look again").click()
    expect(page.get_by_role("heading", name="At a glance")).to_be_visible()
    walk.keep(page, "5-report")
    assert narrow(page)
    page.get_by_role("link", name="Closed with proof").first.click()
    expect(page.locator("tr[data-row]")).to_have_count(3)
    walk.keep(page, "6-frozen-rows")
    page.go_back()
    page.emulate_media(media="print")
    walk.keep(page, "7-print")


def make_it():
    jobs.run(Report.objects.get().job_id)


def narrow(page):
    return page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
