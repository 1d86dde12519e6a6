"""Reading, filtering and moving findings."""

import json
from datetime import UTC, datetime

from core.permissions import Role
from findings.models import Finding
from findings.statuses import Status
from gate.certificate import certificate_digest
from gate.verification import verify_bundle
from scans.services.clearances import revoke
from tests import factories as make
from tests.api.conftest import stored


def ids(response):
    assert response.status_code == 200, response.text
    return [row["id"] for row in response.json()["results"]]


def test_a_finding_is_shown_with_the_sum_of_its_priority(api, world):
    row = api(world.viewer).get(f"findings/{world.open.pk}/").json()
    assert row["reference"] == f"CTEM-{world.open.pk}"
    assert row["status"] == "mobilizing"
    assert sum(term["points"] for term in row["priority"]["terms"]) == row["priority_score"]
    assert (row["claimed_at"], row["verified_at"], row["clearance"]) == (None, None, None)


def test_a_proven_finding_names_its_clearance(api, world):
    row = api(world.viewer).get(f"findings/{world.closed.pk}/").json()
    assert row["clearance"] == world.clearance.pk
    assert row["verified_at"] is not None


def test_findings_are_filtered_by_everything_a_page_can_filter_by(api, world):
    client = api(world.viewer)
    everything = {world.open.pk, world.fresh.pk, world.closed.pk}
    cases = {
        "status=mobilizing": {world.open.pk},
        "status=mobilizing&status=mobilization_complete": {world.open.pk, world.closed.pk},
        "open=true": {world.open.pk, world.fresh.pk},
        "open=false": {world.closed.pk},
        "severity=high": {world.fresh.pk},
        f"scope={world.scope.pk}": everything,
        f"asset={world.asset.pk}&line={world.line.pk}": everything,
        "tool=Bandit&tool_class=sast": everything,
        "tool=bandit": set(),
        "rule=B301": {world.open.pk},
        "cwe=CWE-502": {world.open.pk},
        "cwe=78": {world.fresh.pk, world.closed.pk},
        "cwe=8": set(),
        "presence=suppressed": set(),
        "assigned_to=nobody": everything,
        "assigned_to=me": set(),
        "q=PICKLE": {world.open.pk},
        "q=100%25": set(),
        f"introduced_by={2**62}": set(),
    }
    for query, expected in cases.items():
        assert set(ids(client.get(f"findings/?{query}"))) == expected, query


IMPOSSIBLE = [
    "status=closed",
    "open=maybe",
    "scope=999999",
    "scope=x",
    "introduced_by=0",
    "cwe=x",
    f"introduced_by={2**70}",
    "assigned_to=you",
    "ordering=message",
    "page_size=0",
    "page_size=many",
    "cursor=nonsense",
    "q=a%00b",
    "severity=",
]


def test_a_filter_with_a_value_that_cannot_be_is_refused(api, world):
    client = api(world.viewer)
    for query in IMPOSSIBLE:
        response = client.get(f"findings/?{query}")
        name = query.partition("=")[0]
        assert response.status_code == 400, query
        assert name in response.json()["errors"]


def test_a_scope_of_somebody_else_is_no_choice_of_a_filter(api, world, elsewhere):
    client = api(world.viewer)
    foreign = client.get(f"findings/?scope={elsewhere.scope.pk}")
    missing = client.get(f"findings/?scope={2**60}")
    assert foreign.status_code == missing.status_code == 400
    assert foreign.json() == missing.json()


def test_pages_follow_the_order_without_skipping_or_repeating(api, world):
    """Priorities repeat; the id settles ties. Backwards comes the same."""
    Finding.objects.filter(pk=world.fresh.pk).update(priority_score=world.open.priority_score)
    client = api(world.viewer)
    for ordering in ("priority", "-priority", "-first_seen_at", "id", "-id", ""):
        path, forward = f"findings/?page_size=1&ordering={ordering}", []
        while path:
            page = client.get(path).json()
            forward += [row["id"] for row in page["results"]]
            last, path = page, (page["next"] or "").replace("http://testserver", "")
        assert len(forward) == len(set(forward)) == 3
        assert forward == ids(client.get(f"findings/?ordering={ordering}"))
        back = client.get(last["previous"].replace("http://testserver", "")).json()
        assert [row["id"] for row in back["results"]] == [forward[1]]
        first = client.get(back["previous"].replace("http://testserver", "")).json()
        assert [row["id"] for row in first["results"]] == [forward[0]]
        assert first["previous"] is None and first["next"] is not None


