"""Assignment, suggestions, campaigns, groups and proposed fixes by the API."""

import json

import pytest

from findings.models import Campaign, Finding
from remediations.models import Proposal
from scopes.models import Team
from tests import factories as make
from tests.remediations.proposed import patch_of
from tests.remediations.test_proposing import codetf


@pytest.fixture
def analyst(api, world):
    return api(world.analyst)


@pytest.fixture
def developer(api, world):
    return api(world.developer)


def other_patch(finding):
    """Another change than that of the proposal that is there."""
    return patch_of(finding, "return other(x)")


# --- assignment ----------------------------------------------------------------------------------
def test_a_finding_is_assigned_to_a_person_a_team_or_both(analyst, world):
    team = Team.objects.create(scope=world.scope, name="Payments", created_at=make.now())
    path = f"findings/{world.fresh.pk}/assign/"
    body = analyst.post(path, {"to": world.developer.pk, "team": team.pk}).json()
    assert (body["assigned_to"]["id"], body["team"]) == (world.developer.pk, team.pk)
    body = analyst.post(path, {"to": None}).json()
    assert (body["assigned_to"], body["team"]) == (None, team.pk)
    assert analyst.post(path, {}).status_code == 400
    shown = analyst.get(f"findings/?team={team.pk}").json()["results"]
    assert [row["id"] for row in shown] == [world.fresh.pk]


def test_a_team_of_another_scope_is_not_found(analyst, world):
    team = Team.objects.create(scope=make.make_scope(), name="Theirs", created_at=make.now())
    response = analyst.post(f"findings/{world.fresh.pk}/assign/", {"team": team.pk})
    assert response.status_code == 400
    assert "Not found" in response.text


def test_many_are_assigned_by_number_or_filter_with_a_dry_run_before(analyst, world):
    ids = [world.open.pk, world.fresh.pk]
    body = {"findings": ids, "to": world.developer.pk, "dry_run": True}
    told = analyst.post("findings/bulk-assign/", body).json()
    assert (told["dry_run"], told["done"], told["refused"]) == (True, 2, 0)
    assert not Finding.objects.filter(assigned_to=world.developer).exists()
    body = {"filter": f"open=true&asset={world.asset.pk}", "to": world.developer.pk}
    assert analyst.post("findings/bulk-assign/", body).json()["done"] == 2
    assert set(
        Finding.objects.filter(assigned_to=world.developer).values_list("pk", flat=True)
    ) == set(ids)


def test_each_refusal_says_why(developer, world):
    told = developer.post(
        "findings/bulk-assign/", {"findings": [world.fresh.pk], "to": None}
    ).json()
    assert told["answers"] == [{
        "finding": world.fresh.pk, "done": False,
        "problem": "Your role in this scope does not allow you to triage."}]  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [{"to": None}, {"to": None, "findings": [1], "filter": "a"}, {"to": None, "filter": "nonsense=1"},
     {"to": None, "findings": list(range(1, 1002))}, {"findings": []}],
)  # fmt: skip
def test_what_cannot_be_used_is_refused(analyst, body):
    assert analyst.post("findings/bulk-assign/", body).status_code == 400


# --- suggestions ---------------------------------------------------------------------------------
def test_suggestions_tell_what_goes_together_and_why(analyst, world):
    one, two = (make.import_finding(world.asset) for _ in range(2))
    Finding.objects.filter(pk=two.pk).update(path=one.path, start_line=90)
    for path in (f"findings/{one.pk}/suggestions/", f"assets/{world.asset.pk}/suggestions/"):
        [told] = analyst.get(path).json()["one_fix"]
        assert told["kind"] == "rule_and_file"
        assert set(told["findings"]) == {one.pk, two.pk}
        assert one.path in told["reason"]


