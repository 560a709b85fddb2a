"""What every part of a message's reading needs to know: the message, its sender's profile, its keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import lru_cache
from typing import TypeVar
from zoneinfo import ZoneInfo

import msgspec

from hub_hl7_adt import values
from hub_hl7_adt.names import CX, EVN, MSG, MSH, PID
from hub_hl7_adt.notes import Notes
from hub_hl7_adt.order import version_of
from hub_hl7_adt.settings import Hl7Settings, place
from hub_hl7_adt.triggers import CHARGES, Says, Trigger, named, trigger_of
from hub_hl7_adt.values import Identity
from hub_hl7_adt.wire import Frame, Message, Segment, components

T = TypeVar("T")

# Identifier types of table 0203 that the hub has no business with; SSN, licence, passport, card numbers.
PRIVATE = frozenset(("SS", "SSN", "DL", "DLN", "PPN", "PP", "BC", "CC"))
_OF_A_POLICY = frozenset(("IN1", "IN2", "IN3"))
_NULL = '""'
_COMPONENTS = 13
_FIX_VALUE = "correct the value at the sender and send the message again"


class Scene(msgspec.Struct, kw_only=True):
    """One message as it is being read. `patient_key`, `account` and `visit` are empty where the message
    names none; `whole` turns False when a part of it that money or identity hangs on cannot be read;
    `nulls` says whether there is an explicit null in it at all.
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
    nulls: bool = False

    def poison(self, code: str, where: str, why: str, fix: str) -> None:
        """Something without which the message must not be applied at all: a charge, a patient, a side of a merge."""
        self.whole = False
        self.notes.error(code, where, why, fix)

    def emptied(self, segment: Segment, fields: Mapping[int, tuple[str, ...]]) -> list[str]:
        """The names of a fact's fields that a segment tells empty, by the positions that say so."""
        if not self.nulls:
            return []
        return [name for position, names in fields.items() if is_emptied(segment, position) for name in names]

    def tried(self, read: Callable[[], T | None], where: str) -> T | None:
        """A value, or None and a problem when it cannot be read; for values that may be missing."""
        try:
            return read()
        except values.Unreadable as why:
            self._left_out(where, why)
            return None

    def _left_out(self, where: str, why: values.Unreadable) -> None:
        self.notes.warn("hl7.value", where, f"this field is {why} and was left out", _FIX_VALUE)

    def day(self, segment: Segment, position: int) -> date | None:
        """The date in a field, as it was written."""
        text = segment.text(position)
        try:
            return values.day(text) if text else None
        except values.Unreadable as why:
            self._left_out(segment.at(position), why)
            return None

    def nobody(self, pid: Segment | None) -> None:
        """Say that a PID names no patient by an identifier."""
        self.notes.error(
            "hl7.patient.key",
            pid.at(PID.patient_identifier_list) if pid else f"PID-{PID.patient_identifier_list}",
            "the message names no patient by an identifier, so its facts belong to nobody",
            "have the sender send the record number, or set patient_id_types",
        )

    def instant(self, segment: Segment, position: int, component: int = 1) -> datetime | None:
        """The instant in a field, or in a component of it, in UTC."""
        text = segment.text(position, component)
        try:
            return values.instant(text, zone(self.settings.time_zone)) if text else None
        except values.Unreadable as why:
            self._left_out(segment.at(position), why)
            return None


def is_emptied(segment: Segment, position: int) -> bool:
    """Whether a field holds HL7's explicit null and nothing else, alone or in all of its components."""
    if _NULL not in segment.written(position):
        return False
    return not any(value.text(n) for value in segment.values(position) for n in range(1, _COMPONENTS))


@lru_cache(maxsize=32)
def zone(name: str) -> ZoneInfo:
    """A time zone, looked up once."""
    return ZoneInfo(name)


def text_at(message: Message, places: tuple[str, ...], near: list[Segment] | None = None) -> str:
    """The first of some places that has text: in the segments `near` when they have one of that name, else in the
    first segment of the message that has it; but what is not said of a policy is never taken from another one.
    """
    for name, field, component, sub in spots_of(places):
        if near and near[0].name == name:
            segment: Segment | None = near[0]
        else:
            segment = _nearest(message, name, near) if near else message.first(name)
        if segment is not None and field < len(segment.fields) and segment.fields[field]:
            text = segment.text(field, component, sub)
            if text:
                return text
    return ""


