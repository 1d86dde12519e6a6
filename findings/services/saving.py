"""Verbs on saved views of the list of findings, and on what a person wants it to show."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.text import slugify

from core.errors import BadInput, Incomplete, NotAllowed, WrongState
from core.events import append_event
from core.models import User
from core.permissions import Permission
from core.text import clean_text
from findings.columns import read_columns
from findings.models import DEFAULT_VIEW, MAX_VIEW_NAME, ListChoice, SavedView
from findings.services.assigning import KEEP, Keep
from scopes.access import check_may
from scopes.models import Scope, is_bound, limit_of

MOST_VIEWS = 100  # of a person, and shared in a scope
MOST_QUERY = 4_000  # characters


@transaction.atomic
def save_view(
    *,
    name: str,
    query: str,
    by: User,
    at: datetime,
    columns: Sequence[str] = (),
    scope: Scope | None = None,
) -> SavedView:
    """Keep a list's filters and columns under a name: for oneself, or for the members of ``scope``.

    ``query``: words of the list's address that were read already. Raises BadInput, NotAllowed where
    ``by`` may not share there, WrongState where the name is taken or there are too many.
    """
    if scope is not None:
        check_may(by, Permission.TRIAGE, scope.pk)
    else:
        _check_own(by)
    name, slug = _named(name)
    rows = SavedView.objects.filter(scope=scope)
    if (rows if scope else rows.filter(owner=by)).count() >= MOST_VIEWS:
        raise WrongState(f"There are {MOST_VIEWS} views already: remove one first.")
    view = SavedView(
        scope=scope, owner=by, name=name, slug=slug, query=_words(query),
        columns=read_columns(columns), created_at=at, changed_at=at,
    )  # fmt: skip
    _write(view)
    _event(view, "saved", by=by, at=at)
    return view


@transaction.atomic
def change_view(
    *,
    view: SavedView,
    by: User,
    at: datetime,
    name: str | Keep = KEEP,
    query: str | Keep = KEEP,
    columns: Sequence[str] | Keep = KEEP,
) -> SavedView:
    """Give a view another name, other filters or columns. Raises as ``save_view``."""
    check_may_change(view, by)
    row = SavedView.objects.select_for_update(no_key=True, of=("self",)).get(pk=view.pk)
    if not isinstance(name, Keep):
        row.name, row.slug = _named(name)
    if not isinstance(query, Keep):
        row.query = _words(query)
    if not isinstance(columns, Keep):
        row.columns = read_columns(columns)
    row.changed_at = at
    _write(row)
    _event(row, "changed", by=by, at=at)
    return row


@transaction.atomic
def remove_view(*, view: SavedView, by: User, at: datetime) -> None:
    """Remove a view; whose default it was begins with what is open again. Raises NotAllowed."""
    check_may_change(view, by)
    SavedView.objects.filter(pk=view.pk).delete()
    _event(view, "removed", by=by, at=at)


@transaction.atomic
def choose_list(
    *,
    by: User,
    at: datetime,
    columns: Sequence[str] | Keep = KEEP,
    default_view: SavedView | Keep | None = KEEP,
) -> ListChoice:
    """Set the columns, or the view that the list begins with, for ``by``. None: what is open.

    Raises BadInput; Incomplete for a view that ``by`` cannot see.
    """
    _check_own(by)
    told: dict[str, Any] = {}
    if not isinstance(columns, Keep):
        told["columns"] = read_columns(columns)
    if not isinstance(default_view, Keep):
        if default_view and not SavedView.objects.visible_to(by).filter(pk=default_view.pk):
            raise Incomplete("That view is not there.")
        told["default_view"] = default_view
    row, _ = ListChoice.objects.update_or_create(user=by, defaults=told)
    said = {**told, "default_view": row.default_view.address if row.default_view else None}
    append_event(
        scope_id=None,
        action="list.chosen",
        subject="user",
        subject_id=by.pk,
        by=by,
        at=at,
        data=said,
    )
    return row


def check_may_change(view: SavedView, by: User) -> None:
    """Raise NotAllowed unless the view is one's own, or shared where one may triage."""
    if view.scope_id is not None:
        check_may(by, Permission.TRIAGE, view.scope_id)
    elif view.owner_id != by.pk:
        raise NotAllowed("The view is somebody else's.")
    else:
        _check_own(by)


def _check_own(by: User) -> None:
    """What is one's own is for no scope: a token that only reads, or is for some scopes, leaves it alone."""
    limit = limit_of(by)
    if limit is not None and (is_bound(by) or not limit.permits(Permission.CLAIM)):
        raise NotAllowed(
            "This token may only read, or is for some scopes: it keeps no view of its owner."
        )


def _named(name: str) -> tuple[str, str]:
    name = " ".join(clean_text(name).split())
    if len(name) > MAX_VIEW_NAME:
        raise BadInput("name", f"longer than allowed ({len(name)} > {MAX_VIEW_NAME} characters)")
    slug = slugify(name, allow_unicode=True)[:MAX_VIEW_NAME]
    if not slug:
        raise BadInput("name", "must have a letter or a digit")
    if slug == DEFAULT_VIEW:
        raise BadInput("name", f"{DEFAULT_VIEW!r} means the view that each person begins with")
    return name, slug


def _words(query: str) -> str:
    if len(query) > MOST_QUERY:
        raise BadInput("filter", f"longer than allowed ({len(query)} > {MOST_QUERY} characters)")
    return query


def _write(view: SavedView) -> None:
    try:
        with transaction.atomic():
            view.save()
    except IntegrityError as error:
        raise WrongState(
            "A view of that name is there already: change that one, or take another name."
        ) from error


def _event(view: SavedView, what: str, *, by: User, at: datetime) -> None:
    append_event(
        scope_id=view.scope_id, action=f"view.{what}", subject="saved_view", subject_id=view.pk or 0,
        by=by, at=at, data={"name": view.name, "filter": view.query, "columns": view.columns},
    )  # fmt: skip
