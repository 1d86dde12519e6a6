"""The form in which weights are proposed."""

from django import forms

from findings.weights import MAX_BYTES


class WeightsForm(forms.Form):
    """A text of weights, and the digest of those that it was written against."""

    toml = forms.CharField(
        label="Weights", max_length=MAX_BYTES, strip=False,
        widget=forms.Textarea(attrs={"rows": 34, "class": "mono", "spellcheck": "false"}),
        help_text="Points of each term, and from which sum on a band begins. Another text needs another name.",
    )  # fmt: skip
    replaces = forms.CharField(max_length=80, widget=forms.HiddenInput)

    def clean_toml(self) -> str:
        """As TOML has it: browsers send lines with CR LF."""
        return str(self.cleaned_data["toml"]).replace("\r\n", "\n")
