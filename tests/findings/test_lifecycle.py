"""The table of transitions: every row by every role, every refusal in words, buttons that do not lie."""

from datetime import timedelta

import pytest
from django.db import transaction as database

from core.errors import Incomplete, NotAllowed, Refused, WrongState
from core.events import broken_links
from core.models import Event
from core.permissions import Role
from findings.lifecycle import BY_NAME, TRANSITIONS, available, transition, transition_set
from findings.models import Finding
from findings.statuses import ENDED, OPEN, Status
from scans.models import Clearance
from tests.factories import (
    STEPS,
    import_finding,
    make_finding,
    make_user,
    member,
    now,
    request_acceptance,
    request_false_positive,
    shortest_path,
    take,
)

pytestmark = pytest.mark.django_db

SYSTEM_ALONE: tuple[Role, ...] = ()
MAY = {  # design, "Roles": who performs which row; "complete: nobody, the gate does"
    "prioritize": (Role.ANALYST, Role.APPROVER, Role.ADMIN),
    "validate": (Role.ANALYST, Role.APPROVER, Role.ADMIN),
    "mobilize": (Role.ANALYST, Role.DEVELOPER, Role.APPROVER, Role.ADMIN, Role.PIPELINE),
    "claim": (
        Role.ANALYST,
        Role.DEVELOPER,
        Role.APPROVER,
        Role.ADMIN,
        Role.PIPELINE,
        Role.TICKETING,
    ),
    "send_back": SYSTEM_ALONE,
    "complete": SYSTEM_ALONE,
    "accept_risk": (Role.APPROVER,),
    "renew_risk": (Role.APPROVER,),
    "dismiss": (Role.APPROVER,),
    "mark_duplicate": (Role.ANALYST, Role.APPROVER, Role.ADMIN),
    "vanish": SYSTEM_ALONE,
    "expire": SYSTEM_ALONE,
    "reopen": (Role.ANALYST, Role.APPROVER, Role.ADMIN),
    "revoke": SYSTEM_ALONE,
}
FLOW = """
prioritize      discovered                                    prioritized
validate        discovered prioritized                        validated
mobilize        discovered prioritized validated              mobilizing
claim           discovered prioritized validated mobilizing   awaiting_verification
send_back       awaiting_verification                         mobilizing
complete        awaiting_verification                         mobilization_complete
accept_risk     OPEN                                          risk_accepted
renew_risk      risk_accepted                                 risk_accepted
dismiss         OPEN                                          false_positive
mark_duplicate  OPEN                                          duplicate
vanish          OPEN                                          no_longer_present
expire          risk_accepted                                 discovered
reopen          false_positive risk_accepted duplicate no_longer_present   discovered
revoke          mobilization_complete                         discovered
"""
START = {  # from where a row is tried; any source would do
    **dict.fromkeys(("validate", "mobilize", "claim"), Status.PRIORITIZED),
    "prioritize": Status.DISCOVERED,
    "send_back": Status.AWAITING_VERIFICATION,
    "complete": Status.AWAITING_VERIFICATION,
    **dict.fromkeys(("accept_risk", "dismiss", "mark_duplicate", "vanish"), Status.PRIORITIZED),
    "expire": Status.RISK_ACCEPTED,
    "renew_risk": Status.RISK_ACCEPTED,
    "reopen": Status.FALSE_POSITIVE,
    "revoke": Status.MOBILIZATION_COMPLETE,
}


def evidence_for(name: str, finding: Finding) -> dict:
    """What the guards of a row ask for, and the requests that have to be there."""
    twin = Finding.objects.filter(scope=finding.scope_id).exclude(pk=finding.pk).first()
    if name in ("accept_risk", "renew_risk"):
        request_acceptance(finding)
    if name == "dismiss":
        request_false_positive(finding)
    clearance = Clearance.objects.filter(finding=finding, live=True).first()
    return {
        "validate": {"evidence": "Reproduced by hand."},
        "mobilize": {"remediation_id": 1},
        "mark_duplicate": {"duplicate_of": twin.pk if twin else 0},
        "complete": {"clearance_id": 1},
        "revoke": {
            "reason": "It came back.",
            "revoked_clearance_id": clearance.pk if clearance else None,
        },
    }.get(name, {"reason": "Because."})


