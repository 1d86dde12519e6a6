"""The fake hosts as fixtures: what they were asked and answered must fit their published descriptions."""

import pytest
from django.core.cache import cache

from forges.hosts.github import GitHub
from forges.hosts.gitlab import GitLab
from tests.forges.acme import acme_on, opened
from tests.forges.fake_github import FakeGitHub
from tests.forges.fake_gitlab import TOKEN, FakeGitLab


@pytest.fixture
def github():
    with FakeGitHub(org="acme") as github:
        yield github


@pytest.fixture
def acme(github, settings, db):
    """The organisation, connected and never looked at."""
    cache.clear()  # what another test's repository could not tell
    return acme_on(github, settings)


@pytest.fixture
def shop(acme):
    """Its repository, scanned and looked at once."""
    return opened(acme)


@pytest.fixture
def app(github):
    """GitHub's adapter, signed in as an App."""
    return GitHub(api=github.api, account="acme", **github.app_sign_in())


@pytest.fixture
def token(github):
    """GitHub's adapter, signed in with a token."""
    return GitHub(api=github.api, account="acme", token=github.token)


@pytest.fixture
def world(tmp_path, settings):
    """A fake GitLab."""
    with FakeGitLab(tmp_path) as world:
        settings.OUTBOUND_PLAIN_HOSTS = [world.server.host]
        yield world
    assert world.violations == []


@pytest.fixture
def host(world):
    """GitLab's adapter."""
    return GitLab(api=world.api, account="acme", token=TOKEN)
