"""The shapes of what people send when they sign in, join and invite. No rules here."""

from allauth.core import context
from allauth.mfa.base.forms import AuthenticateForm
from allauth.mfa.models import Authenticator
from django import forms
from django.utils import timezone

from people.failures import note_failure
from scopes.services.token_use import address_of


class CodeForm(AuthenticateForm):
    """The second step of a sign-in; a wrong code counts as a sign-in that failed."""

    def _emit_authentication_failed(self, authenticator: Authenticator) -> None:
        note_failure(account=self.user, address=address_of(context.request), at=timezone.now())


class JoinForm(forms.Form):
    """A new account for who was invited."""

    username = forms.CharField(
        max_length=150,
        label="User name",
        widget=forms.TextInput(attrs={"autocomplete": "username"}),
    )
    name = forms.CharField(
        max_length=150,
        label="Your name",
        help_text="As others see it.",
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    password = forms.CharField(
        max_length=1000,
        help_text="At least 12 characters.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    again = forms.CharField(
        max_length=1000,
        label="The password again",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean_again(self) -> str:
        """Whether the same was typed twice."""
        again: str = self.cleaned_data["again"]
        if again != self.cleaned_data.get("password"):
            raise forms.ValidationError("This is not the same password.")
        return again
