"""An EHR that lets only those in whom it knows: SMART Backend Services as it is specified, with its moods."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any
from urllib.parse import parse_qs, unquote

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hub_ehr_fhir.connect import keys

from connectlab.serving import House, Reply, Seen

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SECRET = "canary-secret"
CAPABILITY: Mapping[str, Any] = {
    "resourceType": "CapabilityStatement",
    "fhirVersion": "4.0.1",
    "rest": [{"mode": "server", "resource": [{"type": "Patient"}, {"type": "Encounter"}]}],
}


class Ehr:
    """Gives tokens to who proves to be `client`, by a key of `jwks` or by `SECRET`, and answers who has one.

    `smart` is its smart-configuration (None: it has none), `metadata` its CapabilityStatement, `refusals` what the
    token address says first, one at a time, `moods` what an answer to a path is made of instead.
    """

    def __init__(self, jwks: bytes = b'{"keys":[]}', *, client: str = "hub-1") -> None:
        self.jwks, self.client = jwks, client
        self.smart: dict[str, Any] | None = {}
        self.metadata: dict[str, Any] = dict(CAPABILITY)
        self.refusals: list[Reply] = []
        self.moods: dict[str, Callable[[Seen], Reply]] = {}
        self.scopes_known: set[str] | None = None
        self.expires_in: Any = 300
        self.used: set[str] = set()
        self.good: set[str] = set()
        self.forms: list[dict[str, str]] = []
        self.claims: list[dict[str, Any]] = []
        self.given = 0
        self.house: House
        self._lock = threading.Lock()

    def at(self, house: House) -> str:
        """Where it stands from now on."""
        self.house = house
        return house.url

    @property
    def token_url(self) -> str:
        """The token address."""
        return self.house.url.removesuffix("/r4") + "/oauth/token"

    def __call__(self, seen: Seen) -> Reply:
        path = seen.path.partition("?")[0]
        if path in self.moods:
            return self.moods[path](seen)
        if path == "/oauth/token":
            return self._token(seen)
        if path == "/r4/.well-known/smart-configuration":
            told = None if self.smart is None else {"token_endpoint": self.token_url, **self.smart}
            return Reply(status=404) if told is None else document(told)
        if path == "/r4/metadata":
            return document(self.metadata)
        if seen.headers.get("authorization", "").removeprefix("Bearer ") not in self.good:
            return Reply(status=401, body=b'{"resourceType":"OperationOutcome","issue":[{"code":"login"}]}')
        return Reply()

    def _token(self, seen: Seen) -> Reply:
        with self._lock:
            form = {name: values[0] for name, values in parse_qs(seen.body.decode()).items()}
            self.forms.append(form)
            if self.refusals:
                return self.refusals.pop(0)
            if form.get("grant_type") != "client_credentials":
                return refusal("unsupported_grant_type")
            if not self._known(form, seen):
                return refusal("invalid_client", 401)
            if self.scopes_known is not None and not set(form.get("scope", "").split()) <= self.scopes_known:
                return refusal("invalid_scope")
            self.given += 1
            value = f"canary-token-{self.given}"
            self.good.add(value)
            told = {"access_token": value, "token_type": "bearer", "scope": form.get("scope", "")}
            return document(told | ({} if self.expires_in is None else {"expires_in": self.expires_in}))

    def _known(self, form: Mapping[str, str], seen: Seen) -> bool:
        if form.get("client_assertion_type") == ASSERTION:
            return self._signed(form["client_assertion"])
        login = seen.headers.get("authorization", "")
        if login.startswith("Basic "):
            user, _, secret = base64.b64decode(login.removeprefix("Basic ")).decode().partition(":")
            return (unquote(user), unquote(secret)) == (self.client, SECRET)
        return (form.get("client_id"), form.get("client_secret")) == (self.client, SECRET)

    def _signed(self, assertion: str) -> bool:
        """RFC 7523 and SMART: a key of ours, for this address, used once, not longer than five minutes."""
        head = jwt.get_unverified_header(assertion)
        found = [one for one in json.loads(self.jwks)["keys"] if one["kid"] == head["kid"]]
        if not found or head["typ"] != "JWT":
            return False
        try:
            told = jwt.decode(
                assertion, jwt.PyJWK(found[0]).key, algorithms=["RS384", "ES384"], audience=self.token_url,
                options={"verify_exp": False, "verify_iat": False, "verify_nbf": False},
            )  # fmt: skip
        except jwt.InvalidTokenError:
            return False
        now = (self.house.clock.now() + self.house.skew).timestamp()
        timely = told["iat"] <= now + 5 and now < told["exp"] <= now + 300
        fresh = told["jti"] not in self.used
        self.used.add(told["jti"])
        self.claims.append({**told, **head})
        return timely and fresh and told["iss"] == told["sub"] == self.client


def document(told: Mapping[str, Any]) -> Reply:
    """JSON, as it is published."""
    return Reply(body=json.dumps(told).encode(), headers={"content-type": "application/json"})


def refusal(code: str, status: int = 400) -> Reply:
    """A token address says no (RFC 6749 5.2), in words that must not be repeated."""
    return Reply(status=status, body=json.dumps({"error": code, "error_description": "canary words"}).encode())


@cache
def pem(kind: str, nth: int = 0) -> str:
    """A key for the whole run, as short as is taken: making one takes a while."""
    private: keys.PrivateKey = ec.generate_private_key(ec.SECP384R1())
    if kind == keys.RS384:
        private = rsa.generate_private_key(65537, 2048)
    form, how = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return private.private_bytes(serialization.Encoding.PEM, form, how).decode()
