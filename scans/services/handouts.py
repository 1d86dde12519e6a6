"""What leaves the house: reports as they came, a certificate in each form that pages and API hand out."""

from dataclasses import dataclass

from core import blobs
from core.errors import WrongState
from core.moments import rfc3339
from gate import certificate, derived
from gate.errors import InputError
from gate.formats import FORMATS, recognise
from scans.certificates import key_list
from scans.models import Clearance, Revocation, Scan
from scans.services.clearances import bundle

DSSE = "application/vnd.dsse+json"
VEX_TYPES = {
    "openvex": "application/vnd.openvex+json",
    "cyclonedx": "application/vnd.cyclonedx+json",
}
ENDINGS = {"application/sarif+json": "sarif", "text/csv": "csv", "application/jsonl": "jsonl"}
REPORT_KINDS = tuple(
    dict.fromkeys([*(kind.media_type for kind in FORMATS), *ENDINGS, "application/octet-stream"])
)
FORMS = ("envelope", "bundle", *VEX_TYPES, "revocation")


@dataclass(frozen=True)
class Handout:
    """A file with its media type and the end of its name."""

    data: bytes
    kind: str
    ending: str


def report_of(scan: Scan) -> Handout:
    """Return a scan's report as it came, byte for byte. Raises OSError where the file is gone."""
    data = blobs.load(scan.raw_id or "")
    try:
        kind = recognise(scan.document_name, data).media_type
    except InputError:
        return Handout(data, "application/octet-stream", "bin")
    return Handout(data, kind, ENDINGS.get(kind, "json"))


def handout(clearance: Clearance, form: str) -> Handout | None:
    """Return a certificate in one of ``FORMS``; None where there is no such thing.

    Raises WrongState for VEX of what is not believed any more.
    """
    if form == "bundle":
        return Handout(bundle(clearance), "application/zip", "zip")
    if form in VEX_TYPES:
        return Handout(vex(clearance, form), VEX_TYPES[form], f"{form}.json")
    if form == "revocation":
        statement = revocation_of(clearance)
        return Handout(statement, DSSE, "revocation.dsse.json") if statement else None
    return Handout(clearance.certificate.encode(), DSSE, "dsse.json")


def vex(clearance: Clearance, form: str) -> bytes:
    """Return the closure in the words of others. Raises WrongState where nobody would believe it.

    The certificate was judged again before it was kept; here its signature is checked once more.
    """
    if not clearance.live:
        raise WrongState(f"The certificate was revoked: {clearance.revoked_reason}")
    envelope = clearance.certificate.encode()
    listed = key_list()
    key = listed.by_id().get(clearance.key_id) if listed else None
    if listed is None or key is None:
        raise WrongState("The key of the certificate is not in the list of our keys.")
    digest = certificate.certificate_digest(envelope)
    if refusal := key.refusal_of(digest, rfc3339(clearance.issued_at)):
        raise WrongState(f"The certificate is not believed any more: {refusal}.")
    return derived.export(certificate.open_envelope(envelope, listed.raw()), form).encode()


def revocation_of(clearance: Clearance) -> bytes | None:
    """Return the signed statement that took the certificate back; None: it stands."""
    row = Revocation.objects.filter(clearance_id=clearance.pk).first()
    return row.statement.encode() if row else None
