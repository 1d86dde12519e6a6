"""The closure certificate as people read it, and its downloads."""

import json
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from findings.models import Finding
from findings.views.findings import visible_finding
from gate import dsse
from gate.certificate import certificate_digest
from scans.certificates import key_list, public_keys
from scans.models import Clearance
from scans.services.handouts import FORMS, handout
from scans.views.judgements import lamps


def _clearance(request: HttpRequest, pk: int) -> tuple[Finding, Clearance, list[Clearance]]:
    """Return a finding's certificate that counts: the live one, else the newest revoked; else 404."""
    finding = visible_finding(request, pk)
    rows = Clearance.objects.filter(finding=finding).select_related(
        "remediation", "verification__finding", "verification__policy", "revoked_by", "revocation"
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
    listed = key_list()
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
        "key": listed.by_id().get(clearance.key_id) if listed else None,
        "sources": predicate.get("sources", {}),
        "published": [
            request.build_absolute_uri(reverse(name))
            for name in ("published-keys", "published-revocations")
        ],
    }
    return render(request, "certificates/detail.html", context)


def _moments(predicate: dict[str, Any]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Which scans answered which of the two questions, and when."""
    told = predicate.get("verification", {}).get("moments", {})
    questions = (("gone", "Original gone?"), ("new", "Nothing new?"))
    return [(words, told.get(name) or []) for name, words in questions]


@require_GET
def file(request: HttpRequest, pk: int, form: str) -> HttpResponse:
    """Hand out the certificate: signed envelope, auditor's bundle, VEX, or its revocation."""
    finding, clearance, _ = _clearance(request, pk)
    found = handout(clearance, form) if form in FORMS else None
    if found is None:
        raise Http404
    return _file(found.data, found.kind, f"{finding}.{found.ending}")


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
