"""Which judgement counts for a finding and for a fix, for a whole page of them at once."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from findings.models import Finding
from findings.statuses import OPEN
from remediations.models import Remediation, RemediationFinding
from remediations.statuses import RemediationState
from scans.models import Verification, VerificationQuerySet
from scans.views.judgements import worst

HEAVY = ("judgement", "inputs")


@dataclass(frozen=True, slots=True)
class FindingRow:
    """A finding in a list, with the judgement that is nearest to closing it."""

    finding: Finding
    verification: Verification | None

    @property
    def safe(self) -> str:
        return self.verification.safe if self.verification else "unknown"

    @property
    def right(self) -> str:
        return self.verification.right if self.verification else "unknown"

    @property
    def fix(self) -> Remediation | None:
        return self.verification.remediation if self.verification else None

    @property
    def is_open(self) -> bool:
        return self.finding.status in OPEN


@dataclass(frozen=True, slots=True)
class FixRow:
    """A fix in a list, with the worst of its findings' judgements."""

    fix: Remediation
    findings: tuple[Finding, ...]
    verifications: tuple[Verification, ...]

    @property
    def safe(self) -> str:
        return worst(v.safe for v in self.verifications)

    @property
    def right(self) -> str:
        return worst(v.right for v in self.verifications)

    @property
    def verdict(self) -> str:
        return worst(v.verdict for v in self.verifications)


def standing() -> VerificationQuerySet:
    """Current judgements of fixes that were not withdrawn, nearest to closure first."""
    rows = Verification.objects.current().exclude(remediation__state=RemediationState.WITHDRAWN)
    return rows.order_by("-with_merge", "-pk")


def finding_rows(findings: Collection[Finding]) -> list[FindingRow]:
    """Return list rows; one query for all judgements, without their texts."""
    found: dict[int, Verification] = {}
    judged = standing().filter(finding__in=[f.pk for f in findings])
    for verification in judged.select_related("remediation").defer(*HEAVY, "remediation__commits"):
        found.setdefault(verification.finding_id, verification)
    return [FindingRow(finding, found.get(finding.pk)) for finding in findings]


def fix_rows(fixes: Collection[Remediation], *, with_texts: bool = False) -> list[FixRow]:
    """Return list rows; one query for the findings, one for the judgements."""
    ids = [fix.pk for fix in fixes]
    links = RemediationFinding.objects.filter(remediation__in=ids)
    findings: dict[int, list[Finding]] = defaultdict(list)
    for link in links.select_related("finding").order_by("finding_id"):
        findings[link.remediation_id].append(link.finding)
    judged: dict[int, list[Verification]] = defaultdict(list)
    rows = Verification.objects.current().filter(remediation__in=ids)
    for verification in rows if with_texts else rows.defer(*HEAVY):
        judged[verification.remediation_id].append(verification)
    return [FixRow(fix, tuple(findings[fix.pk]), tuple(judged[fix.pk])) for fix in fixes]
