"""By what findings can be filtered and ordered. This one FilterSet serves the API and the pages."""

import re
from typing import Any

from django import forms
from django.db.models import Max, Min, Q
from django.utils import timezone
from django_filters import BooleanFilter, CharFilter, ChoiceFilter, FilterSet, MultipleChoiceFilter

from core.filters import StableOrdering, VisibleFilter, YesNoFilter, by_id, one_or_more, text_is
from findings.models import (
    Campaign,
    ClockPause,
    Feed,
    FeedKind,
    Finding,
    FindingCve,
    FindingGroup,
    FindingQuerySet,
    KevEntry,
    Series,
    Tally,
)
from findings.priority import BANDS
from findings.ssvc import Decision
from findings.statuses import ENDED, OPEN, Presence, SetAside, Severity, Status
from findings.weaknesses import with_cwe
from scopes.filters import visible_lines
from scopes.models import Asset, Line, Scope, Team, TeamMember

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


class PauseFilter(FilterSet):
    finding = by_id("finding_id")
    scope = VisibleFilter(Scope.objects.visible_to)
    ended = BooleanFilter(field_name="ended_at", lookup_expr="isnull", exclude=True)
    ordering = StableOrdering(fields=("id",))

    class Meta:
        model = ClockPause
        fields = ()


class FeedFilter(FilterSet):
    kind = one_or_more(FeedKind)
    ordering = StableOrdering(fields=("id",))

    class Meta:
        model = Feed
        fields = ()


class CveFilter(CharFilter):
    """``CVE-2021-44228``, in whatever letters."""

    field_class = forms.RegexField

    def __init__(self, **kwargs: object) -> None:
        super().__init__(regex=r"^(?i:cve)-[0-9]{4}-[0-9]{4,19}$", **kwargs)


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


ASIDE = {"no": SetAside.NOT.value, "noise": "noise", "out_of_scope": "out_of_scope"}
ASIDE_HELP = (
    "Whether a rule keeps it out of the queues: `no`, or as what. All are listed unless this is given; "
    "pages show `no` unless it is given."
)


