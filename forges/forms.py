"""The shape of what people tell of a connection. Rules are in services."""

from typing import Any, cast

from django import forms

from core.models import User
from core.permissions import Permission
from forges.services import told
from forges.services.asking import MOST_NUMBER
from forges.statuses import Forge, Mode, SignIn
from scopes.models import Scope

FORGES = ((Forge.GITHUB.value, "GitHub"), (Forge.GITLAB.value, "GitLab"))
SIGN_INS = ((SignIn.APP.value, "As a GitHub App"), (SignIn.TOKEN.value, "With a token"))
MODES = (
    (Mode.OBSERVE.value, "Observe: nothing is written there"),
    (Mode.WARN.value, "Warn: lamps and a comment that stop nobody"),
    (Mode.BLOCK.value, "Block: a lamp that is not green is a failed check"),
)


class SecretArea(forms.Textarea):
    """A field for a secret of several lines. What was sent is never written back into a page."""

    def __init__(self) -> None:
        super().__init__(
            attrs={"rows": 3, "spellcheck": "false", "autocomplete": "off", "class": "mono"}
        )

    def format_value(self, value: Any) -> str:
        return ""


def _text(label: str, help_text: str = "", *, most: int, required: bool = True) -> forms.CharField:
    return forms.CharField(label=label, max_length=most, required=required, help_text=help_text)


class Globs(forms.CharField):
    """Globs, one on each line."""

    def __init__(self, label: str, help_text: str) -> None:
        most = told.MAX_GLOBS * (told.MAX_GLOB + 1)
        super().__init__(
            label=label,
            max_length=most,
            required=False,
            help_text=help_text,
            widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
        )

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list | tuple) else value

    def clean(self, value: Any) -> list[str]:
        lines = str(super().clean(value)).splitlines()
        return [line.strip() for line in lines if line.strip()]


def _include() -> Globs:
    return Globs("Repositories", "A glob of full names on each line, such as acme/*. None: all.")


def _release_branches() -> Globs:
    return Globs(
        "Release branches",
        "A glob on each line, such as release/*. Protected branches that meet one are scanned "
        "lines like the default branch.",
    )


def _mode() -> forms.ChoiceField:
    return forms.ChoiceField(
        label="Pull requests", choices=MODES, initial=Mode.WARN.value, widget=forms.RadioSelect
    )


def _key() -> forms.CharField:
    return forms.CharField(
        label="Token or private key",
        max_length=told.MAX_PEM,
        strip=False,
        help_text="Of an App: the whole PEM file. It is kept sealed and never shown again.",
        widget=SecretArea(),
    )


class ConnectForm(forms.Form):
    """An account to connect. ``user``: whose scopes are offered."""

    scope = forms.ModelChoiceField(queryset=Scope.objects.none(), empty_label=None)
    forge = forms.ChoiceField(
        label="Code host", choices=FORGES, initial=Forge.GITHUB.value, widget=forms.RadioSelect
    )
    name = _text("Name", "As it is called here.", most=told.MAX_NAME)
    account = _text("Account", "Login of the organisation, group or user.", most=told.MAX_ACCOUNT)
    api = _text(
        "Address of the API",
        f"Left out: {told.APIS[Forge.GITHUB]} or {told.APIS[Forge.GITLAB]}. "
        "A server of your own: https://HOST/api/v3 or https://HOST/api/v4.",
        most=told.MAX_API,
        required=False,
    )
    sign_in = forms.ChoiceField(
        label="Sign in", choices=SIGN_INS, initial=SignIn.APP.value, widget=forms.RadioSelect
    )
    app_id = _text("App ID", "A number, on the App's page.", most=told.MAX_NUMBER, required=False)
    installation = _text(
        "Installation ID",
        "The number at the end of the installation's address.",
        most=told.MAX_NUMBER,
        required=False,
    )
    key = _key()
    include = _include()
    release_branches = _release_branches()
    mode = _mode()

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = cast(forms.ModelChoiceField, self.fields["scope"])
        field.queryset = Scope.objects.permitting(user, Permission.ADMINISTER).order_by("name")

    def clean_include(self) -> list[str]:
        return self.cleaned_data["include"] or ["*"]


class ChangeForm(forms.Form):
    """What may be changed of a connection."""

    name = _text("Name", most=told.MAX_NAME)
    include = _include()
    release_branches = _release_branches()
    mode = _mode()

    def clean_include(self) -> list[str]:
        return self.cleaned_data["include"] or ["*"]


class KeyForm(forms.Form):
    """Another token or private key."""

    key = _key()


class PullForm(forms.Form):
    """A pull request of the one repository of an asset."""

    number = forms.IntegerField(
        label="Number of the pull request",
        min_value=1,
        max_value=MOST_NUMBER,
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
    )
