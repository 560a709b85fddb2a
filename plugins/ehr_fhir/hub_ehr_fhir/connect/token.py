"""Signing in: SMART Backend Services, a client secret, a fixed token, or nothing. No token is ever shown."""

from __future__ import annotations

import base64
import json
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol
from urllib.parse import quote, urlencode

import jwt
import msgspec

from hub.clock import Clock
from hub.plugin.api import HubError, Misconfigured, RetryLater
from hub.plugin.api.ports import Log, Secrets
from hub_ehr_fhir.connect import discovery, grants, keys
from hub_ehr_fhir.connect.discovery import Discovered, Way
from hub_ehr_fhir.connect.judging import page_instead
from hub_ehr_fhir.connect.patience import BUSY_FIX
from hub_ehr_fhir.connect.wire import Answer, Request
from hub_ehr_fhir.settings_server import ServerSettings

_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ASSERTED_SECONDS = 240
NO_ID_FIX = (
    "register the JWKS that `hub fhir key NAME` wrote at the server, and write the id it gives in client_id"
)
_SKEW_SECONDS = 5.0
_MARGIN_SECONDS = 60.0
_UNSTATED_SECONDS = 300.0


class SignIn(Protocol):
    """How calls are signed."""

    def authorization(self) -> str:
        """The value of the Authorization header; empty: none is sent. May ask the server for a token."""
        ...

    def refused(self, value: str) -> bool:
        """The server refused this value: whether there is another one to try."""
        ...


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A token and what was said of it; `ends` and `renew` in seconds of the epoch."""

    value: str
    ends: float
    renew: float
    scope: str = ""

    def __repr__(self) -> str:
        return "Token(...)"


class _Nothing:
    def authorization(self) -> str:
        return ""

    def refused(self, value: str) -> bool:  # noqa: ARG002 - the protocol's
        return False


class _Bearer:
    """A token that a person was given; read each time, so that a new one is taken without a restart."""

    def __init__(self, reference: str, secrets: Secrets) -> None:
        self._reference, self._secrets = reference, secrets

    def authorization(self) -> str:
        value = self._secrets.get(self._reference).strip()
        if not value.isascii() or not value.isprintable() or " " in value:
            raise Misconfigured("the secret of `token` is no token", fix="store the token alone, without Bearer")
        return f"Bearer {value}"

    def refused(self, value: str) -> bool:
        return self.authorization() != value


class Granted:
    """Tokens of a token address: kept until shortly before their end, asked for by one thread at a time."""

    def __init__(self, settings: ServerSettings, secrets: Secrets, clock: Clock, log: Log, way: Way) -> None:
        self._settings, self._secrets, self._clock, self._log, self._way = settings, secrets, clock, log, way
        self._lock = threading.Lock()
        self._token: Token | None = None
        self._scope: str | None = None
        self.by_older_key = False

    def authorization(self) -> str:
        """A token that is good for a while yet."""
        return f"Bearer {self.token().value}"

    def refused(self, value: str) -> bool:
        """Whether there is, or can be had, another one than this."""
        with self._lock:
            if self._token is not None and f"Bearer {self._token.value}" == value:
                self._token = None
        return self.authorization() != value

    def token(self) -> Token:
        """The token itself, for who tells what it allows."""
        with self._lock:
            if self._token is None or self._now() >= self._token.renew:
                self._token = self._renewed()
            return self._token

    def _renewed(self) -> Token:
        """A new one. While the old one is good, a token address that is away stops nobody."""
        try:
            return self._asked()
        except RetryLater:
            if self._token is None or self._now() >= self._token.ends:
                raise
            return msgspec.structs.replace(self._token, renew=min(self._now() + 30, self._token.ends))

    def _asked(self) -> Token:
        """The first of the ways to ask that works: keys (the new one, the one before), then scopes."""
        found = self._way.discovery()
        url = discovery.token_url(found)
        last: HubError | None = None
        for nth, proof in enumerate(self._proofs(found, url)):
            try:
                token = self._by_scopes(found, url, proof)
            except grants.UnknownClient as error:
                last = last or error
            else:
                self.by_older_key = nth > 0
                return token
        raise last or Misconfigured("there is no key to sign in with", fix="make one: hub fhir key NAME")

    def _by_scopes(self, found: Discovered, url: str, proof: _Proof) -> Token:
        offered = grants.scopes(self._settings, found)
        if self._scope is not None:  # what worked comes first; a server may take it back
            offered = (self._scope, *(one for one in offered if one != self._scope))
        for nth, scope in enumerate(offered, 1):
            try:
                token = self._by_time(url, proof, scope)
            except grants.UnknownScope:
                if nth == len(offered):
                    raise
                continue
            self._scope = scope
            return token
        raise AssertionError("there is always a scope to try")

    def _by_time(self, url: str, proof: _Proof, scope: str) -> Token:
        """Where the server's clock turns out to be another, once more with its time."""
        before = self._way.skew_seconds
        try:
            return self._exchanged(url, proof, scope)
        except grants.UnknownClient:
            if abs(self._way.skew_seconds - before) < _SKEW_SECONDS or not proof.timed:
                raise
            return self._exchanged(url, proof, scope)

    def _exchanged(self, url: str, proof: _Proof, scope: str) -> Token:
        answer = self._way.plain(lambda: _request(url, proof, scope))
        if answer.status not in (200, 201):
            raise grants.failure(answer, self._settings, scope, self._way.skew_seconds)
        return self._read(answer)

    def _read(self, answer: Answer) -> Token:
        wrong = page_instead("the token address", answer.headers, answer.body)
        if wrong is not None:
            raise Misconfigured(str(wrong), fix="check token_url: no token address answers there")
        told = _object(answer.body)
        value = told.get("access_token")
        if not isinstance(value, str) or not value or not value.isascii() or not value.isprintable():
            raise Misconfigured(
                "the token address gave no access_token", fix="check token_url; ask who runs the server"
            )
        if str(told.get("token_type", "bearer")).lower() != "bearer":
            raise Misconfigured(
                "the token is of a type that is not known (not bearer)", fix="ask who runs the server"
            )
        now, lasts = self._now(), _seconds(told.get("expires_in"))
        self._log.info("fhir.token", seconds=lasts)
        scope = told.get("scope")
        return Token(
            value=value,
            ends=now + lasts,
            renew=now + lasts - min(_MARGIN_SECONDS, lasts / 2),
            scope=scope if isinstance(scope, str) else "",
        )

    def _proofs(self, found: Discovered, url: str) -> Iterator[_Proof]:
        if self._settings.auth == "secret":
            yield _Secret(self._settings, self._secrets, found)
            return
        if not self._settings.client_id:
            raise Misconfigured("client_id is empty", fix=NO_ID_FIX)
        newest, *older = usable(keys.of(self._settings, self._secrets), found)
        for key, kid in ((newest, newest.kid), *((one, kid) for one in older for kid in self._kids(one))):
            yield _Signed(self._settings, key, kid, url, lambda: self._now() + self._way.skew_seconds)

    def _kids(self, older: keys.Key) -> tuple[str, ...]:
        """What the server may call a key before the newest: `key_id` may still be its name."""
        return (older.kid, self._settings.key_id) if self._settings.key_id else (older.kid,)

    def _now(self) -> float:
        return self._clock.now().timestamp()