def aside_by_default(query: Any) -> list[str]:
    """What pages let through where nobody said: what is in the queues, and whatever a number names."""
    if "set_aside" in query or NUMBER.match(query.get("q") or ""):
        return []
    return ["no"]


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
    cve = CveFilter(method="of_cve", label="CVE")
    kev = YesNoFilter(method="of_kev", label="Known exploited (KEV)")
    ssvc = one_or_more(Decision)
    presence = one_or_more(Presence)
    set_aside = MultipleChoiceFilter(
        choices=[(word, word) for word in ASIDE], distinct=False, method="of_set_aside",
        label="Set aside", help_text=ASIDE_HELP,
    )  # fmt: skip
    tag = text_is(method="of_tag", label="Tag")
    assigned_to = AssigneeFilter(method="of_assignee")
    team = VisibleFilter(Team.objects.visible_to)
    owned_by = VisibleFilter(Team.objects.visible_to)
    mine = YesNoFilter(method="of_mine")
    due = ChoiceFilter(
        choices=[("overdue", "overdue"), ("soon", "within a week")], method="of_due",
        help_text="Open findings by their due date: `overdue`, or `soon`, within a week.",
    )  # fmt: skip
    group = VisibleFilter(FindingGroup.objects.visible_to)
    campaign = VisibleFilter(Campaign.objects.visible_to, field_name="campaigns", distinct=False)
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

    def of_due(self, queryset: FindingQuerySet, name: str, value: str) -> FindingQuerySet:
        now = timezone.now()
        return queryset.overdue(now) if value == "overdue" else queryset.due_soon(now)

    def of_set_aside(
        self, queryset: FindingQuerySet, name: str, words: list[str]
    ) -> FindingQuerySet:
        return queryset.filter(set_aside__in=[ASIDE[word] for word in words]) if words else queryset

    def of_tag(self, queryset: FindingQuerySet, name: str, value: str) -> FindingQuerySet:
        return queryset.filter(tagged__tag__name=value.casefold())

    def of_line(self, queryset: FindingQuerySet, name: str, line: Line) -> FindingQuerySet:
        """Asset and series are said too: they have an index."""
        ids = list(Series.objects.filter(line=line).values_list("pk", flat=True))
        return queryset.filter(line=line, asset=line.asset_id, series__in=ids)

    def of_cwe(self, queryset: FindingQuerySet, name: str, value: str) -> FindingQuerySet:
        return with_cwe(queryset, int(value.upper().removeprefix("CWE-")))

    def of_cve(self, queryset: FindingQuerySet, name: str, value: str) -> FindingQuerySet:
        named = FindingCve.objects.filter(cve=value.upper())
        return queryset.filter(pk__in=named.values("finding_id"))

    def of_kev(self, queryset: FindingQuerySet, name: str, wanted: bool) -> FindingQuerySet:
        """Those that name a CVE which CISA lists as exploited, by the feed that counts."""
        listed = FindingCve.objects.filter(cve__in=KevEntry.objects.values("cve"))
        ids = listed.values("finding_id")
        return queryset.filter(pk__in=ids) if wanted else queryset.exclude(pk__in=ids)

    def of_assignee(self, queryset: FindingQuerySet, name: str, value: str) -> FindingQuerySet:
        if value == "nobody":
            return queryset.filter(assigned_to__isnull=True)
        return queryset.filter(assigned_to_id=self.request.user.pk if value == "me" else int(value))

    def of_mine(self, queryset: FindingQuerySet, name: str, wanted: bool) -> FindingQuerySet:
        """Those that I answer for, or a team of mine does: by decision, else as owner of the path."""
        user = self.request.user
        teams = list(TeamMember.objects.filter(user=user.pk).values_list("team_id", flat=True))
        mine = Q(assigned_to_id=user.pk) | Q(team__in=teams)
        mine |= Q(owned_by__in=teams, team__isnull=True)
        return queryset.filter(mine) if wanted else queryset.exclude(mine)

    def with_words(self, queryset: FindingQuerySet, name: str, value: str) -> FindingQuerySet:
        """See ``SEARCH``: what an index finds, or else words in a bounded number of findings."""
        if number := NUMBER.match(value):
            return queryset.filter(pk=int(number[1]))
        if (exact := queryset.filter(rule=value)).exists():
            return exact
        if "/" in value and (below := _below(queryset, value)) is not None:
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


class QueueFilter(FindingFilter):
    """As pages list findings: what is set aside is shown where it is asked for."""

    def filter_queryset(self, queryset: Any) -> Any:
        if aside_by_default(self.data):
            queryset = queryset.filter(set_aside=SetAside.NOT.value)
        return super().filter_queryset(queryset)


def _tallied(user: Any, asked: dict[str, Any]) -> Any:
    """What the tally knows of the findings that these filters let through."""
    rows = Tally.objects.visible_to(user)
    for name in ("status", "severity", "priority_band", "presence"):
        rows = rows.filter(**{f"{name}__in": asked[name]}) if asked[name] else rows
    for name in ("scope", "asset", "tool", "tool_class"):
        rows = rows.filter(**{name: asked[name]}) if asked[name] else rows
    if asked["set_aside"]:
        rows = rows.filter(set_aside__in=[ASIDE[word] for word in asked["set_aside"]])
    if asked["line"]:
        rows = rows.filter(asset=asked["line"].asset_id)
    if isinstance(asked["open"], bool):
        rows = rows.filter(status__in=OPEN if asked["open"] else ENDED)
    return rows


def _below(queryset: FindingQuerySet, path: str) -> FindingQuerySet | None:
    """Findings whose path begins so; None: there are none.

    Few are told by their keys: ordered by urgency at once, the database might look through all for them.
    """
    rows = queryset.filter(path__startswith=path)
    few = list(rows.order_by().values_list("pk", flat=True)[: MOST_URGENT + 1])
    if len(few) > MOST_URGENT:
        return rows
    return queryset.filter(pk__in=few) if few else None
