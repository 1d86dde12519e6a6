"""The pages of weights and feeds, and the priority on the page of a finding."""

from pathlib import Path

import pytest

from findings.models import FeedKind, Finding
from findings.services.feeds import import_feed
from findings.weights import DEFAULT
from tests import factories as make
from tests.findings.feeds_made import CWE
from tests.findings.test_priority_policies import FLAT


@pytest.fixture
def finding(files, db):
    return make.import_finding(weakness="shell=True")


def test_the_pages_show_weights_the_sum_the_path_and_what_was(finding, browse, settings):
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)
    client = browse(make.member(finding.scope, "admin"))
    page = f"/scopes/{finding.scope.slug}/priority/"
    assert "known exploited (KEV)" in client.get(page).content.decode().replace("Known", "known")
    body = {"toml": FLAT.decode().replace("\n", "\r\n"), "replaces": DEFAULT.digest}
    tried = client.post(f"{page}try/", body).content.decode()
    assert "1 of 1 open findings would be in another band" in tried
    assert client.post(f"{page}try/", {**body, "toml": "["}).status_code == 422
    assert client.post(f"{page}put/", body).status_code == 302
    assert client.post(f"{page}put/", body).status_code == 409
    shown = client.get(finding.get_absolute_url()).content.decode()
    assert "What it was before" in shown and "mission and well-being" in shown


def test_the_feeds_page_says_what_is_missing(finding, browse, settings):
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)
    client = browse(make.member(finding.scope, "viewer"))
    page = client.get("/feeds/").content.decode()
    assert page.count("no data") >= 3 and "No feed was imported yet." in page
    assert client.get("/findings/?kev=true&ssvc=act").status_code == 200


def test_weaknesses_are_called_by_their_names_where_mitres_list_is_here(finding, browse, settings):
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)
    client = browse(make.member(finding.scope, "viewer"))
    Finding.objects.filter(pk=finding.pk).update(cwes=["CWE-79", "CWE-4711"])
    assert "Cross-site" not in client.get(finding.get_absolute_url()).content.decode()
    import_feed(kind=FeedKind.CWE, data=CWE, source="1000.csv", by=None, at=make.now())
    page = client.get(finding.get_absolute_url()).content.decode()
    assert "CWE-79" in page and "Cross-site Scripting" in page and "CWE-4711" in page
