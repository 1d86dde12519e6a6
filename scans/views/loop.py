"""The loop of a finding: its fixes, what they brought in, the fixes of that, and so on."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from findings.models import Finding
from remediations.models import Remediation, RemediationFinding
from scans.models import Verification

MAX_DEPTH = 4  # rounds of finding → fix → finding that a page follows
MAX_WIDTH = 40  # findings that it follows in one round


@dataclass(frozen=True, slots=True)
class NewResult:
    """A result that a fix would bring in, seen by its judgement and not (yet) a finding."""

    rule: str
    place: str
    level: str
    blocks: bool


@dataclass
class FixNode:
    fix: Remediation
    verdict: str
    brought: list["FindingNode"] = field(default_factory=list)
    new: list[NewResult] = field(default_factory=list)


@dataclass
class FindingNode:
    finding: Finding
    fixes: list[FixNode] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Loop:
    """``depth``: rounds in which a fix brought something in; ``width``: how many findings in all."""

    root: FindingNode
    depth: int
    width: int
    blocked: int  # new results that the gate held back

    @property
    def is_closed(self) -> bool:
        """Whether no fix brought anything in."""
        return not self.width and not self.blocked


def loop_of(finding: Finding) -> Loop:
    """Follow a finding's fixes; a few queries a round, whatever the number of rows."""
    root = FindingNode(finding)
    seen, level = {finding.pk}, [root]
    depth = width = blocked = 0
    for round_number in range(1, MAX_DEPTH + 1):
        fixes = _attach_fixes(level)
        following = [node for node in _attach_findings(fixes) if node.finding.pk not in seen][
            :MAX_WIDTH
        ]
        seen.update(node.finding.pk for node in following)
        width += len(following)
        blocked += sum(len(node.new) for node in fixes)
        if not following:
            break
        depth, level = round_number, following
    return Loop(root, depth, width, blocked)


def _attach_fixes(level: Iterable[FindingNode]) -> list[FixNode]:
    nodes = {node.finding.pk: node for node in level}
    links = RemediationFinding.objects.filter(finding__in=nodes).select_related("remediation")
    links = links.order_by("pk")[: 2 * MAX_WIDTH]
    judged: dict[tuple[int, int], Verification] = {
        (v.remediation_id, v.finding_id): v
        for v in Verification.objects.current().filter(finding__in=nodes).defer("inputs")
    }
    made = []
    for link in links:
        verification = judged.get((link.remediation_id, link.finding_id))
        fix = FixNode(link.remediation, verification.verdict if verification else "unknown")
        fix.new = _new(verification)
        nodes[link.finding_id].fixes.append(fix)
        made.append(fix)
    return made


def _new(verification: Verification | None) -> list[NewResult]:
    told = verification.judgement.get("new", ()) if verification else ()
    return [
        NewResult(
            rule=new["rule"],
            place=f"{new['path']}:{new['line']}" if new.get("line") else str(new["path"]),
            level=str(new.get("level", "")),
            blocks=bool(new.get("blocks")),
        )
        for new in told
        if new.get("cause") == "fix"
    ]


def _attach_findings(fixes: Iterable[FixNode]) -> list[FindingNode]:
    """Add the findings that each fix brought in; what became a finding is not a mere result."""
    by_fix: dict[int, list[Finding]] = defaultdict(list)
    ids = {node.fix.pk for node in fixes}
    brought = Finding.objects.filter(introduced_by_id__in=ids).order_by("pk")
    for finding in brought[: 2 * MAX_WIDTH]:
        by_fix[finding.introduced_by_id or 0].append(finding)
    following = []
    for node in fixes:
        node.brought = [FindingNode(finding) for finding in by_fix[node.fix.pk]]
        known = {(n.finding.rule, n.finding.place) for n in node.brought}
        node.new = [new for new in node.new if (new.rule, new.place) not in known]
        following += node.brought
    return following


def brought_in_by(finding: Finding) -> FixNode | None:
    """Return the fix that brought the finding in, with the findings it was for."""
    if finding.introduced_by_id is None:
        return None
    fix = Remediation.objects.get(pk=finding.introduced_by_id)
    node = FixNode(fix, "unknown")
    node.brought = [FindingNode(f) for f in fix.findings.order_by("pk")[:10]]
    return node
