"""By what findings can be filtered and ordered. This one FilterSet serves the API and the pages."""

from django import forms
from django.db.models import Q, TextField
from django.db.models.functions import Cast
from django_filters import CharFilter, FilterSet, MultipleChoiceFilter

from core.filters import StableOrdering, VisibleFilter, YesNoFilter, by_id, one_or_more, text_is
from findings.models import Finding, FindingQuerySet
from findings.priority import BANDS
from findings.statuses import OPEN, Presence, Severity, Status
from scopes.filters import visible_lines
from scopes.models import Asset, Scope

ORDERINGS = (
    ("priority_score", "priority"),
    ("first_seen_at", "first_seen_at"),
    ("status_since", "status_since"),
    ("id", "id"),
)


class AssigneeFilter(CharFilter):
    """``me``, ``nobody`` or a user's id."""

    field_class = forms.RegexField

    def __init__(self, **kwargs: object) -> None:
        super().__init__(regex=r"^(me|nobody|[0-9]{1,18})$", **kwargs)


class CweFilter(CharFilter):
    """``CWE-78`` or ``78``."""

    field_class = forms.RegexField

    def __init__(self, **kwargs: object) -> None:
        super().__init__(regex=r"^(?i:cwe-)?[0-9]{1,6}$", **kwargs)


class FindingFilter(FilterSet):
    status = one_or_more(Status)
    open = YesNoFilter(method="in_open_state")
    severity = one_or_more(Severity)
    priority_band = MultipleChoiceFilter(
        choices=[(name, name) for _, name in BANDS], distinct=False
    )
    scope = VisibleFilter(Scope.objects.visible_to)
    asset = VisibleFilter(Asset.objects.visible_to)
    line = VisibleFilter(visible_lines)
    tool = text_is()
    tool_class = text_is()
    rule = text_is()
    cwe = CweFilter(method="of_cwe")
    presence = one_or_more(Presence)
    assigned_to = AssigneeFilter(method="of_assignee")
    introduced_by = by_id("introduced_by_id")
    q = CharFilter(method="with_words", label="Search")
    ordering = StableOrdering(fields=ORDERINGS)

    class Meta:
        model = Finding
        fields = ()

    def in_open_state(self, queryset: FindingQuerySet, name: str, wanted: bool) -> FindingQuerySet:
        return queryset.open() if wanted else queryset.exclude(status__in=OPEN)

    def of_cwe(self, queryset: FindingQuerySet, name: str, value: str) -> FindingQuerySet:
        """The list is JSON text on both engines; a quoted member cannot match half of another."""
        number = int(value.upper().removeprefix("CWE-"))
        return queryset.annotate(cwe_text=Cast("cwes", TextField())).filter(
            cwe_text__contains=f'"CWE-{number}"'
        )

    def of_assignee(self, queryset: FindingQuerySet, name: str, value: str) -> FindingQuerySet:
        if value == "nobody":
            return queryset.filter(assigned_to__isnull=True)
        return queryset.filter(assigned_to_id=self.request.user.pk if value == "me" else int(value))

    def with_words(self, queryset: FindingQuerySet, name: str, value: str) -> FindingQuerySet:
        return queryset.filter(
            Q(title__icontains=value) | Q(rule__icontains=value) | Q(path__icontains=value)
        )
