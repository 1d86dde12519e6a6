"""The shape of what people tell of a webhook. Rules are in services."""

from typing import Any, cast

from django import forms

from core.models import User
from core.permissions import Permission
from scopes.models import Scope
from tickets.services import webhook_told as told
from tickets.statuses import Payload

PAYLOADS = (
    (Payload.THIN.value, "Thin: which event it was, and where to read it"),
    (Payload.FULL.value, "Full: with the event's data"),
)


class Patterns(forms.CharField):
    """Patterns of actions, one on each line."""

    def __init__(self) -> None:
        super().__init__(
            label="Events",
            max_length=told.MAX_ACTIONS * (told.MAX_ACTION + 1),
            help_text="A pattern of actions on each line, such as finding.* or scan.imported.",
            widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "class": "mono"}),
        )

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list | tuple) else value

    def clean(self, value: Any) -> list[str]:
        lines = str(super().clean(value)).splitlines()
        return [line.strip() for line in lines if line.strip()]


class ChangeForm(forms.Form):
    """What may be changed of a webhook."""

    name = forms.CharField(label="Name", max_length=told.MAX_NAME)
    url = forms.CharField(
        label="Address", max_length=told.MAX_URL, help_text="https://HOST/PATH of the receiver."
    )
    actions = Patterns()
    payload = forms.ChoiceField(
        label="Payload", choices=PAYLOADS, initial=Payload.THIN.value, widget=forms.RadioSelect
    )


class NewForm(ChangeForm):
    """A webhook to make. ``user``: whose scopes are offered."""

    scope = forms.ModelChoiceField(queryset=Scope.objects.none(), empty_label=None)
    field_order = ("scope", "name", "url", "actions", "payload")

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = cast(forms.ModelChoiceField, self.fields["scope"])
        field.queryset = Scope.objects.permitting(user, Permission.ADMINISTER).order_by("name")
