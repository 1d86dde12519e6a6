"""Scopes, members, assets, policies, events, tokens, and who one is."""

import pytest
from rest_framework.test import APIClient

from core.models import Event, Session
from core.permissions import Role
from scopes.models import ApiToken, Scope
from tests import factories as make
from tests.api.bodies import STRICTER
from tests.api.conftest import V1, stored


@pytest.fixture
def browser(world):
    """The analyst, signed in with a browser."""
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(world.analyst)
    return client


def test_an_administrator_makes_a_scope_and_administers_it(api, world):
    response = api(world.admin).post(
        "scopes/", {"name": "Warehouse", "slug": "warehouse", "exposure": "internet"}
    )
    assert response.status_code == 201
    row = response.json()
    assert (row["exposure"], row["criticality"]) == ("internet", "medium")
    assert row["sla_days"]["critical"] == 7
    me = api(world.admin).get("me/").json()
    assert {"scope": row["id"], "role": "admin"}.items() <= me["roles"][-1].items()


def test_a_scope_is_made_by_people_who_administer_one_already(api, world):
    """Not by members, superusers, services, or a token that is bound to one scope."""
    body = {"name": "Warehouse", "slug": "warehouse"}
    root = make.make_user("root")
    root.is_superuser = root.is_staff = True
    root.save()
    robot = make.add_member(world.scope, make.make_user("robot", "service"), Role.ADMIN)
    clients = [api(world.approver), api(root), api(robot), api(world.admin, scopes=[world.scope]),
               api(world.admin, permissions=["read", "triage"])]  # fmt: skip
    for client in clients:
        assert client.post("scopes/", body).status_code == 403
    assert not Scope.objects.filter(slug="warehouse").exists()


NO_SCOPES = [
    {"slug": "a b"},
    {"slug": "x" * 61},
    {"name": ""},
    {"criticality": "huge"},
    {"policy": 1},
    {"sla_days": {}},
    {"name": ["x"]},
    {"name": "x" * 121},
]


def test_a_scope_of_the_wrong_shape_is_refused(api, world):
    client = api(world.admin)
    for change in NO_SCOPES:
        body = {"name": "Warehouse", "slug": "warehouse", **change}
        response = client.post("scopes/", body)
        assert response.status_code == 400
        assert set(response.json()["errors"]) == set(change)


def test_a_slug_that_is_taken_is_a_refusal_not_a_crash(api, world):
    body = {"name": "Again", "slug": world.scope.slug}
    assert api(world.admin).post("scopes/", body).status_code == 409


def test_members_are_listed_and_set_by_administrators(api, world):
    path = f"scopes/{world.scope.pk}/members/"
    make.make_user("new-colleague")
    response = api(world.admin).post(path, {"username": "new-colleague", "role": "developer"})
    assert response.status_code == 201
    assert (
        api(world.admin).post(path, {"username": "new-colleague", "role": "viewer"}).status_code
        == 201
    )
    rows = api(world.viewer).get(path).json()["results"]
    assert {row["user"]["username"]: row["role"] for row in rows}["new-colleague"] == "viewer"


def test_nobody_changes_their_own_role(api, world):
    body = {"username": world.admin.username, "role": "approver"}
    assert api(world.admin).post(f"scopes/{world.scope.pk}/members/", body).status_code == 403


def test_who_may_not_administer_learns_of_no_account(api, world, outsider):
    path = f"scopes/{world.scope.pk}/members/"
    answers = [
        api(world.approver).post(path, {"username": name, "role": "viewer"})
        for name in (outsider.username, "nobody-at-all")
    ]
    assert [answer.status_code for answer in answers] == [403, 403]
    assert answers[0].json() == answers[1].json()
    unknown = api(world.admin).post(path, {"username": "nobody-at-all", "role": "viewer"})
    assert unknown.json()["errors"] == {"username": ["Not found."]}


def test_an_asset_is_made_with_its_line(api, world):
    body = {"scope": world.scope.pk, "name": "mobile", "default_line": "trunk"}
    row = api(world.admin).post("assets/", body).json()
    assert [(line["name"], line["kind"]) for line in row["lines"]] == [("trunk", "default")]
    assert api(world.admin).post("assets/", body).status_code == 409
    rows = api(world.viewer).get(f"assets/?scope={world.scope.pk}&ordering=name").json()["results"]
    names = [asset["name"] for asset in rows]
    assert names == sorted(names) and {"mobile", world.asset.name} < set(names)


def test_policies_show_their_exact_text(api, world):
    client = api(world.viewer)
    (row,) = client.get("policies/").json()["results"]
    assert client.get(f"policies/{row['id']}/").json()["toml"] == world.scope.policy.toml
    assert "toml" not in row


