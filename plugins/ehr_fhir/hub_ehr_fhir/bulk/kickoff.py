"""What is asked for when an export begins, and what is left out when the server will not have it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from hub_ehr_fhir.settings_bulk import BulkSettings

ASYNC = "respond-async"
LENIENT = "respond-async, handling=lenient"
_LENIENT = "lenient"
PARAMETERS = ("_typeFilter", "_outputFormat", "_since", "_type")
"""What may be left out, the least needed first."""
_ALWAYS = {"Patient", "Encounter"}
_WORD = re.compile(r"[A-Za-z_$]+")


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One kick-off: the path under the server's base, its parameters and its `Prefer` header."""

    path: str
    params: tuple[tuple[str, str], ...]
    prefer: str

    @property
    def names(self) -> frozenset[str]:
        """The parameters that it has."""
        return frozenset(name for name, _ in self.params)


def path(settings: BulkSettings) -> str:
    """Where the export is asked for."""
    starts = {"group": f"Group/{settings.group}/", "patient": "Patient/", "system": ""}
    return starts[settings.exported] + "$export"


def request(settings: BulkSettings, since: datetime | None, refused: Iterable[str]) -> Request:
    """The kick-off under these settings, without what the server refused before (parameters and types)."""
    out = frozenset(refused)
    types = ",".join(one for one in settings.types if one not in out)
    told = [
        ("_outputFormat", settings.output_format),
        ("_type", types),
        ("_since", instant(since) if since else ""),
        *(("_typeFilter", one) for one in settings.type_filter),
    ]
    params = tuple((name, value) for name, value in told if value and name not in out)
    return Request(path=path(settings), params=params, prefer=LENIENT if _LENIENT in out else ASYNC)


def instant(at: datetime) -> str:
    """An aware time as FHIR writes instants."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def since(settings: BulkSettings, last: datetime | None, full: datetime | None, now: datetime) -> datetime | None:
    """From when changes are asked for; None where all is: at first, or when the last time is long ago."""
    if not settings.since or last is None or full is None:
        return None
    if settings.full_every_days and now - full >= timedelta(days=settings.full_every_days):
        return None
    return last - timedelta(minutes=settings.overlap_minutes)


def without(
    asked: Request, refused: tuple[str, ...], types: Iterable[str], body: bytes
) -> tuple[str, ...] | None:
    """What to leave out after the server refused `asked` with an OperationOutcome: what its text names, else it is
    asked to be lenient, else the least needed parameter goes. None where nothing is left to leave out.
    """
    named = set(_WORD.findall(_texts(body)))
    parameters = [one for one in PARAMETERS if one in asked.names]
    sent = [one for one in types if one not in refused] if "_type" in asked.names else []
    told = [one for one in sent if one in named]
    if told and len(told) < len(sent):
        # a text that names what nobody refuses lists what the server has
        lists = bool(named & _ALWAYS)
        return (*refused, *(one for one in sent if (one in named) != lists))
    if hit := [one for one in parameters if one in named]:
        return (*refused, hit[0])
    if asked.prefer == ASYNC:
        return (*refused, _LENIENT)
    return (*refused, parameters[0]) if parameters else None


def _texts(body: bytes) -> str:
    """What an OperationOutcome says in words; compared with names of ours, and shown to nobody."""
    try:
        told = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""
    return " ".join(_strings(told.get("issue"), 4)) if isinstance(told, dict) else ""


def _strings(value: Any, depth: int) -> list[str]:
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for one in inner for text in _strings(one, depth - 1)] if depth else []


def form(settings: BulkSettings, url: str) -> str:
    """A digest of what the settings ask for: an export that was asked for otherwise is not this one."""
    told = (url, path(settings), settings.types, settings.type_filter, settings.output_format)
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]
