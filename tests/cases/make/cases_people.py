# ruff: noqa: E501 - what a case is called and shows stays on its line
"""Who fixed, who scanned, who approved."""

from __future__ import annotations

from sources import SHELL_REF, SHOP, TAR_VIEWS
from story import Case, Workshop, review

GOOD = {"app/views.py": TAR_VIEWS}
AUTOFIX = (
    "Potential fix for code scanning alert no. 12: Shell command\n\n"
    "Co-authored-by: Copilot Autofix powered by AI <62310815+github-advanced-security[bot]@users.noreply.github.com>"
)
AGENT = "copilot-swe-agent[bot] <198982749+Copilot@users.noreply.github.com>"
ANSWERS = {
    "root_cause_removed": "yes: no shell, the library writes the archive",
    "variants_considered": "yes: no other call of subprocess in the shop",
    "behaviour_kept": "yes: the archive has the same members",
}


def tell(shop: Workshop) -> None:
    """All of them."""
    reviewers(shop)
    machines(shop)


def reviewers(shop: Workshop) -> None:
    def one(
        name: str,
        title: str,
        right: str = "fail",
        kind: str = "bad",
        stops: str = "HUMAN_REVIEW",
        shows: str = "",
    ) -> Case:
        case = shop.case(name, kind, title, SHOP, GOOD, SHELL_REF)
        return case.expect(right=right, stops=stops, shows=shows)

    one("bad-nobody-approved", "Nobody has looked at it", "unknown").facts["reviews"] = []
    case = one(
        "bad-author-approves", "The author approves", shows="By another address of the same person."
    )
    case.facts["reviews"] = [review(case.head, "Dev Eloper <dev.eloper@example.net>")]
    case = one("bad-bot-approves", "A bot approves")
    case.facts["reviews"] = [review(case.head, "github-actions[bot]", "bot")]
    case = one(
        "bad-ai-approves",
        "An AI approves, said to be human",
        shows="The account is known whatever the record calls it.",
    )
    case.facts["reviews"] = [review(case.head, AGENT)]
    case = one("bad-older-commit-approved", "Approved, then pushed again", "fail")
    case.facts["reviews"] = [review(case.base)]
    case = one("bad-approval-withdrawn", "Approved, then rejected")
    case.facts["reviews"].append(review(case.head, decision="rejected", at="2026-11-20T10:10:00Z"))
    case = one("good-approved-in-the-end", "Rejected, mended, approved", "pass", "good", "")
    case.facts["reviews"].insert(
        0, review(case.base, decision="rejected", at="2026-11-20T08:10:00Z")
    )
    case = one("bad-committer-approves", "Who committed the patch approves it")
    case.facts["fix"]["commits"][0]["committer"] = case.facts["reviews"][0]["reviewer"]


def machines(shop: Workshop) -> None:
    def by_ai(name: str, kind: str, title: str, message: str = AUTOFIX, **more: str) -> Case:
        case = shop.case(name, kind, title, SHOP, GOOD, SHELL_REF, message=message, **more)
        case.facts["reviews"] = [
            review(case.head, answers=ANSWERS),
            review(case.head, "Noor Haddad <noor@example.org>", answers=ANSWERS),
        ]
        return case

    by_ai("good-autofix-reviewed", "good", "Copilot Autofix, two reviewers, measured scan").expect(
        shows="AI authorship raises the tier to high: two people answer the questions, and the scan is measured."
    )
    case = by_ai("bad-autofix-one-reviewer", "bad", "Copilot Autofix, one approval without answers")
    case.facts["reviews"] = [review(case.head)]
    case.expect(
        right="unknown",
        stops="HUMAN_REVIEW",
        shows="One click is not two people answering what the policy asks.",
    )
    case = by_ai(
        "bad-autofix-root-cause-no", "bad", "A reviewer says that the root cause is still there"
    )
    case.facts["reviews"][0]["answers"] = {**ANSWERS, "root_cause_removed": "no"}
    case.expect(right="fail", stops="HUMAN_REVIEW")
    case = by_ai("bad-autofix-declared-scan", "bad", "Copilot Autofix, scan facts by word of mouth")
    for role in ("before", "after"):
        case.fact(f"{role}.0.source", "declared")
    case.expect(
        "unknown",
        stops="CONTENT_BINDING SCAN_PROVENANCE",
        shows="At the high tier, facts that somebody merely states count as unknown.",
    )
    case = by_ai(
        "bad-agent-scans-itself",
        "bad",
        "The agent's own run did the scan",
        "Fix the shell\n",
        author=AGENT,
    )
    case.fact("fix.agent_run", "run-4711").fact("after.0.agent_run", "run-4711")
    case.expect(
        "fail",
        stops="INDEPENDENCE",
        shows="An agent that re-runs the scanner before it opens the request is useful, and no evidence.",
    )
    case = by_ai(
        "good-agent-then-pipeline",
        "good",
        "The agent fixed, the pipeline scanned",
        "Fix the shell\n",
        author=AGENT,
    )
    case.fact("fix.agent_run", "run-4711").fact("after.0.uploader", "ci").fact(
        "after.0.uploader_kind", "service"
    )
    case.expect(
        shows="A deterministic engine in the pipeline is independent, whatever vendor wrote the fix."
    )
    case = shop.case(
        "bad-author-uploads", "bad", "The author uploads the scan", SHOP, GOOD, SHELL_REF
    )
    case.fact("after.0.source", "declared").fact("after.0.uploader", "dev@example.org").fact(
        "after.0.uploader_kind", "human"
    )
    case.expect("fail", stops="INDEPENDENCE")
    case = shop.case(
        "good-colleague-uploads", "good", "Somebody else uploads the scan", SHOP, GOOD, SHELL_REF
    )
    case.fact("after.0.source", "declared").fact("after.0.uploader", "ops@example.org").fact(
        "after.0.uploader_kind", "human"
    )
    case.setup = "upload by hand, facts declared"
    case.expect()