def test_events_are_those_of_visible_scopes_and_are_filtered(api, world, elsewhere, outsider):
    client = api(world.viewer)
    rows = client.get("events/?page_size=200").json()["results"]
    assert {row["scope_id"] for row in rows} == {world.scope.pk}
    found = client.get(
        f"events/?subject=finding&subject_id={world.closed.pk}&action=finding.complete"
    ).json()["results"]
    assert [(row["actor"], row["action"]) for row in found] == [(None, "finding.complete")]
    assert client.get(f"events/?scope={elsewhere.scope.pk}").status_code == 400
    assert (
        client.get(f"events/?scope={world.scope.pk}&after=2099-01-01T00:00:00Z").json()["results"]
        == []
    )
    mine = {row["scope_id"] for row in api(outsider).get("events/").json()["results"]}
    assert world.scope.pk not in mine


def test_the_chain_can_be_followed_over_the_api(api, world):
    rows = api(world.viewer).get("events/?ordering=id&page_size=200").json()["results"]
    assert [row["prev_hash"] for row in rows[1:]] == [row["hash"] for row in rows[:-1]]


def test_me_says_who_asks_with_which_roles_and_token(api, world):
    me = api(world.developer, permissions=["claim"]).get("me/").json()
    assert me["user"]["username"] == world.developer.username
    assert [role["role"] for role in me["roles"]] == ["developer"]
    assert me["token"]["permissions"] == ["claim"]
    assert "key" not in me["token"] and "digest" not in me["token"]


def test_a_browser_makes_a_token_and_sees_its_key_once(browser, world):
    """Sessions work, with the CSRF token that pages send."""
    body = {
        "name": "laptop",
        "days": 7,
        "permissions": ["read", "claim"],
        "scopes": [world.scope.pk],
    }
    assert browser.post(f"{V1}/tokens/", body, format="json").status_code == 403  # no CSRF token
    browser.cookies["csrftoken"] = "a" * 32
    made = browser.post(f"{V1}/tokens/", body, format="json", headers={"X-CSRFToken": "a" * 32})
    assert made.status_code == 201, made.text
    key = made.json()["key"]
    assert key.startswith("ctem_")
    listed = browser.get(f"{V1}/tokens/").json()["results"]
    assert key not in str(listed) and listed[0]["prefix"] == key[:12]
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    assert client.get(f"{V1}/findings/").status_code == 200
    assert (
        client.post(f"{V1}/findings/{world.open.pk}/comments/", {"body": "Hi."}).status_code == 201
    )
    assign = {"to": world.analyst.pk}
    assert client.post(f"{V1}/findings/{world.open.pk}/assign/", assign).status_code == 403
    assert Session.objects.count() == 1


def test_a_token_makes_no_token(api, world):
    before = ApiToken.objects.count()
    client = api(world.analyst)
    assert client.post("tokens/", {"name": "more"}).status_code == 403
    assert ApiToken.objects.count() == before + 1  # the client's own


NO_TOKENS = [
    {"days": 0},
    {"days": 367},
    {"permissions": ["root"]},
    {"user": 1},
    {"scopes": [2**50]},
    {"name": ""},
]


def test_a_token_of_the_wrong_shape_is_refused(browser):
    for change in NO_TOKENS:
        browser.cookies["csrftoken"] = "a" * 32
        response = browser.post(
            f"{V1}/tokens/",
            {"name": "x", **change},
            format="json",
            headers={"X-CSRFToken": "a" * 32},
        )
        assert response.status_code == 400
        assert set(response.json()["errors"]) == set(change)


def test_a_token_for_one_scope_sees_no_other(api, world, elsewhere):
    user = make.add_member(elsewhere.scope, world.analyst, Role.ANALYST)
    assert len(api(user).get("scopes/").json()["results"]) == 2
    (row,) = api(user, scopes=[elsewhere.scope]).get("scopes/").json()["results"]
    assert row["id"] == elsewhere.scope.pk


def test_one_revokes_ones_own_tokens_and_no_others(api, world):
    mine, other = api(world.analyst), api(world.developer)
    (row,) = mine.get("tokens/").json()["results"]
    before = stored()
    assert other.call("delete", f"tokens/{row['id']}/").status_code == 404
    assert other.post(f"tokens/{row['id']}/revoke/").status_code == 404
    assert stored() == before
    assert mine.post(f"tokens/{row['id']}/revoke/").json()["revoked_at"]
    assert mine.get("me/").status_code == 401
    again = api(world.analyst)
    pk = ApiToken.objects.filter(user=world.analyst).latest("pk").pk
    assert again.call("delete", f"tokens/{pk}/").status_code == 204
    assert again.get("me/").status_code == 401
    assert Event.objects.filter(action="token.revoked").count() == 2


