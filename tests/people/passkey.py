"""An authenticator in software: makes passkeys and shows them as a browser would, byte for byte."""

import hashlib
import json
import secrets
import struct

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from fido2 import cbor
from fido2.cose import ES256
from fido2.utils import websafe_decode, websafe_encode

PRESENT, VERIFIED, HAS_KEY = 0x01, 0x04, 0x40


class Passkey:
    """One key for one site. ``verified``: whether it asks for a finger or PIN."""

    def __init__(self, origin="http://testserver", host="testserver", verified=True):
        self.origin, self.host = origin, host
        self.flags = PRESENT | (VERIFIED if verified else 0)
        self.id, self.key = secrets.token_bytes(16), ec.generate_private_key(ec.SECP256R1())
        self.handle, self.count = b"", 0

    def make(self, options):
        """What navigator.credentials.create() gives for these options."""
        asked = options["publicKey"]
        self.handle = websafe_decode(asked["user"]["id"])
        public = cbor.encode(ES256.from_cryptography_key(self.key.public_key()))
        held = bytes(16) + struct.pack(">H", len(self.id)) + self.id + public
        statement = {"fmt": "none", "attStmt": {}, "authData": self._data(HAS_KEY) + held}
        told = {"attestationObject": websafe_encode(cbor.encode(statement)),
                "clientDataJSON": self._client("webauthn.create", asked)}  # fmt: skip
        return self._credential(told, {"credProps": {"rk": True}})

    def show(self, options):
        """What navigator.credentials.get() gives for these options."""
        self.count += 1
        client, data = self._client("webauthn.get", options["publicKey"]), self._data()
        signed = data + hashlib.sha256(websafe_decode(client)).digest()
        told = {"authenticatorData": websafe_encode(data), "clientDataJSON": client,
                "signature": websafe_encode(self.key.sign(signed, ec.ECDSA(SHA256()))),
                "userHandle": websafe_encode(self.handle)}  # fmt: skip
        return self._credential(told, {})

    def _data(self, more=0):
        site = hashlib.sha256(self.host.encode()).digest()
        return site + bytes([self.flags | more]) + struct.pack(">I", self.count)

    def _client(self, kind, asked):
        told = {"type": kind, "challenge": asked["challenge"], "origin": self.origin}
        return websafe_encode(json.dumps(told).encode())

    def _credential(self, response, extensions):
        name = websafe_encode(self.id)
        return json.dumps({"type": "public-key", "id": name, "rawId": name, "response": response,
                           "clientExtensionResults": extensions})  # fmt: skip
