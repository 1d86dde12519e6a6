"""Closures on record by another policy: what it would have decided, for whom, and within which limits."""

import io
import json

import pytest
from django.core.management import CommandError, call_command

from core.errors import BadInput, NotAllowed
from core.models import Blob, Event
from core.permissions import Role
from findings.statuses import Status
from gate.policy import DEFAULT
from scans.models import Clearance, Verification
from scans.services import policies
from scans.services.clearances import revoke
from scans.services.policies import dry_run
from tests import factories as make

pytestmark = pytest.mark.django_db

SAME = DEFAULT.to_toml()
TWO_REVIEWERS = SAME.replace(b'name = "default"', b'name = "strict"').replace(
    b"reviewers = 1 ", b"reviewers = 2 "
)
WITH_PROVENANCE = SAME.replace(b'name = "default"', b'name = "provenance"').replace(
    b'"WELL_FORMED",', b'"WELL_FORMED", "POSITIVE_CONTROL", "SCAN_PROVENANCE",'
)
SOFT = SAME.replace(b'level = "warning"', b'level = "error"')
LINE = 1 + SAME[: SAME.index(b'level = "warning"')].count(b"\n")


@pytest.fixture
def closed(files, asset):
    return make.make_finding(Status.MOBILIZATION_COMPLETE, asset=asset)


@pytest.fixture
def clearance(closed):
    return Clearance.objects.get(finding=closed)


def run(scope, toml, last=20):
    return dry_run(scope=scope, toml=toml, last=last, by=make.member(scope, Role.ADMIN))


def test_the_same_policy_changes_nothing_and_nothing_is_stored(closed):
    make.member(closed.scope, Role.ADMIN)
    before = Event.objects.count(), Verification.objects.count(), Blob.objects.count()
    found = run(closed.scope, SAME)
    (row,) = found.rows
    assert row.would_close and row.why == ()
    assert row.replay.changes == () and row.replay.note == ""
    assert found.counts == {"pass": 1, "fail": 0, "unknown": 0, "not_judged": 0}
    assert (found.stopped, found.left) == (0, 0)
    assert (Event.objects.count(), Verification.objects.count(), Blob.objects.count()) == before


def test_a_stricter_policy_names_the_closures_it_would_have_stopped_and_why(closed):
    make.make_finding(Status.MOBILIZATION_COMPLETE, asset=closed.asset, weakness="pickle.loads(")
    found = run(closed.scope, TWO_REVIEWERS)
    assert found.stopped == 2
    for row in found.rows:
        assert (row.replay.verdict_then, row.replay.verdict_now) == ("pass", "unknown")
        (why,) = row.why
        assert why.startswith("HUMAN_REVIEW passed then and is unknown now: ")


def test_checks_that_come_in_are_told_whether_they_pass_or_not(closed):
    (row,) = run(closed.scope, WITH_PROVENANCE).rows
    told = {change.id: change for change in row.replay.changes}
    assert set(told) == {"POSITIVE_CONTROL", "SCAN_PROVENANCE"}
    assert all(change.kind == "newly_required" for change in told.values())
    assert not told["POSITIVE_CONTROL"].blocks
    assert row.would_close is not told["SCAN_PROVENANCE"].blocks


def test_a_revoked_closure_is_looked_at_too(closed, clearance):
    revoke(clearance, reason="It came back.", by=None, at=make.now())
    (row,) = run(closed.scope, SAME).rows
    assert not row.clearance.live and row.would_close


def test_the_newest_come_first_and_no_more_than_asked(closed):
    newer = make.make_finding(Status.MOBILIZATION_COMPLETE, asset=closed.asset)
    assert [row.clearance.finding for row in run(closed.scope, SAME).rows] == [newer, closed]
    assert [row.clearance.finding for row in run(closed.scope, SAME, last=1).rows] == [newer]


@pytest.mark.parametrize("last", [0, -1, 101])
def test_no_more_than_a_hundred_are_looked_at_in_a_request(closed, last):
    with pytest.raises(BadInput, match=f"last: {last} is outside 1 to 100"):
        run(closed.scope, SAME, last)


