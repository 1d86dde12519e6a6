"""Findings and where scans saw them."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.urls import reverse

from core.constraints import CompositeForeignKey, one_of
from core.models import User
from findings.models.groups import FindingGroup
from findings.models.series import Rule, Series
from findings.models.sums import PrioritySum
from findings.ssvc import Decision
from findings.statuses import OPEN, Presence, SetAside, Severity, Status
from scopes.models import Asset, Line, Scope, Team

WEEK = timedelta(days=7)


class FindingQuerySet(models.QuerySet["Finding"]):
    def visible_to(self, user: User | AnonymousUser) -> "FindingQuerySet":
        return self.filter(scope__in=Scope.objects.visible_to(user))

    def in_scopes(self, ids: Iterable[int]) -> "FindingQuerySet":
        """Of scopes that were looked up before: the planner counts what it is told better."""
        return self.filter(scope__in=list(ids))

    def open(self) -> "FindingQuerySet":
        return self.filter(status__in=OPEN)

    def overdue(self, at: datetime) -> "FindingQuerySet":
        """Open ones that should be fixed by now."""
        return self.open().filter(due_at__lte=at)

    def due_soon(self, at: datetime) -> "FindingQuerySet":
        """Open ones that are due within a week."""
        return self.open().filter(due_at__gt=at, due_at__lte=at + WEEK)

    def complete(self) -> "FindingQuerySet":
        return self.filter(status=Status.MOBILIZATION_COMPLETE)


class Finding(models.Model):
    """One weakness on one line of one asset, followed over time.

    Columns come in three kinds that never mix: identity and machine facts (written by ingest),
    the status with its dates (written by lifecycle.py alone), and what people decided.
    """

    # The composite key to the series says more than a plain one on each: keys cost imports time.
    scope = models.ForeignKey(
        Scope,
        on_delete=models.PROTECT,
        related_name="findings",
        db_constraint=False,
        db_index=False,
    )
    asset = models.ForeignKey(
        Asset,
        on_delete=models.PROTECT,
        related_name="findings",
        db_constraint=False,
        db_index=False,
    )
    line = models.ForeignKey(
        Line, on_delete=models.PROTECT, related_name="findings", db_constraint=False, db_index=False
    )
    series = models.ForeignKey(
        Series,
        on_delete=models.PROTECT,
        related_name="findings",
        db_constraint=False,
        db_index=False,
    )

    # what it is
    tool = models.CharField(max_length=120)
    tool_class = models.CharField(max_length=10)
    category = models.CharField(max_length=200, default="")
    rule = models.CharField(max_length=300)
    title = models.CharField(max_length=300)
    cwes = models.JSONField(default=list)
    described_by = models.ForeignKey(
        Rule,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    level = models.CharField(max_length=8)
    security_severity = models.FloatField(null=True)
    cvss = models.CharField(max_length=200, db_default="")  # the vector that the tool told
    severity = models.CharField(max_length=8)  # decided, else by score and level: see priority.py
    original = models.JSONField()  # the result as first reported, frozen: scans/ingest/records.py
    original_sha256 = models.CharField(max_length=64)

    # where the last scan saw it
    path = models.CharField(max_length=1000, default="")
    start_line = models.PositiveIntegerField(null=True)
    current = models.JSONField(null=True)  # the result as last seen, where it is not the original
    spot = models.CharField(max_length=32)  # digest of what is the same only at rest
    seen_digest = models.CharField(max_length=32)  # of the whole result as last seen
    presence = models.CharField(max_length=10, default=Presence.PRESENT.value)
    first_seen_at = models.DateTimeField()
    seen_until = models.DateTimeField(null=True)  # null: the last scan of its series sees it

    # where it stands (findings/lifecycle.py)
    status = models.CharField(max_length=22, default=Status.DISCOVERED.value)
    status_since = models.DateTimeField()
    priority = models.ForeignKey(
        PrioritySum, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    priority_score = models.SmallIntegerField(default=0)
    priority_band = models.CharField(max_length=2, default="")
    ssvc = models.CharField(max_length=8)  # the decision, see ssvc.py
    due_at = models.DateTimeField(null=True)  # by the scope's SLA, see sla.py; null: no clock runs
    clock_from = models.DateTimeField(null=True)  # when it was reopened; null: when first seen
    claimed_at = models.DateTimeField(null=True)  # somebody said "fixed": a claim
    claimed_by = models.ForeignKey(
        User, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    verified_at = models.DateTimeField(null=True)  # the gate saw it: proof
    clearance_id = models.BigIntegerField(null=True)
    clearance_live = models.BooleanField(null=True)
    duplicate_of = models.ForeignKey(
        "self",
        null=True,
        on_delete=models.PROTECT,
        related_name="duplicates",
        db_constraint=False,  # the composite key says more
        db_index=False,
    )
    group = models.ForeignKey(
        FindingGroup,
        null=True,
        on_delete=models.SET_NULL,
        related_name="findings",
        db_constraint=False,
        db_index=False,
    )
    introduced_by_id = models.BigIntegerField(null=True)  # the remediation that brought it in

    # who answers for it, by the owners of its path (a machine fact), and by decision
    owned_by = models.ForeignKey(
        Team,
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    assigned_to = models.ForeignKey(
        User, null=True, on_delete=models.SET_NULL, related_name="assigned", db_index=False
    )
    team = models.ForeignKey(
        Team,
        null=True,
        on_delete=models.SET_NULL,
        related_name="findings",
        db_constraint=False,
        db_index=False,
    )
    decided_severity = models.CharField(max_length=8, db_default="")
    set_aside = models.CharField(max_length=12, db_default=SetAside.NOT.value)

    objects = FindingQuerySet.as_manager()

    class Meta:
        constraints = [
            one_of("status", Status, "finding_status"),
            one_of("presence", Presence, "finding_presence"),
            one_of("severity", Severity, "finding_severity"),
            one_of("ssvc", Decision, "finding_ssvc"),
            one_of("set_aside", SetAside, "finding_set_aside"),
            models.CheckConstraint(
                name="finding_severity_as_decided",
                condition=Q(decided_severity="") | Q(decided_severity=models.F("severity")),
            ),
            models.UniqueConstraint(fields=["id", "scope"], name="finding_and_scope"),
            # The invariant: complete if and only if a live clearance of this very finding is pointed to.
            models.CheckConstraint(
                name="finding_complete_needs_clearance",
                condition=Q(
                    status="mobilization_complete",
                    clearance_id__isnull=False,
                    clearance_live__isnull=False,
                    clearance_live=True,
                    verified_at__isnull=False,
                )
                | (
                    ~Q(status="mobilization_complete")
                    & Q(
                        clearance_id__isnull=True,
                        clearance_live__isnull=True,
                        verified_at__isnull=True,
                    )
                ),
            ),
            CompositeForeignKey(
                name="finding_clearance_is_its_own",
                fields=["clearance_id", "id", "clearance_live"],
                to_table="scans_clearance",
                to_columns=["id", "finding_id", "live"],
            ),
            CompositeForeignKey(
                name="finding_introduced_by_in_scope",
                fields=["introduced_by_id", "scope"],
                to_table="remediations_remediation",
                to_columns=["id", "scope_id"],
            ),
            CompositeForeignKey(  # whose line is of its asset, which is in its scope
                name="finding_of_its_series",
                fields=["series", "line", "asset", "scope"],
                to_table="findings_series",
                to_columns=["id", "line_id", "asset_id", "scope_id"],
            ),
            CompositeForeignKey(
                name="finding_rule_in_scope",
                fields=["described_by", "scope"],
                to_table="findings_rule",
                to_columns=["id", "scope_id"],
            ),
            CompositeForeignKey(
                name="finding_group_in_scope",
                fields=["group", "scope"],
                to_table="findings_findinggroup",
                to_columns=["id", "scope_id"],
            ),
            CompositeForeignKey(
                name="finding_owner_in_scope",
                fields=["owned_by", "scope"],
                to_table="scopes_team",
                to_columns=["id", "scope_id"],
            ),
            CompositeForeignKey(
                name="finding_team_in_scope",
                fields=["team", "scope"],
                to_table="scopes_team",
                to_columns=["id", "scope_id"],
            ),
            CompositeForeignKey(
                name="finding_duplicate_in_scope",
                fields=["duplicate_of", "scope"],
                to_table="findings_finding",
                to_columns=["id", "scope_id"],
            ),
            models.CheckConstraint(
                name="finding_duplicate_names_the_other",
                condition=Q(status="duplicate", duplicate_of__isnull=False)
                | (~Q(status="duplicate") & Q(duplicate_of__isnull=True)),
            ),
            models.CheckConstraint(
                name="finding_not_its_own_duplicate", condition=~Q(duplicate_of=models.F("id"))
            ),
        ]
        # Each costs imports time. The list reads the most urgent first: of all that somebody sees, of
        # a scope, an asset, a rule, a person. Its other filters are common enough to be met on the way.
        indexes = [
            *(
                models.Index(fields=[*first, "-priority_score", "-id"], name=name)
                for first, name in (
                    ((), "finding_urgent"),
                    (("scope",), "finding_urgent_of_scope"),
                    (("asset",), "finding_urgent_of_asset"),
                    (("rule",), "finding_urgent_of_rule"),
                )
            ),
            models.Index(
                fields=["assigned_to", "-priority_score", "-id"],
                name="finding_urgent_of_person",
                condition=Q(assigned_to__isnull=False),
            ),
            models.Index(
                fields=["first_seen_at", "id"], name="finding_by_age"
            ),  # the list's orders
            models.Index(fields=["status_since", "id"], name="finding_by_stage"),
            models.Index(  # search by the beginning of a path; the same place on other lines
                fields=["path"], name="finding_by_path", opclasses=["varchar_pattern_ops"]
            ),
            models.Index(fields=["series"], name="finding_of_series"),  # imports
            models.Index(  # claims without a fix, longest waiting first
                fields=["claimed_at", "id"],
                name="finding_claimed",
                condition=Q(status="awaiting_verification"),
            ),
            models.Index(  # what is overdue, and what will be next
                fields=["due_at", "id"],
                name="finding_due",
                condition=Q(status__in=[status.value for status in OPEN], due_at__isnull=False),
            ),
            *(  # keys that are rarely set
                models.Index(fields=[name], name=index, condition=Q(**{f"{name}__isnull": False}))
                for name, index in (
                    ("introduced_by_id", "finding_introduced_by"),
                    ("claimed_by", "finding_claimed_by"),
                    ("duplicate_of", "finding_duplicate_of"),
                    ("group", "finding_of_group"),
                    ("owned_by", "finding_owned_by"),
                    ("team", "finding_of_team"),
                )
            ),
        ]

    def __str__(self) -> str:
        return f"CTEM-{self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("finding", args=[self.pk])

    @property
    def seen(self) -> dict[str, Any]:
        """The result as last seen: what the next scan is compared with."""
        return self.current or self.original

    @property
    def message(self) -> str:
        return str(self.seen.get("message", ""))

    @property
    def snippet(self) -> str:
        return str(self.seen.get("location", {}).get("snippet") or "")

    @property
    def exploitability(self) -> str:
        """What the tool claims: demonstrated, poc, theoretical; empty: nothing. No person's word."""
        return str(self.seen.get("exploitability", ""))

    @property
    def help_uri(self) -> str:
        return self.described_by.help_uri if self.described_by else ""

    @property
    def last_seen_at(self) -> datetime:
        return self.seen_until or self.series.last_at

    @property
    def place(self) -> str:
        """Path and line, as people write them."""
        return f"{self.path}:{self.start_line}" if self.start_line else self.path