def test_a_cursor_of_another_order_is_refused(api, world):
    client = api(world.viewer)
    link = client.get("findings/?page_size=1&ordering=id").json()["next"]
    cursor = link.split("cursor=")[1].split("&")[0]
    assert client.get(f"findings/?ordering=-id&cursor={cursor}").status_code == 400


def test_the_number_of_queries_of_a_list_does_not_grow_with_its_rows(
    api, world, django_assert_max_num_queries
):
    client = api(world.viewer)
    with django_assert_max_num_queries(6):
        assert len(ids(client.get("findings/"))) == 3
    with django_assert_max_num_queries(8):
        client.get(f"findings/?scope={world.scope.pk}&status=mobilizing&q=x")


def test_what_is_possible_is_listed_with_the_reason_where_it_is_not(api, world):
    answers = api(world.developer).get(f"findings/{world.open.pk}/transitions/").json()
    by_name = {answer["name"]: answer for answer in answers}
    assert by_name["claim"]["allowed"] and by_name["claim"]["needs"] == ["reason"]
    assert not by_name["mark_duplicate"]["allowed"]
    assert by_name["mark_duplicate"]["refusal"].startswith("Your role")


def test_for_completing_the_open_checks_are_listed(api, world):
    make.scan_fix(world.fix)
    make.take("claim", world.open)
    answers = api(world.viewer).get(f"findings/{world.open.pk}/transitions/").json()
    complete = next(answer for answer in answers if answer["name"] == "complete")
    assert not complete["allowed"] and complete["refusal"]
    assert [check["id"] for check in complete["checks"]] == ["HUMAN_REVIEW"]


def test_a_transition_is_performed_by_name(api, world):
    body = {"name": "validate", "evidence": "Reproduced.", "evidence_kind": "proof_of_concept"}
    response = api(world.analyst).post(f"findings/{world.fresh.pk}/transitions/", body)
    assert response.status_code == 200
    assert response.json()["status"] == "validated"
    assert world.fresh.validation_evidence.get().text == "Reproduced."


def test_completing_without_proof_is_409_with_the_failing_checks(api, world):
    make.take("claim", world.open)
    for role in Role:
        response = api(make.member(world.scope, role)).post(
            f"findings/{world.open.pk}/transitions/", {"name": "complete"}
        )
        assert response.status_code == 409
        assert "SCAN_LINKED" in [check["id"] for check in response.json()["checks"]]
    world.open.refresh_from_db()
    assert world.open.status == Status.AWAITING_VERIFICATION


def test_completing_a_finding_without_any_fix_says_what_is_missing(api, world):
    response = api(world.analyst).post(
        f"findings/{world.fresh.pk}/transitions/", {"name": "complete"}
    )
    assert response.status_code == 409
    assert response.json()["checks"][0]["id"] == "SCAN_LINKED"


NOBODYS = [
    ("send_back", 403),
    ("vanish", 403),
    ("revoke", 409),
    ("expire", 409),
    ("fly", 409),
    ("prioritize", 409),
]


def test_what_only_the_system_does_or_nobody_is_refused(api, world):
    make.take("claim", world.open)
    client, path = api(world.approver), f"findings/{world.open.pk}/transitions/"
    for name, status in NOBODYS:
        response = client.post(path, {"name": name, "reason": "Because."})
        assert response.status_code == status, name


