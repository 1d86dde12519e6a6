"""Evidence, files, severities by decision, disputes, and false positives that one person may decide."""

from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import IntegrityError, connection, transaction

from core import blobs
from core.errors import BadInput, Incomplete, NotAllowed, TooLarge, WrongState
from core.events import broken_links
from core.models import Blob, Event
from core.permissions import Role
from findings.models import (
    Attachment,
    Dismissal,
    FindingDispute,
    RiskAcceptance,
    ScopeDecisionPolicy,
    SeverityDecision,
    ValidationEvidence,
)
from findings.services import perform_transition, request_dismissal
from findings.services.alone import set_decision_policy
from findings.services.disputes import answer_dispute, dispute_finding, withdraw_dispute
from findings.services.evidence import MAX_BYTES, add_evidence, attach
from findings.services.rules import apply_rule, end_rule, make_rule
from findings.services.severities import decide_severity
from findings.statuses import EvidenceKind, Status
from scans.services.integrity import broken_closures
from scopes.models import Team
from tests import factories as make
from tests.factories import import_finding, make_finding, member, now
from tests.races import errors, race

pytestmark = pytest.mark.django_db
POC = b"curl http://shop/?q=__import__('os')\n"


@pytest.fixture
def finding(asset):
    return import_finding(asset)


def put(finding, data=POC, name="poc.sh", by=None, **more):
    by = by or member(finding.scope, Role.DEVELOPER)
    return attach(finding=finding, name=name, blocks=[data], by=by, at=now(), **more)


def last(scope):
    return Event.objects.filter(scope_id=scope.pk).latest("pk")


# --- evidence --------------------------------------------------------------------------------------
def test_evidence_is_brought_with_or_without_a_file(files, finding, analyst):
    told = {"finding": finding, "by": analyst, "at": now()}
    note = add_evidence(kind="note", text="Looked at it.", **told)
    poc = add_evidence(
        kind="proof_of_concept", text="It runs.", name="a/poc.sh", blocks=[POC], **told
    )
    assert note.attachments.count() == 0
    (file,) = poc.attachments.all()
    assert (file.number, file.name, file.content_type, file.size) == (
        1,
        "poc.sh",
        "text/plain",
        len(POC),
    )
    assert blobs.load(file.blob_id) == POC
    assert last(finding.scope).data["sha256"] == file.blob_id
    finding.refresh_from_db()
    assert finding.status == Status.PRIORITIZED  # evidence moves nothing


def test_evidence_with_a_file_that_is_refused_leaves_nothing(files, finding, analyst):
    events = Event.objects.count()
    told = {"finding": finding, "kind": "note", "text": "It runs.", "by": analyst, "at": now()}
    with pytest.raises(TooLarge, match=f"> {MAX_BYTES} bytes"):
        add_evidence(name="a", blocks=[b"x" * MAX_BYTES, b"x"], **told)
    with pytest.raises(BadInput, match="file: is empty"):
        add_evidence(name="a", blocks=[], **told)
    counts = [m.objects.count() for m in (ValidationEvidence, Attachment, Blob)]
    assert counts[:2] == [0, 0]
    assert Event.objects.count() == events


@pytest.mark.parametrize("role", [Role.VIEWER, Role.DEVELOPER, Role.PIPELINE, Role.TICKETING])
def test_who_may_not_triage_brings_no_evidence_and_sets_no_severity(finding, role):
    who = member(finding.scope, role)
    with pytest.raises(NotAllowed):
        add_evidence(finding=finding, kind="note", text="Real.", by=who, at=now())
    with pytest.raises(NotAllowed):
        decide_severity(finding=finding, severity="low", reason="Meh.", by=who, at=now())


def test_a_proof_that_it_is_a_duplicate_does_not_make_it_validated(finding, analyst):
    told = {"finding": finding, "by": analyst, "at": now()}
    add_evidence(kind=EvidenceKind.DUPLICATE_PROOF, text="The same sink as CTEM-1.", **told)
    with pytest.raises(Incomplete, match="kind of evidence must be one of: note, proof_of_concept"):
        perform_transition(
            name="validate", brought={"evidence": "x", "evidence_kind": "duplicate_proof"}, **told
        )
    decide_severity(severity="low", reason="Meh.", **told)
    finding.refresh_from_db()
    terms = {term["name"]: term["value"] for term in finding.priority.told["terms"]}
    assert terms["validated"] == "no"
    add_evidence(kind=EvidenceKind.REACHABILITY, text="From the form.", **told)
    finding.refresh_from_db()
    terms = {term["name"]: term["value"] for term in finding.priority.told["terms"]}
    assert terms["validated"] == "yes"


