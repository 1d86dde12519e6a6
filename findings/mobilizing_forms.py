"""The shape of what people bring to assignment, campaigns and groups. Rules are in the services."""

from typing import Any, cast

from django import forms

from core.models import User
from findings.choosing import MOST_WORDS
from findings.forms import MemberField
from findings.models import Campaign, Finding
from findings.services import MAX_TEXT
from findings.services.campaigns import MAX_NAME
from findings.services.grouping import MAX_TITLE
from scopes.models import Scope, Team

REASON = forms.Textarea(attrs={"rows": 2})


def _members(form: forms.Form, name: str, scope: Scope) -> None:
    rows = User.objects.filter(memberships__scope=scope, is_active=True).order_by("username")
    cast(forms.ModelChoiceField, form.fields[name]).queryset = rows


def _teams(form: forms.Form, scope: Scope) -> None:
    rows = Team.objects.filter(scope=scope).order_by("name")
    cast(forms.ModelChoiceField, form.fields["team"]).queryset = rows


class TeamForm(forms.Form):
    """A team of the finding's scope, or none."""

    team = forms.ModelChoiceField(
        label="Team", queryset=Team.objects.none(), required=False, empty_label="No team"
    )

    def __init__(self, *args: Any, scope: Scope, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _teams(self, scope)


class FilterField(forms.CharField):
    """The filters of a list, as its address holds them."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            max_length=MOST_WORDS, required=False, widget=forms.HiddenInput, strip=False, **kwargs
        )


class TogetherForm(forms.Form):
    """Who answers for all findings that the filters of the list let through."""

    filter = FilterField()
    to = MemberField(
        label="Person", queryset=User.objects.none(), required=False, empty_label="As it is"
    )
    team = forms.ModelChoiceField(
        label="Team", queryset=Team.objects.none(), required=False, empty_label="As it is"
    )

    def __init__(self, *args: Any, scope: Scope, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _members(self, "to", scope)
        _teams(self, scope)


class JoinForm(forms.Form):
    """A running campaign of the scope, for all findings that the filters let through."""

    filter = FilterField()
    campaign = forms.ModelChoiceField(
        label="Campaign", queryset=Campaign.objects.none(), empty_label=None
    )

    def __init__(self, *args: Any, scope: Scope, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        running = Campaign.objects.running().filter(scope=scope).order_by("name")
        cast(forms.ModelChoiceField, self.fields["campaign"]).queryset = running
        self.has_choices = running.exists()


class CampaignForm(forms.Form):
    """What a campaign is for, and who answers for it."""

    name = forms.CharField(max_length=MAX_NAME)
    goal = forms.CharField(
        max_length=MAX_TEXT,
        help_text="What is true when it is reached.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    owner = MemberField(
        label="Person who answers for it", queryset=User.objects.none(), required=False,
        empty_label="Nobody",
    )  # fmt: skip
    team = forms.ModelChoiceField(
        queryset=Team.objects.none(), required=False, empty_label="No team"
    )
    due_on = forms.DateField(
        label="Due on", required=False, widget=forms.DateInput(attrs={"type": "date"})
    )

    def __init__(self, *args: Any, scope: Scope, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _members(self, "owner", scope)
        _teams(self, scope)


class AddForm(forms.Form):
    """Findings to take into a campaign: by the filters of the list."""

    filter = forms.CharField(
        label="Filters",
        max_length=MOST_WORDS,
        help_text="As the address of the list of findings holds them: severity=high&rule=B307",
    )


class EndForm(forms.Form):
    reason = forms.CharField(
        max_length=MAX_TEXT, help_text="Reached, or why it is given up.", widget=REASON
    )


class NumbersField(forms.MultipleChoiceField):
    """Findings of a page by number."""

    def valid_value(self, value: Any) -> bool:
        return str(value).isascii() and str(value).isdigit() and len(str(value)) <= 18

    def clean(self, value: Any) -> list[int]:
        return [int(number) for number in super().clean(value)]


class OutForm(forms.Form):
    """Findings that leave a campaign or a group, with the reason."""

    findings = NumbersField()
    reason = forms.CharField(max_length=MAX_TEXT, widget=REASON)


class MergeForm(forms.Form):
    """Findings that are one thing to fix."""

    findings = NumbersField()
    reason = forms.CharField(max_length=MAX_TEXT, widget=REASON)
    title = forms.CharField(max_length=MAX_TITLE, required=False)


class RenameForm(forms.Form):
    title = forms.CharField(max_length=MAX_TITLE)


def chosen(numbers: list[int], user: Any) -> list[Finding]:
    """The findings of these numbers that ``user`` may see."""
    return list(Finding.objects.visible_to(user).filter(pk__in=numbers).order_by("pk"))
