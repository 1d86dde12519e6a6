"""How people look at the list of findings: views that they saved, and their own columns."""

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.urls import reverse

from core.models import User
from scopes.models import Scope, is_bound

MAX_VIEW_NAME = 80
DEFAULT_VIEW = "default"  # in addresses: the view that a person chose, else what is open


class SavedViewQuerySet(models.QuerySet["SavedView"]):
    def visible_to(self, user: User | AnonymousUser) -> "SavedViewQuerySet":
        """One's own, and what is shared in scopes that one may read; by a token for some scopes these alone."""
        shared = Q(scope__in=Scope.objects.visible_to(user))
        own = Q(scope__isnull=True, owner_id=user.pk)
        return self.filter(shared if is_bound(user) else own | shared)


class SavedView(models.Model):
    """Filters, order and columns of the list of findings under a name: a person's, or shared in a scope."""

    scope = models.ForeignKey(
        Scope, null=True, on_delete=models.PROTECT, related_name="saved_views"
    )  # null: its owner's alone
    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="saved_views")
    name = models.CharField(max_length=MAX_VIEW_NAME)
    slug = models.CharField(max_length=MAX_VIEW_NAME)  # the name in addresses, in small letters
    query = models.TextField(default="")  # as the list's address holds it
    columns = models.JSONField(default=list)  # empty: those of who looks
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    objects = SavedViewQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "slug"], condition=Q(scope__isnull=True), name="saved_view_own"
            ),
            models.UniqueConstraint(
                fields=["scope", "slug"], condition=Q(scope__isnull=False), name="saved_view_shared"
            ),
            models.CheckConstraint(
                name="saved_view_called", condition=~Q(slug__in=["", DEFAULT_VIEW])
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return f"{reverse('findings')}?view={self.address}"

    @property
    def address(self) -> str:
        """Its name in addresses: ``triage``, or ``shop/triage`` where it is shared in a scope."""
        return f"{self.scope.slug}/{self.slug}" if self.scope else self.slug


class ListChoice(models.Model):
    """How one person wants the list of findings where no view says otherwise."""

    user = models.OneToOneField(
        User, primary_key=True, on_delete=models.CASCADE, related_name="list_choice"
    )
    columns = models.JSONField(default=list)  # empty: those that everybody begins with
    default_view = models.ForeignKey(
        SavedView, null=True, on_delete=models.SET_NULL, related_name="+"
    )