class Sighting(models.Model):
    """From this scan on the finding was seen at this place, until ``ended_by`` saw it elsewhere or not at all.

    A scan that changes nothing adds no row; which result each scan saw is in ``scans.results``.
    """

    finding = models.ForeignKey(
        Finding,
        on_delete=models.CASCADE,
        related_name="sightings",
        db_constraint=False,
        db_index=False,
    )
    scope = models.ForeignKey(
        Scope, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    scan_id = models.BigIntegerField()
    ended_by = models.BigIntegerField(null=True)  # a scan
    stage = models.CharField(max_length=3, default="")  # how it was matched; empty: first seen here
    suppressed = models.BooleanField(default=False)
    path = models.CharField(max_length=1000, default="")
    start_line = models.PositiveIntegerField(null=True)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["finding", "scan_id"], name="sighting_once_per_scan"),
            CompositeForeignKey(
                name="sighting_finding_in_scope",
                fields=["finding", "scope"],
                to_table="findings_finding",
                to_columns=["id", "scope_id"],
            ),
            CompositeForeignKey(
                name="sighting_scan_in_scope",
                fields=["scan_id", "scope"],
                to_table="scans_scan",
                to_columns=["id", "scope_id"],
            ),
            CompositeForeignKey(
                name="sighting_end_in_scope",
                fields=["ended_by", "scope"],
                to_table="scans_scan",
                to_columns=["id", "scope_id"],
            ),
        ]
        indexes = [models.Index(fields=["scan_id"], name="sighting_of_scan")]
