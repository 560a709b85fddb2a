"""What an answer means: whether it is what was asked for, and if not, the error and what a person can do.

Of what a server wrote only codes of fixed lists are said: its texts may hold anything.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

import msgspec

from hub.plugin.api import HubError, Misconfigured, Refused, RetryLater
from hub_ehr_fhir.connect import addresses
from hub_ehr_fhir.connect.patience import BUSY_FIX, Enough

LATER = frozenset({408, 425, 429, 500, 502, 503, 504, 507, 509, 520, 521, 522, 523, 524})
# FHIR R4 issue-type.
_ISSUES = (
    "invalid structure required value invariant security login unknown expired forbidden suppressed processing "
    "not-supported duplicate multiple-matches not-found deleted too-long code-invalid extension too-costly "
    "business-rule conflict transient lock-error no-store exception timeout incomplete throttled "
    "informational"
)
ISSUES = frozenset(_ISSUES.split())
_EPIC = "urn:oid:1.2.840.114350."
_PAGE = re.compile(rb"^(\xef\xbb\xbf)?\s*<")


def codes(body: bytes) -> tuple[str, ...]:
    """The codes of an OperationOutcome: issue types, HL7's own and Epic's numbers; none where it is none."""
    try:
        told = json.loads(body[: 1 << 20])
        issues = told["issue"] if told["resourceType"] == "OperationOutcome" else ()
        found = [one for issue in issues for one in _of(issue)]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return ()
    return tuple(dict.fromkeys(found))[:6]


def _of(issue: Mapping[str, object]) -> list[str]:
    found = [str(issue.get("code"))] if issue.get("code") in ISSUES else []
    details = issue.get("details")
    coding = details.get("coding", ()) if isinstance(details, dict) else ()
    for one in coding:
        code, system = str(one.get("code", "")), str(one.get("system", ""))
        if re.fullmatch(r"MSG_[A-Z_]{2,40}", code) or (
            system.startswith(_EPIC) and re.fullmatch(r"\d{4,5}", code)
        ):
            found.append(code)
    return found


def failed(  # noqa: PLR0911 - one for each meaning
    what: str, status: int, body: bytes, after: float | None, *, signed: bool
) -> HubError:
    """The error for a status that was not asked for; `what` is the call, `signed`: it bore a token."""
    told = ", ".join(codes(body))
    why = f"{what}: HTTP {status}" + (f" ({told})" if told else "")
    if status in LATER or status > 599:
        return RetryLater(why, after_seconds=after, fix=BUSY_FIX)
    if status == 401:
        return Misconfigured(why, fix=_UNKNOWN if signed else _UNSIGNED)
    if status == 403:
        return Misconfigured(why, fix=_FORBIDDEN)
    if status in _FIXES:
        return Misconfigured(why, fix=_FIXES[status])
    if 300 <= status < 400:
        return Misconfigured(why, fix="the server points elsewhere without an address: ask who runs it")
    if 200 <= status < 300:
        return Enough(why, fix="the server answered otherwise than FHIR says: ask who runs it")
    return Refused(
        why, fix="the server does not take this request: run `hub connector test NAME` to see what it offers"
    )


_UNSIGNED = (
    "the call was made without a token: if the address belongs to the server, name its origin in trusted_origins; "
    "with auth = none, choose how to sign in"
)
_UNKNOWN = (
    "the server does not accept the token it gave: run `hub connector test NAME`; check that `url` and the token "
    "address are of the same environment (test or production)"
)
_FORBIDDEN = (
    "the token may not read this: ask who runs the server to allow our client this resource (its scopes), and see "
    "`scopes` in the settings"
)
_FIXES = {
    405: "the address is not that of a FHIR server's interface: check `url`",
    407: "the proxy asks for a login: set proxy_login",
    511: "the network asks for a login first (a captive portal): let this machine through",
}


def led(error: HubError, asked: str, url: str) -> HubError:
    """The same error, where a redirect led to another place than was `asked`: it says where to, and what that means.
    Of the address only scheme, host and port are said.
    """
    if addresses.origin(url) == addresses.origin(asked):
        return error
    error.args = (f"{error}; we were sent on to {addresses.shown(url)}",)
    fix = "if the server has moved, write its new address in `url` (the key may have to be registered there anew)"
    error.fix = f"{fix}; if not: {error.fix}" if error.fix and "connector test" not in error.fix else fix
    return error


def page_instead(what: str, headers: Mapping[str, str], body: bytes) -> HubError | None:
    """Where JSON was expected: the error for a page (of a login, a proxy, a maintenance), or for what is cut off."""
    if _PAGE.match(body):
        kind = headers.get("content-type", "").lower()
        if "xml" in kind and "html" not in kind and b"<html" not in body[:2000].lower():
            return RetryLater(f"{what}: XML came instead of FHIR JSON", fix=XML_FIX)
        return RetryLater(f"{what}: a web page came instead of FHIR JSON", fix=PAGE_FIX)
    text = body.strip()
    if not text:
        return RetryLater(f"{what}: the answer is empty", fix=BUSY_FIX)
    if text[:1] not in (b"{", b"[", b"\xef"):
        return RetryLater(f"{what}: the answer is no JSON", fix=PAGE_FIX)
    return RetryLater(f"{what}: the answer is cut off", fix=BUSY_FIX) if _cut_off(text) else None


def _cut_off(text: bytes) -> bool:
    """Whether JSON ends too early. What is wrong within it is for the reader: one bad value spoils no page here."""
    try:
        msgspec.json.decode(text.removeprefix(b"\xef\xbb\xbf"), type=msgspec.Raw)
    except msgspec.DecodeError as error:
        return "truncated" in str(error)
    return False


PAGE_FIX = (
    "open the address in a browser on this machine: a login page, a proxy's or a maintenance page answers there. "
    "Check `url` (it ends with the FHIR version, such as /r4), and let the proxy pass this host"
)
XML_FIX = "the server gave XML though JSON was asked for: ask who runs it to allow JSON"
