"""What a token address is asked for, and what its refusals mean (RFC 6749 5.2, SMART Backend Services)."""

from __future__ import annotations

import json

from hub.plugin.api import HubError, Misconfigured, RetryLater
from hub_ehr_fhir.connect.discovery import Discovered
from hub_ehr_fhir.connect.patience import BUSY_FIX
from hub_ehr_fhir.connect.wire import Answer
from hub_ehr_fhir.settings_server import ServerSettings

_NEEDED = (
    "Patient Encounter Condition Procedure Coverage Practitioner PractitionerRole Organization Location "
    "ChargeItem Account Claim ServiceRequest RelatedPerson ExplanationOfBenefit Immunization Medication Group"
)
NEEDED = _NEEDED.split()
"""The types that billing reads, the most needed first."""
_NOTABLE_SECONDS = 60


class UnknownClient(Misconfigured):
    """The server does not know who we are: another key or time may help."""


class UnknownScope(Misconfigured):
    """The server does not know what we asked to read: other words may help."""


def scopes(settings: ServerSettings, found: Discovered) -> tuple[str, ...]:
    """The scope texts to try, the likeliest first; an empty one asks without naming any."""
    if settings.scopes:
        return (" ".join(settings.scopes),)
    offered = set(found.scopes)
    singles = [one for name in NEEDED if (one := _single(name, offered))]
    right = ".rs" if _second_version(found) else ".read"
    if not offered:
        return f"system/*{right}", _all_of(right), ""
    wild = next(
        (one for one in ("system/*.read", "system/*.rs", "system/*.*", "system/*.cruds") if one in offered), ""
    )
    named = " ".join(singles)
    return (*dict.fromkeys(one for one in (wild, named, f"system/*{right}") if one), "")


def _single(name: str, offered: set[str]) -> str:
    forms = (f"system/{name}.{right}" for right in ("read", "rs", "r", "s", "*", "cruds"))
    return next((one for one in forms if one in offered), "")


def _second_version(found: Discovered) -> bool:
    """Whether only the scopes of SMART 2 (`.rs`) are taken."""
    return "permission-v2" in found.capabilities and "permission-v1" not in found.capabilities


def _all_of(right: str) -> str:
    return " ".join(f"system/{name}{right}" for name in NEEDED[:9])


def failure(  # noqa: PLR0911 - one for each meaning
    answer: Answer, settings: ServerSettings, scope: str, skew_seconds: float
) -> HubError:
    """The error for a refusal; only its code is said, for its description may hold anything."""
    code = _code(answer.body)
    why = f"the token address says {code or 'no'} (HTTP {answer.status})"
    if code in {"server_error", "temporarily_unavailable", "slow_down"}:
        return RetryLater(why, fix=BUSY_FIX)
    if code == "invalid_client" or (not code and answer.status == 401):
        return UnknownClient(why, fix=_unknown_client(settings, skew_seconds))
    if code == "invalid_scope":
        return UnknownScope(why, fix=_scope_fix(scope))
    if code in _FIXES:
        return Misconfigured(why, fix=_FIXES[code])
    if answer.status in (404, 405):
        return Misconfigured(why, fix="check token_url: no token address answers there")
    if answer.status == 403:
        return Misconfigured(why, fix="ask who runs the server to let this machine's address and our client in")
    return Misconfigured(why, fix="ask who runs the server what is wrong with our registration")


def _code(body: bytes) -> str:
    try:
        code = json.loads(body)["error"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return ""
    return code if code in _KNOWN else ""


def _unknown_client(settings: ServerSettings, skew_seconds: float) -> str:
    if settings.auth == "secret":
        return (
            "check client_id and the secret, and that both are of this environment (test or production); a secret "
            "may have ended: ask who runs the server for a new one"
        )
    late = abs(skew_seconds) >= _NOTABLE_SECONDS
    clock = (
        f"; this machine's clock is {abs(skew_seconds):.0f} seconds off the server's: set it right"
        if late
        else ""
    )
    return (
        "the server does not know this key or client: register the JWKS that `hub fhir key NAME` wrote (or its "
        "address) for this client_id, in this environment (test or production), and wait until the server has taken "
        f"it over (some need up to an hour){clock}"
    )


def _scope_fix(scope: str) -> str:
    asked = f" (asked for: {scope})" if scope and len(scope) < 120 else ""
    return f"write in `scopes` what the server allows our client, or ask who runs it to allow reading{asked}"


_FIXES = {
    "invalid_request": "the server misses something in the request: check `audience` and token_url",
    "invalid_grant": "the server does not take our signed request: check client_id, `audience`, and the clock",
    "unauthorized_client": "our client may not sign in this way yet: ask who runs the server to approve it as a "
    "backend (system) client, and for this environment",
    "unsupported_grant_type": "the server gives no tokens to backend clients (client_credentials) at this address: "
    "check token_url, or ask who runs the server",
    "access_denied": "the server denies us access: ask who runs it to approve our client",
    "invalid_target": "the server does not know what the token is for: check `audience`",
}
_KNOWN = frozenset(_FIXES) | {
    "invalid_client", "invalid_scope", "server_error", "temporarily_unavailable", "slow_down",
}  # fmt: skip
