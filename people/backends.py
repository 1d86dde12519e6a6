"""Finding an account by user name or mail address, and holding its password against what was typed."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.hashers import make_password
from django.http import HttpRequest

from core.models import User, UserKind


class NameOrMail(ModelBackend):
    """People alone. One hash is worked out for each attempt, whether or not there is such an account."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **told: Any,
    ) -> User | None:
        """Return the account whose password it is and that may sign in, or None."""
        name = username or told.get("email")
        if not name or password is None:
            return None
        user = account_of(name)
        if user is None:
            make_password(password)
            return None
        fits = user.check_password(password) and user.kind == UserKind.HUMAN
        return user if fits and self.user_can_authenticate(user) else None


def account_of(name: str) -> User | None:
    """The account of a user name; else the one open account of a person with this mail address."""
    user = User.objects.filter(username=name).first()
    if user is not None or "@" not in name:
        return user
    found = User.objects.filter(email__iexact=name, is_active=True, kind=UserKind.HUMAN)[:2]
    return found[0] if len(found) == 1 else None
