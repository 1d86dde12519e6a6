"""Taking a scan in: from a pipeline's upload, or as an order to our own runner."""

import gzip
import hashlib
import io
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import IO, Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction

from core import blobs, jobs
from core.errors import BadInput, TooLarge, WrongState
from core.events import append_event
from core.models import User
from gate import facts as gate_facts
from gate.errors import InputError
from remediations.models import Remediation
from remediations.statuses import RemediationState
from scans.models import Scan
from scans.runners import Recipe
from scans.services.attested import check_may_upload, told_facts, uploader_facts
from scans.services.recipes import check_can_start, find_recipe
from scans.statuses import FactSource, Purpose, ToolClass
from scopes.models import Asset, Line

GZIP = b"\x1f\x8b"  # how a packed file begins
SERVER_FACTS = ("source", "uploader", "uploader_kind", "attested_by")  # never the caller's to say


def blocks_of(file: UploadedFile) -> Iterator[bytes]:
    """An uploaded report block by block, unpacked if it is packed with gzip; as ``inflated``."""
    is_packed = file.read(len(GZIP)) == GZIP
    file.seek(0)
    return inflated(file, settings.MAX_REPORT_BYTES) if is_packed else file.chunks()


def inflated(packed: IO[bytes], limit: int, where: str = "file") -> Iterator[bytes]:
    """Unpack gzip (several members allowed) block by block, up to ``limit`` bytes in all.

    Raises BadInput or TooLarge, as soon as it comes to that.
    """
    left = limit
    try:
        with gzip.GzipFile(fileobj=packed) as file:
            while block := file.read(min(blobs.BLOCK, left + 1)):
                if len(block) > left:
                    raise TooLarge(where, f"unpacks to more than allowed (> {limit} bytes)")
                left -= len(block)
                yield block
    except (OSError, EOFError, zlib.error) as error:
        raise BadInput(where, f"is not readable gzip: {error}") from error


def inflate(data: bytes, limit: int, where: str = "file") -> bytes:
    """Unpack gzip into memory; as ``inflated``."""
    return b"".join(inflated(io.BytesIO(data), limit, where))


def target_of(
    asset: Asset, line: Line | None, remediation: Remediation | None, control: bool
) -> tuple[Purpose, Line | None, Remediation | None]:
    if remediation is not None:
        if remediation.asset_id != asset.pk:
            raise BadInput("remediation", "is of another asset")
        if remediation.state == RemediationState.WITHDRAWN:
            raise WrongState("The fix was withdrawn.")
        return (Purpose.CONTROL if control else Purpose.FIX), None, remediation
    if line is None or line.asset_id != asset.pk:
        raise BadInput(
            "line", "a scan needs a line of the asset, or the remediation that it is evidence for"
        )
    return Purpose.LINE, line, None


def checked_facts(facts: Mapping[str, Any], by: User) -> dict[str, Any]:
    """Facts as they are kept: what was told, and what the server knows of who tells. Raises BadInput."""
    told = told_facts(facts, by)
    for name in SERVER_FACTS:
        if name in told:
            raise BadInput(f"facts.{name}", "is set by the server, from who uploads")
    checked = {**told, **uploader_facts(by)}
    try:
        gate_facts.read({"after": checked}, "facts")
    except InputError as error:
        raise BadInput(error.where, error.what) from error
    return checked


