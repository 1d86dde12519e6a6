"""Where words lead to: findings, fixes, assets, scopes, views, pages. Each look-up is bounded, whatever the size.

Numbers, CVE and CWE are looked up by index; other words, and fingerprints, among the most urgent
findings and the newest fixes.
"""

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q
from django.urls import reverse

from core.models import User
from core.text import is_clean
from findings.models import Campaign, Finding, FindingCve, SavedView
from remediations.models import Remediation
from scans.models import Scan
from scopes.models import Asset, Scope

LONGEST = 200  # characters that are looked for
OF_A_KIND = 5  # hits that are shown
MOST_FINDINGS, MOST_FIXES = 3_000, 500  # in which words are looked for
NUMBER = re.compile(r"^(?i:(ctem|fix|scan)[- ]?)?([0-9]{1,18})$")
CVE = re.compile(r"^(?i:cve-[0-9]{4}-[0-9]{4,19})$")
CWE = re.compile(r"^(?i:cwe-?)([0-9]{1,6})$")
PRINT = re.compile(r"^[0-9a-f]{6,64}$")
PAGES = (  # name of the address, what follows it, words, other words that lead there
    ("home", "", "My work", "home start queues"),
    ("findings", "?view=default", "Findings", "list weaknesses"),
    ("views", "", "Saved views", "columns default filters"),
    ("campaigns", "", "Campaigns", "goals"),
    ("remediations", "", "Fixes", "remediations proposals"),
    ("verification-queue", "", "Verification queue", "second loop awaiting"),
    ("scans", "", "Scans", "imports uploads reports"),
    ("assets", "", "Assets", "repositories hosts images"),
    ("coverage-gaps", "", "Coverage gaps", "not scanned stale"),
    ("inbox", "", "Inbox of reports", "unknown assets"),
    ("scopes", "", "Scopes", "services programmes"),
    ("feeds", "", "Feeds", "kev epss cwe"),
    ("integrations", "", "Integrations", "code hosts github gitlab"),
    ("webhooks", "", "Webhooks", "integrations"),
    ("trackers", "", "Trackers", "tickets jira servicenow"),
    ("audit", "", "Audit", "events log chain"),
    ("last-closed", "", "The last findings that an AI fixed", "question scanned before merge"),
    ("profile", "", "My profile and notices", "settings mail"),
)
ACTIONS = (
    ("findings", "?open=true&mine=true", "Show what is mine", "assigned to me"),
    ("findings", "?open=true&due=overdue", "Show what is overdue", "sla late"),
    ("findings", "?open=true&kev=true", "Show what is known to be exploited", "kev"),
    ("findings-export", "?open=true", "Export open findings", "csv xlsx json download"),
    ("views", "", "Save a view of the findings", "filter"),
    ("upload", "", "Upload a report", "sarif file scan import"),
    ("tokens", "", "Make an API token", "key curl"),
    ("connection-new", "", "Connect a code host", "github gitlab"),
    ("tracker-new", "", "Connect a tracker", "jira tickets"),
    ("webhook-new", "", "Make a webhook", "chat slack"),
)


@dataclass(frozen=True, slots=True)
class Hit:
    """One place that words lead to. ``kind`` is said beside it."""

    kind: str
    words: str
    detail: str
    url: str

    def to_dict(self) -> dict[str, str]:
        return asdict(self)


def find(user: User, words: str) -> list[Hit]:
    """Return where ``words`` lead to, best first, of what ``user`` may see; nothing: pages and actions."""
    words = " ".join(words.split())[:LONGEST]
    if not words:
        return [*_fixed("page", PAGES, []), *_fixed("action", ACTIONS, [])]
    if not is_clean(words):
        return []
    parts = words.casefold().split()
    hits = [*_by_number(user, words), *_by_name(user, words)]
    if not hits or not hits[0].words.startswith(("CTEM-", "FIX-")):
        hits += _by_words(user, words.casefold())
    hits += [
        *_places(user, words),
        *_fixed("page", PAGES, parts)[:OF_A_KIND],
        *_fixed("action", ACTIONS, parts)[:OF_A_KIND],
    ]
    hits.append(_search(words))
    return list(dict.fromkeys(hits))


def _search(words: str) -> Hit:
    url = f"{reverse('findings')}?{urlencode({'q': words})}"
    return Hit("search", f"Findings with “{words}”", "in the list", url)


def _fixed(kind: str, places: Iterable[tuple[str, str, str, str]], parts: list[str]) -> list[Hit]:
    return [
        Hit(kind, words, "", reverse(name) + rest)
        for name, rest, words, more in places
        if all(part in f"{words} {more}".casefold() for part in parts)
    ]


