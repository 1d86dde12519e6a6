"""By what campaigns and groups can be filtered and ordered. Serves the API and the pages."""

from typing import Any

from django_filters import FilterSet

from core.filters import StableOrdering, VisibleFilter, YesNoFilter
from findings.models import Campaign, FindingGroup
from scopes.models import Scope, Team


class CampaignFilter(FilterSet):
    scope = VisibleFilter(Scope.objects.visible_to)
    team = VisibleFilter(Team.objects.visible_to)
    running = YesNoFilter(method="that_is_running")
    ordering = StableOrdering(fields=("started_at", "id"))

    class Meta:
        model = Campaign
        fields = ()

    def that_is_running(self, queryset: Any, name: str, wanted: bool) -> Any:
        return queryset.filter(ended_at__isnull=wanted)


class GroupFilter(FilterSet):
    scope = VisibleFilter(Scope.objects.visible_to)
    ordering = StableOrdering(fields=("created_at", "id"))

    class Meta:
        model = FindingGroup
        fields = ()
