"""Refusals: what the domain says no with. Mapped to answers once, in ctem/errors.py."""

from collections.abc import Sequence
from typing import Any


class Refused(Exception):
    """The domain refuses. ``str(error)`` is a sentence fit for a tooltip; ``checks`` are what failed."""

    def __init__(self, sentence: str, *, checks: Sequence[dict[str, Any]] = ()) -> None:
        super().__init__(sentence)
        self.checks = list(checks)


class NotAllowed(Refused):
    """This person may not do this here (403)."""


class WrongState(Refused):
    """Not possible now, whoever asks (409)."""


class Incomplete(Refused):
    """Something that is needed was not brought (400 for a form, 409 where evidence is missing)."""


class Unavailable(Refused, OSError):
    """Something that is needed does not answer now (503): nothing was kept, and it may be tried again.

    To who reads a file it is an OSError like any other.
    """


class BadInput(Refused):
    """What was sent cannot be used (400); ``where`` names the place: a field, byte or JSON pointer."""

    def __init__(self, where: str, sentence: str) -> None:
        super().__init__(f"{where}: {sentence}" if where else sentence)
        self.where = where
        self.sentence = sentence


class TooLarge(BadInput):
    """Over a limit that is named with its value (413)."""
