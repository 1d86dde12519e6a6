"""What people tell of a connection, checked: names, address, globs, keys. No rows and no network here.

No refusal repeats a key.
"""

import re
import warnings
from collections.abc import Sequence
from urllib.parse import urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from core.errors import BadInput
from core.outbound import HostError, check_address
from forges.statuses import Forge, Mode, SignIn

APIS = {Forge.GITHUB: "https://api.github.com", Forge.GITLAB: "https://gitlab.com/api/v4"}
MAX_NAME = 80
MAX_API = 200
MAX_ACCOUNT = 200
MAX_TOKEN = 1_000
MAX_PEM = 16 * 1024
MAX_GLOBS = 100
MAX_GLOB = 200
MAX_NUMBER = 40
_ACCOUNT = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._/-]*[A-Za-z0-9_-])?")
_GLOB = re.compile(r"[A-Za-z0-9._/*?\[\]!@+-]+")
_NUMBER = re.compile(r"[0-9]+")
_TOKEN = re.compile(r"[\x21-\x7e]+")


def check_name(name: str) -> str:
    """Return the name. Raises BadInput."""
    name = name.strip()
    if not 0 < len(name) <= MAX_NAME or not name.isprintable():
        raise BadInput("name", f"must have 1 to {MAX_NAME} characters that can be seen")
    return name


def check_forge(forge: str) -> Forge:
    """Return the code host. Raises BadInput."""
    if forge not in list(Forge):
        raise BadInput("forge", f"is none of: {', '.join(Forge)}")
    return Forge(forge)


def check_mode(mode: str) -> Mode:
    """Return the mode. Raises BadInput."""
    if mode not in list(Mode):
        raise BadInput("mode", f"is none of: {', '.join(Mode)}")
    return Mode(mode)


def check_api(api: str, forge: Forge) -> str:
    """Return the address of the API, that of the public host where none is told. Raises BadInput."""
    api = api.strip().rstrip("/") or APIS[forge]
    if len(api) > MAX_API:
        raise BadInput("api", f"is longer than allowed ({len(api)} > {MAX_API} characters)")
    try:
        check_address(api)
        asked = urlsplit(api).query
    except (HostError, ValueError) as error:
        raise BadInput("api", str(error)) from None
    if asked:
        raise BadInput("api", "must have no question mark")
    return api


def check_account(account: str) -> str:
    """Return the organisation, group or user. Raises BadInput."""
    account = account.strip().strip("/")
    if len(account) > MAX_ACCOUNT or not _ACCOUNT.fullmatch(account) or "//" in account:
        raise BadInput(
            "account",
            f"must be the login of an organisation, group or user: 1 to {MAX_ACCOUNT} letters, digits, . _ - /",
        )
    return account


def check_globs(globs: Sequence[str], where: str) -> list[str]:
    """Return globs without doubles, in their order. Raises BadInput that names the one."""
    kept = list(dict.fromkeys(glob.strip() for glob in globs))
    if len(kept) > MAX_GLOBS:
        raise BadInput(where, f"more than allowed ({len(kept)} > {MAX_GLOBS})")
    for index, glob in enumerate(kept):
        if len(glob) > MAX_GLOB or not _GLOB.fullmatch(glob):
            raise BadInput(
                f"{where}/{index}",
                f"must be a glob of 1 to {MAX_GLOB} letters, digits, * ? [ ] ! . _ / + @ -",
            )
    return kept


def check_include(globs: Sequence[str]) -> list[str]:
    """Return the globs of full names that are looked at; at least one. Raises BadInput."""
    kept = check_globs(globs, "include")
    if not kept:
        raise BadInput("include", "must name at least one glob; * is all repositories")
    return kept


def check_sign_in(
    forge: Forge, sign_in: str, app_id: str, installation: str
) -> tuple[SignIn, str, str]:
    """Return how the connection signs in, with the two numbers of a GitHub App. Raises BadInput."""
    if sign_in not in list(SignIn):
        raise BadInput("sign_in", f"is none of: {', '.join(SignIn)}")
    numbers = {"app_id": app_id.strip(), "installation": installation.strip()}
    if sign_in == SignIn.TOKEN:
        for where, number in numbers.items():
            if number:
                raise BadInput(where, "belongs to a GitHub App, not to a token")
        return SignIn.TOKEN, "", ""
    if forge != Forge.GITHUB:
        raise BadInput("sign_in", "is for GitHub only; give a token")
    for where, number in numbers.items():
        if len(number) > MAX_NUMBER or not _NUMBER.fullmatch(number):
            raise BadInput(where, f"must be the number that GitHub shows, 1 to {MAX_NUMBER} digits")
    return SignIn.APP, numbers["app_id"], numbers["installation"]


def check_key(sign_in: SignIn, key: str) -> str:
    """Return the token or private key, as it is sealed. Raises BadInput that never repeats it."""
    key = key.replace("\r\n", "\n").strip()
    if sign_in == SignIn.TOKEN:
        if len(key) > MAX_TOKEN or not _TOKEN.fullmatch(key):
            raise BadInput("key", f"must be a token: 1 to {MAX_TOKEN} characters without spaces")
        return key
    if len(key) > MAX_PEM or not _is_private_key(key):
        raise BadInput("key", "must be the App's RSA private key in PEM, without a password")
    return key + "\n"


def _is_private_key(pem: str) -> bool:
    try:
        with warnings.catch_warnings():  # of the library, on keys that are odd
            warnings.simplefilter("ignore")
            return isinstance(load_pem_private_key(pem.encode(), None), RSAPrivateKey)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return False
