"""The shapes of what people say of reports in the inbox. Rules are in services."""

from django import forms

from scopes.models import AssetKind


class PlaceForm(forms.Form):
    """An asset that is there, by its name: there may be many."""

    asset = forms.CharField(label="Asset", max_length=200, help_text="Its name in this scope.")
    line = forms.CharField(
        max_length=200, required=False, help_text="Left out: the one that the report names."
    )


class NewAssetForm(forms.Form):
    name = forms.CharField(max_length=200)
    kind = forms.ChoiceField(choices=[(k.value, k.value.replace("_", " ")) for k in AssetKind])
    default_line = forms.CharField(label="Default line", max_length=200, required=False)
