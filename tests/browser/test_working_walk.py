"""An analyst works on the list by keyboard and palette, and another does the same without a script."""

import pytest
from playwright.sync_api import expect

from core.permissions import Role
from findings.services import save_view
from tests import factories as make
from tests.browser.test_closing_walk import PASSWORD
from tests.browser.test_closing_walk import _static as _static
from tests.browser.test_closing_walk import walk as walk

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def analyst(transactional_db):
    scope = make.make_scope(name="Shop", slug="shop")
    user = make.member(scope, Role.ANALYST)
    user.set_password(PASSWORD)
    user.save()
    return user


@pytest.fixture
def findings(analyst):
    asset = make.make_asset(analyst.memberships.get().scope, name="web")
    rows = [make.import_finding(asset, path=f"app/{name}.py") for name in ("view", "form", "parse")]
    at, scope = make.now(), asset.scope
    save_view(name="Grave ones", query="severity=high", scope=scope, by=analyst, at=at)
    save_view(name="What I look at first", query="open=true&mine=true", by=analyst, at=at)
    return rows


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_an_analyst_works_on_the_list_by_keyboard(walk, analyst, findings, width, scheme):
    page = walk.open(
        viewport={"width": width, "height": 900}, color_scheme=scheme,
        permissions=["clipboard-read", "clipboard-write"],
    )  # fmt: skip
    walk.sign_in(page, analyst)
    page.keyboard.press("g")
    page.keyboard.press("f")
    expect(page.get_by_role("heading", level=1)).to_have_text("Findings")
    assert page.url.endswith("/findings/?view=default")

    for _ in range(2):
        page.keyboard.press("j")
        page.keyboard.press("x")
    expect(page.locator("[data-chosen-count]")).to_have_text("2 chosen on this page.")
    walk.keep(page, f"list-{width}")
    page.keyboard.press("b")
    expect(page.get_by_role("heading", level=1)).to_have_text("2 findings")
    walk.keep(page, f"bulk-{width}")
    page.get_by_role("region", name="Claim fixed").get_by_label("Reason").fill("Fixed upstream.")
    page.get_by_role("region", name="Claim fixed").get_by_text("What would happen?").click()
    expect(page.get_by_text("would be done for 2, refused for 0")).to_be_visible()
    walk.keep(page, f"preview-{width}")
    page.get_by_role("button", name="Claim fixed for 2").click()
    expect(page.get_by_text("Done for 2 findings")).to_be_visible()
    walk.keep(page, f"done-{width}")

    page.keyboard.press("Control+k")
    palette = page.get_by_role("dialog", name="Go to")
    expect(palette.get_by_role("option").first).to_contain_text("My work")
    walk.keep(page, f"palette-{width}")
    page.keyboard.type(str(findings[0]))
    expect(palette.get_by_role("option").first).to_contain_text(str(findings[0]))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text(str(findings[0]))
    page.get_by_role("link", name="Copy as Markdown").click()
    expect(page.locator("#said")).to_have_text("Copied.")
    assert page.evaluate("navigator.clipboard.readText()").startswith(f"### [{findings[0]}](")
    page.get_by_label("Comment").last.fill(f"@{analyst.username} <b>look</b>")
    page.get_by_role("button", name="Comment").click()
    expect(page.locator(".mention")).to_have_text(f"@{analyst.username}")
    walk.keep(page, f"finding-{width}")


@pytest.mark.parametrize(("width", "scheme"), [(1440, "dark"), (390, "light")])
def test_an_analyst_keeps_a_list_with_its_columns_and_takes_it_along(
    walk, analyst, findings, width, scheme
):
    page = walk.open(viewport={"width": width, "height": 900}, color_scheme=scheme)
    walk.sign_in(page, analyst)
    page.goto("/findings/?open=true")
    page.locator("summary", has_text="Columns").click()
    page.get_by_role("checkbox", name="Tool", exact=True).check()
    walk.keep(page, f"columns-{width}")
    page.get_by_role("button", name="Show these").click()
    expect(page.get_by_role("columnheader", name="Tool")).to_have_count(1)
    page.locator("summary", has_text="Saved views").click()
    walk.keep(page, f"views-menu-{width}")
    page.get_by_role("link", name="Save this list").click()
    page.get_by_label("Name").first.fill("Open & tooled")
    walk.keep(page, f"views-{width}")
    page.get_by_role("button", name="Save the view").click()
    assert page.url.endswith("/findings/?view=open-tooled")
    page.get_by_role("link", name="Export").click()
    walk.keep(page, f"export-{width}")
    with page.expect_download() as download:
        page.get_by_role("button", name="XLSX").click()
    assert download.value.suggested_filename.endswith(".xlsx")
    page.goto("/findings/")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    walk.keep(page, f"keys-{width}")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_without_a_script_the_same_works(walk, analyst, findings):
    page = walk.open(java_script_enabled=False)
    walk.sign_in(page, analyst)
    page.get_by_role("link", name="Go to…").click()
    page.get_by_label("Where to").first.fill(str(findings[1]))
    page.get_by_role("button", name="Look").click()
    expect(page.get_by_role("link", name=str(findings[1])).first).to_be_visible()
    walk.keep(page, "go")
    page.goto("/findings/?open=true")
    page.get_by_label(f"Choose {findings[1]}").check()
    page.get_by_role("button", name="Act on them").click()
    page.get_by_role("region", name="Tag").get_by_label("Put on").fill("pci")
    page.get_by_role("region", name="Tag").get_by_role("button", name="Tag", exact=True).click()
    expect(page.get_by_text("Done for 1 finding.")).to_be_visible()
    page.get_by_role("button", name="Take it back for 1").click()
    expect(page.get_by_text("Done for 1 finding.")).to_be_visible()