def _nearest(message: Message, name: str, near: list[Segment]) -> Segment | None:
    for segment in near:
        if segment.name == name:
            return segment
    return None if name in _OF_A_POLICY else message.first(name)


@lru_cache(maxsize=1024)
def spots_of(places: tuple[str, ...]) -> tuple[tuple[str, int, int, int], ...]:
    """A profile's places as segment, field, component and subcomponent, worked out once."""
    found = map(place, places)
    return tuple([(spot.segment.decode("ascii"), spot.field, spot.component or 1, spot.sub) for spot in found])


def scene_of(message: Message, settings: Hl7Settings, notes: Notes) -> Scene:
    """Read the header, and the keys of patient and account."""
    header = message.header
    opening = message.first("EVN")
    recorded = opening.text(EVN.event_type_code) if opening is not None else ""
    kind, event = header.read(MSH.message_type, _named, recorded)
    scene = Scene(
        message=message,
        settings=settings,
        notes=notes,
        kind=kind,
        event=event,
        trigger=_trigger(kind, event, settings),
        version="",
        nulls=b'"' in message.raw and b'""' in message.raw,
    )
    if scene.trigger.says is Says.NOTHING:
        return scene
    scene.version = _version(scene, opening)
    pid = message.first("PID")
    if pid is not None:
        scene.patient_key = patient_key(pid, settings)
        scene.account = account_of(pid)
    return scene


@lru_cache(maxsize=256)
def _named(written: str, frame: Frame, recorded: str) -> tuple[str, str]:
    """Type and event of an MSH-9 as it is written; a feed has few of them."""
    parts = components(written, frame, MSG.message_structure)
    return named(parts[MSG.message_code], parts[MSG.trigger_event], parts[MSG.message_structure], recorded)


def _trigger(kind: str, event: str, settings: Hl7Settings) -> Trigger:
    """What the message says; one of a type that the profile lets bill says charges."""
    found = trigger_of(kind, event)
    return CHARGES if found.says is Says.NOTHING and kind in settings.bill_ft1_from else found


def _version(scene: Scene, opening: Segment | None) -> str:
    """MSH-7 (else EVN-2) as a UTC instant, then the sequence number, if there is one: repeats of a key are ordered by
    it as text.
    """
    header = scene.message.header
    sent, written = scene.instant(header, MSH.date_time_of_message), header.text(MSH.date_time_of_message)
    if sent is None and opening is not None:
        sent = scene.instant(opening, EVN.recorded_date_time)
        written = opening.text(EVN.recorded_date_time)
    if sent is None:
        scene.notes.warn(
            "hl7.sent",
            header.at(MSH.date_time_of_message),
            "the message does not say when it was sent, so whatever has a time counts as newer",
            "have the sender fill MSH-7; until then check what was changed twice",
        )
    return version_of(header, sent, written, zone(scene.settings.time_zone))


def account_of(pid: Segment) -> str:
    """The account number of PID, without its authority, as charges and visits name it too."""
    return pid.text(PID.patient_account_number, CX.id_number)


def patient_key(pid: Segment, settings: Hl7Settings) -> str:
    """The key of the patient in PID: the best identifier of PID-3, else PID-2; empty when there is none."""
    listed = pid.every(PID.patient_identifier_list, values.identity)
    found = best_identifiers(listed, settings)
    return found[0] if found else pid.read(PID.patient_id, values.identity).key()


def best_identifiers(listed: list[Identity], settings: Hl7Settings, authority: str = "") -> list[str]:
    """The keys of all identifiers of the type that comes first in the profile, in order; without such a type, the
    first that is not private. `authority` is that of identifiers which name none.
    """
    kept: list[str] = []
    types = settings.patient_id_types
    last = best = len(types)
    for each in listed:
        kind = each.kind
        if not each.number or kind in PRIVATE:
            continue
        rank = types.index(kind) if kind in types else last
        if not kept or rank < best:
            best, kept = rank, [each.key(authority)]
        elif rank == best:
            kept.append(each.key(authority))
    if len(kept) < 2:
        return kept
    return list(dict.fromkeys(kept)) if best < last else kept[:1]
