"""What is asked: every list with every kind of filter and order, as one person would see it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

from django.db.models import Count, QuerySet

from core.models import User
from findings.models import Finding
from remediations.models import Remediation
from scans.models import Scan
from scopes.models import Asset, Scope

BY_ORDER = ("priority", "first_seen_at", "status_since", "id")
FIXED = (
    "open=true", "open=false", "status=discovered", "status=mobilizing",
    "status=false_positive", "status=no_longer_present", "severity=critical", "severity=low",
    "priority_band=P1", "priority_band=P4", "presence=absent", "presence=suppressed",
    "tool=CodeQL", "tool=Gitleaks", "tool_class=iac",
    "open=true&severity=low&presence=present", "open=true&severity=high&severity=critical",
    "cwe=89", "cwe=1", "assigned_to=me", "assigned_to=nobody", "q=cookie", "q=service",
    "q=nothing-like-this",
)  # fmt: skip


def addresses(user: User) -> Iterator[tuple[str, str]]:
    """Name and address of each page and each list of the API that ``user`` opens."""
    found = Finding.objects.visible_to(user)
    some = found.order_by("-pk")[found.count() // 2]
    yield "My work", "/"
    for query in _queries(user, found, some):
        yield f"Findings {_named(query)}", f"/findings/?{query}"
    yield "A finding", some.get_absolute_url()
    yield from _others(user, some)
    for query in _queries(user, found, some):
        yield f"API findings {_named(query)}", f"/api/v1/findings/?{query}"
    yield "API finding", f"/api/v1/findings/{some.pk}/"
    for name in ("remediations", "scans", "scopes", "assets", "tools", "verifications", "events"):
        yield f"API {name}", f"/api/v1/{name}/"


def _named(query: str) -> str:
    """A query without what differs from person to person."""
    parts = [part.partition("=") for part in query.split("&") if part]
    return "&".join(f"{name}={_kind(name, value)}" for name, _, value in parts) or "all"


def _kind(name: str, value: str) -> str:
    if name in ("asset", "line", "scope", "rule", "introduced_by"):
        return "…"
    if name != "q" or not ("/" in value or value.startswith("CTEM-")):
        return value
    kinds = (("CTEM-", "a number"), ("", "a rule"))
    if value.endswith("/"):
        return "a folder"
    return "a path" if value.endswith(".py") else next(k for b, k in kinds if value.startswith(b))


def _queries(user: User, found: QuerySet[Finding], some: Finding) -> Iterator[str]:
    yield ""
    yield from FIXED
    for name in BY_ORDER:
        for sign in ("", "-"):
            yield f"ordering={sign}{name}"
            yield f"open=true&ordering={sign}{name}"
    yield "status=awaiting_verification&ordering=status_since"
    yield "severity=low&ordering=first_seen_at"
    yield f"scope={some.scope_id}"
    yield f"scope={some.scope_id}&open=true&severity=low"
    for asset in _ends(Asset.objects.visible_to(user)):
        yield f"asset={asset}"
        yield f"asset={asset}&open=true&severity=low"
    yield f"line={some.line_id}"
    for rule in _rules(found):
        yield f"rule={rule}"
    brought = found.filter(introduced_by_id__isnull=False).first()
    if brought is not None:
        yield f"introduced_by={brought.introduced_by_id}"
    folder = some.path.rpartition("/")[0]
    yield from (f"q={some}", f"q={some.path}", f"q={folder}/", f"open=true&q={some.rule}")
    yield "severity=medium&q=cookie"


def _ends(rows: QuerySet[Asset]) -> list[int]:
    """The asset with the most findings and one in the middle."""
    ranked = rows.annotate(n=Count("findings")).order_by("-n").values_list("pk", flat=True)
    return [ranked[0], ranked[len(ranked) // 2]]


def _rules(found: QuerySet[Finding]) -> list[str]:
    """The most frequent rule and a rare one."""
    ranked = found.order_by().values_list("rule").annotate(n=Count("pk")).order_by("-n", "rule")
    return [ranked[0][0], ranked[len(ranked) - 1][0]]


def _others(user: User, some: Finding) -> Iterator[tuple[str, str]]:
    deep = base64.urlsafe_b64encode(json.dumps([some.priority_score, some.pk]).encode())
    yield "Findings, in the middle", f"/findings/?cursor=n{deep.decode().rstrip('=')}"
    scope = Scope.objects.visible_to(user).get(pk=some.scope_id)
    pages: dict[str, Any] = {
        "Fixes": "/remediations/", "Verification": "/verification/", "Scans": "/scans/",
        "Scopes": "/scopes/", "A scope": f"/scopes/{scope.slug}/", "Audit": "/audit/",
        "Integrations": "/integrations/",
        "A scan": Scan.objects.filter(asset=some.asset_id).latest("pk").get_absolute_url(),
    }  # fmt: skip
    fix = Remediation.objects.visible_to(user).order_by("-pk").first()
    if fix is not None:
        pages["A fix"] = fix.get_absolute_url()
    yield from pages.items()
