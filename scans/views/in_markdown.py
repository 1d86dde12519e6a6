"""Findings and fixes as Markdown, to be put into a chat or a ticket. Strangers' text has no effect there. Pure."""

from collections.abc import Callable, Iterable, Sequence

from findings.models import Finding
from gate.markdown import as_code, as_text
from remediations.models import Remediation
from scans.models import Verification
from scans.views.current import FindingRow
from scans.views.judgements import Lamp
from scans.views.next_step import NextStep

Address = Callable[[str], str]  # makes a path of ours a whole address


def _words(value: str) -> str:
    return as_text(value.replace("_", " "))


def _link(words: object, path: str, address: Address) -> str:
    return f"[{words}]({address(path)})"


def of_list(rows: Sequence[FindingRow], address: Address, here: str, more: bool) -> str:
    """Return a table of findings; ``here``: the address of the list, ``more``: it goes on."""
    lines = [
        "| Priority | Finding | Severity | Status | Safe? | Right? |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        told = row.finding
        lines.append(
            f"| {told.priority_band or '-'} | {_link(told, told.get_absolute_url(), address)} "
            f"{as_text(told.title)} · {as_text(told.asset.name)} {_place(told)} | {told.severity} "
            f"| {_words(told.status)} | {row.safe if row.fix else '-'} | {row.right if row.fix else '-'} |"
        )
    end = "The list goes on" if more else "The list"
    return "\n".join([*lines, "", f"{end}: {address(here)}", ""])


def _place(finding: Finding) -> str:
    return as_code(finding.place) if finding.place else ""


def of_finding(
    finding: Finding, verification: Verification | None, next_step: NextStep, address: Address
) -> str:
    """Return one finding: where it is, where it stands, what comes next."""
    head = _link(finding, finding.get_absolute_url(), address)
    lines = [
        f"### {head} {as_text(finding.title)}",
        "",
        f"* **Status:** {_words(finding.status)} · **Severity:** {finding.severity} · "
        f"**Priority:** {finding.priority_band or 'not set'} ({finding.priority_score})",
        f"* **Where:** {_place(finding) or 'no place'} in {as_text(finding.asset.name)}, "
        f"line {as_text(finding.line.name)}",
        f"* **Rule:** {as_text(finding.rule)} ({as_text(finding.tool)})",
    ]
    if finding.cwes:
        lines.append(f"* **Weakness:** {as_text(', '.join(map(str, finding.cwes)))}")
    if finding.due_at:
        lines.append(f"* **Due:** {finding.due_at:%Y-%m-%d}")
    if verification is not None:
        fix = verification.remediation
        told = _link(fix, fix.get_absolute_url(), address)
        lines.append(
            f"* **Safe?** {verification.safe} · **Right?** {verification.right}, under {told}"
        )
    return "\n".join([*lines, f"* **Next:** {as_text(next_step.sentence)}", ""])


def of_fix(
    fix: Remediation, findings: Iterable[Finding], lamps: Iterable[Lamp], address: Address
) -> str:
    """Return one fix: what it is for, and each check that stands in its way."""
    lines = [
        f"### {_link(fix, fix.get_absolute_url(), address)} {as_text(fix.title)}",
        "",
        f"* **State:** {_words(fix.state)} · **Written by:** {_words(fix.origin)}"
        + (f" ({as_text(fix.agent)})" if fix.agent else ""),
        f"* **Revision:** {as_code(fix.head_commit)}",
        *(
            f"* **For:** {_link(one, one.get_absolute_url(), address)} {as_text(one.title)}"
            for one in findings
        ),
    ]
    for lamp in lamps:
        lines.append(f"* **{lamp.title}** {lamp.outcome}")
        for check in (*lamp.first, *lamp.later):
            why = check.reasons[0].text if check.reasons else check.question
            lines.append(f"  * {as_code(check.id)} {check.word}: {as_text(why)}")
    return "\n".join([*lines, ""])
