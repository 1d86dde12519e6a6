"""Proposing, pushing, reviewing, merging and verifying fixes, until the gate lets a finding close."""

import base64

from core.permissions import Role
from findings.statuses import Status
from remediations.models import Remediation
from scans.models import Scan
from tests import factories as make
from tests.api.bodies import fix_body, head_of, upload_body
from tests.api.conftest import stored
from tests.code import diff_of
from tests.factories import ANSWERS, code_of, fixed_code


def proposal(world, **more):
    return {
        "asset": world.asset.pk, "findings": [world.fresh.pk], **fix_body(world.line, world.fresh), **more
    }  # fmt: skip


def test_a_finding_closes_over_the_api_alone(api, world):
    """Propose, scan, review, merge: the gate completes it, and nobody else did anything."""
    developer, pipeline = api(world.developer), api(world.pipeline)
    proposed = developer.post("remediations/", proposal(world))
    assert proposed.status_code == 201
    pk = proposed.json()["id"]
    fix = Remediation.objects.get(pk=pk)
    scan = pipeline.post("scans/", upload_body(world.asset, head_of(fix), remediation=pk)).json()
    make.run_job(Scan.objects.get(pk=scan["id"]))
    review = {"decision": "approved", "commit": fix.head_commit, "answers": ANSWERS}
    assert api(world.analyst).post(f"remediations/{pk}/reviews/", review).status_code == 201
    (before,) = developer.post(f"remediations/{pk}/judge/").json()
    assert (before["safe"], before["right"], before["with_merge"]) == ("pass", "pass", False)
    merged = head_of(fix).committed_as("squashed")
    body = {"merge_commit": merged.commit, "merge_tree": merged.tree, "merged_by": "merge bot"}
    assert developer.post(f"remediations/{pk}/merge/", body).json()["state"] == "merged"
    finding = developer.get(f"findings/{world.fresh.pk}/").json()
    assert finding["status"] == "mobilization_complete"
    assert developer.get(f"findings/{world.fresh.pk}/certificate/").status_code == 200


def test_a_proposed_fix_starts_mobilizing_its_findings(api, world):
    row = (
        api(world.developer).post("remediations/", proposal(world, url="https://x.org/pr/1")).json()
    )
    assert row["findings"] == [world.fresh.pk]
    assert row["origin"] == "unknown"
    assert row["changed_files"][0]["path"] == world.fresh.path
    assert [commit["id"] for commit in row["commits"]] == [row["head_commit"]]
    world.fresh.refresh_from_db()
    assert world.fresh.status == Status.MOBILIZING


def test_a_declared_origin_only_raises(api, world):
    body = proposal(world, declared_origin="ai_generated", agent="Autofix")
    row = api(world.developer).post("remediations/", body).json()
    assert (row["origin"], row["agent"]) == ("ai_generated", "Autofix")


def test_the_same_fix_again_is_the_first(api, world):
    client = api(world.developer)
    first = client.post("remediations/", proposal(world))
    before = stored()
    second = client.post("remediations/", proposal(world))
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["id"] == second.json()["id"]
    assert stored() == before


def test_a_diff_may_come_in_base64(api, world):
    diff = diff_of(code_of(world.line), fixed_code(world.line, world.fresh))
    body = proposal(world, diff_base64=base64.b64encode(diff).decode())
    del body["diff"]
    row = api(world.developer).post("remediations/", body).json()
    text = api(world.developer).post("remediations/", proposal(world)).json()
    assert row["diff_sha256"] == text["diff_sha256"] is not None


UNUSABLE = [
    ({"diff": "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n"}, "diff"),
    ({"diff_base64": "e30="}, "diff_base64"),
    ({"head_commit": "HEAD"}, "head_commit"),
    ({"url": "javascript:alert(1)"}, "url"),
    ({"declared_origin": "robot"}, "declared_origin"),
    ({"findings": []}, "findings"),
    ({"findings": [1] * 201}, "findings"),
    ({"line": "release-1"}, "line"),
    ({"title": "x" * 301}, "title"),
    ({"title": 7}, "title"),
    ({"commits": [{"id": "ab" * 20, "mail": "x"}]}, "commits"),
    ({"commits": [{"id": "ab" * 20}] * 501}, "commits"),
    ({"state": "merged"}, "state"),
    ({"merge_commit": "ab" * 20}, "merge_commit"),
    ({"origin": "human"}, "origin"),
]


def test_a_proposal_that_cannot_be_used_is_refused_with_the_place(api, world):
    client = api(world.developer)
    before = stored()
    for change, place in UNUSABLE:
        response = client.post("remediations/", proposal(world, **change))
        problem = response.json()
        assert response.status_code == 400, problem
        assert place in problem.get("where", "") or place in problem.get("errors", {})
    assert stored() == before


def test_a_diff_over_the_limit_is_413(api, world, settings):
    settings.MAX_DIFF_BYTES = 10
    response = api(world.developer).post("remediations/", proposal(world))
    assert response.status_code == 413
    assert "> 10 bytes" in response.json()["detail"]


