"""The whole map of addresses: pages (ctem/pages.py), the API (ctem/api.py), health, what is public."""

from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.urls import include, path

from forges.api.hooks import HookView
from scans.views import published


@login_not_required
def health(request: HttpRequest) -> JsonResponse:
    """Answer once the database answers."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return JsonResponse({"ok": True})


urlpatterns = [
    path("healthz", health, name="health"),
    path(".well-known/ctem-certificate-keys.json", published.keys, name="published-keys"),
    path(
        ".well-known/ctem-certificate-keys/<slug:keyid>.pub.pem",
        published.key,
        name="published-key",
    ),
    path(
        ".well-known/ctem-certificate-revocations.dsse.json",
        published.revocations,
        name="published-revocations",
    ),
    path(".well-known/ctem-gate.pyz", published.gate_program, name="published-gate"),
    path("hooks/<slug:hook>/", HookView.as_view(), name="hook"),
    path("api/", include("ctem.api")),
    path("", include("ctem.pages")),
]
