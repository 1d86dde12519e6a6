"""Figures by API and on pages: of what one may see, with definitions, and links that lead to the rows."""

import re
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import reverse

from core.permissions import Role
from ctem import jobs
from findings.models import Finding
from reports.metrics.definitions import DEFINITIONS
from reports.metrics.sizes import ENOUGH, Share, Spread, quantile
from reports.services.reports import order_report
from reports.statuses import Bar, Period
from scopes.services import issue_token
from tests import factories as make
from tests.reports.histories import happen

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _static(settings, files):
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)


def asked(api, user, **query):
    _, key = issue_token(user=user, by=user, name="t", at=make.now())
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    return api.get(f"/api/v1/metrics/?{urlencode(query)}")


def test_figures_are_of_the_scopes_that_one_may_read(world, api, outsider):
    told = asked(api, make.member(world.scope, Role.VIEWER)).json()
    assert told["scopes"] == [world.scope.pk]
    assert told["open"]["total"] == 5 and told["flow"]["proven"] == 2
    assert told["definitions"].keys() == DEFINITIONS.keys()
    other = asked(api, outsider).json()
    assert world.scope.pk not in other["scopes"]
    assert other["open"]["total"] == 0
    assert asked(api, outsider, scope=world.scope.pk).status_code == 400


def test_a_time_is_named_or_refused(world, api):
    viewer = make.member(world.scope, Role.VIEWER)
    at = make.now()
    since = (at - timedelta(days=400)).isoformat()
    until = (at - timedelta(days=300)).isoformat()
    told = asked(api, viewer, period="custom", since=since, until=until)
    assert told.json()["open"]["total"] == 0
    refused = asked(api, viewer, period="year")
    assert list(refused.json()["errors"]) == ["period"]
    assert asked(api, viewer, until=(at + timedelta(days=1)).isoformat()).json()["where"] == "until"


def test_the_page_shows_the_same_and_each_number_leads_to_as_many_rows(world):
    happen(
        world,
        [(0, "claim", 0), (1, "accept", 0), (2, "dismiss", 0), (3, "vanish", 0), (5, "revoke", 0)],
    )
    client = Client()
    client.force_login(make.member(world.scope, Role.VIEWER))
    page = client.get(reverse("overview")).content.decode()
    links = set(re.findall(r'href="(/overview/changes/\?[^"]+)"', page))
    assert len(links) >= 8
    seen = {}
    for link in links:
        address = link.replace("&amp;", "&")
        found = client.get(address)
        assert found.status_code == 200
        seen[re.search("bar=([a-z_]+)", address)[1]] = found.content.decode().count("<tr data-row>")
    assert seen == {
        "opening": 0, "closing": 3, "new": 7, "proven": 2, "revoked": 1, "accepted": 1,
        "false_positive": 1, "no_longer_present": 1, "claimed": 3,
    }  # fmt: skip


def test_a_frozen_report_shows_its_rows_to_who_reads_its_scopes_alone(world, files, outsider):
    happen(world, [(0, "claim", 0), (1, "accept", 0)])
    by = make.member(world.scope, Role.ANALYST)
    report = order_report(scopes=[world.scope], period=Period.WEEK, by=by, at=make.now())
    client, stranger = Client(), Client()
    client.force_login(by)
    stranger.force_login(outsider)
    page = client.get(report.get_absolute_url()).content.decode()
    assert "Being made" in page and "At a glance" not in page
    jobs.run(report.job_id)
    page = client.get(report.get_absolute_url()).content.decode()
    assert "At a glance" in page and "Closed with proof" in page
    rows = f"{report.get_absolute_url()}findings/"
    accepted = client.get(f"{rows}?bar={Bar.ACCEPTED}").content.decode()
    assert accepted.count("<tr data-row>") == 1
    assert client.get(f"{rows}?bar=closing").content.decode().count("<tr data-row>") == 4
    assert (
        client.get(f"{rows}?page=0").status_code == client.get(f"{rows}?page=x").status_code == 404
    )
    for address in (report.get_absolute_url(), rows, f"{report.get_absolute_url()}files/xlsx/"):
        assert stranger.get(address).status_code == 404
    file = client.get(f"{report.get_absolute_url()}files/xlsx/")
    assert b"".join(file.streaming_content)[:2] == b"PK"
    assert client.get(f"{report.get_absolute_url()}files/exe/").status_code == 404


def test_a_report_is_ordered_on_the_page_and_refused_with_a_sentence(world):
    client = Client()
    client.force_login(make.member(world.scope, Role.ANALYST))
    done = client.post(reverse("reports"), {"period": "week", "scope": world.scope.pk}, follow=True)
    assert "The report is being made." in done.content.decode()
    wrong = client.post(reverse("reports"), {"period": "custom"}, follow=True)
    assert "is needed for the period" in wrong.content.decode()
    client.force_login(make.member(world.scope, Role.VIEWER))
    assert "Make the report" not in client.get(reverse("reports")).content.decode()
    none = client.post(reverse("reports"), {"period": "week"}, follow=True)
    assert "there is none in which you may make reports" in none.content.decode()


def test_a_title_that_is_markup_is_text_on_every_page(world, files):
    Finding.objects.filter(pk=world.findings[0].pk).update(title="<img src=x onerror=1>")
    by = make.member(world.scope, Role.ANALYST)
    report = order_report(scopes=[world.scope], period=Period.WEEK, by=by, at=make.now())
    jobs.run(report.job_id)
    client = Client()
    client.force_login(by)
    for address in (report.get_absolute_url(), f"{report.get_absolute_url()}findings/?bar=closing"):
        page = client.get(address).content.decode()
        assert "<img src=x" not in page and "&lt;img src=x" in page


# --- sizes ---------------------------------------------------------------------------------------
def test_a_share_of_few_is_a_count_and_of_many_per_cent():
    assert Share(1, ENOUGH - 1).percent is None and str(Share(1, 3)) == "1 of 3"
    assert Share(5, ENOUGH).percent == 25 and str(Share(5, 20)) == "25 % (5 of 20)"
    assert Share(0, 0).to_dict() == {"numerator": 0, "denominator": 0, "percent": None}


def test_quantiles_are_by_nearest_rank():
    assert quantile([], 0.5) is None
    assert quantile([3, 1, 2], 0.5) == 2 and quantile([1, 2, 3, 4], 0.5) == 2
    assert quantile(list(range(1, 11)), 0.9) == 9
    assert Spread.of([]).to_dict() == {"n": 0, "median_days": None, "p90_days": None}
