"""An approver walks a fix from the queue to its certificate, in a real browser.

The browser runs against a live server; what pipelines and code hosts do meanwhile is done by the
services, on another thread: Playwright keeps an event loop on this one, and there Django would use
(and leave open) a connection of its own. So rows are made before a page is opened, or ``meanwhile``.
Any message on the console is an error: a violated Content-Security-Policy shows there.
"""

import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connections
from playwright.sync_api import expect, sync_playwright

from core.permissions import Role
from findings.statuses import Status
from scans.services.doors import newest_verification
from tests import factories as make
from tests.scans.objections import build_world

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PASSWORD = "correct horse battery"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
COPILOT = "Copilot <198982749+Copilot@users.noreply.github.com>"


def meanwhile(work, *arguments):
    """Do something with rows while a page is open."""

    def on_another_thread():
        try:
            return work(*arguments)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(on_another_thread).result()


@dataclass
class Walk:
    """A browser at a live server. ``said`` is all that any page wrote on its console."""

    address: str
    folder: Path
    chromium: str
    said: list[str] = field(default_factory=list)
    closing: ExitStack = field(default_factory=ExitStack)

    def open(self, **options):
        playwright = self.closing.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=self.chromium, args=ARGUMENTS)
        self.closing.callback(browser.close)
        context = browser.new_context(base_url=self.address, **options)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        return page

    def sign_in(self, page, user):
        page.goto("/")
        name = page.get_by_label("User name")
        expect(name).to_be_focused()  # autofocus comes after loading: typing earlier blocks it
        name.fill(user.username)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("My work")

    def keep(self, page, name):
        page.screenshot(path=self.folder / f"{name}.png", full_page=True)


@pytest.fixture(scope="session", autouse=True)
def _static():
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)  # or WhiteNoise warns


@pytest.fixture
def walk(live_server, chromium, tmp_path):
    walk = Walk(live_server.url, tmp_path, chromium)
    with walk.closing:
        yield walk
    assert walk.said == []


@pytest.fixture
def approver(transactional_db):
    scope = make.make_scope(name="Shop", slug="shop")
    user = make.member(scope, Role.APPROVER)
    user.set_password(PASSWORD)
    user.save()
    return user


@pytest.fixture
def fix(approver):
    """A good fix by an assistant, scanned before its merge, that nobody has reviewed."""
    scope = approver.memberships.get().scope
    asset = make.make_asset(scope, name="web")
    finding = make.make_finding(Status.VALIDATED, asset=asset, path="app/view.py")
    commit = {"id": "c" * 40, "message": f"Parse\n\nCo-authored-by: {COPILOT}\n", "author": COPILOT}
    fix = make.make_remediation(
        finding, commits=[commit], author=COPILOT, by=make.member(scope, Role.PIPELINE)
    )
    make.scan_fix(fix)
    return fix


def lamps(page):
    return page.locator(".lamp-card")


@pytest.mark.slow
def test_an_approver_walks_a_fix_from_the_queue_to_its_certificate(walk, approver, fix):
    finding = fix.findings.get()
    page = walk.open(viewport={"width": 1440, "height": 900})
    walk.sign_in(page, approver)
    walk.keep(page, "1-my-work")

    page.get_by_role("navigation", name="Main").get_by_role("link", name="Verification").click()
    lane = page.get_by_role("region", name="Passed, waiting for review")
    expect(lane.get_by_role("listitem")).to_contain_text("AI-generated")
    walk.keep(page, "2-queue")
    lane.get_by_role("link", name=fix.title).click()

    expect(lamps(page).nth(0)).to_contain_text("Safe? pass")
    expect(lamps(page).nth(1)).to_contain_text("Right? unknown")
    expect(page.locator(".diff .mark")).to_contain_text(f"{finding} is gone")
    walk.keep(page, "3-fix")
    page.get_by_label("Approve: it does what it should").check()
    page.get_by_label("Comment (optional)").fill(
        "Parses instead of evaluating; nothing else changed."
    )
    page.get_by_role("button", name="Record the review").click()
    expect(page.get_by_role("alert")).to_contain_text("is recorded, and the fix was judged with it")
    expect(lamps(page).nth(1)).to_contain_text("Right? pass")
    walk.keep(page, "4-reviewed")

    page.get_by_role("link", name=finding.title).click()
    expect(page.get_by_text("Merge the fix: both lamps are green.")).to_be_visible()
    meanwhile(make.merge, fix)
    page.reload()
    expect(page.locator(".track [aria-current=step]")).to_contain_text("Mobilization complete")
    expect(page.get_by_text("Nothing: closed and proven.")).to_be_visible()
    walk.keep(page, "5-complete")

    page.get_by_role("link", name="Closure certificate").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Closure certificate of {finding}")
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Bundle for the auditor").click()
    assert waiting.value.suggested_filename == f"{finding}.zip"
    walk.keep(page, "6-certificate")

    page.goto("/")
    expect(page.locator(".tile-yes")).to_contain_text(str(finding))
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


