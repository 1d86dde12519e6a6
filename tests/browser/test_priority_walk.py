"""An administrator tries other weights and puts them in force; a finding shows why its priority is what it is."""

import pytest
from playwright.sync_api import expect

from core.permissions import Role
from findings.models import Cause, FeedKind, Finding
from findings.services import rescore
from findings.services.exploits import keep_cves
from findings.services.feeds import import_feed
from findings.weights import DEFAULT
from gate.cvss import cves_in
from tests import factories as make
from tests.browser.test_closing_walk import PASSWORD
from tests.browser.test_closing_walk import _static as _static
from tests.browser.test_closing_walk import walk as walk
from tests.findings.feeds_made import LOG4SHELL, OLD, epss, findings_of, kev

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.django_db(transaction=True)]

FLAT = (
    DEFAULT.to_toml().replace('"default"', '"shop 2027"').replace("exploited = 30", "exploited = 9")
)


@pytest.fixture
def admin(transactional_db):
    scope = make.make_scope(name="Shop", slug="shop", exposure="internet")
    found = findings_of(
        make.make_asset(scope, name="web"),
        (f"{LOG4SHELL}-log4j", "error", {"cvssv3_vector": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H"}),
        (f"{OLD}-lodash", "warning", {}),
    )  # fmt: skip
    if not Finding.objects.filter(named_cves__isnull=False).exists():
        keep_cves((one.pk, one.scope_id, cves_in([one.rule])) for one in found)
    rescore(Finding.objects.all(), cause=Cause.IMPORT, at=make.now())
    for kind, data in (("kev", kev(LOG4SHELL)), ("epss", epss(CVE_2021_44228=0.97))):
        import_feed(kind=FeedKind(kind), data=data, source=f"{kind}.json", by=None, at=make.now())
    user = make.member(scope, Role.ADMIN)
    user.set_password(PASSWORD)
    user.save()
    user.page = found[0].get_absolute_url()
    return user


def test_weights_are_tried_and_put_in_force_and_the_finding_tells_what_it_was(walk, admin):
    page = walk.open(java_script_enabled=False)
    walk.sign_in(page, admin)
    page.goto("/scopes/shop/")
    page.get_by_role("link", name="Weights, versions, others").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Priorities of Shop")
    page.get_by_role("textbox", name="Weights").fill(FLAT)
    page.get_by_role("button", name="What would change?").click()
    proposal = page.get_by_role("region", name="Other weights")
    expect(proposal).to_contain_text("would be in another band, 1 would have another score.")
    walk.keep(page, "weights-tried")
    page.get_by_role("button", name="Put in force").click()
    expect(page.get_by_role("alert")).to_contain_text("1 of 2 priorities changed")
    page.goto(admin.page)
    priority = page.get_by_role("region", name="Priority", exact=True)
    expect(priority).to_contain_text("listed")
    priority.get_by_text("SSVC:").click()
    expect(priority).to_contain_text("on CISA's list (KEV)")
    priority.get_by_text("What it was before").click()
    expect(priority).to_contain_text("other weights")
    walk.keep(page, "priority-explained")
    page.goto("/feeds/")
    expect(page.get_by_role("region", name="What counts now")).to_contain_text("no data")
    walk.keep(page, "feeds")
