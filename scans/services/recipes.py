"""Recipes of the runner: those that come with the product, those of a scope's own, and adding one."""

import re
from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Max

from core import blobs
from core.errors import BadInput, WrongState
from core.events import append_event
from core.models import User
from core.permissions import Permission
from scans.models import ScannerRecipe
from scans.runners import (
    CONFIG,
    OUT,
    OWN_OFF,
    RECIPES,
    Network,
    Output,
    Recipe,
    recipe_named,
    why_not_here,
)
from scans.statuses import ToolClass
from scopes.access import check_may
from scopes.models import Scope

MOST_WORDS, MOST_LETTERS = 100, 4000  # of a command, of one word of it
MOST_CONFIG = 1024 * 1024  # bytes
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}\Z")
_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}\Z")


def recipe_of(row: ScannerRecipe) -> Recipe:
    """A row as the record that is started and kept with scans."""
    return Recipe(
        name=row.name, version=row.version, tool=row.tool, tool_class=row.tool_class,
        command=tuple(row.command), ok_exit_codes=tuple(row.ok_exit_codes), network=row.network,
        output=row.output, config_name=row.config_name,
        config=blobs.load(row.config_id) if row.config_id else b"",
        image=row.image, vendor=row.vendor, model=row.model, author=row.created_by.username,
    )  # fmt: skip


def newest_rows(scope_id: int) -> list[ScannerRecipe]:
    """The version that counts of each recipe of the scope's own, by name."""
    rows = ScannerRecipe.objects.filter(scope_id=scope_id).select_related("created_by")
    rows = rows.order_by("name", "-version")
    newest: dict[str, ScannerRecipe] = {}
    for row in rows:
        newest.setdefault(row.name, row)
    return list(newest.values())


def recipes_for(scope_id: int) -> list[Recipe]:
    """All recipes that the scope may order, by name: the product's and, where allowed, its own."""
    own = newest_rows(scope_id) if settings.RUNNER_OWN_RECIPES else []
    return [*(RECIPES[name] for name in sorted(RECIPES)), *map(recipe_of, own)]


def find_recipe(scope_id: int, name: str) -> Recipe:
    """Return what a name means in a scope. Raises BadInput for one that means nothing."""
    if name in RECIPES:
        return RECIPES[name]
    row = ScannerRecipe.objects.filter(scope_id=scope_id, name=name).order_by("-version").first()
    return recipe_named(name) if row is None else recipe_of(row)


def check_can_start(recipe: Recipe) -> None:
    """Raise WrongState with the sentence that says what is missing on this machine."""
    if refusal := why_not_here(recipe):
        raise WrongState(refusal)


def add_recipe(
    *,
    scope: Scope,
    name: str,
    tool_class: str,
    command: Sequence[str],
    by: User,
    at: datetime,
    tool: str = "",
    ok_exit_codes: Sequence[int] = (0,),
    network: str = Network.NONE.value,
    output: str = Output.SARIF.value,
    config: bytes = b"",
    config_name: str = "",
    image: str = "",
    vendor: str = "",
    model: str = "",
) -> ScannerRecipe:
    """Add a recipe of the scope's own, or the next version of one; scans from now on use it.

    For administrators, where the operator lets scopes bring commands. Raises BadInput.
    """
    check_may(by, Permission.ADMINISTER, scope.pk)
    if not settings.RUNNER_OWN_RECIPES:
        raise WrongState(OWN_OFF)
    recipe = Recipe(
        name=name, tool=tool, tool_class=tool_class, command=tuple(command),
        ok_exit_codes=tuple(ok_exit_codes), network=network, output=output, config=config,
        config_name=config_name, image=image, vendor=vendor, model=model,
    )  # fmt: skip
    _check(recipe)
    _check_config(recipe)
    blob = blobs.store(config, at=at) if config else None
    row = ScannerRecipe(
        scope=scope, config=blob, created_by=by, created_at=at, name=name, tool=tool,
        tool_class=tool_class, command=list(recipe.command), config_name=config_name,
        ok_exit_codes=list(recipe.ok_exit_codes), network=network, output=output, image=image,
        vendor=vendor, model=model,
    )  # fmt: skip
    return _store(row, by, at)


@transaction.atomic
def _store(row: ScannerRecipe, by: User, at: datetime) -> ScannerRecipe:
    earlier = ScannerRecipe.objects.filter(scope_id=row.scope_id, name=row.name)
    row.version = (earlier.aggregate(n=Max("version"))["n"] or 0) + 1
    row.digest = recipe_of(row).digest
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        raise WrongState("Somebody else added a version meanwhile. Look at it first.") from error
    append_event(
        scope_id=row.scope_id, action="recipe.added", subject="recipe", subject_id=row.pk,
        by=by, at=at, data={"name": row.name, "version": row.version, "digest": row.digest,
                            "command": row.command, "network": row.network},
    )  # fmt: skip
    return row


def _check(recipe: Recipe) -> None:
    if not _NAME.match(recipe.name):
        raise BadInput("name", "must be 1 to 40 small letters, digits, dots, dashes, underscores")
    if recipe.name in RECIPES:
        raise BadInput("name", f"{recipe.name} is a recipe of the product; choose another name")
    _check_command(recipe.command)
    codes = recipe.ok_exit_codes
    if not 0 < len(codes) <= 20 or not all(0 <= code <= 255 for code in codes):
        raise BadInput("ok_exit_codes", "must be 1 to 20 numbers from 0 to 255")
    if recipe.tool_class == ToolClass.AGENTIC and not (recipe.vendor and recipe.model):
        raise BadInput("model", "of an agentic scanner, vendor and model have to be said")


def _check_command(words: Sequence[str]) -> None:
    if not 0 < len(words) <= MOST_WORDS:
        raise BadInput("command", f"must have 1 to {MOST_WORDS} words, not {len(words)}")
    if any(not 0 < len(word) <= MOST_LETTERS for word in words):
        raise BadInput("command", f"each word must have 1 to {MOST_LETTERS} characters")
    if "/" in words[0] and not words[0].startswith("/"):
        raise BadInput("command", "must begin with a program's name or its absolute path")
    if not any(OUT in word for word in words[1:]):
        raise BadInput("command", f"must name {OUT}, where it writes its report")


def _check_config(recipe: Recipe) -> None:
    named = any(CONFIG in word for word in recipe.command)
    if bool(recipe.config) != bool(recipe.config_name):
        raise BadInput(
            "config", "needs the name of its file (config_name), and the other way round"
        )
    if named and not recipe.config:
        raise BadInput("config", f"is missing, and the command names {CONFIG}")
    if recipe.config and not named:
        raise BadInput("command", f"must name {CONFIG}, or the configuration has no use")
    if len(recipe.config) > MOST_CONFIG:
        size = len(recipe.config)
        raise BadInput("config", f"larger than allowed ({size} > {MOST_CONFIG} bytes)")
    if recipe.config_name and not _FILE.match(recipe.config_name):
        raise BadInput("config_name", "must be a plain file name of at most 100 characters")
