"""A receiver on this machine, which the operator of the test allows."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests import factories as make
from tests.loopback import serving
from tests.tickets.fake_jira import Jira
from tests.tickets.hooked import Clock

PATH = "/hook"


@pytest.fixture(autouse=True)
def _static(settings):
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)  # or WhiteNoise warns


@pytest.fixture
def receiver(settings):
    """It takes everything at /hook."""
    with serving() as server:
        settings.OUTBOUND_PLAIN_HOSTS = [server.host]
        settings.OUTBOUND_PRIVATE_HOSTS = []
        server.answers[PATH] = 200, {}, b"thanks"
        yield server


@pytest.fixture
def url(receiver):
    return f"{receiver.url}{PATH}"


@pytest.fixture
def clock(db):
    """A minute ahead: all that a test made before is due."""
    return Clock(make.now() + timedelta(minutes=1))


@pytest.fixture
def jira(settings):
    """A Jira Cloud with the project SEC."""
    with serving() as server:
        settings.OUTBOUND_PLAIN_HOSTS = [server.host]
        settings.OUTBOUND_PRIVATE_HOSTS = []
        settings.PUBLIC_URL = "https://ctem.example"
        yield Jira(server)
