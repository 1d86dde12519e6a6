"""Uploading, ordering, waiting for and downloading scans."""

import base64
import gzip
import json
import random
import re
import tracemalloc

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import override_settings

from core.models import Job
from scans.models import Scan
from tests import factories as make
from tests.api.bodies import head_of, packed, told_of, upload_body
from tests.api.conftest import V1, stored
from tests.code import sarif_of
from tests.factories import code_of


@pytest.fixture
def pipeline(api, world):
    return api(world.pipeline)


def form(asset, data, name="report.sarif", **members):
    return {"asset": asset.pk, "file": SimpleUploadedFile(name, data), **members}


def next_of(line):
    """The next commit of a line, which nobody has scanned."""
    return code_of(line).committed_as("next")


def report_of(line):
    return json.dumps(sarif_of(next_of(line))).encode()


def test_an_upload_is_stored_and_answered_with_its_place(pipeline, world):
    response = pipeline.post("scans/", upload_body(world.asset, next_of(world.line), line="main"))
    assert response.status_code == 202
    scan = Scan.objects.latest("pk")
    assert response.headers["Location"] == f"http://testserver{V1}/scans/{scan.pk}/"
    assert response.json()["state"] == "received"
    assert response.json()["created_by"]["username"] == world.pipeline.username
    assert Job.objects.filter(kind="ingest", subject_id=scan.pk).exists()
    assert pipeline.get(f"scans/{scan.pk}/").json()["facts"]["source"] == "declared"


@pytest.mark.parametrize("pack", [lambda data: data, gzip.compress], ids=["plain", "gzip"])
def test_a_form_uploads_the_same_scan_as_json(pipeline, world, pack):
    data = report_of(world.line)
    facts = json.dumps(told_of(next_of(world.line)))
    first = pipeline.post(
        "scans/", form(world.asset, pack(data), line="main", facts=facts), format="multipart"
    )
    assert first.status_code == 202, first.text
    body = {
        "asset": world.asset.pk, "line": "main", "facts": json.loads(facts),
        "sarif_gzip_base64": base64.b64encode(gzip.compress(data)).decode(),
    }  # fmt: skip
    second = pipeline.post("scans/", body)
    assert second.status_code == 200
    assert second.json()["id"] == first.json()["id"]
    raw = pipeline.get(f"scans/{first.json()['id']}/raw/")
    assert raw.content == data
    assert raw.headers["Content-Type"] == "application/sarif+json"
    assert raw.headers["X-Content-Type-Options"] == "nosniff"
    assert raw.headers["Content-Disposition"].startswith("attachment; ")


def test_the_same_upload_again_changes_nothing_but_other_facts_do(pipeline, world):
    body = upload_body(world.asset, next_of(world.line), line="main")
    pipeline.post("scans/", body)
    before = stored()
    assert pipeline.post("scans/", body).status_code == 200
    assert stored() == before
    other = {**body, "facts": {**body["facts"], "exit_code": 0}}
    assert pipeline.post("scans/", other).status_code == 202


def test_a_caller_that_prefers_to_wait_gets_the_finished_scan(pipeline, world, worker):
    body = upload_body(world.asset, next_of(world.line), line="main")
    response = pipeline.post("scans/", body, headers={"Prefer": "respond-async, wait=30"})
    assert response.status_code == 201
    assert response.headers["Preference-Applied"] == "wait=30"
    assert response.json()["state"] == "done"
    assert response.json()["counts"]["unchanged"] == 2
    again = pipeline.post("scans/", body, headers={"Prefer": "wait=30"})
    assert again.status_code == 200 and again.json()["state"] == "done"


def test_who_waits_in_vain_is_told_where_to_look(pipeline, world, monkeypatch):
    monkeypatch.setattr("scans.api.waiting.MAX_SECONDS", 0)
    body = upload_body(world.asset, next_of(world.line), line="main")
    response = pipeline.post("scans/", body, headers={"Prefer": "wait=99999"})
    assert response.status_code == 202


def test_a_broken_report_is_refused_with_the_place_when_waited_for(pipeline, world, worker):
    body = upload_body(world.asset, next_of(world.line), line="main")
    body["sarif_gzip_base64"] = packed(b'{"version": "2.1.0", "runs": [{"tool": }]}')
    response = pipeline.post("scans/", body, headers={"Prefer": "wait=5"})
    assert response.status_code == 400
    scan = Scan.objects.latest("pk")
    assert response.json()["where"].startswith(scan.document_name)
    assert response.json()["detail"] == scan.error
    kept = pipeline.get(f"scans/{scan.pk}/").json()
    assert (kept["state"], kept["error"]) == ("failed", scan.error)
    assert pipeline.post("scans/", body).status_code == 200  # the same again: the failed one


