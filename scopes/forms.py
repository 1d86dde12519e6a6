"""The shapes of API tokens and service accounts, as pages send them."""

from typing import Any, cast

from django import forms
from django.conf import settings

from core.models import User
from core.permissions import SERVICE_ROLES, Permission
from scopes.models import Scope
from scopes.services.tokens import MAX_OVERLAP_DAYS, TOKEN_DAYS


class AccountTokenForm(forms.Form):
    """A token of a service account: what is asked of every token."""

    name = forms.CharField(max_length=80, help_text="What it is for: “pipeline of web-shop”.")
    days = forms.IntegerField(
        label="Days until it ends",
        min_value=1,
        max_value=settings.MAX_TOKEN_DAYS,
        initial=min(TOKEN_DAYS, settings.MAX_TOKEN_DAYS),
        help_text=f"At most {settings.MAX_TOKEN_DAYS}.",
    )
    permissions = forms.MultipleChoiceField(
        choices=[(p.value, p.value.replace("_", " ")) for p in Permission],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Reading is always among them. None chosen: all that its owner's roles allow.",
    )


class TokenForm(AccountTokenForm):
    """``user``: who it is for; the choices are what this user sees."""

    scopes = forms.ModelMultipleChoiceField(
        queryset=Scope.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None chosen: all my scopes.",
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = cast("forms.ModelMultipleChoiceField[Scope]", self.fields["scopes"])
        field.queryset = Scope.objects.visible_to(user).order_by("name")


class RotateForm(forms.Form):
    overlap_days = forms.IntegerField(min_value=0, max_value=MAX_OVERLAP_DAYS)


class AccountForm(forms.Form):
    name = forms.CharField(max_length=80, help_text="What acts: “ticket bridge”.")
    role = forms.ChoiceField(choices=[(role.value, role.value) for role in SERVICE_ROLES])
