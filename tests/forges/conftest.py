"""The fake hosts as fixtures: what they were asked and answered must fit their published descriptions."""

import pytest

from tests.forges.acme import acme_on
from tests.forges.fake_github import FakeGitHub


@pytest.fixture
def github():
    with FakeGitHub(org="acme") as github:
        yield github


@pytest.fixture
def acme(github, settings, db):
    """The organisation, connected and never looked at."""
    return acme_on(github, settings)
