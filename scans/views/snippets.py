"""The page of an asset with what its pipelines need to upload."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_GET

from core.permissions import Permission
from scans.snippets import snippets
from scopes.access import can
from scopes.models import Asset, LineKind, PipelineIdentity
from scopes.workloads import host_of

MOST_IDENTITIES = 50


@require_GET
def asset_snippets(request: HttpRequest, pk: int) -> HttpResponse:
    user = request.user
    rows = Asset.objects.visible_to(user).select_related("scope")
    asset = get_object_or_404(rows, pk=pk)
    line = asset.lines.get(kind=LineKind.DEFAULT)
    server = request.build_absolute_uri("/").rstrip("/")
    known = PipelineIdentity.objects.in_force().filter(asset=asset).order_by("pk")
    context = {
        "asset": asset,
        "line": line,
        "server": server,
        "snippets": snippets(
            server=server,
            tokens=request.build_absolute_uri(reverse("tokens")),
            asset=asset.pk,
            line=line.name,
            audience=settings.OIDC_AUDIENCE,
        ),
        "identities": known[:MOST_IDENTITIES],
        "issuers": [{"url": url, "host": host_of(url)} for url in settings.OIDC_ISSUERS],
        "may_add": user.is_authenticated and can(user, Permission.ADMINISTER, asset.scope_id),
    }
    return render(request, "assets/snippets.html", context)
