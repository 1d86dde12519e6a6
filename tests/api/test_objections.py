"""Waivers and disputes by the API: given below their fix, listed everywhere, decided at their own address."""

import pytest

from core.permissions import Role
from scans.services.doors import newest_verification
from tests.api.bodies import SOON
from tests.api.conftest import stored
from tests.factories import add_member, make_user
from tests.scans.objections import build_world

WAIVER = {"check": "TOOL_VERSION", "until": SOON, "reason": "The older one knows the rule."}


@pytest.fixture
def w(db):
    return build_world()


def outcome(w, check):
    rows = newest_verification(w.finding).judgement["checks"]
    return next(row for row in rows if row["id"] == check)["outcome"]


def test_a_waiver_is_given_listed_and_revoked(api, w):
    client, path = api(w.approver), f"remediations/{w.fix.pk}/waivers/"
    response = client.post(path, {**WAIVER, "finding": w.finding.pk})
    assert response.status_code == 201
    row = response.json()
    assert (row["check"], row["finding"], row["until"]) == ("TOOL_VERSION", w.finding.pk, SOON)
    assert (row["by"]["username"], row["revoked_at"]) == (w.approver.username, None)
    assert outcome(w, "TOOL_VERSION") == "WAIVED"
    reader = api(w.analyst)
    assert row in reader.get(path).json()["results"]
    assert reader.get(f"waivers/{row['id']}/").json() == row
    mine = reader.get(f"waivers/?finding={w.finding.pk}&revoked=false&check=TOOL_VERSION")
    assert mine.json()["results"] == [row]
    revoked = client.post(f"waivers/{row['id']}/revoke/", {"reason": "It is new now."})
    assert revoked.json()["revoked_reason"] == "It is new now."
    assert outcome(w, "TOOL_VERSION") == "FAIL"
    again = client.post(f"waivers/{row['id']}/revoke/", {"reason": "Again."})
    assert (again.status_code, again.json()["type"]) == (409, "urn:ctem:problem:refused")


REFUSED = {
    "a dagger": ({"check": "NOTHING_NEW"}, 403, "not-allowed", "can be waived by nobody"),
    "no such check": ({"check": "NO_SUCH"}, 400, "bad-input", "no check called"),
    "the past": ({"until": "2020-01-01"}, 400, "bad-input", "in the future"),
    "too far": ({"until": "2199-01-01"}, 400, "bad-input", "365 days"),
    "no day": ({"until": "soon"}, 400, "invalid", "not valid"),
    "a moment": ({"until": "2099-01-01T00:00:00Z"}, 400, "invalid", "not valid"),
    "no reason": ({"reason": ""}, 400, "invalid", "not valid"),
    "not in the way": ({"check": "TESTS_INTACT"}, 409, "refused", "nothing to waive"),
}


@pytest.mark.parametrize("why", REFUSED)
def test_a_waiver_that_cannot_be_is_a_problem_that_says_why(api, w, why):
    changes, status, kind, said = REFUSED[why]
    client, path = api(w.approver), f"remediations/{w.fix.pk}/waivers/"
    before = stored()
    response = client.post(path, {**WAIVER, **changes})
    assert response.status_code == status
    assert response.json()["type"] == f"urn:ctem:problem:{kind}"
    assert said in response.json()["detail"]
    assert stored() == before


def test_the_fixer_waives_and_disputes_nothing(api, w):
    fixer = w.fix.created_by
    add_member(w.fix.scope, make_user("extra"), Role.ADMIN)
    type(fixer).objects.filter(pk=fixer.pk).update(kind="human")
    fixer.memberships.update(role=Role.APPROVER)
    client, before = api(fixer), None
    before = stored()
    answers = [
        client.post(f"remediations/{w.fix.pk}/waivers/", WAIVER),
        client.post(f"remediations/{w.fix.pk}/disputes/", dispute_of(w)),
        client.post(f"disputes/{w.proposed.pk}/confirm/"),
    ]
    for answer in answers:
        assert answer.status_code == 403
        assert "of their own fix" in answer.json()["detail"]
    assert stored() == before


def dispute_of(w, index=3):
    new = newest_verification(w.finding).judgement["new"][index]
    return {"about": "cause", "result": new["evidence"][0], "cause": "tool_changed",
            "reason": "Its rule is new."}  # fmt: skip


def test_a_dispute_is_proposed_by_one_confirmed_by_another_and_withdrawn(api, w):
    one, two = api(w.analyst), api(w.approver)
    path = f"remediations/{w.fix.pk}/disputes/"
    response = one.post(path, dispute_of(w))
    assert response.status_code == 201
    row = response.json()
    assert (row["state"], row["cause"], row["finding"]) == ("proposed", "tool_changed", None)
    assert one.post(f"disputes/{row['id']}/confirm/").status_code == 403
    confirmed = two.post(f"disputes/{row['id']}/confirm/").json()
    assert (confirmed["state"], confirmed["second"]["username"]) == (
        "confirmed",
        w.approver.username,
    )
    new = newest_verification(w.finding).judgement["new"][3]
    assert (new["cause"], new["blocks"]) == ("tool_changed", False)
    assert two.post(f"disputes/{row['id']}/confirm/").status_code == 409
    assert one.get(f"disputes/{row['id']}/").json() == confirmed
    assert one.get(path).json()["results"][0] == confirmed
    states = {r["state"] for r in one.get(f"disputes/?remediation={w.fix.pk}").json()["results"]}
    assert states == {"proposed", "confirmed", "withdrawn"}
    only = one.get(f"disputes/?state=confirmed&about=cause&scope={w.fix.scope_id}").json()
    assert {r["id"] for r in only["results"]} == {row["id"], w.confirmed.pk}
    gone = two.post(f"disputes/{row['id']}/withdraw/", {"reason": "It is ours."}).json()
    assert (gone["state"], gone["second"]) == ("withdrawn", confirmed["second"])


def test_a_dispute_of_what_no_judgement_says_is_refused(api, w):
    client, path = api(w.analyst), f"remediations/{w.fix.pk}/disputes/"
    match = {"about": "match", "finding": w.finding.pk, "reason": "No."}
    for body, status in (
        ({**match, "result": "scan-1.sarif#/runs/0/results/0"}, 409),
        ({**match, "result": "x", "finding": 999_999}, 400),
        ({**match, "result": "x", "cause": "fix"}, 400),
        ({**dispute_of(w), "cause": "fix"}, 409),
        ({**dispute_of(w), "finding": w.finding.pk}, 400),
        ({**dispute_of(w), "about": "outcome"}, 400),
    ):
        assert client.post(path, body).status_code == status, body


def test_who_waives_with_a_token_needs_one_that_may(api, w):
    limited = api(w.approver, permissions=["dispose"])
    assert limited.post(f"remediations/{w.fix.pk}/waivers/", WAIVER).status_code == 403
    assert limited.post(f"disputes/{w.proposed.pk}/confirm/").status_code == 403
    assert limited.post(f"remediations/{w.fix.pk}/disputes/", dispute_of(w)).status_code == 201


def test_the_queries_of_their_lists_do_not_grow(api, w, django_assert_max_num_queries):
    client = api(w.analyst)
    for path in ("waivers/", "disputes/"):
        with django_assert_max_num_queries(6):
            assert len(client.get(path).json()["results"]) >= 2
