"""The table of transitions and the one writer of ``Finding.status``.

One row per transition; buttons, the API, imports, documents and tests read the same table. There
is no skip argument: who cannot wait for the gate accepts the risk, by name, until a date.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import models, transaction

from core import bulk
from core.errors import NotAllowed, Refused, WrongState
from core.events import append_event
from core.models import User
from core.permissions import Permission
from findings import guards
from findings.guards import Context
from findings.models import Dismissal, Finding, RiskAcceptance
from findings.sla import Clock
from findings.statuses import OPEN, Status
from scopes.access import can, check_may
from scopes.workloads import is_of_another

S = Status
Decision = type[RiskAcceptance] | type[Dismissal]


def _claim(context: Context) -> dict[str, Any]:
    return {"claimed_at": context.at, "claimed_by": context.by}


def _complete(context: Context) -> dict[str, Any]:
    return {
        "clearance_id": context.brought["clearance_id"],
        "clearance_live": True,
        "verified_at": context.at,
    }


def _back_to_open(context: Context) -> dict[str, Any]:
    return {
        **_started_again(context.finding, context.at),
        "clearance_id": None,
        "clearance_live": None,
        "verified_at": None,
        "claimed_at": None,
        "claimed_by": None,
        "duplicate_of": None,
    }


def _started_again(finding: Finding, at: datetime) -> dict[str, Any]:
    """The SLA's clock of what is open again. Of a set (no key) the caller sets when each is due."""
    if not finding.pk:
        return {"clock_from": at}
    stands_still = finding.pauses.filter(ended_at__isnull=True).exists()
    due = (
        None
        if stands_still
        else Clock.of(finding.scope).due(finding.severity, finding.priority_band, at)
    )
    return {"clock_from": at, "due_at": due}


def _unclaim(_: Context) -> dict[str, Any]:
    return {"claimed_at": None, "claimed_by": None}


def _duplicate(context: Context) -> dict[str, Any]:
    return {"duplicate_of_id": context.brought["duplicate_of"]}


def _approve(model: Decision) -> Callable[[Context], dict[str, Any]]:
    def write(context: Context) -> dict[str, Any]:
        if decision := guards.named(model, context):
            decision.approved_at, decision.approved_by = context.at, context.by
            decision.save(update_fields=["approved_at", "approved_by"])
        return {}

    return write


def _nothing(_: Context) -> dict[str, Any]:
    return {}


@dataclass(frozen=True, slots=True)
class Transition:
    """One row. ``permission`` None: the system only. ``needs`` names what a form must ask for.

    ``decides``: which requests it approves; ``decision`` names the one that the approver has read.
    """

    name: str
    sources: frozenset[Status]
    target: Status
    permission: Permission | None
    label: str
    guards: tuple[Callable[[Context], None], ...] = ()
    writes: Callable[[Context], dict[str, Any]] = _nothing
    needs: tuple[str, ...] = ()
    decides: Decision | None = None


def _row(
    name: str,
    sources: Iterable[Status],
    target: Status,
    permission: Permission | None,
    label: str,
    *checks: Callable[[Context], None],
    writes: Callable[[Context], dict[str, Any]] = _nothing,
    needs: tuple[str, ...] = (),
    decides: Decision | None = None,
) -> Transition:
    writes = _approve(decides) if decides else writes
    return Transition(
        name, frozenset(sources), target, permission, label, checks, writes, needs, decides
    )


