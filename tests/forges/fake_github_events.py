"""Webhook messages of a fake GitHub: recorded ones, refilled from its world, signed as GitHub signs."""

from __future__ import annotations

import copy
import hashlib
import hmac
import json
import uuid
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.forges.openapi.description import recorded_events

if TYPE_CHECKING:
    from tests.forges.fake_github import FakeGitHub
    from tests.forges.fake_github_records import FakeRepository


class Delivery(NamedTuple):
    """One message as it would be posted: header names as GitHub writes them."""

    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> str:
        return self.headers["X-GitHub-Event"]

    @property
    def content(self) -> dict[str, Any]:
        return json.loads(self.body)

    @property
    def lower(self) -> dict[str, str]:
        """The headers with names in small letters, as adapters take them."""
        return {name.lower(): value for name, value in self.headers.items()}


def deliver(
    world: FakeGitHub, event: str, action: str, repository: FakeRepository | None, **ours: Any
) -> Delivery:
    """Make a message of the recorded one of this event and action; ``ours`` is filled in."""
    content = copy.deepcopy(recorded_events()[f"{event}.{action}" if action else event])
    if repository is not None:
        content["repository"] = refilled(content["repository"], world.shapes.repository(repository))
    if "organization" in content:
        account = world.account(world.org)
        content["organization"] |= {"login": world.org, "id": account.id}
    if "installation" in content:
        content["installation"]["id"] = world.installation
    return signed(world.secret, event, refilled(content, ours))


def signed(secret: str, event: str, content: Any) -> Delivery:
    """Sign content as GitHub does: HMAC with SHA-256 over the very bytes that are sent."""
    body = json.dumps(content, separators=(",", ":")).encode()
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {
        "User-Agent": "GitHub-Hookshot/0000000",
        "Content-Type": "application/json",
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": str(uuid.uuid4()),
        "X-GitHub-Hook-ID": "1",
        "X-Hub-Signature-256": f"sha256={signature}",
    }
    return Delivery(headers, body)


def refilled(recorded: Any, ours: Any) -> Any:
    """Return what was recorded with our values for the members that it has, and no others."""
    if not isinstance(recorded, dict) or not isinstance(ours, dict):
        return ours
    return {
        name: refilled(old, ours[name]) if name in ours else old for name, old in recorded.items()
    }
