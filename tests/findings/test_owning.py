"""Owners of findings by CODEOWNERS: set for all of an asset at once, by files and by handles."""

import hashlib

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from core.errors import BadInput, NotAllowed, WrongState
from core.events import broken_links
from core.models import Event, Job
from core.permissions import Role
from ctem import jobs
from findings.models import Finding
from findings.services.owning import (
    add_team,
    end_team,
    rename_team,
    set_owners,
    take_code_owners,
)
from findings.statuses import Status
from scopes.models import CodeOwners
from scopes.services.ownership import owners_of
from tests.factories import import_finding, make_asset, make_finding, make_scope, member, now

pytestmark = pytest.mark.django_db
COMMIT = "ab" * 20


@pytest.fixture
def teams(scope, admin):
    return {
        name: add_team(scope=scope, name=name, handle=f"@acme/{name}", by=admin, at=now())
        for name in ("app", "lib")
    }


@pytest.fixture
def findings(asset):
    return {path: import_finding(asset, path=path) for path in ("app/a.py", "lib/b.py", "c.py")}


def owners(findings):
    rows = Finding.objects.in_bulk([finding.pk for finding in findings.values()])
    return {
        path: rows[f.pk].owned_by.name if rows[f.pk].owned_by else None
        for path, f in findings.items()
    }


def tell(asset, text, **more):
    by = more.pop("by", None) or member(asset.scope, Role.PIPELINE)
    return take_code_owners(asset=asset, text=text, by=by, at=now(), **more)


def test_a_file_says_whose_the_open_findings_are_by_one_event(asset, teams, findings):
    row, new = tell(asset, "/app @acme/app\n/lib @nobody @ACME/lib\n", commit=COMMIT)
    assert new and (row.commit, row.rules, row.problems) == (COMMIT, 2, [])
    assert owners(findings) == {"app/a.py": "app", "lib/b.py": "lib", "c.py": None}
    event = Event.objects.get(action="findings.owned")
    assert (event.subject, event.subject_id, event.data["count"]) == ("asset", asset.pk, 2)
    rows = sorted(
        (findings[p].pk, teams[t].pk) for p, t in (("app/a.py", "app"), ("lib/b.py", "lib"))
    )
    sealed = "\n".join(f"{pk}:{team}" for pk, team in rows)
    assert event.data["rows"] == hashlib.sha256(sealed.encode()).hexdigest()
    assert Event.objects.filter(action="asset.code_owners_told").count() == 1
    assert list(broken_links()) == []


def test_the_newest_file_counts_and_the_same_again_is_the_first(asset, teams, findings):
    first, _ = tell(asset, "* @acme/app\n")
    second, _ = tell(asset, "* @acme/lib\n")
    assert set(owners(findings).values()) == {"lib"}
    events = Event.objects.count()
    again, new = tell(asset, "* @acme/lib\n", commit=COMMIT)
    assert (again, new, Event.objects.count()) == (second, False, events)
    assert list(CodeOwners.objects.in_force()) == [second]
    first.refresh_from_db()
    assert first.ended_at is not None
    tell(asset, "")
    assert set(owners(findings).values()) == {None}
    with pytest.raises(IntegrityError), transaction.atomic():
        CodeOwners.objects.filter(pk=first.pk).update(ended_at=None)


def test_findings_that_ended_are_owned_by_the_newest_file_too_for_they_may_reopen(asset, teams):
    gone = make_finding(Status.RISK_ACCEPTED, asset=asset, path="app/gone.py")
    tell(asset, "* @acme/app\n")
    gone.refresh_from_db()
    assert gone.owned_by == teams["app"]


def test_a_handle_that_changes_owns_anew_over_all_assets_of_the_scope(
    scope, asset, admin, findings
):
    other = make_asset(scope)
    there = import_finding(other, path="app/x.py")
    elsewhere = import_finding(make_asset(), path="app/x.py")
    for one in (asset, other):
        tell(one, "/app @acme/payments\n")
    team = add_team(scope=scope, name="Payments", handle="@acme/payments", by=admin, at=now())
    for one in (there, findings["app/a.py"]):
        one.refresh_from_db()
        assert one.owned_by == team
    event = Event.objects.filter(action="findings.owned").latest("pk")
    assert (event.subject, event.subject_id, event.data["count"]) == ("scope", scope.pk, 2)
    before = Event.objects.filter(action="findings.owned").count()
    rename_team(team=team, name="Billing", by=admin, at=now())
    assert Event.objects.filter(action="findings.owned").count() == before
    rename_team(team=team, handle="@acme/billing", by=admin, at=now())
    there.refresh_from_db()
    elsewhere.refresh_from_db()
    assert there.owned_by is None and elsewhere.owned_by is None


