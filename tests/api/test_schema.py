"""The description of the API: complete, checked in, and served without a foreign host."""

import inspect
import json
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from rest_framework.exceptions import APIException, NotAcceptable, ValidationError

from core.openapi import ANSWERS
from core.problems import KINDS, PREFIX, Kind
from ctem import errors
from people import middleware
from tests import factories as make
from tests.api.conftest import answers_of

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
        errors = {code: r for code, r in answers_of(spec, operation).items() if code >= "400"}
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


# --- problems ------------------------------------------------------------------------------------
def kinds_in_the_code():
    """What ctem/errors.py can put into ``type``: by its table, by its calls, by classes that DRF answers."""
    told = {name for name, _ in errors.TYPES.values()}
    told |= set(re.findall(r'problem\(\s*"([a-z-]+)"', inspect.getsource(errors)))
    told |= set(re.findall(r'_problem\("([a-z-]+)"', inspect.getsource(middleware)))
    classes, known = [APIException], set()
    while classes:
        kind = classes.pop()
        classes += kind.__subclasses__()
        known.add(kind)
    never = {APIException, NotAcceptable, ValidationError}  # the last is `invalid`
    return told | {str(kind.default_code).replace("_", "-") for kind in known - never}


def test_every_kind_of_problem_that_the_code_knows_is_told_and_no_other():
    assert kinds_in_the_code() == set(KINDS)


def test_the_page_tells_every_kind_of_problem_with_its_cause_and_what_to_do():
    page = (Path(settings.BASE_DIR) / "docs" / "api.md").read_text()
    rows = re.findall(r"^\| (\d{3}) \| `([a-z-]+)` \| (.+) \| (.+) \|$", page, re.M)
    assert {name: Kind(int(status), cause, remedy) for status, name, cause, remedy in rows} == KINDS


def test_the_examples_of_problems_are_of_a_kind_and_status_that_there_is(spec):
    for name, answer in spec["components"]["responses"].items():
        if name != "NotModified":
            example = answer["content"][PROBLEM]["example"]
            kind = KINDS[example["type"].removeprefix(PREFIX)]
            assert (kind.status, example["status"]) == (example["status"], ANSWERS[name][0])


# --- examples ------------------------------------------------------------------------------------
def test_every_body_has_an_example_and_every_example_fits_its_schema(spec, shapes):
    schemas = spec["components"]["schemas"]
    for operation in operations(spec):
        for content in operation.get("requestBody", {}).get("content", {}).values():
            name = content["schema"]["$ref"].rpartition("/")[2]
            assert schemas[name].get("examples") or "binary" in str(schemas[name]), name
    said = 0
    for name, schema in schemas.items():
        for example in schema.get("examples", ()):
            said += 1
            Draft202012Validator({**shapes["schemas"][name], "components": shapes}).validate(
                example
            )
    assert said > 100


# --- by others' eyes -----------------------------------------------------------------------------
def test_a_validator_that_is_not_ours_finds_nothing_wrong(spec):
    OpenAPIV31SpecValidator(json.loads(json.dumps(spec))).validate()
