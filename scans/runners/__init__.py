"""Scanners that we start ourselves, each by a recipe: a fixed command line whose digest is evidence.

The recipes that come with the product are data here; those of a scope's own are rows
(``scans/recipes.py``) that become the same records. Nothing is started here.
"""

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from django.conf import settings

from core.errors import BadInput

OUT, CONFIG = "{out}", "{config}"  # in a command: the paths of the report and of the configuration
OWN_OFF = (
    "Recipes of a scope's own are switched off: they are commands that this machine runs"
    " (CTEM_RUNNER_OWN_RECIPES)."
)
_CONFIGS = Path(__file__).parent / "configs"


class Network(StrEnum):
    """Whether a scanner may use the network while it runs."""

    NONE = "none"
    ALLOWED = "allowed"


class Output(StrEnum):
    """What the command writes to ``{out}``; all but SARIF is converted (``convert.py``)."""

    SARIF = "sarif"
    ESLINT = "eslint"
    PIP_AUDIT = "pip-audit"


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one scanner is started. ``{out}`` and ``{config}`` in the command become paths.

    The repository's own settings and inline suppressions are ignored where the tool can: a fix must
    not be able to hide from us. ``ok_exit_codes``: those with which the tool says that it ran to its
    end. ``tool``: the name that it gives itself in reports. ``config``: the bytes of the one file
    that we bring. ``needs``: what to install where the program is missing, ``author``: the account
    that wrote it, empty for the product's; both no part of the digest.
    ``image``, ``vendor``, ``model`` are evidence: recorded, never acted on.
    """

    name: str
    tool_class: str
    command: tuple[str, ...]
    ok_exit_codes: tuple[int, ...] = (0,)
    version: int = 1
    tool: str = ""
    network: str = Network.NONE.value
    output: str = Output.SARIF.value
    config_name: str = ""
    config: bytes = b""
    image: str = ""
    vendor: str = ""
    model: str = ""
    needs: str = ""
    author: str = ""

    def to_dict(self) -> dict[str, Any]:
        """What is stored with a scan, as JSON: all but the bytes of the configuration, by digest."""
        return {
            "name": self.name, "version": self.version, "tool": self.tool,
            "tool_class": self.tool_class, "command": list(self.command),
            "ok_exit_codes": list(self.ok_exit_codes), "network": self.network,
            "output": self.output, "config_name": self.config_name,
            "config_sha256": hashlib.sha256(self.config).hexdigest() if self.config else "",
            "image": self.image, "vendor": self.vendor, "model": self.model,
        }  # fmt: skip

    @property
    def digest(self) -> str:
        """SHA-256 (hex) over the recipe."""
        return hashlib.sha256(json.dumps(self.to_dict(), sort_keys=True).encode()).hexdigest()

    @property
    def shown_command(self) -> tuple[str, ...]:
        """The command as facts tell it: the configuration by its digest instead of a path."""
        named = f"{self.config_name}@sha256:{self.to_dict()['config_sha256']}"
        return tuple(part.replace(CONFIG, named) for part in self.command)


def stored_recipe(stored: Mapping[str, Any], config: bytes) -> Recipe:
    """The recipe that ``to_dict`` was stored of; ``config``: the bytes of its configuration."""
    known = {name: stored[name] for name in Recipe.__dataclass_fields__ if name in stored}
    known |= {name: tuple(stored[name]) for name in ("command", "ok_exit_codes")}
    return Recipe(**known, config=config)


def _config(name: str) -> dict[str, Any]:
    return {"config_name": name, "config": (_CONFIGS / name).read_bytes()}


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="bandit",
            tool="Bandit",
            tool_class="sast",
            command=(
                "bandit", "-q", "--ini", CONFIG, "-r", ".", "--ignore-nosec", "-f", "sarif", "-o", OUT,
            ),
            ok_exit_codes=(0, 1),  # 1: it ran and reported something
            **_config("bandit.ini"),
            needs="pip install 'bandit[sarif]'",
        ),
        Recipe(
            name="semgrep",
            tool="Semgrep OSS",
            tool_class="sast",
            command=(
                "semgrep", "scan", "--config", CONFIG, "--metrics", "off", "--disable-version-check",
                "--disable-nosem", "--no-git-ignore", "--x-ignore-semgrepignore-files",
                "--no-rewrite-rule-ids", "--oss-only", "--jobs", "2", "--sarif", "--output", OUT, ".",
            ),
            **_config("semgrep.yml"),
            needs="pip install semgrep",
        ),
        Recipe(
            name="ruff",
            tool="Ruff",
            tool_class="sast",
            command=(
                "ruff", "check", "--isolated", "--select", "S", "--ignore-noqa", "--no-respect-gitignore",
                "--no-cache", "--quiet", "--exit-zero", "--output-format", "sarif", "--output-file", OUT, ".",
            ),
            needs="pip install ruff",
        ),
        Recipe(
            name="eslint",
            tool="ESLint",
            tool_class="sast",
            command=(
                "eslint", "--no-config-lookup", "--config", CONFIG, "--no-inline-config", "--no-ignore",
                "--no-warn-ignored", "--no-error-on-unmatched-pattern", "--format", "json-with-metadata",
                "--output-file", OUT, ".",
            ),
            ok_exit_codes=(0, 1),
            output=Output.ESLINT.value,
            **_config("eslint.config.mjs"),
            needs="npm install eslint (10 or newer, with Node.js)",
        ),
        Recipe(
            name="pip-audit",
            tool="pip-audit",
            tool_class="sca",
            # --disable-pip: resolving would run the build scripts of packages. What the file pins counts.
            command=(
                "pip-audit", "--requirement", "requirements.txt", "--no-deps", "--disable-pip",
                "--progress-spinner", "off", "--desc", "off", "--aliases", "on", "--format", "json",
                "--output", OUT,
            ),
            ok_exit_codes=(0, 1),
            network=Network.ALLOWED.value,  # advisories are asked of PyPI
            output=Output.PIP_AUDIT.value,
            needs="pip install pip-audit",
        ),
    )
}  # fmt: skip


def recipe_named(name: str) -> Recipe:
    """Return a recipe of the product. Raises BadInput that lists the known ones."""
    if name not in RECIPES:
        raise BadInput(
            "recipe", f"{name[:40]!r} is unknown; there is: {', '.join(sorted(RECIPES))}"
        )
    return RECIPES[name]


def program_folders() -> list[str]:
    """Where programs of recipes are looked for: the operator's folders, our own, the system's."""
    told = [f"{folder}/{below}" for folder in settings.RUNNER_TOOLS
            for below in ("bin", "node_modules/.bin")]  # fmt: skip
    return [*told, str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"]


def why_not_here(recipe: Recipe) -> str:
    """Say why this machine cannot start a recipe; empty: it can."""
    if recipe.name not in RECIPES and not settings.RUNNER_OWN_RECIPES:
        return OWN_OFF
    if recipe.network == Network.ALLOWED and not settings.RUNNER_NETWORK:
        return (
            f"{recipe.name} needs the network, which this server does not allow to scanners"
            " (CTEM_RUNNER_NETWORK)."
        )
    program = recipe.command[0]
    if shutil.which(program, path=os.pathsep.join(program_folders())) is None:
        how = f": {recipe.needs}" if recipe.needs else ""
        return f"{recipe.name} needs the program {program}, which is not installed here{how}."
    return ""
