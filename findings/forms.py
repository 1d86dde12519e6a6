"""The shape of what people bring to a finding. Rules are in guards.py and services.py."""

from collections.abc import Sequence
from typing import Any, cast

from django import forms

from core.models import User
from findings.models import Finding
from findings.services import MAX_TEXT
from findings.statuses import VALIDATING


class NothingForm(forms.Form):
    """A transition that needs nothing but the click."""


class DecisionForm(forms.Form):
    """Deciding what somebody asked for: the request that the page has shown."""

    decision = forms.IntegerField(
        required=False, min_value=1, max_value=2**63 - 1, widget=forms.HiddenInput
    )


class ReasonForm(forms.Form):
    reason = forms.CharField(max_length=5000, widget=forms.Textarea(attrs={"rows": 3}))


class EvidenceForm(forms.Form):
    evidence_kind = forms.ChoiceField(
        label="Kind of evidence",
        choices=[(kind.value, kind.value.replace("_", " ")) for kind in VALIDATING],
    )
    evidence = forms.CharField(
        max_length=MAX_TEXT,
        help_text="Why the weakness is real and can be reached.",
        widget=forms.Textarea(attrs={"rows": 4}),
    )


class DuplicateForm(forms.Form):
    duplicate_of = forms.IntegerField(
        label="Number of the other finding",
        min_value=1,
        max_value=2**63 - 1,
        help_text="The 12 of CTEM-12.",
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
    )


class RemediationForm(forms.Form):
    """``fixes`` are the choices: id and words of each fix that is linked to the finding."""

    remediation_id = forms.TypedChoiceField(label="Fix", coerce=int)

    def __init__(self, *args: Any, fixes: Sequence[tuple[int, str]] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cast(forms.ChoiceField, self.fields["remediation_id"]).choices = list(fixes)


class AcceptanceForm(ReasonForm):
    until = forms.DateField(
        help_text="The risk is carried until this day, by name; then the finding reopens.",
        widget=forms.DateInput(attrs={"type": "date"}),
    )


class CommentForm(forms.Form):
    body = forms.CharField(
        label="Comment", max_length=MAX_TEXT, widget=forms.Textarea(attrs={"rows": 3})
    )


class MemberField(forms.ModelChoiceField):
    """A choice of people by the name that pages show."""

    def label_from_instance(self, obj: User) -> str:
        return obj.display


class AssignForm(forms.Form):
    """Members of the finding's scope, or nobody."""

    to = MemberField(
        label="Assigned to", queryset=User.objects.none(), required=False, empty_label="Nobody"
    )

    def __init__(self, *args: Any, finding: Finding, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        members = User.objects.filter(memberships__scope=finding.scope_id, is_active=True)
        cast(MemberField, self.fields["to"]).queryset = members.order_by("username")


FORMS: dict[tuple[str, ...], type[forms.Form]] = {  # what a row of the table needs → its form
    (): NothingForm,
    ("reason",): ReasonForm,
    ("evidence", "evidence_kind"): EvidenceForm,
    ("duplicate_of",): DuplicateForm,
    ("remediation_id",): RemediationForm,
}
