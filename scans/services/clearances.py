"""The one door to mobilization complete, and the way back: issue, bundle and revoke clearances."""

import io
import json
from datetime import UTC, datetime
from typing import Any

from django.db import connection, models, transaction
from django.db.models import Q

from core import blobs
from core.models import Blob, ChainHead, User
from core.moments import rfc3339
from findings.lifecycle import transition
from findings.models import Finding
from findings.statuses import Status
from gate import certificate, dsse
from gate.strict import moment
from remediations.models import Remediation
from scans.certificates import (
    ISSUER,
    key_list,
    newest_change,
    public_keys,
    published,
    signing_key,
)
from scans.models import Clearance, Revocation, Scan, Verification
from scans.results import pointers, scans_that_saw, seen_in
from scans.services.revocations import keep_revocation
from scans.statuses import Purpose, Relation

AFTER_MERGE = (Relation.CONTAINS, Relation.REWRITES)
HOLDERS = ["findings_finding", "scans_clearance"]  # tables whose deferred keys must hold now


class Unverifiable(RuntimeError):
    """A certificate that does not verify: a defect of ours or damaged evidence, never the caller's."""


def certificate_inputs(verification: Verification) -> list[certificate.Input]:
    """Return the documents that the judgement was made from, byte for byte."""
    kept = verification.inputs
    inputs = [
        certificate.Input(d["name"], d["role"], blobs.load(d["sha256"])) for d in kept["documents"]
    ]
    if kept["diff"]:
        inputs.append(certificate.Input("fix.diff", "diff", blobs.load(kept["diff"])))
    inputs.append(certificate.Input("known.json", "known", dsse.canonical_json(kept["known"])))
    inputs.append(certificate.Input("facts.json", "facts", dsse.canonical_json(kept["facts"])))
    inputs.append(certificate.Input("policy.toml", "policy", verification.policy.toml.encode()))
    return inputs


def _finding_members(finding: Finding, verification: Verification) -> dict[str, Any]:
    return {
        "id": str(finding),
        "reference": verification.inputs["finding"],
        "tool": finding.tool,
        "rule": finding.rule,
        "title": finding.title,
        "cwes": finding.cwes,
        "severity": finding.severity,
        **_original_place(finding, verification),
        "scope": finding.scope.name,
        "asset": finding.asset.name,
        "first_seen_at": rfc3339(finding.first_seen_at),
        "original": _original_members(verification),
    }


def _original_place(finding: Finding, verification: Verification) -> dict[str, Any]:
    """Where the scan before the fix saw it; a later scan of the line may have seen it elsewhere."""
    before = [d["scan"] for d in verification.inputs["documents"] if d["role"] == "before"]
    saw = next(scans_that_saw(finding.pk, before), None)
    seen = seen_in(finding.pk, saw) if saw else None
    return {"path": seen.path, "line": seen.start_line} if seen else {}


def _original_members(verification: Verification) -> dict[str, str]:
    """Where the original stands in the before report, and its digest there."""
    name, _, pointer = verification.inputs["finding"].partition("#")
    rows = [
        d for d in verification.inputs["documents"] if (d["role"], d["name"]) == ("before", name)
    ]
    if not rows:
        return {}
    report = blobs.load(rows[0]["sha256"])
    return {
        "report_sha256": rows[0]["sha256"],
        "pointer": pointer,
        "result_sha256": certificate.original_digest(report, pointer),
    }


def _remediation_members(fix: Remediation) -> dict[str, Any]:
    return {
        "id": str(fix),
        "kind": "code change",
        "repository": fix.asset.repository or fix.asset.name,
        "pull_request": fix.url,
        "base_commit": fix.base_commit,
        "base_tree": fix.base_tree,
        "head_commit": fix.head_commit,
        "head_tree": fix.head_tree,
        "merge_commit": fix.merge_commit,
        "merge_tree": fix.merge_tree,
        "changed_files": list(fix.changed_files.order_by("path").values_list("path", flat=True)),
        "authorship": {
            "origin": fix.origin,
            "agent": fix.agent,
            "model": fix.model,
            "signals": list(
                fix.signals.order_by("pk").values("kind", "agent", "confidence", "commit")
            ),
        },
    }


def _gate_source(at: datetime) -> Blob:
    """Keep the source of the gate that judged: a bundle needs it after an upgrade of the server."""
    files = {path: data.decode() for path, data in certificate.gate_source().items()}
    return blobs.store(dsse.canonical_json(files), at=at)


