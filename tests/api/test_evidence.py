"""What is said beside the scans by the API: told below its finding or fix, or of a scope; listed; ended."""

import pytest

from core.permissions import Role
from findings.statuses import Status
from scans.services.doors import newest_verification
from tests.api.bodies import SOON
from tests.api.conftest import stored
from tests.factories import approve, make_asset, merge
from tests.scans.evidence import (
    SAFE,
    UNSAFE,
    agentic_finding,
    build_world,
    bump,
    fix_from,
    import_of,
    manifests,
    scan,
    secret_finding,
    secret_fix,
)

TOLD = {"method": "Deleted at the provider.", "evidence": "GET /user: 401"}


@pytest.fixture
def w(db):
    return build_world()


def outcome(finding, check):
    rows = newest_verification(finding).judgement["checks"]
    return next(row for row in rows if row["id"] == check)["outcome"]


def test_a_secret_is_told_of_by_a_pipeline_and_closes(api, w):
    finding = secret_finding(make_asset(w.scope))
    fix = secret_fix(finding)
    approve(fix)
    merge(fix)
    client, path = api(w.pipeline), f"findings/{finding.pk}/revocations/"
    assert api(w.analyst).get(path).json()["results"] == []
    row = client.post(path, {**TOLD, "as_of": "2026-01-02T03:04:05Z"})
    assert row.status_code == 201
    told = row.json()
    assert (told["state"], told["source"], told["finding"]) == ("revoked", "fetched", finding.pk)
    assert told["as_of"] == "2026-01-02T03:04:05Z"
    assert client.get(path).json()["results"] == [told]
    finding.refresh_from_db()
    assert finding.status == Status.MOBILIZATION_COMPLETE
    assert client.post(path, TOLD).status_code == 409


REFUSED = {
    "no such state": ({"state": "gone"}, 400, "invalid", "not valid"),
    "no method": ({"method": ""}, 400, "invalid", "not valid"),
    "nothing seen": ({"evidence": ""}, 400, "bad-input", "must say what was seen"),
    "the future": ({"as_of": "2199-01-01T00:00:00Z"}, 400, "bad-input", "in the future"),
    "long ago": ({"as_of": "1969-12-31T23:00:00+01:00"}, 400, "bad-input", "before 1970"),
    "no moment": ({"as_of": "soon"}, 400, "invalid", "not valid"),
    "before it came": (
        {"as_of": "2026-01-01T00:00:00Z", "committed_at": "2026-01-02T00:00:00Z"},
        400, "bad-input", "before the secret came in",
    ),
    "another source": ({"source": "measured"}, 400, "invalid", "not valid"),
}  # fmt: skip


@pytest.mark.parametrize("why", REFUSED)
def test_a_revocation_that_cannot_be_is_a_problem_that_says_why(api, w, why):
    changes, status, kind, said = REFUSED[why]
    client, path = api(w.pipeline), f"findings/{w.finding.pk}/revocations/"
    before = stored()
    response = client.post(path, {**TOLD, **changes})
    assert response.status_code == status
    assert response.json()["type"] == f"urn:ctem:problem:{kind}"
    assert said in response.json()["detail"]
    assert stored() == before


def test_a_proof_is_told_of_and_listed_below_its_fix(api, w):
    finding = agentic_finding(make_asset(w.scope))
    fix = fix_from(finding, UNSAFE, SAFE)
    scan(fix.asset, SAFE, "agentic", remediation=fix, facts={"agent_run": "7", "model": "m"})
    path, body = f"remediations/{fix.pk}/proofs/", {"finding": finding.pk, "outcome": "fails"}
    row = api(w.analyst).post(path, body)
    assert row.status_code == 201
    assert (row.json()["commit"], row.json()["source"]) == (fix.head_commit, "declared")
    assert outcome(finding, "POSITIVE_CONTROL") == "PASS"
    assert api(w.pipeline).get(path).json()["results"] == [row.json()]
    for changes, status in (
        ({"commit": "ab" * 20}, 409),
        ({"finding": w.finding.pk}, 400),
        ({"outcome": "perhaps"}, 400),
        ({"finding": 999_999}, 400),
    ):
        assert api(w.analyst).post(path, {**body, **changes}).status_code == status, changes