def test_a_closed_finding_is_not_fixed_again(api, world):
    body = proposal(world, findings=[world.closed.pk])
    assert api(world.developer).post("remediations/", body).status_code == 409


def test_a_push_takes_reviews_back(api, world):
    client, path = api(world.developer), f"remediations/{world.fix.pk}"
    review = {"decision": "approved", "commit": world.fix.head_commit}
    assert api(world.analyst).post(f"{path}/reviews/", review).status_code == 201
    head = fixed_code(world.line, world.open).committed_as("again")
    body = {"head_commit": head.commit, "head_tree": head.tree,
            "diff": diff_of(code_of(world.line), head).decode()}  # fmt: skip
    assert client.post(f"{path}/push/", body).json()["head_commit"] == head.commit
    assert api(world.analyst).post(f"{path}/reviews/", review).status_code == 409
    (row,) = client.get(f"{path}/reviews/").json()["results"]
    assert row["commit"] != head.commit


def test_nobody_reviews_their_own_fix_nor_does_a_service(api, world):
    review = {"decision": "approved", "commit": world.fix.head_commit}
    path = f"remediations/{world.fix.pk}/reviews/"
    assert api(world.developer).post(path, review).status_code == 403
    assert api(world.pipeline).post(path, review).status_code == 403
    other = make.add_member(world.scope, make.make_user("second-dev"), Role.DEVELOPER)
    assert api(other).post(path, review).status_code == 201


def test_a_merged_fix_is_deployed_and_no_longer_pushed_or_withdrawn(api, world):
    client, path = api(world.developer), f"remediations/{world.fix.pk}"
    assert (
        client.post(f"{path}/deploy/", {"deployed_at": "2026-01-01T00:00:00Z"}).status_code == 409
    )
    assert client.post(f"{path}/merge/", {"merge_commit": "ab" * 20}).status_code == 200
    world.open.refresh_from_db()
    assert world.open.status in (Status.AWAITING_VERIFICATION, Status.MOBILIZING)
    assert client.post(f"{path}/merge/", {"merge_commit": "cd" * 20}).status_code == 409
    assert client.post(f"{path}/push/", {"head_commit": "cd" * 20}).status_code == 409
    assert client.post(f"{path}/withdraw/", {"reason": "No."}).status_code == 409
    row = client.post(f"{path}/deploy/", {"deployed_at": "2026-01-01T00:00:00Z"}).json()
    assert row["deployed_at"] == "2026-01-01T00:00:00Z"


def test_a_withdrawn_fix_takes_no_more_scans(api, world):
    client, fix = api(world.developer), world.fix
    assert (
        client.post(f"remediations/{fix.pk}/withdraw/", {"reason": "No."}).json()["state"]
        == "withdrawn"
    )
    body = upload_body(world.asset, head_of(fix), remediation=fix.pk)
    assert client.post("scans/", body).status_code == 409


def test_our_runner_scans_the_head_the_base_or_what_merged(api, world):
    client, path = api(world.developer), f"remediations/{world.fix.pk}"
    head = client.post(f"{path}/verify/", {"recipe": "bandit"})
    assert head.status_code == 202
    assert (head.json()["commit"], head.json()["purpose"]) == (world.fix.head_commit, "fix")
    base = client.post(f"{path}/verify/", {"recipe": "bandit", "control": True}).json()
    assert (base["commit"], base["purpose"]) == (world.fix.base_commit, "control")
    client.post(f"{path}/merge/", {"merge_commit": "ab" * 20})
    assert client.post(f"{path}/verify/", {"recipe": "bandit"}).json()["commit"] == "ab" * 20
    assert client.post(f"{path}/verify/", {"recipe": "curl"}).status_code == 400


def test_an_asset_without_a_repository_cannot_be_scanned_by_us(api, world):
    world.asset.__class__.objects.update(repository="")
    response = api(world.developer).post(
        f"remediations/{world.fix.pk}/verify/", {"recipe": "bandit"}
    )
    assert response.status_code == 400
    assert response.json()["where"] == "asset"


def test_fixes_are_filtered_and_their_events_are_listed(api, world):
    client = api(world.viewer)
    closed = world.closed.remediations.get()
    for query, expected in {
        "state=merged": {closed.pk}, "state=proposed&state=merged": {closed.pk, world.fix.pk},
        f"finding={world.open.pk}": {world.fix.pk}, f"merge_commit={closed.merge_commit}": {closed.pk},
        f"head_commit={world.fix.head_commit}": {world.fix.pk}, "origin=ai_generated": set(),
    }.items():  # fmt: skip
        rows = client.get(f"remediations/?{query}").json()["results"]
        assert {row["id"] for row in rows} == expected, query
    events = client.get(f"remediations/{closed.pk}/events/").json()["results"]
    assert [e["action"] for e in events] == [
        "remediation.merged", "remediation.reviewed", "remediation.proposed"]  # fmt: skip