@pytest.mark.slow
def test_the_list_is_filtered_without_a_reload_and_walked_by_keyboard(walk, approver, fix):
    asset = fix.asset
    for weakness in ("pickle.loads(", "shell=True"):
        make.import_finding(asset, weakness)
    page = walk.open()
    walk.sign_in(page, approver)
    page.goto("/findings/?open=true")
    page.evaluate("window.stayed = true")
    page.get_by_role("navigation", name="Filters").get_by_role("link", name="high").click()
    expect(page).to_have_url(re.compile("severity=high"))
    expect(page.locator("[data-row]")).to_have_count(1)
    expect(page.locator("#said")).to_have_text("1 finding")
    assert page.evaluate("window.stayed")
    page.go_back()
    expect(page.locator("[data-row]")).to_have_count(3)

    page.keyboard.press("/")
    page.keyboard.type("pickle")
    page.keyboard.press("Enter")
    expect(page.locator("[data-row]")).to_have_count(1)
    page.locator("h1").click()
    page.keyboard.press("j")
    expect(page.locator("[data-row].is-at")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Pickle")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()


@pytest.mark.slow
def test_who_was_signed_out_meanwhile_is_asked_to_sign_in(walk, approver, fix):
    page = walk.open()
    walk.sign_in(page, approver)
    page.goto("/findings/")
    page.context.clear_cookies()
    page.get_by_role("navigation", name="Filters").get_by_role("link", name="medium").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


@pytest.mark.slow
def test_a_running_scan_shows_its_end_by_itself(walk, approver, fix):
    scan, _ = make.upload(fix.asset, make.code_of(fix.line).change({"app/more.py": "x = 1\n"}))
    page = walk.open()
    walk.sign_in(page, approver)
    page.goto(scan.get_absolute_url())
    expect(page.get_by_role("progressbar")).to_be_visible()
    meanwhile(make.run_job, scan)
    expect(page.get_by_text("What it said")).to_be_visible()
    expect(page.get_by_role("progressbar")).to_have_count(0)


@pytest.mark.slow
def test_the_theme_follows_the_system_until_it_is_chosen(walk, approver):
    page = walk.open(color_scheme="dark")
    walk.sign_in(page, approver)
    background = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(background)
    page.get_by_role("button", name="Theme: system").click()
    expect(page.get_by_role("button", name="Theme: light")).to_be_visible()
    assert page.evaluate(background) != dark
    page.reload()
    assert page.evaluate(background) != dark


@pytest.mark.slow
@pytest.mark.parametrize("width", [360, 768, 1440])
def test_no_page_is_wider_than_the_screen(walk, approver, fix, width):
    finding = fix.findings.get().get_absolute_url()
    verification = fix.verifications.latest("pk").get_absolute_url()
    page = walk.open(viewport={"width": width, "height": 800})
    walk.sign_in(page, approver)
    addresses = ("/", "/findings/", finding, "/remediations/", fix.get_absolute_url(), "/audit/",
                 "/verification/", verification, "/scans/", "/scopes/shop/", "/tokens/")  # fmt: skip
    for address in addresses:
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address
        walk.keep(page, f"{address.strip('/').replace('/', '-') or 'home'}-{width}")


def test_reading_and_reviewing_need_no_script(walk, approver, fix):
    page = walk.open(java_script_enabled=False)
    walk.sign_in(page, approver)
    page.goto("/findings/")
    page.get_by_role("navigation", name="Filters").get_by_role("link", name="medium").click()
    expect(page).to_have_url(re.compile("severity=medium"))
    page.goto(fix.get_absolute_url())
    page.get_by_label("Approve: it does what it should").check()
    page.get_by_role("button", name="Record the review").click()
    expect(lamps(page).nth(1)).to_contain_text("Right? pass")


@pytest.mark.slow
def test_waiving_a_check_and_confirming_a_dispute_need_no_script(walk, transactional_db):
    world = build_world()
    judgement = newest_verification(world.finding).get_absolute_url()
    world.second.set_password(PASSWORD)
    world.second.save()
    page = walk.open(java_script_enabled=False, viewport={"width": 400, "height": 800})
    walk.sign_in(page, world.second)
    page.goto(judgement)
    page.locator("summary", has_text="Waive… TOOL_VERSION").click()
    page.get_by_label("Reason").locator("visible=true").fill("The older one knows the rule.")
    page.get_by_label("Until").fill((make.now() + timedelta(days=20)).date().isoformat())
    walk.keep(page, "waive")
    page.get_by_role("button", name="Waive TOOL_VERSION").click()
    expect(page.get_by_role("alert")).to_contain_text("TOOL_VERSION is waived until")
    said = page.get_by_role("region", name="Waivers and disputes")
    expect(said).to_contain_text("The older one knows the rule.")

    page.goto("/")
    waiting = page.get_by_role("region", name="Disputes that wait for a second person")
    waiting.get_by_role("link", name=world.fix.title).click()
    said.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("alert")).to_contain_text("Confirmed, and the fix was judged with it.")
    expect(said.get_by_role("button", name="Confirm")).to_have_count(0)
    walk.keep(page, "confirmed")
