"""The doors of DefectDojo's API: a pipeline that was made for it moves here by its address alone."""

import gzip
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from core.permissions import Role
from findings.models import Finding
from findings.statuses import Presence
from gate import formats
from scans.api.defectdojo import SCAN_TYPES
from scans.imports import ImportTest
from scans.models import Scan
from scopes.models import Asset
from scopes.services import issue_token
from tests import factories as make
from tests.code import Code, sarif_of

V2 = "/api/v2"
CODE = Code({path: make.weak_file(path) for path in ("app/a.py", "app/b.py")})
REPORT = json.dumps(sarif_of(CODE)).encode()
HALF = json.dumps(sarif_of(Code({"app/a.py": make.weak_file("app/a.py"), "app/b.py": ""}))).encode()


@pytest.fixture(autouse=True)
def _worker(monkeypatch, files, settings):
    """The worker is at work while a request waits."""
    cache.clear()
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)  # or WhiteNoise warns
    monkeypatch.setattr(
        "scans.api.waiting.time.sleep",
        lambda _: [make.run_job(scan) for scan in Scan.objects.filter(state="received")],
    )


@pytest.fixture
def asset():
    return make.make_asset(make.make_scope(name="Payments", slug="payments"), name="shop")


def key_of(user, scope=None, permissions=()) -> str:
    scopes = [scope] if scope else []
    told = {"name": "ci", "at": make.now(), "scopes": scopes, "permissions": permissions}
    return issue_token(user=user, by=user, **told)[1]


def client_of(asset, role=Role.PIPELINE) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {key_of(make.member(asset.scope, role))}")
    return client


def send(client, door="import-scan", data=REPORT, **members):
    file = io.BytesIO(data)
    file.name = "report.json"
    body = {"scan_type": "SARIF", "product_name": "shop", "file": file, **members}
    return client.post(f"{V2}/{door}/", body, format="multipart")


def refusal(response) -> str:
    assert response.status_code in (400, 403, 404), response.content
    assert response["Content-Type"] == "application/problem+json"
    return response.content.decode()


# --- as their documentation shows ----------------------------------------------------------------
@pytest.mark.django_db
def test_a_report_is_imported_by_the_names_of_product_and_engagement(asset):
    response = send(
        client_of(asset), engagement_name="CI", minimum_severity="Info", active="true", verified="true",
        scan_date="2026-11-01", commit_hash="A" * 40, tags="nightly", auto_create_context="true",
    )  # fmt: skip
    assert response.status_code == 201, response.content
    told = response.json()
    assert (told["product_id"], told["product_name"]) == (asset.pk, "shop")
    assert told["engagement_id"] == asset.lines.get().pk
    assert told["test"] == told["test_id"] == ImportTest.objects.get().pk
    assert told["statistics"]["delta"]["created"]["total"]["total"] == 2
    scan = Scan.objects.get(pk=told["scan"])
    assert (scan.state, scan.commit, scan.category) == ("done", "a" * 40, "SARIF")
    assert "scope" not in scan.facts
    assert Finding.objects.count() == 2


@pytest.mark.django_db
def test_a_report_is_imported_again_by_the_number_of_its_test(asset):
    client = client_of(asset)
    test = send(client).json()["test"]
    again = send(client, "reimport-scan", HALF, test=test).json()
    assert (again["test"], again["close_old_findings"]) == (test, True)
    done = {name: row["total"]["total"] for name, row in again["statistics"]["delta"].items()}
    assert done == {"created": 0, "closed": 1, "left untouched": 1}
    assert Finding.objects.filter(presence=Presence.ABSENT).count() == 1
    assert not Finding.objects.filter(status="mobilization_complete").exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("door", "said", "presence"),
    [("import-scan", None, "unknown"), ("import-scan", "true", "absent"),
     ("reimport-scan", None, "absent"), ("reimport-scan", "false", "unknown")],
)  # fmt: skip
def test_only_a_report_of_the_whole_says_what_is_gone(asset, door, said, presence):
    client = client_of(asset)
    send(client)
    send(client, door, HALF, **({"close_old_findings": said} if said else {}))
    assert Finding.objects.get(path="app/b.py").presence == presence


@pytest.mark.django_db
def test_titles_keep_reports_of_one_tool_apart(asset):
    client = client_of(asset)
    for title in ("backend", "frontend"):
        assert send(client, test_title=title).status_code == 201
    assert Finding.objects.count() == 4
    assert set(Finding.objects.values_list("category", flat=True)) == {"backend", "frontend"}


@pytest.mark.django_db
def test_an_engagement_and_a_product_may_be_given_by_number(asset):
    client = client_of(asset)
    line = asset.lines.get()
    by_line = send(client, product_name="", engagement=line.pk)
    by_asset = send(client, product_name="", product=asset.pk)
    assert by_line.json()["engagement_id"] == by_asset.json()["engagement_id"] == line.pk


@pytest.mark.django_db
def test_a_branch_is_a_line_and_any_other_is_refused(asset):
    release = asset.lines.create(name="release", scope=asset.scope, kind="release")
    client = client_of(asset)
    told = send(client, branch_tag="refs/heads/release").json()
    assert told["engagement_id"] == release.pk
    assert "no tracked line of shop" in refusal(send(client, branch_tag="feature/x"))
    assert Scan.objects.count() == 1


@pytest.mark.django_db
def test_a_gzipped_report_is_read(asset):
    assert send(client_of(asset), data=gzip.compress(REPORT)).status_code == 201
    assert Finding.objects.count() == 2


