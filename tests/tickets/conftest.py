"""A receiver on this machine, which the operator of the test allows."""

import pytest

from tests import factories as make
from tests.loopback import serving
from tests.tickets.hooked import Clock

PATH = "/hook"


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
    return Clock(make.now())
