"""Two send the same list, the same name or a newer CODEOWNERS file at once: nothing is there twice."""

import pytest

from core.errors import WrongState
from core.events import broken_links
from core.permissions import Role
from findings.services.owning import take_code_owners
from scopes.models import Asset, CodeOwners, Team
from scopes.services.importing import import_assets
from scopes.services.teams import create_team
from tests.factories import make_asset, make_scope, member, now
from tests.races import errors, race

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def admin(transactional_db):
    return member(make_scope(), Role.ADMIN)


def test_of_two_same_lists_one_makes_the_assets(admin):
    scope = admin.memberships.get().scope
    data = b"name\n" + b"".join(b"a%d\n" % n for n in range(50))
    answers = race(*[lambda: import_assets(scope=scope, data=data, by=admin, at=now())] * 2)
    assert errors(answers) == []
    assert sorted((one.created, one.unchanged) for one in answers) == [(0, 50), (50, 0)]
    assert Asset.objects.count() == 50
    assert list(broken_links()) == []


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
