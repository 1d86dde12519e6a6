"""The shape of evidence, files, tags, severities and disputes that people send from a finding's page."""

from typing import Any, cast

from django import forms

from core.filters import words
from core.models import User
from findings.forms import MemberField
from findings.models import Finding
from findings.services import MAX_TEXT
from findings.statuses import EvidenceKind, FindingDisputeAbout, Severity

ABOUT = {
    FindingDisputeAbout.EXISTENCE: "It is not real",
    FindingDisputeAbout.SEVERITY: "It is not as severe",
    FindingDisputeAbout.OWNERSHIP: "It is not for who answers for it",
}


class FileField(forms.FileField):
    """A file; what it is and how large it may be is said by the service."""

    widget = forms.FileInput


class BringForm(forms.Form):
    """Words with or without a file, or a file alone."""

    kind = forms.ChoiceField(label="Kind of evidence", choices=words(EvidenceKind))
    text = forms.CharField(
        label="What it shows", max_length=MAX_TEXT, widget=forms.Textarea(attrs={"rows": 3})
    )
    file = FileField(required=False, help_text="At most 10 MiB. It is handed out, never shown.")


class FileForm(forms.Form):
    file = FileField(help_text="At most 10 MiB. It is handed out, never shown.")


class TagsForm(forms.Form):
    add = forms.CharField(label="Put on", required=False, max_length=1300)
    remove = forms.CharField(label="Take off", required=False, max_length=1300)


class SeverityForm(forms.Form):
    severity = forms.ChoiceField(
        required=False, choices=[("", "as the tool says"), *words(Severity)]
    )
    reason = forms.CharField(max_length=5000, widget=forms.Textarea(attrs={"rows": 2}))


class DisputeFindingForm(forms.Form):
    about = forms.ChoiceField(
        label="What is wrong", choices=[(about.value, said) for about, said in ABOUT.items()]
    )
    reason = forms.CharField(max_length=5000, widget=forms.Textarea(attrs={"rows": 2}))


class AnswerForm(forms.Form):
    """What the answer needs besides depends on what is disputed."""

    uphold = forms.TypedChoiceField(
        label="The dispute is", choices=[("yes", "right"), ("no", "wrong")],
        coerce=lambda value: value == "yes",
    )  # fmt: skip
    severity = forms.ChoiceField(
        label="Then the severity is", required=False, choices=[("", "…"), *words(Severity)]
    )
    to = MemberField(
        label="Then it is for", required=False, queryset=User.objects.none(), empty_label="Nobody"
    )
    answer = forms.CharField(max_length=5000, widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, *args: Any, finding: Finding, about: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if about != FindingDisputeAbout.SEVERITY:
            del self.fields["severity"]
        if about != FindingDisputeAbout.OWNERSHIP:
            del self.fields["to"]
            return
        members = User.objects.filter(memberships__scope=finding.scope_id, is_active=True)
        cast(MemberField, self.fields["to"]).queryset = members.order_by("username")
