"""Sums that make priorities. Many findings are equal in what their priority follows from: they share a row."""

from hashlib import sha256
from uuid import UUID

from django.db import models


class PrioritySum(models.Model):
    """A priority with all its terms and SSVC's path, named by its content; written once, never changed.

    ``told`` has the shape of ``priority.Priority.to_dict``.
    """

    id = models.UUIDField(primary_key=True)
    told = models.JSONField()

    def __str__(self) -> str:
        return f"{self.told['band']} {self.told['score']}"


def id_of_sum(told: str) -> UUID:
    """Return the id of a sum by its JSON text, keys in order: the first half of its SHA-256."""
    return UUID(bytes=sha256(told.encode()).digest()[:16])
