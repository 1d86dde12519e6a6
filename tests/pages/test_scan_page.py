"""Scans: live progress, what was wrong, counts with their rows, the raw file."""

import json
from itertools import pairwise

import pytest

from scans.models import Scan
from scans.statuses import ScanState
from tests import factories as make
from tests.code import sarif_of
from tests.pages.markup import Page


@pytest.fixture
def client_of(world, browse):
    return browse(world.member("viewer"))


def test_a_waiting_scan_shows_progress_that_asks_again(world, client_of):
    scan, _ = make.upload(world.asset, make.code_of(world.open.line), {"commit": "c" * 40})
    page = Page(client_of.get(scan.get_absolute_url()))
    assert "Waiting for a worker" in page.text
    (bar,) = page.all("progress", role="progressbar")
    assert "value" not in bar.attributes
    (polled,) = [e for e in page.elements if "hx-get" in e.attributes]
    assert polled.attributes["hx-trigger"] == "live from:body, every 10s"
    Scan.objects.filter(pk=scan.pk).update(
        state=ScanState.APPLYING, progress_done=3, progress_total=9
    )
    response = client_of.get(polled.attributes["hx-get"])
    assert "HX-Refresh" not in response
    part = Page(response)
    assert part.all("progress")[0].attributes["aria-valuenow"] == "3"
    assert "3 of 9 results" in " ".join(e.text for e in part.all("p"))


def test_progress_ends_by_showing_the_whole_page(world, client_of):
    response = client_of.get(f"{world.scan.get_absolute_url()}progress/")
    assert response["HX-Refresh"] == "true"
    assert "hx-get" not in response.content.decode()


def test_a_scan_that_cannot_be_used_says_where_and_why(world, client_of):
    scan = make.run_job(make.upload(world.asset, b'{"version": "2.1.0", "runs": [', {})[0])
    assert scan.state == ScanState.FAILED
    page = Page(client_of.get(scan.get_absolute_url()))
    (said,) = page.with_class("callout-fail")
    assert scan.error in said.text and "Nothing of it was applied" in said.text
    assert not [e for e in page.elements if "hx-get" in e.attributes]


def test_counts_stand_with_their_rows(world, client_of):
    page = Page(client_of.get(world.scan.get_absolute_url()))
    figures = [e for e in page.elements if e.parent in page.with_class("figure")]
    counts = {dt.text: int(dd.text) for dt, dd in pairwise(figures) if dt.tag == "dt"}
    assert counts["new"] == 1 and counts["unchanged"] == 1
    assert world.fresh.get_absolute_url() in page.links()
    assert "First seen here" in page.text
    assert world.open.get_absolute_url() not in page.links(), "what did not change is not listed"


def test_facts_are_shown_with_who_says_so(world, client_of):
    page = Page(client_of.get(world.scan.get_absolute_url()))
    assert "Somebody said so; nobody checked." in page.text
    assert "config digest" in page.text


def test_the_raw_report_comes_byte_for_byte(world, client_of):
    data = json.dumps(sarif_of(make.code_of(world.open.line))).encode()
    scan = make.run_job(make.upload(world.asset, data, {"scope": "full"})[0])
    response = client_of.get(f"{scan.get_absolute_url()}raw/")
    assert response.content == data
    assert response["Content-Type"] == "application/sarif+json"
    assert response["X-Content-Type-Options"] == "nosniff"


def test_a_scan_shows_what_it_was_evidence_for(world, client_of):
    scan = make.scan_fix(world.fix)
    page = Page(client_of.get(scan.get_absolute_url()))
    assert f"{world.open} under {world.fix}" in page.text


def test_the_list_filters(world, client_of):
    assert "No scan matches" in Page(client_of.get("/scans/?state=failed")).text
    assert len(Page(client_of.get("/scans/?purpose=line")).with_class("title")) == (
        Scan.objects.filter(purpose="line").count()
    )
