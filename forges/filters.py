"""By what connections, repositories and pull requests can be filtered. Serves the API and the pages."""

from django_filters import FilterSet

from core.filters import IdFilter, StableOrdering, VisibleFilter, by_id, one_or_more, text_is
from forges.models import Connection, PullRequest, Repository
from forges.statuses import ConnectionState, Forge, Mode, PullState
from scopes.models import Scope


class ConnectionFilter(FilterSet):
    scope = VisibleFilter(Scope.objects.visible_to)
    forge = one_or_more(Forge)
    mode = one_or_more(Mode)
    state = one_or_more(ConnectionState)
    ordering = StableOrdering(fields=("name", "created_at", "id"))

    class Meta:
        model = Connection
        fields = ()


class RepositoryFilter(FilterSet):
    scope = VisibleFilter(Scope.objects.visible_to)
    connection = by_id("connection_id")
    asset = by_id("asset_id")
    full_name = text_is()
    ordering = StableOrdering(fields=("full_name", "id"))

    class Meta:
        model = Repository
        fields = ()


class PullFilter(FilterSet):
    scope = VisibleFilter(Scope.objects.visible_to)
    connection = by_id("repository__connection_id")
    repository = by_id("repository_id")
    remediation = by_id("remediation_id")
    number = IdFilter()
    state = one_or_more(PullState)
    ordering = StableOrdering(fields=("id",))

    class Meta:
        model = PullRequest
        fields = ()