BEFORE_FIX = (S.DISCOVERED, S.PRIORITIZED, S.VALIDATED)
P = Permission
TRANSITIONS: tuple[Transition, ...] = (
    _row("prioritize", (S.DISCOVERED,), S.PRIORITIZED, P.TRIAGE, "Prioritize"),
    _row("validate", (S.DISCOVERED, S.PRIORITIZED), S.VALIDATED, P.TRIAGE, "Validate",
         guards.check_validation_evidence, needs=("evidence", "evidence_kind")),
    _row("mobilize", BEFORE_FIX, S.MOBILIZING, P.PROPOSE_FIX, "Start fixing",
         guards.check_remediation_linked, needs=("remediation_id",)),
    _row("claim", (*BEFORE_FIX, S.MOBILIZING), S.AWAITING_VERIFICATION, P.CLAIM, "Claim fixed",
         guards.check_reason_given, writes=_claim, needs=("reason",)),
    _row("send_back", (S.AWAITING_VERIFICATION,), S.MOBILIZING, None, "Verification failed",
         guards.check_reason_given, writes=_unclaim),
    _row("complete", (S.AWAITING_VERIFICATION,), S.MOBILIZATION_COMPLETE, None, "Complete",
         guards.check_clearance, writes=_complete),
    _row("accept_risk", OPEN, S.RISK_ACCEPTED, P.APPROVE, "Accept the risk",
         guards.check_acceptance_by_second_person, decides=RiskAcceptance),
    _row("renew_risk", (S.RISK_ACCEPTED,), S.RISK_ACCEPTED, P.APPROVE, "Carry the risk on",
         guards.check_acceptance_by_second_person, decides=RiskAcceptance),
    _row("dismiss", OPEN, S.FALSE_POSITIVE, P.APPROVE, "Confirm false positive",
         guards.check_dismissal_by_second_person, decides=Dismissal),
    _row("mark_duplicate", OPEN, S.DUPLICATE, P.TRIAGE, "Mark as duplicate",
         guards.check_other_finding, writes=_duplicate, needs=("duplicate_of",)),
    _row("vanish", OPEN, S.NO_LONGER_PRESENT, None, "No longer present", guards.check_reason_given),
    _row("expire", (S.RISK_ACCEPTED,), S.DISCOVERED, None, "Acceptance ended",
         guards.check_reason_given, writes=_back_to_open),
    _row("reopen", (S.FALSE_POSITIVE, S.RISK_ACCEPTED, S.DUPLICATE, S.NO_LONGER_PRESENT), S.DISCOVERED,
         P.TRIAGE, "Reopen", guards.check_reason_given, writes=_back_to_open, needs=("reason",)),
    _row("revoke", (S.MOBILIZATION_COMPLETE,), S.DISCOVERED, None, "Reopen, revoking the clearance",
         guards.check_reason_given, guards.check_revocation, writes=_back_to_open),
)  # fmt: skip
BY_NAME = {row.name: row for row in TRANSITIONS}


def _check(row: Transition, context: Context) -> None:
    """Raise a refusal when ``row`` is not possible in ``context``."""
    finding = context.finding
    if Status(finding.status) not in row.sources:
        raise WrongState(
            f"“{row.label}” is not possible while the finding is {Status(finding.status).label}."
        )
    if context.by is not None:
        if row.permission is None:
            raise NotAllowed(f"“{row.label}” is done by the system alone.")
        check_may(context.by, row.permission, finding.scope_id)
        if is_of_another(context.by, finding.asset_id):
            raise NotAllowed("This pipeline speaks for another asset.")
    for guard in row.guards:
        guard(context)


@transaction.atomic
def transition(
    finding_id: int,
    name: str,
    *,
    by: User | None,
    at: datetime,
    brought: Mapping[str, Any] | None = None,
) -> Finding:
    """Move one finding along one row of the table and append the event; return it as it is now.

    ``brought`` holds the evidence that the row's guards ask for; its plain members go into the
    event. Raises NotAllowed, WrongState or Incomplete, with a sentence, and then changes nothing.
    """
    row, context = _possible(finding_id, name, by, at, brought)
    finding = context.finding
    source = finding.status
    values = {**row.writes(context), "status": row.target}
    values |= {} if source == row.target else {"status_since": at}
    for column, value in values.items():
        setattr(finding, column, value)
    finding.save(
        update_fields=[c.removesuffix("_id") if c == "duplicate_of_id" else c for c in values]
    )
    append_event(
        scope_id=finding.scope_id, action=f"finding.{name}", subject="finding", subject_id=finding.pk,
        by=by, at=at, data={"from": source, "to": row.target.value, **dict(context.brought)},
    )  # fmt: skip
    return finding


def check_transition(
    finding_id: int,
    name: str,
    *,
    by: User | None,
    at: datetime,
    brought: Mapping[str, Any] | None = None,
) -> Finding:
    """Lock a finding and raise what ``transition`` would raise; for what is written before its event."""
    return _possible(finding_id, name, by, at, brought)[1].finding


