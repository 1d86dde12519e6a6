"""The closure certificate as people read it, and its downloads."""

import json
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from findings.models import Finding
from findings.views import visible_finding
from gate import dsse
from gate.certificate import certificate_digest
from scans.certificates import public_keys
from scans.models import Clearance
from scans.services.clearances import bundle
from scans.views.judgements import lamps


def _clearance(request: HttpRequest, pk: int) -> tuple[Finding, Clearance, list[Clearance]]:
    """Return a finding's certificate that counts: the live one, else the newest revoked; else 404."""
    finding = visible_finding(request, pk)
    rows = Clearance.objects.filter(finding=finding).select_related(
        "remediation", "verification__finding", "verification__policy", "revoked_by"
    )
    clearances = list(rows.order_by("-live", "-pk"))
    if not clearances:
        raise Http404
    return finding, clearances[0], clearances[1:]


@require_GET
def certificate(request: HttpRequest, pk: int) -> HttpResponse:
    finding, clearance, older = _clearance(request, pk)
    envelope = clearance.certificate.encode()
    said: dict[str, Any] = json.loads(dsse.decode(envelope).payload)
    predicate = said["predicate"]
    key = public_keys().get(clearance.key_id)
    context = {
        "finding": finding,
        "clearance": clearance,
        "older": older,
        "said": said,
        "predicate": predicate,
        "lamps": lamps([clearance.verification]),
        "scans": predicate.get("verification", {}).get("scans", []),
        "moments": _moments(predicate),
        "inputs": predicate.get("verification", {}).get("inputs", []),
        "digest": certificate_digest(envelope),
        "fingerprint": dsse.fingerprint(key) if key else "",
    }
    return render(request, "certificates/detail.html", context)


def _moments(predicate: dict[str, Any]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Which scans answered which of the two questions, and when."""
    told = predicate.get("verification", {}).get("moments", {})
    questions = (("gone", "Original gone?"), ("new", "Nothing new?"))
    return [(words, told.get(name) or []) for name, words in questions]


@require_GET
def envelope(request: HttpRequest, pk: int) -> HttpResponse:
    """Hand out the signed certificate alone."""
    finding, clearance, _ = _clearance(request, pk)
    return _file(clearance.certificate.encode(), "application/json", f"{finding}.dsse.json")


@require_GET
def certificate_bundle(request: HttpRequest, pk: int) -> HttpResponse:
    """Hand out the auditor's archive: certificate, keys, evidence, policy, the gate's source."""
    finding, clearance, _ = _clearance(request, pk)
    return _file(bundle(clearance), "application/zip", f"{finding}.zip")


@require_GET
def key(request: HttpRequest, pk: int) -> HttpResponse:
    """Hand out the public key that the certificate was signed with."""
    _, clearance, _ = _clearance(request, pk)
    raw = public_keys().get(clearance.key_id)
    if raw is None:
        raise Http404
    name = f"ctem-{clearance.key_id}.pub.pem"
    return _file(dsse.to_pem(raw), "application/x-pem-file", name)


def _file(data: bytes, kind: str, name: str) -> HttpResponse:
    response = HttpResponse(data, content_type=kind)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
