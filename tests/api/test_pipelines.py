"""Pipelines that show identity tokens: added, looked up and ended through the API."""

from scopes.models import PipelineIdentity

GITHUB = "https://token.actions.githubusercontent.com"


def body(world, **more):
    return {"asset": world.asset.pk, "issuer": GITHUB, "repository": "acme/web", **more}


def test_an_administrator_adds_a_pipeline_and_ends_it(api, world):
    client = api(world.admin)
    made = client.post("pipeline-identities/", body(world, repository_id="4242"))
    assert made.status_code == 201, made.text
    row = made.json()
    assert (row["repository"], row["repository_id"], row["workflow"]) == ("acme/web", "4242", "")
    assert (row["scope"], row["user"]["kind"]) == (world.scope.pk, "service")
    assert client.get(f"pipeline-identities/{row['id']}/").json() == row
    again = client.post("pipeline-identities/", body(world))
    assert (again.status_code, again.json()["type"]) == (409, "urn:ctem:problem:refused")
    ended = client.post(f"pipeline-identities/{row['id']}/end/")
    assert ended.json()["ended_at"] is not None
    assert client.post(f"pipeline-identities/{row['id']}/end/").json() == ended.json()
    assert client.post("pipeline-identities/", body(world)).status_code == 201


def test_pipelines_are_listed_by_asset_repository_and_whether_they_ended(api, world):
    client = api(world.viewer)
    of_shop = PipelineIdentity.objects.get(scope=world.scope)
    for query, found in (
        ("", [of_shop.pk]),
        (f"asset={world.asset.pk}", [of_shop.pk]),
        ("repository=acme/shop&ended=false", [of_shop.pk]),
        ("repository=acme/other", []),
        ("ended=true", []),
    ):
        rows = client.get(f"pipeline-identities/?{query}").json()["results"]
        assert [row["id"] for row in rows] == found, query


def test_an_issuer_that_the_server_takes_no_tokens_of_is_refused_with_those_it_does(api, world):
    refused = api(world.admin).post(
        "pipeline-identities/", body(world, issuer="https://evil.example")
    )
    assert (refused.status_code, refused.json()["where"]) == (400, "issuer")
    assert GITHUB in refused.json()["detail"]
