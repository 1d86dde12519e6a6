"""Two send the same list, the same name or a newer CODEOWNERS file at once: nothing is there twice."""

import threading
import time

import pytest
from django.db import IntegrityError, transaction

from core.errors import WrongState
from core.events import broken_links
from core.permissions import Role
from findings.models import Finding
from findings.services.assigning import assign
from findings.services.owning import add_team, end_team, rename_team, take_code_owners
from scans.history import HistorySource
from scans.services.moving_in import move_in
from scopes.models import Asset, CodeOwners, Scope, Team
from scopes.services.assets import change_asset
from scopes.services.importing import import_assets
from scopes.services.teams import create_team
from tests.factories import import_finding, make_asset, make_scope, member, now
from tests.races import errors, race

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def admin(transactional_db):
    return member(make_scope(), Role.ADMIN)


def take_list(asset, by):
    data = f"name,kind\n{asset.name},service\n".encode()
    import_assets(scope=asset.scope, data=data, by=by, at=now())


def after(event, call):
    """The call, once the other has begun."""
    return lambda: event.wait(10) and call()


def test_of_two_same_lists_one_makes_the_assets(admin):
    scope = admin.memberships.get().scope
    data = b"name\n" + b"".join(b"a%d\n" % n for n in range(50))
    answers = race(*[lambda: import_assets(scope=scope, data=data, by=admin, at=now())] * 2)
    assert errors(answers) == []
    assert sorted((one.created, one.unchanged) for one in answers) == [(0, 50), (50, 0)]
    assert Asset.objects.count() == 50
    assert list(broken_links()) == []


def test_what_somebody_changes_while_a_list_is_taken_stays(admin):
    asset = make_asset(admin.memberships.get().scope)

    def change():
        change_asset(asset=asset, environment="production", by=admin, at=now())
        has_begun.set()
        time.sleep(0.5)  # for so long the import has to wait

    has_begun = threading.Event()
    take = after(has_begun, lambda: take_list(asset, admin))
    assert errors(race(transaction.atomic(change), take)) == []
    asset.refresh_from_db()
    assert (asset.environment, asset.kind) == ("production", "service")


def test_who_moves_in_and_who_takes_a_list_do_not_wait_for_each_other(admin):
    asset = make_asset(admin.memberships.get().scope)
    has_begun = threading.Event()

    def take():
        Scope.objects.select_for_update(no_key=True).get(pk=asset.scope_id)
        has_begun.set()
        time.sleep(0.5)
        take_list(asset, admin)

    def move():
        move_in(line=asset.lines.get(), source=HistorySource.GITHUB, name="alerts.json",
                content=b"[]", by=admin, at=now())  # fmt: skip

    assert errors(race(transaction.atomic(take), after(has_begun, move))) == []


def test_who_removes_a_team_and_who_imports_its_findings_do_not_wait_for_each_other(admin):
    asset = make_asset(admin.memberships.get().scope)
    finding = import_finding(asset, path="a.py")
    team = add_team(scope=asset.scope, name="A", handle="@acme/a", by=admin, at=now())
    take_code_owners(asset=asset, text="* @acme/a\n", by=admin, at=now())
    has_begun = threading.Event()

    def imports():
        Asset.objects.select_for_update(no_key=True).get(pk=asset.pk)
        has_begun.set()
        time.sleep(0.5)
        Finding.objects.select_for_update(of=("self",), no_key=True).get(pk=finding.pk)

    end = after(has_begun, lambda: end_team(team=team, by=admin, at=now()))
    assert errors(race(transaction.atomic(imports), end)) == []
    finding.refresh_from_db()
    assert finding.owned_by is None


def owned_anew(asset, admin):
    """The verbs that own findings anew, each by its name."""
    scope = asset.scope

    def team():
        return Team.objects.get(handle="@acme/a")

    return {
        "a newer file": lambda: take_code_owners(asset=asset, text="* @b\n", by=admin, at=now()),
        "a new team": lambda: add_team(scope=scope, name="B", handle="@b", by=admin, at=now()),
        "another handle": lambda: rename_team(team=team(), handle="@c", by=admin, at=now()),
        "no team": lambda: end_team(team=team(), by=admin, at=now()),
    }


@pytest.mark.parametrize("verb", ["a newer file", "a new team", "another handle", "no team"])
def test_who_owns_findings_anew_and_who_assigns_them_do_not_wait_for_each_other(admin, verb):
    asset = make_asset(admin.memberships.get().scope)
    finding = import_finding(asset, path="a.py")
    add_team(scope=asset.scope, name="A", handle="@acme/a", by=admin, at=now())
    take_code_owners(asset=asset, text="* @b @acme/a\n", by=admin, at=now())
    has_begun = threading.Event()

    def assigns():
        row = Finding.objects.select_for_update(of=("self",), no_key=True).get(pk=finding.pk)
        has_begun.set()
        time.sleep(0.5)  # the other has written, and would have told of it
        assign(finding=row, to=admin, by=admin, at=now())

    answers = race(transaction.atomic(assigns), after(has_begun, owned_anew(asset, admin)[verb]))
    assert errors(answers) == []
    finding.refresh_from_db()
    assert finding.assigned_to == admin and list(broken_links()) == []


def test_a_handle_that_was_changed_meanwhile_is_owned_anew_all_the_same(admin):
    asset = make_asset(admin.memberships.get().scope)
    finding = import_finding(asset, path="a.py")
    team = add_team(scope=asset.scope, name="A", handle="@acme/a", by=admin, at=now())
    take_code_owners(asset=asset, text="* @acme/a\n", by=admin, at=now())
    stale = Team.objects.get(pk=team.pk)
    rename_team(team=team, handle="@acme/b", by=admin, at=now())
    rename_team(team=stale, handle="@acme/a", by=admin, at=now())
    finding.refresh_from_db()
    assert finding.owned_by == team


@pytest.mark.parametrize("told", [("Pay", "", "pay", ""), ("A", "@acme/pay", "B", "@ACME/Pay")])
def test_of_two_teams_that_differ_in_case_alone_one_is_made(admin, told):
    scope = admin.memberships.get().scope
    answers = race(*[
        lambda name=name, handle=handle: create_team(
            scope=scope, name=name, handle=handle, by=admin, at=now()
        )
        for name, handle in (told[:2], told[2:])
    ])  # fmt: skip
    (refused,) = errors(answers)
    assert isinstance(refused, WrongState) and Team.objects.count() == 1


def test_the_database_holds_teams_apart_whatever_the_case(admin):
    team = create_team(
        scope=admin.memberships.get().scope, name="Pay", handle="@acme/pay", by=admin, at=now()
    )
    for more in ({"name": "PAY"}, {"name": "B", "handle": "@Acme/Pay"}):
        with pytest.raises(IntegrityError):
            Team.objects.create(scope=team.scope, created_at=now(), **more)


def test_of_two_newer_files_one_counts(admin):
    asset = make_asset(admin.memberships.get().scope)
    answers = race(
        *[
            lambda text=text: take_code_owners(asset=asset, text=text, by=admin, at=now())
            for text in ("* @a\n", "* @b\n")
        ]
    )
    assert errors(answers) == []
    assert CodeOwners.objects.count() == 2
    assert CodeOwners.objects.in_force().count() == 1


def test_of_two_teams_of_one_name_one_is_made(admin):
    scope = admin.memberships.get().scope
    answers = race(*[lambda: create_team(scope=scope, name="Pay", by=admin, at=now())] * 2)
    (refused,) = errors(answers)
    assert isinstance(refused, WrongState) and Team.objects.count() == 1
