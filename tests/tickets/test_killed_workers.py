"""T20: workers that are killed anywhere lose nothing, tell nothing that was rolled back, and keep ids."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import transaction

from core.permissions import Role
from findings.services import add_comment
from tests import factories as make
from tests.scans.test_jobs import database_url
from tests.tickets.hooked import happen, hook
from tests.tickets.tracked import tracker_of
from tickets.models import Delivery, Ticket, TicketStep
from tickets.services.tickets import ask_ticket

pytestmark = pytest.mark.django_db(transaction=True)


def work_and_die(what: str, pk: int, host: str) -> int:
    """Let children work and be killed at each statement; return how many died."""
    ended = subprocess.run(
        [sys.executable, Path(__file__).with_name("killed_at_statements.py"), what, str(pk)],
        cwd=django_settings.BASE_DIR,
        env={**os.environ, "DATABASE_URL": database_url(), "CTEM_OUTBOUND_PLAIN_HOSTS": host,
             "CTEM_SECRET_KEY": django_settings.SECRET_KEY,
             "CTEM_DATA_DIR": str(django_settings.DATA_DIR), "PYTHONPATH": str(django_settings.BASE_DIR)},
        capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr.decode()[-3000:]
    return int(ended.stdout)


def test_every_committed_event_is_sent_with_one_id_and_none_that_was_rolled_back(receiver, url):
    endpoint, _ = hook(url=url)
    happen(endpoint.scope, "finding.first")
    with transaction.atomic():
        happen(endpoint.scope, "finding.never")
        transaction.set_rollback(True)
    happen(endpoint.scope, "finding.second", "finding.third")
    assert work_and_die("webhook", endpoint.pk, receiver.host) > 8
    rows = list(Delivery.objects.order_by("number"))
    assert [row.action for row in rows] == ["finding.first", "finding.second", "finding.third"]
    assert {row.state for row in rows} == {"sent"}
    arrived = [request.headers["webhook-id"] for request in receiver.requests]
    assert len(arrived) > 3  # some had been sent by a worker that died before it wrote that down
    assert list(dict.fromkeys(arrived)) == [row.message_id for row in rows]
    bodies = {(r.headers["webhook-id"], r.body) for r in receiver.requests}
    assert len(bodies) == 3


@pytest.mark.slow
def test_a_tracker_is_told_each_thing_once_though_its_worker_is_killed_at_every_statement(jira):
    finding = make.make_finding()
    tracker, _ = tracker_of(finding.scope, jira.server.url)
    by = make.member(finding.scope, Role.DEVELOPER)
    ask_ticket(finding=finding, tracker=tracker, by=by, at=make.now())
    add_comment(finding=finding, body="Said before it was there.", by=by, at=make.now())
    assert work_and_die("tracker", tracker.pk, jira.server.host) > 20
    ticket = Ticket.objects.get()
    assert (ticket.state, len(jira.issues)) == ("open", 1)
    (said,) = jira.said()
    assert "Said before it was there." in said
    assert set(TicketStep.objects.values_list("state", flat=True)) == {"done"}
