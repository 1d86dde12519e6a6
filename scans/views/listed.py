"""What stands around the list of findings: columns, saved views, what can be done with chosen rows."""

from typing import Any

from django.db.models import Exists, OuterRef

from core.models import User
from core.permissions import Permission
from findings.columns import COLUMNS
from findings.models import FindingQuerySet, SavedView
from findings.saved import Asked
from findings.saved_forms import ColumnsForm
from findings.services.assigning import MAX_ASSIGNED
from scopes.models import Scope

MOST_VIEWS = 200  # that the list's menu names


def scopes_of(user: User) -> tuple[dict[int, str], bool]:
    """The names of the scopes that ``user`` sees, and whether there is anything to do for them in one."""
    may = Scope.objects.permitting(user, Permission.CLAIM).filter(pk=OuterRef("pk"))
    rows = Scope.objects.visible_to(user).annotate(may=Exists(may)).order_by("name")
    told = list(rows.values_list("pk", "name", "may"))
    return {pk: name for pk, name, _ in told}, any(does for _, _, does in told)


def with_columns(rows: FindingQuerySet, columns: list[str]) -> FindingQuerySet:
    """The rows with what these columns show, and no more."""
    rows = rows.select_related("scope", "asset", "line", "series", "assigned_to")
    rows = rows.select_related("team") if "team" in columns else rows
    rows = rows.prefetch_related("tagged__tag") if "tags" in columns else rows
    return rows.defer("original", "current")


def around_list(user: User, told: Asked) -> dict[str, Any]:
    """The menus of the list. One query, for the views."""
    views = list(
        SavedView.objects.visible_to(user).select_related("scope").order_by("scope__name", "name")
        [:MOST_VIEWS]
    )  # fmt: skip
    return {
        "columns": [(name, COLUMNS[name]) for name in told.columns],
        "columns_form": ColumnsForm(initial={"columns": told.columns}, auto_id="id_list_%s"),
        "view": told.view,
        "views_count": len(views),
        "own_views": [view for view in views if view.scope_id is None],
        "shared_views": [view for view in views if view.scope_id is not None],
        "most_done": MAX_ASSIGNED,
    }
