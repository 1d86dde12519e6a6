"""The priority is a sum that a person can check."""

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import BadInput
from findings.priority import BANDS, NO_CVE, Facts, priority_of, severity_of
from findings.services import perform_transition
from findings.statuses import Severity
from findings.weights import CRITICALITIES, DEFAULT, EXPOSURES, SEVERITIES, read_weights
from scopes.models import Criticality, Exposure
from tests.factories import import_finding, make_asset, make_scope, member, now

EVERY = list(product(Severity, Exposure, Criticality, (False, True)))
V31 = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"


def test_without_feeds_the_score_is_the_sum_of_its_terms_from_0_to_100_in_the_band_it_falls_into():
    for severity, exposure, criticality, validated in EVERY:
        found = priority_of(Facts(severity, exposure, criticality, validated))
        assert found.score == sum(term.points for term in found.terms)
        assert 0 <= found.score <= 100
        assert found.band == next(name for least, name in BANDS if found.score >= least)


def test_what_is_not_known_is_said_and_counts_nothing():
    found = priority_of(Facts("high", "internal", "low"))
    unknown = [term for term in found.terms if term.value == "no data"]
    assert {term.name for term in unknown} == {"known exploited (KEV)", "exploit likelihood (EPSS)"}
    assert all(term.points == 0 for term in unknown)


def test_no_data_is_not_the_same_as_not_listed_or_no_cve():
    base = Facts("high", "internal", "low")

    def told(**facts):
        return [term.value for term in priority_of(replace(base, **facts)).terms[4:]]

    assert told() == ["no data", "no data"]
    assert told(kev=False, epss=0.003) == ["not listed", "0.3%"]
    assert told(kev=True) == ["listed", "no data"]
    assert told(kev=True, kev_ransomware=True)[0] == "listed, used by ransomware"
    assert told(names_cve=False, kev=False) == [NO_CVE, NO_CVE]


# --- properties ----------------------------------------------------------------------------------
WEIGHTS = st.builds(
    lambda severity, exposure, criticality, single, steps, bands: replace(
        DEFAULT, name="drawn",
        severity=dict(zip(SEVERITIES, sorted(severity, reverse=True), strict=True)),
        exposure=dict(zip(EXPOSURES, sorted(exposure, reverse=True), strict=True)),
        criticality=dict(zip(CRITICALITIES, sorted(criticality, reverse=True), strict=True)),
        validated=single[0], exploited=single[1], ransomware=single[2],
        likelihood=tuple(zip(sorted((s[0] for s in steps), reverse=True),
                             sorted((s[1] for s in steps), reverse=True), strict=True)),
        bands=dict(zip(("P1", "P2", "P3"), sorted(bands, reverse=True), strict=True)) | {"P4": 0},
    ),
    *(st.lists(st.integers(0, 1000), min_size=n, max_size=n) for n in (4, 3, 4, 3)),
    st.lists(
        st.tuples(st.floats(0.0001, 1), st.integers(0, 1000)), max_size=5, unique_by=lambda s: s[0]
    ),
    st.lists(st.integers(1, 1000), min_size=3, max_size=3, unique=True),
)  # fmt: skip
FACTS = st.builds(
    Facts,
    severity=st.sampled_from(SEVERITIES),
    exposure=st.sampled_from(EXPOSURES),
    criticality=st.sampled_from(CRITICALITIES),
    validated=st.booleans(),
    kev=st.sampled_from([None, False, True]),
    kev_ransomware=st.booleans(),
    epss=st.none() | st.floats(0, 1),
    names_cve=st.booleans(),
    proof_of_concept=st.booleans(),
)
ORDERS = {  # from what is better to what is worse
    "severity": SEVERITIES[::-1], "exposure": EXPOSURES[::-1], "criticality": CRITICALITIES[::-1],
    "validated": (False, True), "kev": (None, False, True), "kev_ransomware": (False, True),
    "names_cve": (False, True),
}  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(WEIGHTS, FACTS)
def test_the_sum_equals_its_terms_under_any_weights(weights, facts):
    found = priority_of(facts, weights)
    assert found.score == sum(term.points for term in found.terms)
    assert found.band == next(name for name in weights.bands if found.score >= weights.bands[name])
    assert (found.to_dict()["weights"], len(found.terms)) == ("drawn", 6)


