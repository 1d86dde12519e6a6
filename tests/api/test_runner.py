"""What our own runner is told through the API: verify, cancel, recipes, schedules."""

import base64

import pytest

from scans.models import Scan, ScannerRecipe, ScanSchedule
from scans.runners import RECIPES

OWN = {"name": "own", "tool_class": "sast", "command": ["own", "--rules", "{config}", "{out}"],
       "config_name": "rules.yml", "config_base64": base64.b64encode(b"rules: []").decode()}  # fmt: skip


def test_verify_without_a_recipe_answers_all_that_was_ordered(api, world):
    response = api(world.developer).post(f"remediations/{world.fix.pk}/verify/", {})
    assert response.status_code == 202
    first, *others = response.json()["ordered"]
    assert response.json()["id"] == first["id"]
    assert response.headers["Location"].endswith(f"/scans/{first['id']}/")
    assert (first["recipe"], first["purpose"], first["commit"]) == (
        "bandit",
        "fix",
        world.fix.head_commit,
    )
    (control,) = others
    assert (control["purpose"], control["commit"]) == ("control", world.fix.base_commit)


def test_verify_by_a_recipe_orders_its_control_once(api, world):
    client, path = api(world.developer), f"remediations/{world.fix.pk}/verify/"
    asked = [client.post(path, {"recipe": "bandit"}).json()["ordered"] for _ in range(2)]
    assert [[s["purpose"] for s in scans] for scans in asked] == [["fix", "control"], ["fix"]]
    alone = client.post(path, {"recipe": "bandit", "control": True}).json()
    assert [s["purpose"] for s in alone["ordered"]] == ["control"]
    assert client.post(path, {"control": True}).status_code == 400


def test_verify_says_why_it_cannot(api, world):
    world.fix.findings.update(tool="Trivy", tool_class="container")
    response = api(world.developer).post(f"remediations/{world.fix.pk}/verify/", {})
    assert response.status_code == 409
    assert "No recipe of the runner" in response.json()["detail"]


def test_a_scan_is_cancelled_once(api, world):
    client = api(world.pipeline)
    body = {"asset": world.asset.pk, "recipe": "bandit", "commit": "ab" * 20}
    path = f"scans/{client.post('scans/order/', body).json()['id']}/cancel/"
    row = client.post(path).json()
    assert row["state"] == "cancelled" and row["error"].startswith("cancelled by pipeline")
    assert client.post(path).status_code == 409
    assert client.get("scans/?state=cancelled").json()["results"][0]["id"] == row["id"]
    assert client.post(f"scans/{world.scan.pk}/cancel/").status_code == 409


def test_recipes_are_added_in_versions_and_shown_with_their_configuration(api, world, settings):
    settings.RUNNER_OWN_RECIPES = True
    client, body = api(world.admin), {"scope": world.scope.pk, **OWN}
    rows = [client.post("recipes/", body).json() for _ in range(2)]
    assert [row["version"] for row in rows] == [1, 2]
    assert (
        base64.b64decode(client.get(f"recipes/{rows[0]['id']}/").json()["config_base64"])
        == b"rules: []"
    )
    listed = api(world.viewer).get("recipes/?name=own&ordering=-id").json()["results"]
    assert [row["version"] for row in listed] == [2, 1]
    order = {"asset": world.asset.pk, "recipe": "own", "commit": "ab" * 20}
    response = client.post("scans/order/", order)
    assert response.status_code == 409 and "not installed" in response.json()["detail"]


@pytest.mark.parametrize(
    "change",
    [{"command": "own {out}"}, {"network": "some"}, {"ok_exit_codes": [-1]}, {"command": ["x"] * 101},
     {"config_base64": "!"}, {"digest": "0"}, {"name": "a b"}, {"command": [1]}],
)  # fmt: skip
def test_a_recipe_that_cannot_be_used_is_refused(api, world, settings, change):
    settings.RUNNER_OWN_RECIPES = True
    before = ScannerRecipe.objects.count()
    response = api(world.admin).post("recipes/", {"scope": world.scope.pk, **OWN, **change})
    assert response.status_code == 400
    assert ScannerRecipe.objects.count() == before


def test_recipes_of_the_product_say_what_keeps_them_from_being_started(api, world):
    told = api(world.viewer).get("recipes/built-in/").json()
    rows = {row["name"]: row for row in told["results"]}
    assert set(rows) == set(RECIPES) and told["own"] is False
    assert rows["bandit"]["refusal"] == "" and "CTEM_RUNNER_NETWORK" in rows["pip-audit"]["refusal"]


def test_a_schedule_is_set_moved_and_ended(api, world):
    client, body = api(world.admin), {"asset": world.asset.pk, "recipe": "bandit", "hour": 23}
    row = client.post("schedules/", body).json()
    assert (row["line"], row["hour"]) == ("main", 23)
    assert (
        ScanSchedule.objects.filter(asset=world.asset).count() == 1
    )  # the one of the world, moved
    assert client.post("schedules/", {**body, "hour": 24}).status_code == 400
    assert client.call("delete", f"schedules/{row['id']}/").status_code == 204
    assert client.get("schedules/").json()["results"] == []
    assert not Scan.objects.filter(recipe__name="bandit").exists()
