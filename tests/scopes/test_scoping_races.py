"""Two send the same list, the same name or a newer CODEOWNERS file at once: nothing is there twice."""

import threading
import time

import pytest
from django.db import transaction

from core.errors import WrongState
from core.events import broken_links
from core.permissions import Role
from findings.models import Finding
from findings.services.owning import add_team, end_team, take_code_owners
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
