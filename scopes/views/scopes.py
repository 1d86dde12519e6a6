"""The audit log."""

from typing import Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from core.events import SYSTEM_CHAIN, chain_of
from core.history import tell
from core.listing import listing
from core.models import ChainHead, Event, InstallationRole
from core.views import person
from scopes.filters import EventFilter
from scopes.models import Scope

MOST_CHAINS = 200


@require_GET
def audit(request: HttpRequest) -> HttpResponse:
    scopes = {s.pk: s for s in Scope.objects.visible_to(request.user).order_by("name")}
    mine = Q(scope_id__in=list(scopes)) | Q(chain=SYSTEM_CHAIN, actor_id=request.user.pk)
    if person(request).installation_role == InstallationRole.ADMIN:
        mine |= Q(chain=SYSTEM_CHAIN)
    listed = listing(
        request, EventFilter, Event.objects.filter(mine).select_related("actor").order_by("-id")
    )
    context = {
        "listed": listed,
        "rows": [
            {"told": t, "scope": scopes.get(t.event.scope_id or 0)} for t in tell(listed.page.rows)
        ],
        "scopes": list(scopes.values()),
        "chains": _chains(scopes),
    }
    return render(request, "audit.html", context)


def _chains(scopes: dict[int, Scope]) -> list[dict[str, Any]]:
    """The heads of the chains in sight, and whether each seals the last event that is there."""
    names = {chain_of(pk): scope for pk, scope in list(scopes.items())[:MOST_CHAINS]}
    heads = list(ChainHead.objects.filter(chain__in=names).order_by("chain"))
    wanted = Q(pk__in=[])
    for head in heads:
        wanted |= Q(chain=head.chain, seq=head.seq)
    last = {event.chain: event for event in Event.objects.filter(wanted).defer("data")}
    return [
        {
            "scope": names[head.chain],
            "head": head,
            "at": last[head.chain].at if head.chain in last else None,
            "holds": head.chain in last and last[head.chain].hash == head.hash,
        }
        for head in heads
    ]
