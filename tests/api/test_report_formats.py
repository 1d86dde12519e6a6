"""Reports of every format come in by the same door, told apart by their content."""

from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from findings.models import Finding
from scans.models import Scan

SAMPLES = Path(__file__).parents[1] / "gate" / "formats" / "samples"
NAMES = sorted(
    path.name
    for path in SAMPLES.iterdir()
    if path.suffix in (".json", ".jsonl") or path.name == "checkov_iac_told.csv"
)


@pytest.fixture
def pipeline(api, world):
    return api(world.pipeline)


def upload(pipeline, world, data):
    file = SimpleUploadedFile("report", data)
    body = {"asset": world.asset.pk, "line": "main", "file": file}
    return pipeline.post("scans/", body, format="multipart", headers={"Prefer": "wait=30"})


@pytest.mark.parametrize("name", NAMES)
def test_a_report_of_any_format_makes_findings(pipeline, world, worker, name):
    data = (SAMPLES / name).read_bytes()
    before = Finding.objects.count()
    response = upload(pipeline, world, data)
    assert response.status_code == 201, response.text
    told = response.json()
    assert (told["state"], told["error"]) == ("done", "")
    assert told["counts"]["new"] == Finding.objects.count() - before > 0
    assert pipeline.get(f"scans/{told['id']}/raw/").content == data


def test_the_same_report_in_another_form_finds_the_same_findings(pipeline, world, worker):
    upload(pipeline, world, (SAMPLES / "trivy_alpine.sarif").read_bytes())
    before = Finding.objects.count()
    told = upload(pipeline, world, (SAMPLES / "trivy_alpine.json").read_bytes()).json()
    assert told["counts"].get("unchanged", 0) + told["counts"].get("moved", 0) == 4
    assert Finding.objects.count() == before


@pytest.mark.parametrize("data", [b"{}", b"[]", b"a,b\n1,2\n", b"hello"])
def test_what_is_no_report_says_what_is_read(pipeline, world, worker, data):
    response = upload(pipeline, world, data)
    assert response.status_code == 400
    assert response.json()["detail"] == Scan.objects.latest("pk").error