def upload_key(purpose: Purpose, target: int, content: str, facts: Mapping[str, Any]) -> str:
    text = json.dumps([purpose, target, content, facts], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def upload_scan(
    *,
    asset: Asset,
    data: bytes | Iterable[bytes],
    facts: Mapping[str, Any],
    by: User,
    at: datetime,
    line: Line | None = None,
    remediation: Remediation | None = None,
    control: bool = False,
) -> tuple[Scan, bool]:
    """Store a report with its facts and a job to read it; return the scan and whether it is new.

    ``data``: the report, whole or in blocks, which are never held together. ``facts`` are members of
    gate.evidence.ScanFacts; of a run with a verified identity they are attested, else declared. The
    same bytes, facts and target again return the first scan. Nothing of the report is read here: what
    is wrong with it shows on the scan.
    """
    check_may_upload(by, asset)
    purpose, line, remediation = target_of(asset, line, remediation, control)
    known = checked_facts(facts, by)
    blocks = [data] if isinstance(data, bytes) else data
    blob = blobs.store_stream(bounded(blocks, settings.MAX_REPORT_BYTES), at=at)
    scan = Scan(raw=blob, facts=known, source=FactSource(known["source"]))
    target = remediation.pk if remediation else line.pk if line else 0
    key = upload_key(purpose, target, blob.sha256, known)
    return store_scan(scan, "ingest", key, asset, purpose, line, remediation, by, at)


def bounded(blocks: Iterable[bytes], limit: int) -> Iterator[bytes]:
    """The same blocks. Raises BadInput where there are none, TooLarge as soon as there are too many."""
    size = 0
    for block in blocks:
        size += len(block)
        if size > limit:
            raise TooLarge("file", f"larger than allowed ({size} > {limit} bytes)")
        yield block
    if not size:
        raise BadInput("file", "is empty")


def order_scan(
    *,
    asset: Asset,
    recipe: str,
    commit: str,
    by: User | None,
    at: datetime,
    line: Line | None = None,
    remediation: Remediation | None = None,
    control: bool = False,
) -> tuple[Scan, bool]:
    """Order a scan of one commit by our own runner; its facts will be measured. ``by`` None: the system.

    Raises BadInput for an unknown recipe, a commit that is no full id, or an asset without a repository;
    WrongState for a recipe that this machine cannot start.
    """
    if by is not None:
        check_may_upload(by, asset)
    purpose, line, remediation = target_of(asset, line, remediation, control)
    if not asset.repository:
        raise BadInput("asset", "has no repository that the runner may read")
    chosen = find_recipe(asset.scope_id, recipe)
    if len(commit) not in (40, 64) or not set(commit) <= set("0123456789abcdef"):
        raise BadInput("commit", "must be a full commit id in lower case")
    check_can_start(chosen)
    if chosen.config:
        blobs.store(chosen.config, at=at)  # what the scan is done with, whatever comes later
    told = {**chosen.to_dict(), "digest": chosen.digest, "commit": commit}
    scan = Scan(recipe=told, source=FactSource.MEASURED, commit=commit)
    scan.facts = {"uploader": _runs_it(chosen, by), "uploader_kind": "runner"}
    target = remediation.pk if remediation else line.pk if line else 0
    key = upload_key(purpose, target, chosen.digest, {"commit": commit, "at": at.isoformat()})
    return store_scan(scan, "run", key, asset, purpose, line, remediation, by, at)


def _runs_it(recipe: Recipe, by: User | None) -> str:
    """Whose word the scan is, for the gate: that of who could shape what it says.

    Commit and command are fixed, so a deterministic scanner is its recipe's author's, or the product's
    own. Who may ask an agent until it misses something shapes its answer: there it is who ordered.
    """
    if recipe.tool_class == ToolClass.AGENTIC:
        return by.username if by else "schedule"
    return recipe.author or "runner"


@transaction.atomic
def store_scan(
    scan: Scan, job: str, key: str, asset: Asset, purpose: Purpose, line: Line | None,
    remediation: Remediation | None, by: User | None, at: datetime,
) -> tuple[Scan, bool]:  # fmt: skip
    scan.scope_id, scan.asset, scan.purpose, scan.line = asset.scope_id, asset, purpose, line
    scan.remediation, scan.upload_key, scan.created_at, scan.created_by = remediation, key, at, by
    scan.commit = scan.commit or str(scan.facts.get("commit", ""))
    scan.tree = str(scan.facts.get("tree", ""))
    scan.tool_class = str(scan.facts.get("tool_class", ""))
    try:
        with transaction.atomic():
            scan.save(force_insert=True)
    except IntegrityError:
        first = Scan.objects.filter(scope_id=asset.scope_id, upload_key=key).first()
        if first is None:
            raise
        return first, False
    jobs.enqueue(kind=job, subject_id=scan.pk, at=at)
    append_event(
        scope_id=scan.scope_id, action="scan.received" if job == "ingest" else "scan.ordered",
        subject="scan", subject_id=scan.pk, by=by, at=at,
        data={"asset": asset.pk, "purpose": purpose.value, "commit": scan.commit,
              "sha256": scan.raw_id, "recipe": scan.recipe.get("name")},
    )  # fmt: skip
    return scan, True
