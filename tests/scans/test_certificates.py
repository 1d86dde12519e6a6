"""Certificates of the server: what they say is what an auditor finds in the bundle."""

import pytest

from core import blobs
from findings.models import Finding
from findings.statuses import Status
from gate import certificate
from scans.certificates import public_keys
from scans.models import Clearance
from scans.services import clearances
from scans.services.clearances import Unverifiable, bundle
from tests.factories import (
    approve,
    code_of,
    import_finding,
    make_remediation,
    merge,
    scan_fix,
    upload_and_ingest,
)

pytestmark = pytest.mark.django_db


def test_a_finding_that_moved_after_the_fix_was_proposed_is_certified_where_the_fix_found_it():
    finding = import_finding()
    fix = make_remediation(finding)
    scan_fix(fix)
    code = code_of(finding.line)
    shifted = {finding.path: "\n\n" + code.files[finding.path]}
    upload_and_ingest(finding.asset, code.change(shifted), line=finding.line)
    moved = Finding.objects.get(pk=finding.pk)
    assert moved.start_line == finding.start_line + 2
    approve(fix)
    merge(fix)
    clearance = Clearance.objects.get(finding=finding)
    assert certificate.verify_bundle(bundle(clearance), public_keys()).ok


def test_a_certificate_that_does_not_verify_completes_nothing(monkeypatch):
    finding = import_finding()
    fix = make_remediation(finding)
    scan_fix(fix)
    approve(fix)
    told = clearances._finding_members

    def lying(finding, verification):
        return {**told(finding, verification), "line": 4711}

    monkeypatch.setattr(clearances, "_finding_members", lying)
    with pytest.raises(Unverifiable, match="certified is 4711"):
        merge(fix)
    assert not Clearance.objects.filter(finding=finding).exists()
    assert Finding.objects.get(pk=finding.pk).status != Status.MOBILIZATION_COMPLETE


def test_a_bundle_is_the_same_bytes_each_time_and_brings_the_gate_that_judged():
    finding = import_finding()
    fix = make_remediation(finding)
    scan_fix(fix)
    approve(fix)
    merge(fix)
    clearance = Clearance.objects.get(finding=finding)
    assert bundle(clearance) == bundle(clearance)
    assert b"gate/judgement.py" in blobs.load(clearance.gate_id)
