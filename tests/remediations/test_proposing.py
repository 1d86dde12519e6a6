"""Proposed fixes: kept for the findings they name, never evidence, decided once."""

import json

import pytest
from django.db import IntegrityError, connection, transaction

from core import blobs
from core.errors import BadInput, Incomplete, NotAllowed, TooLarge, WrongState
from core.models import Event
from findings.models import Finding
from findings.statuses import Status
from remediations import drafting
from remediations.models import AuthorshipSignal, Proposal, ProposalFinding, Remediation
from remediations.proposing import decline_proposal, mark_taken
from remediations.readers import MAX_BYTES
from remediations.services import propose_remediation, withdraw_remediation
from scans.services.proposals import take_proposal
from scopes.services import add_pipeline_identity
from scopes.workloads import Claims, Workload
from tests import factories as make
from tests.remediations.proposed import bring, make_proposal, patch_of

pytestmark = pytest.mark.django_db
BASE, HEAD = "ab" * 20, "cd" * 20


@pytest.fixture
def finding(asset):
    return make.import_finding(asset)


@pytest.fixture
def proposal(finding):
    return make_proposal(finding)


def named(proposal):
    return list(proposal.named.order_by("pk").values_list("finding", "sure"))


def codetf(finding, **more):
    change = {
        "path": finding.path, "diff": patch_of(finding), "changes": [], "strategy": "ai",
        "ai": {"provider": "openai", "model": "gpt-5"},
        "fixedFindings": [{"id": "", "rule": {"id": finding.rule, "name": "eval"}}], **more,
    }  # fmt: skip
    return json.dumps({
        "run": {"vendor": "pixee", "tool": "codemodder-python", "version": "1"},
        "results": [{"codemod": "pixee:python/literal", "summary": "Parse",
                     "description": "Instead of <b>eval</b>.", "changeset": [change]}],
    })  # fmt: skip


def sarif(finding, region=None, more=(), **result):
    region = region or {"startLine": finding.start_line}
    change = {"artifactLocation": {"uri": finding.path},
              "replacements": [{"deletedRegion": region, "insertedContent": {"text": "  pass"}}]}  # fmt: skip
    return json.dumps({"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "Semgrep OSS"}}, "results": [
        {"ruleId": finding.rule, "message": {"text": "m"}, **result,
         "locations": [{"physicalLocation": {"artifactLocation": {"uri": finding.path}, "region": region}}],
         "fixes": [{"artifactChanges": [change]}, *more]}]}]})  # fmt: skip


def printed(finding, value):
    """The finding as its tool would have given it a fingerprint."""
    told = {**finding.original, "fingerprints": [["line/v1", value]]}
    Finding.objects.filter(pk=finding.pk).update(original=told)


# --- taking in ---------------------------------------------------------------------------------
def test_a_patch_is_kept_for_the_findings_whose_lines_it_touches(finding, asset):
    other = make.import_finding(asset)
    taken = bring(finding)
    [proposal] = taken.proposals
    assert (taken.format, taken.new, taken.left) == ("unified diff", 1, [])
    assert named(proposal) == [(finding.pk, "possible")]
    assert blobs.load(proposal.diff_id) == patch_of(finding).encode()
    assert (proposal.origin, proposal.confidence, proposal.state) == ("unknown", "", "offered")
    assert not other.proposals.exists()
    event = Event.objects.filter(action="proposal.offered").get()
    assert event.data["proposals"] == [proposal.pk]


def test_nothing_moves_and_nothing_is_proven_by_a_proposal(finding):
    before = Finding.objects.get(pk=finding.pk).status
    bring(finding)
    finding.refresh_from_db()
    assert finding.status == before
    assert not Remediation.objects.exists()


def test_codetf_tells_rule_and_maker(finding):
    [proposal] = bring(finding, codetf(finding)).proposals
    assert named(proposal) == [(finding.pk, "likely")]
    assert (proposal.source, proposal.tool) == ("codetf", "codemodder-python")
    assert (proposal.origin, proposal.agent, proposal.model, proposal.confidence) == (
        "ai_generated", "Pixee", "gpt-5", "high")  # fmt: skip
    assert {s["kind"] for s in proposal.signals} == {"model", "strategy", "maker"}