def state_of(finding: Finding) -> dict:
    return Finding.objects.filter(pk=finding.pk).values().get()


# --- the table itself ----------------------------------------------------------------------------
def test_the_table_is_the_flow_of_the_design():
    drawn = {}
    for line in FLOW.strip().splitlines():
        name, *sources, target = line.split()
        statuses = OPEN if sources == ["OPEN"] else [Status(source) for source in sources]
        drawn[name] = (frozenset(statuses), Status(target))
    assert {row.name: (row.sources, row.target) for row in TRANSITIONS} == drawn


def test_names_are_unique_and_every_row_has_a_label_a_step_and_a_line_in_the_table_of_roles():
    names = [row.name for row in TRANSITIONS]
    assert len(set(names)) == len(names) == len(BY_NAME)
    assert set(names) == set(MAY) == set(STEPS) == set(START)
    assert all(row.label for row in TRANSITIONS)


def test_only_complete_leads_to_complete_and_it_asks_for_a_clearance_of_nobody():
    (row,) = [row for row in TRANSITIONS if row.target == Status.MOBILIZATION_COMPLETE]
    assert (row.name, row.permission, row.sources) == (
        "complete",
        None,
        {Status.AWAITING_VERIFICATION},
    )
    assert [guard.__name__ for guard in row.guards] == ["check_clearance"]


@pytest.mark.parametrize("status", Status)
def test_every_status_is_reached_through_the_table(status):
    finding = make_finding(at=status)
    assert finding.status == status
    assert list(broken_links()) == []


@pytest.mark.parametrize("status", ENDED)
def test_no_end_is_final(status):
    assert shortest_path(status, Status.DISCOVERED)


# --- every row by every role ----------------------------------------------------------------------
@pytest.mark.parametrize("name", [row.name for row in TRANSITIONS])
def test_a_row_is_performed_by_the_roles_of_the_table_alone(name):
    finding = make_finding(at=START[name])
    import_finding(finding.asset)
    people = {role: member(finding.scope, role) for role in Role}
    brought = evidence_for(name, finding)
    before, events = state_of(finding), Event.objects.count()
    allowed = set()
    for role, by in people.items():
        with database.atomic():
            try:
                transition(finding.pk, name, by=by, at=now(), brought=brought)
            except NotAllowed as refusal:
                assert str(refusal).endswith(".")
                assert (state_of(finding), Event.objects.count()) == (before, events)
            else:
                allowed.add(role)
                event = Event.objects.latest("pk")
                assert state_of(finding)["status"] == BY_NAME[name].target
                assert (event.action, event.actor) == (f"finding.{name}", by)
                assert (event.subject, event.subject_id) == ("finding", finding.pk)
                assert event.data["from"] == START[name]
                assert event.data["to"] == BY_NAME[name].target
                assert Event.objects.count() == events + 1
            database.set_rollback(True)
    assert allowed == set(MAY[name])


@pytest.mark.parametrize("name", [row.name for row in TRANSITIONS])
def test_no_row_is_performed_by_an_outsider_or_by_a_member_of_another_scope(name):
    finding = make_finding(at=START[name])
    other = import_finding()
    brought = evidence_for(name, finding)
    before = state_of(finding)
    for by in (
        make_user("outsider"),
        member(other.scope, Role.APPROVER),
        member(other.scope, Role.ADMIN),
    ):
        with pytest.raises(NotAllowed):
            transition(finding.pk, name, by=by, at=now(), brought=brought)
    assert state_of(finding) == before


def test_a_superuser_without_a_membership_may_nothing():
    finding = import_finding()
    root = make_user("root")
    root.is_superuser = root.is_staff = True
    root.save()
    with pytest.raises(NotAllowed):
        transition(finding.pk, "claim", by=root, at=now(), brought={"reason": "done"})


def test_a_member_whose_account_is_switched_off_may_nothing():
    finding = import_finding()
    analyst = member(finding.scope, Role.ANALYST)
    analyst.is_active = False
    analyst.save()
    with pytest.raises(NotAllowed):
        transition(finding.pk, "claim", by=analyst, at=now(), brought={"reason": "done"})


