"""The first person makes the first account, drops a report and sees its findings, in a real browser."""

import json

import pytest
from playwright.sync_api import expect

from scans.models import Scan
from tests import factories as make
from tests.browser.test_closing_walk import _static as _static
from tests.browser.test_closing_walk import meanwhile
from tests.browser.test_closing_walk import walk as walk
from tests.code import Code, sarif_of

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_from_nothing_to_the_first_findings(walk, transactional_db, width, scheme):
    page = walk.open(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.goto("/")
    page.get_by_role("link", name="Nobody has an account yet").click()
    page.get_by_label("User name").fill("ada")
    page.get_by_label("Mail").fill("ada@example.org")
    page.get_by_label("Password").fill("correct horse battery")
    page.get_by_label("First scope").fill("Web shop")
    walk.keep(page, f"setup-{width}")
    page.get_by_role("button", name="Make the first account").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Upload a report")
    report = json.dumps(sarif_of(Code({"app/a.py": "eval(x)\n"}))).encode()
    file = {"name": "report.sarif", "mimeType": "application/json", "buffer": report}
    page.get_by_label("Drop a report here").set_input_files(file)
    page.get_by_label("Name of the new asset").fill("acme/web")
    page.get_by_label("Scope of the new asset").select_option(label="Web shop")
    walk.keep(page, f"upload-{width}")
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_text("Waiting for a worker")).to_be_visible()
    meanwhile(lambda: make.run_job(Scan.objects.get()))
    expect(page.get_by_text("Waiting for a worker")).to_have_count(0)  # by itself
    page.goto("/findings/?view=default")
    expect(page.locator("[data-row]")).to_have_count(1)
    walk.keep(page, f"first-findings-{width}")
