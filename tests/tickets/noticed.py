"""People who want to be told, what they are told of, and sending it."""

from findings.services.assigning import assign_many
from tests import factories as make
from tickets.models import Notice
from tickets.services.notice_relay import relay_notices
from tickets.services.notice_sending import due_boxes, send_notices
from tickets.services.notices import set_notices
from tickets.statuses import Channel, NoticeKind, Pace

HOME = "https://ctem.example"


def wants(user, channel=Channel.MAIL, pace=Pace.NOW, **more):
    """Let the person be told of everything by one channel."""
    paces = {(kind, channel): pace for kind in NoticeKind}
    return set_notices(by=user, at=make.now(), paces=paces, **more)


def assign(findings, to, by):
    return assign_many(findings=findings, to=to, by=by, at=make.now())


def send_all(clock=None):
    """Relay and send everything that is due; return how many attempts were made."""
    at = clock() if clock else make.now()
    relay_notices(at=at)
    return sum(send_notices(user, way, clock=lambda: at) for user, way in due_boxes(at))


def told():
    return list(Notice.objects.order_by("pk").values_list("kind", "state"))
