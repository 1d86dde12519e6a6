"""What rules of discovery look at of findings that are stored. Reads only."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from django.db.models import QuerySet

from findings.conditions import LEVELS, SEVERITIES, Conditions, Told
from findings.models import Finding
from findings.priority import severity_of
from scopes.models import Asset

READ = (
    "pk", "tool", "tool_class", "rule", "path", "title", "level", "security_severity", "cvss",
    "severity", "decided_severity", "cwes", "asset_id", "presence", "set_aside", "assigned_to_id",
    "team_id", "status",
)  # fmt: skip


class Row(NamedTuple):
    """A finding as rules and what they change look at it. The fields of ``READ``."""

    pk: int
    tool: str
    tool_class: str
    rule: str
    path: str
    title: str
    level: str
    security_severity: float | None
    cvss: str
    severity: str
    decided_severity: str
    cwes: Sequence[str]
    asset: int
    presence: str
    set_aside: str
    assigned_to: int | None
    team: int | None
    status: str

    @property
    def by_tool(self) -> str:
        """The severity that the tool gives it."""
        if not self.decided_severity:
            return self.severity
        return severity_of(self.level, self.security_severity, self.cvss).value


Rating = tuple[str, float | None, str]  # level, security-severity, CVSS vector


def is_worse(now: Rating, before: Rating) -> bool:
    """Whether a tool rates a finding worse than before, as far as rules look at it."""
    severities = [SEVERITIES.index(severity_of(*rating).value) for rating in (now, before)]
    levels = [LEVELS.index(rating[0]) for rating in (now, before)]
    return severities[0] > severities[1] or levels[0] > levels[1]


def tags_of_assets(scope_id: int) -> dict[int, frozenset[str]]:
    """Asset → its tags."""
    rows = Asset.objects.filter(scope=scope_id).values_list("pk", "tags")
    return {asset: frozenset(tags) for asset, tags in rows}


def told_of(row: Row, tags: Mapping[int, frozenset[str]]) -> Told:
    """Return what rules look at of a finding."""
    return Told(
        tool=row.tool, tool_class=row.tool_class, rule=row.rule, path=row.path, title=row.title,
        level=row.level, severity=row.by_tool, cwes=tuple(row.cwes), asset=row.asset,
        asset_tags=tags.get(row.asset, frozenset()), presence=row.presence,
    )  # fmt: skip


def narrowed(rows: QuerySet[Finding], conditions: Conditions) -> QuerySet[Finding]:
    """Leave to the database what it can say of the conditions; they are asked all the same."""
    for name in ("tool", "tool_class", "asset", "presence"):
        if values := getattr(conditions, name):
            rows = rows.filter(**{f"{name}__in": values})
    return rows
