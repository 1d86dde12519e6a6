"""The shapes of connections, repositories and pull requests in the API. No secret is ever read back."""

from typing import Any

from rest_framework import serializers

from core.api import PersonSerializer, RowId, StrictSerializer, Text
from forges.models import Connection, PullRequest, Repository
from forges.services import told
from forges.services.asking import MOST_NUMBER
from forges.statuses import ConnectionState, Forge, Mode, PullState, SignIn
from remediations.services import MAX_FINDINGS

FORGES = [forge.value for forge in Forge]
SIGN_INS = [way.value for way in SignIn]
MODES = [mode.value for mode in Mode]
CONNECTION_STATES = [state.value for state in ConnectionState]
PULL_STATES = [state.value for state in PullState]
GLOBS = "Globs; `*` is any run of characters."


class ConnectionSerializer(serializers.ModelSerializer[Connection]):
    """An account of a code host that a scope reads from.

    `problem`: why the last look failed. `repositories`, `looked_at_repositories`: how far looks are.
    """

    forge = serializers.ChoiceField(FORGES, read_only=True)
    sign_in = serializers.ChoiceField(SIGN_INS, read_only=True)
    mode = serializers.ChoiceField(MODES, read_only=True)
    state = serializers.ChoiceField(CONNECTION_STATES, read_only=True)
    include = serializers.ListField(child=serializers.CharField(), read_only=True)
    release_branches = serializers.ListField(child=serializers.CharField(), read_only=True)
    actor = PersonSerializer(read_only=True)
    created_by = PersonSerializer(read_only=True)
    ended_by = PersonSerializer(read_only=True, allow_null=True)
    repositories = serializers.IntegerField(source="n_repositories", read_only=True)
    looked_at_repositories = serializers.IntegerField(source="n_looked_at", read_only=True)

    class Meta:
        model = Connection
        fields = ("id", "scope", "forge", "name", "api", "account", "sign_in", "app_id",
                  "installation", "include", "release_branches", "mode", "state", "problem",
                  "repositories", "looked_at_repositories", "asked_at", "looked_at", "message_at",
                  "actor", "created_at", "created_by", "ended_at", "ended_by")  # fmt: skip
        read_only_fields = fields


class ConnectionWebhookSerializer(serializers.Serializer[Any]):
    """A connection with what its webhook is set up with. The secret is shown this once."""

    connection = ConnectionSerializer(read_only=True)
    webhook_address = serializers.CharField(read_only=True)
    webhook_secret = serializers.CharField(read_only=True)


def _globs(help_text: str = GLOBS) -> serializers.ListField:
    return serializers.ListField(
        child=Text(told.MAX_GLOB), max_length=told.MAX_GLOBS, required=False, help_text=help_text
    )


class NewConnectionSerializer(StrictSerializer):
    scope = RowId()
    forge = serializers.ChoiceField(FORGES)
    name = Text(told.MAX_NAME)
    account = Text(told.MAX_ACCOUNT, help_text="Login of the organisation, group or user.")
    api = Text(
        told.MAX_API,
        required=False,
        allow_blank=True,
        help_text="Left out: that of the public host.",
    )
    sign_in = serializers.ChoiceField(SIGN_INS, default=SignIn.TOKEN.value)
    key = Text(told.MAX_PEM, write_only=True, help_text="The token, or the App's private key.")
    app_id = Text(told.MAX_NUMBER, required=False, allow_blank=True)
    installation = Text(told.MAX_NUMBER, required=False, allow_blank=True)
    include = _globs("Globs of full names; left out: all repositories.")
    release_branches = _globs()
    mode = serializers.ChoiceField(MODES, required=False)


class ChangedConnectionSerializer(StrictSerializer):
    name = Text(told.MAX_NAME, required=False)
    include = _globs("Globs of full names.")
    release_branches = _globs()
    mode = serializers.ChoiceField(MODES, required=False)


class NewKeySerializer(StrictSerializer):
    key = Text(told.MAX_PEM, write_only=True, help_text="The token, or the App's private key.")
    app_id = Text(told.MAX_NUMBER, required=False)
    installation = Text(told.MAX_NUMBER, required=False)


class RepositorySerializer(serializers.ModelSerializer[Repository]):
    """A repository that a connection sees, with the asset that stands for it."""

    class Meta:
        model = Repository
        fields = ("id", "scope", "connection", "asset", "host_id", "full_name", "default_branch",
                  "web_url", "pushed_at", "asked_at", "looked_at", "problem")  # fmt: skip
        read_only_fields = fields


class PullRequestSerializer(serializers.ModelSerializer[PullRequest]):
    """A pull request as it was seen last; `remediation` once it is a fix."""

    state = serializers.ChoiceField(PULL_STATES, read_only=True)
    connection = serializers.IntegerField(source="repository.connection_id", read_only=True)
    full_name = serializers.CharField(source="repository.full_name", read_only=True)

    class Meta:
        model = PullRequest
        fields = ("id", "scope", "connection", "repository", "full_name", "number", "title", "url",
                  "state", "head_commit", "remediation", "asked_at", "followed_at",
                  "problem")  # fmt: skip
        read_only_fields = fields


class LinkPullSerializer(StrictSerializer):
    """A pull request by its number, and the findings that it is for."""

    number = serializers.IntegerField(min_value=1, max_value=MOST_NUMBER)
    findings = serializers.ListField(child=RowId(), min_length=1, max_length=MAX_FINDINGS)
