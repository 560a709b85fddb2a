"""Key pairs for signing in: made, kept in one PEM file (the newest first), and shown as a JWKS of public parts."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from hub.plugin.api import Misconfigured
from hub.plugin.api.ports import Secrets
from hub_ehr_fhir.settings_server import SignInSettings

RS384, ES384 = "RS384", "ES384"
KINDS = (RS384, ES384)
_BITS = 3072
_LEAST_BITS = 2048
_BLOCK = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.+?-----END [A-Z ]*PRIVATE KEY-----", re.DOTALL)
_FIX = "make a key with `hub fhir key NAME`, and register its public part (the JWKS) at the server"
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


class Key(msgspec.Struct, frozen=True):
    """A private key with its algorithm and `kid`; what it holds is never shown."""

    private: PrivateKey
    algorithm: str
    kid: str

    def __repr__(self) -> str:
        return f"Key({self.algorithm!r}, kid={self.kid!r})"


def made(kind: str) -> str:
    """A new private key as PEM (PKCS8)."""
    key: PrivateKey = (
        ec.generate_private_key(ec.SECP384R1()) if kind == ES384 else rsa.generate_private_key(65537, _BITS)
    )
    how = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how).decode()


def blocks(pem: str) -> tuple[str, ...]:
    """The private keys of a PEM file, each as text, in their order."""
    return tuple(_BLOCK.findall(pem))


def read(pem: str, key_id: str = "") -> tuple[Key, ...]:
    """The keys of a PEM file, the one that signs first. `key_id` is the kid that the server gave that one. Raises
    `Misconfigured`.
    """
    found = tuple(_read(block) for block in blocks(pem))
    if not found:
        raise Misconfigured("private_key holds no private key in PEM", fix=_FIX)
    return (Key(found[0].private, found[0].algorithm, key_id), *found[1:]) if key_id else found


def of(settings: SignInSettings, secrets: Secrets) -> tuple[Key, ...]:
    """The keys of a connector."""
    return read(_pem(settings, secrets), settings.key_id)


def jwks(settings: SignInSettings, secrets: Secrets) -> bytes:
    """The JSON Web Key Set (RFC 7517) to register or to serve: public parts alone; empty without a key."""
    found = of(settings, secrets) if settings.private_key else ()
    return public(found)


class Shown:
    """The JWKS of a connector, for whoever asks: made anew only where its keys are others, since reading an RSA key
    costs a tenth of a second, and anybody may ask.
    """

    def __init__(self, settings: SignInSettings, secrets: Secrets) -> None:
        self._settings, self._secrets = settings, secrets
        self._of, self._body = "", b""

    def body(self) -> bytes:
        """As `jwks`; raises `Misconfigured`."""
        if not self._settings.private_key:
            return public(())
        pem = _pem(self._settings, self._secrets)
        name = hashlib.sha256(pem.encode()).hexdigest()
        if name != self._of:
            self._body, self._of = public(read(pem, self._settings.key_id)), name
        return self._body


def public(found: tuple[Key, ...]) -> bytes:
    """A JWKS of these keys' public parts."""
    told = [
        {**_public(key.private), "kid": key.kid, "alg": key.algorithm, "use": "sig", "key_ops": ["verify"]}
        for key in found
    ]
    return json.dumps({"keys": told}, indent=2).encode() + b"\n"


def thumbprint(private: PrivateKey) -> str:
    """The key's name by its content."""
    return digest(_public(private))


def digest(members: Mapping[str, str]) -> str:
    """The thumbprint of a public key's members (RFC 7638, SHA-256, base64url)."""
    text = json.dumps(members, sort_keys=True, separators=(",", ":"))
    return _base64(hashlib.sha256(text.encode()).digest())


def _pem(settings: SignInSettings, secrets: Secrets) -> str:
    try:
        return secrets.get(settings.private_key)
    except Misconfigured as error:
        raise Misconfigured(str(error), fix=f"make a key with `hub fhir key NAME`, or {error.fix}") from None


def _read(block: str) -> Key:
    try:
        private = serialization.load_pem_private_key(block.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise Misconfigured(
            "private_key holds a key that cannot be read, or is locked by a password",
            fix="make a key with `hub fhir key NAME`, or store it as PEM without a password",
        ) from None
    if isinstance(private, rsa.RSAPrivateKey) and private.key_size >= _LEAST_BITS:
        return Key(private, RS384, thumbprint(private))
    if isinstance(private, ec.EllipticCurvePrivateKey) and isinstance(private.curve, ec.SECP384R1):
        return Key(private, ES384, thumbprint(private))
    raise Misconfigured(
        "private_key is neither RSA of 2048 bits or more nor EC P-384, as SMART asks for", fix=_FIX
    )


def _public(private: PrivateKey) -> Mapping[str, str]:
    """The members that a thumbprint is made of (RFC 7638 3.2): all that is public."""
    if isinstance(private, rsa.RSAPrivateKey):
        numbers = private.public_key().public_numbers()
        return {"kty": "RSA", "n": _number(numbers.n), "e": _number(numbers.e)}
    point = private.public_key().public_numbers()
    return {"kty": "EC", "crv": "P-384", "x": _number(point.x, 48), "y": _number(point.y, 48)}


def _number(value: int, size: int = 0) -> str:
    return _base64(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