# --- wrong state ---------------------------------------------------------------------------------
@pytest.mark.parametrize("status", Status)
def test_a_row_that_does_not_start_here_is_refused_with_the_status_in_words(status):
    finding = make_finding(at=status)
    before, events = state_of(finding), Event.objects.count()
    for row in TRANSITIONS:
        if status in row.sources:
            continue
        with pytest.raises(
            WrongState, match=f"“{row.label}” is not possible while the finding is {status.label}"
        ):
            transition(
                finding.pk, row.name, by=None, at=now(), brought={"reason": "x", "clearance_id": 1}
            )
    assert (state_of(finding), Event.objects.count()) == (before, events)


@pytest.mark.parametrize(
    "name", ["", "close", "Complete", "complete ", "mobilization_complete", "x" * 500]
)
def test_a_transition_that_does_not_exist_is_refused_by_name(name):
    finding = import_finding()
    with pytest.raises(WrongState, match="There is no transition called"):
        transition(finding.pk, name, by=None, at=now())


# --- guards --------------------------------------------------------------------------------------
NO_REASON = "A reason is needed"
NO_EVIDENCE = "Evidence is needed: a note, a proof of concept, reachability"
NOT_HERE = "The other finding is not in this scope"
REFUSALS = [
    ("validate", {}, NO_EVIDENCE),
    ("validate", {"evidence": " \n\t "}, NO_EVIDENCE),
    ("validate", {"evidence": 7}, NO_EVIDENCE),
    ("validate", {"evidence": "seen", "evidence_kind": "hunch"}, "must be one of: note, proof_of_concept"),
    ("mobilize", {}, "A linked remediation is needed"),
    ("claim", {}, NO_REASON),
    ("claim", {"reason": "  "}, NO_REASON),
    ("claim", {"reason": ["x"]}, NO_REASON),
    ("claim", {"reason": "x" * 5001}, r"longer than allowed \(5001 > 5000 characters\)"),
    ("accept_risk", {}, "has to be requested first, with a reason"),
    ("renew_risk", {}, "has to be requested first, with a reason"),
    ("dismiss", {}, "has to be requested first, with a reason"),
    ("mark_duplicate", {}, "The other finding is needed, by its number"),
    ("mark_duplicate", {"duplicate_of": "7"}, "by its number"),
    ("mark_duplicate", {"duplicate_of": True}, "by its number"),
    ("mark_duplicate", {"duplicate_of": 10**15}, NOT_HERE),
    ("mark_duplicate", {"duplicate_of": "itself"}, NOT_HERE),
    ("mark_duplicate", {"duplicate_of": "elsewhere"}, NOT_HERE),
    ("vanish", {}, NO_REASON),
    ("reopen", {}, NO_REASON),
    ("revoke", {}, NO_REASON),
    ("revoke", {"reason": "x"}, "reopens by revoking its clearance"),
    ("revoke", {"reason": "x", "revoked_clearance_id": 10**9}, "reopens by revoking its clearance"),
    ("complete", {}, "Only the gate completes a finding, once its clearance exists"),
    ("complete", {"reason": "I am the administrator"}, "Only the gate completes a finding"),
    ("send_back", {}, NO_REASON),
]  # fmt: skip


@pytest.mark.parametrize(("name", "brought", "sentence"), REFUSALS)
def test_what_is_missing_is_said_in_a_sentence_and_nothing_changes(name, brought, sentence):
    finding = make_finding(at=START[name])
    row = BY_NAME[name]
    by = member(finding.scope, MAY[name][0]) if row.permission else None
    if brought.get("duplicate_of") == "itself":
        brought = {"duplicate_of": finding.pk}
    if brought.get("duplicate_of") == "elsewhere":
        brought = {"duplicate_of": import_finding().pk}
    before, events = state_of(finding), Event.objects.count()
    with pytest.raises((Incomplete, NotAllowed), match=sentence) as refusal:
        transition(finding.pk, name, by=by, at=now(), brought=brought)
    assert type(refusal.value) is Incomplete
    assert (state_of(finding), Event.objects.count()) == (before, events)


def test_every_guard_of_the_table_is_tried():
    tried = {name for name, _, _ in REFUSALS}
    assert {row.name for row in TRANSITIONS if row.guards and row.name != "expire"} == tried


