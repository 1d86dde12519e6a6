"""One scope with one of everything, seen through pages."""

from dataclasses import dataclass, fields
from pathlib import Path

import pytest
from django.db import transaction
from django.test import Client

from core.permissions import Role
from findings.models import Finding
from findings.statuses import Status
from forges.models import Connection
from remediations.models import Dispute, Remediation, StandingApproval, Waiver
from scans.models import Scan, Verification
from scopes.models import ApiToken, Asset
from scopes.services import issue_token
from tests import factories as make
from tests.forges.connected import make_connection, make_pull, make_repository
from tests.scans.evidence import said_of
from tests.scans.objections import objections_to


@dataclass
class World:
    """``closed`` is proven, ``open`` is being fixed by ``fix``, ``fresh`` was only imported."""

    asset: Asset
    closed: Finding
    open: Finding
    fresh: Finding
    fix: Remediation
    token: ApiToken

    @property
    def scope(self):
        return self.asset.scope

    @property
    def scan(self):
        return Scan.objects.filter(asset=self.asset, line__isnull=False).latest("pk")

    @property
    def verification(self):
        return Verification.objects.current().get(finding=self.closed)

    @property
    def waiver(self):
        return Waiver.objects.get(scope=self.scope)

    @property
    def connection(self):
        return Connection.objects.get(scope=self.scope)

    @property
    def approval(self):
        return StandingApproval.objects.get(scope=self.scope)

    @property
    def dispute(self):
        return Dispute.objects.get(scope=self.scope)

    def member(self, role):
        return make.member(self.scope, role)


def make_world():
    asset = make.make_asset()
    closed = make.make_finding(Status.MOBILIZATION_COMPLETE, asset=asset)
    being_fixed = make.make_finding(Status.MOBILIZING, asset=asset, weakness="pickle.loads(")
    fresh = make.import_finding(asset, "shell=True")
    for role in Role:
        make.member(asset.scope, role)
    viewer = make.member(asset.scope, Role.VIEWER)
    token, _ = issue_token(user=viewer, by=viewer, name="laptop", at=make.now())
    objections_to(closed.remediations.get())
    said_of(closed.remediations.get())
    connection, _ = make_connection(asset.scope)
    make_pull(make_repository(connection, asset=asset), being_fixed.remediations.get())
    return World(asset, closed, being_fixed, fresh, being_fixed.remediations.get(), token)


@pytest.fixture(autouse=True)
def _static(settings):
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)  # or WhiteNoise warns


@pytest.fixture(scope="module")
def _built(django_db_setup, django_db_blocker):
    """One world for the tests of a module: each of them works on it inside a savepoint."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield make_world()
        transaction.set_rollback(True)


@pytest.fixture
def world(_built, db):
    """The module's world, read again: what another test did to its objects is forgotten."""
    rows = {field.name: getattr(_built, field.name) for field in fields(World)}
    return World(**{name: type(row).objects.get(pk=row.pk) for name, row in rows.items()})


@pytest.fixture
def browse():
    """Return a client that is signed in as somebody (None: nobody)."""

    def sign_in(user=None, **options):
        client = Client(**options)
        if user is not None:
            client.force_login(user)
        return client

    return sign_in
