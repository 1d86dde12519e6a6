"""Who asks, from the Authorization header: a key of ours (``Bearer ctem_…`` or ``Token ctem_…``), or the
identity token that a code host signs for a run of a pipeline (``Bearer`` with a JSON Web Token).
"""

import logging
from typing import Any

from django.db.models import Q
from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import APIException, AuthenticationFailed
from rest_framework.request import Request

from core.models import User
from scopes.key_text import digest_of
from scopes.models import ApiToken, PipelineIdentity
from scopes.services.token_use import address_of, note_refusal, note_use, why_refused
from scopes.workloads import (
    ASK_SECONDS,
    Claims,
    IssuerDown,
    NotAccepted,
    Workload,
    issuer_of,
    verified,
    without_ref,
)

log = logging.getLogger(__name__)


class TokenAuthentication(BaseAuthentication):
    """Find the token by its digest; ``user.token`` then limits what the user may here."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        parts = get_authorization_header(request).split()
        if len(parts) != 2 or parts[0].lower() not in (b"bearer", b"token"):
            return None
        now, address = timezone.now(), address_of(request)
        digest = digest_of(parts[1].decode("latin-1"))
        token = (
            ApiToken.objects.select_related("user")
            .filter(Q(digest=digest) | Q(old_digest=digest))
            .first()
        )
        why = "unknown" if token is None else why_refused(token, digest, now)
        if token is None or why:
            if token is not None:
                note_refusal(token, why=why, address=address, at=now)
            raise AuthenticationFailed("The token is unknown, expired or revoked.")
        note_use(token, address=address, at=now)
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


class IssuerUnavailable(APIException):
    """503: whether a token is good cannot be said now."""

    status_code = 503
    default_detail = "The issuer of the identity token cannot be asked for its keys now; try again."
    default_code = "unavailable"
    wait = ASK_SECONDS


class WorkloadAuthentication(BaseAuthentication):
    """Find the pipeline that a signed token tells of; ``user.workload`` then limits its account.

    ``CTEM-Asset`` says for which asset, where a repository uploads for several. Who sends a token that
    does not count is not told why: the log knows.
    """

    def authenticate(self, request: Request) -> tuple[User, Workload] | None:
        parts = get_authorization_header(request).split()
        if len(parts) != 2 or parts[0].lower() != b"bearer" or parts[1].count(b".") != 2:
            return None
        try:
            identity, claims = _identify(
                parts[1].decode("latin-1"), request.headers.get("CTEM-Asset", "")
            )
        except NotAccepted as why:
            log.warning("identity token refused: %s", why)
            raise AuthenticationFailed(
                "The identity token is not one of a pipeline that is known here."
            ) from None
        except IssuerDown as why:
            log.warning("identity token not verified: %s", why)
            raise IssuerUnavailable from None
        user = identity.user
        workload = Workload(identity.pk, identity.asset_id, identity.scope_id, claims)
        user.workload = workload  # type: ignore[attr-defined]
        return user, workload

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def _identify(token: str, asset: str) -> tuple[PipelineIdentity, Claims]:
    """Return the identity that a token is of. Raises NotAccepted or IssuerDown."""
    issuer = issuer_of(token)
    of_issuer = PipelineIdentity.objects.in_force().filter(issuer=issuer)
    if not of_issuer.exists():  # nobody asks an issuer that nobody here uses
        raise NotAccepted(f"no pipeline of {issuer} is known")
    claims = verified(token, issuer)
    known = of_issuer.filter(repository=claims.repository).select_related("user").order_by("pk")
    if asset:
        known = known.filter(asset_id=int(asset)) if _is_id(asset) else known.none()
    fitting = [identity for identity in known if _is_of(identity, claims)]
    if len({identity.asset_id for identity in fitting}) != 1:
        told = f"{claims.repository} {claims.workflow} {claims.ref} (number {claims.repository_id})"
        raise NotAccepted(f"{len(fitting)} known pipelines fit {told}")
    return fitting[0], claims


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19


def _is_of(identity: PipelineIdentity, claims: Claims) -> bool:
    """Whether all that the identity asks for was said."""
    whole = "@" in identity.workflow
    workflow = claims.workflow if whole else without_ref(claims.workflow)
    return (
        identity.repository_id in ("", claims.repository_id)
        and identity.workflow in ("", workflow)
        and identity.ref in ("", claims.ref)
    )


class WorkloadScheme(OpenApiAuthenticationExtension):
    target_class = "scopes.authentication.WorkloadAuthentication"
    name = "pipeline"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "The identity token of a pipeline's run, signed by its code host. "
            "`CTEM-Asset: ID` says for which asset, where a repository uploads for several.",
        }
