"""What settings.py asks of the environment: each refusal names the variable and what is expected, never the value.

A value can hold a password, so no message repeats one. No Django settings here: this is read before them.
"""

import difflib
import os
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import dj_database_url
from django.core.exceptions import ImproperlyConfigured
from environs import Env, validate

from core.permissions import SERVICE_ROLES, Role

env = Env()
BROKERS = ("embedded", "redis", "rediss", "amqp", "amqps")
POSITIVE = validate.Range(min=1, error="a whole number of at least 1 is expected.")
NOT_NEGATIVE = validate.Range(min=0, error="a whole number of at least 0 is expected.")
PUBLIC_ADDRESS = validate.Regexp(
    r"(https?://[A-Za-z0-9.:\[\]/_-]+)?\Z",
    error="an address as https://ctem.example.org is expected.",
)
FEED_ADDRESS = validate.Regexp(
    r"(https://[A-Za-z0-9.:\[\]-]+/\S{0,1000})?\Z",
    error="an address as https://www.cisa.gov/feeds/list.json is expected.",
)
ISSUER = validate.Regexp(
    r"(https://[A-Za-z0-9.:\[\]/_-]+|http://(localhost|127\.0\.0\.1)(:[0-9]{1,5})?[A-Za-z0-9./_-]*)?\Z",
    error="an address as https://login.example.org/realms/main is expected.",
)
RATE = validate.Regexp(
    r"[0-9]+/(s|sec|m|min|h|hour|d|day)\Z", error="a rate as 60/min is expected."
)
TOKEN = validate.Regexp(
    r"(\S{32,})?\Z", error="at least 32 characters without a space are expected, as from: openssl rand -hex 32"
)  # fmt: skip
# Read by others than settings.py: gunicorn.conf.py, tests, clients on the same machine.
NOT_OURS = ("CTEM_WEB_", "CTEM_TEST_", "CTEM_TOKEN")
NEEDED = {  # in production, with what is expected
    "DATABASE_URL": "postgres://USER:PASSWORD@HOST/NAME",
    "CTEM_BROKER_URL": "redis://HOST:6379/0 or amqp://USER:PASSWORD@HOST/",
    "CTEM_SECRET_KEY": "at least 50 random characters, the same for every process: openssl rand -base64 48",
    "CTEM_ALLOWED_HOSTS": "the names that this server is reached by, comma-separated: ctem.example.org",
    "CTEM_PUBLIC_URL": "where people and code hosts find it: https://ctem.example.org",
}
SHORTEST_SECRET = 50
SLUG = re.compile(r"[A-Za-z0-9_-]{1,60}")
BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]")
PREFIX = re.compile(r"([A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*)?")
OF_BUCKETS = {  # what may follow the question mark: its form, an example, its name for the storage
    "endpoint": (
        re.compile(r"https?://[A-Za-z0-9._-]+(:[0-9]{1,5})?(/[A-Za-z0-9._-]+)*/?"),
        "https://minio.internal:9000",
        "endpoint_url",
    ),
    "region": (re.compile(r"[a-z0-9-]+"), "eu-central-1", "region_name"),
    "addressing": (re.compile(r"auto|path|virtual"), "auto, path or virtual", "addressing_style"),
}
KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


def database(url: str, *, name: str = "DATABASE_URL") -> dict[str, Any]:
    """Return Django's settings of the database at ``url``. Raises ImproperlyConfigured."""
    expected = f"{name}: {NEEDED['DATABASE_URL']} or sqlite:////absolute/file is expected"
    try:
        found: dict[str, Any] = dict(
            dj_database_url.parse(url, conn_max_age=0, conn_health_checks=True)
        )
    except ValueError as error:
        raise ImproperlyConfigured(expected) from error
    if found["ENGINE"] not in ("django.db.backends.postgresql", "django.db.backends.sqlite3"):
        raise ImproperlyConfigured(f"{expected}; other databases do not hold what we promise")
    if not found["NAME"]:
        raise ImproperlyConfigured(f"{expected}; it names no database")
    return found


def broker(url: str, *, name: str = "CTEM_BROKER_URL") -> str:
    """Return ``url`` if we know its kind of broker. Raises ImproperlyConfigured."""
    if urlsplit(url).scheme not in BROKERS:
        raise ImproperlyConfigured(f"{name}: {NEEDED[name]} is expected")
    return url


def cache(url: str, *, name: str = "CTEM_CACHE_URL") -> dict[str, Any]:
    """Return what Django's CACHES says: of the Redis at ``url``, or of none (""). Raises ImproperlyConfigured."""
    if not url:  # the memory of each process
        backend = "django.core.cache.backends.locmem.LocMemCache"
        return {"BACKEND": backend, "OPTIONS": {"MAX_ENTRIES": 100_000}}
    if urlsplit(url).scheme not in ("redis", "rediss"):
        raise ImproperlyConfigured(f"{name}: redis://HOST:6379/1 is expected")
    return {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": url,
        "KEY_PREFIX": "ctem",
        "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 1},
    }


def roles(told: Iterable[str], *, name: str = "CTEM_SSO_ROLES") -> dict[str, list[tuple[str, str]]]:
    """Return group → (scope's short name, role) of ``group=scope:role``. Raises ImproperlyConfigured."""
    found: dict[str, list[tuple[str, str]]] = {}
    people = [role.value for role in Role if role not in SERVICE_ROLES]
    for entry in told:
        group, _, meaning = entry.strip().rpartition("=")
        slug, _, role = meaning.partition(":")
        if not group or not SLUG.fullmatch(slug) or role not in people:
            raise ImproperlyConfigured(
                f"{name}: GROUP=SCOPE:ROLE is expected, comma-separated, a role of {', '.join(people)}"
            )
        found.setdefault(group, []).append((slug, role))
    return found


