"""Identity tokens of pipelines (OpenID Connect): read, verified, and what they say in our own words.

No rows here: which pipelines are known is asked in scopes/authentication.py. Nothing of a token that
did not verify leaves this module but the reason, for the log.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import jwt
from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.core.cache import cache

from core.outbound import HostError, fetch
from core.permissions import Permission
from core.text import clean_text
from gate.strict import visible

ALGORITHMS = ("RS256", "ES256")
LEEWAY_SECONDS = 30
MAX_TOKEN = 16 * 1024  # characters
MAX_KEYS = 100
MAX_CLAIM = 400  # characters of what is kept of one claim
KEYS_SECONDS = 3600  # how long fetched keys are believed
ASK_SECONDS = 60  # one fetch an issuer in this time, whatever arrives
FETCH_SECONDS = 5.0
FETCH_BYTES = 512 * 1024
PERMITTED = frozenset({Permission.READ, Permission.UPLOAD_SCAN, Permission.PROPOSE_FIX})


class NotAccepted(Exception):
    """The token is not one that counts here; the words are for the log, not for who sent it."""


class IssuerDown(Exception):
    """The issuer's keys cannot be had now, so nobody can say whether the token is good."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What an issuer said of a run, in one form for all hosts. Empty: it did not say."""

    issuer: str
    host: str  # github-actions | gitlab-ci
    repository: str
    repository_id: str = ""
    workflow: str = ""  # the file that runs, with @ref
    ref: str = ""  # refs/heads/main
    sha: str = ""
    run: str = ""
    attempt: str = ""
    event: str = ""
    runner: str = ""  # who keeps the machine: github-hosted, self-hosted, ...


@dataclass(frozen=True, slots=True)
class Workload:
    """A run whose token verified, as one identity that the scope knows. It limits its service account."""

    identity: int
    asset_id: int
    scope_id: int
    claims: Claims

    def permits(self, permission: Permission) -> bool:
        return permission in PERMITTED

    def scope_ids(self) -> tuple[int, ...]:
        return (self.scope_id,)

    @property
    def name(self) -> str:
        """Who uploads, in a form that no person's name has: github-actions:acme/shop/.github/…/ci.yml."""
        claims = self.claims
        return f"{claims.host}:{without_ref(claims.workflow) or claims.repository + '/pipelines'}"

    def told(self) -> dict[str, str]:
        """What of the run stands beside the facts that it attests."""
        claims = self.claims
        told = {
            "issuer": claims.issuer, "repository": claims.repository,
            "repository_id": claims.repository_id, "workflow": claims.workflow, "ref": claims.ref,
            "sha": claims.sha, "run": claims.run, "attempt": claims.attempt, "event": claims.event,
            "runner": claims.runner,
        }  # fmt: skip
        return {name: value for name, value in told.items() if value}


def workload_of(user: AbstractBaseUser | AnonymousUser) -> Workload | None:
    """Return the run as which ``user`` came, if it was by an identity token."""
    return getattr(user, "workload", None)


def is_of_another(user: AbstractBaseUser | AnonymousUser, asset_id: int) -> bool:
    """Whether ``user`` came as a run of a pipeline that is of another asset than this one."""
    workload = workload_of(user)
    return workload is not None and workload.asset_id != asset_id


def without_ref(workflow: str) -> str:
    """The file of a workflow, without the revision of it that ran."""
    return workflow.partition("@")[0]


def host_of(issuer: str) -> str:
    """Which host's words an issuer uses: GitHub and its own servers, else GitLab."""
    parts = urlsplit(issuer)
    github = parts.hostname == "token.actions.githubusercontent.com"
    return "github-actions" if github or parts.path == "/_services/token" else "gitlab-ci"


# --- verifying -----------------------------------------------------------------------------------
def issuer_of(token: str) -> str:
    """Return who is said to have signed: nothing is verified yet. Raises NotAccepted unless allowed."""
    if len(token) > MAX_TOKEN:
        raise NotAccepted("longer than allowed")
    try:
        payload = jwt.decode(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, RecursionError):
        raise NotAccepted("not a token") from None
    issuer = payload.get("iss")
    if not isinstance(issuer, str) or issuer not in settings.OIDC_ISSUERS:
        raise NotAccepted(f"issuer {visible(str(issuer)[:100])} is not allowed")
    return issuer


