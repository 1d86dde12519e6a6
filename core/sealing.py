"""Secrets at rest: tokens, private keys and webhook secrets of connections are kept sealed.

AES-256-GCM under a key derived from the server's own secret, so that a copy of the database alone
opens nothing. No secret, sealed or open, belongs into a log, an event or an error.
"""

import base64
import binascii
import secrets
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

VERSION = "s1:"  # of the written form; another cipher or derivation gets another
NONCE_BYTES = 12
KEY_BYTES = 32


def seal(text: str, *, context: str) -> str:
    """Return ``text`` sealed, in ASCII; each time differently.

    ``context`` names the row and column, as in "forges.connection:12:token": it opens there only.
    """
    nonce = secrets.token_bytes(NONCE_BYTES)
    sealed = AESGCM(_key(settings.SECRET_KEY)).encrypt(nonce, text.encode(), context.encode())
    return VERSION + base64.urlsafe_b64encode(nonce + sealed).decode()


def unseal(sealed: str, *, context: str) -> str:
    """Return what was sealed in this context, with the server's secret or one of those before it.

    Raises ValueError with a sentence where it does not open.
    """
    data = _unpacked(sealed)
    for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        try:
            opened = AESGCM(_key(secret)).decrypt(
                data[:NONCE_BYTES], data[NONCE_BYTES:], context.encode()
            )
        except InvalidTag:
            continue
        return opened.decode()
    raise ValueError(
        "A kept secret does not open: the server's secret key was changed, or the row was."
    )


def _unpacked(sealed: str) -> bytes:
    try:
        if not sealed.startswith(VERSION):
            raise ValueError
        data = base64.b64decode(sealed.removeprefix(VERSION), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise ValueError("A kept secret is not in a form that this release can open.") from None
    if len(data) < NONCE_BYTES + 16:  # the tag of GCM
        raise ValueError("A kept secret is not complete.")
    return data


@lru_cache(maxsize=8)
def _key(secret: str) -> bytes:
    """Derive the key; the server's secret itself has other uses."""
    derive = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=b"ctem sealing 1")
    return derive.derive(secret.encode())
