"""The findings list: filters in the URL, facets that count, pages that neither skip nor repeat."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from findings.models import Finding
from findings.statuses import OPEN, Status
from tests import factories as make
from tests.pages.markup import Page

QUERIES, WEIGHT = 15, 100_000
FINDING = re.compile(r"^/findings/([0-9]+)/$")


def rows_of(response):
    links = [FINDING.match(link) for link in Page(response).links()]
    return [int(match[1]) for match in links if match]


def many(finding, count):
    """Copy a finding; what a list shows of it differs from copy to copy."""
    columns = [c for c in Finding._meta.concrete_fields if c.name != "id"]
    values = {c.attname: getattr(finding, c.attname) for c in columns}
    copies = [
        {**values, "path": f"app/{'long/' * 12}copy_{n}.py", "priority_score": n % 7}
        for n in range(count)
    ]
    return Finding.objects.bulk_create(Finding(**copy) for copy in copies)


@pytest.fixture
def viewer_client(world, browse):
    return browse(world.member("viewer"))


def test_all_of_the_persons_findings_are_listed_most_urgent_first(world, viewer_client):
    listed = rows_of(viewer_client.get("/findings/"))
    by_priority = Finding.objects.order_by("-priority_score", "-pk").values_list("pk", flat=True)
    assert listed == list(by_priority)


@pytest.mark.parametrize("count", [3, 120])
def test_queries_and_weight_do_not_grow_with_the_findings(world, viewer_client, count):
    many(world.fresh, count)
    for url in ("/findings/", "/findings/?open=true&severity=high&q=app", "/findings/?ordering=id"):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            response = viewer_client.get(url)
        assert len(queries) <= QUERIES
        assert len(response.content) < WEIGHT


def test_other_lists_hold_their_queries(world, viewer_client):
    many(world.fresh, 60)
    for name in ("", "remediations/", "verification/", "scans/", "scopes/", "audit/"):
        with CaptureQueriesContext(connection) as queries:
            response = viewer_client.get(f"/{name}")
        assert len(queries) <= QUERIES, name
        assert len(response.content) < WEIGHT, name


def test_pages_neither_skip_nor_repeat_forward_or_back(world, viewer_client):
    many(world.fresh, 120)
    pages, url = [], "/findings/?ordering=-priority"
    while url:
        response = viewer_client.get(url)
        pages.append(rows_of(response))
        following = Page(response).all("a", rel="next")
        url = "/findings/" + following[0].attributes["href"] if following else ""
    assert [len(page) for page in pages] == [50, 50, 23]
    assert sorted(pk for page in pages for pk in page) == sorted(
        Finding.objects.values_list("pk", flat=True)
    )
    back = []
    while previous := Page(response).all("a", rel="prev"):
        response = viewer_client.get("/findings/" + previous[0].attributes["href"])
        back.append(rows_of(response))
    assert back == pages[-2::-1]
    assert not Page(response).all("a", rel="prev")


@pytest.mark.parametrize(
    "cursor", ["x", "nAAAA", "n" + "W10", "nbnVsbA", "p", "n{}", "nWyJhIiwiYiJd"]
)
def test_a_cursor_that_was_not_made_here_is_refused(world, viewer_client, cursor):
    response = viewer_client.get("/findings/", {"cursor": cursor})
    assert response.status_code == 400
    assert "start at its first page" in Page(response).text


def test_a_facet_counts_what_it_would_show(world, viewer_client):
    response = viewer_client.get("/findings/?open=true")
    page = Page(response)
    for link in page.all("a"):
        if (link.attributes.get("id") or "").startswith("f-"):
            shown = rows_of(viewer_client.get("/findings/" + link.attributes["href"]))
            assert link.text.split()[-1] == str(len(shown)), link.text


def test_a_second_click_on_a_facet_takes_it_back(world, viewer_client):
    page = Page(viewer_client.get("/findings/?status=mobilizing"))
    (active,) = [
        e for e in page.all("a", aria_current="true") if e.attributes["id"].startswith("f-status")
    ]
    assert active.text.startswith("mobilizing")
    assert active.attributes["href"] == "?"


def test_filters_stand_together_and_each_can_be_removed(world, viewer_client):
    response = viewer_client.get(
        "/findings/?status=prioritized&status=mobilizing&q=app&ordering=id"
    )
    assert rows_of(response) == sorted([world.open.pk, world.fresh.pk])
    chips = [e.attributes["href"] for e in Page(response).with_class("chip")]
    assert "?ordering=id&status=prioritized&status=mobilizing" in chips or (
        "?status=prioritized&status=mobilizing&ordering=id" in chips
    )


def test_an_empty_field_of_the_form_is_no_filter(world, viewer_client):
    assert len(rows_of(viewer_client.get("/findings/?q=&scope=&ordering="))) == 3


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("status=solved", "status:"),
        ("colour=red", "colour: there is no such filter"),
        ("scope=999999", "scope:"),
        ("ordering=owner", "ordering:"),
        ("q=%00", "q:"),
        ("introduced_by=-1", "introduced_by:"),
    ],
)
def test_a_filter_that_cannot_be_used_shows_nothing_and_says_why(
    world, viewer_client, query, words
):
    response = viewer_client.get(f"/findings/?{query}")
    assert response.status_code == 200
    assert rows_of(response) == []
    assert words in Page(response).text


def test_a_search_without_an_answer_says_what_to_do_next(world, viewer_client):
    page = Page(viewer_client.get("/findings/?q=nothing-like-this"))
    assert "No finding matches" in page.text and "Show all findings" in page.text


def test_htmx_gets_the_list_alone_and_the_back_button_the_whole_page(world, viewer_client):
    part = viewer_client.get("/findings/", headers={"HX-Request": "true"}).content.decode()
    assert part.lstrip().startswith('<div id="list"')
    restored = {"HX-Request": "true", "HX-History-Restore-Request": "true"}
    assert "<html" in viewer_client.get("/findings/", headers=restored).content.decode()


def test_the_views_above_the_list_are_filters_too(world, viewer_client, browse):
    developer = world.member("developer")
    Finding.objects.filter(pk=world.fresh.pk).update(assigned_to=developer)
    page = Page(browse(developer).get("/findings/"))
    tabs = {e.text: e.attributes for e in page.all("a") if "view-" in e.attributes.get("id", "")}
    assert tabs["All"]["aria-current"] == "true"
    mine = browse(developer).get("/findings/" + tabs["Mine"]["href"])
    assert rows_of(mine) == [world.fresh.pk]
    complete = viewer_client.get("/findings/" + tabs["Complete"]["href"])
    assert rows_of(complete) == [world.closed.pk]


def test_a_list_shows_both_lamps_and_never_by_colour_alone(world, viewer_client):
    make.scan_fix(world.fix)
    page = Page(viewer_client.get(f"/findings/?q={world.open.path}"))
    assert [e.text for e in page.with_class("lamp")] == ["Safe? pass", "Right? unknown"]


def test_the_home_page_counts_each_queue_and_links_to_its_rows(world, viewer_client):
    page = Page(viewer_client.get("/"))
    counts = dict.fromkeys((s.value for s in OPEN if s != Status.AWAITING_VERIFICATION), 0)
    for queue in page.with_class("queue"):
        _, _, status = queue.attributes["href"].partition("/findings/?status=")
        if status:
            assert queue.text.split()[0] == str(
                len(rows_of(viewer_client.get(queue.attributes["href"])))
            )
            del counts[status]
    assert counts == {}


# --- counting ------------------------------------------------------------------------------------
def test_a_page_never_counts_findings(world, viewer_client):
    for address in (
        "/findings/?open=true",
        "/findings/?severity=high&severity=low",
        "/",
        "/scopes/",
    ):
        with CaptureQueriesContext(connection) as asked:
            assert viewer_client.get(address).status_code == 200
        counting = [q["sql"] for q in asked if "COUNT(" in q["sql"].upper()]
        assert [sql for sql in counting if 'FROM "findings_finding"' in sql] == [], address


def test_under_other_filters_a_part_is_counted_and_the_page_says_so(
    world, viewer_client, monkeypatch
):
    monkeypatch.setattr("findings.facets.MOST", 2)
    monkeypatch.setattr("scans.views.findings.MOST", 2)
    many(world.fresh, 5)
    text = viewer_client.get(f"/findings/?rule={world.fresh.rule}").content.decode()
    assert "2+ findings" in text
    assert "of the first 2 findings" in text
