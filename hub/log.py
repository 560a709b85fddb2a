"""The hub's log: structlog behind an allow-list, so that no patient's value can stand in a line.

A line is an event name and allow-listed keys. Every other key is dropped and counted; so is a text that holds
a space or is long (names, addresses and messages look like that), an exception, and what libraries say
through `logging`: of those only the logger's name, the level and the place are kept.
"""

from __future__ import annotations

import logging
import re
import sys
from collections import Counter
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, TextIO

import structlog

from hub.clock import Clock, SystemClock

TEXT_KEYS = frozenset(
    {
        "aggregate",
        "code",
        "event_id",
        "exception",
        "file_id",
        "hook",
        "instance",
        "kind",
        "lane",
        "method",
        "outcome",
        "phase",
        "place",
        "plugin",
        "port",
        "practice",
        "run",
        "schedule",
        "slot",
        "state",
        "step",
        "transaction",
        "version",
        "work_id",
    }
)
NUMBER_KEYS = frozenset(
    {
        "after_seconds",
        "attempt",
        "attempts",
        "bytes",
        "calls",
        "count",
        "done",
        "faults",
        "free_bytes",
        "held",
        "items",
        "lanes",
        "more",
        "ok",
        "pending",
        "problems",
        "rows",
        "seconds",
        "size",
        "threads",
    }
)
_EVENT = re.compile(r"[a-z][a-z0-9_.-]{0,63}")
_TEXT = re.compile(r"[A-Za-z0-9_.:/@+-]{0,120}")
_DROPPED: Counter[str] = Counter()


def dropped() -> Mapping[str, int]:
    """How many values were kept out of the log, by why: `key`, `value`, `event`, `exception`."""
    return dict(_DROPPED)


def allowed(key: str, value: object) -> bool:
    """Whether `value` may stand in the log under `key`."""
    if key in NUMBER_KEYS:
        return isinstance(value, (int, float))
    return key in TEXT_KEYS and (isinstance(value, (bool, int)) or _plain(value))


def _plain(value: object) -> bool:
    return isinstance(value, str) and _TEXT.fullmatch(value) is not None


def keep_allowed(_logger: object, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The structlog processor that drops what is not allowed and counts it."""
    kept: dict[str, Any] = {"event": _event(line.pop("event", ""))}
    for key, value in line.items():
        if key == "exc_info":
            _DROPPED["exception"] += bool(value)
        elif allowed(key, value):
            kept[key] = value
        else:
            _DROPPED["value" if key in TEXT_KEYS | NUMBER_KEYS else "key"] += 1
    return kept


def _event(name: object) -> str:
    if isinstance(name, str) and _EVENT.fullmatch(name):
        return name
    _DROPPED["event"] += 1
    return "unnamed"


def _stamp(clock: Clock) -> Callable[..., MutableMapping[str, Any]]:
    def stamp(_logger: object, method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        return {"at": clock.now().isoformat(timespec="milliseconds"), "level": method, **line}

    return stamp


class _Withhold(logging.Formatter):
    """What a library logs may hold a file name or a parser's excerpt: only where it was said is kept."""

    def format(self, record: logging.LogRecord) -> str:
        return f"library {record.name} {record.levelname.lower()} {record.module}:{record.lineno} (text withheld)"


def configure(*, clock: Clock | None = None, stream: TextIO | None = None, libraries: bool = True) -> None:
    """Set the process's log up: one JSON object a line on `stream` (standard error)."""
    out = stream or sys.stderr
    structlog.configure(
        processors=[keep_allowed, _stamp(clock or SystemClock()), structlog.processors.JSONRenderer()],
        logger_factory=structlog.PrintLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    if libraries:
        handler = logging.StreamHandler(out)
        handler.setFormatter(_Withhold())
        logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


class BoundLog:
    """A log whose lines all carry the same first values (an instance, a step); what `plugin.api.Log` asks for."""

    def __init__(self, logger: Any, **bound: str | float | bool) -> None:
        self._logger = logger
        self._bound = bound

    def info(self, event: str, **values: str | float | bool) -> None:
        """Say that something went as it should."""
        self._logger.info(event, **{**values, **self._bound})

    def warning(self, event: str, **values: str | float | bool) -> None:
        """Say that something needs an eye."""
        self._logger.warning(event, **{**values, **self._bound})


def get_log(**bound: str | float | bool) -> BoundLog:
    """A log with `bound` values on each line. Before `configure` was called nothing is written."""
    logger = (
        structlog.get_logger()
        if structlog.is_configured()
        else structlog.wrap_logger(structlog.ReturnLogger(), [])
    )
    return BoundLog(logger, **bound)
