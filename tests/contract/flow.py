"""What somebody writes with the generated Python client: from a report to a certificate, and a refusal read."""

import json
import os
import sys

from ctem_client import AuthenticatedClient
from ctem_client.api.findings import (
    findings_certificate_retrieve,
    findings_list,
    findings_retrieve,
    findings_transitions_create,
)
from ctem_client.api.gate import gate_create
from ctem_client.api.remediations import remediations_merge_create, remediations_reviews_create
from ctem_client.api.scans import scans_create
from ctem_client.models import (
    Envelope,
    FindingDetail,
    GateAnswer,
    GateRequest,
    MergeRequest,
    NewReviewRequest,
    PaginatedFindingList,
    Problem,
    RemediationDetail,
    Review,
    ScanDetail,
    TransitionRequest,
    UploadRequest,
)

given = json.load(sys.stdin)


def client(role: str) -> AuthenticatedClient:
    return AuthenticatedClient(
        base_url=os.environ["CTEM"], token=os.environ[role.upper()], timeout=60
    )


pipeline, approver = client("pipeline"), client("approver")

scan = scans_create.sync(
    client=pipeline, body=UploadRequest.from_dict(given["upload"]), prefer="wait=60"
)
assert isinstance(scan, ScanDetail), scan
print("scan", scan.state, scan.tool)

page = findings_list.sync(client=pipeline, asset=given["upload"]["asset"], page_size=10)
assert isinstance(page, PaginatedFindingList) and page.next_ is None
finding = page.results[0]
print("finding", finding.rule, finding.severity, finding.path, finding.status)

asked = GateRequest.from_dict({**given["gate"], "findings": [finding.id]})
answer = gate_create.sync(client=pipeline, body=asked, prefer="wait=60", idempotency_key="py-1")
assert isinstance(answer, GateAnswer), answer
print("gate", answer.verdict, answer.lamps.safe, answer.lamps.right)

refused = findings_transitions_create.sync(
    finding.id, client=pipeline, body=TransitionRequest(name="complete")
)
assert isinstance(refused, Problem) and refused.checks, refused
print("refused", refused.status, refused.type_, refused.checks[0].id)

review = remediations_reviews_create.sync(
    answer.remediation.id, client=approver, body=NewReviewRequest.from_dict(given["review"])
)
assert isinstance(review, Review) and review.reviewer, review
print("review", review.decision, review.reviewer.username)

merged = remediations_merge_create.sync(
    answer.remediation.id, client=pipeline, body=MergeRequest.from_dict(given["merge"])
)
assert isinstance(merged, RemediationDetail), merged
now = findings_retrieve.sync(finding.id, client=pipeline)
assert isinstance(now, FindingDetail)
print("merged", merged.state, now.status)

certificate = findings_certificate_retrieve.sync(finding.id, client=pipeline)
assert isinstance(certificate, Envelope)
print("certificate", certificate.payload_type, len(certificate.signatures))
