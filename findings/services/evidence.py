"""What people bring to show that a finding is real, or one with another: words and files."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from core import blobs
from core.errors import BadInput, TooLarge, WrongState
from core.events import append_event
from core.models import Blob, User
from core.permissions import Permission
from findings.files import kind_of, safe_name
from findings.models import MAX_FILES, Attachment, Cause, Finding, ValidationEvidence
from findings.services.rescoring import rescore
from findings.services.words import text_given
from findings.statuses import OPEN, VALIDATING, EvidenceKind, Status
from scopes.access import check_may

MAX_BYTES = 10 * 1024 * 1024  # of one file


def add_evidence(
    *,
    finding: Finding,
    kind: str,
    text: str,
    by: User,
    at: datetime,
    name: str = "",
    blocks: Iterable[bytes] | None = None,
) -> ValidationEvidence:
    """Bring evidence to an open finding, with a file if ``blocks`` are given; it does not move it.

    Raises BadInput, TooLarge, WrongState, and then keeps nothing.
    """
    check_may(by, Permission.TRIAGE, finding.scope_id)
    if kind not in list(EvidenceKind):
        raise BadInput("kind", f"must be one of: {', '.join(EvidenceKind)}")
    _check_open(finding)
    words = text_given("text", text)
    data = None if blocks is None else _read(blocks)
    blob = None if data is None else blobs.store(data, at=at)
    with transaction.atomic():
        row = _add(finding, kind, words, by, at)
        if data is not None and blob is not None:
            _keep(finding, row, safe_name(name), kind_of(data), blob, by, at)
    return row


def _add(finding: Finding, kind: str, text: str, by: User, at: datetime) -> ValidationEvidence:
    row = ValidationEvidence.objects.create(finding=finding, kind=kind, text=text, at=at, by=by)
    if kind in VALIDATING:
        rescore(Finding.objects.filter(pk=finding.pk), cause=Cause.VALIDATION, at=at)
    append_event(
        scope_id=finding.scope_id, action="finding.evidence_added", subject="finding",
        subject_id=finding.pk, by=by, at=at, data={"evidence_id": row.pk, "kind": kind},
    )  # fmt: skip
    return row


def attach(
    *,
    finding: Finding,
    name: str,
    blocks: Iterable[bytes],
    by: User,
    at: datetime,
    evidence: ValidationEvidence | None = None,
) -> Attachment:
    """Keep a file with an open finding; who may comment may bring one, a developer too.

    ``evidence``: what of the same finding it belongs to. Raises BadInput, TooLarge, WrongState; what is
    refused before it is read leaves nothing.
    """
    check_may(by, Permission.CLAIM, finding.scope_id)
    _check_open(finding)
    if evidence is not None and evidence.finding_id != finding.pk:
        raise BadInput("evidence", "is of another finding")
    data = _read(blocks)
    blob = blobs.store(data, at=at)  # before the transaction: a file without a row does no harm
    return _keep(finding, evidence, safe_name(name), kind_of(data), blob, by, at)


def _read(blocks: Iterable[bytes]) -> bytes:
    """The whole file, which is small. Raises BadInput, or TooLarge as soon as it comes to that."""
    data = bytearray()
    for block in blocks:
        data += block
        if len(data) > MAX_BYTES:
            raise TooLarge("file", f"larger than allowed (> {MAX_BYTES} bytes)")
    if not data:
        raise BadInput("file", "is empty")
    return bytes(data)


@transaction.atomic
def _keep(
    finding: Finding, evidence: ValidationEvidence | None, name: str, kind: str, blob: Blob,
    by: User, at: datetime,
) -> Attachment:  # fmt: skip
    Finding.objects.select_for_update(no_key=True).get(pk=finding.pk)
    number = finding.attachments.count() + 1
    if number > MAX_FILES:
        raise WrongState(f"The finding has as many files as it may have ({MAX_FILES}).")
    row = Attachment.objects.create(
        finding=finding, scope_id=finding.scope_id, evidence=evidence, number=number, name=name,
        content_type=kind, size=blob.size, blob=blob, at=at, by=by,
    )  # fmt: skip
    append_event(
        scope_id=finding.scope_id, action="finding.file_attached", subject="finding",
        subject_id=finding.pk, by=by, at=at,
        data={"number": number, "name": name, "kind": kind, "size": blob.size, "sha256": blob.pk},
    )  # fmt: skip
    return row


def _check_open(finding: Finding) -> None:
    if finding.status not in OPEN:
        raise WrongState(f"The finding is {Status(finding.status).label}, not open.")
