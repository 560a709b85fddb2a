"""Who may send: addresses, tokens, logins and signatures, compared in constant time."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
from collections.abc import Sequence

from hub.plugin.api import Misconfigured, WebRequest
from hub.plugin.api.ports import Secrets
from hub_ehr_fhir.push.outcomes import Refusal
from hub_ehr_fhir.settings_push import WAYS, PushSettings

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Net = ipaddress.IPv4Network | ipaddress.IPv6Network
BEARS = "authorization"
NOBODY = "this sender did not show what it must"


class Guard:
    """Asks each request for what the settings want to see."""

    def __init__(self, settings: PushSettings, secrets: Secrets) -> None:
        self._settings, self._secrets = settings, secrets
        self._allow = [ipaddress.ip_network(one, strict=False) for one in settings.allow]
        self._proxies = [ipaddress.ip_network(one, strict=False) for one in settings.proxies]

    def sender(self, request: WebRequest) -> str:
        """The address of whoever sent it, where it may and signed in; raises `Refusal` (403, 401)."""
        peer = self._peer(request)
        if self._allow and not _within(peer, self._allow):
            raise Refusal(403, "forbidden", "this address may not send here")
        if not (self._signed_in(request) and self._signed(request)):
            raise Refusal(401, "login", NOBODY, {"www-authenticate": self._challenge()})
        return str(peer or "")

    def missing(self) -> list[str]:
        """What of the secrets cannot be read, in words without them."""
        found = []
        for name in WAYS:
            if reference := getattr(self._settings, name):
                try:
                    self._secrets.get(reference)
                except Misconfigured as error:
                    found.append(f"{name}: {error}")
        return found

    def _signed_in(self, request: WebRequest) -> bool:
        """By its token or its login; where only signatures are asked for, nobody signs in."""
        settings = self._settings
        ways = []
        if settings.token:
            shown = request.headers.get(settings.token_header, "")
            if settings.token_header == BEARS:
                shown = _behind("bearer", shown)
            ways.append(_same(shown.encode(), self._secrets.get(settings.token).encode()))
        if settings.basic:
            shown_login = _decoded(_behind("basic", request.headers.get(BEARS, "")))
            ways.append(_same(shown_login, self._secrets.get(settings.basic).encode()))
        return any(ways) or not ways

    def _signed(self, request: WebRequest) -> bool:
        if not self._settings.hmac_secret:
            return True
        shown = request.headers.get(self._settings.hmac_header.lower(), "").strip()
        shown = shown[len("sha256=") :] if shown.lower().startswith("sha256=") else shown
        secret = self._secrets.get(self._settings.hmac_secret).encode()
        digest = hmac.new(secret, request.body, hashlib.sha256).digest()
        is_hex = len(shown) == 2 * len(digest)
        return _same(
            shown.lower().encode() if is_hex else shown.encode(),
            digest.hex().encode() if is_hex else base64.b64encode(digest),
        )

    def _challenge(self) -> str:
        token = self._settings.token and self._settings.token_header == BEARS
        return "Bearer" if token or not self._settings.basic else 'Basic realm="hub", charset="UTF-8"'

    def _peer(self, request: WebRequest) -> Address | None:
        """Who connected; behind proxies of ours, the last whom they name and who is none of them."""
        peer = _address(request.peer)
        if not self._proxies:
            return peer
        named = request.headers.get("x-forwarded-for", "").split(",")
        while named and _within(peer, self._proxies):
            said = named.pop().strip()
            if not said:
                break
            peer = _address(said)
        return peer


def _address(text: str) -> Address | None:
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(found, "ipv4_mapped", None)
    return mapped or found


def _within(peer: Address | None, networks: Sequence[Net]) -> bool:
    return peer is not None and any(peer.version == one.version and peer in one for one in networks)


def _behind(scheme: str, header: str) -> str:
    said, _, rest = header.partition(" ")
    return rest.strip() if said.lower() == scheme else ""


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _same(shown: bytes, known: bytes) -> bool:
    return hmac.compare_digest(shown, known)
