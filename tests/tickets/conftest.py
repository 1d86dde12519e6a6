"""A receiver on this machine, which the operator of the test allows."""

from datetime import timedelta
from pathlib import Path

import pytest

from core.permissions import Role
from findings.statuses import Status
from tests import factories as make
from tests.loopback import serving
from tests.tickets.fake_jira import Jira
from tests.tickets.hooked import Clock
from tests.tickets.noticed import HOME
from tests.tickets.postbox import posting

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


# --- notices to people
@pytest.fixture
def home(settings):
    settings.PUBLIC_URL = HOME


@pytest.fixture
def postbox(settings):
    with posting() as box:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", box.port
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
        settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
        settings.DEFAULT_FROM_EMAIL = "CTEM <ctem@example.org>"
        yield box


@pytest.fixture
def finding(db):
    return make.make_finding(Status.VALIDATED)


@pytest.fixture
def developer(finding):
    return make.member(finding.scope, Role.DEVELOPER)


@pytest.fixture
def analyst(finding):
    return make.member(finding.scope, Role.ANALYST)
