"""What the database and the signatures should make impossible, looked for all the same.

Reads only. For the nights, for restored backups, and for databases that somebody wrote to past
their constraints; each finding of these functions is one sentence that names the row.
"""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.db.models import Exists, F, OuterRef, Q

from core import blobs
from core.errors import Unavailable
from core.models import Blob
from findings.models import Attachment, Finding
from findings.statuses import Status
from gate import certificate
from gate.certificate import Key
from gate.errors import InputError
from gate.rejudging import other_gate
from remediations.models import Proposal, Remediation
from scans.certificates import key_list
from scans.ingest.records import digest
from scans.models import Clearance, Scan, Verification
from scans.services.clearances import bundle

UNREADABLE = (OSError, EOFError, zlib.error)  # a file that is gone, cut short, or not gzip


def broken_closures() -> Iterator[str]:
    """Yield a sentence for each row that does not hold: findings, clearances, evidence, files.

    Raises Unavailable where the stored files do not answer: that says nothing of any of them.
    """
    yield from _findings()
    yield from _clearances()
    yield from _verifications()
    yield from _certificates()
    yield from _files()


def _findings() -> Iterator[str]:
    for finding in Finding.objects.exclude(status__in=list(Status)).order_by("pk"):
        yield f"{finding}: there is no status {finding.status!r}"
    proof = Clearance.objects.filter(
        pk=OuterRef("clearance_id"), finding_id=OuterRef("pk"), live=True,
        verification__finding_id=F("finding_id"), verification__remediation_id=F("remediation_id"),
        verification__verdict="pass", verification__with_merge=True,
    )  # fmt: skip
    proven = Q(Exists(proof), clearance_live=True, verified_at__isnull=False)
    for finding in Finding.objects.complete().exclude(proven).order_by("pk"):
        yield (f"{finding}: complete without a live clearance of its own whose verification passed "
               "on what merged")  # fmt: skip
    empty = Q(clearance_id__isnull=True, clearance_live__isnull=True, verified_at__isnull=True)
    ended = Finding.objects.exclude(status=Status.MOBILIZATION_COMPLETE).exclude(empty)
    for finding in ended.order_by("pk"):
        yield f"{finding}: {finding.status}, yet it carries a clearance or a date of proof"


def _clearances() -> Iterator[str]:
    holder = Finding.objects.complete().filter(
        pk=OuterRef("finding_id"), clearance_id=OuterRef("pk")
    )
    for clearance in Clearance.objects.filter(~Exists(holder), live=True).order_by("pk"):
        yield f"clearance {clearance.pk}: live, but CTEM-{clearance.finding_id} is not complete by it"
    unexplained = Clearance.objects.filter(live=False).filter(
        Q(revoked_at__isnull=True) | Q(revoked_reason="")
    )
    for clearance in unexplained.order_by("pk"):
        yield f"clearance {clearance.pk}: not live, and nothing says when and why it was revoked"
    unsigned = Clearance.objects.filter(live=False, revocation__isnull=True)
    for pk in unsigned.order_by("pk").values_list("pk", flat=True):
        yield f"clearance {pk}: revoked, and no signed statement tells it to auditors"


def _verifications() -> Iterator[str]:
    """Judgements that are not what they were sealed as, or whose evidence has no row."""
    stored = set(Blob.objects.values_list("pk", flat=True))
    for row in Verification.objects.order_by("pk").iterator(chunk_size=200):
        if digest(row.judgement) != row.judgement_sha256:
            yield f"verification {row.pk}: the judgement was changed after it was sealed"
        told = (row.judgement["verdict"], *(row.judgement["lamps"][k] for k in ("safe", "right")))
        if told != (row.verdict, row.safe, row.right):
            yield f"verification {row.pk}: says {row.verdict}, its judgement says {told[0]}"
        for sha256 in _evidence(row.inputs):
            if sha256 not in stored:
                yield f"verification {row.pk}: its evidence {sha256[:12]} is not stored"


def _evidence(inputs: Mapping[str, Any]) -> list[str]:
    documents = [document["sha256"] for document in inputs["documents"]]
    return [sha256 for sha256 in (*documents, inputs["diff"]) if sha256]


def _certificates() -> Iterator[str]:
    listed = key_list()
    keys = listed.keys if listed else ()
    rows = Clearance.objects.select_related("verification__policy", "revoked_by")
    for clearance in rows.order_by("pk").iterator(chunk_size=50):
        try:
            problems = list(_certificate_problems(clearance, keys))
        except Unavailable:
            raise
        except (InputError, KeyError, *UNREADABLE) as error:
            problems = [str(error)]
        for problem in problems:
            yield (f"clearance {clearance.pk} (CTEM-{clearance.finding_id}): the certificate does "
                   f"not verify: {problem}")  # fmt: skip


def _certificate_problems(clearance: Clearance, keys: Sequence[Key]) -> Iterator[str]:
    """Verify a certificate as an auditor would, and hold it against the row that keeps it.

    Of one that another release judged, another judgement is no fault: only that release repeats it.
    """
    raw = {key.keyid: key.raw for key in keys}
    said = certificate.open_envelope(clearance.certificate.encode(), raw)
    predicate = said["predicate"]
    if predicate["finding"]["id"] != f"CTEM-{clearance.finding_id}":
        yield f"it is of {predicate['finding']['id']}"
    if predicate["judgement"] != clearance.verification.judgement:
        yield f"it certifies another judgement than verification {clearance.verification_id}"
    excused = {"revocation"} if not clearance.live else set()
    if _judged_by_another_release(predicate):
        excused |= {"inputs", "judgement"}
    for step in certificate.verify_bundle(bundle(clearance), raw, lives=keys).steps:
        if not step.ok and step.step not in excused:
            yield f"{step.step}: {step.sentence}"


def _judged_by_another_release(predicate: Mapping[str, Any]) -> bool:
    return bool(other_gate(predicate))


def _files() -> Iterator[str]:
    """Stored files that are gone or changed, and rows whose file was never stored."""
    for sha256 in Blob.objects.order_by("pk").values_list("pk", flat=True):
        try:
            blobs.verify(sha256)
        except Unavailable:
            raise
        except UNREADABLE as error:
            yield f"file {sha256}: cannot be read as it was stored ({error})"
    scans = Scan.objects.filter(~Exists(Blob.objects.filter(pk=OuterRef("raw_id"))))
    for pk in scans.filter(raw__isnull=False).order_by("pk").values_list("pk", flat=True):
        yield f"scan {pk}: its report is not stored"
    fixes = Remediation.objects.filter(~Exists(Blob.objects.filter(pk=OuterRef("diff_id"))))
    for pk in fixes.filter(diff__isnull=False).order_by("pk").values_list("pk", flat=True):
        yield f"FIX-{pk}: its diff is not stored"
    files = Attachment.objects.filter(~Exists(Blob.objects.filter(pk=OuterRef("blob_id"))))
    for finding, number in files.order_by("pk").values_list("finding_id", "number"):
        yield f"CTEM-{finding}: its file {number} is not stored"
    yield from _proposed()


def _proposed() -> Iterator[str]:
    """Proposed fixes whose change was never stored."""
    for name in ("diff", "replacements"):
        stored = Exists(Blob.objects.filter(pk=OuterRef(f"{name}_id")))
        lost = Proposal.objects.filter(~stored, **{f"{name}__isnull": False})
        for pk in lost.order_by("pk").values_list("pk", flat=True):
            yield f"OFFER-{pk}: its {name} is not stored"