def test_nothing_is_brought_to_a_finding_that_is_not_open(files, analyst):
    finding = make_finding(Status.FALSE_POSITIVE)
    who = member(finding.scope, Role.ANALYST)
    for verb in (
        lambda: add_evidence(finding=finding, kind="note", text="Real.", by=who, at=now()),
        lambda: put(finding),
        lambda: dispute_finding(finding=finding, about="severity", reason="Low.", by=who, at=now()),
    ):
        with pytest.raises(WrongState, match="false positive, not open"):
            verb()


# --- files -----------------------------------------------------------------------------------------
def test_a_file_is_kept_once_however_often_it_is_brought(files, finding):
    one, two = put(finding), put(finding, name="again.sh")
    assert (one.number, two.number) == (1, 2)
    assert one.blob == two.blob
    assert Blob.objects.filter(pk=one.blob_id).count() == 1


def test_a_finding_has_twenty_files_at_most(files, finding):
    for number in range(20):
        put(finding, name=f"{number}.txt")
    with pytest.raises(WrongState, match=r"as many files as it may have \(20\)"):
        put(finding)
    with pytest.raises(IntegrityError), transaction.atomic():
        Attachment.objects.filter(number=20).update(number=21)


def test_a_viewer_brings_no_file(files, finding, viewer):
    with pytest.raises(NotAllowed):
        put(finding, by=viewer)
    assert not Blob.objects.filter(size=len(POC)).exists()


def test_a_file_belongs_to_evidence_of_the_same_finding_alone(files, finding, asset, analyst):
    other = import_finding(asset)
    row = add_evidence(finding=other, kind="note", text="Real.", by=analyst, at=now())
    with pytest.raises(BadInput, match="evidence: is of another finding"):
        put(finding, evidence=row)
    file = put(finding)
    with pytest.raises(IntegrityError), transaction.atomic():
        Attachment.objects.filter(pk=file.pk).update(evidence=row)
        connection.check_constraints()


def test_a_file_stays_in_the_scope_of_its_finding(files, finding, outsider):
    file = put(finding)
    with pytest.raises(IntegrityError), transaction.atomic():
        Attachment.objects.filter(pk=file.pk).update(scope=outsider.memberships.get().scope)
        connection.check_constraints()


def test_what_looks_for_broken_rows_misses_a_file_of_a_finding(files, finding):
    file = put(finding)
    assert [said for said in broken_closures() if file.blob_id[:12] in said] == []
    (Path(django_settings.MEDIA_ROOT) / blobs.name_of(file.blob_id)).unlink()
    assert [said for said in broken_closures() if file.blob_id in said]


@pytest.mark.django_db(transaction=True)
def test_files_that_come_at_once_get_numbers_of_their_own(files, finding):
    for number in range(18):
        put(finding, name=f"{number}.txt")
    who = member(finding.scope, Role.DEVELOPER)
    answers = race(*(lambda n=n: put(finding, data=b"x%d" % n, by=who) for n in range(3)))
    assert [type(error) for error in errors(answers)] == [WrongState]
    assert sorted(finding.attachments.values_list("number", flat=True)) == list(range(1, 21))


# --- severity --------------------------------------------------------------------------------------
def test_a_person_decides_the_severity_and_takes_it_back(finding, analyst):
    before = finding.severity, finding.priority_score, finding.due_at
    told = {"finding": finding, "by": analyst, "at": now()}
    decide_severity(severity="critical", reason="Reachable from outside.", **told)
    finding.refresh_from_db()
    assert (finding.severity, finding.decided_severity) == ("critical", "critical")
    assert finding.priority_score > before[1]
    assert finding.due_at < before[2]
    event = last(finding.scope)
    assert event.action == "finding.severity_decided"
    assert event.data == {
        "before": before[0],
        "after": "critical",
        "reason": "Reachable from outside.",
    }
    with pytest.raises(WrongState, match="decided as critical already"):
        decide_severity(severity="critical", reason="Again.", **told)
    decide_severity(severity="", reason="It was not.", **told)
    finding.refresh_from_db()
    assert (finding.severity, finding.priority_score, finding.due_at) == before
    assert finding.decided_severity == ""
    with pytest.raises(WrongState, match="Nobody has decided"):
        decide_severity(severity="", reason="Again.", **told)


@pytest.mark.parametrize(
    ("severity", "reason"), [("severe", "x"), ("low", " "), ("low", "x" * 20_001)]
)
def test_a_severity_needs_a_word_of_the_list_and_a_reason(finding, analyst, severity, reason):
    with pytest.raises(BadInput):
        decide_severity(finding=finding, severity=severity, reason=reason, by=analyst, at=now())
    assert not SeverityDecision.objects.exists()


