"""By what remediations can be filtered and ordered. Serves the API and the pages."""

from django_filters import FilterSet

from core.filters import StableOrdering, VisibleFilter, by_id, one_or_more, text_is
from remediations.models import Remediation
from remediations.statuses import Origin, RemediationState
from scopes.models import Asset, Scope


class RemediationFilter(FilterSet):
    scope = VisibleFilter(Scope.objects.visible_to)
    asset = VisibleFilter(Asset.objects.visible_to)
    state = one_or_more(RemediationState)
    origin = one_or_more(Origin)
    finding = by_id("addressed__finding_id")
    head_commit = text_is()
    merge_commit = text_is()
    ordering = StableOrdering(fields=("pushed_at", "created_at", "id"))

    class Meta:
        model = Remediation
        fields = ()
