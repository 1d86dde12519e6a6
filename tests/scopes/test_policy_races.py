"""Two administrators put different policies in force at once: one does, the other compares again."""

import pytest

from core.errors import WrongState
from core.events import broken_links
from core.permissions import Role
from gate.policy import DEFAULT
from scopes.services import put_in_force
from scopes.versions import versions_of
from tests.factories import add_member, make_scope, make_user, member, now
from tests.races import errors, race

pytestmark = pytest.mark.django_db(transaction=True)


def test_of_two_who_replace_the_same_policy_at_once_one_does(transactional_db):
    scope = make_scope()
    people = [member(scope, Role.ADMIN), add_member(scope, make_user("second"), Role.ADMIN)]
    texts = [DEFAULT.to_toml().replace(b'"default"', name) for name in (b'"ours"', b'"theirs"')]
    answers = race(
        *[
            lambda by=by, toml=toml: put_in_force(
                scope=scope, toml=toml, replaces=DEFAULT.digest, by=by, at=now()
            )
            for by, toml in zip(people, texts, strict=True)
        ]
    )
    (refused,) = errors(answers)
    assert isinstance(refused, WrongState) and "meanwhile" in str(refused)
    scope.refresh_from_db()
    names = [version.policy.name for version in versions_of(scope)]
    assert names == [scope.policy.name, "default"]
    assert list(broken_links()) == []
