"""People of a scope who answer for something together."""

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from core.constraints import CompositeForeignKey
from core.models import User
from scopes.models.scope import Scope


class TeamQuerySet(models.QuerySet["Team"]):
    def visible_to(self, user: User | AnonymousUser) -> "TeamQuerySet":
        return self.filter(scope__in=Scope.objects.visible_to(user))


class Team(models.Model):
    """People of a scope who answer for something together. ``handle``: how CODEOWNERS names them."""

    scope = models.ForeignKey(Scope, on_delete=models.CASCADE, related_name="teams")
    name = models.CharField(max_length=120)
    handle = models.CharField(max_length=200, default="", blank=True)  # @acme/payments
    members = models.ManyToManyField(User, through="TeamMember", related_name="teams")
    created_at = models.DateTimeField()

    objects = TeamQuerySet.as_manager()

    class Meta:
        constraints = [
            # Lists of assets and CODEOWNERS name teams whatever the case.
            models.UniqueConstraint("scope", Lower("name"), name="team_name_in_scope"),
            models.UniqueConstraint(
                "scope", Lower("handle"), condition=~Q(handle=""), name="team_handle_in_scope"
            ),
            models.UniqueConstraint(fields=["id", "scope"], name="team_and_scope"),
        ]

    def __str__(self) -> str:
        return self.name


class TeamMember(models.Model):
    """A member of the scope is on one of its teams."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    scope = models.ForeignKey(Scope, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "user"], name="team_member_once"),
            CompositeForeignKey(
                name="team_member_of_team_in_scope",
                fields=["team", "scope"],
                to_table="scopes_team",
                to_columns=["id", "scope_id"],
            ),
            CompositeForeignKey(
                name="team_member_of_scope",
                fields=["scope", "user"],
                to_table="scopes_membership",
                to_columns=["scope_id", "user_id"],
            ),
        ]
