"""Some of what make fuzz-api asks: one request that fits, and one that does not, of every operation."""

import pytest

from tests.contract import fuzz

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("contract"), pytest.mark.timeout(900)]


def test_no_door_answers_what_its_description_does_not_tell(capfd):
    status = fuzz.main(
        ["--roles", "analyst", "--phases", "fuzzing", "--examples", "1", "--seconds", "60"]
    )
    assert status == 0, capfd.readouterr().out[-5000:]


def test_ids_that_are_there_are_asked_for_and_tokens_are_left_alone():
    def operation():
        path = {"in": "path", "name": "id", "schema": {"type": "integer"}}
        return {"parameters": [path, {"$ref": "#/components/parameters/fields"}]}

    names = ("findings", "tokens")
    spec = {"paths": {f"/api/v1/{name}/{{id}}/": {"get": operation()} for name in names}}
    told = fuzz.knowing(spec, {"findings": [7], "tokens": [8]})["paths"]
    (finding,) = told["/api/v1/findings/{id}/"]["get"]["parameters"]
    (token,) = told["/api/v1/tokens/{id}/"]["get"]["parameters"]
    assert finding["schema"]["anyOf"] == [{"enum": [7]}, {"type": "integer"}]
    assert token["schema"]["anyOf"] == [{"enum": [8]}]
