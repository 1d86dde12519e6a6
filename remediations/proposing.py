"""Verbs on proposed fixes: take them in from files, decline them, say which fix one became.

A proposal moves no finding and proves nothing. What takes it as a fix is above, where it is judged.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from core import blobs
from core.errors import BadInput, NotAllowed, TooLarge, WrongState
from core.events import append_event
from core.models import User
from core.text import clean_json, clean_text
from findings.models import Finding
from findings.statuses import OPEN, Status
from gate.errors import InputError
from gate.provenance import CONFIDENCE_RANK, raised
from remediations.drafting import Draft, drafts_of, surest
from remediations.models import AuthorshipSignal, Proposal, ProposalFinding, Remediation
from remediations.naming import Match
from remediations.readers import MAX_BYTES, Offers, read_offers, tell_source
from remediations.services import check_git_id, check_may_propose
from remediations.statuses import (
    Origin,
    ProposalSource,
    ProposalState,
    RemediationState,
    Sureness,
)
from scopes.models import Asset, Line
from scopes.workloads import workload_of

MAX_CONTENTS = 300  # files that are told as they were
MAX_REASON = 5_000
PATCH, REPLACEMENTS = "text/x-diff", "application/json"  # media types of a change as a file


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a file: proposals (new or known), and (place, why) of what is none."""

    format: str
    proposals: list[Proposal]
    new: int
    left: list[tuple[str, str]]


def take_in_proposals(
    *,
    asset: Asset,
    line: Line,
    data: bytes,
    by: User,
    at: datetime,
    source: str = "",
    findings: Sequence[Finding] = (),
    contents: Mapping[str, str] | None = None,
    base_commit: str = "",
    title: str = "",
) -> Taken:
    """Keep the fixes that a file proposes for open findings of a line; return them.

    ``source``: codetf, sarif or diff; empty: told from the file. ``findings``: those that the uploader
    says it is for. ``contents``: path → the file as it was, to draw SARIF's replacements as a diff.
    The same change again is the proposal that is known, and gains findings while nobody has decided.
    Raises BadInput or TooLarge with the place, WrongState for ``findings`` that are not open; nothing
    is kept then.
    """
    check_may_propose(by, asset)
    _check_open(findings)
    check_git_id("base_commit", base_commit, optional=True)
    kind = _source(source, data)
    if len(contents or {}) > MAX_CONTENTS:
        raise BadInput("contents", f"more files than allowed ({len(contents or {})})")
    offers = _read(data, kind)
    drafts, left = drafts_of(offers, line, findings, contents or {})
    for draft in drafts:  # before the transaction: files may lie far away
        blobs.store(draft.change, at=at)
    return _keep(
        offers, drafts, left, asset=asset, line=line, kind=kind, by=by, at=at,
        base_commit=base_commit, title=clean_text(title, 300),
    )  # fmt: skip


def _check_open(findings: Sequence[Finding]) -> None:
    for finding in findings:
        if finding.status not in OPEN:
            raise WrongState(
                f"{finding} is {Status(finding.status).label}; fixes are proposed for open findings."
            )


def _source(source: str, data: bytes) -> ProposalSource:
    if len(data) > MAX_BYTES:
        raise TooLarge("data", f"larger than allowed ({len(data)} > {MAX_BYTES} bytes)")
    if source and source not in list(ProposalSource):
        raise BadInput("source", f"{source[:40]!r} is none of: {', '.join(ProposalSource)}")
    return ProposalSource(source) if source else tell_source(data)


def _read(data: bytes, kind: ProposalSource) -> Offers:
    try:
        return read_offers(data, kind, "data")
    except InputError as error:
        raise BadInput(clean_text(error.where), clean_text(error.what)) from error


@transaction.atomic
def _keep(
    offers: Offers, drafts: Sequence[Draft], left: list[tuple[str, str]], *, asset: Asset,
    line: Line, kind: ProposalSource, by: User, at: datetime, base_commit: str, title: str,
) -> Taken:  # fmt: skip
    Line.objects.select_for_update(no_key=True).get(pk=line.pk)  # of two at once, one keeps it
    digests = [draft.digest for draft in drafts]
    known = {p.digest: p for p in Proposal.objects.filter(line=line, digest__in=digests)}
    new: dict[str, Proposal] = {}
    for draft in drafts:
        if draft.digest in known or draft.digest in new:
            continue
        new[draft.digest] = _made(draft, asset, line, kind, by, at, base_commit, title)
    all_of = {**known, **new}
    links = _link(drafts, all_of)
    if links:
        append_event(
            scope_id=asset.scope_id, action="proposal.offered", subject="asset",
            subject_id=asset.pk, by=by, at=at,
            data={"proposals": sorted({link.proposal_id for link in links}),
                  "format": offers.format, "left": len(left),
                  "findings": sorted({link.finding_id for link in links})[:200]},
        )  # fmt: skip
    rows = list(dict.fromkeys(all_of[digest] for digest in digests))
    return Taken(offers.format, rows, len(new), left)


def _link(drafts: Sequence[Draft], proposals: Mapping[str, Proposal]) -> list[ProposalFinding]:
    """Link proposals that nobody has decided with their findings, by the surest that was ever told.

    Return what is new, or surer than before.
    """
    matches: dict[Proposal, list[Match]] = defaultdict(list)
    for draft in drafts:
        if proposals[draft.digest].state == ProposalState.OFFERED:
            matches[proposals[draft.digest]] += draft.matches
    held: dict[int, set[Match]] = defaultdict(set)
    for row in ProposalFinding.objects.filter(proposal__in=matches):
        held[row.proposal_id].add(Match(row.finding_id, Sureness(row.sure), row.reason))
    links = [
        ProposalFinding(proposal=proposal, finding_id=hit.pk, scope_id=proposal.scope_id,
                        sure=hit.sure.value, reason=clean_text(hit.reason, 300))
        for proposal, hits in matches.items()
        for hit in surest([*held[proposal.pk], *hits])
        if hit not in held[proposal.pk]
    ]  # fmt: skip
    return ProposalFinding.objects.bulk_create(
        links, update_conflicts=True, unique_fields=["proposal", "finding"],
        update_fields=["sure", "reason"], batch_size=5_000,
    )  # fmt: skip


