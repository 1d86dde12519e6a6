"""Who may say what the scans do not, as of when; and the fixes that are judged anew with it.

A person declares, and never of their own fix; a service account fetched it, and says what it saw.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from core.errors import BadInput, NotAllowed
from core.models import User, UserKind
from core.permissions import Permission
from core.text import clean_text
from findings.models import Finding
from gate.evidence import FixFacts
from gate.moments import SKEW
from gate.packages import class_of
from remediations.models import Remediation
from remediations.statuses import EvidenceSource, RemediationState
from scans.ingest.records import result_from_json
from scans.services.attested import check_not_a_run
from scans.services.facts import gate_facts, is_by_the_fixer
from scans.services.parties import check_person, reason_given
from scans.services.verification import judge_remediation
from scans.statuses import ToolClass
from scopes.access import check_may

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
MAX_NAME = 200


@dataclass(frozen=True, slots=True)
class Word:
    """How something was said: columns that all such rows share."""

    source: str
    evidence: str
    as_of: datetime


def check_may_tell(by: User, scope_id: int, what: str) -> EvidenceSource:
    """Return the source that this account's word has. Raises NotAllowed; ``what`` begins the sentence.

    People need what a review needs; service accounts what an upload needs.
    """
    if by.kind == UserKind.SERVICE:
        check_may(by, Permission.UPLOAD_SCAN, scope_id)
        check_not_a_run(by, what)
        return EvidenceSource.FETCHED
    check_may(by, Permission.REVIEW, scope_id)
    check_person(by, what)
    return EvidenceSource.DECLARED


def word(source: EvidenceSource, evidence: str, as_of: datetime | None, at: datetime) -> Word:
    """Read what all words share. Raises BadInput, for a fetched one without what was seen as well."""
    seen = reason_given(evidence, "evidence") if evidence.strip() else ""
    if source == EvidenceSource.FETCHED and not seen:
        raise BadInput("evidence", "must say what was seen: a service account fetched it")
    return Word(source.value, seen, moment_given(as_of, at, "as_of"))


def moment_given(value: datetime | None, at: datetime, where: str) -> datetime:
    """Return a moment that is not ahead of ``at``; ``at`` where none is said. Raises BadInput.

    A clock that is minutes ahead is taken to mean now.
    """
    if value is None:
        return at
    if value < EARLIEST:
        raise BadInput(where, "is before 1970")
    if value - at > SKEW:
        raise BadInput(where, "is in the future")
    return min(value, at)


def name_given(value: str, where: str, most: int = MAX_NAME) -> str:
    """Return a short text on one line. Raises BadInput."""
    cleaned = reason_given(value, where)
    if len(cleaned) > most or "\n" in cleaned:
        raise BadInput(where, f"must be one line of at most {most} characters")
    return clean_text(cleaned)


def check_apart(fix: Remediation, by: User, what: str) -> FixFacts:
    """Raise NotAllowed for who made the fix, and a person who proposed it. Returns the fix's facts."""
    told = gate_facts(fix)
    if is_by_the_fixer(fix, by, told):
        raise NotAllowed(f"Nobody {what} of their own fix, {fix}; someone else has to.")
    return told


def is_secret(finding: Finding) -> bool:
    """Whether the gate asks for a revocation: by the class of the result, else that of its tool."""
    kind = finding.tool_class
    return (class_of(result_from_json(finding.original), kind) or kind) == ToolClass.SECRETS


def judge_all(fixes: Iterable[Remediation], *, at: datetime) -> None:
    """Judge fixes anew, by number; what is not scanned yet has nothing to be judged by."""
    for fix in fixes:
        if fix.verifications.exists() or fix.scans.exists():
            judge_remediation(fix.pk, at=at)


def live(fixes: Iterable[Remediation]) -> Sequence[Remediation]:
    """Those that were not withdrawn, by number, each once."""
    found = {fix.pk: fix for fix in fixes if fix.state != RemediationState.WITHDRAWN}
    return [found[pk] for pk in sorted(found)]
