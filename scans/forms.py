"""The shape of what people say of a judgement, and beside the scans. Rules are in services."""

from collections.abc import Sequence
from typing import Any, cast

from django import forms

from gate.novelty import Cause
from gate.policy import MAX_BYTES
from remediations.statuses import DisputeAbout, Outcome, SecretState
from scans.history import HistorySource
from scans.services.audit import MOST_ASKED, ORIGINS, History
from scans.services.policies import DEFAULT_LAST, MOST_LAST
from scans.services.standing import BOTS, ECOSYSTEMS
from scans.statuses import DispositionKind
from scopes.models import Asset, Line

DECISIONS = (
    (DispositionKind.FALSE_POSITIVE.value, "A false positive: it is no weakness"),
    (DispositionKind.ACCEPTED.value, "Accepted: it may stay, below the threshold"),
)


class DispositionForm(forms.Form):
    """A word on one new result, which is named by its rule and place."""

    rule = forms.CharField(max_length=300, widget=forms.HiddenInput)
    path = forms.CharField(max_length=1000, required=False, widget=forms.HiddenInput, strip=False)
    line = forms.IntegerField(required=False, min_value=1, widget=forms.HiddenInput)
    decision = forms.ChoiceField(choices=DECISIONS, widget=forms.RadioSelect)
    reason = forms.CharField(max_length=5000, widget=forms.Textarea(attrs={"rows": 2}))


COVERS = (("finding", "This finding only"), ("fix", "All findings of the fix"))
CAUSES = {
    Cause.FIX: "The fix brought it in",
    Cause.BASE_MOVED: "Other commits brought it in",
    Cause.TOOL_CHANGED: "The scanner or its rules changed",
    Cause.ADVISORY_CHANGED: "An advisory changed",
    Cause.UNKNOWN: "Nobody knows",
}


class ReasonForm(forms.Form):
    """Why something is taken back."""

    reason = forms.CharField(max_length=5000, widget=forms.Textarea(attrs={"rows": 2}))


