"""By what scans, judgements and clearances can be filtered. Serves the API and the pages."""

from django_filters import FilterSet

from core.filters import StableOrdering, VisibleFilter, YesNoFilter, by_id, one_or_more, text_is
from scans.inbox import InboxReport, InboxState
from scans.models import (
    Clearance,
    Scan,
    ScannerRecipe,
    ScanSchedule,
    Tool,
    Verification,
    VerificationQuerySet,
)
from scans.statuses import Purpose, ScanState, ToolClass, Verdict
from scopes.filters import visible_lines
from scopes.models import Asset, Scope


class ToolFilter(FilterSet):
    name = text_is()
    tool_class = one_or_more(ToolClass)
    ordering = StableOrdering(fields=("name", "id"))

    class Meta:
        model = Tool
        fields = ()


class ScanFilter(FilterSet):
    scope = VisibleFilter(Scope.objects.visible_to)
    asset = VisibleFilter(Asset.objects.visible_to)
    line = VisibleFilter(visible_lines)
    remediation = by_id("remediation_id")
    purpose = one_or_more(Purpose)
    state = one_or_more(ScanState)
    tool = text_is()
    tool_class = one_or_more(ToolClass)
    commit = text_is()
    ordering = StableOrdering(fields=("created_at", "id"))

    class Meta:
        model = Scan
        fields = ()


class InboxFilter(FilterSet):
    scope = VisibleFilter(Scope.objects.visible_to)
    state = one_or_more(InboxState)
    asset_name = text_is()
    repository = text_is()
    ordering = StableOrdering(fields=("created_at", "id"))

    class Meta:
        model = InboxReport
        fields = ()


class RecipeFilter(FilterSet):
    scope = VisibleFilter(Scope.objects.visible_to)
    name = text_is()
    tool_class = one_or_more(ToolClass)
    ordering = StableOrdering(fields=("created_at", "id"))

    class Meta:
        model = ScannerRecipe
        fields = ()


class ScheduleFilter(FilterSet):
    scope = VisibleFilter(Scope.objects.visible_to)
    asset = VisibleFilter(Asset.objects.visible_to)
    line = VisibleFilter(visible_lines)
    recipe = text_is()
    ordering = StableOrdering(fields=("created_at", "id"))

    class Meta:
        model = ScanSchedule
        fields = ()


class VerificationFilter(FilterSet):
    scope = VisibleFilter(Scope.objects.visible_to)
    finding = by_id("finding_id")
    remediation = by_id("remediation_id")
    verdict = one_or_more(Verdict)
    with_merge = YesNoFilter()
    current = YesNoFilter(method="that_is_current")
    ordering = StableOrdering(fields=("at", "id"))

    class Meta:
        model = Verification
        fields = ()

    def that_is_current(
        self, queryset: VerificationQuerySet, name: str, wanted: bool
    ) -> VerificationQuerySet:
        return queryset.current() if wanted else queryset.filter(superseded_by__isnull=False)


class ClearanceFilter(FilterSet):
    scope = VisibleFilter(Scope.objects.visible_to)
    finding = by_id("finding_id")
    remediation = by_id("remediation_id")
    live = YesNoFilter()
    ordering = StableOrdering(fields=("issued_at", "id"))

    class Meta:
        model = Clearance
        fields = ()
