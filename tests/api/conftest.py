"""A small world with one of everything, and a client that holds every answer against the schema."""

import copy
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.apps import apps
from django.core.cache import cache
from django.test import override_settings
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator
from rest_framework.test import APIClient

from core.permissions import Role
from core.problems import KINDS, PREFIX
from findings.models import (
    Campaign,
    ClockPause,
    Comment,
    DiscoveryRule,
    Finding,
    FindingDispute,
    FindingGroup,
    SavedView,
    Tag,
)
from findings.services import add_comment, save_view
from findings.services.clocks import pause_clock
from findings.statuses import Status
from forges.models import Connection, PullRequest, Repository
from remediations.models import Dispute, Proposal, Release, StandingApproval, Waiver
from reports.models import Report
from reports.services.reports import order_report
from reports.statuses import Period
from scans.inbox import InboxReport
from scans.models import Clearance, Scan, ScannerRecipe, ScanSchedule, Tool, Verification
from scans.services.inbox import keep_report
from scans.services.recipes import add_recipe
from scans.services.schedules import set_schedule
from scopes.models import AssetLink, Invitation, PipelineIdentity, Scope, ServiceAccount, Team
from scopes.services import add_pipeline_identity, issue_token
from scopes.services.invitations import invite
from scopes.services.links import link_assets
from scopes.services.service_accounts import create_service_account
from scopes.services.teams import create_team
from tests import factories as make
from tests.findings.triaged import triage
from tests.forges.connected import make_connection, make_pull, make_repository
from tests.remediations.proposed import mobilized
from tests.scans.evidence import said_of
from tests.scans.objections import objections_to
from tests.tickets.hooked import hook, told_of
from tests.tickets.tracked import ticketed
from tickets.models import Ticket, TrackerConnection, WebhookEndpoint

V1 = "/api/v1"
PROBLEM = "application/problem+json"


@pytest.fixture(autouse=True)
def _fresh(settings):
    cache.clear()  # rates count from here
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)  # or WhiteNoise warns


@pytest.fixture
def rates(settings):
    """Set how many requests accounts, and addresses without one, may send: ``rates(user="1/min")``."""

    def set_rates(**told):
        rest = settings.REST_FRAMEWORK
        both = {**rest["DEFAULT_THROTTLE_RATES"], **told}
        settings.REST_FRAMEWORK = {**rest, "DEFAULT_THROTTLE_RATES": both}

    return set_rates


@pytest.fixture(scope="session")
def spec():
    """The schema as the code prints it."""
    return SchemaGenerator().get_schema(request=None, public=True)


@pytest.fixture(scope="session")
def shapes(spec):
    """The components of the schema, closed: a member that is not described is an error."""
    components = copy.deepcopy(spec["components"])
    for schema in components["schemas"].values():
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
    return components


def operation_of(spec, method, path):
    """Return path template and operation that a request goes to, or nothing."""
    for template, operations in spec["paths"].items():
        pattern = re.sub(r"\{\w+\}", r"[0-9]+", template)
        if re.fullmatch(pattern, path) and method in operations:
            return operations[method]
    return None


def answers_of(spec, operation):
    """What the operation may answer, by status; shared answers looked up."""
    shared = spec["components"]["responses"]
    return {
        status: shared[answer["$ref"].rpartition("/")[2]] if "$ref" in answer else answer
        for status, answer in operation["responses"].items()
    }


class Api:
    """Requests as one user, by token. Every answer is one that the schema describes."""

    def __init__(self, spec, shapes, user=None, **limits):
        self.spec, self.shapes, self.user = spec, shapes, user
        self.client = APIClient()
        if user is not None:
            _, key = issue_token(user=user, by=user, name="test", at=timezone.now(), **limits)
            self.client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")

    def call(self, method, path, body=None, **more):
        path = path if path.startswith("/") else f"{V1}/{path}"
        more.setdefault("format", "json") if body is not None else None
        response = getattr(self.client, method)(path, body, **more)
        self.check(method, path.partition("?")[0], response)
        return response

    def get(self, path, **more):
        return self.call("get", path, **more)

    def post(self, path, body=None, **more):
        return self.call("post", path, body, **more)

    def check(self, method, path, response):
        status, kind = response.status_code, response.headers.get("Content-Type", "")
        assert status < 500
        if status >= 400:
            assert kind == PROBLEM, (path, status, kind)
            problem = response.json()
            assert problem["status"] == status
            assert KINDS[problem["type"].removeprefix(PREFIX)].status == status, problem["type"]
        operation = operation_of(self.spec, method, path)
        if operation is None:
            assert status in (401, 404, 405), (method, path, status)
            return
        described = answers_of(self.spec, operation).get(str(status))
        assert described is not None, f"{method} {path} answers {status}, which is not described"
        if status not in (204, 304):
            schema = described["content"][kind.partition(";")[0]]["schema"]
            if "json" in kind and "Content-Disposition" not in response.headers:
                self.fits(response.json(), schema)

    def fits(self, value, schema):
        validator = Draft202012Validator({**schema, "components": self.shapes})
        errors = [f"{e.json_path}: {e.message}"[:300] for e in validator.iter_errors(value)]
        assert errors == []


