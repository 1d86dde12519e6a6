"""Saved views and the export through the API: whose, by which filter, and what tokens may."""

import csv
import io
import json

from core.models import Event
from core.permissions import Role
from findings.models import Comment, SavedView
from tests import factories as make
from tests.api.conftest import V1


def test_a_view_is_saved_changed_and_removed_and_others_do_not_see_it(api, world):
    client, other = api(world.viewer), api(world.analyst)
    body = {
        "name": "Grave",
        "filter": "ordering=-priority&severity=high&cursor=x",
        "columns": ["due"],
    }
    made = client.post("views/", body).json()
    assert made["filter"] == "ordering=-priority&severity=high" and made["scope"] is None
    assert made["address"] == "grave"
    changed = client.call("patch", f"views/{made['id']}/", {"name": "Very grave"}).json()
    assert changed["address"] == "very-grave"
    assert other.get(f"views/{made['id']}/").status_code == 404
    assert made["id"] not in [row["id"] for row in other.get("views/").json()["results"]]
    assert client.post("views/", {"name": "Very Grave"}).status_code == 409
    assert client.call("delete", f"views/{made['id']}/").status_code == 204
    assert not SavedView.objects.filter(pk=made["id"]).exists()


def test_filters_and_columns_that_are_none_are_refused_by_their_place(api, world, elsewhere):
    client = api(world.viewer)
    for told in (
        {"filter": "colour=red"},
        {"filter": f"scope={elsewhere.scope.pk}"},
        {"columns": ["x"]},
    ):
        assert client.post("views/", {"name": "x", **told}).status_code == 400


def test_tokens_that_only_read_or_are_for_some_scopes_keep_no_view_of_their_owner(api, world):
    for limits in ({"permissions": ["read"]}, {"scopes": [world.scope]}):
        client = api(world.analyst, **limits)
        before = SavedView.objects.count()
        assert client.post("views/", {"name": "Mine"}).status_code == 403
        assert SavedView.objects.count() == before


def exported(api, user, query="", **limits):
    response = api(user, **limits).get(f"findings/export/{query}")
    assert response.status_code == 200, response.content
    assert response["Content-Disposition"].startswith("attachment")
    return b"".join(response.streaming_content)


def test_all_that_the_filters_let_through_is_exported_and_told_of(api, world, elsewhere):
    query = "open=true&ordering=id"
    listed = api(world.viewer).get(f"findings/?{query}").json()["results"]
    told = json.loads(exported(api, world.viewer, f"?{query}"))
    assert [row["id"] for row in told["results"]] == [row["id"] for row in listed]
    rows = csv.DictReader(io.StringIO(exported(api, world.viewer, f"?format=csv&{query}").decode()))
    assert [int(row["id"]) for row in rows] == [row["id"] for row in listed]
    events = Event.objects.filter(action="findings.exported")
    assert [e.data["format"] for e in events.order_by("pk")] == ["json", "csv"]
    assert {(e.scope_id, e.actor_id, e.data["filter"]) for e in events} == {
        (world.scope.pk, world.viewer.pk, "open=true&ordering=id")}  # fmt: skip


def test_a_token_for_one_scope_exports_that_scope_alone(api, world, elsewhere):
    both = make.add_member(elsewhere.scope, world.admin, Role.ADMIN)
    told = json.loads(exported(api, both, scopes=[world.scope]))
    assert {row["scope"] for row in told["results"]} == {world.scope.slug}


def test_what_a_file_has_not_is_refused(api, world):
    client = api(world.viewer)
    for query in ("format=pdf", "cursor=x", "page_size=3", "fields=id", "nonsense=1"):
        assert client.get(f"findings/export/?{query}").status_code == 400, query
    assert not Event.objects.filter(action="findings.exported").exists()


def test_a_comment_is_changed_by_who_wrote_it_and_removed_by_them_or_an_administrator(api, world):
    path = f"{V1}/findings/{world.open.pk}/comments"
    row = api(world.developer).post(f"{path}/", {"body": "secret"}).json()
    assert api(world.analyst).post(f"{path}/{row['id']}/change/", {"body": "x"}).status_code == 403
    assert api(world.analyst).post(f"{path}/{row['id']}/remove/").status_code == 403
    changed = api(world.developer).post(f"{path}/{row['id']}/change/", {"body": "better"}).json()
    assert changed["body"] == "better" and changed["changed_at"]
    removed = api(world.admin).post(f"{path}/{row['id']}/remove/").json()
    assert removed["body"] == "" and removed["removed_by"]["username"] == world.admin.username
    assert (
        api(world.developer).post(f"{path}/{row['id']}/change/", {"body": "x"}).status_code == 409
    )
    assert Comment.objects.get(pk=row["id"]).body == ""
    told = Event.objects.filter(action__startswith="finding.comment", data__comment=row["id"])
    assert "secret" not in json.dumps([event.data for event in told])
    elsewhere = f"{V1}/findings/{world.fresh.pk}/comments/{row['id']}/remove/"
    assert api(world.admin).post(elsewhere).status_code == 404