def _of_finding(row: Finding) -> Hit:
    detail = f"{row.severity} · {row.status.replace('_', ' ')} · {row.place}"
    return Hit("finding", f"{row} {row.title}", detail, row.get_absolute_url())


def _of_fix(row: Remediation) -> Hit:
    return Hit("fix", f"{row} {row.title}", str(row.state), row.get_absolute_url())


def _shown(rows: Any) -> list[Hit]:
    told = rows.only("title", "severity", "status", "path", "start_line").order_by(
        "-priority_score", "-pk"
    )
    return [_of_finding(row) for row in told[:OF_A_KIND]]


def _by_number(user: User, words: str) -> list[Hit]:
    told = NUMBER.match(words)
    if told is None:
        return []
    kind, pk = (told[1] or "").casefold().strip("- "), int(told[2])
    hits = _shown(Finding.objects.visible_to(user).filter(pk=pk)) if kind in ("", "ctem") else []
    if kind in ("", "fix"):
        fixes = Remediation.objects.visible_to(user).filter(pk=pk)
        hits += [_of_fix(row) for row in fixes.only("title", "state")]
    if kind in ("", "scan"):
        scans = Scan.objects.visible_to(user).filter(pk=pk).select_related("asset")
        hits += [
            Hit("scan", f"Scan {row.pk} of {row.asset}", row.state, reverse("scan", args=[row.pk]))
            for row in scans.only("state", "asset__name")
        ]
    return hits


def _by_name(user: User, words: str) -> list[Hit]:
    """What names a weakness: the list that it filters, and the first of it."""
    if CVE.match(words):
        name = words.upper()
        listed = Hit("search", f"Findings that name {name}", "", _list(cve=name))
        ids = FindingCve.objects.filter(cve=name).values("finding_id")
        return [*_shown(Finding.objects.visible_to(user).filter(pk__in=ids)), listed]
    if told := CWE.match(words):
        name = f"CWE-{told[1]}"
        return [Hit("search", f"Findings that are {name}", "", _list(cwe=name))]
    return []


def _list(**filters: str) -> str:
    return f"{reverse('findings')}?{urlencode(filters)}"


def _by_words(user: User, words: str) -> list[Hit]:
    """Findings with the words in title, rule or path, or the beginning of their fingerprint; fixes by title."""
    ids = list(Scope.objects.visible_to(user).values_list("pk", flat=True))
    ranked = Finding.objects.in_scopes(ids).order_by("-priority_score", "-pk")
    is_print, found = PRINT.match(words) is not None, []
    for pk, told, *texts in ranked.values_list("pk", "original_sha256", "title", "rule", "path")[
        :MOST_FINDINGS
    ]:
        if (is_print and told.startswith(words)) or any(words in t.casefold() for t in texts):
            found.append(pk)
            if len(found) == OF_A_KIND:
                break
    hits = _shown(Finding.objects.filter(pk__in=found)) if found else []
    newest = (
        Remediation.objects.visible_to(user).order_by("-pk").only("title", "state", "head_commit")
    )
    fixes = [
        row
        for row in newest[:MOST_FIXES]
        if words in row.title.casefold() or (is_print and row.head_commit.startswith(words))
    ]
    return hits + [_of_fix(row) for row in fixes[:OF_A_KIND]]


def _places(user: User, words: str) -> list[Hit]:
    scopes = Scope.objects.visible_to(user).filter(
        Q(name__icontains=words) | Q(slug__icontains=words)
    )
    assets = Asset.objects.visible_to(user).filter(name__icontains=words).select_related("scope")
    views = SavedView.objects.visible_to(user).filter(name__icontains=words).select_related("scope")
    campaigns = Campaign.objects.visible_to(user).filter(name__icontains=words)
    return [
        *(Hit("scope", str(row), "", reverse("scope", args=[row.slug]))
          for row in scopes.order_by("name")[:OF_A_KIND]),
        *(Hit("asset", str(row), str(row.scope), reverse("asset", args=[row.pk]))
          for row in assets.order_by("name")[:OF_A_KIND]),
        *(Hit("view", str(row), str(row.scope or "mine"), row.get_absolute_url())
          for row in views.order_by("name")[:OF_A_KIND]),
        *(Hit("campaign", str(row), "", row.get_absolute_url())
          for row in campaigns.order_by("-pk")[:OF_A_KIND]),
    ]  # fmt: skip
