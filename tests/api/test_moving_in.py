"""The doors for what comes from other trackers: open findings, and closures as history."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from core.models import Event
from core.permissions import Role
from findings.models import ExternalKey, Finding
from scans.history import HistoricClosure
from tests import factories as make
from tests.api.conftest import stored

CSV = "key,tool,rule,severity,path,line,state\nA-1,Semgrep,sqli,high,app/db.py,3,false positive\n"
CLOSED = (
    "key,title,state,closed_at,merged_at,scanned_at\n"
    "A-9,Gone,fixed,2024-06-02,2024-06-01T12:00:00Z,2024-06-01T11:00:00Z\n"
)


def form(text, **members):
    file = SimpleUploadedFile("export.csv", text if isinstance(text, bytes) else text.encode())
    return {"source": "csv", "file": file, **members}


def test_a_file_moves_in_by_form_and_by_json(api, world):
    client = api(world.admin)
    path = f"assets/{world.asset.pk}/move-in/"
    dry = client.post(path, form(CSV, dry_run="true"), format="multipart").json()
    assert (dry["new"], dry["dry_run"]) == (1, True) and not ExternalKey.objects.exists()
    done = client.post(path, form(CSV), format="multipart").json()
    assert (done["new"], done["counts"]["dismissals"]) == (1, 1)
    again = client.post(path, {"source": "csv", "text": CSV}).json()
    assert (again["new"], again["known"]) == (0, 1)
    asked = Finding.objects.get(path="app/db.py").dismissals.get()
    assert asked.requested_by == world.admin and asked.approved_at is None
    assert Event.objects.filter(action="scope.moved_in", actor=world.admin).count() == 1


def test_a_table_is_read_by_the_columns_that_the_form_names(api, world):
    text = CSV.replace("key,", "Issue,")
    columns = json.dumps({"key": "Issue"})
    path = f"assets/{world.asset.pk}/move-in/"
    told = api(world.admin).post(path, form(text, columns=columns), format="multipart").json()
    assert told["new"] == 1
    for bad in ("[1]", '{"key": 3}'):
        response = api(world.admin).post(path, form(text, columns=bad), format="multipart")
        assert response.status_code == 400 and "columns" in response.text


REFUSED = [
    ({"source": "csv", "text": ""}, "text"),
    ({"source": "jira", "text": CSV}, "source"),
    ({"source": "csv", "text": CSV, "line": "nowhere"}, "line"),
    ({"source": "csv", "text": CSV, "approve": True}, "approve"),
    ({"source": "csv", "text": CSV.replace("high", "")}, "row 1, severity"),
    ({"source": "github", "text": "[7]"}, "file#/0"),
    ({"source": "defectdojo", "text": '{"results": [{"id": 1e400}]}'}, "file"),
    ({"source": "defectdojo", "text": "[" * 5000}, "file"),
    ({"source": "csv", "text": CSV, "columns": {"colour": "x"}}, "colour"),
]


@pytest.mark.parametrize(("body", "words"), REFUSED)
def test_what_cannot_be_used_is_refused_with_its_place(api, world, body, words):
    client = api(world.admin)
    before = stored()
    response = client.post(f"assets/{world.asset.pk}/move-in/", body)
    assert response.status_code == 400 and words in response.text
    assert stored() == before


@pytest.mark.parametrize("who", ["viewer", "analyst", "developer", "approver"])
def test_only_administrators_move_in_and_import_history(api, world, who):
    client = api(getattr(world, who))
    before = stored()
    assert (
        client.post(f"assets/{world.asset.pk}/move-in/", {"source": "csv", "text": CSV}).status_code
        == 403
    )
    path = f"scopes/{world.scope.pk}/import-history/"
    assert client.post(path, {"source": "csv", "text": CLOSED}).status_code == 403
    assert stored() == before


def test_history_comes_by_its_door_and_into_the_answer(api, world):
    client = api(world.admin)
    path = f"scopes/{world.scope.pk}/import-history/"
    told = client.post(path, {"source": "csv", "text": CLOSED, "asset": world.asset.pk}).json()
    assert (told["new"], told["scanned"]) == (1, {"yes": 1})
    assert client.post(path, form(CLOSED), format="multipart").json()["new"] == 0
    answer = api(world.viewer).get("audit/last-closed/?history=only").json()
    (row,) = answer["findings"]
    assert (row["source"], row["finding"], row["scanned_before_merge"]) == ("csv", None, "yes")
    assert HistoricClosure.objects.get().asset == world.asset


def test_githubs_files_come_together(api, world):
    alert = {
        "number": 1,
        "state": "fixed",
        "fixed_at": "2024-06-01T12:10:00Z",
        "rule": {"id": "x"},
        "tool": {"name": "CodeQL"},
        "most_recent_instance": {"commit_sha": "c" * 40},
    }
    pull = {"number": 7, "merged_at": "2024-06-01T12:00:00Z", "merge_commit_sha": "c" * 40}
    look = {
        "ref": "refs/pull/7/head",
        "commit_sha": "d" * 40,
        "created_at": "2024-06-01T11:00:00Z",
        "tool": {"name": "CodeQL"},
    }
    body = {
        "source": "github",
        "text": json.dumps([alert]),
        "pulls": json.dumps([pull]),
        "analyses": json.dumps([look]),
    }
    told = api(world.admin).post(f"scopes/{world.scope.pk}/import-history/", body).json()
    assert told["scanned"] == {"yes": 1}


def test_an_asset_of_another_scope_is_not_found(api, world, elsewhere):
    make.add_member(world.scope, world.admin, Role.ADMIN)
    body = {"source": "csv", "text": CLOSED, "asset": elsewhere.asset.pk}
    response = api(world.admin).post(f"scopes/{world.scope.pk}/import-history/", body)
    assert response.status_code == 400 and "Not found" in response.text
    assert not HistoricClosure.objects.exists()
