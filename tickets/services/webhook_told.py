"""What people tell of a webhook, checked: name, address, globs of actions. No rows and no network here.

No refusal repeats an address: it may hold a secret of the receiver.
"""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from core.errors import BadInput
from core.outbound import HostError, check_address
from tickets.statuses import Payload

MAX_NAME = 80
MAX_URL = 1000
MAX_ACTIONS = 50
MAX_ACTION = 60
_ACTION = re.compile(r"[a-z0-9_.*]+")


def check_name(name: str) -> str:
    """Return the name. Raises BadInput."""
    name = name.strip()
    if not 0 < len(name) <= MAX_NAME or not name.isprintable():
        raise BadInput("name", f"must have 1 to {MAX_NAME} characters that can be seen")
    return name


def check_url(url: str) -> str:
    """Return the address, as far as its words tell. Raises BadInput; where it leads is checked at sending."""
    url = url.strip()
    if len(url) > MAX_URL:
        raise BadInput("url", f"is longer than allowed ({len(url)} > {MAX_URL} characters)")
    try:
        check_address(url)
    except HostError as error:
        raise BadInput("url", f"cannot be used: {error.sentence}") from error
    return url


def host_of(url: str) -> str:
    """Return of an address what may be told to everybody in the scope."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def check_actions(actions: Sequence[str]) -> list[str]:
    """Return the globs of actions, each once. Raises BadInput."""
    kept = list(dict.fromkeys(action.strip() for action in actions))
    if not 0 < len(kept) <= MAX_ACTIONS:
        raise BadInput("actions", f"must be 1 to {MAX_ACTIONS} patterns, such as finding.*")
    for place, action in enumerate(kept):
        if len(action) > MAX_ACTION or not _ACTION.fullmatch(action):
            raise BadInput(
                f"actions/{place}",
                f"must be an action or a pattern as finding.* in small letters, "
                f"at most {MAX_ACTION} characters",
            )
    return kept


def check_payload(payload: str) -> str:
    """Return the kind of payload. Raises BadInput."""
    if payload not in list(Payload):
        raise BadInput("payload", f"is none of: {', '.join(Payload)}")
    return payload