def bad(**changes):
    return lambda body: {**body, **changes}


def truncated(data):
    return base64.b64encode(gzip.compress(data)[:-9]).decode()


def spoiled(data):
    packed = bytearray(gzip.compress(data * 100))
    packed[20:24] = b"\xff\xff\xff\xff"
    return base64.b64encode(bytes(packed)).decode()


UNUSABLE = [
    (bad(sarif_gzip_base64="%%%"), "sarif_gzip_base64"),
    (bad(sarif_gzip_base64="é"), "sarif_gzip_base64"),
    (bad(sarif_gzip_base64=base64.b64encode(b"{}").decode()), "sarif_gzip_base64"),
    (bad(sarif_gzip_base64=truncated(b"{}" * 99)), "sarif_gzip_base64"),
    (bad(sarif_gzip_base64=spoiled(b"{}" * 99)), "sarif_gzip_base64"),
    (bad(sarif_gzip_base64=base64.b64encode(gzip.compress(b"")).decode()), "file"),
    (bad(sarif_gzip_base64=7), "sarif_gzip_base64"),
    (bad(facts={"comit": "x"}), "facts"),
    (bad(facts={"commit": "main"}), "facts"),
    (bad(facts={"source": "measured"}), "facts.source"),
    (bad(facts={"uploader": "the-lead"}), "facts.uploader"),
    (bad(facts=[]), "facts"),
    (bad(line="no-such-line"), "line"),
    (bad(remediation=1), "line"),
    (bad(purpose="line"), "purpose"),
    (bad(state="done"), "state"),
    (bad(source="measured"), "source"),
]


def test_an_upload_that_cannot_be_used_is_refused_with_the_place(pipeline, world):
    for change, place in UNUSABLE:
        before = stored()
        body = change(upload_body(world.asset, next_of(world.line), line="main"))
        response = pipeline.post("scans/", body)
        assert response.status_code == 400, response.text
        problem = response.json()
        assert place in problem.get("where", "") or place in problem.get("errors", {}), problem
        assert stored()[0]["scans.Scan"] == before[0]["scans.Scan"]


NO_FACTS = [("{", "facts, line 1"), ("[]", "facts"), ('{"a": "\\u0000"}', "facts#/a")]


def test_facts_of_a_form_are_read_as_strictly(pipeline, world):
    for facts, place in NO_FACTS:
        body = form(world.asset, b"{}", line="main", facts=facts)
        response = pipeline.post("scans/", body, format="multipart")
        assert response.status_code == 400
        problem = response.json()
        assert problem.get("where", "").startswith(place) or place in problem["errors"]


@pytest.mark.parametrize("more", [{"status": "x"}, {"purpose": "line"}, {"created_at": "now"}])
def test_a_form_with_an_unknown_member_is_refused(pipeline, world, more):
    body = form(world.asset, b"{}", line="main", **more)
    response = pipeline.post("scans/", body, format="multipart")
    assert response.status_code == 400
    assert set(response.json()["errors"]) == set(more)


def test_a_report_over_the_limit_is_413_and_names_it(pipeline, world, settings):
    settings.MAX_REPORT_BYTES = 1000
    body = {"asset": world.asset.pk, "line": "main", "facts": {}}
    bomb = {**body, "sarif_gzip_base64": packed(b" " * 5_000_000)}
    response = pipeline.post("scans/", bomb)
    assert response.status_code == 413
    assert (
        response.json()["detail"]
        == "sarif_gzip_base64: unpacks to more than allowed (> 1000 bytes)"
    )
    plain = pipeline.post("scans/", form(world.asset, b" " * 1001, line="main"), format="multipart")
    assert plain.status_code == 413
    assert plain.json()["detail"] == "file: larger than allowed (1001 > 1000 bytes)"


@pytest.mark.parametrize("pack", [lambda data: data, gzip.compress], ids=["plain", "gzip"])
def test_a_large_report_is_stored_without_being_held(pipeline, world, pack):
    spaces = b" " * (32 << 20)
    data = report_of(world.line) + spaces
    body = form(world.asset, pack(data), line="main")
    del spaces
    tracemalloc.start()
    try:
        with override_settings(
            FILE_UPLOAD_MAX_MEMORY_SIZE=1000
        ):  # spooled to a file, as large ones are
            response = pipeline.post("scans/", body, format="multipart")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert response.status_code == 202
    scan = Scan.objects.get(pk=response.json()["id"])
    assert scan.raw.size == len(data)
    # The client holds what it sends, some three times; nobody holds it unpacked.
    assert peak < 3.5 * len(pack(data)) + (8 << 20)
    assert pipeline.get(f"scans/{scan.pk}/raw/").content == data


