"""The shapes of what people say of scopes, assets and teams on pages. Rules are in services."""

from collections.abc import Iterable
from typing import Any, cast

from django import forms

from scopes.asset_files import FileFormat
from scopes.expectations import CLASSES
from scopes.models import Asset, AssetKind, Criticality, Exposure, Scope, Team
from scopes.regulations import REGULATIONS
from scopes.services.settings import MAX_FRESH_DAYS
from scopes.statuses import DataClass, Environment, LinkKind

MOST_PASTED = 1_000_000  # characters of a list that a page carries
HANDLE_HELP = "How CODEOWNERS names it: @acme/payments. Findings below its paths are its own."


def _words(values: Iterable[str]) -> list[tuple[str, str]]:
    return [(value, value.replace("_", " ") or "not said") for value in values]


def _teams(field: forms.Field, scope: Scope | int) -> None:
    """Offer the teams of this scope and no others."""
    choice = cast(forms.ModelChoiceField, field)
    choice.queryset = Team.objects.filter(scope=scope).order_by("name")


def _team(label: str) -> forms.ModelChoiceField:
    return forms.ModelChoiceField(
        label=label, queryset=Team.objects.none(), required=False, empty_label="nobody"
    )


class ScopeForm(forms.Form):
    """What a scope says of itself. ``scope``: whose teams are offered."""

    name = forms.CharField(max_length=120)
    owner = forms.CharField(max_length=120, required=False, help_text="A person, in words.")
    owner_team = _team("Owner team")
    criticality = forms.ChoiceField(choices=_words(Criticality))
    exposure = forms.ChoiceField(choices=_words(Exposure))
    data_class = forms.ChoiceField(
        label="Data", choices=_words(DataClass), help_text="The most sensitive that it handles."
    )
    regulations = forms.MultipleChoiceField(
        label="Who asks for proof of fixing",
        choices=[(one.code, one.name) for one in REGULATIONS],
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    expected_classes = forms.MultipleChoiceField(
        label="Who should look at its assets",
        choices=_words(CLASSES),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Classes of tools. None chosen: by kind of asset; see the coverage page.",
    )
    fresh_days = forms.IntegerField(
        label="Days after which a look is old", min_value=1, max_value=MAX_FRESH_DAYS
    )

    def __init__(self, *args: Any, scope: Scope, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _teams(self.fields["owner_team"], scope)


class AssetForm(forms.Form):
    """What an asset is. ``asset``: the one that changes."""

    name = forms.CharField(max_length=200)
    kind = forms.ChoiceField(choices=_words(AssetKind))
    environment = forms.ChoiceField(choices=_words(Environment), required=False)
    team = _team("Team that answers for it")
    tags = forms.CharField(max_length=1000, required=False, help_text="Short words, with spaces.")
    repository = forms.CharField(
        max_length=500, required=False, help_text="Where our runner may read it."
    )
    address = forms.CharField(max_length=500, required=False, help_text="Where it is reached.")
    external_id = forms.CharField(
        label="Its id elsewhere", max_length=200, required=False, help_text="github:1296269"
    )

    def __init__(self, *args: Any, asset: Asset, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _teams(self.fields["team"], asset.scope_id)

    def clean_tags(self) -> list[str]:
        return str(self.cleaned_data["tags"]).replace(",", " ").split()


class LinkForm(forms.Form):
    """Another asset of the scope, by its name: there may be many."""

    kind = forms.ChoiceField(label="It is", choices=_words(LinkKind))
    target = forms.CharField(label="Asset", max_length=200, help_text="Its name in this scope.")


class TeamForm(forms.Form):
    name = forms.CharField(max_length=120)
    handle = forms.CharField(max_length=200, required=False, help_text=HANDLE_HELP)


class TeamMemberForm(forms.Form):
    username = forms.CharField(label="Sign-in name", max_length=150)


class AssetFileForm(forms.Form):
    """A list of assets: a file, or text. Browsers do not send a file twice, so a preview carries the text."""

    file = forms.FileField(required=False, help_text="CSV, or JSON of GitHub or GitLab.")
    text = forms.CharField(
        label="Or its text",
        max_length=MOST_PASTED,
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 8, "class": "code-field", "spellcheck": "false"}),
    )
    format = forms.ChoiceField(
        choices=[("", "told by its content"), *_words(FileFormat)], required=False
    )

    def clean(self) -> dict[str, Any]:
        told = super().clean() or {}
        if not told.get("file") and not told.get("text") and not self.errors:
            raise forms.ValidationError("Choose a file or paste its text.")
        return told


class CodeOwnersForm(forms.Form):
    file = forms.FileField(help_text="CODEOWNERS as it lies in the repository.")
    path = forms.CharField(
        max_length=200, required=False, help_text="Where it lies: .github/CODEOWNERS"
    )