@pytest.fixture
def api(spec, shapes, db):
    """Make a client for a user (None: anonymous); further words limit its token."""
    return lambda user=None, **limits: Api(spec, shapes, user, **limits)


@dataclass
class World:
    """One scope with one of everything. ``open`` is being fixed by ``fix``; ``closed`` is proven."""

    scope: Scope
    open: Finding
    fresh: Finding
    closed: Finding

    def __getattr__(self, name):
        """A member of the scope by role: world.analyst."""
        return make.member(self.scope, Role(name))

    @property
    def asset(self):
        return self.open.asset

    @property
    def line(self):
        return self.open.line

    @property
    def fix(self):
        return self.open.remediations.get()

    @property
    def scan(self):
        return Scan.objects.filter(asset=self.asset, line__isnull=False).latest("pk")

    @property
    def verification(self):
        return Verification.objects.filter(finding=self.closed).latest("pk")

    @property
    def clearance(self):
        return Clearance.objects.get(finding=self.closed)

    @property
    def waiver(self):
        return Waiver.objects.get(scope=self.scope)

    @property
    def dispute(self):
        return Dispute.objects.get(scope=self.scope)

    @property
    def tracker(self):
        return TrackerConnection.objects.filter(scope=self.scope).earliest("pk")

    @property
    def team(self):
        return Team.objects.get(scope=self.scope)

    @property
    def link(self):
        return AssetLink.objects.get(scope=self.scope)

    def path(self, template):
        """Fill the ids of a path of the schema with those of this world."""
        rows = {"scopes": self.scope, "assets": self.asset, "findings": self.open, "scans": self.scan,
                "policies": self.scope.policy, "remediations": self.fix, "clearances": self.clearance,
                "verifications": self.verification, "tools": Tool.objects.get(),
                "waivers": self.waiver, "disputes": self.dispute,
                "standing-approvals": StandingApproval.objects.get(scope=self.scope),
                "pipeline-identities": PipelineIdentity.objects.filter(scope=self.scope).first(),
                "releases": Release.objects.get(scope=self.scope),
                "connections": Connection.objects.get(scope=self.scope),
                "trackers": self.tracker, "tickets": Ticket.objects.filter(scope=self.scope).earliest("pk"),
                "webhooks": WebhookEndpoint.objects.filter(scope=self.scope).earliest("pk"),
                "repositories": Repository.objects.get(scope=self.scope),
                "pull-requests": PullRequest.objects.get(scope=self.scope),
                "discovery-rules": DiscoveryRule.objects.filter(scope=self.scope, name="Noise").earliest("pk"),
                "tags": Tag.objects.filter(scope=self.scope).earliest("pk"),
                "finding-disputes": FindingDispute.objects.filter(scope=self.scope).earliest("pk"),
                "teams": self.team,
                "invitations": Invitation.objects.filter(scope=self.scope).earliest("pk"),
                "asset-links": self.link,
                "inbox": InboxReport.objects.get(scope=self.scope),
                "views": SavedView.objects.filter(scope=self.scope).first(),
                "campaigns": Campaign.objects.get(scope=self.scope),
                "groups": FindingGroup.objects.get(scope=self.scope),
                "proposals": Proposal.objects.get(scope=self.scope),
                "recipes": ScannerRecipe.objects.get(scope=self.scope),
                "pauses": ClockPause.objects.filter(scope=self.scope).first(),
                "service-accounts": ServiceAccount.objects.filter(scope=self.scope).earliest("pk"),
                "schedules": ScanSchedule.objects.get(scope=self.scope)}  # fmt: skip
        if template.startswith(f"{V1}/reports/{{id}}"):
            rows["reports"] = Report.objects.get(scopes=self.scope)
        resource = template.removeprefix(f"{V1}/").split("/")[0]
        if "{id}" not in template:
            return template
        if resource == "tokens":
            return template.replace("{id}", str(self.admin.tokens.earliest("pk").pk))
        number = "1"
        if "/comments/" in template:
            number = str(Comment.objects.filter(finding=self.open).earliest("pk").pk)
        return template.replace("{id}", str(rows[resource].pk)).replace("{number}", number)


