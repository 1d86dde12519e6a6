"""What a list of findings can show beside a finding's title and place. Words only: no rows, no rules."""

from collections.abc import Sequence

from core.errors import BadInput

COLUMNS = {  # name → heading; in the order in which a list shows them
    "priority": "Priority",
    "severity": "Severity",
    "status": "Status",
    "fix": "Fix",
    "due": "Due",
    "owner": "Owner",
    "team": "Team",
    "scope": "Scope",
    "asset": "Asset",
    "line": "Line",
    "tool": "Tool",
    "weakness": "Weakness",
    "ssvc": "SSVC",
    "presence": "In the last scan",
    "tags": "Tags",
    "first_seen": "First seen",
    "stage_since": "In its stage since",
    "claimed": "Claimed",
    "verified": "Proven",
}
DEFAULT = ("priority", "severity", "status", "fix", "due", "owner")


def read_columns(names: Sequence[str], where: str = "columns") -> list[str]:
    """Return columns that somebody chose, in the order of lists. Raises BadInput for an unknown one."""
    unknown = [name for name in names if name not in COLUMNS]
    if unknown:
        raise BadInput(where, f"{unknown[0][:40]!r} is none of: {', '.join(COLUMNS)}")
    return [name for name in COLUMNS if name in names]
