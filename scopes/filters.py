"""By what scopes, assets, pipelines and events can be filtered. Serves the API and the pages."""

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast
from django_filters import (
    BooleanFilter,
    CharFilter,
    FilterSet,
    IsoDateTimeFilter,
    MultipleChoiceFilter,
)

from core.filters import StableOrdering, VisibleFilter, by_id, one_or_more, text_is
from core.models import Event, EventQuerySet, User
from scopes.models import (
    Asset,
    AssetKind,
    AssetLink,
    AssetQuerySet,
    Criticality,
    Exposure,
    Invitation,
    Line,
    PipelineIdentity,
    Scope,
    ServiceAccount,
    Team,
)
from scopes.services.assets import TAG
from scopes.statuses import DataClass, Environment, LinkKind


def visible_lines(user: User | AnonymousUser) -> QuerySet[Line]:
    """Lines of the assets that ``user`` may see."""
    return Line.objects.filter(scope__in=Scope.objects.visible_to(user))


class ScopeFilter(FilterSet):
    slug = text_is()
    criticality = one_or_more(Criticality)
    exposure = one_or_more(Exposure)
    data_class = one_or_more(DataClass)
    ordering = StableOrdering(fields=("name", "id"))

    class Meta:
        model = Scope
        fields = ()


class AssetFilter(FilterSet):
    scope = VisibleFilter(Scope.objects.visible_to)
    kind = one_or_more(AssetKind)
    name = text_is()
    environment = MultipleChoiceFilter(
        choices=[(e.value, e.value) for e in Environment if e.value], distinct=False
    )
    team = VisibleFilter(Team.objects.visible_to)
    tag = CharFilter(method="with_tag", help_text="One tag, whole.")
    external_id = text_is()
    q = CharFilter(method="named_like", label="Search", help_text="Part of the name.")
    ordering = StableOrdering(fields=("name", "id"))

    class Meta:
        model = Asset
        fields = ()

    def with_tag(self, queryset: AssetQuerySet, name: str, value: str) -> AssetQuerySet:
        """Tags are short words without quotes, so that one in quotes is in the list as a whole."""
        if not TAG.fullmatch(value):
            return queryset.none()
        return queryset.annotate(_tags=Cast("tags", TextField())).filter(
            _tags__contains=f'"{value}"'
        )

    def named_like(self, queryset: AssetQuerySet, name: str, value: str) -> AssetQuerySet:
        return queryset.filter(name__icontains=value)


class TeamFilter(FilterSet):
    scope = VisibleFilter(Scope.objects.visible_to)
    name = text_is()
    handle = text_is()
    ordering = StableOrdering(fields=("name", "id"))

    class Meta:
        model = Team
        fields = ()


class AssetLinkFilter(FilterSet):
    scope = VisibleFilter(Scope.objects.visible_to)
    asset = VisibleFilter(Asset.objects.visible_to)
    target = VisibleFilter(Asset.objects.visible_to)
    kind = one_or_more(LinkKind)
    ordering = StableOrdering(fields=("id",))

    class Meta:
        model = AssetLink
        fields = ()


class PipelineIdentityFilter(FilterSet):
    scope = VisibleFilter(Scope.objects.visible_to)
    asset = VisibleFilter(Asset.objects.visible_to)
    repository = text_is()
    ended = BooleanFilter(field_name="ended_at", lookup_expr="isnull", exclude=True)
    ordering = StableOrdering(fields=("id",))

    class Meta:
        model = PipelineIdentity
        fields = ()


class ServiceAccountFilter(FilterSet):
    scope = VisibleFilter(Scope.objects.visible_to)
    ended = BooleanFilter(field_name="ended_at", lookup_expr="isnull", exclude=True)
    ordering = StableOrdering(fields=("id",))

    class Meta:
        model = ServiceAccount
        fields = ()


class InvitationFilter(FilterSet):
    scope = VisibleFilter(Scope.objects.visible_to)
    accepted = BooleanFilter(field_name="accepted_at", lookup_expr="isnull", exclude=True)
    withdrawn = BooleanFilter(field_name="withdrawn_at", lookup_expr="isnull", exclude=True)
    ordering = StableOrdering(fields=("id",))

    class Meta:
        model = Invitation
        fields = ()


class EventFilter(FilterSet):
    scope = VisibleFilter(Scope.objects.visible_to, method="of_scope")
    subject = text_is()
    subject_id = by_id("subject_id")
    action = text_is()
    actor = text_is(field_name="actor__username")
    after = IsoDateTimeFilter(field_name="at", lookup_expr="gte")
    before = IsoDateTimeFilter(field_name="at", lookup_expr="lt")
    ordering = StableOrdering(fields=("id",))

    class Meta:
        model = Event
        fields = ()

    def of_scope(self, queryset: EventQuerySet, name: str, scope: Scope) -> EventQuerySet:
        """Events of one scope; the column is a plain number."""
        return queryset.filter(scope_id=scope.pk)
