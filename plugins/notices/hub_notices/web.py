"""One request to a web address; its answer becomes evidence or one of the door's errors, by its status alone."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpx

from hub.plugin.api import Context, Evidence, HubError, Misconfigured, Refused, RetryLater, Step
from hub_notices import reach
from hub_notices.settings import REFERENCE, address_fault

LATER = frozenset({408, 409, 423, 425, 429})
NOT_THERE = frozenset({401, 403, 404, 405, 407, 410})
CONNECT_SECONDS = 10.0
BUSY_FIX = "the hub tries again by itself"


def resolve(url: str, context: Context) -> str:
    """The address itself; `Misconfigured` shows nothing of it."""
    if not REFERENCE.fullmatch(url):
        return url
    found = context.secrets.get(url).strip()
    if why := address_fault(found):
        raise Misconfigured(
            f"the address that {url} names cannot be used: {why}", fix="write the whole https address"
        )
    return found


def quiet() -> None:
    """The library would log whole addresses, and those hold tokens."""
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)


def ask(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    body: bytes | None,
    tls: ssl.SSLContext,
    timeout_seconds: float,
    now: datetime,
) -> Evidence:
    """Send one request, without following where it points elsewhere. Its answer's body is not read."""
    try:
        with (
            httpx.Client(verify=tls, timeout=_times(timeout_seconds), trust_env=False) as client,
            client.stream(method, url, headers=dict(headers), content=body) as answer,
        ):
            return judged(answer.status_code, answer.headers.get("retry-after", ""), now)
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError):
        raise Misconfigured("the address cannot be used", fix="write the whole https address") from None
    except httpx.HTTPError as error:
        raise unreached(error) from None


def _times(timeout_seconds: float) -> httpx.Timeout:
    """A name may have many addresses that do not answer, and each is waited for: not so long."""
    return httpx.Timeout(timeout_seconds, connect=min(timeout_seconds, CONNECT_SECONDS))


def judged(status: int, retry_after: str, now: datetime) -> Evidence:
    """Evidence for 2xx; else the error that fits (RFC 9110, RFC 6585)."""
    if 200 <= status < 300:
        return Evidence(kind="receipt", note=f"HTTP {status}")
    if status in LATER or status >= 500:
        after = seconds(retry_after, now)
        raise RetryLater(f"the other side is busy (HTTP {status})", after_seconds=after, fix=BUSY_FIX)
    if status in NOT_THERE:
        raise Misconfigured(f"the other side refuses us (HTTP {status})", fix="check the address and its token")
    if status < 400:
        raise Misconfigured(f"the address points elsewhere (HTTP {status})", fix="write the address it points to")
    raise Refused(f"the other side does not want this notice (HTTP {status})", fix="see what it takes")


def seconds(retry_after: str, now: datetime) -> float | None:
    """The wait that Retry-After asks for, in seconds or until a date; None where it asks for none."""
    if retry_after.strip().isdigit():
        return float(min(int(retry_after), 86_400))
    try:
        until = parsedate_to_datetime(retry_after)
    except (TypeError, ValueError):
        return None
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max((until - now).total_seconds(), 0.0)


def unreached(error: httpx.HTTPError) -> HubError:
    """No answer came: why, as far as that is not a secret."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, OSError):
        cause = cause.__cause__ or cause.__context__
    if isinstance(cause, OSError):
        return reach.door(cause)
    if isinstance(error, httpx.TimeoutException):
        return RetryLater("the other side does not answer in time", fix=reach.REACH_FIX)
    return RetryLater(f"the other side gave no answer ({type(error).__name__})", fix=reach.REACH_FIX)


def steps(url: str, context: Context, tls: ssl.SSLContext, timeout_seconds: float, would: str) -> Iterator[Step]:
    """The way to an address up to where a request would begin; nothing is sent."""
    try:
        parts = urlsplit(resolve(url, context))
    except HubError as error:
        yield reach.failed("address", error)
        return
    host, safe = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if safe else 80)
    name = reach.find(host, port)
    yield name
    if name.ok:
        good = True
        for step in reach.shake(host, port, tls if safe else None, timeout_seconds):
            good = step.ok
            yield step
        if good:
            yield Step(name="send", ok=True, said=f"would {would} {host}; nothing was sent")
