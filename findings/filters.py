"""By what findings can be filtered and ordered. This one FilterSet serves the API and the pages."""

import re
from typing import Any

from django import forms
from django.db.models import Max, Min
from django_filters import CharFilter, FilterSet, MultipleChoiceFilter

from core.filters import StableOrdering, VisibleFilter, YesNoFilter, by_id, one_or_more, text_is
from findings.models import Finding, FindingQuerySet, Series, Tally
from findings.priority import BANDS
from findings.statuses import ENDED, OPEN, Presence, Severity, Status
from findings.weaknesses import with_cwe
from scopes.filters import visible_lines
from scopes.models import Asset, Line, Scope

ORDERINGS = (
    ("priority_score", "priority"),
    ("first_seen_at", "first_seen_at"),
    ("status_since", "status_since"),
    ("id", "id"),
)
MOST_URGENT = 5_000  # findings that words are looked for in
FEW = 100  # series that are named one by one
NUMBER = re.compile(r"^(?i:ctem-)([0-9]{1,18})$")
SEARCH = (
    "A number (CTEM-17), a whole rule id, or the beginning of a path up to a slash at least, looked up "
    f"among all findings. Other words are looked for in title, rule and path of the {MOST_URGENT:,} most "
    "urgent findings that the other filters let through."
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
    line = VisibleFilter(visible_lines, method="of_line")
    tool = text_is(method="of_tool")
    tool_class = text_is()
    rule = text_is()
    cwe = CweFilter(method="of_cwe")
    presence = one_or_more(Presence)
    assigned_to = AssigneeFilter(method="of_assignee")
    introduced_by = by_id("introduced_by_id")
    q = CharFilter(method="with_words", label="Search", help_text=SEARCH)
    ordering = StableOrdering(fields=ORDERINGS)

    class Meta:
        model = Finding
        fields = ()

    def filter_queryset(self, queryset: Any) -> Any:
        return super().filter_queryset(self._at_their_priorities(queryset))

    def _at_their_priorities(self, queryset: Any) -> Any:
        """Tell the database at which priorities the rows are, so that it looks nowhere else for them.

        Low findings come last: without this all others would be read before the first of them.
        """
        asked = self.form.cleaned_data
        order = [*(asked["ordering"] or queryset.query.order_by), ""][0].lstrip("-")
        if not order.startswith("priority") and not asked["q"]:
            return queryset
        ends = _tallied(self.request.user, asked).aggregate(
            least=Min("priority_score"), most=Max("priority_score")
        )
        if ends["least"] is None:
            return queryset.none()
        return queryset.filter(priority_score__gte=ends["least"], priority_score__lte=ends["most"])

    def in_open_state(self, queryset: FindingQuerySet, name: str, wanted: bool) -> FindingQuerySet:
        return queryset.filter(status__in=OPEN if wanted else ENDED)

    def of_line(self, queryset: FindingQuerySet, name: str, line: Line) -> FindingQuerySet:
        """Asset and series are said too: they have an index."""
        ids = list(Series.objects.filter(line=line).values_list("pk", flat=True))
        return queryset.filter(line=line, asset=line.asset_id, series__in=ids)

    def of_cwe(self, queryset: FindingQuerySet, name: str, value: str) -> FindingQuerySet:
        return with_cwe(queryset, int(value.upper().removeprefix("CWE-")))

    def of_assignee(self, queryset: FindingQuerySet, name: str, value: str) -> FindingQuerySet:
        if value == "nobody":
            return queryset.filter(assigned_to__isnull=True)
        return queryset.filter(assigned_to_id=self.request.user.pk if value == "me" else int(value))

    def with_words(self, queryset: FindingQuerySet, name: str, value: str) -> FindingQuerySet:
        """See ``SEARCH``: what an index finds, or else words in a bounded number of findings."""
        if number := NUMBER.match(value):
            return queryset.filter(pk=int(number[1]))
        if (exact := queryset.filter(rule=value)).exists():
            return exact
        if "/" in value and (below := queryset.filter(path__startswith=value)).exists():
            return below
        told, word = [], value.casefold()
        ranked = queryset.order_by("-priority_score", "-id").values_list(
            "pk", "title", "rule", "path"
        )
        for pk, *texts in ranked[:MOST_URGENT]:
            told += [pk] if any(word in text.casefold() for text in texts) else []
        return queryset.filter(pk__in=told)

    def of_tool(self, queryset: FindingQuerySet, name: str, value: str) -> FindingQuerySet:
        """The series are said too: they have an index, which serves a tool that few use."""
        told = Series.objects.filter(scope__in=Scope.objects.visible_to(self.request.user))
        ids = list(told.filter(tool=value).values_list("pk", flat=True)[: FEW + 1])
        queryset = queryset.filter(tool=value)
        return queryset.filter(series__in=ids) if len(ids) <= FEW else queryset


def _tallied(user: Any, asked: dict[str, Any]) -> Any:
    """What the tally knows of the findings that these filters let through."""
    rows = Tally.objects.visible_to(user)
    for name in ("status", "severity", "priority_band", "presence"):
        rows = rows.filter(**{f"{name}__in": asked[name]}) if asked[name] else rows
    for name in ("scope", "asset", "tool"):
        rows = rows.filter(**{name: asked[name]}) if asked[name] else rows
    if asked["line"]:
        rows = rows.filter(asset=asked["line"].asset_id)
    if isinstance(asked["open"], bool):
        rows = rows.filter(status__in=OPEN if asked["open"] else ENDED)
    return rows
