"""Taking a scan in: from a pipeline's upload, or as an order to our own runner."""

import gzip
import hashlib
import io
import json
import zlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction

from core import blobs, jobs
from core.errors import BadInput, TooLarge, WrongState
from core.events import append_event
from core.models import User, UserKind
from core.permissions import Permission
from gate import facts as gate_facts
from gate.errors import InputError
from remediations.models import Remediation
from remediations.statuses import RemediationState
from scans.models import Scan
from scans.runners import recipe_named
from scans.statuses import FactSource, Purpose
from scopes.access import check_may
from scopes.models import Asset, Line

SERVER_FACTS = ("source", "uploader", "uploader_kind")  # never the caller's to say


def inflate(data: bytes, limit: int, where: str = "file") -> bytes:
    """Unpack gzip (several members allowed) up to ``limit`` bytes. Raises BadInput or TooLarge."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            unpacked = file.read(limit + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise BadInput(where, f"is not readable gzip: {error}") from error
    if len(unpacked) > limit:
        raise TooLarge(where, f"unpacks to more than allowed (> {limit} bytes)")
    return unpacked


def _target(
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


def _checked_facts(facts: Mapping[str, Any], by: User, source: FactSource) -> dict[str, Any]:
    for name in SERVER_FACTS:
        if name in facts:
            raise BadInput(f"facts.{name}", "is set by the server, from who uploads")
    checked = {
        **facts,
        "source": source.value,
        "uploader": by.username,
        "uploader_kind": "service" if by.kind == UserKind.SERVICE else "human",
    }
    try:
        gate_facts.read({"after": checked}, "facts")
    except InputError as error:
        raise BadInput(error.where, error.what) from error
    return checked


def _upload_key(purpose: Purpose, target: int, content: str, facts: Mapping[str, Any]) -> str:
    text = json.dumps([purpose, target, content, facts], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def upload_scan(
    *,
    asset: Asset,
    data: bytes,
    facts: Mapping[str, Any],
    by: User,
    at: datetime,
    line: Line | None = None,
    remediation: Remediation | None = None,
    control: bool = False,
) -> tuple[Scan, bool]:
    """Store a report with its facts and a job to read it; return the scan and whether it is new.

    ``facts`` are members of gate.evidence.ScanFacts. The same bytes, facts and target again return
    the first scan. Nothing of the report is read here: what is wrong with it shows on the scan.
    """
    check_may(by, Permission.UPLOAD_SCAN, asset.scope_id)
    purpose, line, remediation = _target(asset, line, remediation, control)
    if not data:
        raise BadInput("file", "is empty")
    if len(data) > settings.MAX_REPORT_BYTES:
        raise TooLarge(
            "file", f"larger than allowed ({len(data)} > {settings.MAX_REPORT_BYTES} bytes)"
        )
    known = _checked_facts(facts, by, FactSource.DECLARED)
    blob = blobs.store(data, at=at)
    scan = Scan(raw=blob, facts=known, source=FactSource.DECLARED)
    target = remediation.pk if remediation else line.pk if line else 0
    key = _upload_key(purpose, target, blob.sha256, known)
    return _store(scan, "ingest", key, asset, purpose, line, remediation, by, at)


def order_scan(
    *,
    asset: Asset,
    recipe: str,
    commit: str,
    by: User,
    at: datetime,
    line: Line | None = None,
    remediation: Remediation | None = None,
    control: bool = False,
) -> tuple[Scan, bool]:
    """Order a scan of one commit by our own runner; its facts will be measured.

    Raises BadInput for an unknown recipe, a commit that is no full id, or an asset without a repository.
    """
    check_may(by, Permission.UPLOAD_SCAN, asset.scope_id)
    purpose, line, remediation = _target(asset, line, remediation, control)
    if not asset.repository:
        raise BadInput("asset", "has no repository that the runner may read")
    chosen = recipe_named(recipe)
    if len(commit) not in (40, 64) or not set(commit) <= set("0123456789abcdef"):
        raise BadInput("commit", "must be a full commit id in lower case")
    scan = Scan(
        recipe={**chosen.to_dict(), "commit": commit}, source=FactSource.MEASURED, commit=commit
    )
    scan.facts = {"uploader": by.username, "uploader_kind": "runner"}
    target = remediation.pk if remediation else line.pk if line else 0
    key = _upload_key(purpose, target, chosen.digest, {"commit": commit, "at": at.isoformat()})
    return _store(scan, "run", key, asset, purpose, line, remediation, by, at)


@transaction.atomic
def _store(
    scan: Scan, job: str, key: str, asset: Asset, purpose: Purpose, line: Line | None,
    remediation: Remediation | None, by: User, at: datetime,
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
