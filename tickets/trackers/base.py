"""What every tracker can do for us, and the plain records that pass. No rows, no network here."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from core.outbound import HostError


class NotLetIn(HostError):
    """The tracker does not take our credentials: nothing is asked until others are told."""


@dataclass(frozen=True, slots=True)
class External:
    """A ticket as the tracker tells it. ``assignee_key``: as what the tracker knows who it is assigned to."""

    id: str
    key: str
    address: str
    is_open: bool
    status: str
    version: str  # another one after each change and comment, in the tracker's words
    assignee: str = ""
    assignee_key: str = ""


@dataclass(frozen=True, slots=True)
class Remark:
    """A comment in a ticket that all who read the ticket may read."""

    id: str
    author: str
    text: str


@dataclass(frozen=True, slots=True)
class Draft:
    """A ticket to make. ``band``: P1 to P4 or empty. ``values``: field of the tracker → text."""

    title: str
    text: str
    band: str
    marker: str
    values: Mapping[str, str] = field(default_factory=dict)


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

    def fields_of(self, draft: Draft) -> dict[str, Any]:
        """What is sent to make it. Asks nobody."""

    def create(self, draft: Draft) -> External:
        """Make a ticket that carries its marker."""

    def read(self, ticket: str) -> External | None:
        """A ticket of the project by id or key; None where it is not there."""

    def remarks(self, ticket: str) -> list[Remark]:
        """Its comments, at least the newest fifty."""

    def comment(self, ticket: str, text: str, marker: str) -> None:
        """Write a comment that ends with the marker; ``text`` stays text there."""

    def update(self, ticket: str, band: str, values: Mapping[str, str]) -> None:
        """Write the priority by the mapping, and fields."""

    def assign(self, ticket: str, account: str) -> None:
        """Assign it to who the tracker knows by this name; empty: to nobody."""

    def transition(self, ticket: str, *, is_open: bool) -> None:
        """Close or reopen it."""


class Reader(Protocol):
    """Reads a message. None: nobody signed it who may. Raises BadInput for a signed one that is no use."""

    def __call__(
        self, headers: Mapping[str, str], body: bytes, secrets: Collection[str]
    ) -> Message | None: ...
