"""The view that an address of the list names, with the filters and columns that count there."""

from dataclasses import dataclass

from django.http import HttpRequest, QueryDict

from core.listing import CURSOR, given
from core.models import User
from findings.choosing import query_of
from findings.columns import COLUMNS, DEFAULT
from findings.models import DEFAULT_VIEW, ListChoice, SavedView

VIEW = "view"
BEGINS = "open=true"  # where nobody chose a view


@dataclass(frozen=True, slots=True)
class Asked:
    """What an address asks for. ``query``: all filters, the view's too; ``error``: there is no such view."""

    query: QueryDict
    view: SavedView | None
    columns: list[str]
    error: str = ""


def asked(request: HttpRequest, user: User) -> Asked:
    """Read the address of a list. What it says itself counts before the view that it names."""
    told = given(request)
    names = told.pop(VIEW, [])
    choice = ListChoice.objects.filter(user=user).first()
    view, error = None, ""
    if names and names[-1] == DEFAULT_VIEW:
        view = _default(choice, user)
        told = _over(view.query if view else BEGINS, told)
    elif names:
        view = view_called(names[-1], user)
        error = "" if view else f"view: there is no view called {names[-1][:80]!r}."
        told = _over(view.query if view else "", told)
    columns = (view.columns if view else None) or (choice.columns if choice else None) or DEFAULT
    return Asked(told, view, [name for name in COLUMNS if name in columns], error)


def view_called(address: str, user: User) -> SavedView | None:
    """Return the view with this name in addresses, as far as ``user`` sees one."""
    scope, _, slug = address.rpartition("/")
    rows = SavedView.objects.visible_to(user).select_related("scope")
    if scope:
        return rows.filter(scope__slug=scope, slug=slug).first()
    return rows.filter(scope__isnull=True, slug=slug).first()


def _default(choice: ListChoice | None, user: User) -> SavedView | None:
    if choice is None or choice.default_view_id is None:
        return None
    rows = SavedView.objects.visible_to(user).select_related("scope")
    return rows.filter(pk=choice.default_view_id).first()


def _over(words: str, told: QueryDict) -> QueryDict:
    """The parameters of ``words`` below those that were told."""
    both = query_of(words)
    for name, values in told.lists():
        both.setlist(name, values)
    both.pop(CURSOR, None)
    if CURSOR in told:
        both.setlist(CURSOR, told.getlist(CURSOR))
    return both
