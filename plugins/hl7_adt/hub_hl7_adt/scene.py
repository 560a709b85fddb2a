"""What every part of a message's reading needs to know: the message, its sender's profile, its keys."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from functools import lru_cache
from typing import TypeVar
from zoneinfo import ZoneInfo

import msgspec

from hub_hl7_adt import values
from hub_hl7_adt.names import CX, EVN, MSG, MSH, PID
from hub_hl7_adt.notes import Notes
from hub_hl7_adt.settings import Hl7Settings, Place, place
from hub_hl7_adt.triggers import Trigger, trigger_of
from hub_hl7_adt.wire import Message, Segment, Value

T = TypeVar("T")

# Identifier types of table 0203 that the hub has no business with; SSN, licence, passport, card numbers.
_PRIVATE = frozenset(("SS", "SSN", "DL", "DLN", "PPN", "PP", "BC", "CC"))
_FIX_VALUE = "correct the value at the sender and send the message again"


class Scene(msgspec.Struct, kw_only=True):
    """One message as it is being read. `patient_key`, `account` and `visit` are empty where the message
    names none; `whole` turns False when a charge line had to be set aside.
    """

    message: Message
    settings: Hl7Settings
    notes: Notes
    kind: str
    event: str
    trigger: Trigger
    version: str
    patient_key: str = ""
    account: str = ""
    visit: str = ""
    whole: bool = True

    def tried(self, read: Callable[[], T | None], where: str) -> T | None:
        """A value, or None and a problem when it cannot be read; for values that may be missing."""
        try:
            return read()
        except values.Unreadable as why:
            self.notes.warn("hl7.value", where, f"this field is {why} and was left out", _FIX_VALUE)
            return None

    def day(self, segment: Segment, position: int) -> date | None:
        """The date in a field, as it was written."""
        text = segment.text(position)
        return self.tried(lambda: values.day(text), segment.at(position)) if text else None

    def instant(self, segment: Segment, position: int) -> datetime | None:
        """The instant in a field, in UTC."""
        text = segment.text(position)
        if not text:
            return None
        return self.tried(lambda: values.instant(text, zone(self.settings.time_zone)), segment.at(position))


@lru_cache(maxsize=32)
def zone(name: str) -> ZoneInfo:
    """A time zone, looked up once."""
    return ZoneInfo(name)


def at(segments: tuple[Segment, ...] | list[Segment], where: str) -> tuple[Value | None, Place]:
    """The first repetition at a profile's place among some segments, and the place itself."""
    spot = place(where)
    for segment in segments:
        if segment.raw.startswith(spot.segment):
            return segment.value(spot.field), spot
    return None, spot


def first_text(segments: list[Segment], places: tuple[str, ...]) -> str:
    """The first of some places that has text."""
    for where in places:
        value, spot = at(segments, where)
        if value and (text := value.text(spot.component or 1, spot.sub)):
            return text
    return ""


def scene_of(message: Message, settings: Hl7Settings, notes: Notes) -> Scene:
    """Read the header, and the keys of patient and account."""
    header = message.header
    kind = header.text(MSH.message_type, MSG.message_code)
    event = header.text(MSH.message_type, MSG.trigger_event)
    opening = message.first(b"EVN")
    if not event and opening is not None:
        event = opening.text(EVN.event_type_code)
    scene = Scene(
        message=message,
        settings=settings,
        notes=notes,
        kind=kind,
        event=event,
        trigger=trigger_of(kind, event),
        version="",
    )
    scene.version = _version(scene, opening)
    pid = message.first(b"PID")
    if pid is not None:
        scene.patient_key = patient_key(pid, settings)
        scene.account = pid.text(PID.patient_account_number, CX.id_number)
    return scene


def _version(scene: Scene, opening: Segment | None) -> str:
    """MSH-7 (else EVN-2) as a UTC instant, then MSH-10: repeats of a key are ordered by it as text."""
    header = scene.message.header
    sent = scene.instant(header, MSH.date_time_of_message)
    if sent is None and opening is not None:
        sent = scene.instant(opening, EVN.recorded_date_time)
    moment = sent.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if sent else ""
    return f"{moment}/{header.text(MSH.message_control_id).zfill(20)}"


def patient_key(pid: Segment, settings: Hl7Settings) -> str:
    """The key of the patient in PID: the best identifier of PID-3, else PID-2; empty when there is none."""
    return best_identifier(pid.values(PID.patient_identifier_list), settings) or values.key_of(
        *values.identifier(pid.value(PID.patient_id))
    )


def best_identifier(found: list[Value], settings: Hl7Settings, authority: str = "") -> str:
    """The identifier whose type comes first in the profile, else the first that is not a private one."""
    ranked = []
    for value in found:
        kind = value.text(CX.identifier_type_code).upper()
        if value.text(CX.id_number) and kind not in _PRIVATE:
            types = settings.patient_id_types
            ranked.append((types.index(kind) if kind in types else len(types), value))
    if not ranked:
        return ""
    best = min(ranked, key=lambda pair: pair[0])[1]
    return values.key_of(*values.identifier(best, authority))


def is_private(value: Value) -> bool:
    """Whether an identifier is of a type that the hub does not keep."""
    return value.text(CX.identifier_type_code).upper() in _PRIVATE
