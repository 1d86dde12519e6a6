"""The shape of what people say of views and columns. Rules are in services/saving.py."""

from typing import Any, cast

from django import forms

from core.models import User
from core.permissions import Permission
from findings.choosing import MOST_WORDS
from findings.columns import COLUMNS
from findings.models import MAX_VIEW_NAME
from scopes.models import Scope

MOST_SCOPES = 500  # that a choice offers


class ColumnsField(forms.MultipleChoiceField):
    """Columns of the list, by name."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            choices=list(COLUMNS.items()),
            widget=forms.CheckboxSelectMultiple,
            required=False,
            **kwargs,
        )


class FilterWords(forms.CharField):
    """Filters and order of a list, as its address holds them."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            max_length=MOST_WORDS, required=False, strip=False, widget=forms.HiddenInput, **kwargs
        )


class SaveForm(forms.Form):
    """A view to be kept."""

    name = forms.CharField(
        max_length=MAX_VIEW_NAME, help_text="It stands in the list's address, too."
    )
    scope = forms.ModelChoiceField(
        label="For",
        queryset=Scope.objects.none(),
        required=False,
        empty_label="Only me",
        help_text="A scope: whoever may read it sees the view, and in it what they may see.",
    )
    filter = FilterWords()
    columns = ColumnsField(label="Columns", help_text="None: the columns of whoever looks.")

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = Scope.objects.permitting(user, Permission.TRIAGE).order_by("name")
        cast(forms.ModelChoiceField, self.fields["scope"]).queryset = rows


class ChangeForm(forms.Form):
    """Another name, other filters or columns of a view; what is not sent stays."""

    name = forms.CharField(max_length=MAX_VIEW_NAME, required=False)
    filter = FilterWords()
    columns = ColumnsField()
    back = FilterWords()


class ColumnsForm(forms.Form):
    """The columns that a person wants; ``back``: the list's address."""

    columns = ColumnsField()
    back = FilterWords()
