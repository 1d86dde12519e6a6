"""The shape of an SLA, and of a pause, that people send from a page. Rules are in services/clocks.py."""

from typing import Any

from django import forms

from findings.forms import ReasonForm
from findings.services.clocks import MOST_WARN_DAYS, RATINGS, Terms
from findings.sla import MOST_DAYS, Counts
from findings.statuses import OPEN
from scopes.models import Scope

WEEK = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class PauseForm(ReasonForm):
    party = forms.CharField(
        label="Waiting for", max_length=200, help_text="Who has to act: a vendor, another team."
    )
    field_order = ("party", "reason")


class ResumeForm(forms.Form):
    """The pause that the page has shown as running."""

    pause = forms.IntegerField(min_value=1, max_value=2**63 - 1, widget=forms.HiddenInput)


class SlaForm(forms.Form):
    """Days by severity and priority, the same in each stage (``validated-high``), the calendar."""

    counts = forms.ChoiceField(
        label="Days are",
        choices=[
            (Counts.CALENDAR.value, "calendar days"),
            (Counts.BUSINESS.value, "business days"),
        ],
    )
    warn_days = forms.IntegerField(
        label="Tell this many days before", min_value=0, max_value=MOST_WARN_DAYS
    )
    time_zone = forms.CharField(max_length=64, help_text="Such as Europe/Berlin.")
    working_days = forms.TypedMultipleChoiceField(
        choices=list(enumerate(WEEK, start=1)), coerce=int, widget=forms.CheckboxSelectMultiple
    )
    holidays = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Dates such as 2026-12-25, one on each line.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, _, severity in cells():
            self.fields[name] = forms.IntegerField(
                label=f"{severity}", min_value=1, max_value=MOST_DAYS, required=False
            )

    def terms(self) -> Terms:
        told = self.cleaned_data
        stages: dict[str, dict[str, int]] = {}
        for name, stage, severity in cells():
            if told[name]:
                stages.setdefault(stage, {})[severity] = told[name]
        return Terms(
            days=stages.pop("", {}),
            stage_days=stages,
            counts=told["counts"],
            warn_days=told["warn_days"],
            time_zone=told["time_zone"],
            working_days=told["working_days"],
            holidays=told["holidays"].split(),
        )

    def rows(self) -> list[tuple[str, list[forms.BoundField]]]:
        """The table of days: its rows by name, a field for each severity."""
        names = [("", "the fix"), *((stage.value, stage.label) for stage in OPEN)]
        return [
            (label, [self[name] for name, of, _ in cells() if of == stage])
            for stage, label in names
        ]


def cells() -> list[tuple[str, str, str]]:
    """Name of the field, stage (empty: all of the way), severity or priority."""
    return [
        (f"{stage or 'all'}-{rating}", stage, rating)
        for stage in ("", *(stage.value for stage in OPEN))
        for rating in RATINGS
    ]


def told(scope: Scope) -> dict[str, Any]:
    """The SLA in force, as the form shows it."""
    days = {"": scope.sla_days, **scope.sla_stage_days}
    return {
        "counts": scope.sla_counts,
        "warn_days": scope.sla_warn_days,
        "time_zone": scope.time_zone,
        "working_days": scope.working_days,
        "holidays": "\n".join(scope.holidays),
        **{name: days.get(stage, {}).get(severity) for name, stage, severity in cells()},
    }
