"""The list of assets at which a look is missing."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from core.listing import listing
from scans.services.coverage import assets_with_gaps, coverage_of
from scopes.expectations import BY_KIND
from scopes.filters import AssetFilter


@require_GET
def gaps(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    rows = assets_with_gaps(request.user, at=now).select_related("scope", "team")
    listed = listing(request, AssetFilter, rows.order_by("name", "id"))
    context = {
        "listed": listed,
        "rows": coverage_of(listed.page.rows, at=now),
        "defaults": [(kind, ", ".join(classes)) for kind, classes in BY_KIND.items()],
    }
    return render(request, "coverage/list.html", context)
