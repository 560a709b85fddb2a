"""Host keys that are pinned, and private keys read from text."""

from __future__ import annotations

import base64
import hashlib
import io

import paramiko

from hub.plugin.api import Misconfigured

KEY_TYPES: tuple[type[paramiko.PKey], ...] = (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey)
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
    """The key in `text` (OpenSSH or PEM); raises `Misconfigured` that names the reference only."""
    for kind in KEY_TYPES:
        try:
            return kind.from_private_key(io.StringIO(text.strip() + "\n"), passphrase or None)
        except paramiko.PasswordRequiredException:
            raise Misconfigured(f"the key {reference} is locked", fix="set key_passphrase") from None
        except (paramiko.SSHException, ValueError, IndexError, TypeError):
            continue
    raise Misconfigured(
        f"{reference} holds no private key that can be read",
        fix="give an ed25519, ECDSA or RSA key in OpenSSH or PEM form, and the right key_passphrase",
    )
