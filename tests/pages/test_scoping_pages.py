"""Pages of scopes, teams, assets, their lists, coverage and the inbox."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from findings.models import Finding
from scans.models import Scan
from scopes.models import Asset, AssetLink, Team
from tests import factories as make
from tests.pages.markup import Page

QUERIES = 15


@pytest.fixture
def admin(world, browse):
    return browse(world.member("admin"))


@pytest.fixture
def viewer(world, browse):
    return browse(world.member("viewer"))


def said(response):
    return Page(response).text


# --- settings and teams --------------------------------------------------------------------------
def test_an_administrator_sets_what_a_scope_is(world, admin):
    url = f"/scopes/{world.scope.slug}/"
    body = {"name": "Shop & Co", "owner": "Ada", "owner_team": world.team.pk, "criticality": "high",
            "exposure": "internet", "data_class": "restricted", "regulations": ["pci-dss-11.3.1"],
            "expected_classes": ["sast"], "fresh_days": "7"}  # fmt: skip
    assert "Changed." in said(admin.post(f"{url}change/", body, follow=True))
    page = said(admin.get(url))
    assert "Shop & Co" in page and "PCI DSS 4.0.1, 11.3.1" in page and "restricted data" in page
    assert "Web, Ada" in page and "owns the scope" in page
    wrong = said(admin.post(f"{url}change/", {**body, "fresh_days": "0"}, follow=True))
    assert "greater than or equal to 1" in wrong


def test_a_viewer_sees_the_settings_and_no_way_to_change_them(world, viewer):
    page = Page(viewer.get(f"/scopes/{world.scope.slug}/settings/"))
    assert "Administrators of the scope change its settings" in page.text
    assert "rescans confirm" in page.text
    scope = Page(viewer.get(f"/scopes/{world.scope.slug}/"))
    assert "Make a team" not in scope.text and "Web" in scope.text


def test_teams_are_made_filled_and_removed_on_the_page_of_the_scope(world, admin):
    url = f"/scopes/{world.scope.slug}/"
    page = said(admin.post(f"{url}teams/", {"name": "Pay", "handle": "@acme/pay"}, follow=True))
    assert "The team Pay is there." in page and "@acme/pay" in page
    team, name = Team.objects.get(name="Pay"), world.member("analyst").username
    page = said(admin.post(f"/teams/{team.pk}/members/add/", {"username": name}, follow=True))
    assert f"{name} is on the team Pay." in page
    page = said(admin.post(f"/teams/{team.pk}/members/add/", {"username": "nobody"}, follow=True))
    assert "Nobody called nobody has a role" in page
    admin.post(f"/teams/{team.pk}/members/remove/", {"username": name})
    assert not team.members.exists()
    page = said(admin.post(f"/teams/{team.pk}/change/", {"name": "", "handle": ""}, follow=True))
    assert "Name: This field is required." in page
    admin.post(f"/teams/{team.pk}/end/")
    assert not Team.objects.filter(name="Pay").exists()


# --- assets --------------------------------------------------------------------------------------
def test_the_home_of_an_asset_shows_what_it_is_and_what_looks_at_it(world, viewer):
    page = Page(viewer.get(f"/assets/{world.asset.pk}/"))
    assert "sca: never" in page.text and "fresh" in page.text
    assert world.scan.tool in page.text and world.scan.commit[:12] in page.text
    assert "built from library" in page.text
    assert f"/findings/?asset={world.asset.pk}&open=true&severity=high" in page.links()
    assert "Change it" not in page.text and "Tell the file" not in page.text
    other = Page(viewer.get(f"/assets/{world.link.target_id}/"))
    assert f"{world.asset.name} built from this" in other.text


def test_what_strangers_wrote_is_text(world, admin):
    bad = "<script>alert(1)</script>"
    Asset.objects.filter(pk=world.asset.pk).update(
        name=bad, address="javascript:alert(1)", external_id=bad
    )
    for url in (f"/assets/{world.asset.pk}/", "/assets/", "/coverage/"):
        content = admin.get(url).content.decode()
        assert bad not in content and 'href="javascript' not in content


def test_an_asset_is_changed_and_linked(world, admin):
    url = f"/assets/{world.asset.pk}/"
    body = {"name": "shop", "kind": "service", "environment": "production", "tags": "pci, Web",
            "team": world.team.pk}  # fmt: skip
    page = said(admin.post(f"{url}change/", body, follow=True))
    assert "Changed." in page and "production" in page and "pci" in page
    page = said(admin.post(f"{url}links/", {"kind": "runs_on", "target": "nothing"}, follow=True))
    assert "no asset of this name" in page
    admin.post(f"{url}links/", {"kind": "runs_on", "target": "library"})
    link = AssetLink.objects.get(kind="runs_on")
    assert "No longer linked" in said(admin.post(f"/asset-links/{link.pk}/remove/", follow=True))


def test_who_may_upload_tells_the_owners_of_paths(world, browse):
    client, url = browse(world.member("developer")), f"/assets/{world.asset.pk}/"
    file = SimpleUploadedFile("CODEOWNERS", b"* @acme/web\nx[ @a\n")
    page = said(
        client.post(f"{url}code-owners/", {"file": file, "path": "CODEOWNERS"}, follow=True)
    )
    assert "1 rule" in page and "line 2: ranges" in page
    assert Finding.objects.get(pk=world.fresh.pk).owned_by == world.team


def test_assets_are_listed_filtered_and_lead_to_the_inbox(world, viewer):
    Asset.objects.filter(name="library").update(kind="image", tags=["base"], team=world.team)
    page = Page(viewer.get("/assets/"))
    assert "/inbox/" in page.links() and world.asset.name in page.text
    for query in ("kind=image", "tag=base", f"team={world.team.pk}", "q=libr"):
        text = said(viewer.get(f"/assets/?{query}"))
        assert "library" in text and world.asset.name not in text, query
    assert "No asset matches" in said(viewer.get("/assets/?q=zzz"))
    assert "cannot be used" in said(viewer.get("/assets/?colour=red"))


@pytest.mark.parametrize("count", [2, 60])
def test_queries_do_not_grow_with_the_assets(world, viewer, count):
    for _ in range(count):
        make.make_asset(world.scope)
    for url in ("/", "/assets/", "/coverage/", "/inbox/", f"/assets/{world.asset.pk}/"):
        with CaptureQueriesContext(connection) as queries:
            assert viewer.get(url).status_code == 200
        assert len(queries) <= QUERIES + 7 * (
            url not in ("/", "/assets/", "/coverage/", "/inbox/")
        ), url


# --- coverage ------------------------------------------------------------------------------------
def test_gaps_are_counted_at_home_and_listed(world, viewer):
    home = Page(viewer.get("/"))
    assert "/coverage/" in home.links() and "/inbox/" in home.links()
    assert "2 Coverage gaps" in home.text and "1 Inbox" in home.text
    page = said(viewer.get("/coverage/"))
    assert "sast: never" in page and world.asset.name in page
    assert "No gap matches" in said(viewer.get("/coverage/?kind=image"))


def test_a_failed_scan_is_a_gap_that_links_to_it(world, viewer):
    scan, _ = make.upload(world.asset, b"no report", {"tool_class": "sast"})
    make.run_job(scan)
    page = Page(viewer.get("/coverage/"))
    assert "sast: last scan failed" in page.text and f"/scans/{scan.pk}/" in page.links()


# --- lists of assets -----------------------------------------------------------------------------
def test_a_list_is_previewed_then_taken_without_choosing_it_again(world, admin):
    url = f"/scopes/{world.scope.slug}/import/"
    file = SimpleUploadedFile("assets.csv", b"name,kind\nbilling,service\n")
    page = Page(admin.post(f"{url}run/", {"file": file, "do": "preview"}))
    assert "What it would do" in page.text and not Asset.objects.filter(name="billing").exists()
    (text,) = [e for e in page.all("textarea") if e.attributes["name"] == "text"]
    assert "billing" in text.text
    page = said(admin.post(f"{url}run/", {"text": "name,kind\nbilling,service\n", "do": "import"}))
    assert "Imported" in page and Asset.objects.get(name="billing").kind == "service"


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"do": "import"}, 422, "Choose a file or paste its text"),
        ({"do": "import", "text": "kind\nx\n"}, 409, "must name the columns"),
        ({"do": "import", "text": "name,kind\nx,boat\n"}, 200, "Nothing was written"),
    ],
)
def test_a_list_that_cannot_be_used_is_told_where(world, admin, body, status, words):
    before = Asset.objects.count()
    response = admin.post(f"/scopes/{world.scope.slug}/import/run/", body)
    assert response.status_code == status and words in said(response)
    assert Asset.objects.count() == before


# --- the inbox -----------------------------------------------------------------------------------
def test_a_report_is_placed_onto_an_asset(world, browse):
    client, url = browse(world.member("analyst")), f"/inbox/{world.report.pk}/"
    page = Page(client.get(url))
    assert "nobody told us" in page.text and "It is of a new asset" not in page.text
    wrong = said(client.post(f"{url}place/", {"asset": "nothing"}, follow=True))
    assert "no asset of this name" in wrong
    page = said(client.post(f"{url}place/", {"asset": "library"}, follow=True))
    assert "1 report placed" in page and "nobody told us" in page  # the alias
    assert Scan.objects.latest("pk").asset.name == "library"
    assert "Placed onto library" in said(client.get(url))
    again = said(client.post(f"{url}place/", {"asset": "library"}, follow=True))
    assert "was placed meanwhile" in again


def test_an_administrator_makes_its_asset_or_rejects_it(world, admin):
    url = f"/inbox/{world.report.pk}/"
    taken = said(
        admin.post(f"{url}place-new/", {"name": "library", "kind": "service"}, follow=True)
    )
    assert "already has an asset called library" in taken
    assert "Rejected." in said(admin.post(f"{url}reject/", {"reason": "A fork."}, follow=True))
    assert "Nothing here" in said(admin.get("/inbox/"))
    assert "nobody told us" in said(admin.get("/inbox/?state=rejected"))
    assert "A fork." in said(admin.get(url))


def test_a_new_asset_takes_its_report(world, admin):
    body = {"name": "shop", "kind": "service", "default_line": "trunk"}
    page = said(admin.post(f"/inbox/{world.report.pk}/place-new/", body, follow=True))
    assert "1 report placed" in page and "shop" in page
    assert Asset.objects.get(name="shop").lines.get().name == "trunk"
