"""The description of the API: complete, checked in, and served without a foreign host."""

import json
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import Client

from tests import factories as make

PROBLEM = "application/problem+json"


def operations(spec):
    return [o for methods in spec["paths"].values() for o in methods.values()]


def test_the_file_is_what_the_code_prints(tmp_path):
    """Otherwise: make docs."""
    printed = tmp_path / "openapi.yaml"
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(printed))
    assert (Path(settings.BASE_DIR) / "docs" / "openapi.yaml").read_text() == printed.read_text()


def test_it_is_openapi_3_1(spec):
    assert spec["openapi"].startswith("3.1.")


def test_every_operation_says_what_it_does(spec):
    ids = [operation["operationId"] for operation in operations(spec)]
    assert len(ids) == len(set(ids)) > 50
    for operation in operations(spec):
        assert len(operation["summary"]) < 60 and operation["summary"][0].isupper()
        assert operation["description"].endswith((".", ".\n")), operation["operationId"]


def test_every_operation_lists_its_problems(spec):
    for operation in operations(spec):
        errors = {code: r for code, r in operation["responses"].items() if code >= "400"}
        assert {"400", "401", "429"} <= set(errors), operation["operationId"]
        assert all(set(response["content"]) == {PROBLEM} for response in errors.values())
        if "requestBody" in operation:
            assert {"403", "409", "413", "415"} <= set(errors)


def test_every_component_can_be_reached(spec):
    text = str(spec)
    for name in spec["components"]["schemas"]:
        assert f"#/components/schemas/{name}'" in text, name


@pytest.fixture
def reader(db):
    client = Client()
    client.force_login(make.make_user("reader"))
    return client


def test_the_schema_is_served_to_who_is_signed_in(reader):
    assert Client().get("/api/schema/").status_code == 401
    assert reader.get("/api/schema/").status_code == 200
    served = json.loads(reader.get("/api/schema/?format=json").content)
    assert served["openapi"] == "3.1.0"


@pytest.mark.parametrize("path", ["/api/docs/", "/api/redoc/"])
def test_the_viewers_run_no_inline_script_and_load_nothing_from_outside(reader, path):
    assert Client().get(path).status_code == 401
    response = reader.get(path)
    page = response.content.decode()
    assert response.status_code == 200
    scripts = re.findall(r"<script([^>]*)>(.*?)</script>", page, re.S)
    assert scripts and all("src=" in tag and not body.strip() for tag, body in scripts)
    assert not re.search(r"(src|href)=.(https?:)?//", page)
    policy = response.headers["Content-Security-Policy"]
    assert "script-src 'self';" in f"{policy};"
    for address in re.findall(r'(?:src|href)="(/[^"]+)"', page):
        file = reader.get(address.replace("&amp;", "&"))
        assert file.status_code == 200, address
        assert file.getvalue(), "read to its end, so that it is closed"
