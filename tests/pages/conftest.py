"""One scope with one of everything, seen through pages."""

from dataclasses import dataclass, fields
from pathlib import Path

import pytest
from django.db import transaction
from django.test import Client

from core.permissions import Role
from ctem import jobs
from findings.models import (
    Campaign,
    Comment,
    DiscoveryRule,
    Finding,
    FindingDispute,
    FindingGroup,
    SavedView,
)
from findings.services import add_comment, save_view
from findings.statuses import Status
from forges.models import Connection
from remediations.models import Dispute, Proposal, Remediation, StandingApproval, Waiver
from reports.models import Report
from reports.services.reports import order_report
from reports.statuses import Period
from scans.inbox import InboxReport
from scans.models import Scan, Verification
from scans.services.inbox import keep_report
from scopes.models import ApiToken, Asset, AssetLink, Invitation, ServiceAccount, Team
from scopes.services import issue_token
from scopes.services.invitations import invite
from scopes.services.links import link_assets
from scopes.services.service_accounts import create_service_account
from scopes.services.teams import add_team_member, create_team
from tests import factories as make
from tests.findings.triaged import triage
from tests.forges.connected import make_connection, make_pull, make_repository
from tests.remediations.proposed import mobilized
from tests.scans.evidence import said_of
from tests.scans.objections import objections_to
from tests.tickets.hooked import hook, told_of
from tests.tickets.tracked import ticketed
from tickets.models import Ticket, TrackerConnection, WebhookEndpoint


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
    def webhook(self):
        return WebhookEndpoint.objects.get(scope=self.scope)

    @property
    def tracker(self):
        return TrackerConnection.objects.get(scope=self.scope)

    @property
    def ticket(self):
        return Ticket.objects.get(scope=self.scope)

    @property
    def invitation(self):
        return Invitation.objects.get(scope=self.scope)

    @property
    def account(self):
        return ServiceAccount.objects.get(scope=self.scope)

    @property
    def approval(self):
        return StandingApproval.objects.get(scope=self.scope)

    @property
    def rule(self):
        return DiscoveryRule.objects.get(scope=self.scope, name="Noise")

    @property
    def disputed(self):
        return FindingDispute.objects.get(scope=self.scope)

    @property
    def team(self):
        return Team.objects.get(scope=self.scope)

    @property
    def link(self):
        return AssetLink.objects.get(scope=self.scope)

    @property
    def report(self):
        return InboxReport.objects.get(scope=self.scope)

    @property
    def made_report(self):
        return Report.objects.get(scopes=self.scope)

    @property
    def dispute(self):
        return Dispute.objects.get(scope=self.scope)

    @property
    def campaign(self):
        return Campaign.objects.get(scope=self.scope)

    @property
    def group(self):
        return FindingGroup.objects.get(scope=self.scope)

    @property
    def view(self):
        return SavedView.objects.get(scope=self.scope)

    @property
    def comment(self):
        return Comment.objects.get(finding=self.open)

    @property
    def proposal(self):
        return Proposal.objects.get(scope=self.scope)

    def member(self, role):
        return make.member(self.scope, role)


def scoped(asset):
    """A team with a member, a link between assets, and a report of an asset that is not there."""
    at, admin = make.now(), make.member(asset.scope, Role.ADMIN)
    team = create_team(scope=asset.scope, name="Web", handle="@acme/web", by=admin, at=at)
    add_team_member(team=team, user=make.member(asset.scope, Role.VIEWER), by=admin, at=at)
    invite(scope=asset.scope, email="new@example.org", role="viewer", by=admin, at=at)
    library = make.make_asset(asset.scope, name="library")
    link_assets(asset=asset, kind="built_from", target=library, by=admin, at=at)
    keep_report(
        scope=asset.scope, data=b'{"version": "2.1.0"}', facts={}, asset_name="nobody told us",
        by=make.member(asset.scope, Role.PIPELINE), at=at,
    )  # fmt: skip


def reported(scope):
    """A report that is made."""
    analyst = make.member(scope, Role.ANALYST)
    report = order_report(scopes=[scope], period=Period.MONTH, by=analyst, at=make.now())
    jobs.run(report.job_id)


def make_world():
    asset = make.make_asset()
    closed = make.make_finding(Status.MOBILIZATION_COMPLETE, asset=asset)
    being_fixed = make.make_finding(Status.MOBILIZING, asset=asset, weakness="pickle.loads(")
    fresh = make.import_finding(asset, "shell=True")
    for role in Role:
        make.member(asset.scope, role)
    viewer = make.member(asset.scope, Role.VIEWER)
    token, _ = issue_token(user=viewer, by=viewer, name="laptop", at=make.now())
    admin = make.member(asset.scope, Role.ADMIN)
    account = create_service_account(
        scope=asset.scope, name="Bridge", role="ticketing", by=admin, at=make.now()
    )
    issue_token(user=account.user, by=admin, name="bridge", at=make.now())
    objections_to(closed.remediations.get())
    said_of(closed.remediations.get())
    triage(being_fixed)
    connection, _ = make_connection(asset.scope)
    make_pull(make_repository(connection, asset=asset), being_fixed.remediations.get())
    hook(asset.scope)
    told_of(asset.scope)
    ticketed(being_fixed)
    mobilized(fresh, being_fixed)
    scoped(asset)
    reported(asset.scope)
    analyst = make.member(asset.scope, Role.ANALYST)
    save_view(name="Grave", query="severity=high", scope=asset.scope, by=analyst, at=make.now())
    add_comment(finding=being_fixed, body="Have a look.", by=analyst, at=make.now())
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
