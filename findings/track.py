"""The stages of a finding as a track: reached, skipped, now, ahead. Pure."""

from dataclasses import dataclass
from datetime import datetime

from findings.models import Finding
from findings.statuses import OPEN, STAGES, Status


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of the track. ``state``: done, skipped, now, ahead or proven."""

    label: str
    state: str
    since: datetime | None = None

    @property
    def icon(self) -> str:
        return {
            "done": "check",
            "skipped": "arrow-right",
            "now": "circle-dot",
            "proven": "shield-check",
        }.get(self.state, "")


def track(finding: Finding, *, was_validated: bool) -> list[Stage]:
    """Return the six stages for a finding; validation without evidence was skipped."""
    at = _place(finding, was_validated)
    return [
        _stage(finding, index, status, at, was_validated) for index, status in enumerate(STAGES)
    ]


def _place(finding: Finding, was_validated: bool) -> int:
    """Return the index of the stage the finding is at, or last was as far as that is known."""
    if finding.status in STAGES:
        return STAGES.index(Status(finding.status))
    return STAGES.index(Status.VALIDATED if was_validated else Status.PRIORITIZED)


def _stage(finding: Finding, index: int, status: Status, at: int, was_validated: bool) -> Stage:
    label = status.label.capitalize()
    if status == Status.MOBILIZATION_COMPLETE and index == at:
        return Stage(label, "proven", finding.verified_at)
    if index == at and finding.status in OPEN:
        return Stage(label, "now", finding.status_since)
    if index > at:
        return Stage(label, "ahead")
    skipped = status == Status.VALIDATED and not was_validated
    return Stage(label, "skipped" if skipped else "done", _since(finding, status))


def _since(finding: Finding, status: Status) -> datetime | None:
    if status == Status.DISCOVERED:
        return finding.first_seen_at
    return finding.claimed_at if status == Status.AWAITING_VERIFICATION else None
