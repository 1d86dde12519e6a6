"""By what rules of discovery, tags and disputes of findings can be filtered."""

from django_filters import BooleanFilter, FilterSet

from core.filters import StableOrdering, VisibleFilter, by_id, one_or_more, text_is
from findings.models import DiscoveryRule, FindingDispute, Tag
from findings.statuses import FindingDisputeAbout, FindingDisputeState
from scopes.models import Scope


class RuleFilter(FilterSet):
    scope = VisibleFilter(Scope.objects.visible_to)
    ended = BooleanFilter(field_name="ended_at", lookup_expr="isnull", exclude=True)
    ordering = StableOrdering(fields=("position", "id"))

    class Meta:
        model = DiscoveryRule
        fields = ()


class TagFilter(FilterSet):
    scope = VisibleFilter(Scope.objects.visible_to)
    name = text_is()
    ordering = StableOrdering(fields=("name", "id"))

    class Meta:
        model = Tag
        fields = ()


class FindingDisputeFilter(FilterSet):
    scope = VisibleFilter(Scope.objects.visible_to)
    finding = by_id("finding_id")
    state = one_or_more(FindingDisputeState)
    about = one_or_more(FindingDisputeAbout)
    ordering = StableOrdering(fields=("id",))

    class Meta:
        model = FindingDispute
        fields = ()