def verified(token: str, issuer: str) -> Claims:
    """Return what ``issuer`` signed. Raises NotAccepted, or IssuerDown where its keys cannot be had."""
    try:
        header = jwt.get_unverified_header(token)
        if header.get("alg") not in ALGORITHMS:
            raise NotAccepted("signed by an algorithm that is not allowed")
        key = _key(issuer, str(header.get("kid", "")))
        payload = jwt.decode(
            token, key, algorithms=list(ALGORITHMS), audience=settings.OIDC_AUDIENCE,
            issuer=issuer, leeway=LEEWAY_SECONDS,
            options={"require": ["iss", "aud", "exp", "iat"], "enforce_minimum_key_length": True},
        )  # fmt: skip
    except jwt.PyJWTError as error:
        raise NotAccepted(f"{type(error).__name__}: {visible(str(error)[:200])}") from None
    except (ValueError, RecursionError):
        raise NotAccepted("not a token") from None
    return _claims(issuer, payload)


def _key(issuer: str, kid: str) -> jwt.PyJWK:
    """Return the issuer's key of this id, from what was fetched before if it is there."""
    known, asked = f"scopes.keys:{issuer}", f"scopes.keys-asked:{issuer}"
    keys: dict[str, Any] | None = cache.get(known)
    if keys is None or kid not in keys:
        if cache.add(asked, "yes", ASK_SECONDS):
            try:
                keys = _fetched_keys(issuer)
            except HostError as error:
                cache.set(asked, "down", ASK_SECONDS)
                raise IssuerDown(error.sentence) from None
            cache.set(known, keys, KEYS_SECONDS)
        elif cache.get(asked) == "down":
            raise IssuerDown("It could not be asked a moment ago.")
    if not keys or kid not in keys:
        raise NotAccepted("signed by a key that the issuer does not publish")
    return jwt.PyJWK.from_dict(keys[kid])


def _fetched_keys(issuer: str) -> dict[str, Any]:
    """Fetch the keys that an issuer publishes, by id. Raises HostError."""
    about = _json(f"{issuer}/.well-known/openid-configuration")
    address = about.get("jwks_uri")
    if about.get("issuer") != issuer or not isinstance(address, str):
        raise HostError("The issuer's description is of another one, or names no keys.")
    keys = _json(address).get("keys")
    if not isinstance(keys, list):
        raise HostError("The issuer's keys are in no form that we know.")
    usable = [key for key in keys[:MAX_KEYS] if isinstance(key, dict) and _is_usable(key)]
    return {str(key["kid"]): key for key in usable}


def _is_usable(key: Mapping[str, Any]) -> bool:
    """Whether a key has an id and signs by what is allowed; the kind is the key's, never the token's."""
    return bool(
        isinstance(key.get("kid"), str)
        and key.get("use", "sig") == "sig"
        and key.get("kty") in ("RSA", "EC")
        and key.get("alg", ALGORITHMS[0]) in ALGORITHMS
    )


def _json(url: str) -> dict[str, Any]:
    reply = fetch("GET", url, limit=FETCH_BYTES, timeout=FETCH_SECONDS)
    if reply.status != 200:
        raise reply.error("The issuer")
    value = reply.json()
    if not isinstance(value, dict):
        raise HostError("The issuer's answer is no object.")
    return value


# --- the words of the hosts ----------------------------------------------------------------------
def _claims(issuer: str, payload: Mapping[str, Any]) -> Claims:
    """What the run is, from the words of its host. Raises NotAccepted where no repository is named."""

    def said(name: str) -> str:
        value = payload.get(name, "")
        text = str(value) if isinstance(value, str | int) else ""
        return visible(clean_text(text, MAX_CLAIM))

    host = host_of(issuer)
    if host == "github-actions":
        claims = Claims(
            issuer, host, said("repository"), said("repository_id"),
            said("job_workflow_ref") or said("workflow_ref"), said("ref"), said("sha"),
            said("run_id"), said("run_attempt"), said("event_name"), said("runner_environment"),
        )  # fmt: skip
    else:
        kinds = {"branch": "refs/heads/", "tag": "refs/tags/"}
        kind = kinds.get(said("ref_type"), "")
        claims = Claims(
            issuer, host, said("project_path"), said("project_id"), said("ci_config_ref_uri"),
            said("ref_path") or (kind + said("ref") if kind else ""), said("sha"),
            said("pipeline_id"), said("job_id"), said("pipeline_source"), said("runner_environment"),
        )  # fmt: skip
    if not claims.repository:
        raise NotAccepted("names no repository")
    return claims
