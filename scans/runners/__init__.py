"""Scanners that we start ourselves, each by a recipe: a fixed command line whose digest is evidence."""

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

from core.errors import BadInput


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one scanner is started. ``{out}`` in the command becomes the report's path.

    Inline suppressions are ignored where the tool can: a fix must not be able to hide from us.
    ``ok_exit_codes``: those with which the tool says that it ran to its end.
    """

    name: str
    tool_class: str
    command: tuple[str, ...]
    ok_exit_codes: tuple[int, ...] = (0,)

    def to_dict(self) -> dict[str, Any]:
        return json.loads(json.dumps(asdict(self)))

    @property
    def digest(self) -> str:
        """SHA-256 (hex) over the recipe."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="bandit",
            tool_class="sast",
            command=("bandit", "-q", "-r", ".", "--ignore-nosec", "-f", "sarif", "-o", "{out}"),
            ok_exit_codes=(0, 1),  # 1: it ran and reported something
        ),
    )
}


def recipe_named(name: str) -> Recipe:
    """Return a recipe. Raises BadInput that lists the known ones."""
    if name not in RECIPES:
        raise BadInput(
            "recipe", f"{name[:40]!r} is unknown; there is: {', '.join(sorted(RECIPES))}"
        )
    return RECIPES[name]
