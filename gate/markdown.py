"""Text that is not to be trusted, in Markdown: it is shown as it is and has no effect.

No markup, no link, no picture, no mention of anybody, no reference to an issue, and one line only, so
that no command of a code host can begin a line.
"""

from __future__ import annotations

import re

from gate.strict import visible

_SPECIAL = str.maketrans(
    {char: f"\\{char}" for char in "\\`*_[]|~"}
    | {"<": "&lt;", ">": "&gt;", "&": "&amp;"}
    # Code hosts look for mentions and links in the finished page too: an unseen joiner parts them.
    | {"@": "&#64;&#8288;", "#": "&#35;&#8288;"}
)
_PLAIN = re.compile(r"[A-Za-z0-9_./:@#+,=()-]+")
_LINKS = re.compile(r"(?<=:)//|(?<=\bwww)\.", re.IGNORECASE)
_REFERENCES = re.compile(r"(?<=[!$%])(?=[0-9])|(?<=\bGH)(?=-[0-9])", re.IGNORECASE)


def as_code(text: str) -> str:
    """A name to be copied; as it is only where it holds nothing that could end the code."""
    return f"`{text}`" if _PLAIN.fullmatch(text) else as_text(text)


def as_text(text: str) -> str:
    """Text that Markdown shows as it is: no markup, no link, no mention of anybody."""
    parted = _REFERENCES.sub("&#8288;", visible(text).translate(_SPECIAL))
    return _LINKS.sub(lambda match: f"&#{ord(match[0][0])};&#8288;{match[0][1:]}", parted)