# --- campaigns -----------------------------------------------------------------------------------
def test_a_campaign_by_the_api(analyst, world):
    body = {"scope": world.scope.pk, "name": "No shell", "goal": "None.", "owner": world.developer.pk,
            "due_on": "2027-01-01"}  # fmt: skip
    row = analyst.post("campaigns/", body).json()
    assert (row["owner"]["id"], row["due_on"]) == (world.developer.pk, "2027-01-01")
    assert analyst.post("campaigns/", body).status_code == 409
    path = f"campaigns/{row['id']}"
    told = analyst.post(f"{path}/findings/", {"filter": f"asset={world.asset.pk}"}).json()
    assert told["count"] == 3
    assert (told["now"]["total"], told["now"]["proven"], told["now"]["proven_percent"]) == (
        3,
        1,
        33,
    )
    told = analyst.get(f"{path}/progress/").json()
    assert told["weeks"][-1]["proven"] == 1
    assert told["now"]["by_status"]["mobilization_complete"] == 1
    shown = analyst.get(f"findings/?campaign={row['id']}").json()["results"]
    assert len(shown) == 3
    out = {"findings": [world.fresh.pk], "reason": "Not ours."}
    assert analyst.post(f"{path}/findings/remove/", out).json()["count"] == 1
    assert analyst.post(f"{path}/change/", {"owner": None}).json()["owner"] is None
    assert analyst.post(f"{path}/end/", {"reason": "Reached."}).json()["ended_at"]
    assert analyst.post(f"{path}/end/", {"reason": "Again."}).status_code == 409
    actions = [e["action"] for e in analyst.get(f"{path}/events/").json()["results"]]
    assert actions == ["campaign.ended", "campaign.changed", "campaign.findings_removed",
                       "campaign.findings_added", "campaign.started"]  # fmt: skip
    assert [r["id"] for r in analyst.get("campaigns/?running=false").json()["results"]] == [
        row["id"]
    ]


def test_a_campaign_takes_no_findings_of_another_scope(analyst, world, elsewhere):
    make.add_member(elsewhere.scope, world.analyst, "analyst")
    campaign = Campaign.objects.get(scope=world.scope)
    body = {"findings": [elsewhere.fresh.pk]}
    assert analyst.post(f"campaigns/{campaign.pk}/findings/", body).json()["count"] == 0
    assert not campaign.findings.filter(pk=elsewhere.fresh.pk).exists()


# --- groups --------------------------------------------------------------------------------------
def test_a_group_is_merged_renamed_and_split(analyst, world):
    rows = [make.import_finding(world.asset) for _ in range(3)]
    ids = [row.pk for row in rows]
    group = analyst.post(
        "groups/", {"findings": ids, "reason": "One call.", "title": "Eval"}
    ).json()
    assert [member["id"] for member in group["findings"]] == ids
    assert {member["verified_at"] for member in group["findings"]} == {None}
    path = f"groups/{group['id']}"
    assert analyst.post(f"{path}/rename/", {"title": "Calls"}).json()["title"] == "Calls"
    told = analyst.post(f"{path}/split/", {"findings": ids[:1], "reason": "Another."}).json()
    assert [member["id"] for member in told["findings"]] == ids[1:]
    again = analyst.post(f"{path}/split/", {"findings": ids[:1], "reason": "Another."})
    assert again.status_code == 409
    actions = [e["action"] for e in analyst.get(f"{path}/events/").json()["results"]]
    assert actions == ["group.split", "group.renamed", "group.merged"]
    assert analyst.get(f"findings/?group={group['id']}").json()["results"]


