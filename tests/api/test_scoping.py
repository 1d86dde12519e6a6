"""Scopes, teams, assets and their lists, code owners, coverage and the inbox over the API."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from core.models import Event
from findings.models import Finding
from scans.inbox import InboxReport
from scans.models import Scan
from scopes.models import Asset
from tests import factories as make
from tests.api.bodies import packed
from tests.api.conftest import stored
from tests.code import facts_of, sarif_of
from tests.factories import code_of

NAMED = {"asset_name": "billing"}


@pytest.fixture
def admin(api, world):
    return api(world.admin)


@pytest.fixture
def pipeline(api, world):
    return api(world.pipeline)


def change(client, path, body):
    return client.call("patch", path, body)


def upload_of(world, **target):
    code = code_of(world.line).committed_as("named")
    facts = {
        **facts_of(code),
        "started_at": "2026-01-01T00:00:00Z",
        "finished_at": "2026-01-01T00:01:00Z",
    }
    return {"facts": facts, "sarif_gzip_base64": packed(sarif_of(code)), **target}


# --- scopes and assets ---------------------------------------------------------------------------
def test_a_scope_changes_and_the_event_says_from_what_to_what(admin, world):
    body = {"criticality": "critical", "owner_team": world.team.pk, "regulations": ["pci-dss-11.3.1"],
            "expected_classes": ["sca"], "fresh_days": 7}  # fmt: skip
    answer = change(admin, f"scopes/{world.scope.pk}/", body)
    assert answer.status_code == 200
    assert {name: answer.json()[name] for name in body} == body
    event = Event.objects.get(action="scope.changed")
    assert event.data["from"]["criticality"] == "medium"
    assert change(admin, f"scopes/{world.scope.pk}/", {"regulations": ["x"]}).status_code == 400
    assert change(admin, f"scopes/{world.scope.pk}/", {"slug": "x"}).json()["errors"] == {
        "slug": ["Cannot be set here."]
    }


def test_assets_are_changed_and_filtered(admin, world):
    body = {"tags": ["PCI", "web"], "environment": "production", "team": world.team.pk,
            "external_id": "github:7"}  # fmt: skip
    answer = change(admin, f"assets/{world.asset.pk}/", body)
    assert answer.json()["tags"] == ["pci", "web"] and answer.json()["team"] == world.team.pk
    for query in ("tag=pci", "environment=production", f"team={world.team.pk}", "q=WEB-",
                  "external_id=github:7", "tag=web&kind=repository"):  # fmt: skip
        rows = admin.get(f"assets/?scope={world.scope.pk}&{query}").json()["results"]
        assert world.asset.pk in [row["id"] for row in rows], query
    for query in ("tag=pc", "tag=%25", 'tag="', "environment=test"):
        rows = admin.get(f"assets/?scope={world.scope.pk}&{query}").json()["results"]
        assert world.asset.pk not in [row["id"] for row in rows], query


def test_a_name_that_is_taken_is_409(admin, world):
    body = {"name": world.link.target.name}
    assert change(admin, f"assets/{world.asset.pk}/", body).status_code == 409


def test_links_are_listed_made_once_and_taken_away(admin, world):
    body = {"asset": world.asset.pk, "kind": "runs_on", "target": world.link.target_id}
    first = admin.post("asset-links/", body)
    assert (first.status_code, admin.post("asset-links/", body).status_code) == (201, 200)
    rows = admin.get(f"asset-links/?asset={world.asset.pk}&kind=runs_on").json()["results"]
    assert [row["id"] for row in rows] == [first.json()["id"]]
    assert admin.call("delete", f"asset-links/{first.json()['id']}/").status_code == 204
    itself = {**body, "target": world.asset.pk}
    assert admin.post("asset-links/", itself).json()["where"] == "target"


def test_a_link_does_not_cross_scopes_even_for_who_sees_both(api, world, elsewhere):
    both = make.add_member(elsewhere.scope, world.admin, "admin")
    body = {"asset": world.asset.pk, "kind": "runs_on", "target": elsewhere.asset.pk}
    answer = api(both).post("asset-links/", body)
    assert answer.json()["errors"] == {"target": [f"Not found: {elsewhere.asset.pk}."]}


# --- teams ---------------------------------------------------------------------------------------
def test_teams_have_members_of_the_scope(admin, world, outsider):
    path = f"teams/{world.team.pk}/"
    added = admin.post(f"{path}members/", {"username": world.viewer.username})
    assert [m["username"] for m in added.json()["members"]] == [world.viewer.username]
    for name in (outsider.username, "nobody-at-all"):
        answer = admin.post(f"{path}members/", {"username": name})
        assert answer.json()["errors"] == {"username": ["Not found."]}
    gone = admin.post(f"{path}remove-member/", {"username": world.viewer.username})
    assert gone.json()["members"] == []
    assert change(admin, path, {"name": "Other"}).json()["name"] == "Other"
    assert admin.call("delete", path).status_code == 204
    assert admin.get(f"teams/?scope={world.scope.pk}").json()["results"] == []


# --- code owners ---------------------------------------------------------------------------------
def test_a_pipeline_tells_the_code_owners_and_findings_have_theirs(pipeline, world):
    path = f"assets/{world.asset.pk}/code-owners/"
    body = {"text": "* @acme/web\n[ @x\n", "path": ".github/CODEOWNERS", "commit": "ab" * 20,
            "dialect": "github"}  # fmt: skip
    first = pipeline.post(path, body)
    assert first.status_code == 201
    assert first.json()["problems"] == ["line 2: ranges in [ ] are not known here"]
    assert pipeline.post(path, body).status_code == 200
    rows = Finding.objects.open().filter(asset=world.asset)
    assert {finding.owned_by for finding in rows} == {world.team}
    pipeline.post(path, {**body, "text": "# none\n"})
    listed = pipeline.get(path).json()["results"]
    assert [row["rules"] for row in listed] == [0, 1]


def test_a_file_that_is_too_large_is_413(pipeline, world):
    body = {"text": "é" * (2 * 1024 * 1024)}
    assert pipeline.post(f"assets/{world.asset.pk}/code-owners/", body).status_code in (400, 413)


# --- lists of assets -----------------------------------------------------------------------------
def test_a_list_is_previewed_and_taken_as_text_or_file(admin, world):
    path = f"scopes/{world.scope.pk}/import-assets/"
    csv = "name,kind\nbilling,service\n"
    preview = admin.post(path, {"text": csv, "dry_run": True}).json()
    assert (preview["written"], preview["created"]) == (False, 1)
    file = {"file": SimpleUploadedFile("assets.csv", csv.encode())}
    taken = admin.post(path, file, format="multipart").json()
    assert (taken["written"], taken["created"]) == (True, 1)
    assert admin.post(path, {"text": csv}).json()["unchanged"] == 1


def test_a_list_that_cannot_be_used_is_refused_with_its_lines_and_writes_nothing(admin, world):
    path, before = f"scopes/{world.scope.pk}/import-assets/", stored()
    body = {"text": "name,kind\nfine,\nboat,boat\n"}
    answer = admin.post(path, body)
    assert answer.status_code == 400
    assert answer.json()["errors"]["file"][0].startswith("line 3: kind: 'boat' is none of")
    preview = admin.post(path, {**body, "dry_run": True})
    assert preview.status_code == 200
    assert preview.json()["refusals"][0]["where"] == "line 3"
    assert stored() == before


# --- coverage ------------------------------------------------------------------------------------
def test_coverage_says_what_looked_and_what_is_missing(api, world):
    client = api(world.viewer)
    told = client.get(f"assets/{world.asset.pk}/coverage/").json()
    assert told["expected"] == ["sast", "sca", "secrets"]
    (look,) = told["looks"]
    assert (look["tool_class"], look["line"], look["line_kind"]) == ("sast", "main", "default")
    assert look["commit"] == Scan.objects.get(pk=look["scan"]).commit
    missing = [{"tool_class": name, "why": "never", "last_at": None, "failed_scan": None}
               for name in ("sca", "secrets")]  # fmt: skip
    assert told["gaps"] == missing


def test_gaps_are_listed_by_asset_and_filtered(api, world, django_assert_max_num_queries):
    client = api(world.viewer)
    for _ in range(5):
        make.make_asset(world.scope, kind="image")
    with django_assert_max_num_queries(13):
        rows = client.get("coverage-gaps/").json()["results"]
    assert len(rows) == 7 and all(row["gaps"] for row in rows)
    rows = client.get("coverage-gaps/?kind=image").json()["results"]
    assert {gap["tool_class"] for row in rows for gap in row["gaps"]} == {"container"}


# --- the inbox -----------------------------------------------------------------------------------
def test_an_upload_by_name_goes_to_its_asset(pipeline, world):
    for named in ({"asset_name": world.asset.name}, {"repository": world.asset.repository}):
        body = upload_of(world, scope=world.scope.pk, line="main", **named)
        answer = pipeline.post("scans/", body)
        assert answer.json()["asset"] == world.asset.pk
    assert answer.status_code == 200  # the same scan


def test_an_upload_of_an_asset_that_is_not_there_is_kept_and_goes_on_once_it_is_placed(
    api, pipeline, world
):
    body = upload_of(world, scope=world.scope.pk, line="main", **NAMED)
    answer = pipeline.post("scans/", body)
    assert answer.status_code == 202
    report = answer.json()
    assert (report["asset_name"], report["state"], report["asset"]) == ("billing", "waiting", None)
    place = answer.headers["Location"].removeprefix("http://testserver")
    assert pipeline.get(place).json() == report
    assert pipeline.post("scans/", body).json() == report
    placed = api(world.analyst).post(f"{place}place/", {"asset": world.asset.pk})
    (scan,) = placed.json()["scans"]
    assert Scan.objects.get(pk=scan).created_by == world.pipeline
    again = pipeline.post("scans/", body)
    assert (again.status_code, again.json()["id"]) == (200, scan)
    assert pipeline.post(f"{place}place/", {"asset": world.asset.pk}).status_code == 409


def test_an_upload_by_name_that_says_no_line_goes_to_the_default_one(pipeline, world):
    body = upload_of(world, scope=world.scope.pk, asset_name=world.asset.name)
    answer = pipeline.post("scans/", body)
    assert (answer.status_code, answer.json()["line"]) == (202, world.line.pk)


def test_a_file_of_a_form_is_kept_too(pipeline, world):
    form = {"scope": world.scope.pk, "repository": "https://git/billing",
            "file": SimpleUploadedFile("r.sarif", json.dumps(sarif_of(code_of(world.line))).encode())}  # fmt: skip
    answer = pipeline.post("scans/", form, format="multipart")
    assert (answer.status_code, answer.json()["repository"]) == (202, "https://git/billing")


def test_an_administrator_makes_the_asset_of_a_report(admin, pipeline, world):
    report = pipeline.post("scans/", upload_of(world, scope=world.scope.pk, **NAMED)).json()
    path = f"inbox/{report['id']}/place/"
    body = {"new_asset": {"kind": "service"}}
    assert pipeline.post(path, body).status_code == 403
    placed = admin.post(path, body).json()
    assert Asset.objects.get(pk=placed["asset"]).name == "billing"


def test_a_report_is_rejected_for_a_reason_and_stays(admin, pipeline, world):
    report = pipeline.post("scans/", upload_of(world, scope=world.scope.pk, **NAMED)).json()
    assert pipeline.post(f"inbox/{report['id']}/reject/", {"reason": "No."}).status_code == 403
    answer = admin.post(f"inbox/{report['id']}/reject/", {"reason": "A fork."})
    assert (answer.json()["state"], answer.json()["reason"]) == ("rejected", "A fork.")
    rows = admin.get("inbox/?state=rejected").json()["results"]
    assert [row["id"] for row in rows] == [report["id"]]


@pytest.mark.parametrize(
    "target",
    [{}, {"scope": 1}, {"asset_name": "x"}, {"asset": 1, "scope": 1}, {"asset": 1, "asset_name": "x"},
     {"scope": 1, "asset_name": "x", "remediation": 1}],
)  # fmt: skip
def test_a_target_that_says_too_little_or_too_much_is_refused(pipeline, world, target):
    before = stored()
    rows = {"scope": world.scope.pk, "asset": world.asset.pk, "remediation": world.fix.pk}
    target = {name: rows.get(name, value) for name, value in target.items()}
    answer = pipeline.post("scans/", upload_of(world, **target))
    assert answer.status_code == 400
    assert set(answer.json()["errors"]) <= {"asset", "asset_name", "line"}
    assert stored() == before


def test_a_name_in_another_scope_is_neither_found_nor_kept(pipeline, world, elsewhere):
    before = stored()
    body = upload_of(world, scope=elsewhere.scope.pk, asset_name=elsewhere.asset.name)
    assert pipeline.post("scans/", body).json()["errors"] == {
        "scope": [f"Not found: {elsewhere.scope.pk}."]
    }
    assert stored() == before
    body = upload_of(world, scope=world.scope.pk, asset_name=elsewhere.asset.name)
    assert pipeline.post("scans/", body).status_code == 202
    assert InboxReport.objects.latest("pk").scope == world.scope
