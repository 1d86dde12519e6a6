"""The shape of the first account, and of a report that somebody brings by hand. Rules are in the services."""

from typing import Any, cast

from django import forms
from django.conf import settings

from core.models import User
from core.permissions import Permission
from scopes.models import Asset, Scope
from scopes.services.setting_up import MAX_NAME

MOST_ASSETS = 1_000  # that the choice offers


class SetupForm(forms.Form):
    """Who administers this installation first, and what they protect."""

    username = forms.CharField(
        label="User name",
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "username"}),
    )
    email = forms.EmailField(
        label="Mail", max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )
    password = forms.CharField(
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        strip=False,
        help_text="At least 12 characters.",
    )
    scope = forms.CharField(
        label="First scope",
        max_length=MAX_NAME,
        help_text="What you protect: a service, a programme. More can follow.",
    )
    code = forms.CharField(
        max_length=40, help_text="`manage.py setup_code` on the server prints it."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not settings.PRODUCTION:
            del self.fields["code"]


class ReportForm(forms.Form):
    """A report of a scanner, for an asset that is there or a new one."""

    file = forms.FileField(
        label="Report",
        help_text="SARIF, or another format that is read here; it may be packed with gzip.",
    )
    asset = forms.ModelChoiceField(
        queryset=Asset.objects.none(), required=False, empty_label="A new one"
    )
    name = forms.CharField(
        label="Name of the new asset",
        max_length=120,
        required=False,
        help_text="A repository: acme/web.",
    )
    scope = forms.ModelChoiceField(
        label="Scope of the new asset", queryset=Scope.objects.none(), required=False
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        may = Scope.objects.permitting(user, Permission.UPLOAD_SCAN)
        assets = Asset.objects.filter(scope__in=may).order_by("name")
        cast(forms.ModelChoiceField, self.fields["asset"]).queryset = assets
        owned = Scope.objects.permitting(user, Permission.ADMINISTER).order_by("name")
        cast(forms.ModelChoiceField, self.fields["scope"]).queryset = owned

    def clean(self) -> dict[str, Any]:
        told = super().clean() or {}
        if not told.get("asset") and not (told.get("name") and told.get("scope")):
            raise forms.ValidationError("Choose an asset, or name a new one and its scope.")
        return told