def test_a_request_begins_no_closure_when_its_time_is_over(closed, monkeypatch):
    make.make_finding(Status.MOBILIZATION_COMPLETE, asset=closed.asset)
    monkeypatch.setattr(policies, "MOST_SECONDS", -1.0)
    found = run(closed.scope, SAME)
    assert (len(found.rows), found.left) == (1, 1)


def test_evidence_that_is_too_large_for_a_request_is_left_to_the_command(closed, monkeypatch):
    monkeypatch.setattr(policies, "MOST_EVIDENCE", 10)
    found = run(closed.scope, SAME)
    assert "use manage.py policy_replay" in found.rows[0].problem
    assert found.counts["not_judged"] == found.stopped == 1


def test_evidence_that_is_gone_stops_nobody_from_seeing_the_rest(closed, clearance, settings):
    newer = make.make_finding(
        Status.MOBILIZATION_COMPLETE, asset=closed.asset, weakness="shell=True"
    )
    inputs = Verification.objects.get(clearances__finding=newer).inputs
    sha256 = next(d["sha256"] for d in inputs["documents"] if d["role"] == "after")
    (settings.MEDIA_ROOT / "blobs" / sha256[:2] / f"{sha256}.gz").unlink()
    first, second = run(closed.scope, SAME).rows
    assert first.replay is None and "cannot be judged again" in first.problem
    assert second.would_close


def test_a_softer_policy_is_refused_with_its_line(closed):
    with pytest.raises(BadInput, match=f"line {LINE}, .*NOTHING_NEW cannot be relaxed"):
        run(closed.scope, SOFT)


@pytest.mark.parametrize("role", [role for role in Role if role != Role.ADMIN])
def test_only_who_may_change_the_policy_tries_one(scope, role):
    with pytest.raises(NotAllowed):
        dry_run(scope=scope, toml=SAME, last=1, by=make.member(scope, role))


def test_no_closure_of_another_scope_is_looked_at(closed, outsider):
    elsewhere = outsider.memberships.get().scope
    assert run(elsewhere, SAME).rows == ()
    with pytest.raises(NotAllowed):
        dry_run(scope=closed.scope, toml=SAME, last=1, by=outsider)


# --- manage.py policy_replay ---------------------------------------------------------------------
def call(tmp_path, toml, *arguments, scope="shop"):
    """Status and output of the command."""
    file, out = tmp_path / "policy.toml", io.StringIO()
    file.write_bytes(toml)
    try:
        call_command("policy_replay", scope, "--policy", str(file), *arguments, stdout=out)
    except CommandError as error:
        return error.returncode, f"{out.getvalue()}{error}"
    return 0, out.getvalue()


def test_the_command_ends_with_0_where_all_would_pass(closed, tmp_path):
    status, said = call(tmp_path, SAME)
    assert status == 0
    assert said.startswith(f"{closed}, closed ")
    assert f"1 of 1 closures would pass by default, {DEFAULT.digest}" in said


def test_the_command_ends_with_1_where_some_would_not(closed, tmp_path):
    status, said = call(tmp_path, TWO_REVIEWERS)
    assert status == 1
    assert ": pass -> unknown, tier " in said
    assert "! HUMAN_REVIEW passed then and is unknown now" in said


def test_the_command_writes_an_object_a_line_and_the_totals_last(closed, tmp_path):
    _, said = call(tmp_path, TWO_REVIEWERS, "--json", "--last", "5")
    row, last = map(json.loads, said.splitlines()[:2])
    assert (row["id"], row["live"]) == (str(closed), True)
    assert row["verdict"] == {"then": "pass", "now": "unknown"}
    assert last["totals"] == {"pass": 0, "fail": 0, "unknown": 1, "not_judged": 0}
    assert last["policy"]["name"] == "strict"


def test_the_command_ends_with_3_where_the_call_cannot_be_used(scope, tmp_path):
    assert call(tmp_path, SAME, scope="nowhere") == (3, "there is no scope 'nowhere'")
    assert call(tmp_path, SAME, "--last", "0")[0] == 3
    status, said = call(tmp_path, SOFT)
    assert status == 3
    assert f"policy.toml: line {LINE}, nothing_new.level" in said
