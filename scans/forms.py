"""The shape of what people say of a judgement. Rules are in services/doors.py."""

from django import forms

from scans.statuses import DispositionKind

DECISIONS = (
    (DispositionKind.FALSE_POSITIVE.value, "A false positive: it is no weakness"),
    (DispositionKind.ACCEPTED.value, "Accepted: it may stay, below the threshold"),
)


class DispositionForm(forms.Form):
    """A word on one new result, which is named by its rule and place."""

    rule = forms.CharField(max_length=300, widget=forms.HiddenInput)
    path = forms.CharField(max_length=1000, required=False, widget=forms.HiddenInput, strip=False)
    line = forms.IntegerField(required=False, min_value=1, widget=forms.HiddenInput)
    decision = forms.ChoiceField(choices=DECISIONS, widget=forms.RadioSelect)
    reason = forms.CharField(max_length=5000, widget=forms.Textarea(attrs={"rows": 2}))
