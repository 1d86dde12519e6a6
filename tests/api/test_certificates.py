"""A certificate in each form that the API hands out, by parameter and by ``Accept``."""

import json
from datetime import UTC, datetime

import pytest

from gate.certificate import REVOCATION_TYPE, open_envelope, verify_bundle
from scans.certificates import public_keys
from scans.services.clearances import revoke

pytestmark = pytest.mark.xdist_group("doors")

KINDS = {
    "envelope": "application/vnd.dsse+json",
    "bundle": "application/zip",
    "openvex": "application/vnd.openvex+json",
    "cyclonedx": "application/vnd.cyclonedx+json",
}


@pytest.fixture
def ask(api, world):
    def get(form="", accept=None, path=f"findings/{world.closed.pk}"):
        query = f"?format={form}" if form else ""
        headers = {"Accept": accept} if accept else {}
        return api(world.viewer).get(f"{path}/certificate/{query}", headers=headers)

    return get


def take_back(world):
    revoke(world.clearance, reason="It came back.", by=None, at=datetime.now(UTC))


@pytest.mark.parametrize("form", KINDS)
def test_each_form_is_a_download_of_its_own_type(ask, form):
    response = ask(form)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == KINDS[form]
    assert response.headers["Content-Disposition"].startswith("attachment; ")
    assert response.headers["Vary"].startswith("Accept")


@pytest.mark.parametrize("form", KINDS)
def test_accept_asks_for_the_same(ask, form):
    assert ask(accept=KINDS[form]).content == ask(form).content


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("*/*", "envelope"),
        ("application/json", "envelope"),
        ("text/html", "envelope"),
        ("application/zip;q=0.5, application/vnd.openvex+json", "openvex"),
        ("nonsense", "envelope"),
    ],
)
def test_what_accept_prefers_is_given_and_else_the_envelope(ask, accept, form):
    assert ask(accept=accept).headers["Content-Type"] == KINDS[form]


def test_the_parameter_goes_before_accept(ask):
    assert ask("cyclonedx", accept="application/zip").json()["bomFormat"] == "CycloneDX"


def test_vex_says_fixed_of_the_merged_commit(ask, world):
    (statement,) = ask("openvex").json()["statements"]
    assert statement["status"] == "fixed"
    assert statement["products"][0]["@id"].endswith(world.clearance.remediation.merge_commit) or (
        world.clearance.remediation.merge_commit in statement["products"][0]["@id"]
    )
    (told,) = ask("cyclonedx").json()["vulnerabilities"]
    assert told["analysis"]["state"] == "resolved_with_pedigree"


def test_a_revoked_certificate_is_vex_no_more_and_has_its_revocation(ask, world):
    assert ask("revocation").status_code == 404
    of_clearance = f"clearances/{world.clearance.pk}"
    take_back(world)
    for form in ("openvex", "cyclonedx"):
        assert ask(form).status_code == 404
        refused = ask(form, path=of_clearance)
        assert (refused.status_code, refused.json()["type"]) == (409, "urn:ctem:problem:refused")
    for path in (f"findings/{world.closed.pk}", of_clearance):
        said = open_envelope(ask("revocation", path=path).content, public_keys())
        assert said["predicateType"] == REVOCATION_TYPE
        assert said["predicate"]["reason"] == "It came back."
    steps = verify_bundle(ask("bundle", path=of_clearance).content, public_keys()).steps
    assert [step.step for step in steps if not step.ok] == ["revocation"]


@pytest.mark.parametrize("form", [*KINDS, "revocation"])
def test_who_may_not_see_the_finding_sees_no_form_of_it(api, world, outsider, form):
    for path in (f"findings/{world.closed.pk}", f"clearances/{world.clearance.pk}"):
        assert api(outsider).get(f"{path}/certificate/?format={form}").status_code == 404
        assert api().get(f"{path}/certificate/?format={form}").status_code == 401


def test_the_schema_tells_every_form(spec):
    for path in ("/api/v1/findings/{id}/certificate/", "/api/v1/clearances/{id}/certificate/"):
        operation = spec["paths"][path]["get"]
        assert set(operation["responses"]["200"]["content"]) == set(KINDS.values())
        (parameter,) = (p for p in operation["parameters"] if p.get("name") == "format")
        assert set(parameter["schema"]["enum"]) == {*KINDS, "revocation"}


def test_the_envelope_is_what_was_signed(ask, world):
    assert json.loads(ask().content) == json.loads(world.clearance.certificate)
