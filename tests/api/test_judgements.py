"""Verifications, clearances, and the article's question."""

from datetime import timedelta

import pytest
from django.utils import timezone

from core.permissions import Role
from findings.statuses import Status
from scans.models import Scan
from tests import factories as make
from tests.api.conftest import stored
from tests.factories import fixed_code


def test_a_verification_holds_the_whole_judgement(api, world):
    row = api(world.viewer).get(f"verifications/{world.verification.pk}/").json()
    assert (row["verdict"], row["safe"], row["right"], row["with_merge"]) == (
        "pass",
        "pass",
        "pass",
        True,
    )
    assert {check["id"] for check in row["judgement"]["checks"]} >= {"NOTHING_NEW", "HUMAN_REVIEW"}
    assert {scan["role"] for scan in row["scans"]} == {"before", "after"}


def test_lists_of_verifications_leave_the_judgement_out_and_are_filtered(api, world):
    client = api(world.viewer)
    rows = client.get(f"verifications/?finding={world.closed.pk}&current=true").json()["results"]
    assert [row["verdict"] for row in rows] == ["pass"]
    assert "judgement" not in rows[0] and rows[0]["superseded_by"] is None
    older = client.get(f"verifications/?finding={world.closed.pk}&current=false").json()["results"]
    assert older and all(row["superseded_by"] for row in older)
    assert client.get("verifications/?verdict=pass&with_merge=true").json()["results"] == rows


def test_the_queries_of_a_list_of_verifications_do_not_grow(
    api, world, django_assert_max_num_queries
):
    client = api(world.viewer)
    with django_assert_max_num_queries(5):
        assert len(client.get("verifications/").json()["results"]) >= 3


def bad_fix(world):
    """A fix of the fresh finding that brings in another weakness, scanned."""
    head = fixed_code(world.line, world.fresh).change(
        {"app/new.py": "import pickle\npickle.loads(x)\n"}
    )
    fix = make.make_remediation(world.fresh, code=head)
    make.scan_fix(fix)
    return fix


def test_what_a_fix_brought_in_is_disposed_of_with_a_reason_by_somebody_else(api, world):
    fix = bad_fix(world)
    verification = fix.verifications.latest("pk")
    (new,) = verification.judgement["new"]
    path = f"verifications/{verification.pk}/dispositions/"
    body = {"rule": new["rule"], "path": new["path"], "line": new["line"],
            "decision": "accepted", "reason": "Only in tests."}  # fmt: skip
    assert api(world.developer).post(path, body).status_code == 403
    assert api(world.analyst).post(path, {**body, "line": 999}).status_code == 400
    assert api(world.analyst).post(path, {**body, "decision": "wontfix"}).status_code == 400
    machine = make.add_member(world.scope, make.make_user("helper", "ai"), Role.ANALYST)
    assert api(machine).post(path, body).status_code == 403
    response = api(world.analyst).post(path, body)
    assert response.status_code == 201
    assert api(world.viewer).get(path).json()["results"] == [response.json()]


def test_a_clearance_is_shown_with_its_verification(api, world):
    client = api(world.viewer)
    (row,) = client.get(f"clearances/?finding={world.closed.pk}&live=true").json()["results"]
    assert row["verification"] == world.verification.pk
    assert client.get("clearances/?live=false").json()["results"] == []
    assert client.get(f"clearances/{row['id']}/").json() == row


@pytest.mark.parametrize("path", ["verifications", "clearances"])
def test_what_the_gate_decided_is_written_by_nobody(api, world, path):
    before = stored()
    client = api(world.approver)
    before = stored()
    assert client.post(f"{path}/", {"verdict": "pass"}).status_code == 405
    assert stored() == before


def ask(client, query=""):
    response = client.get(f"audit/last-closed/{query}")
    assert response.status_code == 200, response.text
    return response.json()


def test_a_fix_that_was_scanned_before_it_merged_is_a_yes(api, world):
    answer = ask(api(world.viewer))
    assert answer["counts"] == {"yes": 1, "after": 0, "no": 0, "unknown": 0}
    (row,) = answer["findings"]
    assert (row["finding"], row["scanned_before_merge"]) == (world.closed.pk, "yes")
    scan = Scan.objects.get(pk=row["scan"])
    assert scan.commit == world.closed.remediations.get().head_commit
    assert row["scanned_at"] < row["merged_at"]


def merged_first(world, **facts):
    """A finding whose fix was scanned, reviewed and closed only after it had merged."""
    finding = world.open
    fix = finding.remediations.get()
    merged = make.merge(fix)
    code = make.code_with_tree(fix.head_tree)
    now = timezone.now().isoformat()
    told = {**make.facts_of(code), "started_at": now, "finished_at": now, **facts}
    make.upload_and_ingest(world.asset, code, told, remediation=merged)
    make.approve(merged)
    finding.refresh_from_db()
    if finding.status != Status.MOBILIZATION_COMPLETE:
        make.take("claim", finding) if finding.status != Status.AWAITING_VERIFICATION else None
        make.complete(finding)
    return finding


def test_a_fix_that_was_scanned_only_afterwards_is_an_after(api, world):
    finding = merged_first(world)
    (row, _) = ask(api(world.viewer), "?n=2")["findings"]
    assert (row["finding"], row["scanned_before_merge"]) == (finding.pk, "after")


def test_a_time_that_is_only_declared_proves_nothing(api, world):
    early = (timezone.now() - timedelta(minutes=5)).isoformat(timespec="seconds")
    merged_first(world, started_at=early, finished_at=early)
    (row, _) = ask(api(world.viewer))["findings"]
    assert row["scanned_before_merge"] == "unknown"
    assert "declared" in row["reason"]


def test_the_question_is_narrowed_by_origin_scope_and_number(api, world, elsewhere, outsider):
    client = api(make.add_member(elsewhere.scope, world.viewer, Role.VIEWER))
    assert len(ask(client)["findings"]) == 2
    assert len(ask(client, "?n=1")["findings"]) == 1
    assert (
        ask(client, f"?scope={elsewhere.scope.pk}")["findings"][0]["finding"] == elsewhere.closed.pk
    )
    assert ask(client, "?origin=ai")["findings"] == []
    assert len(ask(client, "?origin=unknown")["findings"]) == 2
    assert ask(api(outsider))["findings"] == []


NO_QUESTIONS = ["?n=0", "?n=101", "?n=x", "?origin=robot", "?scope=999", "?m=1"]


def test_a_question_that_cannot_be_is_refused(api, world):
    client = api(world.viewer)
    for query in NO_QUESTIONS:
        assert client.get(f"audit/last-closed/{query}").status_code == 400


def test_the_queries_of_the_question_do_not_grow(api, world, django_assert_max_num_queries):
    merged_first(world)
    client = api(world.viewer)
    with django_assert_max_num_queries(5):
        assert len(ask(client)["findings"]) == 2
