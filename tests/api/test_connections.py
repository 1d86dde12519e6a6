"""Connections in the API: secrets go in and never come out again, but once; what they saw is read."""

import json

from forges.models import Connection, Repository
from forges.services.opening import webhook_secrets
from tests import factories as make
from tests.forges.connected import TOKEN

BODY = {"forge": "github", "name": "Other", "account": "acme", "key": TOKEN}


def test_a_connection_is_made_changed_and_ended_and_no_secret_comes_back(api, world):
    admin = api(world.admin)
    made = admin.post("connections/", {**BODY, "scope": world.scope.pk, "include": ["acme/*"]})
    assert made.status_code == 201
    told = made.json()
    row = Connection.objects.get(pk=told["connection"]["id"])
    assert webhook_secrets(row, make.now()) == [told["webhook_secret"]]
    assert told["webhook_address"] == f"http://testserver/hooks/{row.hook}/"
    assert told["connection"]["include"] == ["acme/*"] and TOKEN not in made.text
    path = f"connections/{row.pk}/"
    changed = admin.post(f"{path}change/", {"mode": "block", "release_branches": ["v*"]})
    assert (changed.json()["mode"], changed.json()["release_branches"]) == ("block", ["v*"])
    renewed = admin.post(f"{path}webhook-secret/").json()["webhook_secret"]
    assert renewed != told["webhook_secret"]
    assert admin.post(f"{path}key/", {"key": "ghp_canary"}).status_code == 200
    assert admin.post(f"{path}look/").status_code == 200
    assert admin.post(f"{path}end/").json()["state"] == "ended"
    assert admin.post(f"{path}look/").status_code == 409
    for user in (world.admin, world.viewer):
        read = json.dumps([api(user).get(p).json() for p in ("connections/", path, "events/")])
        for hidden in (TOKEN, "ghp_canary", renewed, told["webhook_secret"], row.hook, "sealed"):
            assert hidden not in read


def test_what_cannot_be_used_is_400_with_its_place_and_without_the_key(api, world):
    admin = api(world.admin)
    before = Connection.objects.count()
    for members, where in (
        ({"api": "http://10.0.0.1/"}, "api"),
        ({"key": "two words"}, "key"),
        ({"sign_in": "app"}, "app_id"),
        ({"include": ["a b"]}, "include/0"),
    ):
        response = admin.post("connections/", {**BODY, "scope": world.scope.pk, **members})
        assert (response.status_code, response.json()["where"]) == (400, where)
        assert TOKEN not in response.text and "two words" not in response.text
    again = {**BODY, "scope": world.scope.pk, "name": "Acme"}
    assert admin.post("connections/", again).status_code == 409
    assert Connection.objects.count() == before


def test_progress_is_told_in_numbers(api, world):
    row = Connection.objects.get(scope=world.scope)
    told = api(world.viewer).get(f"connections/{row.pk}/").json()
    assert (told["repositories"], told["looked_at_repositories"]) == (1, 0)
    Repository.objects.filter(connection=row).update(looked_at=make.now())
    told = api(world.viewer).get(f"connections/{row.pk}/").json()
    assert (told["repositories"], told["looked_at_repositories"]) == (1, 1)


def test_repositories_and_pull_requests_are_read_and_filtered(api, world):
    viewer = api(world.viewer)
    row = Connection.objects.get(scope=world.scope)
    (repository,) = viewer.get(f"repositories/?connection={row.pk}").json()["results"]
    assert (repository["asset"], repository["host_id"]) == (world.asset.pk, "77")
    (pull,) = viewer.get(f"pull-requests/?repository={repository['id']}&state=open").json()[
        "results"
    ]
    assert (pull["remediation"], pull["number"]) == (world.fix.pk, 7)
    assert viewer.get("pull-requests/?state=merged").json()["results"] == []
    assert viewer.get("connections/?forge=gitlab&state=active").json()["results"] == []
    assert viewer.get("connections/?forge=svn").status_code == 400
