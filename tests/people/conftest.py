"""People who sign in by password."""

from pathlib import Path

import pytest
from django.core.cache import cache

from core.models import InstallationRole
from tests import factories as make
from tests.people.signing import with_password


@pytest.fixture(autouse=True)
def _fresh(settings):
    cache.clear()  # attempts count from here
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)  # or WhiteNoise warns


@pytest.fixture
def ada(scope):
    """An administrator of the scope, with a password."""
    return with_password(make.member(scope, "admin"))


@pytest.fixture
def vic(scope):
    """A viewer, with a password."""
    return with_password(make.member(scope, "viewer"))


@pytest.fixture
def root(db):
    """An administrator of the installation, in no scope."""
    user = with_password(make.make_user("root"))
    user.installation_role = InstallationRole.ADMIN
    user.save()
    return user
