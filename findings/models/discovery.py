"""Rules that act on findings as they are discovered, what they did, tags, and who decides alone."""

from datetime import datetime

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import F, Q

from core.constraints import CompositeForeignKey, both_or_neither, one_of
from core.models import User
from findings.models.finding import Finding
from findings.statuses import RuleEnd, SetAside
from scopes.models import Scope


class DiscoveryRuleQuerySet(models.QuerySet["DiscoveryRule"]):
    def visible_to(self, user: User | AnonymousUser) -> "DiscoveryRuleQuerySet":
        return self.filter(scope__in=Scope.objects.visible_to(user))

    def in_force(self, at: datetime) -> "DiscoveryRuleQuerySet":
        """Those that act at ``at``, in the order in which they are asked."""
        rows = self.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=at), ended_at__isnull=True)
        decided = Q(sets_aside=SetAside.NOT) | Q(approved_at__isnull=False)
        return rows.filter(decided).order_by("position", "pk")


class DiscoveryRule(models.Model):
    """One version of what is done with findings of a kind. Append-only but for its approval and its end.

    What the database holds apart stands in columns of its own; the other actions are in ``actions``.
    """

    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="discovery_rules")
    name = models.CharField(max_length=120)
    position = models.PositiveIntegerField()  # the least is asked first; the id settles ties
    conditions = models.JSONField()  # see findings/conditions.py
    actions = models.JSONField(default=dict)  # severity, tags, ticket_project: findings/actions.py
    sets_aside = models.CharField(max_length=12, default="")
    to_member = models.BigIntegerField(null=True)  # of the scope; who has left is assigned nothing
    to_team = models.BigIntegerField(null=True)
    reason = models.TextField(default="")
    expires_at = models.DateTimeField(null=True)
    replaces = models.ForeignKey(
        "self",
        null=True,
        on_delete=models.PROTECT,
        related_name="next_versions",
        db_constraint=False,  # the composite key says more
    )
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    alone = models.BooleanField(
        default=False, db_default=False
    )  # the scope let one person decide when it was made
    approved_at = models.DateTimeField(null=True)
    approved_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    ended_because = models.CharField(max_length=8, default="")

    objects = DiscoveryRuleQuerySet.as_manager()

    class Meta:
        constraints = [
            one_of("sets_aside", SetAside, "discovery_rule_sets_aside"),
            one_of("ended_because", RuleEnd, "discovery_rule_ended_because"),
            models.UniqueConstraint(fields=["id", "scope"], name="discovery_rule_and_scope"),
            models.UniqueConstraint(
                fields=["replaces"],
                condition=Q(ended_at__isnull=True),
                name="discovery_rule_one_next_version",
            ),
            CompositeForeignKey(
                name="discovery_rule_replaces_in_scope",
                fields=["replaces", "scope"],
                to_table="findings_discoveryrule",
                to_columns=["id", "scope_id"],
            ),
            models.CheckConstraint(name="discovery_rule_has_a_name", condition=~Q(name="")),
            models.CheckConstraint(
                name="discovery_rule_set_aside_with_reason",
                condition=Q(sets_aside="") | ~Q(reason=""),
            ),
            models.CheckConstraint(
                name="discovery_rule_noise_until",
                condition=~Q(sets_aside="noise") | Q(expires_at__isnull=False),
            ),
            models.CheckConstraint(
                name="discovery_rule_expires_later",
                condition=Q(expires_at__isnull=True) | Q(expires_at__gt=F("created_at")),
            ),
            models.CheckConstraint(
                name="discovery_rule_to_one",
                condition=Q(to_member__isnull=True) | Q(to_team__isnull=True),
            ),
            both_or_neither("approved_at", "approved_by", "discovery_rule_approved_by_somebody"),
            models.CheckConstraint(
                name="discovery_rule_two_people",
                condition=Q(approved_by__isnull=True)
                | ~Q(approved_by=F("created_by"))
                | Q(alone=True),
            ),
            models.CheckConstraint(
                name="discovery_rule_ended_for_a_reason",
                condition=Q(ended_at__isnull=True, ended_by__isnull=True, ended_because="")
                | Q(ended_at__isnull=False, ended_because="expired", ended_by__isnull=True)
                | Q(ended_at__isnull=False, ended_because="ended", ended_by__isnull=False)
                | Q(ended_at__isnull=False, ended_because="replaced", ended_by__isnull=False),
            ),
        ]
        indexes = [
            models.Index(
                fields=["scope", "position", "id"],
                name="discovery_rule_standing",
                condition=Q(ended_at__isnull=True),
            ),
            models.Index(
                fields=["expires_at"],
                name="discovery_rule_expiring",
                condition=Q(ended_at__isnull=True, expires_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def waits(self) -> bool:
        """Whether a second person has to decide before it acts."""
        return bool(self.sets_aside) and self.approved_at is None and self.ended_at is None


class AppliedRule(models.Model):
    """A rule did something to a finding; ``undone_at``: it ended, and what it set was taken back.

    ``did``: severity, set_aside, tags, to_member, to_team, ticket_project; what it did not do is left out.
    """

    finding = models.ForeignKey(
        Finding,
        on_delete=models.CASCADE,
        related_name="applied_rules",
        db_constraint=False,
        db_index=False,
    )
    rule = models.ForeignKey(
        DiscoveryRule,
        on_delete=models.PROTECT,
        related_name="applied",
        db_constraint=False,
        db_index=False,
    )
    scope = models.ForeignKey(
        Scope, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    did = models.JSONField()
    at = models.DateTimeField()
    undone_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["finding", "rule"], name="applied_rule_once"),
            CompositeForeignKey(
                name="applied_rule_finding_in_scope",
                fields=["finding", "scope"],
                to_table="findings_finding",
                to_columns=["id", "scope_id"],
            ),
            CompositeForeignKey(
                name="applied_rule_rule_in_scope",
                fields=["rule", "scope"],
                to_table="findings_discoveryrule",
                to_columns=["id", "scope_id"],
            ),
        ]
        indexes = [models.Index(fields=["rule", "id"], name="applied_rule_of_rule")]


class TagQuerySet(models.QuerySet["Tag"]):
    def visible_to(self, user: User | AnonymousUser) -> "TagQuerySet":
        return self.filter(scope__in=Scope.objects.visible_to(user))


class Tag(models.Model):
    """A word that people of a scope, or its rules, put on findings. Small letters."""

    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="finding_tags")
    name = models.CharField(max_length=60)

    objects = TagQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["scope", "name"], name="tag_once_in_scope"),
            models.UniqueConstraint(fields=["id", "scope"], name="tag_and_scope"),
            models.CheckConstraint(name="tag_has_a_name", condition=~Q(name="")),
        ]

    def __str__(self) -> str:
        return self.name


