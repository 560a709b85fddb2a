"""Asks a server for an export, and how it comes on."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Literal
from urllib.parse import urljoin

import msgspec

from hub.plugin.api import Misconfigured, RetryLater
from hub_ehr_fhir.bulk import kickoff
from hub_ehr_fhir.connect import judging
from hub_ehr_fhir.connect.http import Answer, Call, Server
from hub_ehr_fhir.connect.patience import retry_after
from hub_ehr_fhir.settings_bulk import BulkSettings

_REFUSALS = (400, 406, 412, 413, 415, 422, 501)
_BUSY = (409, 429)
_FAILURES = (400, 406, 412, 413, 415, 422, 500, 501)
_PASSING = frozenset({"transient", "throttled", "lock-error", "timeout", "no-store"})
_PERCENT = re.compile(r"(\d{1,3})(?:\.\d+)? ?%")
_SHORTEST, _LONGEST = 1.0, 3_600.0
_BUSY_SECONDS = 300.0
_BUSY_FIX = "nothing: it is asked for again; if it stays so, ask who runs the server which exports run for us"
_GUIDE = "ask who runs the server whether Bulk Data export is on for this client, and at which level"


class Kicked(msgspec.Struct, frozen=True, kw_only=True):
    """An export that was taken on: its status address, what was refused on the way, and whether all was asked for."""

    job: str
    refused: tuple[str, ...]
    all_asked: bool


class State(msgspec.Struct, frozen=True, kw_only=True):
    """How an export stands: `at work` (ask again after so many seconds), `done` (with the answer), `gone` or
    `failed` (with issue codes).
    """

    kind: Literal["at work", "done", "gone", "failed"]
    seconds: float = 0.0
    percent: int = -1
    answer: Answer | None = None
    codes: tuple[str, ...] = ()


class Busy(RetryLater):
    """The server runs as many exports as it will: one of ours, perhaps, that nobody knows of any more."""


def kick(
    server: Server, settings: BulkSettings, since: datetime | None, refused: Iterable[str], now: datetime
) -> Kicked:
    """Ask for an export, leaving out one thing after the other that the server refuses. Raises `Busy` where it has
    too many exports, `Misconfigured` where it gives none.
    """
    out, answer = tuple(refused), Answer(status=0, headers={})
    for _ in range(len(settings.types) + len(kickoff.PARAMETERS) + 2):
        asked = kickoff.request(settings, since, out)
        answer = server.call(_call(asked))
        if answer.status == 202:
            return Kicked(job=_address(answer), refused=out, all_asked="_since" not in asked.names)
        if answer.status in _BUSY:
            raise _busy(answer, now)
        if answer.status not in _REFUSALS:
            break
        if set(codes := judging.codes(answer.body)) & _PASSING:
            raise RetryLater(f"the server takes no export on now ({', '.join(codes)})")
        less = kickoff.without(asked, out, settings.types, answer.body)
        if less is None:
            break
        out = less
    raise _no_export(answer)


def _busy(answer: Answer, now: datetime) -> Busy:
    asked = retry_after(answer.headers.get("retry-after", ""), now)
    seconds = min(max(_BUSY_SECONDS if asked is None else asked, _SHORTEST), _LONGEST)
    return Busy(
        f"the server takes no further export now (HTTP {answer.status})", after_seconds=seconds, fix=_BUSY_FIX
    )


def _call(asked: kickoff.Request) -> Call:
    """Not repeated by itself: an answer that did not come may have been an export that was taken on."""
    headers = {"prefer": asked.prefer}
    return Call(
        url=asked.path, params=asked.params, headers=headers, expect=(200, 202, *_REFUSALS, *_BUSY), again=False
    )


def _address(answer: Answer) -> str:
    """The status address; some servers name it relative to their own, or in Location."""
    told = answer.headers.get("content-location") or answer.headers.get("location") or ""
    if not told:
        raise Misconfigured("the server took the export on and does not say where to ask for it", fix=_GUIDE)
    return urljoin(answer.url, told)


def _no_export(answer: Answer) -> Misconfigured:
    if answer.status in (404, 410):
        return Misconfigured(
            f"the server knows no such export (HTTP {answer.status})",
            fix="check `level` and `group` of [bulk], and that the vendor has turned Bulk Data on",
        )
    if answer.status == 200:
        return Misconfigured("the server answered the export at once, without a status address", fix=_GUIDE)
    told = ", ".join(judging.codes(answer.body)) or "no reason given"
    return Misconfigured(f"the server refuses the export: HTTP {answer.status} ({told})", fix=_GUIDE)


def ask(server: Server, job: str, since: datetime, now: datetime) -> State:
    """How an export stands that was asked for at `since`."""
    answer = server.get(job, accept="application/json, application/fhir+json", expect=(200, 202, *_FAILURES))
    if answer.status == 202:
        return _at_work(answer, since, now)
    if answer.status == 200:
        return State(kind="done", answer=answer)
    if answer.status in (404, 410):
        return State(kind="gone")
    codes = judging.codes(answer.body)
    if set(codes) & _PASSING or (answer.status >= 500 and not codes):
        raise RetryLater(f"the server cannot say how the export stands (HTTP {answer.status})")
    return State(kind="failed", codes=codes or (f"http-{answer.status}",))


def _at_work(answer: Answer, since: datetime, now: datetime) -> State:
    """Where the server does not say when to come again: rarely, and more rarely the longer it takes."""
    asked = retry_after(answer.headers.get("retry-after", ""), now)
    own = min(max((now - since).total_seconds() / 10, 5.0), 300.0)
    found = _PERCENT.search(answer.headers.get("x-progress", ""))
    return State(
        kind="at work",
        seconds=min(max(own if asked is None else asked, _SHORTEST), _LONGEST),
        percent=int(found[1]) if found else -1,
    )
