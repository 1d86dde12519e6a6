"""Findings, sightings, decisions about them, comments: rows and reads. Verbs are in services and lifecycle."""

from findings.models.campaigns import Campaign, CampaignFinding, CampaignQuerySet
from findings.models.clocks import ClockNotice, ClockPause
from findings.models.decisions import (
    Comment,
    Dismissal,
    RiskAcceptance,
    TwoPersonDecision,
    ValidationEvidence,
)
from findings.models.discovery import (
    AppliedRule,
    DiscoveryRule,
    FindingTag,
    ScopeDecisionPolicy,
    Tag,
)
from findings.models.events import FindingEvent, history_of
from findings.models.feeds import (
    CweName,
    EpssScore,
    Feed,
    FeedKind,
    FeedQuerySet,
    FindingCve,
    KevEntry,
)
from findings.models.finding import Finding, FindingQuerySet, Sighting
from findings.models.groups import FindingGroup, GroupQuerySet
from findings.models.moved_in import ExternalKey
from findings.models.priorities import Cause, PriorityChange, Rescoring
from findings.models.saved import (
    DEFAULT_VIEW,
    MAX_VIEW_NAME,
    ListChoice,
    SavedView,
    SavedViewQuerySet,
)
from findings.models.series import Rule, Series
from findings.models.sums import PrioritySum
from findings.models.tally import Tally, TallyQuerySet
from findings.models.validation import MAX_FILES, Attachment, FindingDispute, SeverityDecision

__all__ = [
    "DEFAULT_VIEW",
    "MAX_FILES",
    "MAX_VIEW_NAME",
    "AppliedRule",
    "Attachment",
    "Campaign",
    "CampaignFinding",
    "CampaignQuerySet",
    "Cause",
    "ClockNotice",
    "ClockPause",
    "Comment",
    "CweName",
    "DiscoveryRule",
    "Dismissal",
    "EpssScore",
    "ExternalKey",
    "Feed",
    "FeedKind",
    "FeedQuerySet",
    "Finding",
    "FindingCve",
    "FindingDispute",
    "FindingEvent",
    "FindingGroup",
    "FindingQuerySet",
    "FindingTag",
    "GroupQuerySet",
    "KevEntry",
    "ListChoice",
    "PriorityChange",
    "PrioritySum",
    "Rescoring",
    "RiskAcceptance",
    "Rule",
    "SavedView",
    "SavedViewQuerySet",
    "ScopeDecisionPolicy",
    "Series",
    "SeverityDecision",
    "Sighting",
    "Tag",
    "Tally",
    "TallyQuerySet",
    "TwoPersonDecision",
    "ValidationEvidence",
    "history_of",
]
