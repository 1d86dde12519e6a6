"""What administrators set in a scope: its settings, its teams, lists of assets."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from core.errors import Refused
from core.models import User
from core.permissions import Permission
from core.views import attempt, person, refuse_form
from findings.services.owning import add_team, end_team, rename_team
from scopes.access import can, check_may
from scopes.asset_files import COLUMNS, check_size
from scopes.expectations import BY_KIND
from scopes.models import Scope, Team
from scopes.regulations import REGULATIONS
from scopes.scoping_forms import MOST_PASTED, AssetFileForm, ScopeForm, TeamForm, TeamMemberForm
from scopes.services.importing import Outcome, import_assets
from scopes.services.settings import SETTABLE, change_scope
from scopes.services.teams import add_team_member, remove_team_member


def _scope(request: HttpRequest, slug: str) -> Scope:
    return get_object_or_404(Scope.objects.visible_to(request.user), slug=slug)


# --- settings ------------------------------------------------------------------------------------
@require_GET
def settings(request: HttpRequest, slug: str) -> HttpResponse:
    scope = _scope(request, slug)
    initial = {name: getattr(scope, name) for name in SETTABLE}
    context = {
        "scope": scope,
        "form": ScopeForm(initial=initial, scope=scope),
        "may_change": can(person(request), Permission.ADMINISTER, scope.pk),
        "regulations": REGULATIONS,
        "defaults": [(kind, ", ".join(classes)) for kind, classes in BY_KIND.items()],
    }
    return render(request, "scopes/settings.html", context)


@require_POST
def change(request: HttpRequest, slug: str) -> HttpResponse:
    scope = _scope(request, slug)
    form = ScopeForm(request.POST, scope=scope)
    back = f"/scopes/{scope.slug}/settings/"
    if not form.is_valid():
        return refuse_form(request, form, back=back)
    return attempt(
        request,
        lambda: change_scope(
            scope=scope, by=person(request), at=timezone.now(), **form.cleaned_data
        ),
        done="Changed.",
        back=back,
    )


# --- lists of assets -----------------------------------------------------------------------------
@require_GET
def import_form(request: HttpRequest, slug: str) -> HttpResponse:
    return _import_page(request, _scope(request, slug), AssetFileForm())


@require_POST
def import_run(request: HttpRequest, slug: str) -> HttpResponse:
    """Say what a list would do, or do it: the answer is the page, with what became of it."""
    scope = _scope(request, slug)
    form = AssetFileForm(request.POST, request.FILES)
    try:
        check_may(person(request), Permission.ADMINISTER, scope.pk)
        if not form.is_valid():
            return _import_page(request, scope, form, status=422)
        data = _data(form.cleaned_data)
        outcome = import_assets(
            scope=scope, data=data, by=person(request), at=timezone.now(),
            file_format=form.cleaned_data["format"], dry_run=request.POST.get("do") != "import",
        )  # fmt: skip
    except Refused as refusal:
        messages.error(request, str(refusal))
        return _import_page(request, scope, form, status=409)
    return _import_page(request, scope, _again(form, data), outcome=outcome)


def _data(told: dict[str, Any]) -> bytes:
    if not told["file"]:
        return str(told["text"]).encode()
    check_size(told["file"].size)
    return bytes(told["file"].read())


def _again(form: AssetFileForm, data: bytes) -> AssetFileForm:
    """The form with the list as text, where a page can carry it."""
    text = data.decode("utf-8-sig") if len(data) <= MOST_PASTED else ""
    return AssetFileForm(initial={"text": text, "format": form.cleaned_data["format"]})


def _import_page(
    request: HttpRequest,
    scope: Scope,
    form: AssetFileForm,
    *,
    outcome: Outcome | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {
        "scope": scope,
        "form": form,
        "outcome": outcome,
        "columns": COLUMNS,
        "may_import": can(person(request), Permission.ADMINISTER, scope.pk),
    }
    return render(request, "scopes/import.html", context, status=status)


# --- teams ---------------------------------------------------------------------------------------
@require_POST
def team_create(request: HttpRequest, slug: str) -> HttpResponse:
    scope, form = _scope(request, slug), TeamForm(request.POST)
    if not form.is_valid():
        return refuse_form(request, form, back=_teams(scope))
    return attempt(
        request,
        lambda: add_team(scope=scope, by=person(request), at=timezone.now(), **form.cleaned_data),
        done=f"The team {form.cleaned_data['name']} is there.",
        back=_teams(scope),
    )


def _team(request: HttpRequest, pk: int) -> Team:
    return get_object_or_404(Team.objects.visible_to(request.user).select_related("scope"), pk=pk)


@require_POST
def team_change(request: HttpRequest, pk: int) -> HttpResponse:
    team, form = _team(request, pk), TeamForm(request.POST)
    if not form.is_valid():
        return refuse_form(request, form, back=_teams(team.scope))
    return attempt(
        request,
        lambda: rename_team(team=team, by=person(request), at=timezone.now(), **form.cleaned_data),
        done="Changed.",
        back=_teams(team.scope),
    )


@require_POST
def team_end(request: HttpRequest, pk: int) -> HttpResponse:
    team = _team(request, pk)
    return attempt(
        request,
        lambda: end_team(team=team, by=person(request), at=timezone.now()),
        done=f"The team {team} is gone.",
        back=_teams(team.scope),
    )


@require_POST
def team_member_add(request: HttpRequest, pk: int) -> HttpResponse:
    return _member(request, pk, add_team_member, "is on the team")


@require_POST
def team_member_remove(request: HttpRequest, pk: int) -> HttpResponse:
    return _member(request, pk, remove_team_member, "is off the team")


def _member(request: HttpRequest, pk: int, verb: Any, done: str) -> HttpResponse:
    team, form = _team(request, pk), TeamMemberForm(request.POST)
    if not form.is_valid():
        return refuse_form(request, form, back=_teams(team.scope))
    name = form.cleaned_data["username"]
    user = User.objects.filter(memberships__scope=team.scope_id, username=name).first()
    if user is None:
        messages.error(request, f"Nobody called {name} has a role in this scope.")
        return redirect(_teams(team.scope))
    return attempt(
        request,
        lambda: verb(team=team, user=user, by=person(request), at=timezone.now()),
        done=f"{user.display} {done} {team}.",
        back=_teams(team.scope),
    )


def _teams(scope: Scope) -> str:
    return f"/scopes/{scope.slug}/#teams"