def _made(
    draft: Draft, asset: Asset, line: Line, kind: ProposalSource, by: User, at: datetime,
    base_commit: str, title: str,
) -> Proposal:  # fmt: skip
    offer, origin = draft.offer, draft.offer.origin
    signals = [
        {"kind": s.kind, "agent": s.agent, "origin": s.origin, "confidence": s.confidence,
         "text": s.text}
        for s in origin.signals
    ]  # fmt: skip
    sure = [s.confidence for s in origin.signals if s.origin == origin.origin]
    return Proposal.objects.create(
        scope_id=asset.scope_id, asset=asset, line=line, source=kind.value,
        place=clean_text(offer.where, 300), tool=clean_text(offer.tool, 120),
        rule=clean_text(offer.rule, 300), title=clean_text(title or offer.title, 300),
        description=clean_text(offer.description, 20_000), digest=draft.digest, files=draft.files,
        diff_id=draft.digest if draft.diff is not None else None,
        replacements_id=draft.digest if draft.diff is None else None,
        base_commit=base_commit, origin=origin.origin or Origin.UNKNOWN.value,
        agent=clean_text(origin.agent, 120), model=clean_text(origin.model, 120),
        confidence=max(sure, key=lambda c: CONFIDENCE_RANK[c], default=""),
        signals=clean_json(signals), created_at=at, created_by=by,
    )  # fmt: skip


@transaction.atomic
def mark_taken(*, proposal: Proposal, remediation: Remediation, by: User, at: datetime) -> Proposal:
    """Say that a fix is what was proposed; what told who made the proposal is kept with the fix.

    Its origin may only be raised by that. Raises WrongState where it was decided already or the fix
    was withdrawn, BadInput for a fix of another line.
    """
    check_may_propose(by, proposal.asset)
    row = locked_offer(proposal)
    if remediation.line_id != row.line_id:
        raise BadInput("remediation", "is a fix of another line")
    _raise_origin(remediation.pk, row)
    row.state, row.remediation = ProposalState.TAKEN.value, remediation
    row.decided_at, row.decided_by = at, by
    row.save(update_fields=["state", "remediation", "decided_at", "decided_by"])
    AuthorshipSignal.objects.bulk_create(
        AuthorshipSignal(
            remediation=remediation, kind=f"proposal_{s['kind']}"[:30], agent=s["agent"][:120],
            origin=s["origin"], confidence=s["confidence"], text=s["text"][:500],
        )
        for s in row.signals
    )  # fmt: skip
    _event(row, "taken", by=by, at=at, remediation=remediation.pk)
    return row


def _raise_origin(fix_id: int, proposal: Proposal) -> None:
    """Let the fix be of the origin that its proposal was of, where that asks for more.

    Raises WrongState for one that was withdrawn.
    """
    rows = Remediation.objects.select_for_update(of=("self",), no_key=True)
    fix = rows.defer("commits").get(pk=fix_id)
    if fix.state == RemediationState.WITHDRAWN:
        raise WrongState(f"{fix} was withdrawn.")
    fix.origin = raised(fix.origin, proposal.origin)
    fix.declared_origin = raised(fix.declared_origin, proposal.origin)
    fix.agent, fix.model = fix.agent or proposal.agent, fix.model or proposal.model
    fix.save(update_fields=["origin", "declared_origin", "agent", "model"])


@transaction.atomic
def decline_proposal(*, proposal: Proposal, reason: str, by: User, at: datetime) -> Proposal:
    """Decline a proposal, with the reason. It stays, and its findings stand where they stand."""
    check_may_propose(by, proposal.asset)
    if workload_of(by) is not None:
        raise NotAllowed("A proposal is declined by somebody, not by a run of a pipeline.")
    reason = clean_text(reason).strip()
    if not 0 < len(reason) <= MAX_REASON:
        raise BadInput("reason", f"must have 1 to {MAX_REASON} characters")
    row = locked_offer(proposal)
    row.state, row.reason = ProposalState.DECLINED.value, reason
    row.decided_at, row.decided_by = at, by
    row.save(update_fields=["state", "reason", "decided_at", "decided_by"])
    _event(row, "declined", by=by, at=at, reason=reason)
    return row


def locked_offer(proposal: Proposal) -> Proposal:
    """Return a proposal that nobody has decided, locked: before events, as all locks are.

    Raises WrongState where it was decided.
    """
    row = Proposal.objects.select_for_update(of=("self",), no_key=True).get(pk=proposal.pk)
    if row.state != ProposalState.OFFERED:
        raise WrongState(f"The proposal is {row.state} already.")
    return row


def _event(proposal: Proposal, action: str, *, by: User, at: datetime, **data: Any) -> None:
    append_event(
        scope_id=proposal.scope_id, action=f"proposal.{action}", subject="proposal",
        subject_id=proposal.pk, by=by, at=at, data=data,
    )  # fmt: skip


def patch_file(proposal: Proposal) -> tuple[bytes, str, str]:
    """The change of a proposal as a file: its bytes, media type and name. Raises OSError."""
    if proposal.diff_id is not None:
        return blobs.load(proposal.diff_id), PATCH, f"{proposal}.patch"
    return blobs.load(proposal.replacements_id or ""), REPLACEMENTS, f"{proposal}.json"
