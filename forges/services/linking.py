"""Which findings a pull request says that it fixes: from its words alone. Pure.

A link is no proof: it says what the fix is judged for. Named findings need a word of fixing before
them in running text; in a title or a branch the name is enough. Quotes, code and comments of
templates say nothing.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

MAX_TEXT = 64 * 1024  # characters of one text that are read
_FIXES = (
    r"(?:fix(?:e[sd])?(?:\s+for)?|clos(?:e[sd]?|ing)|resolve[sd]?|remediate[sd]?|mitigate[sd]?)"
)
_NAME = r"CTEM-(\d{1,18})"
_NAMED = re.compile(rf"\b{_FIXES}[:\s]+({_NAME}\b(?:\s*(?:,|and|&)\s*{_NAME}\b)*)", re.I)
_ANY = re.compile(rf"(?<![\w-]){_NAME}\b", re.I)
_ALERT_ADDRESS = re.compile(
    rf"\b{_FIXES}[:\s]+\[?(https?://[^\s()\[\]<>]+?/(?:security/code-scanning|-/security/vulnerabilities)"
    r"/(\d{1,18}))\b",
    re.I,
)
_ALERT_SUBJECT = re.compile(r"^Potential fix for code scanning alert no\. (\d{1,18})\b", re.I)
_ALERT_BRANCH = re.compile(r"^(?:[\w.-]+/)?alert-autofix-(\d{1,18})\b", re.I)
_UNSAID = re.compile(r"<!--.*?(?:-->|\Z)|```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)|`[^`\n]*`", re.S)


@dataclass(frozen=True, slots=True)
class References:
    """Numbers of findings here, and of the host's own alerts."""

    findings: frozenset[int] = frozenset()
    alerts: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.findings or self.alerts)


def references(
    *, title: str, body: str, branch: str, messages: Iterable[str], web_url: str
) -> References:
    """What the words of a pull request and of its commits name; ``web_url`` of its repository.

    Addresses of alerts count for this very repository only.
    """
    running = [_said(text) for text in (body, *messages)]
    findings = {int(number) for text in (title, branch) for number in _ANY.findall(text[:MAX_TEXT])}
    alerts = set(_ALERT_BRANCH.findall(branch[:MAX_TEXT]))
    for text in running:
        for match in _NAMED.finditer(text):
            findings |= {int(number) for number in _ANY.findall(match[1])}
        alerts |= {n for address, n in _ALERT_ADDRESS.findall(text) if _is_of(address, web_url)}
    for subject in (title, *running):
        alerts |= set(_ALERT_SUBJECT.findall(subject))
    return References(frozenset(findings), frozenset(alerts))


def _said(text: str) -> str:
    """Running text without code, comments and quotes."""
    kept = _UNSAID.sub(" ", text[:MAX_TEXT])
    return "\n".join(line for line in kept.splitlines() if not line.lstrip().startswith(">"))


def _is_of(address: str, web_url: str) -> bool:
    return bool(web_url) and address.lower().startswith(f"{web_url.rstrip('/').lower()}/")