class FindingTag(models.Model):
    """A finding has a tag, by a person or by a rule."""

    finding = models.ForeignKey(
        Finding,
        on_delete=models.CASCADE,
        related_name="tagged",
        db_constraint=False,
        db_index=False,
    )
    tag = models.ForeignKey(
        Tag, on_delete=models.PROTECT, related_name="tagged", db_constraint=False
    )
    scope = models.ForeignKey(
        Scope, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    at = models.DateTimeField()
    by = models.ForeignKey(
        User, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    rule = models.ForeignKey(
        DiscoveryRule,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["finding", "tag"], name="finding_tag_once"),
            models.CheckConstraint(
                name="finding_tag_by_somebody",
                condition=Q(by__isnull=True, rule__isnull=False)
                | Q(by__isnull=False, rule__isnull=True),
            ),
            CompositeForeignKey(
                name="finding_tag_finding_in_scope",
                fields=["finding", "scope"],
                to_table="findings_finding",
                to_columns=["id", "scope_id"],
            ),
            CompositeForeignKey(
                name="finding_tag_tag_in_scope",
                fields=["tag", "scope"],
                to_table="findings_tag",
                to_columns=["id", "scope_id"],
            ),
            CompositeForeignKey(
                name="finding_tag_rule_in_scope",
                fields=["rule", "scope"],
                to_table="findings_discoveryrule",
                to_columns=["id", "scope_id"],
            ),
        ]


class ScopeDecisionPolicy(models.Model):
    """What one approver of a scope may decide alone. No row: every decision takes a second person."""

    scope = models.OneToOneField(
        Scope, primary_key=True, on_delete=models.CASCADE, related_name="decision_policy"
    )
    dismissals_alone = models.BooleanField(default=False)
    acceptances_alone = models.BooleanField(default=False)
    rules_alone = models.BooleanField(default=False)
    set_at = models.DateTimeField()
    set_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    @classmethod
    def of(cls, scope_id: int) -> "ScopeDecisionPolicy":
        """What holds in a scope; a row that is not stored says that nobody decides alone."""
        return cls.objects.filter(scope=scope_id).first() or cls(scope_id=scope_id)
