"""Pages of mobilization: what goes with a finding, campaigns, groups, proposed fixes."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from findings.models import Campaign, Finding
from forges.models import PullRequest
from remediations.models import Proposal
from scopes.models import Team, TeamMember
from tests import factories as make
from tests.pages.markup import Page
from tests.remediations.proposed import bring, patch_of
from tests.remediations.test_proposing import codetf

UGLY = '<script>alert("x")</script>'


@pytest.fixture
def see(world, browse):
    def page(name, *args, role="analyst", query="", **headers):
        url = reverse(name, args=args) + query
        return Page(browse(world.member(role)).get(url, **headers))

    return page


@pytest.fixture
def act(world, browse):
    def page(name, *args, body=None, role="analyst"):
        client = browse(world.member(role))
        return Page(client.post(reverse(name, args=args), body or {}, follow=True))

    return page


# --- one finding ---------------------------------------------------------------------------------
def test_the_findings_page_fetches_what_is_done_about_it(world, see):
    page = see("finding", world.fresh.pk)
    url = reverse("finding-mobilizing", args=[world.fresh.pk])
    [part] = [e for e in page.all("div") if e.attributes.get("hx-get") == url]
    assert part.attributes["hx-trigger"] == "load"
    assert "Attempts, proposed fixes" in page.text


def test_the_part_is_the_panels_alone_and_the_page_has_them_too(world, browse):
    url = reverse("finding-mobilizing", args=[world.fresh.pk])
    client = browse(world.member("analyst"))
    part = client.get(url, headers={"HX-Request": "true"}).content.decode()
    whole = client.get(url).content.decode()
    assert "<html" not in part
    assert "<html" in whole
    for words in ("Proposed fixes: 1", "Attempts to fix it: 0", "In one group with", "No eval"):
        assert words in part
        assert words in whole


def test_suggestions_are_shown_with_the_reason_and_merged_by_a_click(world, see, act, scope=None):
    one = make.import_finding(world.asset)
    two = make.import_finding(world.asset, "pickle.loads(")
    told = {"path": one.path, "start_line": one.start_line, "cwes": ["CWE-95"]}
    Finding.objects.filter(pk=two.pk).update(tool="Semgrep", **told)
    Finding.objects.filter(pk=one.pk).update(cwes=["CWE-95"])
    page = see("finding-mobilizing", one.pk)
    assert f"Bandit and Semgrep both report CWE-95 at {one.path}" in page.text or (
        "both report CWE-95" in page.text
    )
    assert "Merge into one group" in page.text
    assert "Merge into one group" not in see("finding-mobilizing", one.pk, role="viewer").text
    act("finding-merge", one.pk, body={"findings": [one.pk, two.pk], "reason": "One call."})
    groups = set(Finding.objects.filter(pk__in=[one.pk, two.pk]).values_list("group", flat=True))
    assert len(groups) == 1
    assert groups != {None}


def test_a_finding_of_another_scope_is_not_merged_by_its_number(world, act):
    foreign, one = make.import_finding(), make.import_finding(world.asset)
    page = act("finding-merge", one.pk, body={"findings": [foreign.pk], "reason": "x"})
    assert "two findings at least" in page.text
    assert not Finding.objects.filter(pk__in=[foreign.pk, one.pk], group__isnull=False).exists()


def test_a_team_is_assigned_and_taken_back(world, act, see):
    team = Team.objects.create(scope=world.scope, name="Payments", created_at=make.now())
    page = act("finding-team", world.fresh.pk, body={"team": team.pk})
    assert f"Payments answers for {world.fresh}" in page.text
    world.fresh.refresh_from_db()
    assert world.fresh.team == team
    act("finding-team", world.fresh.pk, body={"team": ""})
    world.fresh.refresh_from_db()
    assert world.fresh.team is None


def test_a_file_is_brought_and_a_bad_one_says_where_it_is_bad(world, browse):
    client = browse(world.member("developer"))
    url = reverse("finding-proposals", args=[world.fresh.pk])

    def send(text):
        file = SimpleUploadedFile("fix.patch", text.encode())
        return Page(client.post(url, {"file": file}, follow=True))

    before = Proposal.objects.count()
    assert "Proposed fixes: 1 new, 0 known already." in send(patch_of(world.fresh, "return 1")).text
    assert Proposal.objects.count() == before + 1
    assert "Proposed fixes: 0 new, 1 known" in send(patch_of(world.fresh, "return 1")).text
    assert "The file proposes no fix." in send('{"version": "2.1.0", "runs": []}').text
    assert "data:1: expected" in send("hello").text
    assert (
        "a path with the component"
        in send(patch_of(world.fresh).replace(world.fresh.path, "../x")).text
    )


def test_linking_a_pull_request_needs_a_repository(world, act):
    elsewhere = make.import_finding(make.make_asset(world.scope))
    page = act("finding-pull", elsewhere.pk, body={"number": "3"}, role="developer")
    assert "No connection to a code host" in page.text
    page = act("finding-pull", world.fresh.pk, body={"number": "3"}, role="developer")
    assert "Pull request 3 is looked at now" in page.text


def test_a_linked_pull_request_shows_on_the_finding_with_why_it_is_no_fix(world, act, browse):
    act("finding-pull", world.fresh.pk, body={"number": "3"}, role="developer")
    PullRequest.objects.filter(number=3).update(problem="It leads to side.")

    def shown(name, finding):
        return browse(world.member("viewer")).get(reverse(name, args=[finding.pk])).text

    part = shown("finding-pulls", world.fresh)
    assert "It leads to side." in part and "#3" in part
    assert "#3" not in shown("finding-pulls", world.open)
    assert reverse("finding-pulls", args=[world.fresh.pk]) in shown(
        "finding-mobilizing", world.fresh
    )


def test_an_asset_tells_what_could_be_closed_together(world, see, browse):
    one, two = (make.import_finding(world.asset) for _ in range(2))
    Finding.objects.filter(pk=two.pk).update(path=one.path, start_line=90)
    page = see("asset-suggestions", world.asset.pk)
    assert f"2 findings of the rule {one.rule} in {one.path}." in page.text
    url = reverse("asset-suggestions", args=[world.asset.pk])
    part = browse(world.member("viewer")).get(url, headers={"HX-Request": "true"})
    assert "<html" not in part.content.decode()


# --- proposals -----------------------------------------------------------------------------------
def test_a_proposal_shows_its_diff_its_maker_and_that_it_proves_nothing(world, see):
    page = see("proposal", world.proposal.pk)
    assert "A proposal is no evidence" in page.text
    assert world.fresh.path in page.text
    assert "return parse(x)" in page.text
    assert "That is unknown, not human." in page.text


def test_hostile_texts_are_texts(world, see, browse):
    file = codetf(world.fresh, diff=patch_of(world.fresh, UGLY))
    file = file.replace("Instead of <b>eval</b>.", "<img src=x onerror=alert(1)>")
    file = file.replace('"summary": "Parse"', '"summary": "<script>alert(2)</script>"')
    [proposal] = bring(world.fresh, file).proposals
    client = browse(world.member("analyst"))
    for url in (proposal.get_absolute_url(), reverse("finding-mobilizing", args=[world.fresh.pk])):
        raw = client.get(url).content.decode()
        assert "<script>alert" not in raw
        assert "<img src=x" not in raw
        assert "&lt;script&gt;alert(2)" in raw
    assert UGLY in see("proposal", proposal.pk).text


def test_replacements_are_shown_as_texts(world, see):
    change = {
        "artifactLocation": {"uri": world.fresh.path},
        "replacements": [
            {"deletedRegion": {"startLine": 2}, "insertedContent": {"text": "<b>safe</b>"}},
            {"deletedRegion": {"charOffset": 0}, "insertedContent": {"text": "import ast"}},
            {"deletedRegion": {"byteOffset": 0}, "insertedContent": {"text": "import re"}},
        ],
    }
    result = {
        "ruleId": world.fresh.rule,
        "message": {"text": "m"},
        "fixes": [{"artifactChanges": [change]}],
    }
    driver = {"driver": {"name": "Semgrep OSS"}}
    text = json.dumps({"version": "2.1.0", "runs": [{"tool": driver, "results": [result]}]})
    [proposal] = bring(world.fresh, text).proposals
    page = see("proposal", proposal.pk)
    assert "<b>safe</b>" in page.text
    assert "no diff can be drawn" in page.text
    assert "character 0" in page.text
    assert "byte 0" in page.text


def test_a_patch_is_a_file_to_keep_never_to_be_shown(world, browse):
    response = browse(world.member("viewer")).get(
        reverse("proposal-patch", args=[world.proposal.pk])
    )
    assert response["Content-Disposition"].startswith("attachment")
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response.content == patch_of(world.fresh).encode()


def test_a_proposal_is_declined_or_taken_on_its_page(world, act, see):
    page = act("proposal-decline", world.proposal.pk, body={"reason": UGLY}, role="developer")
    assert UGLY in page.text
    assert "Decline it" not in page.text
    [other] = bring(
        world.fresh, codetf(world.fresh, diff=patch_of(world.fresh, "return 2"))
    ).proposals
    body = {"base_commit": "ab" * 20, "head_commit": "cd" * 20, "unchanged": "on"}
    page = act("proposal-take", other.pk, body=body, role="developer")
    other.refresh_from_db()
    assert other.remediation is not None
    assert f"It became {other.remediation}" in page.text
    fix = see("remediation", other.remediation_id)
    assert "proposal strategy" in fix.text
    assert "high confidence" in fix.text


# --- groups --------------------------------------------------------------------------------------
def test_a_group_shows_each_with_its_own_status_and_is_split_by_hand(world, see, act):
    page = see("group", world.group.pk)
    assert "A group closes nothing" in page.text
    assert "mobilizing" in page.text
    assert "not proven" in page.text
    act("group-split", world.group.pk, body={"findings": [world.fresh.pk], "reason": "Not alike."})
    page = see("group", world.group.pk)
    assert "It was split up" in page.text
    assert "Not alike." in page.text  # its history stays
    act("group-rename", world.group.pk, body={"title": UGLY})
    assert UGLY in see("group", world.group.pk).text


# --- campaigns -----------------------------------------------------------------------------------
def test_a_campaign_is_started_filled_and_ended_on_pages(world, act, see):
    body = {"name": f"No {UGLY}", "goal": "None is left.", "due_on": "2026-01-01"}
    page = act("campaign-start", world.scope.slug, body=body)
    campaign = Campaign.objects.get(name__startswith="No <")
    assert UGLY in page.text
    assert "late" in page.text
    act("campaign-add", campaign.pk, body={"filter": f"asset={world.asset.pk}"})
    assert campaign.members.count() == Finding.objects.filter(asset=world.asset).count()
    page = see("campaign", campaign.pk)
    assert "proven, 33 %" in page.text
    act("campaign-remove", campaign.pk, body={"findings": [world.fresh.pk], "reason": "Not ours."})
    assert not campaign.findings.filter(pk=world.fresh.pk).exists()
    assert (
        "there is no filter" in act("campaign-add", campaign.pk, body={"filter": "nonsense=1"}).text
    )
    page = act("campaign-end", campaign.pk, body={"reason": "Given up."})
    assert "Given up." in page.text
    assert "Take findings in" not in page.text
    assert str(campaign) in see("campaigns").text


def test_a_viewer_sees_a_campaign_and_no_form(world, see):
    page = see("campaign", world.campaign.pk, role="viewer")
    assert "No eval" in page.text
    assert "What you can do" not in page.text
    assert (
        "does not allow you to triage" in see("campaign-new", world.scope.slug, role="viewer").text
    )


# --- all of a list -------------------------------------------------------------------------------
def test_all_of_a_list_are_assigned_after_a_look_at_what_would_happen(world, see, act):
    developer, team = world.member("developer"), None
    page = see("findings-together", query="?open=true")
    assert "2 findings of" in page.text
    body = {"filter": "open=true", "to": developer.pk}
    page = act("findings-assign", world.scope.slug, body={**body, "do": "preview"})
    assert "2 would be assigned, 0 refused. Nothing is written yet." in page.text
    assert not Finding.objects.filter(assigned_to=developer).exists()
    act("findings-assign", world.scope.slug, body={**body, "do": "assign"})
    assert Finding.objects.filter(assigned_to=developer).count() == 2
    team = Team.objects.create(scope=world.scope, name="Payments", created_at=make.now())
    TeamMember.objects.create(team=team, scope=world.scope, user=developer)
    act("findings-assign", world.scope.slug,
        body={"filter": "open=true", "team": team.pk, "do": "assign"})  # fmt: skip
    assert Finding.objects.filter(assigned_to=developer, team=team).count() == 2


def test_all_of_a_list_join_a_campaign(world, act):
    body = {"filter": "status=mobilization_complete", "campaign": world.campaign.pk}
    act("campaign-join", world.scope.slug, body=body)
    assert world.campaign.findings.filter(pk=world.closed.pk).exists()


def test_who_sees_several_scopes_chooses_one(world, see, browse):
    user = world.member("analyst")
    other = make.make_scope()
    make.add_member(other, user, "analyst")
    page = see("findings-together", query="?open=true")
    assert "Which one?" in page.text
    assert other.name in page.text


def test_a_viewer_is_refused_and_a_hostile_filter_says_so(world, act, see):
    page = act("findings-assign", world.scope.slug, role="viewer",
               body={"filter": "open=true", "do": "preview"})  # fmt: skip
    assert "does not allow you to triage" in page.text
    assert "does not allow you to triage" in see("findings-together", role="viewer").text


@pytest.mark.parametrize(
    ("name", "row"),
    [("finding-mobilizing", "fresh"), ("campaign", "campaign"), ("group", "group"),
     ("proposal", "proposal"), ("campaigns", None)],
)  # fmt: skip
def test_pages_hold_their_number_of_queries(world, browse, name, row):
    args = [getattr(world, row).pk] if row else []
    client = browse(world.member("analyst"))
    with CaptureQueriesContext(connection) as asked:
        assert client.get(reverse(name, args=args)).status_code == 200
    assert len(asked) <= 20, [q["sql"][:150] for q in asked]
