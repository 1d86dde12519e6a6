"""By what trackers and tickets can be filtered. Serves the API and the pages."""

from django_filters import FilterSet

from core.filters import StableOrdering, VisibleFilter, by_id, one_or_more, text_is
from scopes.models import Scope
from tickets.models import Ticket, TrackerConnection
from tickets.statuses import TicketState, TrackerKind, TrackerState


class TrackerFilter(FilterSet):
    scope = VisibleFilter(Scope.objects.visible_to)
    kind = one_or_more(TrackerKind)
    state = one_or_more(TrackerState)
    ordering = StableOrdering(fields=("name", "created_at", "id"))

    class Meta:
        model = TrackerConnection
        fields = ()


class TicketFilter(FilterSet):
    scope = VisibleFilter(Scope.objects.visible_to)
    connection = by_id("connection_id")
    finding = by_id("finding_id")
    key = text_is()
    state = one_or_more(TicketState)
    ordering = StableOrdering(fields=("id",))

    class Meta:
        model = Ticket
        fields = ()
