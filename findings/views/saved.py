"""Pages of saved views: keep what a list shows, choose its columns and the view that it begins with."""

from functools import partial
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from core.errors import BadInput, Refused
from core.listing import given
from core.views import attempt, person, refuse_form
from findings.choosing import read_words
from findings.models import ListChoice, SavedView
from findings.saved import asked
from findings.saved_forms import ChangeForm, ColumnsForm, SaveForm
from findings.services.saving import (
    change_view,
    check_may_change,
    choose_list,
    remove_view,
    save_view,
)

MOST = 300  # views that the page lists


@require_http_methods(["GET", "POST"])
def views(request: HttpRequest) -> HttpResponse:
    """Show the views that one sees, and save what a list showed; POST: save, choose columns or a default."""
    if request.method == "GET":
        return _page(request)
    does = {"save": _save, "columns": _columns, "default": _default}
    return does.get(request.POST.get("do", ""), _unknown)(request)


def _page(request: HttpRequest) -> HttpResponse:
    user = person(request)
    told = asked(request, user)
    rows = SavedView.objects.visible_to(user).select_related("scope", "owner")
    words, error = told.query.urlencode(), ""
    try:
        words = read_words(words, request)
    except BadInput as refusal:
        words, error = "", str(refusal)
    choice = ListChoice.objects.filter(user=user).first()
    context = {
        "rows": [
            {"view": view, "may": _may(view, user)}
            for view in rows.order_by("scope__name", "name")[:MOST]
        ],
        "default": choice.default_view_id if choice else None,
        "words": words,
        "error": told.error or error,
        "comes_from_a_list": bool(given(request)),
        "form": SaveForm(user=user, initial={"filter": words, "columns": told.columns}),
    }
    return render(request, "findings/views.html", context)


def _may(view: SavedView, user: Any) -> bool:
    try:
        check_may_change(view, user)
    except Refused:
        return False
    return True


def _save(request: HttpRequest) -> HttpResponse:
    user = person(request)
    form = SaveForm(request.POST, user=user)
    if not form.is_valid():
        return refuse_form(request, form, back=reverse("views"))
    told, made = form.cleaned_data, []

    def verb() -> None:
        words = read_words(told["filter"], request)
        made.append(
            save_view(
                name=told["name"], query=words, columns=told["columns"], scope=told["scope"],
                by=user, at=timezone.now(),
            )
        )  # fmt: skip

    answer = attempt(request, verb, done="The view is saved.", back=reverse("views"))
    if made:
        answer["Location"] = made[0].get_absolute_url()
    return answer


def _columns(request: HttpRequest) -> HttpResponse:
    form = ColumnsForm(request.POST)
    if not form.is_valid():
        return refuse_form(request, form, back=reverse("findings"))
    verb = partial(
        choose_list, columns=form.cleaned_data["columns"], by=person(request), at=timezone.now()
    )
    return attempt(request, verb, done="These are your columns now.", back=_list(form))


def _default(request: HttpRequest) -> HttpResponse:
    pk = request.POST.get("view", "")
    user, view = person(request), None
    if pk:
        rows = SavedView.objects.visible_to(user)
        view = get_object_or_404(rows, pk=int(pk) if pk.isascii() and pk.isdigit() else 0)
    verb = partial(choose_list, default_view=view, by=user, at=timezone.now())
    done = f"Findings begin with {view or 'what is open'} now."
    return attempt(request, verb, done=done, back=reverse("views"))


def _unknown(request: HttpRequest) -> HttpResponse:
    raise BadInput("do", "must be one of: save, columns, default")


def _list(form: forms.Form) -> str:
    words = form.cleaned_data["back"].lstrip("?")
    return f"{reverse('findings')}?{words}" if words else reverse("findings")


def visible_view(request: HttpRequest, pk: int) -> SavedView:
    rows = SavedView.objects.visible_to(request.user).select_related("scope")
    return get_object_or_404(rows, pk=pk)


@require_POST
def change(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a view another name, or what the list shows now: ``do`` says which."""
    view = visible_view(request, pk)
    form = ChangeForm(request.POST)
    if not form.is_valid():
        return refuse_form(request, form, back=reverse("views"))
    does, told = request.POST.get("do"), form.cleaned_data
    changed: list[SavedView] = []

    def verb() -> None:
        more: dict[str, Any] = {"columns": told["columns"]} if does == "columns" else {}
        more |= {"query": read_words(told["filter"], request)} if does == "filter" else {}
        more |= {"name": told["name"]} if does == "name" else {}
        changed.append(change_view(view=view, by=person(request), at=timezone.now(), **more))

    back = reverse("views") if does == "name" else _list(form)
    answer = attempt(request, verb, done=f"The view {view} is changed.", back=back)
    if changed and does == "filter":
        answer["Location"] = changed[0].get_absolute_url()
    return answer


@require_POST
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    view = visible_view(request, pk)
    verb = partial(remove_view, view=view, by=person(request), at=timezone.now())
    return attempt(request, verb, done=f"The view {view} is removed.", back=reverse("views"))
