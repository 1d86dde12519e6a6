"""Whose it is to turn a check green: the words that pages, answers and pull requests use. Pure."""

REVIEWER = "a person who did not write the fix"
OWNER = "the owner of the finding"
SCANS = "whoever runs the scans"
AUTHOR = "the author"  # of all that is not named below
_OWNERS = {
    REVIEWER: ("HUMAN_REVIEW",),
    OWNER: ("CLASS_SPECIFIC",),
    SCANS: (
        "WELL_FORMED", "SCAN_LINKED", "CONTENT_BINDING", "SCAN_FRESH", "SCAN_SCOPE", "EXECUTION_OK",
        "FILES_ANALYSED", "RULE_ACTIVE", "SEVERITY_STABLE", "SAME_CLASS", "TOOL_VERSION",
        "POSITIVE_CONTROL", "NOT_TRUNCATED", "INDEPENDENCE", "SCAN_PROVENANCE", "STILL_HOLDS",
    ),
}  # fmt: skip


def owner_of(check: str, outcome: str) -> str:
    """Who can supply what a check lacks. What scans left open is nobody's fault but theirs."""
    if outcome == "UNKNOWN" and check in ("ORIGINAL_ABSENT", "NOTHING_NEW"):
        return SCANS
    return next((owner for owner, checks in _OWNERS.items() if check in checks), AUTHOR)
