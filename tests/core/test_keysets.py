"""Rows after a row, in orders that rise, fall or do both."""

from itertools import product

import pytest

from core.keysets import beyond
from findings.models import Finding
from tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def findings():
    asset = make.make_asset()
    rows = [make.import_finding(asset) for _ in range(5)]
    for row, score in zip(rows, (5, 5, 9, 1, 5), strict=True):
        Finding.objects.filter(pk=row.pk).update(priority_score=score)
    return rows


@pytest.mark.parametrize("falls", list(product((True, False), repeat=2)))
def test_the_rows_after_each_row_are_those_that_follow_it(findings, falls):
    order = list(zip(("priority_score", "id"), falls, strict=True))
    rows = list(Finding.objects.order_by(*(("-" if down else "") + name for name, down in order)))
    for place, row in enumerate(rows):
        after = Finding.objects.filter(beyond(Finding, order, [row.priority_score, row.pk]))
        assert set(after) == set(rows[place + 1 :])


def test_moments_are_compared_as_the_database_keeps_them(findings):
    order = [("first_seen_at", False), ("id", False)]
    rows = list(Finding.objects.order_by("first_seen_at", "id"))
    after = Finding.objects.filter(beyond(Finding, order, [rows[1].first_seen_at, rows[1].pk]))
    assert set(after) == set(rows[2:])
