"""Weights and changes of priorities through the API."""

from pathlib import Path

import pytest

from findings.models import Finding, KevEntry
from findings.services.exploits import keep_cves
from tests import factories as make
from tests.findings.test_priority_policies import FLAT


@pytest.fixture
def finding(files, settings, db):
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)
    return make.import_finding(weakness="shell=True")


def test_the_api_tries_puts_in_force_and_lists(finding, api):
    client = api(make.member(finding.scope, "admin"))
    door = f"/api/v1/scopes/{finding.scope_id}/priority-policies/"
    body = {"toml": FLAT.decode()}
    tried = client.post(f"{door}dry-run/", body).json()
    assert tried["moved"] == 1
    made = client.post(door, body)
    assert made.status_code == 201 and made.json()["changed"] == 1
    assert [row["name"] for row in client.get(door).json()] == ["flat", "default"]
    changes = client.get(f"/api/v1/findings/{finding.pk}/priority-changes/").json()["results"]
    assert changes[0]["until_then"]["terms"][0]["name"] == "severity"
    shown = client.get(f"/api/v1/findings/{finding.pk}/").json()
    assert shown["priority"]["weights"] == "flat" and shown["ssvc"]
    assert len(shown["priority"]["ssvc"]["path"]) == 4


def test_the_list_is_filtered_by_what_is_known_of_the_cves(finding, api):
    client = api(make.member(finding.scope, "viewer"))
    other = make.import_finding(finding.asset, weakness="eval(")
    keep_cves([(finding.pk, finding.scope_id, ["CVE-2021-44228"])])
    KevEntry.objects.create(cve="CVE-2021-44228", added_on="2021-12-10", ransomware=False)
    Finding.objects.filter(pk=other.pk).update(ssvc="track*")

    def listed(query):
        return {row["id"] for row in client.get(f"/api/v1/findings/?{query}").json()["results"]}

    assert listed("kev=true") == listed("cve=cve-2021-44228") == {finding.pk}
    assert listed("kev=false") == listed("ssvc=track*") == {other.pk}
    assert client.get("/api/v1/findings/?ssvc=now").status_code == 400
    assert client.get("/api/v1/findings/?cve=log4shell").status_code == 400
