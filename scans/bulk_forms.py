"""The shape of what is done with chosen findings at once. Rules are in the services."""

from typing import Any, cast

from django import forms

from core.errors import BadInput
from core.models import User
from findings.choosing import MOST_WORDS
from findings.services import MAX_ASSIGNED, MAX_TEXT
from findings.services.grouping import MAX_TITLE
from scopes.models import Team

MOST_OFFERED = 500  # people and teams that a choice offers
AS_IT_IS, NOBODY = ("", "As it is"), ("nobody", "Nobody")


def numbers_of(text: str) -> list[int]:
    """Numbers of findings with commas between, up to 1,000. Raises BadInput."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    if len(words) > MAX_ASSIGNED:
        raise BadInput("chosen", f"more than allowed at once ({len(words)} > {MAX_ASSIGNED})")
    if not all(word.isascii() and word.isdigit() and len(word) <= 18 for word in words):
        raise BadInput("chosen", "must be numbers of findings with commas between")
    return list(dict.fromkeys(map(int, words)))


class ChosenForm(forms.Form):
    """Which findings: those of the list that are ticked, or all that its filters let through."""

    findings = forms.MultipleChoiceField(required=False)
    filter = forms.CharField(max_length=MOST_WORDS, required=False, strip=False)
    all = forms.BooleanField(required=False)

    def __init__(self, data: Any) -> None:
        super().__init__(data)
        told = [v for v in data.getlist("findings") if v.isascii() and v.isdigit() and len(v) <= 18]
        cast(forms.MultipleChoiceField, self.fields["findings"]).choices = [(v, v) for v in told]


class AssignChosenForm(forms.Form):
    """A person, a team, or both, of the scopes that the findings are of."""

    to = forms.ChoiceField(label="Person", required=False)
    team = forms.ChoiceField(label="Team", required=False)

    def __init__(self, *args: Any, scopes: set[int], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = User.objects.filter(memberships__scope__in=scopes, is_active=True).distinct()
        teams = Team.objects.filter(scope__in=scopes).select_related("scope")
        self.people = {str(u.pk): u for u in people.order_by("username")[:MOST_OFFERED]}
        self.teams = {str(t.pk): t for t in teams.order_by("scope__name", "name")[:MOST_OFFERED]}
        several = len(scopes) > 1
        self._offer("to", {pk: user.display for pk, user in self.people.items()})
        self._offer("team", {
            pk: f"{team} ({team.scope})" if several else str(team) for pk, team in self.teams.items()
        })  # fmt: skip

    def _offer(self, name: str, choices: dict[str, str]) -> None:
        field = cast(forms.ChoiceField, self.fields[name])
        field.choices = [AS_IT_IS, NOBODY, *choices.items()]


class TagChosenForm(forms.Form):
    """Tags with commas between."""

    add = forms.CharField(label="Put on", max_length=1300, required=False,
                          help_text="Words with commas between.")  # fmt: skip
    remove = forms.CharField(label="Take off", max_length=1300, required=False)


class GroupChosenForm(forms.Form):
    """They are one thing to fix."""

    reason = forms.CharField(max_length=MAX_TEXT, widget=forms.Textarea(attrs={"rows": 2}))
    title = forms.CharField(
        max_length=MAX_TITLE, required=False, help_text="Left out: that of the most urgent finding."
    )


def words_of(text: str) -> list[str]:
    """The words of a field, with commas between."""
    return [word.strip() for word in text.split(",") if word.strip()]
