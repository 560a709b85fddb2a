"""Host keys that are pinned, and private keys read from text."""

from __future__ import annotations

import base64
import hashlib
import io

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from hub.plugin.api import Misconfigured

HOST_KEY_ALGORITHMS = {"ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256")}


def fingerprint(blob: bytes) -> str:
    """`SHA256:...` of a public key's wire form, as OpenSSH prints it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def md5_fingerprint(blob: bytes) -> str:
    """The old form, only to be compared by eye where a portal shows nothing else."""
    return "MD5:" + hashlib.md5(blob, usedforsecurity=False).digest().hex(":")


def pinned_fingerprint(pin: str) -> str:
    """The fingerprint of a pin, which may be a whole public key."""
    if pin.startswith("SHA256:"):
        return pin.rstrip("=")
    return fingerprint(base64.b64decode(pin.split()[1]))


def algorithms(pins: tuple[str, ...]) -> tuple[str, ...]:
    """Host key algorithms to ask for, known only where every pin is a whole key; else empty: the usual order.

    A server with several keys shows the one we prefer, so the pinned type must be preferred.
    """
    if not pins or any(pin.startswith("SHA256:") for pin in pins):
        return ()
    kinds = [pin.split()[0] for pin in pins]
    return tuple(name for kind in kinds for name in HOST_KEY_ALGORITHMS.get(kind, (kind,)))


def check_host_key(key: paramiko.PKey, pins: tuple[str, ...], place: str) -> None:
    """Raises `Misconfigured` with both fingerprints unless `key` is pinned; nothing is accepted by itself."""
    shown = fingerprint(key.asbytes())
    said = f"{key.get_name()} {shown} ({md5_fingerprint(key.asbytes())})"
    known = [pinned_fingerprint(pin) for pin in pins]
    if not known:
        raise Misconfigured(
            f"no host key is pinned for {place}; the server shows {said}",
            fix=f'compare it with what the partner publishes, then set host_keys = ["{shown}"]',
        )
    if shown not in known:
        raise Misconfigured(
            f"{place} shows another host key than the pinned one: it shows {said}, pinned is {', '.join(known)}",
            fix="nothing was sent. Ask the partner by telephone or portal whether the key changed; "
            f'only if they name this one, set host_keys = ["{shown}"]',
        )


def private_key(text: str, passphrase: str, reference: str) -> paramiko.PKey:
    """The key in `text` (OpenSSH, PKCS #1, SEC 1 or PKCS #8); raises `Misconfigured` that names the reference only.

    Read by cryptography: paramiko takes some ECDSA keys for broken and knows no ed25519 key in PKCS #8.
    """
    given, words = text.strip().encode() + b"\n", passphrase.encode() or None
    try:
        key = _for_paramiko(_read(given, words))
    except TypeError:
        raise Misconfigured(f"the key {reference} is locked", fix="set key_passphrase") from None
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if key is None:
        raise Misconfigured(
            f"{reference} holds no private key that can be read",
            fix="give an ed25519, ECDSA or RSA key in OpenSSH or PEM form, and the right key_passphrase",
        )
    return key


def _read(given: bytes, words: bytes | None) -> object:
    """A passphrase that is not needed is no fault of the key's."""
    read = serialization.load_ssh_private_key if b"BEGIN OPENSSH" in given else serialization.load_pem_private_key
    try:
        return read(given, words)
    except TypeError:
        if words is None:
            raise
        return read(given, None)


def _for_paramiko(key: object) -> paramiko.PKey | None:
    if isinstance(key, rsa.RSAPrivateKey):
        return paramiko.RSAKey(key=key)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return paramiko.ECDSAKey(vals=(key, key.public_key()))
    if isinstance(key, ed25519.Ed25519PrivateKey):
        form, plain = serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
        text = key.private_bytes(serialization.Encoding.PEM, form, plain).decode()
        return paramiko.Ed25519Key.from_private_key(io.StringIO(text))
    return None
