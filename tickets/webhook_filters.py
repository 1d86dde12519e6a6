"""By what webhooks can be filtered. Serves the API and the pages."""

from django_filters import FilterSet

from core.filters import StableOrdering, VisibleFilter, one_or_more
from scopes.models import Scope
from tickets.models import WebhookEndpoint
from tickets.statuses import EndpointState


class WebhookFilter(FilterSet):
    scope = VisibleFilter(Scope.objects.visible_to)
    state = one_or_more(EndpointState)
    ordering = StableOrdering(fields=("name", "created_at", "id"))

    class Meta:
        model = WebhookEndpoint
        fields = ()
