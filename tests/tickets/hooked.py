"""Webhooks for tests, made by the product's own verb; events to tell of; a clock that is turned by hand."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from core.events import append_event
from core.models import Event
from core.permissions import Role
from scopes.models import Scope
from tests import factories as make
from tests.loopback import Loopback
from tickets.models import Delivery, WebhookEndpoint
from tickets.services.webhook_relay import relay
from tickets.services.webhooks import make_webhook
from tickets.statuses import DeliveryState


@dataclass
class Clock:
    """Now, until it is turned on."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


def hook(scope: Scope | None = None, url: str = "https://hooks.example/in", **members: Any):
    """Return a new webhook for events of findings, and its secret."""
    scope = scope or make.make_scope()
    told = {
        "name": "Receiver", "url": url, "actions": ["finding.*"],
        "by": make.member(scope, Role.ADMIN), "at": make.now(), **members,
    }  # fmt: skip
    return make_webhook(scope=scope, **told)


def happen(scope: Scope, *actions: str, data: dict | None = None) -> list[Event]:
    """Append an event for each action, by the system."""
    return [
        append_event(
            scope_id=scope.pk,
            action=action,
            subject="finding",
            subject_id=7,
            by=None,
            at=make.now(),
            data=data or {},
        )
        for action in actions or ("finding.tested",)
    ]


def told_of(scope: Scope, *actions: str) -> list[Delivery]:
    """Let it happen and be relayed; return all deliveries of the scope in their order."""
    happen(scope, *actions)
    relay(at=make.now())
    return list(Delivery.objects.filter(scope=scope).order_by("endpoint", "number"))


def states(endpoint: WebhookEndpoint) -> list[str]:
    return list(endpoint.deliveries.order_by("number").values_list("state", flat=True))


def waiting(endpoint: WebhookEndpoint) -> Delivery | None:
    """The first delivery that is not over."""
    rows = endpoint.deliveries.filter(state=DeliveryState.WAITING)
    return rows.order_by("number").first()


def ids(server: Loopback) -> list[str]:
    """The message ids that arrived, in order."""
    return [request.headers["webhook-id"] for request in server.requests]
