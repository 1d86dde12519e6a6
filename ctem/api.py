"""The whole map of the API. Doors are in each app's api; what they share is in core/api.py."""

from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_update
from django.http import Http404
from django.urls import include, path, re_path
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import (
    SpectacularAPIView,
    SpectacularRedocView,
    SpectacularSwaggerSplitView,
)
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter

from core.api import AlwaysJson
from core.contract import Contract
from findings.api.clocks import PauseViewSet
from findings.api.discovery import DiscoveryRuleViewSet, TagViewSet
from findings.api.mobilizing import CampaignViewSet, GroupViewSet
from findings.api.priorities import FeedViewSet
from findings.api.saved import SavedViewViewSet
from findings.api.teams import TeamViewSet
from findings.api.validation import FindingDisputeViewSet
from forges.api.connections import ConnectionViewSet, PullRequestViewSet, RepositoryViewSet
from reports.api.figures import MetricsViewSet
from reports.api.reports import ReportViewSet
from scans.api import defectdojo
from scans.api.assets import EvidencedAssetViewSet
from scans.api.coverage import CoverageGapViewSet
from scans.api.evidence import ReleaseViewSet, StandingApprovalViewSet
from scans.api.findings import ProvableFindingViewSet
from scans.api.fixes import JudgedRemediationViewSet
from scans.api.gate import GateViewSet
from scans.api.inbox import InboxViewSet
from scans.api.judgements import AuditViewSet, ClearanceViewSet, VerificationViewSet
from scans.api.objections import DisputeViewSet, WaiverViewSet
from scans.api.policies import JudgedScopeViewSet
from scans.api.proposals import ProposalViewSet
from scans.api.runner import RecipeViewSet, ScheduleViewSet
from scans.api.scans import ScanViewSet, ToolViewSet
from scopes.api.invitations import InvitationViewSet
from scopes.api.links import AssetLinkViewSet
from scopes.api.scopes import (
    EventViewSet,
    MeView,
    PipelineIdentityViewSet,
    PolicyViewSet,
)
from scopes.api.tokens import ServiceAccountViewSet, TokenViewSet
from tickets.api.notices import NotificationsViewSet
from tickets.api.trackers import TicketViewSet, TrackerViewSet
from tickets.api.webhooks import WebhookViewSet

app_name = "api"


class NothingHere(Contract):
    """Every other address below the API: a problem like any other, not a page."""

    content_negotiation_class = AlwaysJson
    metadata_class = None
    takes_preconditions = False  # it is not there, whatever its tag

    @extend_schema(exclude=True)
    def get(self, request: Request, **kwargs: str) -> Response:
        raise Http404

    post = put = patch = delete = get


router = SimpleRouter()
router.register("scopes", JudgedScopeViewSet, "scope")
router.register("assets", EvidencedAssetViewSet, "asset")
router.register("asset-links", AssetLinkViewSet, "asset-link")
router.register("teams", TeamViewSet, "team")
router.register("coverage-gaps", CoverageGapViewSet, "coverage-gap")
router.register("inbox", InboxViewSet, "inbox")
router.register("pipeline-identities", PipelineIdentityViewSet, "pipeline-identity")
router.register("policies", PolicyViewSet, "policy")
router.register("tools", ToolViewSet, "tool")
router.register("findings", ProvableFindingViewSet, "finding")
router.register("views", SavedViewViewSet, "view")
router.register("pauses", PauseViewSet, "pause")
router.register("discovery-rules", DiscoveryRuleViewSet, "discovery-rule")
router.register("tags", TagViewSet, "tag")
router.register("finding-disputes", FindingDisputeViewSet, "finding-dispute")
router.register("feeds", FeedViewSet, "feed")
router.register("campaigns", CampaignViewSet, "campaign")
router.register("groups", GroupViewSet, "group")
router.register("proposals", ProposalViewSet, "proposal")
router.register("remediations", JudgedRemediationViewSet, "remediation")
router.register("scans", ScanViewSet, "scan")
router.register("recipes", RecipeViewSet, "recipe")
router.register("schedules", ScheduleViewSet, "schedule")
router.register("gate", GateViewSet, "gate")
router.register("verifications", VerificationViewSet, "verification")
router.register("waivers", WaiverViewSet, "waiver")
router.register("disputes", DisputeViewSet, "dispute")
router.register("standing-approvals", StandingApprovalViewSet, "standing-approval")
router.register("releases", ReleaseViewSet, "release")
router.register("clearances", ClearanceViewSet, "clearance")
router.register("connections", ConnectionViewSet, "connection")
router.register("repositories", RepositoryViewSet, "repository")
router.register("pull-requests", PullRequestViewSet, "pull-request")
router.register("trackers", TrackerViewSet, "tracker")
router.register("tickets", TicketViewSet, "ticket")
router.register("webhooks", WebhookViewSet, "webhook")
router.register("events", EventViewSet, "event")
router.register("reports", ReportViewSet, "report")
router.register("audit", AuditViewSet, "audit")
router.register("service-accounts", ServiceAccountViewSet, "service-account")
router.register("tokens", TokenViewSet, "token")
router.register("invitations", InvitationViewSet, "invitation")

# What pipelines made for DefectDojo call.
defectdojo_doors = [
    path("v2/product_types/", defectdojo.ProductTypes.as_view(), name="dojo-product-types"),
    path("v2/products/", defectdojo.Products.as_view(), name="dojo-products"),
    path("v2/engagements/", defectdojo.Engagements.as_view(), name="dojo-engagements"),
    path("v2/engagements/<int:pk>/", defectdojo.Engagements.as_view(), name="dojo-engagement"),
    path("v2/tests/", defectdojo.Tests.as_view(), name="dojo-tests"),
    path("v2/test_types/", defectdojo.TestTypes.as_view(), name="dojo-test-types"),
    path("v2/import-scan/", defectdojo.ImportScan.as_view(), name="dojo-import"),
    path("v2/reimport-scan/", defectdojo.ReimportScan.as_view(), name="dojo-reimport"),
]

# The two viewers write styles while they draw; scripts stay our own files.
viewer = csp_update({"style-src": [UNSAFE_INLINE], "worker-src": [SELF, "blob:"]})
swagger = SpectacularSwaggerSplitView.as_view(
    url_name="api:schema", template_name="api/swagger.html"
)
redoc = SpectacularRedocView.as_view(url_name="api:schema", template_name="api/redoc.html")

urlpatterns = [
    path("v1/", include(router.urls)),
    *defectdojo_doors,
    path("v1/me/", MeView.as_view(), name="me"),
    path("v1/metrics/", MetricsViewSet.as_view({"get": "retrieve"}), name="metrics"),
    path(
        "v1/me/notifications/",
        NotificationsViewSet.as_view({"get": "retrieve", "post": "create"}),
        name="notifications",
    ),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", viewer(swagger), name="docs"),
    path("redoc/", viewer(redoc), name="redoc"),
    re_path(r"^.*\Z", NothingHere.as_view(), name="nothing"),
]
