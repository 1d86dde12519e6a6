"""Hypothesis walks through the product by its services and looks at what must hold after every step."""

from datetime import timedelta

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from core.errors import Refused
from core.events import broken_links
from core.models import Event
from core.permissions import Role
from findings.lifecycle import BY_NAME, TRANSITIONS, available, transition
from findings.models import Finding
from findings.services import expire_acceptances
from findings.services.clocks import pause_clock, resume_clock
from findings.statuses import Status
from scans.models import Clearance, Scan, Verification
from scans.services.doors import request_completion
from tests.code import code_with_tree
from tests.factories import (
    approve,
    code_of,
    fixed_code,
    import_finding,
    make_remediation,
    member,
    merge,
    now,
    push,
    request_acceptance,
    request_false_positive,
    scan_fix,
    upload_and_ingest,
    weak_file,
)

pytestmark = pytest.mark.django_db

NAMES = [row.name for row in TRANSITIONS]
ROLES = [None, *Role]
MET: set[str] = set()  # the transitions that the walks went through


class Walk(RuleBasedStateMachine):
    """Two findings of one line, their fixes, everybody who may do something about them, and another
    scope with a finding and people of its own."""

    @initialize(done=st.booleans())
    def begin(self, done) -> None:
        self.savepoint = transaction.atomic()
        self.savepoint.__enter__()
        self.finding = import_finding()
        self.other = import_finding(self.finding.asset)
        self.asset, self.scope = self.finding.asset, self.finding.scope
        for role in Role:
            member(self.scope, role)
        self.elsewhere = import_finding()
        self.stranger = member(self.elsewhere.scope, Role.APPROVER)
        self.number = 0
        if done:
            self.a_good_fix_goes_all_the_way()

    def teardown(self) -> None:
        if hasattr(self, "savepoint"):
            transaction.set_rollback(True)
            self.savepoint.__exit__(None, None, None)

    # --- what people and pipelines do ---
    def fixes(self):
        return self.finding.remediations.order_by("-pk")

    def try_to(self, call, *args, **kwargs) -> None:
        """Do it, or be refused in words; nothing else may happen."""
        try:
            with transaction.atomic():
                call(*args, **kwargs)
        except Refused as refusal:
            assert str(refusal)

    @rule(name=st.sampled_from(NAMES), role=st.sampled_from(ROLES), filled=st.booleans())
    def anybody_tries_any_row(self, name, role, filled) -> None:
        if role is None and name in ("complete", "revoke", "accept_risk", "dismiss"):
            return  # the system does these through its doors alone
        by = member(self.scope, role) if role else None
        brought = {
            "reason": "because", "evidence": "seen", "duplicate_of": self.other.pk, "remediation_id": 1,
            "clearance_id": 1, "revoked_clearance_id": 1,
        } if filled else {}  # fmt: skip
        self.try_to(transition, self.finding.pk, name, by=by, at=now(), brought=brought)

    @rule(name=st.sampled_from(NAMES))
    def a_stranger_tries_any_row(self, name) -> None:
        brought = {"reason": "because", "evidence": "seen", "duplicate_of": self.elsewhere.pk}
        with pytest.raises(Refused), transaction.atomic():
            transition(self.finding.pk, name, by=self.stranger, at=now(), brought=brought)

    @rule(seconds=st.integers(1, 10**6))
    def a_clock_stands_still_and_runs_again(self, seconds) -> None:
        self.finding.refresh_from_db()
        analyst, at = member(self.scope, Role.ANALYST), now()
        why = {"party": "A vendor", "reason": "It is theirs."}
        self.try_to(pause_clock, finding=self.finding, by=analyst, at=at, **why)
        if pause := self.finding.pauses.order_by("-pk").first():
            later = at + timedelta(seconds=seconds)
            self.try_to(resume_clock, pause=pause, by=analyst, at=later)

    @rule()
    def somebody_of_the_other_scope_works_there(self) -> None:
        self.elsewhere.refresh_from_db()
        self.try_to(request_acceptance, self.elsewhere)
        for name in ("accept_risk", "renew_risk", "reopen"):
            self.try_to(
                transition,
                self.elsewhere.pk,
                name,
                by=self.stranger,
                at=now(),
                brought={"reason": "so"},
            )

    @rule()
    def somebody_asks_to_accept_the_risk(self) -> None:
        self.finding.refresh_from_db()
        self.try_to(request_acceptance, self.finding)

    @rule()
    def somebody_asks_to_dismiss(self) -> None:
        self.finding.refresh_from_db()
        self.try_to(request_false_positive, self.finding)

    @rule()
    def days_go_by(self) -> None:
        expire_acceptances(at=now() + timedelta(days=3))

    @rule(good=st.booleans(), both=st.booleans())
    def a_fix_is_proposed(self, good, both) -> None:
        self.number += 1
        self.finding.refresh_from_db()
        self.other.refresh_from_db()
        findings = [self.finding, self.other] if both else [self.finding]
        base = code_of(self.finding.line)
        head = fixed_code(self.finding.line, *findings) if good else base
        head = head.change({f"app/more_{self.number}.py": "x = 1\n"})
        self.try_to(make_remediation, *findings, code=head)

    @rule()
    def a_new_revision_is_pushed(self) -> None:
        if fix := self.fixes().first():
            self.try_to(push, fix)

    @rule()
    def the_fix_is_scanned(self) -> None:
        if fix := self.fixes().first():
            self.try_to(scan_fix, fix)

    @rule(decision=st.sampled_from(["approved", "approved", "rejected"]))
    def the_fix_is_reviewed(self, decision) -> None:
        if fix := self.fixes().first():
            self.try_to(approve, fix, decision=decision)

    @rule()
    def the_fix_is_merged(self) -> None:
        if fix := self.fixes().first():
            self.try_to(merge, fix)

    @rule()
    def a_good_fix_goes_all_the_way(self) -> None:
        self.a_fix_is_proposed(good=True, both=False)
        self.the_fix_is_scanned()
        self.the_fix_is_reviewed(decision="approved")
        self.the_fix_is_merged()

    @rule()
    def what_merged_is_scanned_on_the_line(self) -> None:
        if fix := self.fixes().exclude(merge_tree="").first():
            upload_and_ingest(
                self.asset, code_with_tree(fix.merge_tree).committed_as(f"squashed {fix.pk}")
            )

    @rule()
    def a_later_scan_sees_it_again(self) -> None:
        self.number += 1
        path = self.finding.path
        upload_and_ingest(
            self.asset,
            code_of(self.finding.line).change({path: weak_file(path)}, f"later {self.number}"),
        )

    @rule()
    def somebody_asks_for_completion(self) -> None:
        self.finding.refresh_from_db()
        self.try_to(
            request_completion, finding=self.finding, by=member(self.scope, Role.ANALYST), at=now()
        )

    # --- what must hold ---
    @invariant()
    def a_finding_is_complete_if_and_only_if_it_holds_its_own_live_clearance(self) -> None:
        if not hasattr(self, "finding"):
            return
        for finding in Finding.objects.all():
            live = Clearance.objects.filter(finding=finding, live=True)
            if finding.status == Status.MOBILIZATION_COMPLETE:
                clearance = live.get()
                assert (finding.clearance_id, finding.clearance_live) == (clearance.pk, True)
                assert (clearance.verification.verdict, clearance.verification.with_merge) == (
                    "pass",
                    True,
                )
                assert finding.verified_at is not None
                assert finding.claimed_at is not None
            else:
                assert not live.exists()
                assert (finding.clearance_id, finding.clearance_live, finding.verified_at) == (
                    None,
                ) * 3

    @invariant()
    def what_a_later_scan_of_the_line_still_sees_is_not_complete(self) -> None:
        if not hasattr(self, "finding"):
            return
        for clearance in Clearance.objects.filter(live=True).select_related(
            "finding", "remediation"
        ):
            seen = Scan.objects.filter(
                purpose="line", pk__in=clearance.finding.sightings.values("scan_id"),
                created_at__gt=clearance.remediation.merged_at,
            )  # fmt: skip
            assert not seen.exists()

    @invariant()
    def a_claim_is_no_proof_and_only_the_gate_proves(self) -> None:
        if not hasattr(self, "finding"):
            return
        for finding in Finding.objects.filter(verified_at__isnull=False):
            assert finding.verified_at >= finding.claimed_at
        for finding in Finding.objects.filter(status__in=["discovered", "mobilizing"]):
            assert (finding.claimed_at, finding.claimed_by) == (None, None)
        for finding in Finding.objects.filter(status="awaiting_verification"):
            assert finding.claimed_at is not None

    @invariant()
    def nobody_sees_or_changes_what_is_of_another_scope(self) -> None:
        if not hasattr(self, "finding"):
            return
        theirs = {self.elsewhere.pk}
        assert set(Finding.objects.visible_to(self.stranger).values_list("pk", flat=True)) == theirs
        for role in (Role.VIEWER, Role.ANALYST, Role.DEVELOPER, Role.APPROVER, Role.ADMIN):
            seen = Finding.objects.visible_to(member(self.scope, role)).values_list("pk", flat=True)
            assert not theirs & set(seen)
        acted = Event.objects.filter(actor=self.stranger).exclude(scope_id=self.elsewhere.scope_id)
        assert not acted.exists()

    @invariant()
    def every_move_is_a_row_of_the_table_with_one_event_and_the_chain_holds(self) -> None:
        if not hasattr(self, "finding"):
            return
        for finding in (self.finding, self.elsewhere):
            self.its_events_reproduce_where_it_stands(finding)
        assert list(broken_links()) == []

    def its_events_reproduce_where_it_stands(self, finding) -> None:
        events = Event.objects.filter(subject="finding", subject_id=finding.pk).order_by("pk")
        status = Status.PRIORITIZED
        expiries = {
            event.pk: event
            for event in Event.objects.filter(action="finding.expire")
            if finding.pk in event.data["findings"]
        }
        rows = [e for e in events if e.action.removeprefix("finding.") in BY_NAME]
        for event in sorted([*rows, *expiries.values()], key=lambda event: event.pk):
            row = BY_NAME[event.action.removeprefix("finding.")]
            assert status in row.sources
            status = row.target
            MET.add(row.name)
        finding.refresh_from_db()
        assert finding.status == status

    @invariant()
    def one_judgement_is_current_for_each_pair_and_none_is_lost(self) -> None:
        if not hasattr(self, "finding"):
            return
        pairs = list(Verification.objects.current().values_list("remediation", "finding"))
        assert len(pairs) == len(set(pairs))

    @invariant()
    def nobody_is_ever_offered_to_complete(self) -> None:
        if not hasattr(self, "finding"):
            return
        self.finding.refresh_from_db()
        for role in (Role.APPROVER, Role.ADMIN):
            for offer in available(self.finding, member(self.scope, role), now()):
                assert not (offer["name"] in ("complete", "revoke") and offer["allowed"])

    @invariant()
    def the_database_agrees(self) -> None:
        connection.check_constraints()


@pytest.mark.parametrize(
    "examples", [3, pytest.param(60, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])]
)
def test_whatever_people_do_complete_means_proven(examples):
    MET.clear()
    run_state_machine_as_test(
        Walk,
        settings=settings(
            max_examples=examples, stateful_step_count=25, deadline=None, database=None, derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
    assert {"complete", "claim", "mobilize"} <= MET, "the walks went somewhere"
    assert "revoke" in MET or examples < 60
