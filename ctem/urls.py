"""The whole map of addresses: pages (pages.py), signing in (sign_in.py), the API (api.py), what is public.

/healthz, /readyz and /metrics are answered before all this: see ctem/operators.py.
"""

from django.urls import include, path

from forges.api.hooks import HookView
from scans.views import published
from tickets.api.tracker_hooks import TrackerHookView

urlpatterns = [
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
    path("hooks/trackers/<slug:hook>/", TrackerHookView.as_view(), name="tracker-hook"),
    path("api/", include("ctem.api")),
    path("", include("ctem.sign_in")),
    path("", include("ctem.pages")),
]
