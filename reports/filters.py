"""By what reports, and findings behind figures, can be filtered. Serves the API and the pages."""

from typing import Any

from django.utils import timezone
from django_filters import ChoiceFilter, FilterSet, IsoDateTimeFilter

from core.filters import StableOrdering, VisibleFilter, one_or_more
from findings.filters import ORDERINGS
from findings.models import Finding
from reports.models import Report
from reports.services.asking import frame_of
from reports.services.behind import ASKED, findings_behind
from reports.statuses import Period, ReportState
from scopes.models import Scope


class ReportFilter(FilterSet):
    scope = VisibleFilter(Scope.objects.visible_to, field_name="scopes", distinct=False)
    period = one_or_more(Period)
    state = one_or_more(ReportState)
    ordering = StableOrdering(fields=("until", "id"))

    class Meta:
        model = Report
        fields = ()


class BehindFilter(FilterSet):
    """The findings behind one figure: of what kind, and of which time."""

    bar = ChoiceFilter(choices=[(word, word.replace("_", " ")) for word in ASKED], required=True)
    scope = VisibleFilter(Scope.objects.visible_to)
    since = IsoDateTimeFilter(required=True)
    until = IsoDateTimeFilter(required=True)
    ordering = StableOrdering(fields=ORDERINGS)

    class Meta:
        model = Finding
        fields = ()

    def filter_queryset(self, queryset: Any) -> Any:
        """Narrow it to what the figure counts; an order alone is applied as it is."""
        told = self.form.cleaned_data
        scopes = Scope.objects.visible_to(self.request.user)
        if told["scope"] is not None:
            scopes = scopes.filter(pk=told["scope"].pk)
        frame = frame_of(
            scopes,
            period=Period.CUSTOM,
            at=timezone.now(),
            since=told["since"],
            until=told["until"],
        )
        rows = findings_behind(frame, told["bar"])
        return self.filters["ordering"].filter(queryset & rows, told["ordering"])