class WaiverForm(forms.Form):
    """One check to be set aside. ``last``: the last day that may be asked for, to guide the eye."""

    check = forms.CharField(max_length=60, widget=forms.HiddenInput)
    reason = forms.CharField(
        max_length=5000,
        help_text="It stands on the certificate, with your name.",
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    until = forms.DateField(
        help_text="The last day, UTC, at most a year ahead.",
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    covers = forms.ChoiceField(
        label="For", choices=COVERS, initial="finding", widget=forms.RadioSelect
    )


class DisputeForm(forms.Form):
    """A pair or a cause to be rejected. ``told``: the cause that the judgement gives, not offered."""

    about = forms.ChoiceField(
        choices=[(a.value, a.value) for a in DisputeAbout], widget=forms.HiddenInput
    )
    result = forms.CharField(max_length=300, widget=forms.HiddenInput)
    cause = forms.ChoiceField(label="Why it is new", required=False)
    reason = forms.CharField(
        max_length=5000,
        help_text="A second person has to confirm it; then it stands on the certificate.",
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def __init__(self, *args: Any, told: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        about = self.data.get("about") or self.initial.get("about")
        of_a_match = about == DisputeAbout.MATCH
        self.fields["cause"] = forms.ChoiceField(
            label="Why it is new",
            required=not of_a_match,
            choices=[(c.value, words) for c, words in CAUSES.items() if c.value != told],
            widget=forms.HiddenInput if of_a_match else forms.Select,
        )


class PolicyForm(forms.Form):
    """The text of a policy that somebody proposes. ``replaces``: digest of what it was compared with."""

    toml = forms.CharField(
        label="Text of the policy (TOML)",
        max_length=MAX_BYTES,
        strip=False,
        help_text="It begins as the policy in force. Give it another name; leave what should stay.",
        widget=forms.Textarea(
            attrs={"rows": 22, "class": "code-field", "spellcheck": "false", "autocomplete": "off"}
        ),
    )
    last = forms.IntegerField(
        label=f"Last closures, at most {MOST_LAST}",
        min_value=1,
        max_value=MOST_LAST,
        initial=DEFAULT_LAST,
        required=False,
    )
    replaces = forms.CharField(max_length=80, widget=forms.HiddenInput)

    def clean_toml(self) -> str:
        """The text as it was meant: browsers send every new line as two characters."""
        return self.cleaned_data["toml"].replace("\r\n", "\n")

    def clean_last(self) -> int:
        return self.cleaned_data["last"] or DEFAULT_LAST


# --- what is said beside the scans ---------------------------------------------------------------
STATES = (
    (SecretState.REVOKED.value, "It was revoked"),
    (SecretState.ACTIVE.value, "The provider still takes it"),
    (SecretState.NEVER_LIVE.value, "It was never live: it opened nothing"),
)
OUTCOMES = (
    (Outcome.FAILS.value, "It fails: the weakness is gone"),
    (Outcome.WORKS.value, "It still works"),
)


def _moment(label: str, help_text: str) -> forms.DateTimeField:
    widget = forms.DateTimeInput(attrs={"type": "datetime-local"})
    return forms.DateTimeField(label=label, required=False, help_text=help_text, widget=widget)


def _text(label: str, help_text: str, *, required: bool = True) -> forms.CharField:
    widget = forms.Textarea(attrs={"rows": 2})
    return forms.CharField(
        label=label, max_length=5000, required=required, help_text=help_text, widget=widget
    )


class RevocationForm(forms.Form):
    """Whether a leaked secret still opens anything."""

    state = forms.ChoiceField(
        label="The secret", choices=STATES, initial=STATES[0][0], widget=forms.RadioSelect
    )
    method = _text("How", "What was done, at which provider. It stands on the certificate.")
    evidence = _text("What shows it", "A ticket, a log, the provider's answer.", required=False)
    as_of = _moment("When", "UTC. Left out: now.")
    committed_at = _moment("When it came in", "UTC, where you know it: when it was committed.")


class ProofForm(forms.Form):
    """What a proof of concept that worked before does now. ``findings``: id and words of each choice."""

    finding = forms.TypedChoiceField(coerce=int)
    commit = forms.CharField(max_length=64, widget=forms.HiddenInput)
    outcome = forms.ChoiceField(label="On the fix", choices=OUTCOMES, widget=forms.RadioSelect)
    evidence = _text("What shows it", "A log, a recording, a ticket.", required=False)
    as_of = _moment("When", "UTC. Left out: now.")
    agent_run = forms.CharField(
        label="Run of an agent", max_length=200, required=False, help_text="If an agent ran it."
    )
    model = forms.CharField(label="Its model", max_length=120, required=False)

    def __init__(self, *args: Any, findings: Sequence[tuple[int, str]] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cast(forms.ChoiceField, self.fields["finding"]).choices = list(findings)


class StandingApprovalForm(forms.Form):
    """An owner's word for what dependency bots propose."""

    bots = forms.MultipleChoiceField(
        choices=[(bot, bot) for bot in BOTS], widget=forms.CheckboxSelectMultiple
    )
    ecosystems = forms.MultipleChoiceField(
        choices=[(name, name) for name in ECOSYSTEMS],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="All their manifests and lock files. Or name files below.",
    )
    manifests = forms.CharField(
        label="Files",
        max_length=5000,
        required=False,
        help_text="A glob on each line, such as services/*/package.json.",
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    reason = _text("Reason", "It stands on each certificate, with your name.")
    since = forms.DateField(
        label="From",
        required=False,
        help_text="Its first day, UTC. Left out: today.",
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    until = forms.DateField(
        help_text="Its last day, UTC, at most a year ahead.",
        widget=forms.DateInput(attrs={"type": "date"}),
    )

    def clean_manifests(self) -> list[str]:
        lines = str(self.cleaned_data["manifests"]).splitlines()
        return [line.strip() for line in lines if line.strip()]


# --- the last closures ---------------------------------------------------------------------------
HISTORIES = (
    (History.EXCLUDE.value, "Proven here"),
    (History.INCLUDE.value, "Here and elsewhere"),
    (History.ONLY.value, "Told from elsewhere"),
)


class LastClosedForm(forms.Form):
    """What to ask of the last closures; empty fields mean what the API means by them."""

    n = forms.IntegerField(
        label="How many", min_value=1, max_value=MOST_ASKED, required=False,
        widget=forms.NumberInput(attrs={"placeholder": "10"}),
    )  # fmt: skip
    origin = forms.ChoiceField(
        label="Written by",
        required=False,
        choices=[("", "Anybody"), *((name, name.replace("_", " ")) for name in ORIGINS)],
    )
    history = forms.ChoiceField(label="Closed", choices=HISTORIES, required=False)
    scope = forms.TypedChoiceField(required=False, coerce=int, empty_value=None)

    def __init__(self, *args: Any, scopes: Sequence[Any] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = cast(forms.TypedChoiceField, self.fields["scope"])
        field.choices = [("", "All"), *((scope.pk, str(scope)) for scope in scopes)]

    def clean_n(self) -> int:
        return self.cleaned_data["n"] or 10

    def clean_history(self) -> str:
        return self.cleaned_data["history"] or History.EXCLUDE.value


# --- moving in -----------------------------------------------------------------------------------
MOST_MOVED = 64 * 1024 * 1024  # bytes of one file that is read while somebody waits
SOURCES = (
    (HistorySource.DEFECTDOJO.value, "DefectDojo (findings as JSON or CSV)"),
    (HistorySource.GITHUB.value, "GitHub (alerts as JSON)"),
    (HistorySource.CSV.value, "A table (CSV)"),
)


class MoveInForm(forms.Form):
    """A file of another tracker, and where its findings belong. ``columns``: lines of OURS=THEIRS."""

    source = forms.ChoiceField(label="Exported by", choices=SOURCES)
    file = forms.FileField(help_text="At most 64 MiB.")
    line = forms.ModelChoiceField(queryset=Line.objects.none(), empty_label=None)
    tool = forms.CharField(
        max_length=120, required=False,
        help_text="Of all findings, as its reports name it. Left out: as the file says.",
    )  # fmt: skip
    category = forms.CharField(
        max_length=200, required=False, help_text="That of the scans to come, if they have one."
    )
    columns = forms.CharField(
        max_length=10_000, required=False,
        help_text="Of a table: a line for each column of another name, such as key=Issue.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )  # fmt: skip

    def __init__(self, *args: Any, asset: Asset, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        lines = Line.objects.filter(asset=asset).order_by("kind", "name")
        cast("forms.ModelChoiceField[Line]", self.fields["line"]).queryset = lines

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > MOST_MOVED:
            raise forms.ValidationError(f"Larger than allowed ({file.size} > {MOST_MOVED} bytes).")
        return file

    def clean_columns(self) -> dict[str, str]:
        told = [
            line.partition("=")
            for line in self.cleaned_data["columns"].splitlines()
            if line.strip()
        ]
        if not all(sign for _, sign, _ in told):
            raise forms.ValidationError("Each line must be OURS=THEIRS.")
        return {ours.strip(): theirs.strip() for ours, _, theirs in told}
