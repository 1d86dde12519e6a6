"""Saved views, columns, many at once, export, the palette, Markdown: working on the list of findings."""

import csv
import io
import json
from collections import Counter

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from openpyxl import load_workbook

from core.models import Event
from findings.columns import COLUMNS
from findings.models import Comment, Finding, FindingTag, ListChoice, SavedView, Tag
from findings.services import add_comment, choose_list, save_view
from findings.statuses import Status
from tests import factories as make
from tests.pages.markup import Page, faults
from tests.pages.payloads import PAYLOADS
from tests.pages.test_findings_list import QUERIES, WEIGHT, many, rows_of


@pytest.fixture
def viewer(world):
    return world.member("viewer")


@pytest.fixture
def analyst(world):
    return world.member("analyst")


# --- saved views ---------------------------------------------------------------------------------
def test_a_list_is_saved_under_a_name_and_its_address_shows_it_again(world, browse, viewer):
    client = browse(viewer)
    page = Page(client.get("/findings/views/?status=mobilizing&ordering=id"))
    (kept,) = page.all("input", name="filter", type="hidden")[:1]
    assert kept.attributes["value"] == "status=mobilizing&ordering=id"
    body = {"do": "save", "name": "Being fixed", "filter": kept.attributes["value"],
            "columns": ["priority", "tool", "tags"]}  # fmt: skip
    answer = client.post("/findings/views/", body)
    assert answer["Location"] == "/findings/?view=being-fixed"
    shown = client.get(answer["Location"])
    assert rows_of(shown) == [world.open.pk]
    page = Page(shown)
    assert [e.text for e in page.all("a", id="view-saved")] == ["Being fixed"]
    assert [e.text for e in page.all("th", scope="col")][-3:] == ["Finding", "Tool", "Tags"]
    assert browse(world.member("analyst")).get("/findings/?view=being-fixed").status_code == 200
    text = Page(browse(world.member("analyst")).get("/findings/?view=being-fixed")).text
    assert "there is no view called 'being-fixed'" in text


def test_what_an_address_says_itself_counts_before_the_view_that_it_names(world, browse, viewer):
    client = browse(viewer)
    name = f"{world.scope.slug}/grave"
    all_of_it = set(rows_of(client.get(f"/findings/?view={name}")))
    assert all_of_it == set(Finding.objects.filter(severity="high").values_list("pk", flat=True))
    less = rows_of(client.get(f"/findings/?view={name}&status=prioritized"))
    assert less == [world.fresh.pk]
    page = Page(client.get(f"/findings/?view={name}"))
    assert "?" in [e.attributes["href"] for e in page.with_class("chip")]


def test_the_pages_of_a_view_keep_its_name(world, browse, viewer):
    many(world.fresh, 60)
    save_view(name="All", query="", by=viewer, at=make.now())
    (following,) = Page(browse(viewer).get("/findings/?view=all")).all("a", rel="next")
    assert following.attributes["href"].startswith("?view=all&cursor=")
    assert len(rows_of(browse(viewer).get("/findings/" + following.attributes["href"]))) == 13


def test_findings_begin_with_what_is_open_or_with_the_view_that_one_chose(world, browse, viewer):
    client = browse(viewer)
    page = Page(client.get("/"))
    (link,) = [
        e for e in page.all("a") if e.text.startswith("Findings") and "data-go" in e.attributes
    ]
    assert link.attributes["href"] == "/findings/?view=default"
    assert world.closed.pk not in rows_of(client.get("/findings/?view=default"))
    view = save_view(name="Done", query="status=mobilization_complete", by=viewer, at=make.now())
    client.post("/findings/views/", {"do": "default", "view": view.pk})
    assert rows_of(client.get("/findings/?view=default")) == [world.closed.pk]
    client.post(f"/findings/views/{view.pk}/remove/")
    assert world.closed.pk not in rows_of(client.get("/findings/?view=default"))


