"""Handing out certificates: the signed envelope, or the auditor's zip around it."""

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from core.api import download
from scans.models import Clearance
from scans.services.clearances import bundle

ENVELOPE = {  # a DSSE envelope around an in-toto Statement
    "type": "object",
    "required": ["payloadType", "payload", "signatures"],
    "properties": {
        "payloadType": {"type": "string"},
        "payload": {"type": "string", "format": "byte"},
        "signatures": {"type": "array", "items": {"type": "object"}},
    },
}
FORMATS = ("envelope", "bundle")
FORMAT = OpenApiParameter(
    "format",
    OpenApiTypes.STR,
    enum=FORMATS,
    default="envelope",
    description="`bundle`: a zip that verifies offline, with all evidence and the gate's source.",
)


def certificate_of(clearance: Clearance, request: Request) -> HttpResponse:
    """Answer a clearance's certificate in the form that the query asks for."""
    form = request.query_params.get("format", "envelope")
    if form not in FORMATS:
        raise ValidationError({"format": [f"Must be one of: {', '.join(FORMATS)}."]})
    name = f"CTEM-{clearance.finding_id}-clearance-{clearance.pk}"
    if form == "bundle":
        return download(bundle(clearance), "application/zip", f"{name}.zip")
    envelope = clearance.certificate.encode()
    return download(envelope, "application/vnd.dsse+json", f"{name}.dsse.json")
