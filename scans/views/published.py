"""What anybody may have without signing in: the public keys of certificates, what was revoked, the gate.

Nothing here is secret, and nothing here names a finding: keys, digests of certificates and times, and
the gate's own source as a program, which every bundle carries as well.
"""

import hashlib
from functools import lru_cache

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe

from gate import dsse
from gate.bundle import pack
from gate.statement import gate_source
from scans import certificates
from scans.services.revocations import published_revocations


@login_not_required
@require_safe
def keys(request: HttpRequest) -> HttpResponseBase:
    """The key list: a JSON Web Key Set with PEMs, validity and state."""
    listed = certificates.key_list()
    if listed is None:  # reading makes no key
        raise Http404
    return _public(request, listed.to_bytes(), "application/jwk-set+json", seconds=300)


@login_not_required
@require_safe
def key(request: HttpRequest, keyid: str) -> HttpResponseBase:
    """One public key as openssl reads it."""
    raw = certificates.public_keys().get(keyid)
    if raw is None:
        raise Http404
    return _public(request, dsse.to_pem(raw), "application/x-pem-file", seconds=300)


@login_not_required
@require_safe
def revocations(request: HttpRequest) -> HttpResponseBase:
    """The signed list of all revoked certificates, as of this minute."""
    now = timezone.now()
    signer = certificates.usable(certificates.key_list(), now)
    if signer is None:
        raise Http404
    data = published_revocations(signer, now)
    return _public(request, data, "application/vnd.dsse+json", seconds=60)


@login_not_required
@require_safe
def gate_program(request: HttpRequest) -> HttpResponseBase:
    """The gate that judges here, as one file that Python runs: pipelines measure with it."""
    return _public(request, _program(), "application/zip", seconds=300)


@lru_cache(maxsize=1)
def _program() -> bytes:
    """The gate with its data. Without compiled modules, unlike gate.pyz: no Python is preferred."""
    start = b"import sys\n\nfrom gate.__main__ import main\n\nsys.exit(main(sys.argv[1:]))\n"
    return pack({"__main__.py": start, **gate_source()})


def _public(request: HttpRequest, data: bytes, kind: str, *, seconds: int) -> HttpResponseBase:
    """Answer what caches may keep for a while; unchanged: 304."""
    etag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
    response = HttpResponse(data, content_type=kind)
    response["ETag"] = etag
    response["Cache-Control"] = f"public, max-age={seconds}"
    response["Access-Control-Allow-Origin"] = "*"
    return get_conditional_response(request, etag=etag, response=response) or response