def test_a_person_decides_what_a_rule_set_and_it_stays_when_the_rule_ends(finding, analyst):
    who = {"by": analyst, "at": now()}
    rule = make_rule(
        scope=finding.scope, name="Low", conditions={"tool": [finding.tool]},
        actions={"severity": "low"}, **who,
    )  # fmt: skip
    apply_rule(rule=rule, **who)
    finding.refresh_from_db()
    assert finding.decided_severity == "low"
    decide_severity(finding=finding, severity="low", reason="It is.", **who)
    with pytest.raises(WrongState, match="decided as low already"):
        decide_severity(finding=finding, severity="low", reason="Again.", **who)
    end_rule(rule=rule, **who)
    finding.refresh_from_db()
    assert finding.decided_severity == "low"


# --- disputes --------------------------------------------------------------------------------------
def dispute(finding, about="existence", by=None, reason="The argument is a constant."):
    by = by or member(finding.scope, Role.DEVELOPER)
    return dispute_finding(finding=finding, about=about, reason=reason, by=by, at=now())


def answer(row, uphold=True, by=None, text="You are right.", **more):
    by = by or member(row.scope, Role.ANALYST)
    return answer_dispute(dispute=row, uphold=uphold, answer=text, by=by, at=now(), **more)


def test_upheld_that_it_is_not_real_it_is_asked_to_be_dismissed(finding, analyst, approver):
    row = answer(dispute(finding))
    assert (row.state, row.answered_by) == ("upheld", analyst)
    request = Dismissal.objects.get()
    assert (request.requested_by, request.reason) == (analyst, "You are right.")
    finding.refresh_from_db()
    assert finding.status == Status.PRIORITIZED  # a second person decides
    perform_transition(finding=finding, name="dismiss", by=approver, at=now(), brought={})
    assert last(finding.scope).action == "finding.dismiss"


def test_upheld_that_it_is_not_as_severe_its_severity_is_decided(finding):
    row = dispute(finding, "severity")
    with pytest.raises(BadInput, match="severity: must be one of"):
        answer(row)
    row.refresh_from_db()
    assert row.state == "open"
    answer(row, severity="low")
    finding.refresh_from_db()
    assert finding.severity == "low"


def test_upheld_that_it_is_for_somebody_else_it_is_assigned(finding, developer, analyst):
    answer(dispute(finding, "ownership"), to=analyst)
    finding.refresh_from_db()
    assert finding.assigned_to == analyst


def test_upheld_that_it_is_not_theirs_no_team_keeps_it(finding):
    finding.team = Team.objects.create(scope=finding.scope, name="Ours", created_at=now())
    finding.save(update_fields=["team"])
    answer(dispute(finding, "ownership"))
    finding.refresh_from_db()
    assert (finding.assigned_to, finding.team) == (None, None)


def test_rejected_nothing_follows_but_the_reason(finding):
    row = answer(dispute(finding), uphold=False, text="It is no constant.")
    assert (row.state, row.answer) == ("rejected", "It is no constant.")
    assert not Dismissal.objects.exists()
    assert last(finding.scope).action == "finding.dispute_rejected"
    dispute(finding)  # another one may follow


def test_nobody_answers_their_own_and_only_they_take_it_back(finding, analyst, developer):
    row = dispute(finding, by=analyst)
    with pytest.raises(NotAllowed, match="own dispute"):
        answer(row, by=analyst)
    with pytest.raises(NotAllowed, match="Only who made"):
        withdraw_dispute(dispute=row, by=developer, at=now())
    withdraw_dispute(dispute=row, by=analyst, at=now())
    with pytest.raises(WrongState, match="withdrawn already"):
        answer(row, by=member(finding.scope, Role.APPROVER))


@pytest.mark.parametrize("role", [Role.VIEWER])
def test_who_may_not_comment_disputes_nothing(finding, role):
    with pytest.raises(NotAllowed):
        dispute(finding, by=member(finding.scope, role))


@pytest.mark.parametrize("role", [Role.DEVELOPER, Role.PIPELINE, Role.TICKETING, Role.VIEWER])
def test_who_may_not_triage_answers_nothing(finding, role):
    row = dispute(finding, by=member(finding.scope, Role.ANALYST))
    with pytest.raises(NotAllowed):
        answer(row, by=member(finding.scope, role))


def test_one_dispute_of_a_kind_waits_at_a_time(finding):
    dispute(finding)
    with pytest.raises(WrongState, match="existence is disputed already"):
        dispute(finding)
    assert dispute(finding, "severity").pk