def single_sign_on(issuer: str, called: str) -> dict[str, Any]:
    """Return what django-allauth has to know of the issuer; of none where there is none ("")."""
    client, secret = env.str("CTEM_SSO_CLIENT_ID", ""), env.str("CTEM_SSO_CLIENT_SECRET", "")
    if not issuer:
        return {"APPS": []}
    if not client or not secret:
        raise ImproperlyConfigured(
            "CTEM_SSO_CLIENT_ID and CTEM_SSO_CLIENT_SECRET: both are expected beside CTEM_SSO_ISSUER"
        )
    app = {
        "provider_id": "sso",
        "name": called,
        "client_id": client,
        "secret": secret,
        "settings": {"server_url": issuer, "oauth_pkce_enabled": True},
    }
    return {"APPS": [app], "OAUTH_PKCE_ENABLED": True}


def blobs(
    url: str, environ: Mapping[str, str] = os.environ, *, name: str = "CTEM_BLOBS"
) -> dict[str, Any]:
    """Return what Django's STORAGES says of raw files: of a folder ("") or of the bucket at ``url``.

    Raises ImproperlyConfigured. Keys are not taken from the address: addresses are shown and logged.
    """
    if not url:
        return {"BACKEND": "core.blob_folder.BlobFolder"}
    expected = f"{name}: s3://BUCKET/PREFIX?endpoint=https://HOST&region=REGION is expected"
    try:
        parts = urlsplit(url)
        told = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:
        raise ImproperlyConfigured(expected) from None  # it would repeat the value
    if parts.scheme != "s3" or parts.fragment or not BUCKET.fullmatch(parts.netloc):
        raise ImproperlyConfigured(f"{expected}, and keys in {' and '.join(KEYS)} alone")
    if not PREFIX.fullmatch(prefix := parts.path.strip("/")):
        raise ImproperlyConfigured(f"{expected}; the prefix has letters, digits and ._-/ alone")
    options = {"bucket_name": parts.netloc, "location": prefix, **_of_bucket(told, expected)}
    if bool(environ.get(KEYS[0])) != bool(environ.get(KEYS[1])):
        raise ImproperlyConfigured(f"{' and '.join(KEYS)}: both are expected, or neither")
    return {"BACKEND": "core.blob_bucket.BlobBucket", "OPTIONS": options}


def _of_bucket(told: list[tuple[str, str]], expected: str) -> dict[str, str]:
    """The storage's options that an address tells behind its question mark."""
    options = {}
    for word, value in told:
        if word not in OF_BUCKETS or OF_BUCKETS[word][2] in options:
            raise ImproperlyConfigured(f"{expected}; {', '.join(OF_BUCKETS)} may follow, each once")
        form, example, option = OF_BUCKETS[word]
        if not form.fullmatch(value):
            raise ImproperlyConfigured(f"{expected}; {word} looks as {example}")
        options[option] = value
    if "endpoint_url" in options:  # few servers but Amazon's have a name for each bucket
        options.setdefault("addressing_style", "path")
    return options


def check_production(settings: Mapping[str, Any], environ: Mapping[str, str] = os.environ) -> None:
    """Raise ImproperlyConfigured with everything that keeps ``settings`` from being production."""
    problems = [
        f"{name} is not set: {expected}" for name, expected in NEEDED.items() if not environ.get(name)
    ]  # fmt: skip
    problems += _not_for_production(settings, environ)
    problems += _unknown(environ, known=env.dump())
    if problems:
        raise ImproperlyConfigured(
            "CTEM_PRODUCTION is on, and the environment is not fit for it:\n  "
            + "\n  ".join(problems)
        )


def _not_for_production(settings: Mapping[str, Any], environ: Mapping[str, str]) -> Iterable[str]:
    """What is set, and only good for trying out."""
    if settings["DEBUG"]:
        yield "CTEM_DEBUG is on: it shows settings and code to anybody; leave it out"
    if environ.get("DATABASE_URL") and settings["DATABASES"]["default"]["ENGINE"].endswith(
        "sqlite3"
    ):
        yield f"DATABASE_URL is SQLite, one machine's: {NEEDED['DATABASE_URL']}"
    if environ.get("CTEM_BROKER_URL") and settings["BROKER_URL"].startswith("embedded"):
        yield f"CTEM_BROKER_URL is the embedded queue, one machine's: {NEEDED['CTEM_BROKER_URL']}"
    if 0 < len(environ.get("CTEM_SECRET_KEY", "")) < SHORTEST_SECRET:
        yield f"CTEM_SECRET_KEY is too short: {NEEDED['CTEM_SECRET_KEY']}"
    if "*" in settings["ALLOWED_HOSTS"]:
        yield f"CTEM_ALLOWED_HOSTS allows any name: {NEEDED['CTEM_ALLOWED_HOSTS']}"
    if not settings["HTTPS"]:
        yield "CTEM_HTTPS is off: true is expected, people reach this server by https alone"


def _unknown(environ: Mapping[str, str], known: Iterable[str]) -> Iterable[str]:
    """Names that look like ours and are read by nobody: most are misspelt."""
    ours = set(known)
    for name in sorted(environ):
        if name.startswith("CTEM_") and name not in ours and not name.startswith(NOT_OURS):
            near = difflib.get_close_matches(name, ours, n=1)
            yield f"{name} is no setting" + (f"; did you mean {near[0]}?" if near else "")
