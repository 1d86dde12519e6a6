"""The shapes of what a person is told of, in the API. No address is ever read back."""

from rest_framework import serializers

from core.api import StrictSerializer, Text
from tickets.services.webhook_told import MAX_URL
from tickets.statuses import Channel, NoticeKind, Pace

KINDS = [kind.value for kind in NoticeKind]
CHANNELS = [channel.value for channel in Channel]
OFF = "off"
PACES = [*(pace.value for pace in Pace), OFF]


class NoticeSettingSerializer(StrictSerializer):
    """How one kind of event is told by one channel."""

    kind = serializers.ChoiceField(KINDS)
    channel = serializers.ChoiceField(CHANNELS)
    pace = serializers.ChoiceField(PACES)


class NotificationsSerializer(StrictSerializer):
    """What you are told of. `channels`: those by which you can be reached."""

    time_zone = serializers.CharField(read_only=True)
    digest_hour = serializers.IntegerField(read_only=True)
    channels = serializers.ListField(child=serializers.ChoiceField(CHANNELS), read_only=True)
    settings = NoticeSettingSerializer(many=True, read_only=True)


class NewNotificationsSerializer(StrictSerializer):
    time_zone = Text(64, required=False, help_text="Such as Europe/Berlin.")
    digest_hour = serializers.IntegerField(min_value=0, max_value=23, required=False)
    slack_url = Text(
        MAX_URL,
        required=False,
        allow_blank=True,
        help_text="Incoming webhook of Slack or its like; empty: take it away.",
    )
    teams_url = Text(
        MAX_URL,
        required=False,
        allow_blank=True,
        help_text="Incoming webhook of Teams; empty: take it away.",
    )
    settings = serializers.ListField(
        child=NoticeSettingSerializer(), required=False, max_length=len(KINDS) * len(CHANNELS)
    )
