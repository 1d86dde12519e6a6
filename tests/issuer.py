"""An issuer of identity tokens for tests: a real server with discovery and keys, and claims as hosts write them."""

import contextlib
import json
import time
from collections.abc import Iterator

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.loopback import Loopback, serving

SHA = "c0" * 20
_RSA = [rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2)]
_EC = ec.generate_private_key(ec.SECP256R1())


class Issuer:
    """Signs for one loopback server. ``path``: a GitHub server has its issuer below /_services/token."""

    def __init__(self, server: Loopback, path: str) -> None:
        self.server, self.path, self.url = server, path, server.url + path
        self.keys = {"one": ("RS256", _RSA[0]), "ec": ("ES256", _EC)}
        about = {"issuer": self.url, "jwks_uri": f"{server.url}/keys"}
        self.publish(about)

    def publish(self, about: dict | None = None) -> None:
        """Answer the keys as they are now."""
        if about:
            answer = 200, {}, json.dumps(about).encode()
            self.server.answers[f"{self.path}/.well-known/openid-configuration"] = answer
        keys = [jwk(kid, algorithm, key) for kid, (algorithm, key) in self.keys.items()]
        self.server.answers["/keys"] = 200, {}, json.dumps({"keys": keys}).encode()

    def rotate(self) -> None:
        """Sign with another key from now on; it is published at once."""
        self.keys = {"two": ("RS256", _RSA[1])}
        self.publish()

    @property
    def fetches(self) -> int:
        """How often the keys were fetched."""
        return sum(request.path == "/keys" for request in self.server.requests)

    def token(self, kid: str | None = None, **claims: object) -> str:
        """A token of a run on GitHub; ``claims`` replace or (None) leave out."""
        kid = kid or next(iter(self.keys))
        algorithm, key = self.keys[kid]
        payload = json.dumps(self.claims(**claims)).encode()  # whatever the claims are
        return jwt.PyJWS().encode(payload, key, algorithm=algorithm, headers={"kid": kid})

    def claims(self, **claims: object) -> dict[str, object]:
        now = int(time.time())
        said = {
            "iss": self.url, "aud": "ctem", "sub": "repo:acme/shop:ref:refs/heads/main",
            "iat": now, "nbf": now - 5, "exp": now + 300,
            "repository": "acme/shop", "repository_id": "4242", "repository_owner_id": "77",
            "job_workflow_ref": "acme/shop/.github/workflows/ci.yml@refs/heads/main",
            "workflow": "CI", "ref": "refs/heads/main", "sha": SHA, "run_id": "901",
            "run_attempt": "1", "event_name": "push", "runner_environment": "github-hosted",
            "actor": "ada", **claims,
        }  # fmt: skip
        return {name: value for name, value in said.items() if value is not None}

    def gitlab_token(self, **claims: object) -> str:
        """A token of a job on GitLab."""
        names = ("repository", "repository_id", "repository_owner_id", "job_workflow_ref", "workflow",
                 "run_id", "run_attempt", "event_name", "actor")  # fmt: skip
        ours = {
            **dict.fromkeys(names), "project_path": "acme/shop", "project_id": "51", "ref": "main",
            "ref_type": "branch", "ref_path": "refs/heads/main",
            "ci_config_ref_uri": "gitlab.com/acme/shop//.gitlab-ci.yml@refs/heads/main",
            "pipeline_id": "7001", "job_id": "9001", "pipeline_source": "push",
            "runner_environment": "gitlab-hosted", "sub": "project_path:acme/shop:ref:main", **claims,
        }  # fmt: skip
        return self.token(**ours)


def jwk(kid: str, algorithm: str, key: object) -> dict:
    """The public half, as issuers publish it."""
    told = jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key(), as_dict=True)
    return {**told, "kid": kid, "alg": algorithm, "use": "sig"}


@contextlib.contextmanager
def issuing(settings, path: str = "/_services/token") -> Iterator[Issuer]:
    """Run an issuer that the settings allow."""
    with serving() as server:
        issuer = Issuer(server, path)
        settings.OUTBOUND_PLAIN_HOSTS = [server.host]
        settings.OIDC_ISSUERS = [issuer.url]
        yield issuer