@settings(max_examples=300, deadline=None)
@given(WEIGHTS, FACTS, st.floats(0, 1))
def test_what_is_worse_never_scores_less_under_any_weights(weights, facts, likely):
    def score(of):
        return priority_of(of, weights).score

    for name, order in ORDERS.items():
        scores = [score(replace(facts, **{name: value})) for value in order]
        assert scores == sorted(scores), name
    if facts.epss is not None:
        low, high = sorted((facts.epss, likely))
        assert score(replace(facts, epss=low)) <= score(replace(facts, epss=high))


@settings(max_examples=200, deadline=None)
@given(WEIGHTS)
def test_weights_survive_their_text(weights):
    assert read_weights(weights.to_toml().encode()) == weights


# --- weights -------------------------------------------------------------------------------------
def test_the_default_can_be_read_from_its_text():
    assert read_weights(DEFAULT.to_toml().encode()) == DEFAULT


def spoilt(old, new):
    text = DEFAULT.to_toml()
    assert old in text
    return text.replace(old, new, 1).encode()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (spoilt("critical = 60", "critical = 44"), "severity: critical (44) must not be less"),
        (spoilt("internet = 15", "internet = 7"), "exposure: internet (7)"),
        (spoilt("critical = 60", "critical = 1001"), "severity.critical: must be a whole number"),
        (spoilt("critical = 60", "critical = true"), "severity.critical: must be a whole number"),
        (spoilt("critical = 60\n", ""), "severity.critical: must be a whole number"),
        (spoilt("[severity]", "[severity]\nurgent = 1"), "severity.urgent: is not known"),
        (spoilt('name = "default"', 'name = "default"\nnonsense = 1'), "nonsense: is not known"),
        (spoilt('name = "default"', 'name = ""'), "name: must be 1 to 80"),
        (spoilt("[0.5, 10]", "[1.5, 10]"), "likelihood.steps[0]: must be a probability"),
        (spoilt("[0.5, 10]", "[0.5, 5]"), "likelihood.steps: 0.5 (5) must not be less"),
        (spoilt("[0.5, 10]", "[0.05, 10]"), "must begin with the highest probability"),
        (spoilt("[0.5, 10]", "[0.5]"), "likelihood.steps[0]: must be [probability, points]"),
        (spoilt("P1 = 75", "P1 = 55"), "bands: P1 (55) must be above P2 (55)"),
        (spoilt("P3 = 30", "P3 = 0"), "bands: P3 (0) must be above P4 (0)"),
        (spoilt("[bands]", "[bands"), "line"),
        (b"\xff", "byte 0"),
        (b" " * 20_000, "20000 > 16384 bytes"),
        (b"", "must be a table with"),
    ],
)  # fmt: skip
def test_weights_that_would_lie_are_refused_with_the_member(text, said):
    with pytest.raises(BadInput) as refused:
        read_weights(text)
    assert said in str(refused.value)


# --- severity ------------------------------------------------------------------------------------
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


def test_severity_is_by_the_vector_where_there_is_no_score():
    assert severity_of("note", None, V31) == "critical"
    assert severity_of("note", 5.0, V31) == "medium"
    assert severity_of("note", None, "CVSS:3.1/nonsense") == "low"


@pytest.mark.django_db
def test_an_imported_finding_is_prioritized_with_its_sum_and_validation_raises_it():
    scope = make_scope(exposure="internet", criticality="high")
    finding = import_finding(make_asset(scope), weakness="shell=True")
    assert (finding.severity, finding.priority_score, finding.priority_band) == ("high", 70, "P2")
    assert sum(term["points"] for term in finding.priority.told["terms"]) == 70
    perform_transition(
        finding=finding,
        name="validate",
        by=member(scope, "analyst"),
        at=now(),
        brought={"evidence": "seen"},
    )
    finding.refresh_from_db()
    assert (finding.priority_score, finding.priority_band) == (80, "P1")
