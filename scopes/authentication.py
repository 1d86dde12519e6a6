"""API tokens in the Authorization header: ``Bearer ctem_…`` (or ``Token ctem_…``)."""

import hashlib
from datetime import timedelta
from typing import Any

from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from core.models import User
from scopes.models import ApiToken


def digest_of(key: str) -> str:
    """Return the SHA-256 (hex) under which a key is kept. Keys carry 256 random bits: no salt needed."""
    return hashlib.sha256(key.encode()).hexdigest()


class TokenAuthentication(BaseAuthentication):
    """Find the token by its digest; ``user.token`` then limits what the user may here."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        parts = get_authorization_header(request).split()
        if len(parts) != 2 or parts[0].lower() not in (b"bearer", b"token"):
            return None
        now = timezone.now()
        key = parts[1].decode("latin-1")
        token = (
            ApiToken.objects.usable(now)
            .select_related("user")
            .filter(digest=digest_of(key))
            .first()
        )
        if token is None:
            raise AuthenticationFailed("The token is unknown, expired or revoked.")
        if token.last_used_at is None or now - token.last_used_at > timedelta(minutes=1):
            ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
        user = token.user
        user.token = token  # type: ignore[attr-defined]
        return user, token

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class TokenScheme(OpenApiAuthenticationExtension):
    target_class = "scopes.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "ctem_…"}
