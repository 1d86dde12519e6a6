from datetime import timedelta

import pytest

from ctem import tasks
from ctem.celery import app
from findings.models import Finding, RiskAcceptance
from findings.statuses import Status
from tests.factories import make_finding, now


def test_everything_that_runs_by_the_clock_is_a_task_that_exists():
    assert {entry["task"] for entry in app.conf.beat_schedule.values()} <= set(app.tasks)


@pytest.mark.django_db
def test_an_accepted_risk_ends_by_the_clock_and_not_before():
    finding = make_finding(at=Status.RISK_ACCEPTED)
    tasks.expire()
    assert Finding.objects.get(pk=finding.pk).status == Status.RISK_ACCEPTED
    RiskAcceptance.objects.update(until=now().date() - timedelta(days=1))
    tasks.expire()
    assert Finding.objects.get(pk=finding.pk).status == Status.DISCOVERED
