"""Who writes an event takes every other lock before: nobody waits for somebody who waits for them."""

import threading
import time

import pytest
from django.db import transaction

from core.events import append_event, broken_links
from core.permissions import Role
from findings.models import Finding
from remediations.models import Remediation
from scans.services.gate_step import propose_or_reuse
from tests.factories import code_of, fixed_code, import_finding, make_remediation, member, now
from tests.races import errors, race

pytestmark = pytest.mark.django_db(transaction=True)


def holding(finding, has_begun):
    """Hold a finding as whoever decides about it does, and then tell of it."""

    def decide():
        with transaction.atomic():
            Finding.objects.select_for_update(of=("self",), no_key=True).get(pk=finding.pk)
            has_begun.set()
            time.sleep(1.5)  # until the other has pushed
            append_event(
                scope_id=finding.scope_id, action="finding.commented", subject="finding",
                subject_id=finding.pk, by=None, at=now(),
            )  # fmt: skip

    return decide


def test_a_pipeline_that_pushes_and_names_more_findings_waits_before_it_tells():
    first = import_finding()
    second = import_finding(first.asset)
    url = "https://example.org/acme/shop/pull/7"
    base, head = code_of(first.line), fixed_code(first.line, first, second)
    fix = make_remediation(first, url=url)
    by, has_begun = member(first.scope, Role.PIPELINE), threading.Event()

    def step():
        assert has_begun.wait(10)
        propose_or_reuse(
            asset=first.asset, line=first.line, findings=[first, second], by=by, at=now(),
            title="Parse", url=url, base_commit=base.commit, head_commit=head.commit,
        )  # fmt: skip

    assert errors(race(holding(second, has_begun), step)) == []
    assert Remediation.objects.get() == fix
    assert set(fix.findings.all()) == {first, second} and list(broken_links()) == []