def test_a_standing_approval_is_given_listed_and_ended(api, w):
    asset = make_asset(w.scope)
    finding = import_of("low", manifests("4.17.20"), asset)
    client = api(w.approver)
    client.post(f"standing-approvals/{w.approval.pk}/end/", {"reason": "A new one comes."})
    bump(finding)
    assert outcome(finding, "HUMAN_REVIEW") == "UNKNOWN"
    body = {"scope": w.scope.pk, "bots": ["dependabot"], "ecosystems": ["npm"], "until": SOON,
            "manifests": ["*.lock"], "reason": "Versions are tested."}  # fmt: skip
    row = client.post("standing-approvals/", body)
    assert row.status_code == 201
    told = row.json()
    assert (told["owner"]["username"], told["bots"]) == (w.approver.username, ["Dependabot"])
    assert (told["ecosystems"], told["manifests"]) == (["JavaScript"], ["*.lock"])
    assert outcome(finding, "HUMAN_REVIEW") == "PASS"
    reader = api(w.analyst)
    assert reader.get(f"standing-approvals/{told['id']}/").json() == told
    rows = reader.get(f"standing-approvals/?scope={w.scope.pk}&ended=false").json()["results"]
    assert rows == [told]
    ended = client.post(f"standing-approvals/{told['id']}/end/", {"reason": "No."}).json()
    assert (ended["ended_by"]["username"], ended["ended_reason"]) == (w.approver.username, "No.")
    assert outcome(finding, "HUMAN_REVIEW") == "UNKNOWN"
    assert client.post(f"standing-approvals/{told['id']}/end/", {"reason": "x"}).status_code == 409
    for changes in (
        {"bots": ["Mara"]},
        {"until": "2020-01-01"},
        {"ecosystems": [], "manifests": []},
    ):
        assert client.post("standing-approvals/", {**body, **changes}).status_code == 400, changes


def test_a_look_up_is_told_by_a_pipeline_and_listed(api, w):
    body = {"scope": w.scope.pk, "package": "pkg:npm/lodash", "version": "4.17.22", "exists": True,
            "evidence": "registry.example.org/lodash/4.17.22: 200"}  # fmt: skip
    row = api(w.pipeline).post("releases/", body)
    assert row.status_code == 201 and row.json()["source"] == "fetched"
    listed = api(w.analyst).get("releases/?package=pkg:npm/lodash&version=4.17.22").json()
    assert listed["results"] == [row.json()]
    assert api(w.analyst).get(f"releases/{row.json()['id']}/").json() == row.json()
    assert api(w.analyst).post("releases/", body).status_code == 403
    assert api(w.pipeline).post("releases/", {**body, "package": "lodash"}).status_code == 400


def test_a_token_that_may_not_tells_nothing(api, w):
    limited = api(w.pipeline, permissions=["propose_fix"])
    assert limited.post(f"findings/{w.finding.pk}/revocations/", TOLD).status_code == 403
    analyst = api(w.analyst, permissions=["upload_scan"])
    assert analyst.post(f"findings/{w.finding.pk}/revocations/", TOLD).status_code == 403


def test_the_queries_of_their_lists_do_not_grow(api, w, django_assert_max_num_queries):
    client = api(w.analyst)
    for path in (
        "standing-approvals/", "releases/", f"findings/{w.finding.pk}/revocations/",
        f"remediations/{w.other_fix.pk}/proofs/",
    ):  # fmt: skip
        with django_assert_max_num_queries(8):
            assert client.get(path).json()["results"]


def test_the_outsider_of_a_scope_lists_nothing_of_it(api, w, outsider):
    client = api(outsider)
    for path in ("standing-approvals/", "releases/"):
        assert client.get(path).json()["results"] == []
    assert client.get(f"findings/{w.finding.pk}/revocations/").status_code == 404
    assert client.get(f"remediations/{w.other_fix.pk}/proofs/").status_code == 404
    assert Role.ADMIN in outsider.memberships.values_list("role", flat=True)
