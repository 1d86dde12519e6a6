"""The shape of an API token that somebody makes for themselves."""

from typing import Any, cast

from django import forms

from core.models import User
from core.permissions import Permission
from scopes.models import Scope
from scopes.services import MAX_TOKEN_DAYS


class TokenForm(forms.Form):
    """``user``: who it is for; the choices are what this user sees."""

    name = forms.CharField(max_length=80, help_text="What it is for: “pipeline of web-shop”.")
    days = forms.IntegerField(
        label="Days until it ends",
        min_value=1,
        max_value=MAX_TOKEN_DAYS,
        initial=90,
        help_text=f"At most {MAX_TOKEN_DAYS}.",
    )
    scope = forms.ModelChoiceField(
        queryset=Scope.objects.none(), required=False, empty_label="All my scopes"
    )
    permissions = forms.MultipleChoiceField(
        choices=[(p.value, p.value.replace("_", " ")) for p in Permission if p != Permission.READ],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Reading is always among them. None chosen: all that your roles allow.",
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = cast(forms.ModelChoiceField, self.fields["scope"])
        field.queryset = Scope.objects.visible_to(user).order_by("name")
