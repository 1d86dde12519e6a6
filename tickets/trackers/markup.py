"""Text of findings and of people, made so that a tracker shows it and does nothing with it. Pure.

A title may hold what a tracker acts on: quick actions of GitLab (a line that begins with a slash), mentions,
images that are loaded, macros of Jira, HTML of ServiceNow's journal.
"""

import re

GAP = "\u200b"  # no width: it is seen by nobody, and ends a word
_QUICK = re.compile(r"^(\s*)/", re.MULTILINE)
_WIKI = re.compile(r"[\[\]{}!]")


def for_markdown(text: str) -> str:
    """For GitHub and GitLab: mentions nobody, loads nothing, holds no HTML, begins no quick action."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace("@", f"@{GAP}")
    text = text.replace("![", f"!{GAP}[")
    return _QUICK.sub(r"\1\\/", text)


def for_wiki(text: str) -> str:
    """For Jira, whose version 2 reads wiki markup: no link, no mention, no macro, no image."""
    return _WIKI.sub(lambda found: f"\\{found[0]}", text)


def for_journal(text: str) -> str:
    """For ServiceNow, which shows as HTML what stands between [code] and [/code]."""
    return re.sub(r"\[(/?code)", rf"[{GAP}\1", text, flags=re.IGNORECASE)