def test_a_token_revokes_only_itself(api, world):
    """A key in wrong hands must not lock its owner out."""
    first = api(world.analyst)
    (row,) = first.get("tokens/").json()["results"]
    second = api(world.analyst, permissions=["read"])
    assert second.post(f"tokens/{row['id']}/revoke/").status_code == 404
    assert first.get("me/").status_code == 200


@pytest.mark.parametrize("key", ["ctem_wrong", "", "é", "a b"])
def test_a_key_that_opens_nothing_is_401(db, key):
    client = APIClient()
    response = client.get(
        f"{V1}/me/", headers={"Authorization": f"Bearer {key}".encode().decode("latin-1")}
    )
    assert response.status_code == 401


# --- policies of a scope -------------------------------------------------------------------------
SOFT = STRICTER.replace('level = "warning"', 'level = "error"')
LINE = 1 + STRICTER[: STRICTER.index('level = "warning"')].count("\n")


def test_a_policy_is_put_in_force_and_listed_with_those_before_it(api, world):
    path, client = f"scopes/{world.scope.pk}/policies/", api(world.admin)
    first = world.scope.policy
    response = client.post(path, {"toml": STRICTER, "replaces": first.digest})
    assert response.status_code == 201
    made = response.json()
    assert (made["policy"]["name"], made["policy"]["toml"]) == ("stricter", STRICTER)
    assert made["by"]["username"] == world.admin.username
    rows = api(world.viewer).get(path).json()
    assert [row["policy"]["name"] for row in rows] == ["stricter", "default"]
    assert rows[0]["until"] is None and rows[1]["until"] == rows[0]["since"]
    event = Event.objects.filter(action="scope.policy_set").get()
    assert event.data["to"] == made["policy"]["digest"]


def test_a_policy_that_is_softer_or_no_toml_is_refused_with_its_line(api, world):
    client, before = api(world.admin), stored()
    for door in ("policies/", "policies/dry-run/"):
        for text, line in ((SOFT, LINE), ("a = 1\nb =\n", 2), ("a = 1\nb = [", 2)):
            problem = client.post(f"scopes/{world.scope.pk}/{door}", {"toml": text}).json()
            assert (problem["status"], problem["type"]) == (400, "urn:ctem:problem:bad-input")
            assert f"line {line}," in problem["detail"]
    assert stored() == before


def test_a_policy_is_refused_where_it_is_in_force_or_its_name_is_taken(api, world):
    path, client = f"scopes/{world.scope.pk}/policies/", api(world.admin)
    now, digest = world.scope.policy.toml, world.scope.policy.digest
    for body in ({"toml": now}, {"toml": STRICTER.replace('"stricter"', '"default"')},
                 {"toml": STRICTER, "replaces": "sha256:other"}):  # fmt: skip
        assert client.post(path, body).status_code == 409
    assert client.post(path, {"toml": STRICTER, "replaces": digest}).status_code == 201
    assert client.post(path, {"toml": now}).status_code == 201  # back to what it was before


def test_a_dry_run_says_what_a_policy_would_have_decided_and_keeps_nothing(api, world):
    path = f"scopes/{world.scope.pk}/policies/dry-run/"
    client, before = api(world.admin), stored()
    answer = client.post(path, {"toml": STRICTER})
    assert answer.status_code == 200
    told = answer.json()
    assert (told["name"], told["last"], told["stopped"], told["left"]) == ("stricter", 20, 1, 0)
    assert told["counts"] == {"pass": 0, "fail": 0, "unknown": 1, "not_judged": 0}
    assert "low: reviewers 1 -> 2" in told["differences"]
    (row,) = told["closures"]
    assert (row["finding"], row["would_close"]) == (world.closed.pk, False)
    assert row["replay"]["verdict_then"] == "pass" and row["replay"]["verdict_now"] == "unknown"
    assert row["why"][0].startswith("HUMAN_REVIEW passed then and is unknown now: ")
    same = client.post(path, {"toml": world.scope.policy.toml, "last": 1}).json()
    assert (same["stopped"], same["closures"][0]["replay"]["changes"]) == (0, [])
    assert stored() == before


def test_a_dry_run_looks_at_a_hundred_closures_at_most(api, world):
    path = f"scopes/{world.scope.pk}/policies/dry-run/"
    for last in (0, 101, "x", None):
        response = api(world.admin).post(path, {"toml": STRICTER, "last": last})
        assert response.status_code == 400
        assert list(response.json()["errors"]) == ["last"]
