"""How to sign in at a server: from its `.well-known/smart-configuration`, else its metadata, else the settings."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from hub.plugin.api import Misconfigured
from hub_ehr_fhir.connect import addresses
from hub_ehr_fhir.connect.wire import Answer, Request, Unreached
from hub_ehr_fhir.settings_server import ServerSettings

_OAUTH = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
_OAUTHS = (_OAUTH, "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris/")
UNSAID_FIX = (
    "check `url` first: it must end where the FHIR interface begins, often with /r4 or /R4 (capitals count), and "
    "name no type; if it is right, ask who runs the server for its token address (token endpoint), and write it "
    "in token_url"
)


class Way(Protocol):
    """What signing in needs of the client: calls without a token."""

    base: str
    skew_seconds: float

    def plain(self, make: Callable[[], Request]) -> Answer: ...
    def discovery(self) -> Discovered: ...


class Discovered(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of signing in; empty lists mean that the server does not say. `source`: where the token address
    is from (`settings`, `smart-configuration`, `metadata`, or empty: there is none); `told`: what was found where.
    """

    token_url: str = ""
    source: str = ""
    scopes: tuple[str, ...] = ()
    auth_methods: tuple[str, ...] = ()
    algorithms: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    told: tuple[str, ...] = ()


def discovered(settings: ServerSettings, way: Way) -> Discovered:
    """Ask the server; what the settings say comes first. An answer that helps nobody is told, not raised."""
    smart, told = _smart(way)
    token_url, source = settings.token_url, "settings" if settings.token_url else ""
    if not token_url and smart.get("token_endpoint"):
        token_url, source = (
            addresses.redirected(way.base, way.base, str(smart["token_endpoint"])),
            "smart-configuration",
        )
    if not token_url and settings.auth in {"smart", "secret"}:
        token_url, also = _oauth_uris(way)
        source = "metadata" if token_url else ""
        told += also
    return Discovered(
        token_url=token_url,
        source=source,
        scopes=_texts(smart.get("scopes_supported")),
        auth_methods=_texts(smart.get("token_endpoint_auth_methods_supported")),
        algorithms=_texts(smart.get("token_endpoint_auth_signing_alg_values_supported")),
        capabilities=_texts(smart.get("capabilities")),
        told=told,
    )


def token_url(found: Discovered) -> str:
    """The token address, or `Misconfigured` with what was tried."""
    if not found.token_url:
        tried = "; ".join(found.told)
        raise Misconfigured(f"the server does not say where tokens are given ({tried})", fix=UNSAID_FIX)
    return found.token_url


def _smart(way: Way) -> tuple[dict[str, Any], tuple[str, ...]]:
    name = ".well-known/smart-configuration"
    found, why = _document(way, name, "application/json")
    return found, (why,)


def _oauth_uris(way: Way) -> tuple[str, tuple[str, ...]]:
    """The token address of a CapabilityStatement's security extension (SMART App Launch 1)."""
    found, why = _document(way, "metadata", "application/fhir+json")
    try:
        rests = [one for one in found.get("rest", ()) if isinstance(one, dict)]
        uris = [
            inner
            for rest in rests
            for outer in rest.get("security", {}).get("extension", ())
            if outer.get("url") in _OAUTHS
            for inner in outer.get("extension", ())
        ]
        named = next(
            (str(one["valueUri"]) for one in uris if one.get("url") == "token" and one.get("valueUri")), ""
        )
    except (AttributeError, TypeError):
        named = ""
    if not named:
        return "", (why, "metadata names no token address")
    return addresses.redirected(way.base, way.base, named), (why,)


def _document(way: Way, name: str, accept: str) -> tuple[dict[str, Any], str]:
    """A JSON object the server publishes, and what came of asking; empty where there is none."""
    request = Request(method="GET", url=f"{way.base}/{name}", what=f"GET {name}", headers={"accept": accept})
    try:
        answer = way.plain(lambda: request)
    except Unreached:
        raise
    except Misconfigured as error:
        return {}, str(error)
    if answer.status != 200:
        return {}, f"{name}: HTTP {answer.status}"
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict):
        return found, f"{name} was read"
    page = answer.body.lstrip()[:1] == b"<"
    return {}, f"{name} is {'a web page (of a login or a proxy?)' if page else 'no JSON'}"


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()
