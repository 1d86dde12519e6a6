"""Entity tags: which representation of an object somebody saw (RFC 9110, 8.8.3 and 13.1)."""

import hashlib
from typing import Any

from django.utils.http import parse_etags
from rest_framework.renderers import JSONRenderer


def tag_of(content: bytes) -> str:
    """Return the strong tag of a representation."""
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def tag_of_data(data: Any) -> str:
    """Return the tag of what is answered as JSON: that of the whole, also where fewer members are asked for."""
    return tag_of(JSONRenderer().render(data))


def is_known(header: str, current: str) -> bool:
    """Whether ``If-None-Match`` names the current representation: weak comparison."""
    tags = parse_etags(header)
    return "*" in tags or current in {tag.removeprefix("W/") for tag in tags}


def is_still(header: str, current: str | None) -> bool:
    """Whether ``If-Match`` names the current representation (None: there is none): strong comparison."""
    tags = parse_etags(header)
    return current is not None and ("*" in tags or current in tags)