@pytest.mark.django_db
def test_an_asset_is_made_by_who_may_and_by_nobody_else(asset):
    told = {"product_name": "cellar", "auto_create_context": "true"}
    assert send(client_of(asset), **told).status_code == 403
    assert not Asset.objects.filter(name="cellar").exists()
    assert "there is no asset" in refusal(send(client_of(asset, Role.ADMIN), product_name="cellar"))
    response = send(client_of(asset, Role.ADMIN), product_type_name="Payments", **told)
    assert response.status_code == 201
    assert Asset.objects.get(name="cellar").findings.count() == 2


# --- what is refused -----------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"scan_type": "Nessus Scan"}, "scan_type: must be one of"),
        ({"product_name": ""}, "product_name: is missing"),
        ({"product_name": "nowhere"}, "there is no asset"),
        ({"test": "7777777"}, "test: there is none with the number 7777777"),
        ({"engagement": "x"}, "engagement: must be a number"),
        ({"engagement": "9" * 30}, "engagement: must be a number"),
        ({"data": b"no report"}, "scan-"),
        ({"data": b""}, "file: is empty"),
        ({"test_title": "x" * 201}, "test_title: longer than allowed (201 > 200 characters)"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_place(asset, members, words):
    assert words in refusal(send(client_of(asset), **members))
    assert not Finding.objects.exists()


@pytest.mark.django_db
def test_a_report_is_missing(asset):
    response = client_of(asset).post(
        f"{V2}/import-scan/", {"scan_type": "SARIF", "product_name": "shop"}, format="multipart"
    )
    assert "file: is missing" in refusal(response)


DOORS = [
    ("get", "product_types/"), ("post", "product_types/"), ("get", "products/"), ("post", "products/"),
    ("get", "engagements/"), ("post", "engagements/"), ("patch", "engagements/1/"), ("get", "tests/"),
    ("post", "tests/"), ("get", "test_types/"), ("post", "import-scan/"), ("post", "reimport-scan/"),
]  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize(("method", "door"), DOORS)
def test_every_door_is_closed_to_the_anonymous(asset, method, door):
    assert getattr(APIClient(), method)(f"{V2}/{door}").status_code == 401


@pytest.mark.django_db
@pytest.mark.parametrize("role", [Role.ADMIN, Role.PIPELINE])
def test_a_token_that_only_reads_or_is_for_another_scope_imports_nothing_here(asset, role):
    user, other = make.member(asset.scope, role), make.make_scope()
    make.add_member(other, user, role)
    for limits in ({"permissions": ["read"]}, {"scope": other}):
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Token {key_of(user, **limits)}")
        for door in ("import-scan", "reimport-scan"):
            refusal(send(client, door))
            new = {"product_name": "new", "product_type_name": asset.scope.name}
            refusal(send(client, door, **new, auto_create_context="true"))
    assert not Scan.objects.exists() and not Asset.objects.exclude(pk=asset.pk).exists()
    assert client.get(f"{V2}/products/").json()["count"] == 0


@pytest.mark.django_db
def test_nobody_sees_or_fills_what_is_not_theirs(asset):
    send(client_of(asset))
    test, line = ImportTest.objects.get(), asset.lines.get()
    other = client_of(make.make_asset(name="other"))
    for door in ("product_types", "products", "engagements", "tests"):
        told = str(other.get(f"{V2}/{door}/").json()["results"])
        assert not any(name in told for name in ("shop", "Payments", "SARIF"))
    for members in ({"test": test.pk}, {"engagement": line.pk}, {"product": asset.pk}):
        assert "there is none with the number" in refusal(send(other, **members))
    assert "there is no asset" in refusal(send(other))
    viewer = client_of(asset, Role.VIEWER)
    assert viewer.get(f"{V2}/products/").json()["count"] == 0
    assert "there is no asset" in refusal(send(viewer))


@pytest.mark.django_db
def test_lookups_hold_their_queries(asset):
    client = client_of(asset)
    for number in range(5):
        make.make_asset(asset.scope, name=f"asset {number}")
    for door in ("product_types", "products", "engagements", "tests", "test_types"):
        with CaptureQueriesContext(connection) as asked:
            assert client.get(f"{V2}/{door}/").status_code == 200
        assert len(asked) < 8


def test_each_kind_of_report_is_one_that_is_read():
    assert set(SCAN_TYPES.values()) <= set(formats.FORMATS)
    assert {kind.name for kind in formats.FORMATS} - {
        kind.name for kind in SCAN_TYPES.values()
    } <= {formats.ALERTS.name}


# --- a public client -----------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_dd_import_moves_by_its_address_alone(live_server, tmp_path):
    asset = make.make_asset(make.make_scope(name="Payments", slug="payments"), name="shop")
    report = tmp_path / "report.sarif"
    report.write_bytes(REPORT)
    environ = {
        "PATH": os.environ["PATH"], "DD_URL": live_server.url, "DD_FILE_NAME": str(report),
        "DD_API_KEY": key_of(make.member(asset.scope, Role.PIPELINE)),
        "DD_PRODUCT_TYPE_NAME": "Payments", "DD_PRODUCT_NAME": "shop", "DD_ENGAGEMENT_NAME": "CI",
        "DD_TEST_NAME": "Bandit of the backend", "DD_TEST_TYPE_NAME": "SARIF",
        "DD_COMMIT_HASH": "a" * 40, "DD_BRANCH_TAG": "main",
    }  # fmt: skip
    for report_now, absent in ((REPORT, 0), (HALF, 1)):
        report.write_bytes(report_now)
        done = subprocess.run(
            [sys.executable, "-m", "dd_import.dd_reimport_findings"],
            env=environ, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Scan results imported" in done.stdout
        assert Finding.objects.filter(asset=asset, presence=Presence.ABSENT).count() == absent
    assert ImportTest.objects.get().title == "Bandit of the backend"
    assert Finding.objects.count() == 2