def _possible(
    finding_id: int,
    name: str,
    by: User | None,
    at: datetime,
    brought: Mapping[str, Any] | None,
) -> tuple[Transition, Context]:
    """The row, and the finding locked as it is now, if the one is possible for the other."""
    row = BY_NAME.get(name)
    if row is None:
        raise WrongState(f"There is no transition called {name[:40]!r}.")
    finding = (
        Finding.objects.select_for_update(of=("self",), no_key=True)
        .select_related("scope")
        .get(pk=finding_id)
    )
    context = Context(finding, by, at, brought or {})
    _check(row, context)
    return row, context


def transition_set(
    findings: models.QuerySet[Finding],
    name: str,
    *,
    at: datetime,
    values: Mapping[str, Any] | None = None,
) -> int:
    """Move all of ``findings`` that stand in the row's sources, as the system, in one statement.

    For imports and expiries: rows whose writes depend on the single finding are refused. The
    caller appends one event for the whole set. Returns the number moved.
    """
    row = BY_NAME[name]
    if row.writes is not _nothing and name != "expire":
        raise WrongState(f"“{row.label}” is done one finding at a time.")
    extra = _back_to_open(Context(Finding(), None, at)) if name == "expire" else {}
    return findings.filter(status__in=row.sources).update(
        **{**extra, **(values or {}), "status": row.target, "status_since": at}
    )


def create_findings(
    names: Sequence[str], rows: Iterable[Sequence[Any]], *, name: str, at: datetime
) -> None:
    """Add findings that move along row ``name`` as soon as they are discovered, as the system.

    ``names``: fields beside the status, in the order of each row's values (see ``core.bulk``). The
    caller appends one event for the whole set.
    """
    row = BY_NAME[name]
    if row.writes is not _nothing or row.guards or S.DISCOVERED not in row.sources:
        raise WrongState(f"“{row.label}” is done one finding at a time.")
    stands = row.target.value, bulk.moment(at)
    bulk.insert(Finding, (*names, "status", "status_since"), ((*told, *stands) for told in rows))


def place_findings(
    names: Sequence[str], rows: Iterable[tuple[Status, datetime, Sequence[Any]]]
) -> None:
    """Add findings that stand anywhere but where the gate alone lets them: a made-up database has no past.

    Each row: status, since when, and the values of ``names``. For ``ctem.seeding``. Raises WrongState
    for a finding that would be complete.
    """
    bulk.insert(Finding, ("status", "status_since", *names), map(_placed, rows))


def _placed(row: tuple[Status, datetime, Sequence[Any]]) -> tuple[Any, ...]:
    status, since, told = row
    if status is S.MOBILIZATION_COMPLETE:
        raise WrongState("Only the gate completes a finding.")
    return (status.value, bulk.moment(since), *told)


def available(finding: Finding, user: User, at: datetime) -> list[dict[str, Any]]:
    """Return the rows that start where the finding stands, each allowed or with the refusal as a sentence.

    What a form will bring (``needs``) is not held against the row here.
    """
    answers = []
    for row in TRANSITIONS:
        if Status(finding.status) not in row.sources:
            continue
        try:
            _check_before_asking(row, Context(finding, user, at))
            refusal = ""
        except Refused as error:
            refusal = str(error)
        answers.append(
            {
                "name": row.name,
                "label": row.label,
                "target": row.target.value,
                "allowed": not refusal,
                "refusal": refusal,
                "needs": list(row.needs),
            }
        )
    return answers


def _check_before_asking(row: Transition, context: Context) -> None:
    if row.permission is None:
        if row.name == "complete":
            raise Refused("The gate completes it, once a post-fix scan has passed, a person has "
                          "reviewed the fix and it has merged.")  # fmt: skip
        raise NotAllowed(f"“{row.label}” is done by the system alone.")
    if context.by is not None and not can(context.by, row.permission, context.finding.scope_id):
        check_may(context.by, row.permission, context.finding.scope_id)
    if not row.needs:
        for guard in row.guards:
            guard(context)
