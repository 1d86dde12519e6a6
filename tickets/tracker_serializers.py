"""The shapes of trackers and tickets in the API. No secret is ever read back."""

from typing import Any

from rest_framework import serializers

from core.api import PersonSerializer, RowId, StrictSerializer, Text
from tickets.models import Ticket, TrackerConnection
from tickets.services import tracker_told as told
from tickets.statuses import Reopens, Talks, TicketState, TrackerKind, TrackerState

KINDS = [kind.value for kind in TrackerKind]
STATES = [state.value for state in TrackerState]
REOPENS = [policy.value for policy in Reopens]
TALKS = [policy.value for policy in Talks]
TICKET_STATES = [state.value for state in TicketState]
MAPPING = "Members left out have their defaults: see docs/integrations.md."
RULE = (
    "`bands`, `statuses`, `most`; empty: no ticket is made by itself, but by rules of discovery that name "
    "the project."
)
COMMENTS = "`both`: comments are told in both directions; `none`: each side keeps its own."


class TrackerSerializer(serializers.ModelSerializer[TrackerConnection]):
    """A project of a tracker in which a scope keeps its tickets.

    `who`: the name that the tracker knows us by. `problem`: why the last round failed. `cursor`: the
    event of the scope's chain up to which tickets were thought of.
    """

    kind = serializers.ChoiceField(KINDS, read_only=True)
    state = serializers.ChoiceField(STATES, read_only=True)
    reopens = serializers.ChoiceField(REOPENS, read_only=True)
    comments = serializers.ChoiceField(TALKS, read_only=True)
    mapping = serializers.DictField(read_only=True)
    rule = serializers.DictField(read_only=True)
    actor = PersonSerializer(read_only=True)
    created_by = PersonSerializer(read_only=True)
    ended_by = PersonSerializer(read_only=True, allow_null=True)

    class Meta:
        model = TrackerConnection
        fields = ("id", "scope", "kind", "name", "base", "project", "account", "mapping", "rule",
                  "reopens", "comments", "state", "problem", "who", "cursor", "asked_at", "looked_at",
                  "message_at", "rest_until", "old_secret_until", "actor", "created_at",
                  "created_by", "ended_at", "ended_by")  # fmt: skip
        read_only_fields = fields


class TrackerWithSecretSerializer(serializers.Serializer[Any]):
    """A tracker with what its webhook is set up with. The secret is shown this once."""

    tracker = TrackerSerializer(read_only=True)
    webhook_address = serializers.CharField(read_only=True)
    webhook_secret = serializers.CharField(read_only=True)


class TicketSerializer(serializers.ModelSerializer[Ticket]):
    """A finding in a tracker; `state` and `status` as the tracker told last. They prove nothing here."""

    state = serializers.ChoiceField(TICKET_STATES, read_only=True)
    status = serializers.CharField(source="status_there", read_only=True)
    asked_by = PersonSerializer(read_only=True, allow_null=True)

    class Meta:
        model = Ticket
        fields = ("id", "scope", "connection", "finding", "external_id", "key", "address", "state",
                  "status", "version", "assignee", "problem", "told_status", "told_band", "asked_at",
                  "asked_by", "read_at", "ended_at")  # fmt: skip
        read_only_fields = fields


class NewTrackerSerializer(StrictSerializer):
    scope = RowId()
    kind = serializers.ChoiceField(KINDS)
    name = Text(told.MAX_NAME)
    base = Text(
        told.MAX_BASE, help_text="https://HOST of the tracker, with its path if it has one."
    )
    project = Text(
        told.MAX_PROJECT, help_text="Key of a project, owner/repository, group/project, or a table."
    )
    account = Text(
        told.MAX_ACCOUNT,
        required=False,
        allow_blank=True,
        help_text="E-mail address for Jira Cloud, user for ServiceNow; else left out.",
    )
    key = Text(told.MAX_KEY, write_only=True, help_text="The token or password.")
    mapping = serializers.DictField(required=False, help_text=MAPPING)
    rule = serializers.DictField(required=False, help_text=RULE)
    reopens = serializers.ChoiceField(REOPENS, required=False)
    comments = serializers.ChoiceField(TALKS, required=False, help_text=COMMENTS)


class ChangedTrackerSerializer(StrictSerializer):
    name = Text(told.MAX_NAME, required=False)
    mapping = serializers.DictField(required=False, help_text=MAPPING)
    rule = serializers.DictField(required=False, help_text=RULE)
    reopens = serializers.ChoiceField(REOPENS, required=False)
    comments = serializers.ChoiceField(TALKS, required=False, help_text=COMMENTS)


class NewTrackerKeySerializer(StrictSerializer):
    key = Text(told.MAX_KEY, write_only=True)
    account = Text(told.MAX_ACCOUNT, required=False, allow_blank=True)


class TryMappingSerializer(StrictSerializer):
    finding = RowId()
    mapping = serializers.DictField(
        required=False, help_text="Left out: that of the tracker. " + MAPPING
    )


class TriedMappingSerializer(serializers.Serializer[Any]):
    """The ticket that would be made. `ticket`: what the tracker would be sent, in its own words.

    `assignee`: as what the tracker knows who answers for the finding. `by_rules`: findings for which rules
    would ask a ticket now.
    """

    ticket = serializers.DictField(source="fields", read_only=True)
    assignee = serializers.CharField(read_only=True)
    by_rules = serializers.IntegerField(read_only=True)


class NewTicketSerializer(StrictSerializer):
    finding = RowId()
    connection = RowId(help_text="Of the tracker.")
    key = Text(
        told.MAX_TICKET,
        required=False,
        help_text="Of a ticket that is there, to link it; left out: one is made.",
    )