def test_a_fix_of_sarif_is_replacements_until_the_file_is_told(finding):
    [proposal] = bring(finding, sarif(finding)).proposals
    assert proposal.diff is None
    [one] = json.loads(blobs.load(proposal.replacements_id))
    assert (one["path"], one["text"]) == (finding.path, "  pass")
    code = make.weak_file(finding.path)
    [drawn] = bring(finding, sarif(finding), contents={finding.path: code}).proposals
    assert b"+  pass" in blobs.load(drawn.diff_id)
    assert named(drawn) == [(finding.pk, "likely")]


def test_the_same_change_again_is_the_same_proposal(finding):
    first, again = bring(finding), bring(finding)
    assert again.proposals == first.proposals
    assert (again.new, Proposal.objects.count()) == (0, 1)
    assert Event.objects.filter(action="proposal.offered").count() == 1


def test_who_brings_it_may_say_what_it_is_for(finding, asset):
    other = make.import_finding(asset)
    [proposal] = bring(finding, findings=[other]).proposals
    assert named(proposal) == [(finding.pk, "possible"), (other.pk, "exact")]


def test_a_fingerprint_names_its_finding_and_an_id_of_another_kind_none(finding, asset):
    other = make.import_finding(asset)
    for one in (finding, other):
        printed(one, "7")
    [proposal] = bring(finding, sarif(finding, partialFingerprints={"line/v1": "7"})).proposals
    assert named(proposal) == [(finding.pk, "exact")]
    text = codetf(finding, fixedFindings=[{"id": "7", "rule": {"id": finding.rule}}])
    assert named(bring(finding, text).proposals[0]) == [(finding.pk, "likely")]
    text = codetf(finding, fixedFindings=[{"id": str(other), "rule": {"id": other.rule}}],
                  diff=patch_of(finding, "return 7"))  # fmt: skip
    assert named(bring(finding, text).proposals[0])[-1] == (other.pk, "exact")


def test_of_a_file_with_many_fixes_a_finding_that_is_said_gets_what_fits_it(finding, asset):
    others = [make.import_finding(asset) for _ in range(2)]
    results = [json.loads(codetf(one))["results"][0] for one in (*others, finding)]
    results[0]["changeset"][0]["fixedFindings"] = []  # says nothing; touches its own line
    results[2]["changeset"][0]["fixedFindings"] = []
    data = {**json.loads(codetf(finding)), "results": results}
    told = [
        named(proposal)
        for proposal in bring(finding, json.dumps(data), findings=[finding]).proposals
    ]
    assert told == [
        [(others[0].pk, "possible")],
        [(others[1].pk, "likely")],
        [(finding.pk, "exact")],
    ]


def test_who_says_it_is_for_a_finding_that_is_not_open_is_refused(finding, asset):
    other = make.import_finding(asset)
    make.take("vanish", other)
    other.refresh_from_db()
    with pytest.raises(WrongState, match="open findings"):
        bring(finding, findings=[other])


def test_more_than_is_to_be_drawn_is_refused_with_its_place(finding, monkeypatch):
    monkeypatch.setattr(drafting, "MAX_DRAWN", 2_000)
    gone = "x\n" * 500
    change = {"artifactLocation": {"uri": "big.py"},
              "replacements": [{"deletedRegion": {"charOffset": 0, "charLength": 1_000}}]}  # fmt: skip
    text = sarif(finding, more=[{"artifactChanges": [change]}] * 2)
    contents = {"big.py": gone, finding.path: make.weak_file(finding.path)}
    with pytest.raises(TooLarge, match=r"fixes\[2\].*2000 bytes"):
        bring(finding, text, contents=contents)
    assert not Proposal.objects.exists()


