"""An administrator imports assets and places a report of one that nobody told us of, in a real browser."""

import json

import pytest
from playwright.sync_api import expect

from core.permissions import Role
from findings.services.owning import add_team, take_code_owners
from scans.services.inbox import keep_report
from tests import factories as make
from tests.browser.test_closing_walk import PASSWORD
from tests.browser.test_closing_walk import _static as _static
from tests.browser.test_closing_walk import walk as walk
from tests.code import Code, facts_of, sarif_of

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.django_db(transaction=True)]

CSV = "name,kind,environment,tags,built_from\nbilling,service,production,pci java,web\n"


@pytest.fixture
def admin(transactional_db):
    scope = make.make_scope(name="Shop", slug="shop")
    web = make.make_asset(scope, name="web")
    make.import_finding(web, path="app/view.py")
    user = make.member(scope, Role.ADMIN)
    add_team(scope=scope, name="Payments", handle="@acme/payments", by=user, at=make.now())
    take_code_owners(
        asset=web, text="/app @acme/payments\nx[ @a\n", path="CODEOWNERS", by=user, at=make.now()
    )
    code = Code({"app/pay.py": make.weak_file("app/pay.py")})
    keep_report(
        scope=scope, data=json.dumps(sarif_of(code)).encode(), facts=facts_of(code),
        repository="https://git.example.org/acme/payments.git", line="main",
        by=make.member(scope, Role.PIPELINE), at=make.now(),
    )  # fmt: skip
    user.set_password(PASSWORD)
    user.save()
    return user


@pytest.mark.parametrize("width", [1440, 390])
def test_assets_are_imported_and_a_report_finds_its_own_without_a_script(walk, admin, width):
    page = walk.open(java_script_enabled=False, viewport={"width": width, "height": 900})
    walk.sign_in(page, admin)
    walk.keep(page, "1-home")
    page.goto("/scopes/shop/")
    walk.keep(page, "2-scope")
    page.get_by_role("link", name="Import a list").click()
    page.get_by_label("Or its text").fill(CSV)
    page.get_by_role("button", name="What would it do?").click()
    expect(page.get_by_role("region", name="What it would do")).to_contain_text("1")
    walk.keep(page, "3-preview")
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_role("heading", name="Imported")).to_be_visible()

    page.goto("/inbox/")
    walk.keep(page, "4-inbox")
    page.get_by_role("link", name="https://git.example.org/acme/payments.git").click()
    walk.keep(page, "5-report")
    page.get_by_text("It is of a new asset").click()
    page.get_by_role("button", name="Create it and place it there").click()
    expect(page.get_by_role("alert")).to_contain_text("1 report placed")
    expect(page.get_by_role("heading", level=1)).to_have_text("payments")
    page.goto("/assets/")
    walk.keep(page, "6-assets")
    page.get_by_role("link", name="web", exact=True).first.click()
    walk.keep(page, "7-asset")
    page.goto("/coverage/")
    walk.keep(page, "8-coverage")
    page.goto("/scopes/shop/settings/")
    walk.keep(page, "9-settings")
    overflow = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert overflow <= 0
