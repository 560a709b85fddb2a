"""What a port's answers must be: each check gives the answer back, whole and of the right types, or says what
was promised. What came instead is never said: it may be a patient's.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from hub.plugin.api import Listing, WebAnswer

T = TypeVar("T")
_PLAIN = (bytes, datetime, date, Decimal)
_FIRST_STATUS, _LAST_STATUS = 200, 599
_HEADER, _VALUE = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}"), re.compile(r"[ -~\t]{0,4000}")
_PATH = re.compile(r"at `\$([^`]*)`$")


class WrongAnswer(Exception):
    """What a plugin returned is not what its port promises; `said` holds what was promised, not what came."""

    def __init__(self, expected: str, where: str = "") -> None:
        self.said = f"returned what is not {expected}" + (f" (see {where})" if where else "")
        super().__init__(self.said)


def anything(value: Any) -> Any:
    """No promise was made."""
    return value


def nothing(value: Any) -> None:
    """The method returns nothing."""
    if value is not None:
        raise WrongAnswer("None")


def body(value: Any) -> bytes:
    """Bytes."""
    if not isinstance(value, bytes):
        raise WrongAnswer("bytes")
    return value


def words(value: Any) -> frozenset[str]:
    """A set of words."""
    if not isinstance(value, frozenset) or not all(isinstance(one, str) for one in value):
        raise WrongAnswer("a frozenset of words")
    return value


def record(kind: type[T], name: str = "") -> Callable[[Any], T]:
    """A check for a record (or a tuple of records): every field is checked, which constructors do not do."""
    expected = name or f"a {kind.__name__}"
    plain = kind if isinstance(kind, type) else object

    def check(value: Any) -> T:
        if not isinstance(value, plain):
            raise WrongAnswer(expected)
        whole: T = _whole(value, kind, expected)
        return whole

    return check


def optional(check: Callable[[Any], T]) -> Callable[[Any], T | None]:
    """As `check`, or None."""
    return lambda value: None if value is None else check(value)


def listing(value: Any) -> Listing:
    """A `Listing` whose times are aware."""
    found = record(Listing)(value)
    if any(ref.modified_at.tzinfo is None for ref in found.refs):
        raise WrongAnswer("a Listing", ".refs[...].modified_at, which lacks a time zone")
    return found


def web(value: Any) -> WebAnswer:
    """A `WebAnswer` that can be sent: its status is one of an answer, its headers are no more than headers."""
    found = record(WebAnswer)(value)
    if not _FIRST_STATUS <= found.status <= _LAST_STATUS:
        raise WrongAnswer("a WebAnswer", ".status")
    if not all(_HEADER.fullmatch(name) and _VALUE.fullmatch(said) for name, said in found.headers.items()):
        raise WrongAnswer("a WebAnswer", ".headers")
    return found


def _whole(value: Any, kind: Any, expected: str) -> Any:
    try:
        return msgspec.convert(msgspec.to_builtins(value, builtin_types=_PLAIN), kind, builtin_types=_PLAIN)
    except msgspec.ValidationError as error:
        place = _PATH.search(str(error))
        raise WrongAnswer(expected, place[1] if place else "") from None
    except (TypeError, ValueError, OverflowError):
        raise WrongAnswer(expected) from None