def test_columns_are_remembered_for_each_person_and_with_a_view(world, browse, viewer):
    client = browse(viewer)
    answer = client.post(
        "/findings/views/", {"do": "columns", "columns": ["asset", "ssvc"], "back": "open=true"}
    )
    assert answer["Location"] == "/findings/?open=true"
    heads = [e.text for e in Page(client.get("/findings/")).all("th", scope="col")]
    assert heads[-3:] == ["Finding", "Asset", "SSVC"]
    view = save_view(name="V", query="", by=viewer, at=make.now())
    client.post(f"/findings/views/{view.pk}/change/", {"do": "columns", "columns": ["line"]})
    heads = [e.text for e in Page(client.get("/findings/?view=v")).all("th", scope="col")]
    assert heads[-2:] == ["Finding", "Line"]
    assert ListChoice.objects.get(user=viewer).columns == ["asset", "ssvc"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"do": "save", "name": "x", "filter": "colour=red"}, "no filter called"),
        ({"do": "save", "name": "", "filter": ""}, "Name:"),
        ({"do": "columns", "columns": ["colour"]}, "Columns:"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_the_place(world, browse, viewer, body, words):
    assert words in Page(browse(viewer).post("/findings/views/", body, follow=True)).text
    assert SavedView.objects.count() == 1 and not ListChoice.objects.exists()


def test_every_column_can_be_shown_within_the_weight_and_the_queries(world, browse, viewer):
    choose_list(columns=list(COLUMNS), by=viewer, at=make.now())
    many(world.fresh, 60)
    for number in range(30):
        save_view(name=f"View {number}", query="open=true", by=viewer, at=make.now())
    client = browse(viewer)
    with CaptureQueriesContext(connection) as asked:
        response = client.get("/findings/?severity=high&view=default")
    assert response.status_code == 200 and len(rows_of(response)) >= 50
    assert len(asked) <= QUERIES + 1, [q["sql"][:120] for q in asked]
    assert len(response.content) < 2 * WEIGHT
    assert list(faults(Page(response))) == []


# --- many at once --------------------------------------------------------------------------------
def chosen_of(response):
    return Page(response).all("input", name="chosen")[0].attributes["value"]


def test_chosen_findings_are_looked_at_then_moved_and_each_refusal_says_why(world, browse, analyst):
    client = browse(analyst)
    pks = [world.closed.pk, world.open.pk, world.fresh.pk]
    page = client.get("/findings/bulk/", {"findings": pks, "filter": "rule=x"})
    chosen = chosen_of(page)
    assert sorted(map(int, chosen.split(","))) == sorted(pks)
    body = {"chosen": chosen, "action": "claim", "reason": "Fixed.", "filter": "rule=x"}
    before = Event.objects.count()
    preview = client.post("/findings/bulk/", {**body, "do": "preview"})
    text = Page(preview).text
    assert "would be done for 2, refused for 1. Nothing is written yet" in text
    assert "1 refused: “Claim fixed” is not possible while the finding is mobilization" in text
    assert Event.objects.count() == before
    done = Page(client.post("/findings/bulk/", {**body, "do": "do"}))
    assert "Done for 2 findings, refused for 1" in done.text
    assert "/findings/?rule=x" in done.links()
    statuses = dict(Finding.objects.values_list("pk", "status"))
    assert statuses[world.open.pk] == statuses[world.fresh.pk] == Status.AWAITING_VERIFICATION
    assert statuses[world.closed.pk] == Status.MOBILIZATION_COMPLETE


def test_all_that_match_are_the_most_urgent_up_to_the_limit_which_is_named(
    world, browse, analyst, monkeypatch
):
    many(world.fresh, 5)
    monkeypatch.setattr("scans.views.bulk.MAX_ASSIGNED", 3)
    page = browse(analyst).get("/findings/bulk/", {"all": "on", "filter": "open=true"})
    ranked = Finding.objects.open().order_by("-priority_score", "-pk").values_list("pk", flat=True)
    assert list(map(int, chosen_of(page).split(","))) == list(ranked[:3])
    assert "3 at once is the limit" in Page(page).text


def test_a_transition_that_has_a_way_back_offers_it_right_after(world, browse, analyst):
    client = browse(analyst)
    body = {"chosen": f"{world.open.pk},{world.fresh.pk}", "action": "mark_duplicate",
            "duplicate_of": world.closed.pk, "do": "do"}  # fmt: skip
    page = Page(client.post("/findings/bulk/", body))
    assert set(Finding.objects.filter(status="duplicate").values_list("pk", flat=True)) == {
        world.open.pk, world.fresh.pk}  # fmt: skip
    form = {e.attributes["name"]: e.attributes.get("value", "") for e in page.all("input")
            if e.within("form") and "name" in e.attributes}  # fmt: skip
    assert form["action"] == "reopen" and "Take it back for 2" in page.text
    client.post("/findings/bulk/", {**form, "do": "do"})
    assert not Finding.objects.filter(status="duplicate").exists()
    claimed = Page(client.post("/findings/bulk/", {
        "chosen": str(world.fresh.pk), "action": "claim", "reason": "Fixed.", "do": "do"}))  # fmt: skip
    assert "Done for 1 finding" in claimed.text and "Take it back" not in claimed.text


def test_many_are_assigned_and_given_back_to_whom_they_were(world, browse, analyst):
    developer = world.member("developer")
    Finding.objects.filter(pk=world.open.pk).update(assigned_to=developer)
    client = browse(analyst)
    body = {"chosen": f"{world.open.pk},{world.fresh.pk}", "action": "assign", "to": analyst.pk,
            "team": "", "do": "do"}  # fmt: skip
    page = Page(client.post("/findings/bulk/", body))
    assert set(Finding.objects.filter(assigned_to=analyst)) == {world.open, world.fresh}
    backs = {c.attributes["value"]: t.attributes["value"] for c, t in zip(
        page.all("input", name="chosen"), page.all("input", name="to"), strict=True)}  # fmt: skip
    assert backs == {str(world.open.pk): str(developer.pk), str(world.fresh.pk): "nobody"}
    for chosen, to in backs.items():
        client.post("/findings/bulk/", {**body, "chosen": chosen, "to": to})
    told = dict(Finding.objects.values_list("pk", "assigned_to_id"))
    assert told[world.open.pk] == developer.pk and told[world.fresh.pk] is None


def test_many_are_tagged_in_a_few_statements_with_one_event_and_untagged_exactly(
    world, browse, analyst
):
    copies = many(world.fresh, 40)
    client, tag = browse(analyst), {"action": "tag", "add": "PCI, web", "remove": "", "do": "do"}
    client.post("/findings/bulk/", {**tag, "chosen": str(world.fresh.pk), "add": "web"})
    chosen = ",".join(str(f.pk) for f in (world.fresh, *copies))
    events = Event.objects.count()
    with CaptureQueriesContext(connection) as asked:
        page = Page(client.post("/findings/bulk/", {**tag, "chosen": chosen}))
    assert len(asked) < 35
    assert Event.objects.count() == events + 1
    assert Event.objects.latest("pk").data["findings"] == sorted(map(int, chosen.split(",")))
    assert set(world.fresh.tagged.values_list("tag__name", flat=True)) >= {"pci", "web"}
    forms = zip(page.all("input", name="chosen"), page.all("input", name="remove"), strict=True)
    for ids, words in forms:
        client.post("/findings/bulk/", {**tag, "chosen": ids.attributes["value"], "add": "",
                                        "remove": words.attributes["value"]})  # fmt: skip
    names = set(world.fresh.tagged.values_list("tag__name", flat=True))
    assert "web" in names and "pci" not in names
    assert not copies[0].tagged.exists()


def test_many_are_merged_into_one_group(world, browse, analyst):
    two = many(world.fresh, 2)
    Finding.objects.filter(pk__in=[f.pk for f in two]).update(group=None)
    body = {"chosen": ",".join(str(f.pk) for f in two), "action": "group", "reason": "One call.",
            "title": ""}  # fmt: skip
    client = browse(analyst)
    client.post("/findings/bulk/", {**body, "do": "preview"})
    assert Finding.objects.get(pk=two[0].pk).group_id is None
    client.post("/findings/bulk/", {**body, "do": "do"})
    groups = set(Finding.objects.filter(pk__in=[f.pk for f in two]).values_list("group", flat=True))
    assert len(groups) == 1 and None not in groups


def test_who_may_not_triage_is_refused_each_and_nothing_is_written(world, browse, viewer):
    client, before = browse(viewer), Event.objects.count()
    assert not Page(client.get("/findings/")).all("form", id="chosen")
    for action, more in (
        ("claim", {"reason": "x"}),
        ("tag", {"add": "x"}),
        ("assign", {"to": "nobody"}),
    ):
        body = {"chosen": str(world.fresh.pk), "action": action, "do": "do", **more}
        assert "refused for 1" in Page(client.post("/findings/bulk/", body)).text
    assert Event.objects.count() == before


def test_findings_of_others_are_not_there_to_be_chosen(world, browse, outsider):
    client = browse(outsider)
    page = client.get("/findings/bulk/", {"findings": [world.fresh.pk]})
    assert "Nothing is chosen" in Page(page).text
    body = {"chosen": str(world.fresh.pk), "action": "tag", "add": "x", "do": "do"}
    before = Event.objects.count()
    client.post("/findings/bulk/", body)
    assert Event.objects.count() == before
    assert not world.fresh.tagged.filter(tag__name="x").exists()


@pytest.mark.parametrize("chosen", ["1,x", "1;2", ",".join(map(str, range(1, 1003)))])
def test_numbers_that_are_none_or_too_many_are_refused(world, browse, analyst, chosen):
    answer = browse(analyst).post(
        "/findings/bulk/", {"chosen": chosen, "action": "tag", "add": "x"}
    )
    assert answer.status_code == 400


# --- export --------------------------------------------------------------------------------------
def body_of(response):
    return b"".join(response.streaming_content)


def export(client, form, words=""):
    return client.post("/findings/export/", {"filter": words, "format": form})


def test_exactly_what_is_filtered_is_exported_in_its_order_by_each_form(world, browse, viewer):
    Finding.objects.filter(pk=world.open.pk).update(title="=cmd|'/c calc'!A0", path="@x/y.py")
    many(world.fresh, 8)
    client, words = browse(viewer), "open=true&ordering=priority"
    listed = rows_of(client.get(f"/findings/?{words}"))
    told = json.loads(body_of(export(client, "json", words)))
    assert [row["id"] for row in told["results"]] == listed and told["count"] == len(listed)
    rows = list(
        csv.DictReader(io.StringIO(body_of(export(client, "csv", words)).decode(), newline=""))
    )
    assert [int(row["id"]) for row in rows] == listed
    evil = next(row for row in rows if int(row["id"]) == world.open.pk)
    assert evil["title"] == "'=cmd|'/c calc'!A0" and evil["path"] == "'@x/y.py"
    sheet = load_workbook(io.BytesIO(body_of(export(client, "xlsx", words)))).active
    cells = list(sheet.iter_rows())
    assert [row[0].value for row in cells[1:]] == listed
    assert {cell.data_type for row in cells for cell in row} <= {"s", "n"}
    assert tuple(cell.value for cell in cells[0]) == tuple(told["results"][0])


def test_an_export_tells_what_is_known_of_a_finding(world, browse, viewer):
    told = json.loads(body_of(export(browse(viewer), "json", f"q=CTEM-{world.closed.pk}")))
    (row,) = told["results"]
    world.closed.refresh_from_db()
    assert row["reference"] == str(world.closed) and row["scope"] == world.scope.slug
    assert row["asset"] == world.asset.name and row["status"] == "mobilization_complete"
    assert row["clearance"] == world.closed.clearance_id and row["verified_at"].endswith("Z")
    assert row["last_seen_at"] and row["tags"] == [] and row["cwes"] == world.closed.cwes


def test_who_exported_what_is_an_event_of_each_scope_before_the_first_byte(world, browse, viewer):
    other = make.import_finding()
    make.add_member(other.scope, viewer, "viewer")
    answer = export(browse(viewer), "csv", "open=true")
    told = {e.scope_id: e for e in Event.objects.filter(action="findings.exported")}
    assert set(told) == {world.scope.pk, other.scope_id}
    for scope, event in told.items():
        count = Finding.objects.open().filter(scope=scope, set_aside="").count()
        assert event.data == {"count": count, "format": "csv", "filter": "open=true"}
        assert event.actor == viewer
    body_of(answer)
    assert Event.objects.filter(action="findings.exported").count() == 2


def test_an_outsider_exports_nothing_and_no_event_says_so(world, browse, outsider):
    rows = body_of(export(browse(outsider), "csv")).decode().splitlines()
    assert len(rows) == 1
    assert not Event.objects.filter(action="findings.exported").exists()


def test_more_than_a_sheet_holds_is_told_before_and_refused(world, browse, viewer, monkeypatch):
    monkeypatch.setattr("core.tables.MOST_OF_SHEET", 2)
    monkeypatch.setattr("findings.views.exporting.MOST_OF_SHEET", 2)
    client = browse(viewer)
    page = Page(client.get("/findings/export/"))
    assert "A sheet holds 2 rows" in page.text and page.control("XLSX").attributes["aria-disabled"]
    refused = client.post("/findings/export/", {"format": "xlsx", "filter": ""}, follow=True)
    assert "a sheet holds 2 rows" in Page(refused).text
    assert not Event.objects.filter(action="findings.exported").exists()
    assert len(body_of(export(client, "csv")).splitlines()) == 4


def test_the_statements_of_an_export_grow_by_the_thousand(world, browse, viewer, monkeypatch):
    monkeypatch.setattr("findings.exports.IN_ONE_PART", 10)
    client = browse(viewer)

    def asked():
        with CaptureQueriesContext(connection) as statements:
            body_of(export(client, "csv"))
        return len(statements)

    few = asked()
    many(world.fresh, 40)
    assert asked() - few == 4 * 3


def test_a_filter_that_cannot_be_used_exports_nothing(world, browse, viewer):
    answer = browse(viewer).post(
        "/findings/export/", {"format": "csv", "filter": "colour=red"}, follow=True
    )
    assert "no filter called" in Page(answer).text


# --- the palette ---------------------------------------------------------------------------------
def go(client, words):
    answer = client.get("/go/", {"q": words}, headers={"Accept": "application/json"})
    return [(hit["kind"], hit["url"]) for hit in answer.json()["hits"]]


def test_the_palette_leads_to_findings_fixes_places_pages_and_actions(world, browse, viewer):
    client, fresh = browse(viewer), world.fresh
    here = ("finding", fresh.get_absolute_url())
    for words in (f"CTEM-{fresh.pk}", f"ctem {fresh.pk}", str(fresh.pk)):
        assert go(client, words)[0] == here
    Finding.objects.filter(pk=fresh.pk).update(title="Überlauf im Parser")
    assert here in go(client, "überlauf")
    assert here in go(client, fresh.original_sha256[:12])
    assert go(client, f"FIX-{world.fix.pk}")[0] == ("fix", world.fix.get_absolute_url())
    assert ("fix", world.fix.get_absolute_url()) in go(client, world.fix.title[:9])
    assert ("scan", f"/scans/{world.scan.pk}/") in go(client, f"scan {world.scan.pk}")
    assert ("scope", f"/scopes/{world.scope.slug}/") in go(client, world.scope.name.upper())
    assert ("asset", f"/assets/{world.asset.pk}/") in go(client, world.asset.name)
    assert ("view", world.view.get_absolute_url()) in go(client, "grav")
    assert ("search", "/findings/?cwe=CWE-78") in go(client, "cwe-78")
    assert ("search", "/findings/?cve=CVE-2021-44228") in go(client, "cve-2021-44228")
    assert ("page", "/audit/") in go(client, "audit")
    assert ("action", "/tokens/") in go(client, "api token")
    assert ("page", "/") in go(client, "")


def test_the_palette_knows_nothing_of_others(world, browse, outsider):
    client = browse(outsider)
    for words in (str(world.fresh), world.fresh.title, world.fresh.original_sha256[:12], "grave",
                  world.scope.name, world.asset.name, str(world.fix), f"scan {world.scan.pk}"):  # fmt: skip
        assert {kind for kind, _ in go(client, words)} <= {"page", "action", "search"}


def test_every_place_of_the_palette_is_there(world, browse):
    client = browse(world.member("admin"))
    for _, url in go(client, ""):
        assert client.get(url).status_code == 200, url


def test_the_palette_asks_a_bounded_number_of_times(world, browse, viewer):
    many(world.fresh, 60)
    client = browse(viewer)
    for words in ("view", "CTEM-1", "abcdef012345"):
        with CaptureQueriesContext(connection) as asked:
            go(client, words)
        assert len(asked) <= QUERIES, words


def test_without_a_script_the_palette_is_a_page(world, browse, viewer):
    page = Page(browse(viewer).get("/go/", {"q": f"CTEM-{world.fresh.pk}"}))
    assert world.fresh.get_absolute_url() in page.links() and list(faults(page)) == []


# --- Markdown ------------------------------------------------------------------------------------
def test_lists_findings_and_fixes_are_told_as_markdown_with_whole_addresses(world, browse, viewer):
    client = browse(viewer)
    table = client.get("/findings/markdown/?open=true")
    assert table["Content-Type"] == "text/plain; charset=utf-8"
    lines = table.content.decode().splitlines()
    assert lines[0].startswith("| Priority | Finding |")
    assert (
        f"[CTEM-{world.fresh.pk}](http://testserver/findings/{world.fresh.pk}/)"
        in table.content.decode()
    )
    assert lines[-1] == "The list: http://testserver/findings/?open=true"
    one = client.get(f"/findings/{world.open.pk}/markdown/").content.decode()
    assert one.startswith(f"### [CTEM-{world.open.pk}](http://testserver/findings/")
    assert "**Safe?**" in one or "**Next:**" in one
    fix = client.get(f"/remediations/{world.fix.pk}/markdown/").content.decode()
    assert f"[FIX-{world.fix.pk}]" in fix and f"CTEM-{world.open.pk}" in fix


def test_text_of_strangers_has_no_effect_in_markdown(world, browse, viewer):
    evil = "| a | [x](javascript:1) <img src=x> @everyone `x` #1"
    Finding.objects.filter(pk=world.fresh.pk).update(title=evil)
    for url in ("/findings/markdown/?open=true", f"/findings/{world.fresh.pk}/markdown/"):
        text = browse(viewer).get(url).content.decode()
        assert "<img" not in text and "@everyone" not in text and "[x](" not in text
        assert "\\| a \\|" in text


# --- texts of strangers --------------------------------------------------------------------------
BAD_ADDRESSES = ("javascript", "data:", "vbs", "//", "java\t")


def skeleton(page):
    """How often there is which tag with attributes of which names: all of a page that is not text."""
    return Counter((e.tag, *sorted(e.attributes)) for e in page.elements)


@pytest.mark.parametrize("half", [0, 1])
def test_no_text_becomes_markup_on_any_of_these_pages(world, browse, analyst, half):
    """T14: a payload changes the text of a page, and nothing that a browser would act on."""
    texts, client, at = PAYLOADS[half::2], browse(analyst), make.now()
    rows = many(world.fresh, len(texts))
    views = [save_view(name=f"view {n}", query="", by=analyst, at=at) for n in range(len(texts))]
    notes = [add_comment(finding=world.fresh, body="x", by=analyst, at=at) for _ in texts]
    tag = Tag.objects.create(scope=world.scope, name="plain")
    FindingTag.objects.create(finding=rows[0], tag=tag, scope=world.scope, at=at, by=analyst)
    choose_list(columns=["tags", "asset", "tool", "weakness"], by=analyst, at=at)
    chosen = "&".join(f"findings={row.pk}" for row in rows[:12])
    pages = (f"/findings/?view={views[0].address}&status={world.fresh.status}", "/go/?q=Z-mark",
             "/findings/views/?open=true", f"/findings/{world.fresh.pk}/", f"/findings/bulk/?{chosen}")  # fmt: skip

    def put(text_of):
        for number, (row, view, note) in enumerate(zip(rows, views, notes, strict=True)):
            text = text_of(number)
            told = {"rule": text, "path": text, "cwes": [text], "tool": text}
            Finding.objects.filter(pk=row.pk).update(title=f"Z-mark {text}", **told)
            SavedView.objects.filter(pk=view.pk).update(name=text)
            Comment.objects.filter(pk=note.pk).update(body=text)
        Tag.objects.filter(pk=tag.pk).update(name=text_of(0)[:60])
        world.asset.__class__.objects.filter(pk=world.asset.pk).update(name=text_of(1))

    put(lambda number: f"plain {number}")
    usual = [skeleton(Page(client.get(url))) for url in pages]
    put(lambda number: texts[number])
    for url, before in zip(pages, usual, strict=True):
        page = Page(client.get(url))
        assert skeleton(page) == before, url
        assert not [h for h in page.links() if h.lower().strip().startswith(BAD_ADDRESSES)], url
    shown = Page(client.get(f"/findings/{world.fresh.pk}/")).text
    assert not [text for text in texts if " ".join(text.split()) not in shown]


def test_a_mention_stands_out_and_the_rest_of_the_comment_is_text(world, browse, analyst):
    viewer = world.member("viewer")
    body = f"<b>@{viewer.username}</b> and @{viewer.username}x, mail me@{viewer.username}"
    add_comment(finding=world.fresh, body=body, by=analyst, at=make.now())
    page = Page(browse(analyst).get(world.fresh.get_absolute_url()))
    assert [e.text for e in page.with_class("mention")] == [f"@{viewer.username}"]
    (said,) = [e for e in page.with_class("said") if "mail me" in e.text]
    assert said.text == body
