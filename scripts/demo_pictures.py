"""Pictures of the main pages, at the end of the demo's story: as docs/screenshots holds them.

Needs Playwright (make setup) and Chromium; the pages are those a person reaches by links.
"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import servers
from demo_client import Client
from playwright.sync_api import Browser, Page, sync_playwright

WHO = "approver"
WIDTHS = {1440: 900, 768: 1024, 360: 740}
THEMES = ("light", "dark")
SETTLED = "() => !document.querySelector('.htmx-request, [hx-trigger=load]')"  # parts have come
KEPT = ((1440, "light"), (1440, "dark"), (360, "light"))  # of each page; the others on demand


def main(base_url: str, credentials: Mapping[str, Any], folder: Path, *, every: bool) -> int:
    """Write one PNG for each page, width and theme into ``folder``; ``every``: all widths and themes."""
    chromium = servers.find_chromium()
    if chromium is None:
        print("pictures need Chromium: the Debian package chromium", file=sys.stderr)
        return 1
    folder.mkdir(parents=True, exist_ok=True)
    api = Client(base_url, WHO, credentials[WHO]["token"])
    kinds = [(w, t) for w in WIDTHS for t in THEMES] if every else KEPT
    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=str(chromium), args=["--no-sandbox"])
        for width, theme in kinds:
            page = _signed_in(browser, base_url, credentials, width, theme)
            for name, address in _pages(api):
                page.goto(base_url + address)
                page.wait_for_function(SETTLED)
                page.screenshot(path=folder / f"{name}-{width}-{theme}.png", full_page=True)
            page.context.close()
        browser.close()
    print(f"pictures: {folder}")
    return 0


def _signed_in(
    browser: Browser, base_url: str, credentials: Mapping[str, Any], width: int, theme: Any
) -> Page:
    context = browser.new_context(
        viewport={"width": width, "height": WIDTHS[width]}, color_scheme=theme
    )
    page = context.new_page()
    page.goto(f"{base_url}/sign-in/")
    page.fill("input[name=login]", WHO)
    page.fill("input[name=password]", credentials["password"])
    page.locator("main form button[type=submit]").first.click()
    page.wait_for_url(f"{base_url}/")
    return page


def _pages(api: Client) -> Iterator[tuple[str, str]]:
    """Names and addresses; those of single things are of what the story left."""
    yield "my-work", "/"
    yield "overview", "/overview/"
    yield "findings", "/findings/"
    for name, status in (
        ("closed", "mobilization_complete"),
        ("open", "mobilizing"),
        ("new", "discovered"),
    ):
        for row in api.get(f"/findings/?status={status}&page_size=1")["results"]:
            yield f"finding-{name}", f"/findings/{row['id']}/"
            if status == "mobilization_complete":
                yield "certificate", f"/findings/{row['id']}/certificate/"
    yield "remediations", "/remediations/"
    for row in api.get("/remediations/?page_size=1")["results"]:
        yield "remediation", f"/remediations/{row['id']}/"
    yield "verification", "/verification/"
    yield "scans", "/scans/"
    for row in api.get("/scans/?page_size=1")["results"]:
        yield "scan", f"/scans/{row['id']}/"
    yield "scopes", "/scopes/"
    for row in api.get("/scopes/?page_size=1")["results"]:
        yield "scope", f"/scopes/{row['slug']}/"
        yield "members", f"/scopes/{row['slug']}/members/"
    yield "integrations", "/integrations/"
    yield "reports", "/reports/"
    yield "profile", "/profile/"
    yield "audit", "/audit/"
