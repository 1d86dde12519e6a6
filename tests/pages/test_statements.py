"""How many statements a page needs: a few, however much there is behind it."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.permissions import Role
from findings.models import Comment, Finding, ValidationEvidence
from findings.services import add_comment
from scans.models import Scan
from scopes.models import Line, LineKind
from tests import factories as make
from tests.pages.addresses import SHOWN, address
from tests.pages.markup import Page
from tests.scans.evidence import (
    SAFE,
    UNSAFE,
    agentic_finding,
    fix_from,
    revoke_secret,
    scan,
    secret_finding,
    secret_fix,
)
from tests.scans.objections import objections_to

MOST = 15
OF_MUCH = {  # everything about one thing, or every figure; no list grows
    "finding": 25,
    "asset": 20,
    "scope": 25,
    "overview": 60,
}


def opened(client, url):
    """The page, with how many statements it took."""
    with CaptureQueriesContext(connection) as asked:
        response = client.get(url)
    assert response.status_code == 200
    return Page(response), len(asked)


@pytest.mark.parametrize("role", ["viewer", "approver"])
def test_no_page_needs_many(world, browse, role):
    client = browse(world.member(role))
    make.scan_fix(world.fix)
    needed = {}
    for name in SHOWN:
        with CaptureQueriesContext(connection) as asked:
            client.get(address(world, name))
        needed[name] = len(asked)
    too_many = {name: n for name, n in needed.items() if n > OF_MUCH.get(name, MOST)}
    assert too_many == {}


def talked_about(finding):
    """Comments, evidence, and requests of both kinds."""
    approver = make.member(finding.scope, Role.APPROVER)
    for number in range(5):
        add_comment(finding=finding, body=f"Comment {number}", by=approver, at=make.now())
        ValidationEvidence.objects.create(
            finding=finding, kind="note", text=f"Seen {number}", by=approver, at=make.now()
        )
        make.request_acceptance(finding)
        make.request_false_positive(finding)
    assert Comment.objects.filter(finding=finding).count() >= 5


def followed(finding, fix, others):
    """A chain of fixes and what they brought in: ``fix`` brought the first of ``others`` in, and so on."""
    for other in others:
        Finding.objects.filter(pk=other.pk).update(introduced_by_id=fix.pk)
        fix = make.make_remediation(other)
        make.scan_fix(fix)
    make.make_remediation(finding, code=make.fixed_code(finding.line, finding, *others))


def test_a_finding_with_all_that_there_can_be(world, browse):
    make.scan_fix(world.fix)
    talked_about(world.open)
    followed(world.open, world.fix, [make.import_finding(world.asset) for _ in range(3)])
    release = Line.objects.create(
        asset=world.asset, scope=world.scope, name="1.x", kind=LineKind.RELEASE
    )
    make.upload_and_ingest(world.asset, make.code_of(world.open.line), line=release)
    for number in range(20):
        make.add_member(world.scope, make.make_user(f"more-{number}"), "viewer")
    page, number = opened(browse(world.member("approver")), world.open.get_absolute_url())
    assert "Comment 4" in page.text and "Seen 4" in page.text and "on 1.x" in page.text
    assert "depth 3, 3 findings" in page.text
    assert "asks to accept the risk" in page.text and "asks to dismiss it" in page.text
    assert number <= OF_MUCH["finding"]


def test_a_finding_that_was_closed_and_is_a_secret(db, browse):
    finding = secret_finding()
    for _ in range(3):
        fix = secret_fix(finding)
    objections_to(fix)
    talked_about(finding)
    revoke_secret(finding)
    page, number = opened(
        browse(make.member(finding.scope, Role.APPROVER)), finding.get_absolute_url()
    )
    assert "Revocation of the secret" in page.text
    assert number <= OF_MUCH["finding"]


def test_a_fix_with_all_that_there_can_be(db, browse):
    finding = agentic_finding()
    fix = fix_from(finding, UNSAFE, SAFE)
    scan(fix.asset, SAFE, "agentic", remediation=fix)
    objections_to(fix)
    make.approve(fix)
    page, number = opened(browse(make.member(finding.scope, Role.APPROVER)), fix.get_absolute_url())
    assert "Proofs of concept" in page.text and Scan.objects.filter(remediation=fix).exists()
    assert number <= MOST


def test_the_page_of_a_fix_does_not_grow_with_its_findings(world, browse):
    client = browse(world.member("approver"))
    make.scan_fix(world.fix)
    _, one = opened(client, world.fix.get_absolute_url())
    others = [make.import_finding(world.asset) for _ in range(4)]
    fix = make.make_remediation(world.open, *others)
    make.scan_fix(fix)
    Finding.objects.filter(pk=world.fresh.pk).update(introduced_by_id=fix.pk)
    page, number = opened(client, fix.get_absolute_url())
    assert str(others[3]) in page.text and "brought in 1 finding" in page.text
    assert number == one
