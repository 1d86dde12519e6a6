"""Scopes, one's own tokens, and the audit log."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.models import ChainHead, Event
from scopes.models import ApiToken
from tests import factories as make
from tests.pages.markup import Page


def test_a_scope_shows_owner_policy_lines_and_people(world, browse):
    page = Page(browse(world.member("viewer")).get(f"/scopes/{world.scope.slug}/"))
    assert world.scope.policy.digest in page.text
    assert world.member("approver").display in page.text
    assert world.asset.name in page.text
    assert world.scan.get_absolute_url() in page.links()
    assert "Nobody completes a finding" in page.text


def test_a_line_that_was_never_scanned_stands_out(world, browse):
    make.make_asset(world.scope, name="forgotten")
    page = Page(browse(world.member("viewer")).get(f"/scopes/{world.scope.slug}/"))
    assert "never scanned" in page.text


def test_a_key_is_shown_once_and_works(world, browse, api):
    client = browse(world.member("pipeline"))
    body = {"name": "pipeline of web", "days": 30, "permissions": ["upload_scan"],
            "scopes": [world.scope.pk]}  # fmt: skip
    response = client.post("/tokens/", body)
    assert response.status_code == 201
    (shown,) = [e for e in Page(response).all("pre") if e.attributes["id"] == "key"]
    token = ApiToken.objects.get(name="pipeline of web")
    assert token.permissions == ["upload_scan"] and token.scopes == [world.scope.pk]
    assert shown.text.startswith(token.prefix)
    assert shown.text not in client.get("/tokens/").content.decode()
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {shown.text}")
    assert api.get("/api/v1/me/").status_code == 200
    client.post(f"/tokens/{token.pk}/revoke/")
    assert api.get("/api/v1/me/").status_code == 401


@pytest.mark.parametrize("body", [{}, {"name": "x", "days": 0}, {"name": "x", "days": 1000}])
def test_a_token_that_cannot_be_made_is_not(world, browse, body):
    before = ApiToken.objects.count()
    response = browse(world.member("viewer")).post("/tokens/", body)
    assert response.status_code == 422
    assert Page(response).with_class("errorlist")
    assert ApiToken.objects.count() == before


def test_nobody_revokes_the_token_of_another(world, browse):
    url = f"/tokens/{world.token.pk}/revoke/"
    assert browse(world.member("admin")).post(url).status_code == 404
    world.token.refresh_from_db()
    assert world.token.revoked_at is None


def test_the_page_of_a_scope_reads_lines_and_last_scans_once(world, browse):
    client = browse(world.member("viewer"))
    with CaptureQueriesContext(connection) as queries:
        assert client.get(f"/scopes/{world.scope.slug}/").status_code == 200
    told = [query["sql"] for query in queries]
    read = {
        table: sum(f'FROM "{table}" WHERE' in sql for sql in told)
        for table in ("scopes_line", "scans_scan")
    }
    assert read == {"scopes_line": 1, "scans_scan": 2}  # the last ones, and those that failed


def test_the_log_shows_the_events_of_ones_scopes_and_ones_own(world, browse, outsider):
    other = Event.objects.filter(scope_id__isnull=True).exclude(actor__isnull=True).first()
    page = Page(browse(world.member("analyst")).get("/audit/"))
    assert "completed it: the gate saw the proof" in page.text
    assert other.hash[:10] not in page.text
    elsewhere = Page(browse(outsider).get("/audit/"))
    assert world.scope.name not in elsewhere.text


def test_the_log_filters_and_refuses_what_it_does_not_know(world, browse):
    client = browse(world.member("viewer"))
    page = Page(client.get("/audit/?action=finding.complete"))
    (table,) = page.all("tbody")
    assert len([e for e in page.all("tr") if e.within("tbody") is table]) == 1
    assert "No event matches" in Page(client.get("/audit/?actor=nobody-at-all")).text
    assert "cannot be used" in Page(client.get("/audit/?after=yesterday")).text
    about = f"/audit/?subject=finding&subject_id={world.fresh.pk}"
    assert Page(client.get(about)).text.count("finding.") == (
        Event.objects.about("finding", world.fresh.pk).count()
    )


def test_a_head_that_does_not_seal_the_last_event_is_told(world, browse):
    client = browse(world.member("viewer"))
    assert "broken" not in Page(client.get("/audit/")).text
    ChainHead.objects.filter(chain=f"scope:{world.scope.pk}").update(hash="0" * 64)
    assert "broken" in Page(client.get("/audit/")).text
    assert connection.vendor in ("sqlite", "postgresql")


def test_the_profile_shows_ones_roles(world, browse):
    page = Page(browse(world.member("approver")).get("/profile/"))
    assert world.scope.name in page.text and "approver" in page.text
