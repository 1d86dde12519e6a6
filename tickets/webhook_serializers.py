"""The shapes of webhooks and their deliveries in the API. No secret is ever read back."""

from typing import Any

from rest_framework import serializers

from core.api import PersonSerializer, RowId, StrictSerializer, Text
from tickets.models import Delivery, WebhookEndpoint
from tickets.services import webhook_told as told
from tickets.statuses import DeliveryState, EndpointState, Lane, Payload

STATES = [state.value for state in EndpointState]
PAYLOADS = [payload.value for payload in Payload]
LANES = [lane.value for lane in Lane]
DELIVERY_STATES = [state.value for state in DeliveryState]


class WebhookEndpointSerializer(serializers.ModelSerializer[WebhookEndpoint]):
    """An address that is told of a scope's events, in their order.

    `cursor`: the event of the scope's chain up to which deliveries were made. `waiting`: deliveries
    that are not over. `reason`: why it is disabled. `old_secret_until`: until then two secrets sign.
    """

    state = serializers.ChoiceField(STATES, read_only=True)
    payload = serializers.ChoiceField(PAYLOADS, read_only=True)
    actions = serializers.ListField(child=serializers.CharField(), read_only=True)
    waiting = serializers.IntegerField(source="n_waiting", read_only=True)
    created_by = PersonSerializer(read_only=True)
    ended_by = PersonSerializer(read_only=True, allow_null=True)

    class Meta:
        model = WebhookEndpoint
        fields = ("id", "scope", "name", "url", "actions", "payload", "state", "reason", "cursor",
                  "waiting", "old_secret_until", "created_at", "created_by", "ended_at",
                  "ended_by")  # fmt: skip
        read_only_fields = fields


class WebhookWithSecretSerializer(serializers.Serializer[Any]):
    """A webhook with its secret, which is shown this once."""

    webhook = WebhookEndpointSerializer(read_only=True)
    secret = serializers.CharField(read_only=True)


class DeliverySerializer(serializers.ModelSerializer[Delivery]):
    """One message. `message_id` stays over all attempts; `note`: what was answered, or why nothing was."""

    state = serializers.ChoiceField(DELIVERY_STATES, read_only=True)
    lane = serializers.ChoiceField(LANES, read_only=True)
    payload = serializers.ChoiceField(PAYLOADS, read_only=True)

    class Meta:
        model = Delivery
        fields = ("id", "scope", "endpoint", "number", "event", "seq", "action", "payload",
                  "message_id", "lane", "state", "attempts", "next_attempt_at", "last_status",
                  "note", "took_ms", "created_at", "attempted_at", "ended_at")  # fmt: skip
        read_only_fields = fields


def _actions() -> serializers.ListField:
    return serializers.ListField(
        child=Text(told.MAX_ACTION), max_length=told.MAX_ACTIONS, required=False,
        help_text="Actions or patterns, such as `finding.*`; left out: all.",
    )  # fmt: skip


class NewWebhookSerializer(StrictSerializer):
    scope = RowId()
    name = Text(told.MAX_NAME)
    url = Text(told.MAX_URL, help_text="https:// only, unless the operator lists the host.")
    actions = _actions()
    payload = serializers.ChoiceField(PAYLOADS, required=False)


class ChangedWebhookSerializer(StrictSerializer):
    name = Text(told.MAX_NAME, required=False)
    url = Text(told.MAX_URL, required=False)
    actions = _actions()
    payload = serializers.ChoiceField(PAYLOADS, required=False)