def test_a_clearance_cannot_be_brought_along(api, world):
    """T28: completing takes the gate's own clearance, not one from a body."""
    make.take("claim", world.open)
    body = {"name": "complete", "clearance_id": world.clearance.pk}
    response = api(world.admin).post(f"findings/{world.open.pk}/transitions/", body)
    assert response.status_code == 400
    assert response.json()["errors"] == {"clearance_id": ["Cannot be set here."]}


def test_a_finding_is_mobilized_only_with_a_fix_of_its_own(api, world):
    before = stored()
    answers = [
        api(world.analyst).post(
            f"findings/{world.fresh.pk}/transitions/",
            {"name": "mobilize", "remediation_id": pk},
        )
        for pk in (world.fix.pk, 2**50)
    ]
    assert [answer.status_code for answer in answers] == [400, 400]
    assert stored()[1] == before[1]


def test_many_findings_are_moved_and_each_is_answered(api, world, elsewhere):
    body = {
        "name": "validate", "evidence": "Seen.",
        "findings": [world.open.pk, world.fresh.pk, elsewhere.fresh.pk, 2**40, world.fresh.pk],
    }  # fmt: skip
    client = api(world.analyst)
    before = stored()
    preview = client.post("findings/bulk-transitions/", {**body, "dry_run": True}).json()
    assert stored() == before
    done = client.post("findings/bulk-transitions/", body).json()
    assert preview == {**done, "dry_run": True}
    assert (done["done"], done["refused"]) == (1, 3)
    by_id = {answer["finding"]: answer for answer in done["answers"]}
    assert by_id[world.fresh.pk]["status"] == "validated"
    assert by_id[world.open.pk]["problem"]["status"] == 409
    foreign, missing = by_id[elsewhere.fresh.pk], by_id[2**40]
    assert foreign["problem"] == missing["problem"] and foreign["problem"]["status"] == 404
    world.fresh.refresh_from_db()
    assert world.fresh.status == Status.VALIDATED


UNBOUNDED = [[], list(range(1, 1002)), "1", [0], [True], [2**64]]


def test_a_bulk_move_is_bounded(api, world):
    client = api(world.analyst)
    for findings in UNBOUNDED:
        body = {"name": "validate", "evidence": "Seen.", "findings": findings}
        assert client.post("findings/bulk-transitions/", body).status_code == 400


def test_completions_in_bulk_are_bounded_as_each_is_judged(api, world, monkeypatch):
    monkeypatch.setattr("scans.services.moves.MAX_COMPLETIONS", 1)
    body = {"name": "complete", "findings": [world.open.pk, world.fresh.pk]}
    response = api(world.analyst).post("findings/bulk-transitions/", body)
    assert response.status_code == 400
    assert "2 > 1" in response.json()["detail"]


def test_risk_is_accepted_by_two_people(api, world):
    path = f"findings/{world.open.pk}"
    body = {"reason": "Switched off soon.", "until": "2099-01-01"}
    assert api(world.approver).post(f"{path}/risk-acceptances/", body).status_code == 201
    alone = api(world.approver).post(f"{path}/transitions/", {"name": "accept_risk"})
    assert alone.status_code == 403
    second = make.add_member(world.scope, make.make_user("second"), Role.APPROVER)
    done = api(second).post(f"{path}/transitions/", {"name": "accept_risk"})
    assert done.json()["status"] == "risk_accepted"
    (row,) = api(world.viewer).get(f"{path}/risk-acceptances/").json()["results"]
    assert row["approved_by"]["username"] == "second"


def test_of_several_requests_the_one_that_was_read_is_named(api, world):
    path, client = f"findings/{world.open.pk}", api(world.approver)
    for until in ("2098-01-01", "2099-01-01"):
        body = {"reason": "Switched off soon.", "until": until}
        assert api(world.analyst).post(f"{path}/risk-acceptances/", body).status_code == 201
    newest, older = client.get(f"{path}/risk-acceptances/").json()["results"]
    for told in ({}, {"decision": older["id"]}):
        done = client.post(f"{path}/transitions/", {"name": "accept_risk", **told})
        assert done.status_code == 409 and "newest" in done.json()["detail"]
    body = {"name": "accept_risk", "decision": newest["id"]}
    assert client.post(f"{path}/transitions/", body).json()["status"] == "risk_accepted"