class _Proof(Protocol):
    timed: bool

    def made(self) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """Fields of the form, and headers."""
        ...


class _Secret:
    """Client id and secret, in the header or in the form, as the server says (RFC 6749 2.3.1)."""

    timed = False

    def __init__(self, settings: ServerSettings, secrets: Secrets, found: Discovered) -> None:
        self._id, self._secret = settings.client_id, secrets.get(settings.client_secret).strip()
        methods = found.auth_methods
        self._in_form = "client_secret_post" in methods and "client_secret_basic" not in methods

    def made(self) -> tuple[Mapping[str, str], Mapping[str, str]]:
        if self._in_form:
            return {"client_id": self._id, "client_secret": self._secret}, {}
        both = f"{quote(self._id, safe='')}:{quote(self._secret, safe='')}"
        return {}, {"authorization": f"Basic {base64.b64encode(both.encode()).decode()}"}


class _Signed:
    """An assertion that our key signs (SMART Backend Services; RFC 7523): good for four minutes, of one use."""

    timed = True

    def __init__(
        self, settings: ServerSettings, key: keys.Key, kid: str, url: str, now: Callable[[], float]
    ) -> None:
        self._settings, self._key, self._kid, self._url, self._now = settings, key, kid, url, now

    def made(self) -> tuple[Mapping[str, str], Mapping[str, str]]:
        now = int(self._now())
        claims = {
            "iss": self._settings.client_id,
            "sub": self._settings.client_id,
            "aud": self._settings.audience or self._url,
            "jti": str(uuid.uuid4()),
            "iat": now,
            "nbf": now,
            "exp": now + _ASSERTED_SECONDS,
        }
        headers = {"kid": self._kid} | ({"jku": self._settings.jwks_url} if self._settings.jwks_url else {})
        signed = jwt.encode(claims, self._key.private, algorithm=self._key.algorithm, headers=headers)
        return {"client_assertion_type": _ASSERTION, "client_assertion": signed}, {}


def sign_in(settings: ServerSettings, *, secrets: Secrets, clock: Clock, log: Log, way: Way) -> SignIn:
    """The way of signing in that the settings choose."""
    if settings.auth == "none":
        return _Nothing()
    if settings.auth == "bearer":
        return _Bearer(settings.token, secrets)
    return Granted(settings, secrets, clock, log, way)


def _request(url: str, proof: _Proof, scope: str) -> Request:
    """One request of its own for each try, since an assertion is good once."""
    fields, headers = proof.made()
    form = {"grant_type": "client_credentials", **({"scope": scope} if scope else {}), **fields}
    kinds = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
    body = urlencode(form).encode()
    return Request(
        method="POST", url=url, what="POST of the token address", headers={**kinds, **headers}, body=body
    )


def usable(known: tuple[keys.Key, ...], found: Discovered) -> tuple[keys.Key, ...]:
    """The keys whose algorithm the server takes; `Misconfigured` where that is none."""
    fitting = tuple(key for key in known if not found.algorithms or key.algorithm in found.algorithms)
    if fitting:
        return fitting
    other = next((kind for kind in keys.KINDS if kind in found.algorithms), keys.RS384)
    raise Misconfigured(
        f"the server does not take {known[0].algorithm} keys",
        fix=f"make one that it takes: hub fhir key NAME --rotate --kind {other}, and register its JWKS",
    )


def _seconds(value: Any) -> float:
    """How long a token is good; where that is not said, or makes no sense, as long as SMART lets it be."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        return _UNSTATED_SECONDS
    return min(found, 86_400.0) if found > 0 else _UNSTATED_SECONDS


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise RetryLater("the token address gave no JSON object", fix=BUSY_FIX)
    return found