def test_the_first_character_and_the_first_byte_are_two_places(finding):
    one, other = (
        bring(finding, sarif(finding, region={name: 0, "startLine": None})).proposals[0]
        for name in ("charOffset", "byteOffset")
    )
    assert one != other
    [row] = json.loads(blobs.load(one.replacements_id))
    assert row == {"path": finding.path, "text": "  pass", "char_offset": 0}


def test_a_known_change_gains_findings_until_it_is_decided(finding, asset, developer):
    a, b, c = (make.import_finding(asset) for _ in range(3))
    text = patch_of(finding)
    first = bring(finding, text, findings=[a])
    again = bring(finding, text, findings=[b])
    assert (again.proposals, again.new) == (first.proposals, 0)
    [proposal] = again.proposals
    assert named(proposal) == [(finding.pk, "possible"), (a.pk, "exact"), (b.pk, "exact")]
    bring(finding, text, findings=[finding])
    assert named(proposal)[0] == (finding.pk, "exact")
    events = Event.objects.filter(action="proposal.offered").order_by("pk")
    assert [e.data["findings"] for e in events] == [[finding.pk, a.pk], [b.pk], [finding.pk]]
    decline_proposal(proposal=proposal, reason="No.", by=developer, at=make.now())
    bring(finding, text, findings=[c])
    assert not c.proposals.exists()


def test_what_is_for_no_open_finding_is_left_out_with_its_place(finding):
    make.take("vanish", finding)
    taken = bring(finding)
    assert taken.proposals == []
    assert taken.left == [("data", "for no open finding of this line")]
    assert not Proposal.objects.exists()


@pytest.mark.parametrize("role", ["viewer", "ticketing"])
def test_bringing_takes_the_permission_to_propose(finding, role):
    with pytest.raises(NotAllowed):
        bring(finding, by=make.member(finding.scope, role))


@pytest.mark.parametrize("path", ["../../etc/passwd", "/etc/passwd", ".git/hooks/pre-commit"])
def test_a_file_that_leads_elsewhere_leaves_nothing(finding, path):
    for text in (codetf(finding, path=path), patch_of(finding).replace(finding.path, path)):
        with pytest.raises(BadInput):
            bring(finding, text)
    assert not Proposal.objects.exists()


def test_a_file_that_is_too_large_says_by_how_much(finding):
    with pytest.raises(TooLarge, match=str(MAX_BYTES)):
        bring(finding, b"x" * (MAX_BYTES + 1))


def test_ten_megabytes_of_patch_are_refused(finding):
    text = patch_of(finding, "x" * 900_000)
    many = text.splitlines()[:3] + ["@@ -1 +1,12 @@", "-a"] + ["+" + "x" * 900_000] * 12
    with pytest.raises(BadInput, match="larger than allowed"):
        bring(finding, "\n".join(many) + "\n")


def test_an_unknown_source_is_refused(finding):
    with pytest.raises(BadInput, match="none of"):
        bring(finding, source="word")


def test_texts_of_a_file_are_kept_as_text(finding):
    data = json.loads(codetf(finding))
    data["results"][0]["summary"] = "A\x00B \ud800"
    [proposal] = bring(finding, json.dumps(data)).proposals
    assert proposal.title == "A\ufffdB \ufffd"


# --- deciding ----------------------------------------------------------------------------------
def test_a_proposal_that_became_a_commit_is_a_fix_with_the_signs_of_its_maker(finding, developer):
    [proposal] = bring(finding, codetf(finding), base_commit=BASE).proposals
    fix = take_proposal(
        proposal=proposal, by=developer, at=make.now(), head_commit=HEAD, unchanged=True
    )
    proposal.refresh_from_db()
    finding.refresh_from_db()
    assert (proposal.state, proposal.remediation) == ("taken", fix)
    assert (fix.base_commit, fix.head_commit, fix.diff_id) == (BASE, HEAD, proposal.diff_id)
    assert (fix.origin, fix.agent, fix.model) == ("ai_generated", "Pixee", "gpt-5")
    assert list(fix.findings.all()) == [finding]
    assert finding.status == Status.MOBILIZING
    told = AuthorshipSignal.objects.filter(remediation=fix)
    assert {(s.kind, s.confidence) for s in told} == {
        ("proposal_model", "high"), ("proposal_strategy", "high"), ("proposal_maker", "medium")}  # fmt: skip


