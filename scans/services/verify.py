"""Verify now: our own runner scans a fix, and its base as positive control, by the recipes that fit."""

from collections.abc import Iterable
from datetime import datetime

from django.db import models, transaction

from core.errors import WrongState
from core.models import User
from core.permissions import Permission
from findings.models import Finding
from gate import catalogue
from remediations.models import Remediation
from remediations.statuses import RemediationState
from scans.models import Scan
from scans.runners import Recipe, why_not_here
from scans.services.attested import check_may_upload
from scans.services.recipes import find_recipe, recipes_for
from scans.services.uploads import order_scan
from scans.statuses import ENDED, WITHOUT_RESULT, Purpose
from scopes.access import can


def commit_of(fix: Remediation) -> str:
    """The revision that a verification scans: what merged, else the newest head."""
    return fix.merge_commit or fix.head_commit


def why_not_verify(fix: Remediation, user: User, findings: Iterable[Finding]) -> str:
    """Say why ``user`` cannot have the fix verified by our own runner; empty: they can.

    ``findings``: what the fix is for.
    """
    if not can(user, Permission.UPLOAD_SCAN, fix.scope_id):
        return "Your role in this scope does not allow you to order scans."
    return _why_not(fix, *_fitting(fix, findings))


@transaction.atomic
def verify_now(*, remediation: Remediation, by: User, at: datetime) -> list[Scan]:
    """Order a scan of the fix, and a control of its base, by each recipe that fits; return them.

    Fitting are the recipes of the engines that found the findings; for a finding of another tool all
    of its class that can be started here. Scans that still run are returned, not ordered twice.
    Raises WrongState with the sentence that says why nothing can be ordered.
    """
    check_may_upload(by, remediation.asset)
    recipes, refusals = _fitting(remediation, remediation.findings.all())
    if refusal := _why_not(remediation, recipes, refusals):
        raise WrongState(refusal)
    pairs = [verify_by(remediation=remediation, recipe=r.name, by=by, at=at) for r in recipes]
    return [scan for pair in pairs for scan in pair]


@transaction.atomic
def verify_by(*, remediation: Remediation, recipe: str, by: User, at: datetime) -> list[Scan]:
    """Order a scan of the fix by one recipe, and its control unless there is one; return them in order.

    A control is a scan of the base by the very same recipe for this fix. Raises what order_scan does.
    """
    chosen = find_recipe(remediation.scope_id, recipe)
    commit, base = commit_of(remediation), remediation.base_commit
    running = _scans(remediation, Purpose.FIX, commit, chosen).exclude(state__in=ENDED).first()
    scan = running or _order(remediation, chosen, commit, by, at, control=False)
    controls = _scans(remediation, Purpose.CONTROL, base, chosen)
    if not base or controls.exclude(state__in=WITHOUT_RESULT).exists():
        return [scan]
    return [scan, _order(remediation, chosen, base, by, at, control=True)]


def _order(
    fix: Remediation, recipe: Recipe, commit: str, by: User, at: datetime, *, control: bool
) -> Scan:
    scan, _ = order_scan(
        asset=fix.asset, remediation=fix, recipe=recipe.name, commit=commit, control=control,
        by=by, at=at,
    )  # fmt: skip
    return scan


def _scans(
    fix: Remediation, purpose: Purpose, commit: str, recipe: Recipe
) -> models.QuerySet[Scan]:
    rows = Scan.objects.filter(remediation=fix, purpose=purpose, commit=commit)
    return rows.filter(recipe__digest=recipe.digest).select_related("created_by").order_by("-pk")


def _fitting(fix: Remediation, findings: Iterable[Finding]) -> tuple[list[Recipe], list[str]]:
    """Recipes that fit the findings of a fix and can be started, and why others cannot."""
    found = {(finding.tool, finding.tool_class) for finding in findings}
    known = recipes_for(fix.scope_id)
    wanted: dict[str, Recipe] = {}
    refusals: dict[str, None] = {}
    for tool, tool_class in sorted(found):
        own = [recipe for recipe in known if _engine(recipe.tool or recipe.name) == _engine(tool)]
        alike = [recipe for recipe in known if recipe.tool_class == tool_class]
        chosen = _startable(own) or _startable(alike)
        wanted |= {recipe.name: recipe for recipe in chosen}
        refusals |= dict.fromkeys(why_not_here(r) for r in (own or alike) if r not in chosen)
    return list(wanted.values()), [refusal for refusal in refusals if refusal]


def _startable(recipes: Iterable[Recipe]) -> list[Recipe]:
    return [recipe for recipe in recipes if not why_not_here(recipe)]


def _engine(tool: str) -> str:
    row = catalogue.tool(tool)
    return row.engine if row else tool.casefold()


def _why_not(fix: Remediation, recipes: list[Recipe], refusals: list[str]) -> str:
    if fix.state == RemediationState.WITHDRAWN:
        return "The fix was withdrawn."
    if not fix.asset.repository:
        return "The asset has no repository that the runner may read."
    if recipes:
        return ""
    return refusals[0] if refusals else "No recipe of the runner is of the tools that found these."
