"""What every tracker can do for us, and the plain records that pass. No rows, no network here."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from core.outbound import HostError


class NotLetIn(HostError):
    """The tracker does not take our credentials: nothing is asked until others are told."""


@dataclass(frozen=True, slots=True)
class External:
    """A ticket as the tracker tells it."""

    id: str
    key: str
    address: str
    is_open: bool
    status: str
    version: str  # when it changed last, in the tracker's words


@dataclass(frozen=True, slots=True)
class Draft:
    """A ticket to make. ``band``: P1 to P4 or empty."""

    title: str
    text: str
    band: str
    marker: str


@dataclass(frozen=True, slots=True)
class Message:
    """What somebody rang for: ``ticket`` is the tracker's id or empty."""

    delivery: str
    event: str
    ticket: str


@dataclass(frozen=True, slots=True)
class Account:
    """Where and as whom."""

    base: str
    project: str
    account: str
    key: str = field(repr=False)


class Tracker(Protocol):
    """One project of a tracker, signed in. Every method may raise HostError, NotLetIn among them."""

    def who_am_i(self) -> str:
        """The name that the tracker knows us by."""

    def find(self, marker: str) -> External | None:
        """The ticket that was made with this marker."""

    def create(self, draft: Draft) -> External:
        """Make a ticket that carries its marker."""

    def read(self, ticket: str) -> External | None:
        """A ticket of the project by id or key; None where it is not there."""

    def has_comment(self, ticket: str, marker: str) -> bool:
        """Whether a comment carries the marker."""

    def comment(self, ticket: str, text: str) -> None:
        """Write a comment."""

    def update(self, ticket: str, band: str) -> None:
        """Write what follows from the priority, by the mapping."""

    def transition(self, ticket: str, *, is_open: bool) -> None:
        """Close or reopen it."""


class Reader(Protocol):
    """Reads a message. None: nobody signed it who may. Raises BadInput for a signed one that is no use."""

    def __call__(
        self, headers: Mapping[str, str], body: bytes, secrets: Collection[str]
    ) -> Message | None: ...
