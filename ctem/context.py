"""What every page carries: navigation with the one count that matters everywhere."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from findings.open_counts import open_by_status
from findings.statuses import Status
from scopes.services.setting_up import is_fresh

COUNT_LIMIT = 99  # told no further
NAVIGATION = (  # address, words, icon, names of pages below it
    ("home", "My work", "house", ()),
    ("overview", "Overview", "chart-column", ("changes",)),
    ("findings", "Findings", "shield-alert", ("finding", "certificate")),
    ("campaigns", "Campaigns", "flag", ("campaign", "campaign-new")),
    ("remediations", "Fixes", "git-pull-request", ("remediation", "remediation-review")),
    ("verification-queue", "Verification", "shield-check", ("verification",)),
    ("scans", "Scans", "radar", ("scan",)),
    (
        "assets",
        "Assets",
        "hash",
        ("asset", "asset-evidence", "asset-snippets", "coverage-gaps", "inbox", "inbox-report"),
    ),
    (
        "scopes",
        "Scopes",
        "layers",
        (
            "scope-settings",
            "scope-import",
            "scope-import-run",
            "scope",
            "scope-policy",
            "scope-policy-try",
            "scope-policy-put",
            "scope-priority",
            "service-accounts",
            "members",
            "feeds",
        ),
    ),
    (
        "integrations",
        "Integrations",
        "link-2",
        (
            "connection",
            "connection-new",
            "webhooks",
            "webhook-new",
            "webhook",
            "trackers",
            "tracker-new",
            "tracker",
        ),
    ),
    ("reports", "Reports", "file-text", ("period-report", "period-report-findings")),
    ("audit", "Audit", "scroll-text", ()),
)
KEYS = {  # page → the letter that goes there after g
    "home": "h",
    "findings": "f",
    "campaigns": "c",
    "remediations": "r",
    "verification-queue": "v",
    "scans": "s",
    "assets": "a",
    "scopes": "o",
    "integrations": "i",
    "audit": "u",
}


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of the navigation. ``current``: page, or true for a page below it, or nothing."""

    url: str
    words: str
    icon: str
    current: str
    count: str = ""
    count_means: str = ""
    key: str = ""


def shell(request: HttpRequest) -> dict[str, Any]:
    """Return the navigation of who is signed in; nothing for the anonymous. One statement."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"navigation": [], "is_fresh": is_fresh}
    at = request.resolver_match.url_name if request.resolver_match else ""
    n = open_by_status(request).get(Status.AWAITING_VERIFICATION, 0)
    count = f"{COUNT_LIMIT}+" if n > COUNT_LIMIT else str(n)
    return {
        "navigation": [
            Item(
                url=reverse(name) + ("?view=default" if name == "findings" else ""),
                words=words,
                icon=icon,
                current="page" if at == name else "true" if at in below else "",
                count=count if n and name == "verification-queue" else "",
                count_means="awaiting verification",
                key=KEYS.get(name, ""),
            )
            for name, words, icon, below in NAVIGATION
        ]
    }
