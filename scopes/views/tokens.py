"""Pages of one's own tokens, and of service accounts of a scope. A key is on the answer to its own POST alone."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from core.errors import Refused
from core.permissions import Permission
from core.views import attempt, person, refuse_form
from scopes.access import can
from scopes.forms import AccountForm, AccountTokenForm, RotateForm, TokenForm
from scopes.models import ApiToken, Scope, ServiceAccount
from scopes.services import issue_token, revoke_token, rotate_token
from scopes.services.service_accounts import create_service_account, end_service_account
from scopes.services.tokens import MAX_OVERLAP_DAYS

MOST = 200  # rows that a page lists
Made = tuple[ApiToken, str]


@require_http_methods(["GET", "POST"])
def tokens(request: HttpRequest) -> HttpResponse:
    """Show one's tokens; make one. The key is on the answer to the POST and nowhere else."""
    user = person(request)
    if request.method == "GET":
        return _own(request)
    form = TokenForm(request.POST, user=user)
    key, status = _made(
        request, form, lambda told: issue_token(user=user, by=user, at=timezone.now(), **told)
    )
    return _own(request, form=None if key else form, key=key, status=status)


@require_POST
def token_rotate(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a token another key, and show it on the page where the token is."""
    token = _managed(request, pk)
    verb = lambda told: rotate_token(token=token, by=person(request), at=timezone.now(), **told)  # noqa: E731
    key, status = _made(request, RotateForm(request.POST), verb)
    account = ServiceAccount.objects.filter(user=token.user_id).select_related("scope").first()
    if account is None:
        return _own(request, key=key, status=200 if key else status)
    return _accounts(request, account.scope, key=key, status=200 if key else status)


@require_POST
def token_revoke(request: HttpRequest, pk: int) -> HttpResponse:
    token = _managed(request, pk)
    account = ServiceAccount.objects.filter(user=token.user_id).select_related("scope").first()
    return attempt(
        request,
        lambda: revoke_token(token=token, by=person(request), at=timezone.now()),
        done=f"The token {token.prefix}… is revoked.",
        back=_address(account.scope) if account else "tokens",
    )


@require_GET
def service_accounts(request: HttpRequest, slug: str) -> HttpResponse:
    return _accounts(request, _scope(request, slug))


@require_POST
def service_account_new(request: HttpRequest, slug: str) -> HttpResponse:
    scope, form = _scope(request, slug), AccountForm(request.POST)
    if not form.is_valid():
        return refuse_form(request, form, back=_address(scope))
    told, by = form.cleaned_data, person(request)
    return attempt(
        request,
        lambda: create_service_account(scope=scope, by=by, at=timezone.now(), **told),
        done="The account is made; now make a token for it.",
        back=_address(scope),
    )


@require_POST
def service_account_end(request: HttpRequest, pk: int) -> HttpResponse:
    account = _account(request, pk)
    return attempt(
        request,
        lambda: end_service_account(account=account, by=person(request), at=timezone.now()),
        done="The account is closed, with every token of it.",
        back=_address(account.scope),
    )


@require_POST
def service_account_token(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a token of a service account, and show its key."""
    account, by = _account(request, pk), person(request)
    form = AccountTokenForm(request.POST)
    key, status = _made(
        request, form, lambda told: issue_token(user=account.user, by=by, at=timezone.now(), **told)
    )
    if not key and not form.is_valid():
        return refuse_form(request, form, back=_address(account.scope))
    return _accounts(request, account.scope, key=key, status=status)


def _made(
    request: HttpRequest, form: Form, verb: Callable[[dict[str, Any]], Made]
) -> tuple[str, int]:
    """Return the key that ``verb`` makes, or "", and the status of the answer."""
    if not form.is_valid():
        return "", 422
    try:
        _, key = verb(form.cleaned_data)
    except Refused as error:
        messages.error(request, str(error))
        return "", 409
    return key, 201


def _own(
    request: HttpRequest, *, form: TokenForm | None = None, key: str = "", status: int = 200
) -> HttpResponse:
    user = person(request)
    rows = list(ApiToken.objects.of(user).order_by("-pk")[:MOST])
    names = dict(Scope.objects.visible_to(user).values_list("pk", "name"))
    context = {
        "form": form or TokenForm(user=user),
        "key": key,
        "tokens": [
            {"token": row, "scopes": [names.get(pk, f"scope {pk}") for pk in row.scopes]}
            for row in rows
        ],
        "now": timezone.now(),
        "overlaps": range(MAX_OVERLAP_DAYS + 1),
    }
    return render(request, "tokens.html", context, status=status)


def _accounts(
    request: HttpRequest, scope: Scope, *, key: str = "", status: int = 200
) -> HttpResponse:
    """The accounts of a scope; their tokens are for who administers it."""
    may = can(person(request), Permission.ADMINISTER, scope.pk)
    rows = list(scope.service_accounts.select_related("user").order_by("-pk")[:MOST])
    held: dict[int, list[ApiToken]] = {}
    if may:
        theirs = ApiToken.objects.filter(user__in=[row.user_id for row in rows])
        for token in theirs.order_by("-pk")[:MOST]:
            held.setdefault(token.user_id, []).append(token)
    context = {
        "scope": scope,
        "key": key,
        "may": may,
        "accounts": [
            {
                "account": row,
                "tokens": held.get(row.user_id, []),
                "names": [scope.name],
                "form": AccountTokenForm(auto_id=f"id_{row.pk}_%s"),
            }
            for row in rows
        ],
        "form": AccountForm(),
        "now": timezone.now(),
        "overlaps": range(MAX_OVERLAP_DAYS + 1),
    }
    return render(request, "scopes/service_accounts.html", context, status=status)


def _managed(request: HttpRequest, pk: int) -> ApiToken:
    rows = ApiToken.objects.managed_by(person(request)).select_related("user")
    return get_object_or_404(rows, pk=pk)


def _account(request: HttpRequest, pk: int) -> ServiceAccount:
    rows = ServiceAccount.objects.visible_to(request.user).select_related("scope", "user")
    return get_object_or_404(rows, pk=pk)


def _scope(request: HttpRequest, slug: str) -> Scope:
    return get_object_or_404(Scope.objects.visible_to(request.user), slug=slug)


def _address(scope: Scope) -> str:
    return redirect("service-accounts", scope.slug).url