def test_an_acceptance_until_yesterday_is_refused_with_the_place(api, world):
    body = {"reason": "Old.", "until": "2020-01-01"}
    response = api(world.analyst).post(f"findings/{world.open.pk}/risk-acceptances/", body)
    assert response.status_code == 400
    assert response.json()["where"] == "until"


def test_a_false_positive_is_confirmed_by_somebody_else(api, world):
    path = f"findings/{world.open.pk}"
    assert (
        api(world.analyst).post(f"{path}/dismissals/", {"reason": "Constant."}).status_code == 201
    )
    done = api(world.approver).post(f"{path}/transitions/", {"name": "dismiss"})
    assert done.json()["status"] == "false_positive"


def test_comments_and_events_are_listed_newest_first(api, world):
    path = f"findings/{world.open.pk}"
    client = api(world.developer)
    for body in ("first", "  second  "):
        assert client.post(f"{path}/comments/", {"body": body}).status_code == 201
    assert [c["body"] for c in client.get(f"{path}/comments/").json()["results"]] == [
        "second",
        "first",
        "Have a look.",
    ]
    events = client.get(f"{path}/events/?page_size=2").json()["results"]
    assert [event["action"] for event in events] == ["finding.commented", "finding.commented"]
    assert events[0]["actor"]["username"] == world.developer.username


def test_events_of_many_findings_are_listed_with_those_of_one(api, world):
    client, path = api(world.analyst), f"findings/{world.open.pk}"
    client.post(f"{path}/comments/", {"body": "first"})
    told = {"findings": [world.open.pk], "to": world.analyst.pk}
    assert client.post("findings/bulk-assign/", told).status_code == 200
    events = client.get(f"{path}/events/?page_size=2").json()
    assert [(event["action"], event["subject"]) for event in events["results"]] == [
        ("finding.assigned", "scope"), ("finding.commented", "finding"),
    ]  # fmt: skip
    more = client.get(events["next"].partition("/api/v1/")[2]).json()["results"]
    assert "finding.assigned" not in [event["action"] for event in more]


def test_a_finding_is_assigned_to_members_only(api, world, outsider):
    client, path = api(world.analyst), f"findings/{world.open.pk}/assign/"
    assert (
        client.post(path, {"to": world.developer.pk}).json()["assigned_to"]["id"]
        == world.developer.pk
    )
    assert ids(api(world.developer).get("findings/?assigned_to=me")) == [world.open.pk]
    assert client.post(path, {"to": outsider.pk}).status_code == 400
    assert client.post(path, {}).status_code == 400
    assert client.post(path, {"to": None}).json()["assigned_to"] is None


def test_the_certificate_is_the_signed_envelope_as_an_attachment(api, world):
    response = api(world.viewer).get(f"findings/{world.closed.pk}/certificate/")
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/vnd.dsse+json"
    assert response.headers["Content-Disposition"].startswith("attachment; ")
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert certificate_digest(response.content)
    assert json.loads(response.content)["payloadType"] == "application/vnd.in-toto+json"


def test_the_bundle_verifies(api, world):
    response = api(world.viewer).get(f"findings/{world.closed.pk}/certificate/?format=bundle")
    assert response.headers["Content-Type"] == "application/zip"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert verify_bundle(response.content).ok


def test_there_is_no_certificate_of_what_is_not_proven(api, world):
    client = api(world.viewer)
    assert client.get(f"findings/{world.open.pk}/certificate/").status_code == 404
    assert client.get(f"findings/{world.closed.pk}/certificate/?format=pdf").status_code == 400
    clearance = world.clearance
    revoke(clearance, reason="It came back.", by=None, at=datetime.now(UTC))
    assert client.get(f"findings/{world.closed.pk}/certificate/").status_code == 404
    assert client.get(f"clearances/{clearance.pk}/certificate/").status_code == 200
    assert not client.get(f"clearances/{clearance.pk}/").json()["live"]
