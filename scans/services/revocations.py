"""Signed revocations of certificates: made once, kept for ever, listed for everybody."""

from datetime import UTC, datetime

from core.moments import rfc3339
from gate import certificate, dsse
from scans.certificates import ISSUER, SigningKey, signing_key
from scans.models import Clearance, Revocation

FRESH = 60  # seconds; the list is signed anew each full minute, and at each revocation


def signed_revocation(
    *, envelope: bytes, finding: str, reason: str, by: str, at: datetime
) -> tuple[str, bytes]:
    """Return key id and envelope of the statement that takes a certificate back.

    It says when the clearance was revoked; the key is the one that signs now.
    """
    said = certificate.revocation(
        certificate=envelope, reason=reason, finding=finding, by=by, revoked_at=rfc3339(at)
    )
    signer = signing_key(datetime.now(UTC))
    return signer.keyid, certificate.envelope(said, signer.secret.sign, signer.keyid)


def keep_revocation(clearance: Clearance) -> Revocation:
    """Sign and store the revocation of a clearance that has just been taken back."""
    envelope = clearance.certificate.encode()
    if clearance.revoked_at is None:
        raise ValueError(f"clearance {clearance.pk} is live")
    keyid, statement = signed_revocation(
        envelope=envelope, finding=f"CTEM-{clearance.finding_id}", reason=clearance.revoked_reason,
        by=clearance.revoked_by.username if clearance.revoked_by else "system",
        at=clearance.revoked_at,
    )  # fmt: skip
    return Revocation.objects.create(
        clearance=clearance, certificate_sha256=certificate.certificate_digest(envelope),
        statement=statement.decode(), key_id=keyid, at=clearance.revoked_at,
    )  # fmt: skip


def published_revocations(signer: SigningKey, now: datetime) -> bytes:
    """Return the signed list of all revocations: which certificate and when, nothing else.

    The same bytes until the next full minute or the next revocation, by whichever process.
    """
    rows = Revocation.objects.order_by("certificate_sha256")
    revoked = dict(rows.values_list("certificate_sha256", "at"))
    minute = datetime.fromtimestamp(now.timestamp() // FRESH * FRESH, UTC)
    begun = datetime.fromisoformat(signer.key.not_before)
    as_of = max([minute, begun, *(at for at in revoked.values() if at <= now)])
    told = {digest: rfc3339(at) for digest, at in revoked.items()}
    payload = certificate.revocation_list(ISSUER, rfc3339(as_of), told)
    return dsse.seal(certificate.LIST_TYPE, payload, signer.secret.sign, signer.keyid)
