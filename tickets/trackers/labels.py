"""Labels of a ticket that say its priority, where a tracker has no field for it. Pure."""

from collections.abc import Iterable
from typing import Any


def labels_with(labels: Iterable[str], band: str, mapping: dict[str, Any]) -> list[str]:
    """Return the labels with the one of this band, and without those of the others."""
    of_bands = mapping["priorities"]
    kept = [label for label in labels if label not in of_bands.values()]
    wanted = of_bands.get(band, "")
    return [*kept, wanted] if wanted else kept
