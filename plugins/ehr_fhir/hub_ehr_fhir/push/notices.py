"""Notifications of Subscriptions: R4's rest-hook, and the Bundles of the backport (R4, R4B) and of R5."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from hub_ehr_fhir.mapping.order import TYPES
from hub_ehr_fhir.push.posted import Bundle, Entry, reference

BUNDLES = ("history", "subscription-notification")
EVENTS = "event-notification"
_MOST_DIGITS = 18


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """One notification. `kind`: handshake, heartbeat, event-notification, query-status, query-event. `numbers` are
    those of its events, `so_far` how many events there were since the subscription began, -1 where it does not tell.
    `refs` are the resources that it names and does not carry, `carries` whether it carries any, or a deletion;
    `unclear`: it tells of something, and not of what.
    """

    subscription: str
    kind: str
    status: str = ""
    numbers: tuple[int, ...] = ()
    so_far: int = -1
    refs: tuple[tuple[str, str], ...] = ()
    carries: bool = False
    unclear: bool = False

    def __repr__(self) -> str:
        return f"Notice({self.kind!r}, {len(self.numbers)} events)"


class _Reference(msgspec.Struct, frozen=True):
    reference: str = ""


class _Event(msgspec.Struct, frozen=True, rename="camel"):
    event_number: int | str = -1
    focus: _Reference = _Reference()
    additional_context: tuple[_Reference, ...] = ()


class _Part(msgspec.Struct, frozen=True, rename="camel"):
    """A parameter of any type of value."""

    name: str = ""
    value_string: str = ""
    value_code: str = ""
    value_integer: int | str = ""
    value_unsigned_int: int | str = ""
    value_positive_int: int | str = ""
    value_integer64: int | str = ""
    value_reference: _Reference = _Reference()
    part: tuple[msgspec.Raw, ...] = ()

    @property
    def number(self) -> int:
        """The value as a number, -1 where it is none."""
        given = (self.value_string, self.value_unsigned_int, self.value_positive_int, self.value_integer)
        return next((_number(one) for one in (*given, self.value_integer64) if one != ""), -1)


class _Status(msgspec.Struct, frozen=True, rename="camel"):
    """SubscriptionStatus (R4B, R5), or Parameters in its place (R4)."""

    resource_type: str = ""
    subscription: _Reference = _Reference()
    status: str = ""
    type: str = ""
    events_since_subscription_start: int | str = -1
    notification_event: tuple[_Event, ...] = ()
    parameter: tuple[msgspec.Raw, ...] = ()


_STATUS = msgspec.json.Decoder(_Status)
_PART = msgspec.json.Decoder(_Part)


def notice(bundle: Bundle) -> Notice | None:
    """What a Bundle notifies of; None for one that is no notification."""
    if bundle.type not in BUNDLES or not bundle.entry:
        return None
    status = _status(bundle.entry[0])
    if status is None:
        return None
    rest = bundle.entry[1:]
    events = status.notification_event
    named = [_named(entry) for entry in rest if not _has_resource(entry) and not _is_deletion(entry)]
    carried = {one for entry in rest if _has_resource(entry) for one in (entry.full_url, _named(entry)) if one}
    focused = [one.focus.reference for one in events if one.focus.reference]
    also = [one.reference for event in events for one in event.additional_context]
    wanted = [text for text in (*named, *focused, *also) if text and text not in carried]
    by_url = {entry.full_url: _named(entry) for entry in rest}
    refs = [reference(by_url.get(text) or text) for text in wanted]
    held = {reference(text) for text in carried}
    carries = any(_has_resource(entry) or _is_deletion(entry) for entry in rest)
    return Notice(
        subscription=status.subscription.reference,
        kind=status.type,
        status=status.status,
        numbers=tuple(number for one in events if (number := _number(one.event_number)) >= 0),
        so_far=_number(status.events_since_subscription_start),
        refs=tuple(dict.fromkeys(one for one in refs if one and one not in held and one[0] in TYPES)),
        carries=carries,
        unclear=status.type == EVENTS and not carries and (not refs or None in refs),
    )


def _status(first: Entry) -> _Status | None:
    try:
        found = _STATUS.decode(first.resource)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if found.resource_type == "SubscriptionStatus":
        return found
    return _of_parameters(found) if found.resource_type == "Parameters" else None


def _of_parameters(given: _Status) -> _Status | None:
    """The same from the backport's Parameters; None for Parameters that are something else."""
    parts = {part.name: part for part in _parts(given.parameter)}
    if "subscription" not in parts or "type" not in parts:
        return None
    events = [_event(part) for part in _parts(given.parameter) if part.name == "notification-event"]
    so_far = parts.get("events-since-subscription-start", _Part()).number
    return _Status(
        resource_type=given.resource_type,
        subscription=parts["subscription"].value_reference,
        status=parts.get("status", _Part()).value_code,
        type=parts["type"].value_code,
        events_since_subscription_start=so_far,
        notification_event=tuple(events),
    )


def _event(part: _Part) -> _Event:
    inner = list(_parts(part.part))
    return _Event(
        event_number=next((one.number for one in inner if one.name == "event-number"), -1),
        focus=next((one.value_reference for one in inner if one.name == "focus"), _Reference()),
        additional_context=tuple(one.value_reference for one in inner if one.name == "additional-context"),
    )


def _parts(raw: tuple[msgspec.Raw, ...]) -> Iterator[_Part]:
    for one in raw:
        try:
            yield _PART.decode(one)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue


def _has_resource(entry: Entry) -> bool:
    return bytes(entry.resource) not in {b"", b"null"}


def _is_deletion(entry: Entry) -> bool:
    return entry.request is not None and entry.request.method == "DELETE"


def _named(entry: Entry) -> str:
    """What an entry is about: what it asked for says so where its full address is one of its own making."""
    asked = entry.request.url if entry.request is not None else ""
    return asked if reference(asked) else entry.full_url


def _number(given: Any) -> int:
    text = str(given)
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS else -1
