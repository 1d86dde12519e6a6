"""The shape of what people bring to proposed fixes. Rules are in proposing.py."""

from typing import Any

from django import forms

from core.api import OBJECT_ID
from remediations.proposing import MAX_REASON
from remediations.readers import MAX_BYTES


class UploadForm(forms.Form):
    """A file of proposed fixes."""

    file = forms.FileField(
        label="File",
        help_text="CodeTF, SARIF with fixes, or a unified diff. Nothing of it is applied.",
    )

    def clean_file(self) -> bytes:
        """Return its bytes; one more than allowed, where there are too many."""
        data: Any = self.cleaned_data["file"]
        return bytes(data.read(MAX_BYTES + 1))


class CommitField(forms.RegexField):
    """A full git object id."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            regex=OBJECT_ID,
            max_length=64,
            error_messages={"invalid": "Must be a full git object id: 40 or 64 hex digits."},
            **kwargs,
        )


class TakeForm(forms.Form):
    """The commit that a proposal became."""

    base_commit = CommitField(label="Commit that it starts from")
    head_commit = CommitField(label="Commit that it became")
    unchanged = forms.BooleanField(
        label="The commit is this patch and nothing else",
        required=False,
        help_text="Else its diff is to be sent by the API: nothing is said about its lines before.",
    )


class DeclineForm(forms.Form):
    reason = forms.CharField(max_length=MAX_REASON, widget=forms.Textarea(attrs={"rows": 3}))
