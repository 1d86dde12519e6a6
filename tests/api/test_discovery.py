"""Rules of discovery, tags, decided severities, evidence, files and disputes by the API."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from core.permissions import Role
from findings.models import Attachment, DiscoveryRule, Finding, FindingDispute
from findings.services.evidence import MAX_BYTES
from tests import factories as make
from tests.api.bodies import SOON
from tests.factories import import_finding, member

ATTACK = "<script>alert(1)</script>\u202e"
NOISE = {
    "name": ATTACK,
    "conditions": {"path": ["tests/**"], "title": [ATTACK]},
    "actions": {"set_aside": "noise", "tags": ["Tests"]},
    "reason": ATTACK,
    "expires_at": f"{SOON}T00:00:00Z",
}


@pytest.fixture
def noisy(asset):
    return import_finding(asset, path="tests/test_shop.py")


def post_file(client, finding, data=b"curl\n", name="poc.sh", **more):
    file = SimpleUploadedFile(name, data, content_type="text/html")
    path = f"findings/{finding.pk}/attachments/"
    return client.post(path, {"file": file, **more}, format="multipart")


def rows(response):
    assert response.status_code == 200
    return response.json()["results"]


# --- rules -----------------------------------------------------------------------------------------
def test_a_rule_is_made_tried_approved_applied_and_ended(api, scope, noisy):
    analyst, approver = api(member(scope, Role.ANALYST)), api(member(scope, Role.APPROVER))
    body = {**NOISE, "conditions": {"path": ["tests/**"]}}
    tried = analyst.post(
        "discovery-rules/dry-run/",
        {"scope": scope.pk, "conditions": body["conditions"], "actions": body["actions"]},
    ).json()
    assert (tried["looked_at"], tried["matched"]) == (1, 1)
    assert tried["counts"] == {"set_aside": 1, "tags": 1}
    assert tried["samples"][0]["finding"] == noisy.pk
    assert not DiscoveryRule.objects.exists()
    made = analyst.post("discovery-rules/", {"scope": scope.pk, **body})
    assert made.status_code == 201
    rule = made.json()
    assert rule["waits"] and rule["name"] == ATTACK
    assert rule["actions"] == {"tags": ["tests"], "set_aside": "noise"}
    path = f"discovery-rules/{rule['id']}/"
    assert analyst.post(f"{path}approve/").status_code == 403
    assert analyst.post(f"{path}apply/").status_code == 409
    assert not approver.post(f"{path}approve/").json()["waits"]
    assert analyst.post(f"{path}apply/").json()["counts"] == {"set_aside": 1, "tags": 1}
    (did,) = rows(analyst.get(f"{path}applied/"))
    assert (did["finding"], did["did"]["set_aside"]) == (noisy.pk, "noise")
    shown = analyst.get(f"findings/{noisy.pk}/").json()
    assert (shown["set_aside"], shown["status"]) == ("noise", "prioritized")
    ended = analyst.post(f"{path}end/").json()
    assert ended["ended_because"] == "ended"
    assert analyst.get(f"findings/{noisy.pk}/").json()["set_aside"] == ""
    assert rows(analyst.get(f"discovery-rules/?scope={scope.pk}&ended=false")) == []
    assert analyst.get(path).json() == ended


def test_a_rule_is_replaced_by_its_next_version(api, scope):
    client = api(member(scope, Role.ANALYST))
    body = {"name": "Docs", "conditions": {"path": ["docs/**"]}, "actions": {"tags": ["docs"]}}
    first = client.post("discovery-rules/", {"scope": scope.pk, **body}).json()
    second = client.post(f"discovery-rules/{first['id']}/replace/", {**body, "position": 1}).json()
    assert second["replaces"] == first["id"]
    assert client.get(f"discovery-rules/{first['id']}/").json()["ended_because"] == "replaced"
    assert client.post(f"discovery-rules/{first['id']}/replace/", body).status_code == 409


REFUSED = [
    ({"conditions": {}}, "conditions"),
    ({"conditions": {"colour": "red"}}, "colour"),
    ({"conditions": {"path": ["/etc"]}}, "conditions.path.0"),
    ({"actions": {}}, "actions"),
    ({"actions": {"close": True}}, "close"),
    ({"expires_at": None}, "expires_at"),
    ({"expires_at": "2199-01-01T00:00:00Z"}, "expires_at"),
    ({"reason": ""}, "reason"),
]


@pytest.mark.parametrize(("told", "place"), REFUSED)
def test_a_rule_that_cannot_be_used_is_a_problem_that_names_the_place(api, scope, told, place):
    client = api(member(scope, Role.ANALYST))
    response = client.post("discovery-rules/", {"scope": scope.pk, **NOISE, **told})
    assert response.status_code == 400
    assert place in response.text
    assert not DiscoveryRule.objects.exists()


def test_a_rule_out_of_a_finding_of_another_scope_is_not_found(api, scope, outsider):
    theirs = import_finding(make.make_asset(outsider.memberships.get().scope))
    client = api(member(scope, Role.ANALYST))
    response = client.post("discovery-rules/", {"scope": scope.pk, **NOISE, "out_of": theirs.pk})
    assert response.status_code == 400
    assert response.json()["errors"]["out_of"] == [f"Not found: {theirs.pk}."]


# --- what is set aside -----------------------------------------------------------------------------
def test_the_api_lists_all_unless_it_is_asked_for_some(api, scope, asset, noisy):
    kept = import_finding(asset)
    Finding.objects.filter(pk=noisy.pk).update(set_aside="noise")
    client = api(member(scope, Role.VIEWER))

    def ids(query=""):
        return {row["id"] for row in rows(client.get(f"findings/{query}"))}

    assert ids() == {noisy.pk, kept.pk}
    assert ids("?set_aside=no") == {kept.pk}
    assert ids("?set_aside=noise") == ids("?set_aside=noise&set_aside=out_of_scope") == {noisy.pk}
    assert ids("?set_aside=noise&set_aside=no&open=true") == {noisy.pk, kept.pk}
    assert client.get("findings/?set_aside=bin").status_code == 400


# --- tags and severities ---------------------------------------------------------------------------
def test_tags_are_put_on_listed_and_filtered_by(api, scope, noisy):
    client = api(member(scope, Role.ANALYST))
    path = f"findings/{noisy.pk}/tags/"
    assert client.post(path, {"add": ["PCI", ATTACK[:-1]]}).json() == {"tags": [ATTACK[:-1], "pci"]}
    assert client.post(path, {"remove": ["pci"]}).json() == {"tags": [ATTACK[:-1]]}
    assert client.get(path).json() == {"tags": [ATTACK[:-1]]}
    assert {tag["name"] for tag in rows(client.get("tags/"))} == {ATTACK[:-1], "pci"}
    assert len(rows(client.get("findings/?tag=" + "%3Cscript%3Ealert(1)%3C/script%3E"))) == 1
    assert rows(client.get("findings/?tag=pci")) == []


def test_a_severity_is_decided_and_taken_back(api, scope, noisy):
    client = api(member(scope, Role.ANALYST))
    path = f"findings/{noisy.pk}/severity/"
    assert client.post(path, {"severity": "critical", "reason": "Exposed."}).status_code == 201
    shown = client.get(f"findings/{noisy.pk}/").json()
    assert (shown["severity"], shown["decided_severity"]) == ("critical", "critical")
    assert client.post(path, {"severity": "", "reason": "No."}).status_code == 201
    assert client.get(f"findings/{noisy.pk}/").json()["decided_severity"] == ""
    assert [row["severity"] for row in rows(client.get(path))] == ["", "critical"]


# --- evidence and files ----------------------------------------------------------------------------
def test_evidence_has_its_files(api, scope, noisy):
    client = api(member(scope, Role.ANALYST))
    path = f"findings/{noisy.pk}/evidence/"
    row = client.post(path, {"kind": "proof_of_concept", "text": "It runs."}).json()
    assert post_file(client, noisy, evidence=row["id"]).status_code == 201
    (listed,) = rows(client.get(path))
    assert listed == {**row, "files": [1]}
    assert client.post(path, {"kind": "rumour", "text": "x"}).status_code == 400


def test_a_file_is_handed_out_as_what_its_bytes_tell_and_never_shown(api, scope, noisy):
    developer = api(member(scope, Role.DEVELOPER))
    data = b"<html><script>alert(document.cookie)</script></html>"
    made = post_file(developer, noisy, data, "../../<img src=x>\u202etxt.html")
    assert made.status_code == 201
    told = made.json()
    assert (told["number"], told["content_type"], told["size"]) == (1, "text/plain", len(data))
    assert told["name"] == "_img src=x_txt.html"
    response = api(member(scope, Role.VIEWER)).get(f"findings/{noisy.pk}/attachments/1/")
    assert response.content == data
    assert response["Content-Type"] == "text/plain; charset=utf-8"
    assert response["Content-Disposition"] == 'attachment; filename="_img src=x_txt.html"'
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"] == "default-src 'none'; sandbox"


def test_a_file_that_is_too_large_or_empty_or_not_there_is_refused(api, scope, noisy):
    client = api(member(scope, Role.DEVELOPER))
    for size in (MAX_BYTES + 1, MAX_BYTES * 2):
        assert post_file(client, noisy, b"x" * size).status_code == 413
    assert post_file(client, noisy, b"").status_code == 400
    path = f"findings/{noisy.pk}/attachments/"
    assert client.post(path, {}, format="multipart").status_code == 400
    assert client.post(path, {"file": "x"}).status_code == 400
    assert client.get(f"{path}1/").status_code == 404
    assert not Attachment.objects.exists()


def test_files_are_for_who_may_read_the_scope_and_from_who_may_comment(api, scope, noisy, outsider):
    assert post_file(api(member(scope, Role.DEVELOPER)), noisy).status_code == 201
    path = f"findings/{noisy.pk}/attachments/"
    for who, status in ((None, 401), (outsider, 404)):
        client = api(who)
        assert client.get(path).status_code == status
        assert client.get(f"{path}1/").status_code == status
        assert post_file(client, noisy).status_code == status
    assert post_file(api(member(scope, Role.VIEWER)), noisy).status_code == 403
    assert Attachment.objects.count() == 1


def test_a_file_does_not_belong_to_evidence_of_another_finding(api, scope, asset, noisy):
    client = api(member(scope, Role.ANALYST))
    other = import_finding(asset)
    row = client.post(f"findings/{other.pk}/evidence/", {"kind": "note", "text": "x"}).json()
    response = post_file(client, noisy, evidence=row["id"])
    assert response.status_code == 400
    assert "Not found" in response.text


# --- disputes --------------------------------------------------------------------------------------
def test_a_dispute_is_made_by_a_developer_and_answered_by_an_analyst(api, scope, noisy):
    developer, analyst = api(member(scope, Role.DEVELOPER)), api(member(scope, Role.ANALYST))
    path = f"findings/{noisy.pk}/disputes/"
    made = developer.post(path, {"about": "severity", "reason": ATTACK})
    assert made.status_code == 201
    row = made.json()
    assert developer.post(path, {"about": "severity", "reason": "x"}).status_code == 409
    assert rows(analyst.get("finding-disputes/?state=open")) == [row]
    answer = f"finding-disputes/{row['id']}/answer/"
    body = {"uphold": True, "answer": "Right.", "severity": "low"}
    assert developer.post(answer, body).status_code == 403
    assert analyst.post(answer, body).json()["state"] == "upheld"
    assert analyst.get(f"findings/{noisy.pk}/").json()["severity"] == "low"
    assert analyst.post(answer, body).status_code == 409
    assert rows(developer.get(path))[0]["answer"] == "Right."


def test_a_dispute_is_taken_back_by_who_made_it_alone(api, scope, noisy):
    developer = api(member(scope, Role.DEVELOPER))
    row = developer.post(
        f"findings/{noisy.pk}/disputes/", {"about": "existence", "reason": "x"}
    ).json()
    path = f"finding-disputes/{row['id']}/withdraw/"
    assert api(member(scope, Role.ANALYST)).post(path).status_code == 403
    assert developer.post(path).json()["state"] == "withdrawn"
    assert FindingDispute.objects.get().state == "withdrawn"


def test_ownership_goes_to_a_member_of_the_scope(api, scope, noisy, outsider):
    row = (
        api(member(scope, Role.DEVELOPER))
        .post(f"findings/{noisy.pk}/disputes/", {"about": "ownership", "reason": "x"})
        .json()
    )
    analyst = api(member(scope, Role.ANALYST))
    body = {"uphold": True, "answer": "Right."}
    answer = f"finding-disputes/{row['id']}/answer/"
    assert analyst.post(answer, {**body, "to": outsider.pk}).status_code == 400
    to = member(scope, Role.APPROVER)
    assert analyst.post(answer, {**body, "to": to.pk}).status_code == 200
    noisy.refresh_from_db()
    assert noisy.assigned_to == to


# --- who decides alone -----------------------------------------------------------------------------
def test_who_decides_alone_is_said_by_an_administrator(api, scope):
    path = f"scopes/{scope.pk}/decision-policy/"
    nobody = {"dismissals_alone": False, "acceptances_alone": False, "rules_alone": False}
    assert api(member(scope, Role.VIEWER)).get(path).json() == nobody
    told = {**nobody, "rules_alone": True}
    assert api(member(scope, Role.APPROVER)).post(path, told).status_code == 403
    assert api(member(scope, Role.ADMIN)).post(path, told).json() == told
    assert api(member(scope, Role.ADMIN)).post(path, {"rules_alone": True}).status_code == 400


# --- lists -----------------------------------------------------------------------------------------
def test_the_queries_of_their_lists_do_not_grow(api, scope, noisy, django_assert_max_num_queries):
    client = api(member(scope, Role.ANALYST))
    for number in range(3):
        client.post("discovery-rules/", {"scope": scope.pk, **NOISE, "position": number})
        row = client.post(
            f"findings/{noisy.pk}/evidence/", {"kind": "note", "text": f"{number}"}
        ).json()
        post_file(client, noisy, evidence=row["id"])
    paths = ("discovery-rules/", "tags/", "finding-disputes/", f"findings/{noisy.pk}/evidence/",
             f"findings/{noisy.pk}/attachments/", f"findings/{noisy.pk}/disputes/",
             f"findings/{noisy.pk}/severity/")  # fmt: skip
    for path in paths:
        with django_assert_max_num_queries(8):
            client.get(path)
