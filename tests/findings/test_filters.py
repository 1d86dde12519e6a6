"""What filters of findings find, whichever index serves them."""

import pytest
from django.test import RequestFactory

from findings.filters import FindingFilter
from findings.models import Finding
from findings.statuses import Severity
from tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def three():
    asset = make.make_asset()
    rows = [make.import_finding(asset, path=f"{folder}/deep/a_{n}.py")
            for n, folder in enumerate(("app", "app", "lib"))]  # fmt: skip
    for row, score, severity in zip(rows, (10, 20, 30), ("low", "high", "high"), strict=True):
        Finding.objects.filter(pk=row.pk).update(priority_score=score, severity=Severity(severity))
    Finding.objects.filter(pk=rows[0].pk).update(rule="py/one-rule", cwes=["CWE-79", "CWE-7"])
    return Finding.objects.filter(asset=asset).order_by("pk")


def found(rows, **query):
    request = RequestFactory().get("/")
    request.user = make.member(rows[0].scope, "viewer")
    told = FindingFilter(query, queryset=rows.order_by("-priority_score", "-id"), request=request)
    assert told.is_valid(), told.errors
    return [list(rows).index(row) for row in told.qs]


def test_a_number_a_rule_and_a_beginning_of_a_path_are_looked_up_among_all(three, monkeypatch):
    monkeypatch.setattr("findings.filters.MOST_URGENT", 1)
    assert found(three, q=f"ctem-{three[0].pk}") == [0]
    assert found(three, q="CTEM-999999999999999999") == []
    assert found(three, q="py/one-rule") == [0]
    assert found(three, q="app/") == [1, 0]
    assert found(three, q="app/deep/a_0.py") == [0]


def test_words_are_looked_for_in_the_most_urgent_that_the_other_filters_let_through(
    three, monkeypatch
):
    assert found(three, q="DEEP") == [2, 1, 0]
    assert found(three, q="deep/a_0") == [0]
    monkeypatch.setattr("findings.filters.MOST_URGENT", 2)
    assert found(three, q="deep") == [2, 1]
    assert found(three, q="a_0") == []
    assert found(three, q="a_0", severity=["low"]) == [0]


def test_what_a_pattern_means_to_a_database_is_text(three):
    assert found(three, q="%") == [] and found(three, q="_/%") == []


@pytest.mark.parametrize(("cwe", "rows"), [("79", [0]), ("CWE-7", [0]), ("cwe-9", []), ("1", [])])
def test_a_cwe_is_found_by_its_whole_number(three, cwe, rows):
    assert found(three, cwe=cwe) == rows


def test_rows_are_found_at_whatever_priority_they_stand(three):
    assert found(three, severity=["low"]) == [0]
    assert found(three, severity=["high", "low"]) == [2, 1, 0]
    assert found(three, severity=["critical"]) == []
    Finding.objects.filter(pk=three[0].pk).update(priority_score=100)
    assert found(three, severity=["low"]) == [0]
    assert found(three, ordering="priority") == [1, 2, 0]


def test_a_line_and_a_tool_find_what_is_of_them(three):
    assert found(three, line=three[0].line_id) == [2, 1, 0]
    assert found(three, tool=three[0].tool) == [2, 1, 0]
    assert found(three, tool="another") == []


def test_a_tool_of_many_series_finds_the_same(three, monkeypatch):
    monkeypatch.setattr("findings.filters.FEW", 0)
    assert found(three, tool=three[0].tool) == [2, 1, 0]
