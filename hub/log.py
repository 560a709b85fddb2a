"""The hub's log: structlog behind an allow-list, so that no patient's value can stand in a line.

A line is an event name and allow-listed keys. Every other key is dropped and counted; so is a text that holds
a space or is long (names, addresses and messages look like that), an exception, and what libraries say
through `logging`: of those only the logger's name, the level and the place are kept.

Nothing that happens to the log reaches who writes to it: on a full disk lines are lost, and counted.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Mapping, MutableMapping
from contextlib import suppress
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, Literal, TextIO

import structlog

from hub.clock import Clock, SystemClock
from hub.errors import Misconfigured

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
        "node",
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
    """How many values were kept out of the log, by why (`key`, `value`, `event`, `exception`), and how many lines
    could not be written (`unwritten`).
    """
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


def _stamp(clock: Clock, node: str) -> Callable[..., MutableMapping[str, Any]]:
    who = {"node": node} if node and allowed("node", node) else {}

    def stamp(_logger: object, method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        return {"at": clock.now().isoformat(timespec="milliseconds"), "level": method, **who, **line}

    return stamp


class _Line(logging.LogRecord):
    """A line of ours, whole as it is to stand in the log."""

    def __init__(self, line: str) -> None:
        super().__init__("hub", logging.INFO, "", 0, line, None, None)


class _Withhold(logging.Formatter):
    """What a library logs may hold a file name or a parser's excerpt: only where it was said is kept."""

    def format(self, record: logging.LogRecord) -> str:
        if isinstance(record, _Line):
            return str(record.msg)
        return f"library {record.name} {record.levelname.lower()} {record.module}:{record.lineno} (text withheld)"


class _Stream(logging.StreamHandler[TextIO]):
    """Standard error, or what a test reads."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - the library's name
        _DROPPED["unwritten"] += 1


class LogFile(RotatingFileHandler):
    """A log file that only its owner may read: turned when it reaches a size (`NAME.1` is the last one), and
    opened again when another program has moved or removed it. What cannot be written is counted, never raised.
    """

    def __init__(self, path: Path, *, megabytes: int, keep: int) -> None:
        super().__init__(
            path, maxBytes=megabytes * 1_000_000, backupCount=keep, encoding="utf-8", errors="replace", delay=True
        )

    def reopen(self) -> None:
        """Let go of the file; the next line opens what then has its name."""
        with self.lock, suppress(OSError, ValueError):  # type: ignore[union-attr]
            stream, self.stream = self.stream, None
            if stream is not None:
                stream.close()

    def emit(self, record: logging.LogRecord) -> None:
        if self.stream is not None and self._moved(self.stream.fileno()):
            self.reopen()
        super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - the library's name
        _DROPPED["unwritten"] += 1
        self.reopen()

    def _moved(self, descriptor: int) -> bool:
        try:
            there, held = Path(self.baseFilename).stat(), os.fstat(descriptor)
        except OSError:
            return True
        return (there.st_dev, there.st_ino) != (held.st_dev, held.st_ino)

    def _open(self) -> TextIOWrapper:
        """Append; a line that a full disk has torn is ended first, so that the next one stands alone."""
        path = self.baseFilename
        torn = _is_torn(path)
        stream = open(path, "a", encoding=self.encoding, errors=self.errors, opener=_for_owner)  # noqa: SIM115
        if torn:
            stream.write("\n")
        return stream


def _for_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _is_torn(path: str) -> bool:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - the library gives a text
            file.seek(-1, os.SEEK_END)
            return file.read(1) != b"\n"
    except OSError:
        return False


class _Lines:
    """What structlog writes its finished lines to."""

    def __init__(self, handler: logging.Handler) -> None:
        self._handler = handler

    def msg(self, line: str) -> None:
        self._handler.handle(_Line(line))

    debug = info = warning = error = critical = msg


Level = Literal["debug", "info", "warning", "error"]
_HANDLER: logging.Handler | None = None


def configure(
    *,
    clock: Clock | None = None,
    stream: TextIO | None = None,
    file: Path | None = None,
    megabytes: int = 50,
    keep: int = 10,
    level: Level = "info",
    node: str = "",
    libraries: bool = True,
) -> None:
    """Set the process's log up: one JSON object a line on `stream` (standard error), or in `file`, which is turned
    at `megabytes` and of which `keep` turned ones stay. Lines below `level` are left out; `node` stands in each.
    May be called again, when settings have changed. Raises `Misconfigured` where `file` may not be written.
    """
    global _HANDLER
    handler = _file(file, megabytes, keep) if file else _Stream(stream or sys.stderr)
    handler.setFormatter(_Withhold())
    structlog.configure(
        processors=[keep_allowed, _stamp(clock or SystemClock(), node), structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: _Lines(handler),
        cache_logger_on_first_use=False,
    )
    if libraries:
        logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    old, _HANDLER = _HANDLER, handler
    if isinstance(old, LogFile):
        old.close()


def _file(path: Path, megabytes: int, keep: int) -> LogFile:
    try:
        os.close(_for_owner(str(path), os.O_APPEND | os.O_CREAT | os.O_WRONLY))
    except (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError) as error:
        why = error.strerror or "unknown reason"
        fix = "change run.log_file in hub.toml, or its folder and rights"
        raise Misconfigured(f"the log file {path.name} cannot be written ({why})", fix=fix) from None
    except OSError:
        pass  # a disk that is full now may have room later
    return LogFile(path, megabytes=megabytes, keep=keep)


def reopen() -> None:
    """Let go of the log file, so that the next line opens it anew: for a program that has moved it away."""
    if isinstance(_HANDLER, LogFile):
        _HANDLER.reopen()


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
