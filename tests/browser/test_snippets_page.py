"""The texts for pipelines in a real browser: copied with a script, read without one, on wide and narrow screens."""

import pytest
from playwright.sync_api import expect

from core.permissions import Role
from scopes.services import add_pipeline_identity
from tests import factories as make
from tests.browser.test_closing_walk import PASSWORD
from tests.browser.test_closing_walk import _static as _static
from tests.browser.test_closing_walk import walk as walk

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def admin(transactional_db):
    scope = make.make_scope(name="Shop", slug="shop")
    asset = make.make_asset(scope, name="web", repository="https://git.example.org/acme/web.git")
    user = make.member(scope, Role.ADMIN)
    user.set_password(PASSWORD)
    user.save()
    add_pipeline_identity(
        asset=asset, issuer="https://gitlab.com", repository="acme/web", repository_id="51",
        ref="refs/heads/main", by=user, at=make.now(),
    )  # fmt: skip
    return user


def test_a_text_is_copied_as_it_stands(walk, admin):
    page = walk.open(
        viewport={"width": 1440, "height": 900}, permissions=["clipboard-read", "clipboard-write"]
    )
    walk.sign_in(page, admin)
    page.goto("/scopes/shop/")
    page.get_by_role("link", name="Pipelines of web").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Let a pipeline scan web")
    walk.keep(page, "snippets-wide")
    page.get_by_role("button", name="Copy the text for GitLab CI").click()
    expect(page.locator("#said")).to_have_text("Copied.")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.locator("#text-gitlab").text_content().strip()
    assert walk.address in copied
    page.emulate_media(color_scheme="dark")
    walk.keep(page, "snippets-dark")


def test_on_a_narrow_screen_without_a_script_the_texts_are_all_there(walk, admin):
    page = walk.open(viewport={"width": 360, "height": 740}, java_script_enabled=False)
    walk.sign_in(page, admin)
    page.goto("/scopes/shop/")
    walk.keep(page, "scope-narrow")
    page.get_by_role("link", name="Pipelines of web").click()
    for name in ("GitHub Actions", "GitLab CI", "Azure DevOps", "Jenkins", "Plain shell"):
        expect(page.get_by_role("region", name=f"Text for {name}")).to_be_visible()
    expect(page.get_by_role("button", name="Copy")).to_have_count(0)
    walk.keep(page, "snippets-narrow")
