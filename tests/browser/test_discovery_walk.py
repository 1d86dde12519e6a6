"""A rule is tried, asked for, approved and applied in a real browser that runs no script."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from core.permissions import Role
from findings.models import Finding
from tests import factories as make
from tests.browser.test_closing_walk import PASSWORD, meanwhile
from tests.browser.test_closing_walk import _static as _static
from tests.browser.test_closing_walk import walk as walk
from tests.findings.triaged import triage

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def people(transactional_db):
    scope = make.make_scope(name="Shop", slug="shop")
    asset = make.make_asset(scope, name="web")
    triage(make.import_finding(asset, path="app/shop.py"))
    make.import_finding(asset, path="tests/test_shop.py")
    people = [make.member(scope, role) for role in (Role.ANALYST, Role.APPROVER)]
    for user in people:
        user.set_password(PASSWORD)
        user.save()
    return people


def test_noise_is_tried_asked_for_approved_and_applied_without_a_script(walk, people):
    analyst, approver = people
    noisy = Finding.objects.get(path="tests/test_shop.py")
    real = Finding.objects.get(path="app/shop.py")
    page = walk.open(java_script_enabled=False, viewport={"width": 1440, "height": 900})
    walk.sign_in(page, analyst)
    page.goto("/scopes/shop/")
    page.get_by_role("link", name="What is rated, tagged").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Discovery rules of Shop")
    form = page.get_by_role("region", name="Make a rule")
    form.get_by_label("Name").fill("Tests of the shop")
    form.get_by_label("Path").fill("tests/**")
    form.get_by_label("Set aside").select_option("noise")
    form.get_by_label("Ends on").fill((make.now() + timedelta(days=30)).date().isoformat())
    form.get_by_label("Reason").fill("Only tests.")
    form.get_by_role("button", name="Try it").click()
    tried = page.get_by_role("region", name="What it would have done")
    expect(tried).to_contain_text("its conditions hold for 1")
    walk.keep(page, "rule-tried")
    page.set_viewport_size({"width": 390, "height": 844})
    walk.keep(page, "rule-tried-390")
    page.set_viewport_size({"width": 1440, "height": 900})
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_role("alert")).to_contain_text("somebody else, an approver, lets it")
    page.goto(real.get_absolute_url())
    walk.keep(page, "finding")
    page.set_viewport_size({"width": 390, "height": 844})
    walk.keep(page, "finding-390")
    page.set_viewport_size({"width": 1440, "height": 900})
    page.get_by_role("button", name="Sign out").click()

    walk.sign_in(page, approver)
    page.goto("/scopes/shop/discovery/")
    page.get_by_role("button", name=re.compile("Approve.*Tests of the shop")).click()
    page.get_by_role("button", name=re.compile("Apply to what is there.*Tests of the shop")).click()
    expect(page.get_by_role("alert")).to_contain_text("was applied")
    walk.keep(page, "rules")
    page.goto("/findings/?open=true")
    expect(page.get_by_role("region", name="Findings")).not_to_contain_text(f"{noisy}")
    page.goto(noisy.get_absolute_url())
    expect(page.get_by_text("By the rule Tests of the shop until")).to_be_visible()
    walk.keep(page, "set-aside")
    meanwhile(noisy.refresh_from_db)
    assert (noisy.set_aside, noisy.status) == ("noise", "prioritized")