# --- what a transition writes --------------------------------------------------------------------
def test_a_claim_says_who_and_when_and_proves_nothing():
    finding = import_finding()
    take("claim", finding)
    finding.refresh_from_db()
    assert finding.claimed_by == member(finding.scope, Role.DEVELOPER)
    assert finding.claimed_at == finding.status_since
    assert (finding.verified_at, finding.clearance_id, finding.clearance_live) == (None, None, None)


def test_a_fix_that_failed_takes_the_claim_back():
    finding = make_finding(at=Status.AWAITING_VERIFICATION)
    take("send_back", finding)
    finding.refresh_from_db()
    assert finding.status == Status.MOBILIZING
    assert (finding.claimed_at, finding.claimed_by) == (None, None)


@pytest.mark.parametrize("way", ["reopen", "expire", "revoke"])
def test_a_finding_that_is_open_again_keeps_no_claim_no_proof_and_no_twin(way):
    if way == "reopen":
        finding = import_finding()
        take("claim", finding)
        take("mark_duplicate", finding)
    else:
        finding = make_finding(at=START[way])
    take(way, finding)
    finding.refresh_from_db()
    assert finding.status == Status.DISCOVERED
    kept = (
        "claimed_at",
        "claimed_by",
        "verified_at",
        "clearance_id",
        "clearance_live",
        "duplicate_of",
    )
    assert [getattr(finding, name) for name in kept] == [None] * len(kept)


def test_a_set_of_findings_moves_only_where_the_row_starts_and_never_to_complete():
    asset = import_finding().asset
    make_finding(at=Status.AWAITING_VERIFICATION, asset=asset)
    make_finding(at=Status.FALSE_POSITIVE, asset=asset)
    everything = Finding.objects.filter(asset=asset)
    assert transition_set(everything, "vanish", at=now()) == 2
    assert transition_set(everything, "vanish", at=now()) == 0
    assert everything.filter(status=Status.FALSE_POSITIVE).count() == 1
    for name in (
        "complete",
        "claim",
        "mark_duplicate",
        "accept_risk",
        "dismiss",
        "reopen",
        "revoke",
        "send_back",
    ):
        with pytest.raises(WrongState, match="one finding at a time"):
            transition_set(everything, name, at=now())


# --- buttons -------------------------------------------------------------------------------------
@pytest.mark.parametrize("status", Status)
def test_what_is_offered_is_what_is_possible(status):
    """available() and transition() answer alike, for every role, row by row."""
    finding = make_finding(at=status)
    import_finding(finding.asset)
    offered_to_somebody = set()
    for role in Role:
        user = member(finding.scope, role)
        offers = {offer["name"]: offer for offer in available(finding, user, now())}
        assert set(offers) == {row.name for row in TRANSITIONS if status in row.sources}
        for name, offer in offers.items():
            assert offer["allowed"] is (offer["refusal"] == "")
            assert offer["target"] == BY_NAME[name].target
            try:
                with database.atomic():
                    brought = evidence_for(name, finding) if offer["needs"] else {}
                    transition(finding.pk, name, by=user, at=now(), brought=brought)
                    database.set_rollback(True)
                possible = True
            except Refused:
                possible = False
            assert offer["allowed"] is possible, (role, name, offer)
            offered_to_somebody |= {name} if possible else set()
    assert "complete" not in offered_to_somebody


def test_an_approver_is_offered_what_somebody_else_asked_for():
    finding = import_finding()
    approver = member(finding.scope, Role.APPROVER)

    def offer(name: str) -> dict:
        return next(o for o in available(finding, approver, now()) if o["name"] == name)

    assert "requested first" in offer("accept_risk")["refusal"]
    request_acceptance(finding)
    request_false_positive(finding)
    assert offer("accept_risk")["allowed"]
    assert offer("dismiss")["allowed"]


def test_the_button_that_is_missing_is_explained():
    finding = make_finding(at=Status.AWAITING_VERIFICATION)
    offers = available(finding, member(finding.scope, Role.ADMIN), now() + timedelta(days=1))
    (complete,) = [offer for offer in offers if offer["name"] == "complete"]
    assert not complete["allowed"]
    assert "once a post-fix scan has passed" in complete["refusal"]
