"""Open pages learn cheaply whether anything changed."""

from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.models import Job, JobState
from findings.services import add_comment
from scans.models import Scan
from tests import factories as make
from tests.code import Code
from tests.pages.markup import Page


def ask(client, tag=""):
    return client.get("/live/", headers={"If-None-Match": tag} if tag else {})


def test_a_page_that_knows_all_gets_304_in_few_statements_and_is_told_when_to_ask_again(
    world, browse
):
    client = browse(world.member("viewer"))
    first = ask(client)
    assert first.status_code == 200 and first["Poll-After"] == "15"
    with CaptureQueriesContext(connection) as asked:
        again = ask(client, first["ETag"])
    assert again.status_code == 304 and not again.content and again["ETag"] == first["ETag"]
    assert len(asked) <= 5


def test_what_happens_in_a_scope_is_a_new_version_for_its_members_alone(world, browse, outsider):
    inside, outside = browse(world.member("viewer")), browse(outsider)
    before = ask(inside)["ETag"], ask(outside)["ETag"]
    add_comment(finding=world.fresh, body="x", by=world.member("analyst"), at=make.now())
    assert ask(inside, before[0]).status_code == 200
    assert ask(outside, before[1]).status_code == 304


def test_work_that_goes_on_is_a_new_version_with_each_step_and_asked_for_more_often(world, browse):
    client = browse(world.member("viewer"))
    scan, _ = make.upload(world.asset, Code({"app/other.py": "x = 1\n"}))
    waiting = ask(client)
    assert waiting["Poll-After"] == "2"
    Scan.objects.filter(pk=scan.pk).update(progress_done=10)
    moved = ask(client, waiting["ETag"])
    assert moved.status_code == 200
    Job.objects.filter(subject_id=scan.pk).update(state=JobState.DONE)
    assert ask(client, moved["ETag"])["Poll-After"] == "15"


def test_a_scan_that_is_read_listens_and_its_page_says_where_to_ask(world, browse):
    scan, _ = make.upload(world.asset, Code({"app/another.py": "x = 2\n"}))
    page = Page(browse(world.member("viewer")).get(f"/scans/{scan.pk}/"))
    (part,) = [e for e in page.elements if e.attributes.get("id") == "progress"]
    assert part.attributes["hx-trigger"].startswith("live from:body")
    assert [e for e in page.elements if e.attributes.get("data-live") == "/live/"]
