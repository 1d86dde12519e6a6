"""What each figure means: one definition a figure, kept with every report that tells it."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Definition:
    """``numerator`` and ``denominator`` are empty for what is no share."""

    title: str
    unit: str
    says: str
    numerator: str = ""
    denominator: str = ""


FINDINGS, DAYS, SHARE = "findings", "days", "share"
DEFINITIONS: dict[str, Definition] = {
    "open": Definition(
        "Open findings",
        FINDINGS,
        "Findings that were first seen by the end of the period and were in none of the end states then. "
        "Those that a rule sets aside are among them, and are told apart. Priority is that of the "
        "moment; severity, due date and what is set aside are as they are known now.",
    ),
    "age": Definition(
        "Age of open findings",
        FINDINGS,
        "Days from when a finding was first seen to the end of the period.",
    ),
    "overdue": Definition(
        "Overdue findings",
        FINDINGS,
        "Open findings whose due date by their scope's SLA has passed.",
    ),
    "new": Definition(
        "New",
        FINDINGS,
        "Findings first seen in the period. What moved in from another tracker counts from when that one saw it.",
    ),
    "reopened": Definition(
        "Reopened", "moves", "Moves from an end state back to open, by a person or on sight."
    ),
    "revoked": Definition(
        "Proof revoked",
        "moves",
        "Closures with proof that were taken back, with their certificate.",
    ),
    "acceptance_ended": Definition(
        "Acceptance ended", "moves", "Accepted risks whose last day has passed."
    ),
    "proven": Definition(
        "Closed with proof",
        "moves",
        "Moves to mobilization complete: a scan of the merged fix passed, and a person reviewed it.",
    ),
    "accepted": Definition(
        "Risk accepted", "moves", "Moves to risk accepted, until a date. Never counts as fixed."
    ),
    "false_positive": Definition(
        "False positive", "moves", "Moves to false positive, confirmed by a second person."
    ),
    "duplicate": Definition("Duplicate", "moves", "Moves to duplicate of another finding."),
    "no_longer_present": Definition(
        "No longer present",
        "moves",
        "Findings that two full scans lack, the checks holding over what changed between. Never counts as proven.",
    ),
    "rescored": Definition(
        "Re-scored",
        FINDINGS,
        "Open at the beginning and of another priority at the end. It moves findings between priorities and "
        "changes no sum. All other causes are counted at the priority that a finding has at the end.",
    ),
    "unexplained": Definition(
        "Not explained",
        FINDINGS,
        "What was open at the end, less what was at the beginning, less all causes. Target 0.",
    ),
    "claimed": Definition(
        "Claimed",
        "moves",
        "First claims, since a finding was opened, that it is fixed. A claim proves nothing.",
    ),
    "claimed_only": Definition(
        "Claimed, not proven",
        FINDINGS,
        "Open findings that await verification at the end of the period.",
    ),
    "time_to_claimed": Definition(
        "Time to claimed",
        DAYS,
        "From when a finding was opened (first seen, or opened again) to its first claim since. Of claims in "
        "the period. Median and 90th percentile are values that occurred (nearest rank).",
    ),
    "time_to_proven": Definition(
        "Time to proven",
        DAYS,
        "From when a finding was opened to its closure with proof. Of closures in the period.",
    ),
    "waited_for_proof": Definition(
        "Time from claimed to proven",
        DAYS,
        "From the first claim to the closure with proof. Of closures in the period.",
    ),
    "sla": Definition(
        "SLA adherence",
        SHARE,
        "What was due in the period, by the due dates of now. What had left the backlog by then in another "
        "way (accepted, dismissed, duplicate, no longer present) is no case and is told apart.",
        "findings proven by their due date",
        "findings due in the period",
    ),
    "verified_closure": Definition(
        "Verified closure",
        SHARE,
        "Of what was said to be fixed in the period, how much is proven by its end.",
        "first claims of the period whose finding was closed with proof by its end",
        "first claims of the period",
    ),
    "without_evidence": Definition(
        "Closures without evidence",
        SHARE,
        "Target 0; the database refuses such a closure.",
        "closures with proof for which no clearance was issued",
        "closures with proof in the period",
    ),
    "scanned_before_merge": Definition(
        "AI-fixed closures scanned before the merge",
        SHARE,
        "Closures with proof in the period whose certificate stands, under fixes that an AI made or had a "
        "part in. Only what the server saw itself counts: yes, after (the merge), no, or unknown.",
        "those whose fixed content was scanned before it merged",
        "AI-fixed closures of the period",
    ),
    "brought_in": Definition(
        "Brought in by fixes",
        FINDINGS,
        "Findings first seen in the period that a scan of the merged fix shows to be its doing, by who wrote "
        "the fix. A finding's weakness is the first class that its tool names.",
    ),
    "fixes_that_brought_in": Definition(
        "Fixes that brought something in",
        SHARE,
        "By origin. What is brought in may show later than the merge, so that the two are told as counts.",
        "fixes with a finding of the period that they brought in",
        "fixes that merged in the period",
    ),
    "checks": Definition(
        "Outcomes by check",
        "judgements",
        "Judgements of the gate in the period, each of one finding under one fix; a later judgement of the "
        "same pair counts again. Stopped: the check was required and did not pass.",
    ),
    "attempts": Definition(
        "Attempts",
        FINDINGS,
        "Findings closed with proof in the period, by how many fixes were tried for them.",
    ),
    "depth": Definition(
        "Depth of the loop",
        FINDINGS,
        "What fixes brought in, in the period, by how many rounds of fix and finding lie behind it.",
    ),
    "coverage": Definition(
        "Coverage",
        SHARE,
        "Of the default line of each asset, now. A scan of a change alone is no look at the whole.",
        "expected looks that are there, succeeded and are no older than the scope allows",
        "expected looks: an asset, and a class of tools that its scope or kind asks for",
    ),
    "freshness": Definition(
        "Age of looks", DAYS, "Since the newest expected look of each asset and class, now."
    ),
    "exceptions": Definition(
        "Exceptions",
        FINDINGS,
        "Accepted risks that are carried now; decisions and waivers are of the period.",
    ),
    "certificates": Definition(
        "Certificates", "certificates", "Closure certificates issued and revoked in the period."
    ),
    "told_elsewhere": Definition(
        "Closures told from elsewhere",
        "closures",
        "What other trackers say they closed. Claims of others: counted apart, and in no other figure. "
        "Before adoption: earlier than the day from which the scope counts.",
    ),
    "trend": Definition(
        "Trend", FINDINGS, "What was open at the end of each of the last periods of this length."
    ),
}


def as_json() -> dict[str, dict[str, str]]:
    """All definitions, as a snapshot keeps them."""
    return {key: asdict(definition) for key, definition in DEFINITIONS.items()}