def _certificate_before(finding: Finding) -> str | None:
    """The digest of the last certificate of the finding, which was revoked since."""
    last = finding.clearances.order_by("-pk").values_list("certificate", flat=True).first()
    return certificate.certificate_digest(last.encode()) if last else None


def check_certificate(clearance: Clearance) -> None:
    """Verify a clearance's bundle offline, judging again. Raises Unverifiable with the failing steps."""
    listed = key_list()
    lives = listed.keys if listed else ()
    checked = certificate.verify_bundle(bundle(clearance), public_keys(), lives=lives)
    if not checked.ok:
        wrong = "; ".join(f"{step.step}: {step.sentence}" for step in checked.steps if not step.ok)
        raise Unverifiable(
            f"the certificate of CTEM-{clearance.finding_id} does not verify: {wrong}"
        )


def _certified(
    finding: Finding, fix: Remediation, verification: Verification, at: datetime
) -> tuple[str, bytes]:
    """The signed statement of a closure, with the id of the key that signed it."""
    heads = ChainHead.objects.filter(pk=f"scope:{finding.scope_id}")
    said = certificate.statement(
        finding=_finding_members(finding, verification),
        remediation=_remediation_members(fix),
        inputs=certificate_inputs(verification),
        judgement=verification.judgement,
        policy={"name": verification.policy.name, "digest": verification.policy.digest},
        issued_at=rfc3339(at),
        issued_by=ISSUER,
        decided_by="gate",
        deployed_at=rfc3339(fix.deployed_at),
        supersedes=_certificate_before(finding),
        log_head=heads.values_list("hash", flat=True).first(),
    )
    signer = signing_key(at)
    return signer.keyid, certificate.envelope(said, signer.secret.sign, signer.keyid)


@transaction.atomic
def clear(verification: Verification, *, at: datetime) -> Clearance:
    """Sign the closure and complete the finding: the only caller of the ``complete`` transition.

    The certificate is verified as an auditor would before anything is kept: what does not verify
    completes nothing.
    """
    finding = Finding.objects.select_related("scope", "asset").get(pk=verification.finding_id)
    fix = Remediation.objects.select_related("asset").get(pk=verification.remediation_id)
    keyid, envelope = _certified(finding, fix, verification, at)
    clearance = Clearance.objects.create(
        scope_id=finding.scope_id, finding=finding, remediation=fix, verification=verification,
        certificate=envelope.decode(), key_id=keyid, issued_at=at, gate=_gate_source(at),
    )  # fmt: skip
    check_certificate(clearance)
    brought = {
        "clearance_id": clearance.pk,
        "verification_id": verification.pk,
        "remediation_id": fix.pk,
        "certificate_sha256": certificate.certificate_digest(envelope),
    }
    transition(finding.pk, "complete", by=None, at=at, brought=brought)
    connection.check_constraints(HOLDERS)
    return clearance


@transaction.atomic
def revoke(clearance: Clearance, *, reason: str, by: User | None, at: datetime) -> Finding:
    """Take a clearance back and reopen its finding, in one step."""
    finding = transition(clearance.finding_id, "revoke", by=None, at=at,
                         brought={"reason": reason, "revoked_clearance_id": clearance.pk,
                                  "requested_by": by.username if by else None})  # fmt: skip
    Clearance.objects.filter(pk=clearance.pk, live=True).update(
        live=False, revoked_at=at, revoked_by=by, revoked_reason=reason
    )
    keep_revocation(Clearance.objects.select_related("revoked_by").get(pk=clearance.pk))
    connection.check_constraints(HOLDERS)
    return finding


def reopen_on_sight(
    finding: Finding, *, scan: Scan, stage: str, pointer: str, at: datetime
) -> None:
    """Reopen an ended finding that a later scan of the line reports again.

    A completed one only when the scan looked at a revision after the merge: revisions that were
    scanned before it, and the base of the fix, are older code.
    """
    where = f"{scan.document_name}#{pointer}"
    if finding.status == Status.NO_LONGER_PRESENT:
        transition(
            finding.pk,
            "reopen",
            by=None,
            at=at,
            brought={"reason": f"Seen again: {where} ({stage})."},
        )
        return
    clearance = Clearance.objects.select_related("remediation").get(finding=finding, live=True)
    of_this_scan = Scan.objects.filter(pk=scan.pk)
    if not scan.commit or _first_after_merge(of_this_scan, clearance.remediation) is None:
        return
    reason = f"{scan} of {scan.commit[:12]} reports it again ({stage}): {where}."
    revoke(clearance, reason=reason, by=None, at=at)