def test_a_team_that_ends_owns_nothing_more_and_another_may(scope, asset, admin, findings):
    first = add_team(scope=scope, name="A", handle="@acme/a", by=admin, at=now())
    add_team(scope=scope, name="B", handle="@acme/b", by=admin, at=now())
    tell(asset, "* @acme/a @acme/b\n")
    assert set(owners(findings).values()) == {"A"}
    end_team(team=first, by=admin, at=now())
    assert set(owners(findings).values()) == {"B"}
    connection.check_constraints()


def test_a_team_with_assigned_findings_does_not_end(scope, admin, findings):
    team = add_team(scope=scope, name="A", by=admin, at=now())
    Finding.objects.filter(pk=findings["c.py"].pk).update(team=team)
    with pytest.raises(WrongState, match="1 findings assigned"):
        end_team(team=team, by=admin, at=now())


def test_the_loader_takes_one_statement_and_remembers_paths(asset, teams):
    tell(asset, "/app @acme/app\n*.md @somebody\n", path="CODEOWNERS")
    with CaptureQueriesContext(connection) as queries:
        owner = owners_of(asset)
        told = [owner("app/a.py"), owner("x.md"), owner("app/a.py"), owner("x.c")]
    assert len(queries) == 1
    assert told == [teams["app"].pk, None, teams["app"].pk, None]


def test_without_a_file_or_with_teams_of_another_scope_nobody_owns(asset):
    assert owners_of(asset)("a") is None
    add_team(scope=make_scope(), name="Theirs", handle="@acme/app", by=None, at=now())
    tell(asset, "* @acme/app\n")
    assert owners_of(asset)("a") is None


def test_a_file_of_another_asset_says_nothing_here(scope, asset, teams):
    tell(make_asset(scope), "* @acme/app\n")
    assert owners_of(asset)("a") is None


def test_where_a_file_lies_tells_whose_rules_it_has(asset, teams, findings):
    tell(asset, "app @acme/app\n", path=".gitlab/CODEOWNERS")
    assert owners(findings)["app/a.py"] is None  # there a directory needs its slash
    tell(asset, "app @acme/app\n", path=".github/CODEOWNERS")
    assert owners(findings)["app/a.py"] == "app"


@pytest.mark.parametrize("more", [{"commit": "abc"}, {"path": "a\0"}])
def test_what_cannot_be_kept_with_a_file_is_refused(asset, more):
    with pytest.raises(BadInput):
        tell(asset, "* @a\n", **more)
    assert not CodeOwners.objects.exists()


@pytest.mark.parametrize("role", [Role.VIEWER, Role.TICKETING])
def test_who_may_not_upload_tells_no_owners(asset, role):
    with pytest.raises(NotAllowed):
        tell(asset, "* @a\n", by=member(asset.scope, role))


def test_many_findings_are_owned_by_a_job_part_by_part(
    scope, asset, admin, teams, findings, monkeypatch
):
    monkeypatch.setattr("findings.services.owning.PART", 2)
    tell(asset, "* @acme/app @acme/new\n")
    assert set(owners(findings).values()) == {None}
    assert jobs.run(Job.objects.get(kind="owners_of_asset").pk)
    assert set(owners(findings).values()) == {"app"}
    rename_team(team=teams["app"], handle="@acme/old", by=admin, at=now())
    add_team(scope=scope, name="new", handle="@acme/new", by=admin, at=now())
    for job in Job.objects.filter(kind="owners_of_scope"):
        assert jobs.run(job.pk)
    assert set(owners(findings).values()) == {"new"}
    told = Event.objects.filter(action="findings.owned").order_by("pk")
    assert [e.data["count"] for e in told] == [2, 1, 2, 1]
    assert list(broken_links()) == []


def test_the_statements_do_not_grow_with_assets_and_findings(scope, admin, teams):
    def statements():
        with CaptureQueriesContext(connection) as queries:
            set_owners(scope_id=scope.pk, by=admin, at=now())
        return len(queries)

    counts = []
    for _ in range(2):
        for _ in range(3):
            asset = make_asset(scope)
            import_finding(asset, path="app/a.py")
            CodeOwners.objects.create(
                scope=scope, asset=asset, text="* @acme/app", sha256="0", dialect="github",
                rules=1, at=now(),
            )  # fmt: skip
        counts.append(statements())
    assert counts[0] == counts[1]