def test_the_patch_is_the_fixs_diff_only_where_somebody_says_so(finding, developer):
    [proposal] = bring(finding, codetf(finding), base_commit=BASE).proposals
    fix = take_proposal(proposal=proposal, by=developer, at=make.now(), head_commit=HEAD)
    assert fix.diff is None


def test_a_fix_that_is_known_is_what_a_proposal_became(finding, proposal, developer):
    fix = make.make_remediation(finding)
    assert take_proposal(proposal=proposal, by=developer, at=make.now(), remediation=fix) == fix
    proposal.refresh_from_db()
    assert proposal.remediation == fix


def test_a_known_fix_is_of_the_origin_of_what_it_was_proposed_as(finding, developer):
    fix = make.make_remediation(finding)
    assert (fix.origin, fix.agent) == ("unknown", "")
    [offer] = bring(finding, codetf(finding)).proposals
    take_proposal(proposal=offer, by=developer, at=make.now(), remediation=fix)
    fix.refresh_from_db()
    assert (fix.origin, fix.agent, fix.model) == ("ai_generated", "Pixee", "gpt-5")
    make.push(fix)
    fix.refresh_from_db()
    assert fix.origin == "ai_generated"


def test_a_neighbour_of_what_is_named_exactly_is_not_taken_with_it(finding, asset, developer):
    neighbour = make.import_finding(asset)
    printed(finding, "7")
    Finding.objects.filter(pk=neighbour.pk).update(
        path=finding.path, rule=finding.rule, start_line=finding.start_line + 2
    )
    text = sarif(finding, partialFingerprints={"line/v1": "7"})
    [proposal] = bring(finding, text, base_commit=BASE).proposals
    assert named(proposal) == [(finding.pk, "exact"), (neighbour.pk, "likely")]
    fix = take_proposal(proposal=proposal, by=developer, at=make.now(), head_commit=HEAD)
    assert list(fix.findings.all()) == [finding]


@pytest.mark.parametrize("name", ["head_commit", "base_commit", "unchanged", "title", "findings"])
def test_with_a_fix_that_is_known_nothing_else_is_told(finding, proposal, developer, name):
    fix = make.make_remediation(finding)
    told = {"findings": [finding], "unchanged": True}.get(name, HEAD)
    with pytest.raises(BadInput, match=f"{name}: is not told with"):
        take_proposal(proposal=proposal, by=developer, at=make.now(), remediation=fix, **{name: told})  # fmt: skip


def test_a_fix_that_was_withdrawn_is_not_what_it_became(finding, proposal, developer):
    fix = make.make_remediation(finding)
    withdraw_remediation(remediation=fix, reason="No.", by=developer, at=make.now())
    with pytest.raises(WrongState, match="withdrawn"):
        take_proposal(proposal=proposal, by=developer, at=make.now(), remediation=fix)
    proposal.refresh_from_db()
    assert proposal.state == "offered"


def test_what_is_only_possible_has_to_be_named(finding, proposal, developer):
    told = {"proposal": proposal, "by": developer, "at": make.now(), "base_commit": BASE}
    with pytest.raises(Incomplete, match="say which ones"):
        take_proposal(head_commit=HEAD, **told)
    with pytest.raises(Incomplete, match="needs its commit"):
        take_proposal(findings=[finding], **told)
    assert take_proposal(head_commit=HEAD, findings=[finding], **told).findings.get() == finding


