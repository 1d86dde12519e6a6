"""The priority is a sum that a person can check."""

from itertools import product

import pytest

from findings.priority import BANDS, prioritize, severity_of
from findings.services import perform_transition
from findings.statuses import Severity
from scopes.models import Criticality, Exposure
from tests.factories import import_finding, make_asset, make_scope, member, now

EVERY = list(product(Severity, Exposure, Criticality, (False, True)))


def test_the_score_is_the_sum_of_its_terms_from_0_to_100_in_the_band_it_falls_into():
    for severity, exposure, criticality, validated in EVERY:
        found = prioritize(
            severity=severity, exposure=exposure, criticality=criticality, validated=validated
        )
        assert found.score == sum(term.points for term in found.terms)
        assert 0 <= found.score <= 100
        assert found.band == next(name for least, name in BANDS if found.score >= least)


def test_what_is_worse_never_scores_less():
    def score(*case) -> int:
        names = ("severity", "exposure", "criticality", "validated")
        return prioritize(**dict(zip(names, case, strict=True))).score

    orders = (list(Severity)[::-1], list(Exposure), list(Criticality), [False, True])
    for case in EVERY:
        for place, order in enumerate(orders):
            rank = order.index(case[place])
            if rank + 1 < len(order):
                assert score(*case) <= score(*case[:place], order[rank + 1], *case[place + 1 :])


def test_what_is_not_known_is_said_and_counts_nothing():
    found = prioritize(severity="high", exposure="internal", criticality="low", validated=False)
    unknown = [term for term in found.terms if term.value == "no data"]
    assert {term.name for term in unknown} == {"known exploited (KEV)", "exploit likelihood (EPSS)"}
    assert all(term.points == 0 for term in unknown)


@pytest.mark.parametrize(
    ("level", "score", "severity"),
    [
        ("error", None, "high"), ("warning", None, "medium"), ("note", None, "low"), ("none", None, "low"),
        ("note", 10.0, "critical"), ("note", 9.0, "critical"), ("error", 8.9, "high"), ("error", 7.0, "high"),
        ("error", 6.9, "medium"), ("error", 4.0, "medium"), ("error", 3.9, "low"), ("error", 0.0, "low"),
    ],
)  # fmt: skip
def test_severity_is_by_security_severity_where_given_and_else_by_level(level, score, severity):
    assert severity_of(level, score) == severity


@pytest.mark.django_db
def test_an_imported_finding_is_prioritized_with_its_sum_and_validation_raises_it():
    scope = make_scope(exposure="internet", criticality="high")
    finding = import_finding(make_asset(scope), weakness="shell=True")
    assert (finding.severity, finding.priority_score, finding.priority_band) == ("high", 70, "P2")
    assert sum(term["points"] for term in finding.priority["terms"]) == 70
    perform_transition(
        finding=finding,
        name="validate",
        by=member(scope, "analyst"),
        at=now(),
        brought={"evidence": "seen"},
    )
    finding.refresh_from_db()
    assert (finding.priority_score, finding.priority_band) == (80, "P1")
