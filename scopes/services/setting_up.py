"""The first account and its scope. It is done once: there is no such door once anybody has an account."""

from datetime import datetime

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.text import slugify

from core.errors import BadInput, WrongState
from core.events import append_event
from core.locks import wait_for_others
from core.models import User
from core.text import clean_text
from scopes.services.scopes import create_scope

MAX_NAME = 100  # characters of a scope's name that are asked for here


def is_fresh() -> bool:
    """Whether nobody has an account yet."""
    return not User.objects.exists()


def setup_code() -> str:
    """Return the code that setting up asks for in production; `manage.py setup_code` prints it."""
    return salted_hmac("ctem.setup", "the first account", algorithm="sha256").hexdigest()[:20]


def check_code(code: str) -> None:
    """Raise BadInput unless this is the code of this installation."""
    if not constant_time_compare(clean_text(code).strip(), setup_code()):
        raise BadInput("code", "is not that of this installation: `manage.py setup_code` prints it")


@transaction.atomic
def set_up(*, username: str, email: str, password: str, scope: str, at: datetime) -> User:
    """Make the first account and a scope that it administers; return the account.

    Raises WrongState where anybody has one already, of two at once for the second; BadInput.
    """
    wait_for_others("setting-up")
    if not is_fresh():
        raise WrongState("Somebody has an account already: sign in, or ask an administrator.")
    user = User(username=username, email=email)
    try:
        validate_password(password, user)
        user.set_password(password)
        user.full_clean()
    except ValidationError as error:
        raise BadInput("", " ".join(error.messages)) from error
    user.save(force_insert=True)
    name = " ".join(clean_text(scope).split())[:MAX_NAME]
    if not name:
        raise BadInput("scope", "must have a name")
    create_scope(name=name, slug=slugify(name)[:50] or "first", by=user, at=at)
    append_event(
        scope_id=None, action="installation.set_up", subject="user", subject_id=user.pk, by=user, at=at,
        data={"user": user.username},
    )  # fmt: skip
    return user
