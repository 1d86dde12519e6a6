"""The shape of what people bring to a fix. Rules are in services.py."""

from typing import Any

from django import forms

from remediations.statuses import Decision

DECISIONS = (
    (Decision.APPROVED.value, "Approve: it does what it should"),
    (Decision.REJECTED.value, "Reject: it must change"),
    (Decision.COMMENTED.value, "Comment only"),
)
QUESTIONS = {  # keys that policies ask for → the question
    "root_cause_removed": "Does the fix remove the root cause, not only this path to it?",
    "variants_considered": "Did you look for the same weakness elsewhere? What did you find?",
    "behaviour_kept": "Does the code still do what it did for those who use it well?",
}


class ReviewForm(forms.Form):
    """A decision on one exact revision, with an answer to each question of the policy.

    ``questions``: the keys that the scope's policy asks for.
    """

    commit = forms.CharField(max_length=64, widget=forms.HiddenInput)
    decision = forms.ChoiceField(choices=DECISIONS, widget=forms.RadioSelect)
    comment = forms.CharField(
        required=False, max_length=20_000, widget=forms.Textarea(attrs={"rows": 3})
    )

    def __init__(self, *args: Any, questions: tuple[str, ...] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.questions = questions
        for key in questions:
            self.fields[f"answer_{key}"] = forms.CharField(
                label=QUESTIONS.get(key, key.replace("_", " ").capitalize() + "?"),
                max_length=2000,
                required=False,
                widget=forms.Textarea(attrs={"rows": 2}),
            )

    @property
    def answers(self) -> dict[str, str]:
        """Answers by key, without empty ones; for a valid form."""
        told = {key: self.cleaned_data[f"answer_{key}"].strip() for key in self.questions}
        return {key: answer for key, answer in told.items() if answer}
