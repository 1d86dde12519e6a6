"""Work on one scope from many sides at once: nobody waits for ever, nobody gets an unknown error.

All locks are taken in one order: asset, fixes, findings by number, and the head of the chain last.
"""

import pytest

from core.errors import Refused, WrongState
from core.events import broken_links
from core.models import Event
from core.permissions import Role
from findings.lifecycle import transition
from findings.models import Finding
from findings.services import add_comment
from findings.statuses import Status
from remediations.models import Remediation
from tests.factories import (
    approve,
    code_of,
    default_line,
    import_finding,
    make_asset,
    make_remediation,
    member,
    merge,
    now,
    push,
    run_job,
    scan_fix,
    upload,
)
from tests.races import errors, race

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 4


@pytest.fixture
def finding():
    first = import_finding()
    for role in Role:
        member(first.scope, role)
    return first


def unexpected(answers: list) -> list[Exception]:
    return [error for error in errors(answers) if not isinstance(error, Refused)]


def test_of_two_who_propose_the_same_fix_at_once_neither_is_lost(finding):
    answers = race(*[lambda: make_remediation(Finding.objects.get(pk=finding.pk))] * 4)
    assert not unexpected(answers)
    assert Remediation.objects.count() == 1
    assert len({fix.pk for fix in answers if isinstance(fix, Remediation)}) == 1
    finding.refresh_from_db()
    assert finding.status == Status.MOBILIZING


def test_of_two_who_merge_at_once_one_claims(finding):
    fix = make_remediation(finding)
    answers = race(*[lambda: merge(fix)] * 6)
    assert not errors(answers)
    assert Event.objects.filter(action="remediation.merged").count() == 1
    assert Event.objects.filter(action="finding.claim").count() == 1


def test_a_push_that_meets_a_merge_comes_before_it_or_is_refused(finding):
    for _ in range(ROUNDS):
        fix = make_remediation(import_finding(finding.asset))
        answers = race(lambda fix=fix: push(fix), lambda fix=fix: merge(fix))
        assert [type(error) for error in errors(answers)] in ([], [WrongState])
        assert not errors(answers[1:])
        fix.refresh_from_db()
        assert fix.state == "merged"
    assert list(broken_links()) == []


def test_fixes_of_many_findings_meet_people_who_work_on_each_of_them():
    """One transaction holds several findings while others hold one each and want the same chain."""
    asset = make_asset()
    for role in Role:
        member(asset.scope, role)
    analyst = member(asset.scope, Role.ANALYST)
    for _ in range(ROUNDS):
        findings = [import_finding(asset) for _ in range(4)]
        fix = make_remediation(*findings)
        answers = race(
            lambda fix=fix: merge(fix),
            lambda fix=fix: approve(fix),
            lambda fix=fix: scan_fix(fix),
            *[
                lambda finding=finding: add_comment(finding=finding, body="?", by=analyst, at=now())
                for finding in findings
            ],
            *[
                lambda finding=finding: transition(
                    finding.pk, "claim", by=analyst, at=now(), brought={"reason": "done"}
                )
                for finding in findings[::-1]
            ],
        )
        assert not unexpected(answers), unexpected(answers)
    assert list(broken_links()) == []


def test_an_import_meets_uploads_and_people_of_the_same_asset(finding):
    asset, line = finding.asset, default_line(finding.asset)
    analyst = member(asset.scope, Role.ANALYST)
    for number in range(ROUNDS):
        code = code_of(line)
        scan, _ = upload(asset, code.committed_as(f"next {number}"))
        answers = race(
            lambda scan=scan: run_job(scan),
            lambda code=code, number=number: upload(asset, code.committed_as(f"other {number}")),
            lambda: import_finding(asset),
            lambda: add_comment(finding=finding, body="?", by=analyst, at=now()),
            lambda: make_remediation(Finding.objects.get(pk=finding.pk)),
        )
        assert not unexpected(answers), unexpected(answers)
    assert list(broken_links()) == []
