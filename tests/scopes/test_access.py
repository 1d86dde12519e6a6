"""What is remembered of a person for one page is what the database says, and for nothing else."""

import pytest

from core.models import User
from core.permissions import Permission, Role
from scopes.access import can, remember, with_role
from scopes.models import Asset, Membership, Scope
from tests.factories import make_asset, make_user, member

pytestmark = pytest.mark.django_db


def remembered(user, asset):
    """The person as one request has them, who opened a page of the asset."""
    user = User.objects.get(pk=user.pk)
    remember(user, with_role(Asset.objects.all(), user).get(pk=asset.pk))
    return user


@pytest.mark.parametrize("role", [*Role, None])
def test_it_answers_as_the_database_does_without_asking(role, django_assert_num_queries):
    asset = make_asset()
    user = member(asset.scope, role) if role else make_user("nobody")
    asked = {permission: can(user, permission, asset.scope_id) for permission in Permission}
    user = remembered(user, asset)
    with django_assert_num_queries(0):
        known = {permission: can(user, permission, asset.scope_id) for permission in Permission}
    assert known == asked


def test_of_another_scope_it_knows_nothing():
    asset, other = make_asset(), make_asset()
    user = member(asset.scope, Role.ADMIN)
    Membership.objects.create(scope=other.scope, user=user, role=Role.VIEWER)
    user = remembered(user, asset)
    assert can(user, Permission.READ, other.scope_id)
    assert not can(user, Permission.ADMINISTER, other.scope_id)
    assert not can(user, Permission.READ, Scope.objects.latest("pk").pk + 1)


def test_the_next_request_asks_anew():
    asset = make_asset()
    user = remembered(member(asset.scope, Role.ADMIN), asset)
    Membership.objects.filter(user=user).delete()
    assert not can(User.objects.get(pk=user.pk), Permission.READ, asset.scope_id)


def test_who_came_by_a_token_is_asked_for_each_time():
    asset = make_asset()
    user = User.objects.get(pk=member(asset.scope, Role.ADMIN).pk)
    row = with_role(Asset.objects.all(), user).get(pk=asset.pk)
    user.token = NoRights()
    remember(user, row)
    assert not can(user, Permission.READ, asset.scope_id)


class NoRights:
    """A token that permits nothing."""

    def permits(self, permission):
        return False

    def scope_ids(self):
        return None