def test_the_database_itself_wants_another_to_answer(finding, developer, analyst):
    row = dispute(finding)
    for columns in (
        {"state": "upheld"},
        {"state": "upheld", "answer": "x", "answered_at": now(), "answered_by": developer},
        {"state": "rejected", "answer": "", "answered_at": now(), "answered_by": analyst},
        {"state": "withdrawn", "answered_at": now(), "answered_by": analyst},
        {"about": "colour"},
        {"reason": ""},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            FindingDispute.objects.filter(pk=row.pk).update(**columns)


@pytest.mark.django_db(transaction=True)
def test_two_who_dispute_at_once_make_one_and_two_who_answer_answer_once(finding):
    people = [member(finding.scope, role) for role in (Role.DEVELOPER, Role.ANALYST)]
    answers = race(*(lambda who=who: dispute(finding, by=who) for who in people))
    assert [type(error) for error in errors(answers)] == [WrongState]
    row = FindingDispute.objects.get()
    others = [make.add_member(finding.scope, make.make_user(f"a{n}"), Role.ANALYST) for n in (1, 2)]
    answers = race(*(lambda who=who: answer(row, by=who) for who in others))
    assert [type(error) for error in errors(answers)] == [WrongState]
    assert Dismissal.objects.count() == 1
    assert list(broken_links()) == []


# --- who decides alone -----------------------------------------------------------------------------
def let(scope, **told):
    everything = {"dismissals_alone": False, "acceptances_alone": False, "rules_alone": False}
    who = member(scope, Role.ADMIN)
    return set_decision_policy(scope=scope, by=who, at=now(), **{**everything, **told})


def dismiss(finding, by):
    return perform_transition(finding=finding, name="dismiss", by=by, at=now(), brought={})


def ask(finding, by):
    return request_dismissal(finding=finding, reason="A constant.", by=by, at=now())


def test_by_default_nobody_decides_alone(finding, approver):
    policy = ScopeDecisionPolicy.of(finding.scope_id)
    assert not (policy.dismissals_alone or policy.acceptances_alone or policy.rules_alone)
    ask(finding, approver)
    with pytest.raises(NotAllowed, match="nobody approves their own"):
        dismiss(finding, approver)


def test_where_the_scope_says_so_an_approver_dismisses_alone_and_the_row_tells(finding, approver):
    let(finding.scope, dismissals_alone=True)
    ask(finding, approver)
    assert dismiss(finding, approver).status == Status.FALSE_POSITIVE
    row = Dismissal.objects.get()
    assert (row.alone, row.requested_by, row.approved_by) == (True, approver, approver)


def test_alone_holds_for_what_was_asked_while_it_held_and_as_long_as_it_does(
    finding, asset, approver
):
    before, after = finding, import_finding(asset)
    ask(before, approver)
    let(finding.scope, dismissals_alone=True)
    with pytest.raises(NotAllowed):
        dismiss(before, approver)
    ask(after, approver)
    let(finding.scope)
    with pytest.raises(NotAllowed):
        dismiss(after, approver)


def test_alone_for_one_kind_is_not_alone_for_another(finding, approver):
    let(finding.scope, acceptances_alone=True)
    ask(finding, approver)
    with pytest.raises(NotAllowed):
        dismiss(finding, approver)


def test_alone_is_of_one_scope(finding, approver, outsider):
    let(outsider.memberships.get().scope, dismissals_alone=True)
    ask(finding, approver)
    with pytest.raises(NotAllowed):
        dismiss(finding, approver)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ANALYST, Role.APPROVER, Role.DEVELOPER])
def test_only_administrators_say_who_decides_alone(scope, role):
    told = {"dismissals_alone": True, "acceptances_alone": True, "rules_alone": True}
    with pytest.raises(NotAllowed):
        set_decision_policy(scope=scope, by=member(scope, role), at=now(), **told)
    assert not ScopeDecisionPolicy.objects.exists()


def test_who_decides_alone_is_an_event_with_before_and_after(scope):
    let(scope, rules_alone=True)
    event = last(scope)
    assert event.action == "scope.decision_policy_set"
    assert (event.data["before"]["rules_alone"], event.data["after"]["rules_alone"]) == (
        False,
        True,
    )


@pytest.mark.parametrize("model", [Dismissal, RiskAcceptance])
def test_the_database_takes_one_person_only_where_the_row_says_alone(finding, model):
    analyst = member(finding.scope, Role.ANALYST)
    make.request_acceptance(finding)
    make.request_false_positive(finding)
    row = model.objects.filter(finding=finding)
    with pytest.raises(IntegrityError), transaction.atomic():
        row.update(approved_by=analyst, approved_at=now())
    row.update(alone=True)
    assert row.update(approved_by=analyst, approved_at=now()) == 1
