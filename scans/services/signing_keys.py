"""The life of the keys that sign certificates, each change with its event."""

from datetime import datetime

from django.db import transaction

from core.errors import Incomplete
from core.events import append_event
from core.moments import rfc3339
from gate.certificate import Key, certificate_digest
from scans import certificates
from scans.models import Clearance


@transaction.atomic
def create(*, days: int, starts: datetime | None, at: datetime) -> Key:
    """Make a key; from ``starts`` (now) on it is the one that signs."""
    key = certificates.make_key(at=at, days=days, starts=starts)
    _tell("made", key, at)
    return key


@transaction.atomic
def retire(keyid: str, *, at: datetime) -> Key:
    """Rotate: the key signs nothing more, what it signed stays good."""
    key = certificates.retire_key(keyid, at=at)
    _tell("retired", key, at)
    return key


@transaction.atomic
def revoke(keyid: str, *, since: datetime, reason: str, at: datetime) -> Key:
    """Take back a key that is no longer ours alone: what it signed since then is not believed.

    What it signed before, by our own records, is published with it; anything else that it signed
    was dated back.
    """
    if not reason.strip():
        raise Incomplete("A revocation needs a reason.")
    if since > at:
        raise Incomplete("A key is revoked as of a moment that has passed.")
    since = since.replace(microsecond=0)  # certificates tell whole seconds
    before = Clearance.objects.filter(key_id=keyid, issued_at__lt=since).order_by("pk")
    envelopes = before.values_list("certificate", flat=True).iterator(chunk_size=50)
    kept = [certificate_digest(envelope.encode()) for envelope in envelopes]
    key = certificates.revoke_key(keyid, since=since, reason=reason, certificates=kept, at=at)
    _tell("revoked", key, at, since=key.revoked_at, reason=reason, certificates=len(kept))
    return key


def affected(key: Key) -> list[Clearance]:
    """Return the live clearances whose certificates nobody believes any more."""
    rows = Clearance.objects.filter(key_id=key.keyid, live=True).order_by("finding_id")
    return [row for row in rows if key.refusal_of(_digest(row), rfc3339(row.issued_at))]


def _digest(clearance: Clearance) -> str:
    return certificate_digest(clearance.certificate.encode())


def _tell(what: str, key: Key, at: datetime, **more: str | int | None) -> None:
    listed = certificates.key_list()
    number = list(listed.by_id()).index(key.keyid) + 1 if listed else 0
    append_event(
        scope_id=None, action=f"certificate_key.{what}", subject="certificate_key", subject_id=number,
        by=None, at=at, data={"key": key.keyid, "not_before": key.not_before,
                              "not_after": key.not_after, **more},
    )  # fmt: skip