def test_a_report_that_is_refused_in_its_middle_leaves_no_file(pipeline, world, settings, tmp_path):
    settings.MAX_REPORT_BYTES, settings.MEDIA_ROOT = 3 << 20, tmp_path
    cut = gzip.compress(random.Random(1).randbytes(2 << 20))[:-9]
    for data, status in ((gzip.compress(b" " * (4 << 20)), 413), (cut, 400)):
        response = pipeline.post("scans/", form(world.asset, data, line="main"), format="multipart")
        assert response.status_code == status, response.text
        assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_form_over_the_limit_is_refused_before_it_is_spooled(
    pipeline, world, settings, monkeypatch
):
    settings.MAX_REPORT_BYTES = 1000
    monkeypatch.setattr("core.api.FORM_ROOM", 1000)
    body = form(world.asset, b" " * 5000, line="main")
    response = pipeline.post("scans/", body, format="multipart")
    assert response.status_code == 413
    assert re.search(
        r"body: larger than allowed \(5\d\d\d > 2000 bytes\)", response.json()["detail"]
    )


def test_too_many_members_of_a_form_are_a_problem_like_any_other(pipeline, world):
    body = form(world.asset, b"{}", **{f"m{n}": "1" for n in range(1100)})
    response = pipeline.post("scans/", body, format="multipart")
    assert response.status_code == 400
    assert response.json()["where"] == "body"


def test_a_scan_of_a_fix_is_evidence_and_changes_no_finding(pipeline, world, worker):
    statuses = stored()[1]
    body = upload_body(world.asset, head_of(world.fix), remediation=world.fix.pk)
    response = pipeline.post("scans/", body, headers={"Prefer": "wait=5"})
    assert response.status_code == 201
    assert (response.json()["purpose"], response.json()["line"]) == ("fix", None)
    assert stored()[1] == statuses
    safe = world.open.verifications.latest("pk").safe
    assert safe == "pass"


def test_a_fix_of_another_asset_is_no_target(pipeline, world):
    other = make.make_asset(world.scope)
    body = upload_body(other, head_of(world.fix), remediation=world.fix.pk)
    response = pipeline.post("scans/", body)
    assert response.status_code == 400
    assert response.json()["where"] == "remediation"


def test_an_ordered_scan_is_answered_with_its_place(pipeline, world):
    body = {"asset": world.asset.pk, "recipe": "bandit", "commit": "ab" * 20}
    response = pipeline.post("scans/order/", body)
    assert response.status_code == 202
    assert response.headers["Location"].endswith(f"/scans/{response.json()['id']}/")
    assert (response.json()["recipe"], response.json()["source"]) == ("bandit", "measured")
    assert pipeline.get(f"scans/{response.json()['id']}/raw/").status_code == 404


NO_ORDERS = [{"recipe": "rm -rf"}, {"commit": "main"}, {"commit": "AB" * 20}, {"command": ["sh"]}]


def test_an_order_names_a_recipe_and_a_full_commit(pipeline, world):
    for change in NO_ORDERS:
        body = {"asset": world.asset.pk, "recipe": "bandit", "commit": "ab" * 20, **change}
        assert pipeline.post("scans/order/", body).status_code == 400


def test_scans_are_filtered(pipeline, world):
    pipeline.post("scans/", upload_body(world.asset, next_of(world.line), line="main"))
    for query, expected in {
        "state=received": 1, "state=done&purpose=line": 3, "purpose=fix": 1, "tool=Bandit": 4,
        f"commit={world.closed.remediations.get().head_commit}": 1, "tool_class=sca": 0,
        f"remediation={world.closed.remediations.get().pk}": 1, f"line={world.line.pk}": 4,
    }.items():  # fmt: skip
        assert len(pipeline.get(f"scans/?{query}").json()["results"]) == expected, query


def test_only_tools_of_visible_scans_are_known(api, world, outsider):
    (tool,) = api(world.viewer).get("tools/").json()["results"]
    assert tool["name"] == "Bandit"
    assert api(outsider).get("tools/").json()["results"] == []
    assert api(outsider).get(f"tools/{tool['id']}/").status_code == 404
