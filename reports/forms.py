"""The shape of what people ask of figures and reports. Rules are in services."""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any, cast

from django import forms

from reports.statuses import Period
from scopes.models import Scope

PERIODS = (
    (Period.MONTH.value, "The last 30 days"),  # what an empty one means
    (Period.WEEK.value, "The last 7 days"),
    (Period.QUARTER.value, "The last 91 days"),
    (Period.CUSTOM.value, "Between two days"),
)


class FrameForm(forms.Form):
    """Of what and when. An empty period is a month; days are UTC, the last one included."""

    scope = forms.TypedChoiceField(required=False, coerce=int, empty_value=None)
    period = forms.ChoiceField(required=False, choices=PERIODS)
    since = forms.DateField(
        label="From", required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    until = forms.DateField(
        label="To", required=False, widget=forms.DateInput(attrs={"type": "date"})
    )

    def __init__(self, *args: Any, scopes: Sequence[Scope] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = cast(forms.TypedChoiceField, self.fields["scope"])
        field.choices = [("", "All"), *((scope.pk, str(scope)) for scope in scopes)]

    def bounds(self, at: datetime) -> dict[str, Any]:
        """Period and moments as services take them; a day that is not over ends now."""
        told = self.cleaned_data
        period = Period(told["period"] or Period.MONTH.value)
        since, until = told["since"], told["until"]
        first = datetime.combine(since, time(), UTC) if since else None
        last = datetime.combine(until, time(), UTC) + timedelta(days=1) if until else None
        if last is not None and until <= at.astimezone(UTC).date():
            last = min(last, at)
        return {"period": period, "since": first, "until": last}
