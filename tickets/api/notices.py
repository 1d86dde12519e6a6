"""The door to what one is told of oneself."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from core.api import ApiViewSet
from tickets import notice_serializers as shapes
from tickets.models import NoticePreferences
from tickets.services.notices import Wishes, set_notices, wishes_of
from tickets.statuses import Channel, NoticeKind, Pace


class NotificationsViewSet(ApiViewSet):
    """What you are told of, by mail and by chat."""

    queryset = NoticePreferences.objects.none()
    serializer_class = shapes.NotificationsSerializer
    pagination_class = None
    filter_backends = ()

    @extend_schema(summary="What you are told of", responses=shapes.NotificationsSerializer)
    def retrieve(self, request: Request) -> Response:
        """Answer which events are told to you, how and when. Addresses of chats are not read back."""
        if request.query_params:
            raise ValidationError({min(request.query_params): ["Unknown parameter."]})
        return Response(_told(wishes_of(self.user)))

    @extend_schema(
        summary="Change what you are told of",
        request=shapes.NewNotificationsSerializer,
        responses=shapes.NotificationsSerializer,
    )
    def create(self, request: Request) -> Response:
        """Change what is named here; the rest stays. Signed in only, not by a token."""
        body = self.shape(shapes.NewNotificationsSerializer)
        names = {Channel.SLACK: "slack_url", Channel.TEAMS: "teams_url"}
        wishes = set_notices(
            by=self.user,
            at=timezone.now(),
            time_zone=body.get("time_zone"),
            digest_hour=body.get("digest_hour"),
            addresses={channel: body[name] for channel, name in names.items() if name in body},
            paces={
                (NoticeKind(one["kind"]), Channel(one["channel"])): _pace(one["pace"])
                for one in body.get("settings", ())
            },
        )
        return Response(_told(wishes))


def _pace(word: str) -> Pace | None:
    return None if word == shapes.OFF else Pace(word)


def _told(wishes: Wishes) -> dict[str, Any]:
    return {
        "time_zone": wishes.time_zone,
        "digest_hour": wishes.digest_hour,
        "channels": [channel.value for channel, has in wishes.channels.items() if has],
        "settings": [
            {"kind": kind, "channel": channel, "pace": pace or shapes.OFF}
            for (kind, channel), pace in wishes.paces.items()
        ],
    }
