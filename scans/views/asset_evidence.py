"""The evidence page of an asset: which facts arrive from where, what they are worth, what would help."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_GET

from scans.models import Scan
from scans.owners import owner_of
from scans.services.rehearsal import rehearse
from scans.services.unknowns import causes_of, weeks_of
from scopes.models import Asset

# member of a scan's facts → what people call it, in the order of the page
FACTS = {
    "commit": "the commit",
    "tree": "its tree",
    "parents": "its parents",
    "scope": "full or of the diff",
    "category": "its category",
    "finished_at": "when it ended",
    "uploader": "who made it",
    "exit_code": "how it ended",
    "config_digest": "its configuration",
    "command": "its command",
    "rules": "the rules that were on",
    "files_scanned": "the files it read",
    "blobs": "blobs of the files",
}
SOURCES = {
    "measured": "our wrapper or runner saw it",
    "attested": "a signed identity of the pipeline says so",
    "fetched": "the code host says so",
    "declared": "somebody said so",
}


@dataclass(frozen=True, slots=True)
class Arriving:
    """What is known beside the report of one tool's newest scan."""

    scan: Scan
    meaning: str
    facts: list[tuple[str, bool]]


@require_GET
def asset_evidence(request: HttpRequest, pk: int) -> HttpResponse:
    rows = Asset.objects.visible_to(request.user).select_related("scope__policy")
    asset = get_object_or_404(rows, pk=pk)
    now = timezone.now()
    setups = rehearse(asset, at=now)
    weeks = weeks_of([asset], at=now)
    context = {
        "asset": asset,
        "arriving": [_arriving(setup.scan) for setup in setups],
        "setups": [{"setup": setup, "tried": _tried(setup.rehearsed)} for setup in setups],
        "weeks": weeks,
        "judged": sum(week.judged for week in weeks),
        "causes": causes_of(weeks),
    }
    return render(request, "assets/evidence.html", context)


def _arriving(scan: Scan) -> Arriving:
    known = {name for name in FACTS if scan.facts.get(name) not in (None, "", [], {})}
    if scan.commit:
        known.add("commit")
    return Arriving(
        scan, SOURCES[scan.source], [(words, name in known) for name, words in FACTS.items()]
    )


def _tried(rehearsed: Any) -> list[Mapping[str, Any]]:
    """The answers for each writer, each missing check with who can supply it."""
    return [
        {
            "answer": answer,
            "missing": [
                {**check, "owner": owner_of(check["id"], check.get("outcome", ""))}
                for check in answer.missing
            ],
        }
        for answer in rehearsed
    ]
