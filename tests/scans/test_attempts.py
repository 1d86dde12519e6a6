"""How often somebody tried to fix a finding, and how each attempt ended."""

import pytest

from findings.models import Finding
from remediations.services import withdraw_remediation
from scans.attempts import attempts_on
from tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def finding(asset):
    return make.import_finding(asset)


def test_each_attempt_is_counted_with_its_end(finding, developer, django_assert_num_queries):
    given_up = make.make_remediation(finding, head_commit="aa" * 20, agent="Codex")
    withdraw_remediation(remediation=given_up, reason="Wrong.", by=developer, at=make.now())
    bad = make.make_remediation(finding, code=make.code_of(finding.line).committed_as("bad"))
    make.scan_fix(bad)
    good = make.make_remediation(finding)
    make.scan_fix(good)
    make.approve(good)
    told = attempts_on(finding)
    assert [(a.remediation, a.outcome.value) for a in told.attempts] == [
        (good.pk, "passed"), (bad.pk, "failed"), (given_up.pk, "withdrawn")]  # fmt: skip
    make.merge(good)
    assert attempts_on(Finding.objects.get(pk=finding.pk)).by_outcome == {
        "withdrawn": 1, "failed": 1, "merged": 1}  # fmt: skip
    with django_assert_num_queries(1):
        assert attempts_on(finding).count == 3
    assert told.attempts[2].agent == "Codex"


def test_what_is_not_judged_is_open_and_others_are_not_counted(finding, asset):
    other = make.import_finding(asset)
    fix = make.make_remediation(finding)
    make.make_remediation(other)
    assert [(a.remediation, a.outcome.value) for a in attempts_on(finding).attempts] == [
        (fix.pk, "open")]  # fmt: skip
    assert attempts_on(make.import_finding(asset)).by_outcome == {}
