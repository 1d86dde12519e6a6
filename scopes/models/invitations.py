"""Invitations to a scope. Who may invite whom, and what accepting does, is in services/invitations.py."""

from datetime import datetime

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q

from core.constraints import both_or_neither
from core.models import User
from core.permissions import SERVICE_ROLES, Permission, Role
from scopes.models.scope import Scope

INVITED_AS = tuple(role for role in Role if role not in SERVICE_ROLES)


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def visible_to(self, user: User | AnonymousUser) -> "InvitationQuerySet":
        """Invitations to scopes that ``user`` administers: they tell mail addresses."""
        return self.filter(scope__in=Scope.objects.permitting(user, Permission.ADMINISTER))

    def open(self, at: datetime) -> "InvitationQuerySet":
        return self.filter(accepted_at=None, withdrawn_at=None, expires_at__gt=at)


class Invitation(models.Model):
    """Who holds the link and is at home at ``email`` may become a member, once. Of the link only the SHA-256 stays.

    ``sealed_key`` is the link's key until the mail is out.
    """

    scope = models.ForeignKey(Scope, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField()
    role = models.CharField(max_length=10)
    digest = models.CharField(max_length=64, unique=True)
    sealed_key = models.TextField(default="", blank=True)
    mailed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    accepted_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    objects = InvitationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(role__in=[role.value for role in INVITED_AS]), name="invitation_role"
            ),
            both_or_neither("accepted_at", "accepted_by", "invitation_accepted_by_somebody"),
            both_or_neither("withdrawn_at", "withdrawn_by", "invitation_withdrawn_by_somebody"),
            models.CheckConstraint(
                condition=Q(accepted_at__isnull=True) | Q(withdrawn_at__isnull=True),
                name="invitation_accepted_or_withdrawn",
            ),
            models.UniqueConstraint(
                fields=["scope", "email"],
                condition=Q(accepted_at__isnull=True, withdrawn_at__isnull=True),
                name="invitation_open_once",
            ),
        ]

    def __str__(self) -> str:
        return self.email

    @property
    def context(self) -> str:
        """What the key is sealed for."""
        return f"scopes.invitation:{self.digest}:key"
