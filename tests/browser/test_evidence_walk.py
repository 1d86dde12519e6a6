"""What is said beside the scans, in a real browser: a revocation that closes a secret, an approval, a proof."""

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from core.permissions import Role
from tests import factories as make
from tests.browser.test_closing_walk import PASSWORD, _static, walk  # noqa: F401  (fixtures)
from tests.scans.evidence import (
    SAFE,
    UNSAFE,
    agentic_finding,
    fix_from,
    scan,
    secret_finding,
    secret_fix,
)

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_an_approver_records_what_no_scan_can_show(walk, transactional_db):  # noqa: F811
    scope = make.make_scope(name="Shop", slug="shop")
    user = make.member(scope, Role.APPROVER)
    user.set_password(PASSWORD)
    user.save()
    finding = secret_finding(make.make_asset(scope, name="web"))
    fix = secret_fix(finding)
    make.approve(fix)
    make.merge(fix)
    other = fix_from(agentic_finding(make.make_asset(scope, name="app")), UNSAFE, SAFE)
    scan(other.asset, SAFE, "agentic", remediation=other, facts={"agent_run": "7", "model": "m"})
    page = walk.open(viewport={"width": 1440, "height": 900})
    walk.sign_in(page, user)

    page.goto(finding.get_absolute_url())
    page.get_by_role("link", name="Record revocation").click()
    panel = page.get_by_role("region", name="Revocation of the secret")
    panel.get_by_label("How", exact=True).fill("Deleted the key in the console of the provider.")
    panel.get_by_label("When (optional)").fill("2026-01-02T03:04")
    walk.keep(page, "1-revocation")
    panel.get_by_role("button", name="Record revocation").click()
    expect(page.get_by_text("Nothing: closed and proven.")).to_be_visible()
    expect(panel).to_contain_text("Deleted the key")
    walk.keep(page, "2-closed")

    page.goto(other.get_absolute_url())
    panel = page.get_by_role("region", name="Proofs of concept")
    panel.get_by_text("Record proof").first.click()
    panel.get_by_label("It fails: the weakness is gone").check()
    walk.keep(page, "3-proof")
    panel.get_by_role("button", name="Record proof").click()
    expect(panel).to_contain_text("fails on the fix")

    page.goto("/scopes/shop/")
    page.get_by_role("link", name="What owners approved of dependency bots").click()
    page.get_by_label("Dependabot").check()
    page.get_by_label("JavaScript").check()
    page.get_by_label("Reason").fill("Versions are tested by the pipeline.")
    page.get_by_label("Until").fill((make.now() + timedelta(days=30)).date().isoformat())
    walk.keep(page, "4-approval")
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("region", name="Given")).to_contain_text("in force")
    walk.keep(page, "5-given")
    page.set_viewport_size({"width": 390, "height": 844})
    walk.keep(page, "6-narrow")
