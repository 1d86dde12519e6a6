"""Connections for tests, made by the product's own verb."""

from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from core.permissions import Role
from forges.models import Connection, PullRequest, Repository
from forges.services.connections import connect
from scopes.models import Scope
from tests import factories as make

TOKEN = "ghp_canary-of-a-token-0123456789"


@cache
def pem() -> str:
    """A private key as GitHub hands it out."""
    key = generate_private_key(65537, 2048)
    return key.private_bytes(
        Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
    ).decode()


def make_connection(scope: Scope | None = None, **members: Any) -> tuple[Connection, str]:
    """Return a new connection to GitHub with a token, and its webhook's secret."""
    scope = scope or make.make_scope()
    told = {
        "forge": "github", "name": "Acme", "account": "acme", "sign_in": "token", "key": TOKEN,
        "by": make.member(scope, Role.ADMIN), "at": make.now(), **members,
    }  # fmt: skip
    return connect(scope=scope, **told)


def make_repository(connection: Connection, host_id: str = "77", **members: Any) -> Repository:
    """Return a repository as a look writes it down."""
    name = members.pop("full_name", f"acme/web-{host_id}")
    asset = members.pop("asset", None) or make.make_asset(connection.scope, name=name)
    return Repository.objects.create(
        connection=connection, scope=connection.scope, asset=asset, host_id=host_id,
        full_name=name, default_branch="main", web_url=f"https://github.com/{name}", **members,
    )  # fmt: skip


def make_pull(
    repository: Repository, fix: Any = None, number: int = 7, **members: Any
) -> PullRequest:
    """Return a pull request as a look writes it down; of a fix at its head."""
    told = {
        "title": "Parse instead of evaluating",
        "url": f"{repository.web_url}/pull/{number}",
        "head_commit": fix.head_commit if fix else "ab" * 20,
        **members,
    }
    return PullRequest.objects.create(
        repository=repository, scope=repository.scope, remediation=fix, number=number, **told
    )