def told_to_the_runner(asset, admin):
    """A recipe of the scope's own, and a line that is scanned each day."""
    with override_settings(RUNNER_OWN_RECIPES=True):
        add_recipe(scope=asset.scope, name="mine", tool_class="sast", command=["mine", "{out}"],
                   by=admin, at=timezone.now())  # fmt: skip
    line = make.default_line(asset)
    set_schedule(line=line, recipe="bandit", hour=2, by=admin, at=timezone.now())


def scoped(asset, admin):
    """A team, a link between assets, and a report of an asset that is not there."""
    at = timezone.now()
    create_team(scope=asset.scope, name="Web", handle="@acme/web", by=admin, at=at)
    invite(scope=asset.scope, email="new@example.org", role="viewer", by=admin, at=at)
    library = make.make_asset(asset.scope, name=f"library of {asset.name}")
    link_assets(asset=asset, kind="built_from", target=library, by=admin, at=at)
    keep_report(
        scope=asset.scope, data=b'{"version": "2.1.0"}', facts={}, asset_name="nobody told us",
        by=make.member(asset.scope, Role.PIPELINE), at=at,
    )  # fmt: skip


def make_world():
    asset = make.make_asset(repository="/srv/repositories/web")
    closed = make.make_finding(Status.MOBILIZATION_COMPLETE, asset=asset)
    being_fixed = make.make_finding(Status.MOBILIZING, asset=asset, weakness="pickle.loads(")
    for role in Role:
        make.member(asset.scope, role)
    admin = make.member(asset.scope, Role.ADMIN)
    issue_token(user=admin, by=admin, name="laptop", at=timezone.now())
    add_pipeline_identity(
        asset=asset,
        issuer="https://gitlab.com",
        repository="acme/shop",
        by=admin,
        at=timezone.now(),
    )
    account = create_service_account(
        scope=asset.scope, name="Bridge", role="ticketing", by=admin, at=timezone.now()
    )
    issue_token(user=account.user, by=admin, name="bridge", at=timezone.now())
    connection, _ = make_connection(asset.scope)
    make_pull(make_repository(connection, asset=asset), being_fixed.remediations.get())
    hook(asset.scope)
    told_of(asset.scope)
    ticketed(being_fixed)
    objections_to(closed.remediations.get())
    said_of(closed.remediations.get())
    told_to_the_runner(asset, admin)
    scoped(asset, admin)
    triage(being_fixed)
    pause_clock(
        finding=being_fixed, party="A vendor", reason="A patch is due.", by=admin, at=timezone.now()
    )
    fresh = make.import_finding(asset, "shell=True")
    mobilized(fresh, being_fixed)
    order_report(
        scopes=[asset.scope], period=Period.MONTH, by=make.member(asset.scope, Role.ANALYST),
        at=timezone.now(),
    )  # fmt: skip
    analyst, at = make.member(asset.scope, Role.ANALYST), timezone.now()
    save_view(name="Grave", query="severity=high", scope=asset.scope, by=analyst, at=at)
    add_comment(finding=being_fixed, body="Have a look.", by=analyst, at=at)
    return World(asset.scope, being_fixed, fresh, closed)


@pytest.fixture
def world(db):
    return make_world()


@pytest.fixture
def elsewhere(db):
    """Another scope with another of everything, which nobody of ``world`` may see."""
    return make_world()


@pytest.fixture
def outsider(db):
    """Somebody who administers a scope of their own, with nothing in it."""
    return make.member(make.make_scope(), Role.ADMIN)


@pytest.fixture
def worker(monkeypatch):
    """Jobs are done, for real, while a request waits."""

    def work(seconds):
        for scan in Scan.objects.filter(state="received"):
            make.run_job(scan)

    monkeypatch.setattr("scans.api.waiting.time.sleep", work)


def stored():
    """What is in the database, as far as anybody could have changed it: rows by table, statuses."""
    counts = {
        model._meta.label: model.objects.count()
        for model in apps.get_models()
        if model._meta.app_label
        in ("core", "scopes", "findings", "remediations", "scans", "forges", "tickets")
    }
    return counts, sorted(Finding.objects.values_list("pk", "status", "assigned_to_id"))
