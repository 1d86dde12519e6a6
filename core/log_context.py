"""What the lines of a log are about: the request, the job, who, which scope. No formatting, no Django.

Numbers and random ids only: whatever is told here stands in every later line of the same work.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_current: ContextVar[dict[str, str | int] | None] = ContextVar("log_context", default=None)


@contextmanager
def about(**facts: str | int) -> Iterator[None]:
    """Start a piece of work: its lines carry ``facts`` and what ``tell`` adds until the block ends."""
    token = _current.set(dict(facts))
    try:
        yield
    finally:
        _current.reset(token)


def tell(**facts: str | int | None) -> None:
    """Add what became known to the current piece of work, if there is one; None adds nothing."""
    known = _current.get()
    if known is not None:
        known.update({name: value for name, value in facts.items() if value is not None})


def current() -> dict[str, str | int]:
    """Return what is known of the current piece of work."""
    return dict(_current.get() or {})