def test_a_decision_is_made_once_and_a_refusal_leaves_nothing(finding, proposal, developer):
    told = {"proposal": proposal, "by": developer, "at": make.now()}
    with pytest.raises(BadInput):
        decline_proposal(reason=" ", **told)
    decline_proposal(reason="It breaks the API.", **told)
    for verb in (
        lambda: decline_proposal(reason="Again.", **told),
        lambda: take_proposal(head_commit=HEAD, base_commit=BASE, findings=[finding], **told),
    ):
        with pytest.raises(WrongState, match="declined already"):
            verb()
    assert not Remediation.objects.exists()
    assert Event.objects.about("proposal", proposal.pk).get().data["reason"] == "It breaks the API."


def test_a_fix_of_another_line_is_not_what_it_became(proposal, developer):
    other = make.import_finding(make.make_asset(proposal.scope))
    with pytest.raises(BadInput, match="another line"):
        mark_taken(proposal=proposal, remediation=make.make_remediation(other), by=developer,
                   at=make.now())  # fmt: skip


@pytest.mark.parametrize("role", ["viewer", "ticketing"])
def test_deciding_takes_the_permission_to_propose(proposal, role):
    told = {"proposal": proposal, "by": make.member(proposal.scope, role), "at": make.now()}
    with pytest.raises(NotAllowed):
        decline_proposal(reason="No.", **told)
    with pytest.raises(NotAllowed):
        take_proposal(head_commit=HEAD, base_commit=BASE, **told)


@pytest.fixture
def run(asset, admin, settings):
    """The account of a pipeline as a verified run of it has it."""
    settings.OIDC_ISSUERS = ["https://token.actions.githubusercontent.com"]
    identity = add_pipeline_identity(
        asset=asset,
        issuer=settings.OIDC_ISSUERS[0],
        repository="acme/shop",
        by=admin,
        at=make.now(),
    )
    claims = Claims(identity.issuer, "github-actions", "acme/shop")
    identity.user.workload = Workload(identity.pk, asset.pk, asset.scope_id, claims)
    return identity.user


def test_a_run_of_a_pipeline_proposes_for_its_own_asset_alone(finding, proposal, run):
    other = make.import_finding(make.make_asset(finding.scope))
    theirs = make_proposal(other)
    told = {"by": run, "at": make.now(), "head_commit": HEAD, "base_commit": BASE}
    for verb in (
        lambda: bring(other, by=run),
        lambda: take_proposal(proposal=theirs, findings=[other], **told),
        lambda: propose_remediation(
            asset=other.asset, line=other.line, findings=[other], title="x", **told
        ),
    ):
        with pytest.raises(NotAllowed, match="for another asset"):
            verb()
    assert not Remediation.objects.exists()
    bring(finding, by=run)
    assert take_proposal(proposal=proposal, findings=[finding], **told).created_by == run


def test_a_run_of_a_pipeline_declines_nothing(proposal, run):
    with pytest.raises(NotAllowed, match="not by a run"):
        decline_proposal(proposal=proposal, reason="No.", by=run, at=make.now())


# --- what the database holds -------------------------------------------------------------------
@pytest.mark.parametrize(
    "values",
    [{"state": "taken"}, {"state": "declined"}, {"reason": "x"}, {"diff": None}, {"source": "word"},
     {"confidence": "sure"}, {"decided_at": "2026-01-01T00:00Z"}],
)  # fmt: skip
def test_states_tell_what_was_decided(proposal, values):
    with pytest.raises(IntegrityError), transaction.atomic():
        Proposal.objects.filter(pk=proposal.pk).update(**values)


def test_a_proposal_names_findings_of_its_own_scope_and_becomes_a_fix_of_it(proposal):
    foreign = make.import_finding()
    with pytest.raises(IntegrityError), transaction.atomic():
        ProposalFinding.objects.create(
            proposal=proposal, finding=foreign, scope=proposal.scope, sure="exact", reason="x"
        )
        connection.check_constraints()
    fix = make.make_remediation(foreign)
    with pytest.raises(IntegrityError), transaction.atomic():
        Proposal.objects.filter(pk=proposal.pk).update(
            state="taken", remediation=fix, decided_at=make.now(), decided_by=proposal.created_by
        )
        connection.check_constraints()
