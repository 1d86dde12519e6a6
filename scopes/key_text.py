"""The text of an API key, and the digest under which it is kept. No rows."""

import hashlib
import secrets
import string
import zlib

PREFIX = "ctem_"
SHOWN = 12  # characters of a key that are kept to recognise it
_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_RANDOM = 43  # characters: 256 bits
_CHECK = 6  # characters of the CRC-32


def new_key() -> str:
    """Return a fresh key: ``ctem_``, 43 random letters and digits, and six of their CRC-32.

    Scanners of secrets know it by ``ctem_[0-9A-Za-z]{49}`` and, by the sum, without a false alarm.
    """
    body = "".join(secrets.choice(_DIGITS) for _ in range(_RANDOM))
    return f"{PREFIX}{body}{check_of(body)}"


def check_of(body: str) -> str:
    """Return the CRC-32 of a key's random part, six digits to the base 62 (0-9A-Za-z)."""
    rest, digits = zlib.crc32(body.encode()), ""
    for _ in range(_CHECK):
        rest, digit = divmod(rest, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits


def digest_of(key: str) -> str:
    """Return the SHA-256 (hex) under which a key is kept. Keys carry 256 random bits: no salt needed."""
    return hashlib.sha256(key.encode()).hexdigest()
