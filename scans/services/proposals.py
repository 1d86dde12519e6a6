"""Taking a proposed fix as a fix: it is judged like any other, and a proposal proves nothing for it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from core import blobs
from core.errors import BadInput, Incomplete
from core.models import User
from findings.models import Finding
from findings.statuses import OPEN
from remediations.models import Proposal, Remediation
from remediations.proposing import locked_offer, mark_taken
from remediations.services import check_may_propose
from remediations.statuses import Origin, Sureness
from scans.services.doors import fix_is_told, propose_fix


def take_proposal(
    *,
    proposal: Proposal,
    by: User,
    at: datetime,
    remediation: Remediation | None = None,
    head_commit: str = "",
    base_commit: str = "",
    unchanged: bool = False,
    findings: Sequence[Finding] = (),
    **details: Any,
) -> Remediation:
    """Take a proposal as a fix and return it: one that is known, or the commit that it became.

    ``unchanged``: the commit is the patch as it was proposed, which then is the fix's diff; else
    ``diff`` among the details says what was committed. ``findings``: else those that the proposal
    names for sure, or where it names none so those that are likely, as far as they are open.
    ``details``: see propose_remediation. With a fix that is known, none of these is told.
    Raises Incomplete, BadInput, NotAllowed, WrongState.
    """
    check_may_propose(by, proposal.asset)
    if remediation is not None:
        _check_alone(
            head_commit=head_commit, base_commit=base_commit, unchanged=unchanged,
            findings=findings, **details,
        )  # fmt: skip
    told = {**_change(proposal, unchanged, details), **details}
    with transaction.atomic():
        offer = locked_offer(proposal)
        if remediation is None:
            base = base_commit or offer.base_commit
            remediation = _proposed(offer, by, at, head_commit, base, findings, told)
        mark_taken(proposal=offer, remediation=remediation, by=by, at=at)
        fix_is_told(remediation=remediation, at=at)
    return remediation


def _check_alone(**told: Any) -> None:
    for name, value in told.items():
        if value:
            raise BadInput(name, "is not told with a fix that is known")


def _change(offer: Proposal, unchanged: bool, details: dict[str, Any]) -> dict[str, Any]:
    """The patch itself, where the commit is nothing else."""
    if not unchanged:
        return {}
    if offer.diff_id is None:
        raise BadInput("unchanged", "the proposal has no diff, only replacements")
    if details.get("diff") is not None:
        raise BadInput("diff", "is told although the commit is the patch unchanged")
    return {"diff": blobs.load(offer.diff_id)}


def _proposed(
    offer: Proposal, by: User, at: datetime, head: str, base: str, findings: Sequence[Finding],
    details: dict[str, Any],
) -> Remediation:  # fmt: skip
    if not head or not base:
        raise Incomplete(
            "A fix needs its commit and the one it starts from, or a fix that is known."
        )
    meant = list(findings) or _named(offer)
    if not meant:
        raise Incomplete("No open finding is named for sure: say which ones it is for.")
    told = {
        "title": offer.title, "agent": offer.agent, "model": offer.model,
        "declared_origin": offer.origin if offer.origin != Origin.UNKNOWN else "",
    }  # fmt: skip
    return propose_fix(
        asset=offer.asset, line=offer.line, findings=meant, base_commit=base, head_commit=head,
        by=by, at=at, **{**told, **details},
    )  # fmt: skip


def _named(offer: Proposal) -> list[Finding]:
    """The open findings of its surest names; a neighbour of one that is named exactly is not meant."""
    exact = offer.named.filter(sure=Sureness.EXACT)
    sure = exact if exact.exists() else offer.named.filter(sure=Sureness.LIKELY)
    return list(Finding.objects.filter(proposed__in=sure, status__in=OPEN).order_by("pk"))