# --- proposed fixes ------------------------------------------------------------------------------
def test_a_file_is_taken_in_and_its_patch_handed_out(developer, world):
    body = {"asset": world.asset.pk, "text": codetf(world.fresh, diff=other_patch(world.fresh))}
    response = developer.post("proposals/", body)
    assert response.status_code == 201
    told = response.json()
    assert (told["format"], told["new"], told["left_out"]) == ("CodeTF", 1, [])
    [row] = told["proposals"]
    assert row["findings"] == [{"finding": world.fresh.pk, "sure": "likely",
                                "reason": f"The rule {world.fresh.rule}, at the same place."}]  # fmt: skip
    assert (row["origin"], row["agent"], row["confidence"]) == ("ai_generated", "Pixee", "high")
    assert developer.post("proposals/", body).status_code == 200
    patch = developer.get(f"proposals/{row['id']}/patch/")
    assert patch.content == other_patch(world.fresh).encode()
    assert patch.headers["Content-Disposition"].startswith("attachment")
    shown = developer.get(f"proposals/?finding={world.fresh.pk}&source=codetf").json()["results"]
    assert [r["id"] for r in shown] == [row["id"]]


def test_what_is_no_proposal_is_told_with_its_place(developer, world):
    data = json.loads(codetf(world.fresh, diff=other_patch(world.fresh)))
    data["results"].append({**data["results"][0], "changeset": []})
    told = developer.post("proposals/", {"asset": world.asset.pk, "text": json.dumps(data)}).json()
    assert told["left_out"] == [{"where": "data: results[1]", "why": "changes nothing"}]


@pytest.mark.parametrize(
    ("text", "where"),
    [("hello", "data:1"), ('{"run": {}}{', "data at byte"), ('{"run": 1}', "data: run")],
)
def test_a_file_that_cannot_be_used_says_where(developer, world, text, where):
    response = developer.post("proposals/", {"asset": world.asset.pk, "text": text})
    assert response.status_code == 400
    assert response.json()["where"].startswith(where)


def test_a_path_out_of_the_repository_is_refused(developer, world):
    before = Proposal.objects.count()
    for text in (codetf(world.fresh, path="../x"), patch_of(world.fresh).replace("app/", "../")):
        response = developer.post("proposals/", {"asset": world.asset.pk, "text": text})
        assert response.status_code == 400
    assert Proposal.objects.count() == before


def test_a_proposal_becomes_a_fix_or_is_declined(developer, world):
    proposal = Proposal.objects.get(scope=world.scope)
    body = {"base_commit": "ab" * 20, "head_commit": "cd" * 20, "unchanged": True,
            "findings": [world.fresh.pk], "url": "https://example.org/pull/1"}  # fmt: skip
    fix = developer.post(f"proposals/{proposal.pk}/take/", body).json()
    assert fix["findings"] == [world.fresh.pk]
    assert fix["diff_sha256"] == proposal.diff_id
    row = developer.get(f"proposals/{proposal.pk}/").json()
    assert (row["state"], row["remediation"]) == ("taken", fix["id"])
    refused = developer.post(f"proposals/{proposal.pk}/decline/", {"reason": "No."})
    assert refused.status_code == 409


def test_nobody_takes_a_fix_of_another_scope(developer, world, elsewhere):
    proposal = Proposal.objects.get(scope=world.scope)
    response = developer.post(f"proposals/{proposal.pk}/take/", {"remediation": elsewhere.fix.pk})
    assert response.status_code == 400
    assert (
        developer.get(f"proposals/{Proposal.objects.get(scope=elsewhere.scope).pk}/").status_code
        == 404
    )


def test_attempts_are_counted(analyst, world):
    told = analyst.get(f"findings/{world.open.pk}/attempts/").json()
    assert (told["count"], told["by_outcome"]) == (1, {"open": 1})
    assert told["attempts"][0]["remediation"] == world.fix.pk


def test_a_pull_request_is_linked_by_its_number(developer, world, elsewhere):
    repository = developer.get("repositories/").json()["results"][0]["id"]
    path = f"repositories/{repository}/pull-requests/"
    response = developer.post(path, {"number": 12, "findings": [world.open.pk]})
    assert response.status_code == 202
    assert (response.json()["number"], response.json()["remediation"]) == (12, None)
    theirs = developer.post(path, {"number": 12, "findings": [elsewhere.open.pk]})
    assert theirs.status_code == 400
    assert developer.post(path, {"number": 0, "findings": [world.open.pk]}).status_code == 400
