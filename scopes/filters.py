"""By what scopes, assets, pipelines and events can be filtered. Serves the API and the pages."""

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet
from django_filters import BooleanFilter, FilterSet, IsoDateTimeFilter

from core.filters import StableOrdering, VisibleFilter, by_id, one_or_more, text_is
from core.models import Event, EventQuerySet, User
from scopes.models import (
    Asset,
    AssetKind,
    Criticality,
    Exposure,
    Line,
    PipelineIdentity,
    Scope,
)


def visible_lines(user: User | AnonymousUser) -> QuerySet[Line]:
    """Lines of the assets that ``user`` may see."""
    return Line.objects.filter(scope__in=Scope.objects.visible_to(user))


class ScopeFilter(FilterSet):
    slug = text_is()
    criticality = one_or_more(Criticality)
    exposure = one_or_more(Exposure)
    ordering = StableOrdering(fields=("name", "id"))

    class Meta:
        model = Scope
        fields = ()


class AssetFilter(FilterSet):
    scope = VisibleFilter(Scope.objects.visible_to)
    kind = one_or_more(AssetKind)
    name = text_is()
    ordering = StableOrdering(fields=("name", "id"))

    class Meta:
        model = Asset
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
