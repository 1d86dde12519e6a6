"""An administrator changes the policy of a scope in a real browser that runs no script."""

import pytest
from playwright.sync_api import expect

from core.permissions import Role
from findings.statuses import Status
from gate.policy import DEFAULT
from tests import factories as make
from tests.browser.test_closing_walk import PASSWORD
from tests.browser.test_closing_walk import _static as _static
from tests.browser.test_closing_walk import walk as walk

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.django_db(transaction=True)]

STRICTER = DEFAULT.to_toml().decode().replace('"default"', '"shop 2027"').replace(
    "reviewers = 1 ", "reviewers = 2 "
)  # fmt: skip


@pytest.fixture
def admin(transactional_db):
    scope = make.make_scope(name="Shop", slug="shop")
    make.make_finding(Status.MOBILIZATION_COMPLETE, asset=make.make_asset(scope, name="web"))
    user = make.member(scope, Role.ADMIN)
    user.set_password(PASSWORD)
    user.save()
    return user


def test_a_policy_is_compared_tried_and_put_in_force_without_a_script(walk, admin):
    page = walk.open(java_script_enabled=False)
    walk.sign_in(page, admin)
    page.goto("/scopes/shop/")
    page.get_by_role("link", name="What it asks, versions, another one").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Policy of Shop")
    page.get_by_label("Text of the policy (TOML)").fill(STRICTER)
    page.get_by_role("button", name="Compare with default").click()
    proposal = page.get_by_role("region", name="Another policy")
    expect(proposal).to_contain_text("People who must approve: 1 → 2 at low and medium")
    page.get_by_role("button", name="What would it have decided?").click()
    expect(proposal).to_contain_text("1 of 1 closure would not have been closed.")
    expect(page.get_by_label("Text of the policy (TOML)")).to_have_value(STRICTER)
    walk.keep(page, "policy-tried")
    page.get_by_role("button", name="Put in force").click()
    expect(page.get_by_role("alert")).to_contain_text("shop 2027 is in force")
    expect(page.get_by_role("region", name="In force: shop 2027")).to_contain_text(admin.display)
