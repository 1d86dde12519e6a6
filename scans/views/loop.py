"""The loop of a finding: its fixes, what they brought in, the fixes of that, and so on."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from django.db.models import Q
from django.db.models.expressions import RawSQL

from findings.models import Finding
from remediations.models import Remediation, RemediationFinding
from scans.models import Verification

MAX_DEPTH = 4  # rounds of finding → fix → finding that a page follows
MAX_WIDTH = 40  # findings that it follows in one round
MOST = 2 * MAX_DEPTH * MAX_WIDTH  # findings, and links from them to fixes, that are read at all
MOST_SIBLINGS = 10
HEAVY = ("original", "current")  # of a finding: what no list shows
# Parameters: the finding, MAX_DEPTH and MOST; asset, rule, path and line of the finding, MOST_SIBLINGS.
RELATED = """
WITH RECURSIVE brought (id, round) AS (
    SELECT f.id, 1 FROM remediations_remediationfinding AS a
    JOIN findings_finding AS f ON f.introduced_by_id = a.remediation_id WHERE a.finding_id = %s
    UNION
    SELECT f.id, b.round + 1 FROM brought AS b
    JOIN remediations_remediationfinding AS a ON a.finding_id = b.id
    JOIN findings_finding AS f ON f.introduced_by_id = a.remediation_id WHERE b.round < %s
)
SELECT id FROM (SELECT id FROM brought LIMIT %s) AS followed
UNION
SELECT id FROM (
    SELECT id FROM findings_finding WHERE asset_id = %s AND rule = %s AND path = %s AND line_id <> %s LIMIT %s
) AS siblings
"""


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


@dataclass(frozen=True)
class Surroundings:
    """What is known around a finding, read at once: fixes, judgements, and findings that belong to it.

    ``links``: finding → its fixes, oldest first; ``judged``: by fix and finding; ``brought``: by fix;
    ``brought_in_by``: the fix that brought the finding in, with the findings that it was for.
    """

    finding: Finding
    links: Mapping[int, Sequence[Remediation]]
    judged: Mapping[tuple[int, int], Verification]
    brought: Mapping[int, Sequence[Finding]]
    siblings: Sequence[Finding]
    brought_in_by: FixNode | None

    @property
    def fixes(self) -> list[Remediation]:
        """The fixes of the finding, newest first."""
        return sorted(self.links.get(self.finding.pk, ()), key=lambda fix: -fix.pk)

    @property
    def verifications(self) -> list[Verification]:
        """The judgements of the finding that stand, nearest to closure first."""
        own = [v for (_, finding), v in self.judged.items() if finding == self.finding.pk]
        return sorted(own, key=lambda v: (not v.with_merge, -v.pk))


def around(finding: Finding) -> Surroundings:
    """Read what a page shows around a finding, in three statements whatever the number of rows."""
    place = finding.asset_id, finding.rule, finding.path, finding.line_id
    given = [finding.pk, MAX_DEPTH, MOST, *place, MOST_SIBLINGS]
    ids = RawSQL(RELATED, given)  # noqa: S611 - parameters alone come from outside
    found = Finding.objects.filter(pk__in=ids).select_related("line").defer(*HEAVY).order_by("pk")
    rows = list(found)
    siblings = [
        row
        for row in rows
        if (row.asset_id, row.rule, row.path) == place[:3] and row.line_id != finding.line_id
    ]
    brought: dict[int, list[Finding]] = defaultdict(list)
    for row in rows:
        brought[row.introduced_by_id or 0].append(row)
    chain = {finding.pk, *(row.pk for row in rows if row.introduced_by_id is not None)}
    rows_of_links = _links(finding, chain)
    links: dict[int, list[Remediation]] = defaultdict(list)
    for link in rows_of_links:
        if link.finding_id in chain:
            links[link.finding_id].append(link.remediation)
    came_from = [x for x in rows_of_links if x.remediation_id == finding.introduced_by_id]
    return Surroundings(
        finding=finding,
        links=links,
        judged=_judged(links),
        brought=brought,
        siblings=siblings[:MOST_SIBLINGS],
        brought_in_by=_origin(came_from),
    )


def _links(finding: Finding, chain: Collection[int]) -> list[RemediationFinding]:
    """From these findings to their fixes, and from the fix that brought the finding in to what it is for."""
    wanted = Q(finding__in=chain)
    if finding.introduced_by_id is not None:
        wanted |= Q(remediation=finding.introduced_by_id)
    links = RemediationFinding.objects.filter(wanted).select_related("remediation", "finding")
    newest = links.defer(*(f"finding__{name}" for name in HEAVY)).order_by("-pk")[:MOST]
    return sorted(newest, key=lambda link: link.pk)


def _origin(came_from: Sequence[RemediationFinding]) -> FixNode | None:
    if not came_from:
        return None
    brought = [FindingNode(link.finding) for link in came_from[:MOST_SIBLINGS]]
    return FixNode(came_from[0].remediation, "unknown", brought)


def _judged(links: Mapping[int, Sequence[Remediation]]) -> dict[tuple[int, int], Verification]:
    """The judgements that stand, of these links, by fix and finding."""
    fixes = {fix.pk: fix for found in links.values() for fix in found}
    rows = Verification.objects.current().filter(finding__in=links)
    found = {}
    for row in rows.filter(remediation__in=fixes).defer("inputs"):
        row.remediation = fixes[row.remediation_id]
        found[row.remediation_id, row.finding_id] = row
    return found


def loop_of(known: Surroundings) -> Loop:
    """Follow a finding's fixes, round by round."""
    root = FindingNode(known.finding)
    seen, level = {known.finding.pk}, [root]
    depth = width = blocked = 0
    for round_number in range(1, MAX_DEPTH + 1):
        fixes = [fix for node in level for fix in _attach_fixes(node, known)]
        following = [node for fix in fixes for node in fix.brought if node.finding.pk not in seen][
            :MAX_WIDTH
        ]
        seen.update(node.finding.pk for node in following)
        width += len(following)
        blocked += sum(len(fix.new) for fix in fixes)
        if not following:
            break
        depth, level = round_number, following
    return Loop(root, depth, width, blocked)


def _attach_fixes(node: FindingNode, known: Surroundings) -> list[FixNode]:
    """Add the fixes of a finding with what each brought in; what became a finding is not a mere result."""
    for fix in known.links.get(node.finding.pk, ()):
        verification = known.judged.get((fix.pk, node.finding.pk))
        brought = [FindingNode(finding) for finding in known.brought.get(fix.pk, ())]
        there = {(n.finding.rule, n.finding.place) for n in brought}
        new = [new for new in _new(verification) if (new.rule, new.place) not in there]
        verdict = verification.verdict if verification else "unknown"
        node.fixes.append(FixNode(fix, verdict, brought, new))
    return node.fixes


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
