"""What every page that changes something does: one verb, its refusal as a sentence, back to the page."""

from collections.abc import Callable
from typing import Any, cast

from django.contrib import messages
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from core.errors import BadInput, Refused
from core.models import User


def person(request: HttpRequest) -> User:
    """Return who is signed in; every page but the sign-in has somebody."""
    return cast(User, request.user)


def attempt(request: HttpRequest, verb: Callable[[], Any], *, done: str, back: str) -> HttpResponse:
    """Call one verb and go back, saying that it is done or why it was refused."""
    try:
        verb()
    except Refused as error:
        messages.error(request, str(error))
    else:
        messages.success(request, done)
    return redirect(back)


def refuse_form(request: HttpRequest, form: BaseForm, *, back: str) -> HttpResponse:
    """Go back, saying what is wrong with what was sent."""
    for name, errors in form.errors.items():
        label = form[name].label if name in form.fields else "Form"
        messages.error(request, f"{label}: {' '.join(map(str, errors))}")
    return redirect(back)


def put_refusal(form: BaseForm, refusal: Refused) -> None:
    """Put a verb's refusal at the field that it names, else above the form."""
    field = refusal.where.partition("/")[0] if isinstance(refusal, BadInput) else ""
    if isinstance(refusal, BadInput) and field in form.fields:
        form.add_error(field, f"This {refusal.sentence}.")
    else:
        form.add_error(None, str(refusal))
