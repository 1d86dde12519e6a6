"""The shape of what people tell of a tracker and of a ticket. Rules are in services."""

import json
from typing import Any, cast

from django import forms

from core.models import User
from core.permissions import Permission
from scopes.models import Scope
from tickets.models import TrackerConnection
from tickets.services import tracker_told as told
from tickets.statuses import Reopens, Talks, TrackerKind
from tickets.trackers.mapping import BANDS

KINDS = (
    (TrackerKind.JIRA.value, "Jira (Cloud or Data Center)"),
    (TrackerKind.GITHUB.value, "GitHub Issues"),
    (TrackerKind.GITLAB.value, "GitLab Issues"),
    (TrackerKind.SERVICENOW.value, "ServiceNow"),
)
REOPENS = (
    (Reopens.ALWAYS.value, "Comment and reopen it"),
    (Reopens.NEVER.value, "Comment, and leave it closed"),
)


TALKS = (
    (Talks.BOTH.value, "Told in both directions"),
    (Talks.NONE.value, "Each side keeps its own"),
)


class Indented(json.JSONEncoder):
    """One member a line, as people read it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "indent": 2})


class SecretInput(forms.PasswordInput):
    """A field for a secret. What was sent is never written back into a page."""

    def __init__(self) -> None:
        super().__init__(attrs={"autocomplete": "off"}, render_value=False)


def _key() -> forms.CharField:
    return forms.CharField(
        label="Token or password",
        max_length=told.MAX_KEY,
        help_text="It is kept sealed and never shown again.",
        widget=SecretInput(),
    )


def _account() -> forms.CharField:
    return forms.CharField(
        label="E-mail address or user",
        max_length=told.MAX_ACCOUNT,
        required=False,
        help_text="That the token is of, for Jira Cloud; the user of ServiceNow. Else empty.",
    )


def _reopens() -> forms.ChoiceField:
    return forms.ChoiceField(
        label="A ticket that is closed before its finding is proven",
        choices=REOPENS,
        initial=Reopens.ALWAYS.value,
        widget=forms.RadioSelect,
    )


def _comments() -> forms.ChoiceField:
    return forms.ChoiceField(
        label="Comments of people",
        choices=TALKS,
        initial=Talks.BOTH.value,
        widget=forms.RadioSelect,
        help_text="Whoever may read the ticket there reads what is written here.",
    )


class ChangeForm(forms.Form):
    """What may be changed of a tracker by hand; all of the mapping: by the API."""

    name = forms.CharField(label="Name", max_length=told.MAX_NAME)
    reopens = _reopens()
    comments = _comments()
    bands = forms.MultipleChoiceField(
        label="Make tickets by itself for",
        choices=[(band, band) for band in BANDS],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Open findings of these priorities; none: by hand, and by rules of discovery.",
    )
    mapping = forms.JSONField(
        label="Mapping",
        encoder=Indented,
        help_text="Issue type, labels, priorities, transitions, further fields and people, as JSON.",
        widget=forms.Textarea(attrs={"rows": 14, "spellcheck": "false", "class": "mono"}),
    )


class TryForm(forms.Form):
    """A mapping to be tried; of the other fields nothing is asked."""

    mapping = forms.JSONField()


class ConnectForm(forms.Form):
    """A tracker to connect. ``user``: whose scopes are offered."""

    scope = forms.ModelChoiceField(queryset=Scope.objects.none(), empty_label=None)
    kind = forms.ChoiceField(
        label="Tracker", choices=KINDS, initial=TrackerKind.JIRA.value, widget=forms.RadioSelect
    )
    name = forms.CharField(
        label="Name", max_length=told.MAX_NAME, help_text="As it is called here."
    )
    base = forms.CharField(
        label="Address",
        max_length=told.MAX_BASE,
        help_text="https://HOST of the tracker; for GitHub https://api.github.com.",
    )
    project = forms.CharField(
        label="Project",
        max_length=told.MAX_PROJECT,
        help_text="SEC, owner/repository, group/project; or a table.",
    )
    account = _account()
    key = _key()
    reopens = _reopens()
    comments = _comments()

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = cast(forms.ModelChoiceField, self.fields["scope"])
        field.queryset = Scope.objects.permitting(user, Permission.ADMINISTER).order_by("name")


class KeyForm(forms.Form):
    """Another token."""

    account = _account()
    key = _key()


class TicketForm(forms.Form):
    """A ticket to make, or with ``key`` to link. ``scope_id``: whose trackers are offered."""

    connection = forms.ModelChoiceField(
        label="Tracker", queryset=TrackerConnection.objects.none(), empty_label=None
    )
    key = forms.CharField(
        label="Key of a ticket that is there",
        max_length=told.MAX_TICKET,
        required=False,
        help_text="Empty: a new one is made.",
    )

    def __init__(self, *args: Any, scope_id: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = cast(forms.ModelChoiceField, self.fields["connection"])
        live = TrackerConnection.objects.live().filter(scope=scope_id)
        field.queryset = live.order_by("name")
