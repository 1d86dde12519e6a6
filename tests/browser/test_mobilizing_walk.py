"""An analyst sees what goes with a finding, starts a campaign and looks at a proposed fix, in a real browser."""

import pytest
from playwright.sync_api import expect

from core.permissions import Role
from findings.models import Finding
from tests import factories as make
from tests.browser.test_closing_walk import PASSWORD
from tests.browser.test_closing_walk import _static as _static
from tests.browser.test_closing_walk import walk as walk
from tests.remediations.proposed import bring, make_campaign, make_group
from tests.remediations.test_proposing import codetf

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def analyst(transactional_db):
    scope = make.make_scope(name="Shop", slug="shop")
    user = make.member(scope, Role.ANALYST)
    user.set_password(PASSWORD)
    user.save()
    return user


@pytest.fixture
def finding(analyst):
    """A finding with a neighbour of its rule, one of another tool at its place, and a proposed fix."""
    asset = make.make_asset(analyst.memberships.get().scope, name="web")
    one, two, other = (
        make.import_finding(asset, path=f"app/{name}.py") for name in ("view", "form", "parse")
    )
    Finding.objects.filter(pk=two.pk).update(path=one.path, start_line=90)
    told = {"path": one.path, "start_line": one.start_line, "cwes": ["CWE-95"]}
    Finding.objects.filter(pk=other.pk).update(tool="Semgrep", rule="eval-used", **told)
    Finding.objects.filter(pk=one.pk).update(cwes=["CWE-95"])
    one.refresh_from_db()
    bring(one, codetf(one))
    make_campaign(one, two)
    return one


@pytest.mark.parametrize("width", [1440, 390])
def test_an_analyst_mobilizes_a_finding(walk, analyst, finding, width):
    page = walk.open(viewport={"width": width, "height": 900})
    walk.sign_in(page, analyst)
    page.goto(finding.get_absolute_url())
    same = page.get_by_role("region", name="Likely the same")
    expect(same).to_contain_text("both report CWE-95")  # fetched once the page was there
    walk.keep(page, f"finding-{width}")
    same.get_by_role("button", name="Merge into one group").first.click()
    expect(page.get_by_role("region", name="In one group with")).to_contain_text("Semgrep")
    walk.keep(page, f"mobilizing-{width}")
    page.get_by_role("link", name="The group").click()
    expect(page.get_by_text("A group closes nothing")).to_be_visible()
    walk.keep(page, f"group-{width}")

    page.goto(f"{finding.get_absolute_url()}mobilizing/")
    page.get_by_role("link", name="OFFER-").first.click()
    expect(page.get_by_text("A proposal is no evidence")).to_be_visible()
    expect(page.locator(".diff")).to_contain_text("return parse(x)")
    walk.keep(page, f"proposal-{width}")

    page.goto("/findings/?open=true")
    page.get_by_role("link", name="Assign all of these").click()
    page.get_by_label("Person (optional)").select_option(label=analyst.display)
    page.get_by_role("button", name="What would happen?").click()
    expect(page.get_by_text("3 would be assigned, 0 refused")).to_be_visible()
    walk.keep(page, f"together-{width}")
    page.get_by_role("button", name="Take them in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("No eval")
    expect(page.get_by_role("region", name="Progress")).to_contain_text("proven, 0 %")
    walk.keep(page, f"campaign-{width}")
    page.goto("/campaigns/")
    walk.keep(page, f"campaigns-{width}")


def test_without_a_script_the_same_is_a_page_of_its_own(walk, analyst, finding):
    make_group(finding, Finding.objects.get(tool="Semgrep"))
    page = walk.open(java_script_enabled=False)
    walk.sign_in(page, analyst)
    page.goto(finding.get_absolute_url())
    page.get_by_role("link", name="Attempts, proposed fixes").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Mobilize")
    expect(page.get_by_role("region", name="In one group with")).to_contain_text("Semgrep")
