"""Handing out certificates in the form that is asked for: signed envelope, auditor's zip, VEX, revocation."""

from typing import Any

from django.http import Http404, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from core.api import download
from core.openapi import PROBLEM, ProblemSerializer
from scans.models import Clearance
from scans.services.handouts import DSSE, FORMS, VEX_TYPES, handout


class SignatureSerializer(serializers.Serializer[Any]):
    """One signature of an envelope, in base64, and by which key."""

    keyid = serializers.CharField()
    sig = serializers.CharField()


class EnvelopeSerializer(serializers.Serializer[Any]):
    """A DSSE envelope; its ``payload`` is an in-toto Statement, in base64."""

    payloadType = serializers.CharField()
    payload = serializers.CharField()
    signatures = SignatureSerializer(many=True)


RESPONSES: dict[tuple[int, str], Any] = {
    (200, DSSE): EnvelopeSerializer,
    (200, "application/zip"): OpenApiTypes.BINARY,
    **{(200, kind): OpenApiTypes.OBJECT for kind in VEX_TYPES.values()},
    (409, PROBLEM): OpenApiResponse(ProblemSerializer, "VEX of what is not believed any more."),
}
ACCEPTED = {DSSE: "envelope", "application/zip": "bundle"} | {v: k for k, v in VEX_TYPES.items()}
FORMAT = OpenApiParameter(
    "format",
    OpenApiTypes.STR,
    enum=FORMS,
    description="Goes before `Accept`; without both, `envelope`. `bundle`: a zip that verifies"
    " offline, with all evidence and the gate's source. `openvex`, `cyclonedx`: the closure as VEX"
    " (409 once it is revoked). `revocation`: the signed statement that took the certificate back"
    " (404: none did).",
)


def form_of(request: Request) -> str:
    """Return the form that the query names, else the one that ``Accept`` prefers."""
    asked = request.query_params.get("format")
    if asked is None:
        return ACCEPTED.get(request._request.get_preferred_type(list(ACCEPTED)) or "", "envelope")
    if asked not in FORMS:
        raise ValidationError({"format": [f"Must be one of: {', '.join(FORMS)}."]})
    return asked


def certificate_of(clearance: Clearance, form: str) -> HttpResponse:
    """Answer a clearance's certificate in one of ``FORMS``."""
    file = handout(clearance, form)
    if file is None:
        raise Http404
    name = f"CTEM-{clearance.finding_id}-clearance-{clearance.pk}"
    response = download(file.data, file.kind, f"{name}.{file.ending}")
    response["Vary"] = "Accept"
    return response
