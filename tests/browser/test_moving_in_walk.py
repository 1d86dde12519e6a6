"""An administrator moves findings in and asks about the last closures, in a real browser that runs no script."""

import pytest
from playwright.sync_api import expect

from core.permissions import Role
from findings.statuses import Status
from tests import factories as make
from tests.browser.test_closing_walk import PASSWORD
from tests.browser.test_closing_walk import _static as _static
from tests.browser.test_closing_walk import walk as walk

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.django_db(transaction=True)]

CSV = (
    "key,tool,rule,severity,path,line,title,state,decision_by,reason,ticket,ticket_url,closed_at,merged_at,scanned_at\n"
    "A-1,Semgrep,sqli,high,app/db.py,3,SQL from input,open,,,SHOP-12,https://jira.example/SHOP-12,,,\n"
    "A-2,Semgrep,xss,medium,app/page.py,9,Text not escaped,false positive,Alice,A constant,,,,,\n"
    "A-3,Semgrep,xss,medium,app/old.py,9,Text not escaped,fixed,,,,,2024-06-02,"
    "2024-06-01T12:00:00Z,2024-06-01T13:00:00Z\n"
)


@pytest.fixture
def admin(transactional_db):
    scope = make.make_scope(name="Shop", slug="shop")
    make.make_finding(Status.MOBILIZATION_COMPLETE, asset=make.make_asset(scope, name="web"))
    user = make.member(scope, Role.ADMIN)
    user.set_password(PASSWORD)
    user.save()
    return user


@pytest.mark.parametrize("width", [1440, 390])
def test_findings_move_in_and_closures_become_history(walk, admin, tmp_path, width):
    file = tmp_path / "export.csv"
    file.write_text(CSV)
    page = walk.open(java_script_enabled=False, viewport={"width": width, "height": 900})
    walk.sign_in(page, admin)
    page.goto("/scopes/shop/")
    page.get_by_role("link", name="web", exact=True).first.click()
    page.get_by_role("link", name="Move its findings in").click()
    page.get_by_label("Exported by").select_option("csv")
    page.get_by_label("File").set_input_files(str(file))
    page.get_by_role("button", name="What would it do?").click()
    expect(page.get_by_role("region", name="What it would do")).to_contain_text("2 of Semgrep")
    walk.keep(page, f"move-in-{width}")
    page.get_by_label("Exported by").select_option("csv")
    page.get_by_label("File").set_input_files(str(file))
    page.get_by_role("button", name="Move in").click()
    expect(page.get_by_role("region", name="Moved in")).to_be_visible()
    page.get_by_role("link", name="The findings of the asset").click()
    page.get_by_role("link", name="SQL from input").first.click()
    expect(page.get_by_role("link", name="SHOP-12")).to_be_visible()
    page.goto("/audit/")
    page.get_by_role("link", name="Was the fix scanned before it merged?").click()
    page.get_by_label("Closed").select_option("include")
    page.get_by_role("button", name="Ask").click()
    answers = page.get_by_role("region", name="Answers")
    expect(answers).to_contain_text("1 yes, 1 after")
    expect(answers).to_contain_text("told by csv")
    walk.keep(page, f"last-closed-{width}")
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width