def reopen_seen(*, scan: Scan, remediation: Remediation, at: datetime) -> None:
    """Reopen what was completed by this fix and is in a scan that turns out to be of later code.

    The scan may have been read before it was known how its commit lies to the merge.
    """
    completed = Finding.objects.filter(
        clearances__remediation=remediation, clearances__live=True, line=scan.line_id,
        status=Status.MOBILIZATION_COMPLETE,
    )  # fmt: skip
    findings = completed.in_bulk()
    seen = pointers([scan.pk], findings).get(scan.pk, {})
    for pk, pointer in sorted(seen.items()):
        reopen_on_sight(findings[pk], scan=scan, stage="read before", pointer=pointer, at=at)


def _first_after_merge(scans: models.QuerySet[Scan], fix: Remediation) -> Scan | None:
    """The newest of ``scans`` that does not look at code from before the fix merged.

    What is known of a scan's commit and the merge decides. Where nothing is, older code is the fix's
    base, a commit that was scanned before, or what a scan that began or ended before looked at.
    """
    known = dict(fix.descents.values_list("scan_id", "relation"))
    merged_at = (fix.merged_at or fix.created_at).replace(microsecond=0)  # facts tell whole seconds
    before = Scan.objects.filter(asset_id=fix.asset_id, created_at__lt=fix.merged_at)
    older = before.exclude(commit="").values("commit")
    later = scans.filter(created_at__gte=fix.merged_at).exclude(
        Q(commit=fix.base_commit) | Q(commit__in=older)
    )
    surely = Q(pk__in=[pk for pk, relation in known.items() if relation in AFTER_MERGE])
    older_code = [pk for pk, relation in known.items() if relation not in AFTER_MERGE]
    for scan in scans.filter(surely | Q(pk__in=later)).exclude(pk__in=older_code).order_by("-pk"):
        times = (moment(scan.facts.get(name) or "") for name in ("started_at", "finished_at"))
        if scan.pk in known or all(at is None or at >= merged_at for at in times):
            return scan
    return None


def refutation(finding: Finding, fix: Remediation) -> str:
    """Say why what merged as ``fix`` cannot prove the finding gone any more; empty: nothing is known.

    A later scan of the line saw it, or its clearance by this fix was revoked. What passed before
    passes again for ever, so that only a fix that merged since can close it.
    """
    later = Q(created_at__gte=fix.merged_at) | Q(descents__remediation=fix)
    of_line = Scan.objects.filter(later, purpose=Purpose.LINE, line=finding.line_id)
    seen = Scan.objects.filter(pk__in=list(scans_that_saw(finding.pk, of_line.values("pk"))))
    scan = _first_after_merge(seen, fix)
    if scan is not None:
        return f"{scan} of the line reports it after {fix} merged"
    if finding.clearances.filter(remediation=fix, live=False).exists():
        return f"its clearance by {fix} was revoked"
    return ""


def bundle(clearance: Clearance) -> bytes:
    """Return the auditor's zip: certificate, keys, evidence, policy, the gate's source, revocations.

    The same bytes until a key or the clearance changes: it is as of the last such moment.
    """
    now = datetime.now(UTC)
    revocation = Revocation.objects.filter(clearance_id=clearance.pk).first()
    signer, listed = signing_key(now), published()
    as_of = max(
        clearance.issued_at,
        newest_change(listed, signer.key),
        *([revocation.at] if revocation else []),
    )
    source = json.loads(blobs.load(clearance.gate_id))
    file = io.BytesIO()
    certificate.write_bundle(
        file, envelope=clearance.certificate.encode(), key_list=listed.to_bytes(),
        seal=lambda said: certificate.envelope(said, signer.secret.sign, signer.keyid),
        as_of=rfc3339(as_of), inputs=certificate_inputs(clearance.verification),
        revocations=[revocation.statement.encode()] if revocation else [],
        source={path: text.encode() for path, text in source.items()},
    )  # fmt: skip
    return file.getvalue()
