"""SSVC's decision is that of CISA's table, and its path says where each value comes from."""

from itertools import product

import pytest
from cvss import CVSS2, CVSS3, CVSS4
from hypothesis import given, settings
from hypothesis import strategies as st

from findings.ssvc import ASSUMED, MISSION, MISSIONS, POINTS, TREE, decide
from findings.vectors import read_vector, score_of

# CERT/CC, data/csv/cisa/cisa_coordinator_2_0_3.csv: its last column, top to bottom. The columns before
# it count up: exploitation, automatable, technical impact, mission and well-being.
COLUMN = """
track track track track track track* track track attend track track attend
track track track* track track* attend track track attend track track* attend
track track attend track attend act attend attend act attend act act
""".split()
V3 = "CVSS:3.1/AV:{}/AC:L/PR:N/UI:N/S:U/C:{}/I:H/A:N"
V4 = "CVSS:4.0/AV:N/AC:L/AT:N/PR:{}/UI:N/VC:H/VI:H/VA:N/SC:N/SI:N/SA:N{}"


def test_the_tree_is_the_table_row_by_row():
    rows = product(("none", "public poc", "active"), ("no", "yes"), ("partial", "total"), MISSIONS)
    told = [TREE[exploitation, automatable, impact][MISSIONS.index(mission)]
            for exploitation, automatable, impact, mission in rows]  # fmt: skip
    assert [decision.value for decision in told] == COLUMN and len(COLUMN) == 36


def values(**facts):
    told = {"kev": False, "proof_of_concept": False, "cvss": "", "criticality": "medium", **facts}
    decided = decide(**told)
    assert [step.point for step in decided.path] == list(POINTS)
    return {step.point: (step.value, step.because) for step in decided.path}


def test_exploitation_is_what_cisa_lists_or_evidence_and_never_guessed():
    assert values(kev=True)["exploitation"][0] == "active"
    assert values(proof_of_concept=True)["exploitation"][0] == "public poc"
    assert values(kev=True, proof_of_concept=True)["exploitation"][0] == "active"
    assert values(kev=None)["exploitation"] == (
        "none",
        "no list (KEV) is here, no proof of concept",
    )
    assert "no CVE is named" in values(names_cve=False)["exploitation"][1]


def test_what_is_not_known_takes_the_documented_value_and_says_so():
    told = values()
    for point in ("automatable", "technical impact"):
        value, why = ASSUMED[point]
        assert told[point] == (value, f"not known, assumed ({why})")


@pytest.mark.parametrize(
    ("vector", "automatable", "impact"),
    [
        (V3.format("N", "H"), "yes", "total"),
        (V3.format("L", "H"), "no", "total"),
        (V3.format("N", "L"), "yes", "partial"),
        (V4.format("N", ""), "yes", "total"),
        (V4.format("H", ""), "no", "total"),
        (V4.format("H", "/AU:Y"), "yes", "total"),
        (V4.format("N", "/AU:N"), "no", "total"),
        ("AV:N/AC:L/Au:N/C:C/I:C/A:C", "yes", "total"),
        ("AV:N/AC:M/Au:N/C:C/I:P/A:C", "no", "partial"),
    ],
)
def test_the_vector_tells_what_is_automatable_and_the_impact(vector, automatable, impact):
    told = values(cvss=vector)
    assert (told["automatable"][0], told["technical impact"][0]) == (automatable, impact)
    assert told["automatable"][1].startswith("CVSS ")


def test_the_mission_is_the_criticality_of_the_scope():
    for criticality, mission in MISSION.items():
        assert values(criticality=criticality)["mission and well-being"][0] == mission


def test_worse_facts_never_lower_the_decision():
    order = ("track", "track*", "attend", "act")
    for poc, cvss in product((False, True), ("", V3.format("N", "H"), V3.format("L", "L"))):
        for criticality in MISSION:
            ranks = [
                order.index(decide(kev=kev, proof_of_concept=poc, cvss=cvss, criticality=criticality).decision)
                for kev in (None, False, True)
            ]  # fmt: skip
            assert ranks == sorted(ranks)


# --- vectors -------------------------------------------------------------------------------------
def vectors(prefix, metrics):
    return st.tuples(*(st.sampled_from([f"{name}:{v}" for v in values]) for name, values in metrics)).map(
        lambda chosen: prefix + "/".join(chosen)
    )  # fmt: skip


THREE = [("AV", "NALP"), ("AC", "LH"), ("PR", "NLH"), ("UI", "NR"), ("S", "UC"),
         *((name, "HLN") for name in "CIA")]  # fmt: skip
FOUR = [("AV", "NALP"), ("AC", "LH"), ("AT", "NP"), ("PR", "NLH"), ("UI", "NPA"),
        *((name, "HLN") for name in ("VC", "VI", "VA", "SC", "SI", "SA"))]  # fmt: skip
TWO = [("AV", "LAN"), ("AC", "HML"), ("Au", "MSN"), ("C", "NPC"), ("I", "NPC"), ("A", "NPC")]


@settings(max_examples=300, deadline=None)
@given(vectors("CVSS:3.1/", THREE) | vectors("CVSS:3.0/", THREE))
def test_vectors_of_version_3_score_as_the_library_says(vector):
    told = read_vector(vector)
    assert told.score == score_of(vector) == float(CVSS3(vector).base_score)
    assert told.version == vector[5:8]


@settings(max_examples=300, deadline=None)
@given(vectors("CVSS:4.0/", FOUR))
def test_vectors_of_version_4_score_as_the_library_says(vector):
    assert read_vector(vector).score == float(CVSS4(vector).base_score)


@settings(max_examples=100, deadline=None)
@given(vectors("", TWO))
def test_vectors_of_version_2_score_as_the_library_says(vector):
    assert read_vector(vector).score == float(CVSS2(vector).base_score)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60) | st.text("CVSS:431./AVNLHPRUIWXYZ", max_size=80))
def test_what_is_no_vector_has_no_score(text):
    found = read_vector(text)
    assert found is None or 0 <= found.score <= 10
