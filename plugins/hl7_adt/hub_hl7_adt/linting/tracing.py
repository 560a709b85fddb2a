"""Finds which place of a message becomes what, by changing one place after the other and reading again.

No second table says what the mapping does: each filled place is altered a little (else emptied), the message is
read again under the same profile, and what came out differently is what the place becomes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec

from hub.model.facts import AnyFact, Reading
from hub_hl7_adt.linting.evidence import filled, is_named
from hub_hl7_adt.linting.samples import Sample
from hub_hl7_adt.names import MSG, MSH
from hub_hl7_adt.reading import read_message
from hub_hl7_adt.settings import Hl7Settings
from hub_hl7_adt.wire import Message, message_of

_REPEATS = 2
_MOST = 24
_TIMES = 2
_READS = 12_000
_INDEX = re.compile(r"\.\d+(?=\.|$)")
_QUIET = ("version", "cleared", "stamps", "fact", "partial")

Becomes = tuple[str, str]
"""A thing (`patient`, `coverage`, `visit`, `charge`) and a field of it (`birth date`)."""


class Spot(msgspec.Struct, frozen=True):
    """One component in one message: which line, field, component, and the place as people write it."""

    line: int
    field: int
    component: int
    place: str


class Trace(msgspec.Struct, kw_only=True):
    """What becomes what: for each field of a thing the places that feed it; the fields that have a value at all, be
    it by default or from several places together; and the filled places that feed nothing, by field (`PV1-10`).
    """

    becomes: dict[Becomes, Counter[str]] = {}
    present: set[Becomes] = set()
    unread: Counter[str] = msgspec.field(default_factory=Counter)
    messages: int = 0


def traced(samples: tuple[Sample, ...], settings: Hl7Settings) -> Trace:
    """Trace the fewest messages that show every filled place of every kind of message."""
    trace = Trace()
    used: set[str] = set()
    tried: Counter[str] = Counter()
    budget = _READS
    for message in _telling(samples, settings):
        before = read_message(message.raw, settings)
        trace.present |= _present(before)
        spots = [spot for spot in _spots(message) if tried[spot.place] < _TIMES]
        budget -= 2 * len(spots)
        if budget < 0:
            break
        trace.messages += 1
        tried.update(spot.place for spot in spots)
        for spot in _of_read_segments(message, spots, before, settings):
            for becomes in _differences(message, spot, before, settings):
                trace.becomes.setdefault(becomes, Counter())[spot.place] += 1
                used.add(_field(spot.place))
    trace.unread = Counter(field for field in map(_field, tried) if field not in used)
    return trace


def _field(place: str) -> str:
    return place.partition(".")[0]


def _of_read_segments(message: Message, spots: list[Spot], before: Reading, settings: Hl7Settings) -> list[Spot]:
    """The places in segments that matter: what is read as before without a segment does not depend on it."""
    silent = set()
    for line in {spot.line for spot in spots} - {0}:
        rest = b"\r".join([*message.lines[:line], *message.lines[line + 1 :]])
        after = read_message(rest, settings)
        if (after.facts, after.not_billable) == (before.facts, before.not_billable):
            silent.add(line)
    return [spot for spot in spots if spot.line not in silent]


def _telling(samples: tuple[Sample, ...], settings: Hl7Settings) -> list[Message]:
    """Messages that come to facts, each of which has a filled place that no earlier one had; the fullest first."""
    rated = []
    for sample in samples:
        message = message_of(sample.body, settings.charset)
        if message is None or not read_message(sample.body, settings).facts:
            continue
        header = message.header.text(MSH.message_type) + message.header.text(MSH.message_type, MSG.trigger_event)
        rated.append((message, {f"{header} {spot.place}" for spot in _spots(message)}))
    rated.sort(key=lambda pair: (b"\rFT1" not in pair[0].raw, -len(pair[1])))
    known: set[str] = set()
    chosen: list[Message] = []
    for message, places in rated:
        if not places <= known and len(chosen) < _MOST:
            known |= places
            chosen.append(message)
    return chosen


def _spots(message: Message) -> Iterator[Spot]:
    """The filled components of a message's first segments of each name."""
    repetition, component = message.seps.repetition.decode(), message.seps.component.decode()
    for index, segment in enumerate(message.segments):
        if segment.number > _REPEATS or not is_named(segment):
            continue
        for field in filled(segment):
            first = segment.written(field).split(repetition)[0]
            for number, part in enumerate(first.split(component), 1):
                if part and part != '""':
                    yield Spot(index, field, number, f"{segment.name}-{field}.{number}")


def _differences(message: Message, spot: Spot, before: Reading, settings: Hl7Settings) -> set[Becomes]:
    """What differs once the place holds something else; where that breaks a fact, something else again."""
    last: set[Becomes] = set()
    for change in (_next, _previous, _nothing):
        found = _compared(before, read_message(_altered(message, spot, change), settings))
        if found and not any(name == NEEDED for _, name in found):
            return found
        last = found or last
    return last


NEEDED = "is read at all"


def _compared(before: Reading, after: Reading) -> set[Becomes]:
    found = {("message", "bills or not")} if before.not_billable != after.not_billable else set()
    if before.facts and not after.facts:
        return {*found, ("message", NEEDED)}
    ours, theirs = _by_kind(before), _by_kind(after)
    for kind, facts in ours.items():
        others = theirs.get(kind, [])
        if len(others) != len(facts):
            found.add((kind, NEEDED))
            continue
        for one, other in zip(facts, others, strict=True):
            found |= {
                (kind, _words(path)) for path in one.keys() | other.keys() if one.get(path) != other.get(path)
            }
    return found


def _present(reading: Reading) -> set[Becomes]:
    return {(kind, _words(path)) for kind, facts in _by_kind(reading).items() for one in facts for path in one}


def _by_kind(reading: Reading) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for fact in reading.facts:
        found.setdefault(_kind(fact), []).append(_flat(fact))
    return found


_KINDS = {"encounter": "visit", "patient": "patient"}


def _kind(fact: AnyFact) -> str:
    name = type(fact).__name__.removesuffix("Fact").lower()
    if name == "charge":
        kind = str(getattr(fact, "kind", "charge"))
        return name if kind in ("charge", "credit") else "money"
    return _KINDS.get(name, name)


def _flat(fact: AnyFact) -> dict[str, Any]:
    found: dict[str, Any] = {}
    _flatten("", msgspec.to_builtins(fact), found)
    return found


def _flatten(path: str, value: Any, into: dict[str, Any]) -> None:
    if isinstance(value, dict):
        pairs = [(str(key), one) for key, one in value.items() if path or key not in _QUIET]
    elif isinstance(value, list):
        pairs = [(str(index), one) for index, one in enumerate(value)]
    else:
        if value not in ("", None):
            into[path] = value
        return
    for key, one in pairs:
        _flatten(f"{path}.{key}" if path else key, one, into)


_NAMES = {"patient": "", "codings": "code", "diagnoses": "diagnosis", "encounter key": "visit"}


def _words(path: str) -> str:
    words = _INDEX.sub("", path).replace(".", " ").replace("_", " ").removeprefix("patient ")
    return _NAMES.get(words, words) or words


def _altered(message: Message, spot: Spot, change: Any) -> bytes:
    lines = list(message.lines)
    seps = message.seps
    offset = 1 if lines[spot.line].startswith(b"MSH") else 0
    parts = lines[spot.line].split(seps.field)
    values = parts[spot.field - offset].split(seps.repetition)
    components = values[0].split(seps.component)
    components[spot.component - 1] = change(components[spot.component - 1])
    values[0] = seps.component.join(components)
    parts[spot.field - offset] = seps.repetition.join(values)
    lines[spot.line] = seps.field.join(parts)
    return b"\r".join(lines)


def _turned(raw: bytes, digits: bytes, letters: bytes) -> bytes:
    """The last letter or digit becomes another one."""
    for index in range(len(raw) - 1, -1, -1):
        char = raw[index : index + 1]
        if char.isdigit():
            return raw[:index] + digits[int(char) : int(char) + 1] + raw[index + 1 :]
        if char.isalpha():
            place = (char.upper()[0] - 65) % 26
            return raw[:index] + letters[place : place + 1] + raw[index + 1 :]
    return b""


def _next(raw: bytes) -> bytes:
    return _turned(raw, b"1234567890", b"BCDEFGHIJKLMNOPQRSTUVWXYZA")


def _previous(raw: bytes) -> bytes:
    return _turned(raw, b"9012345678", b"ZABCDEFGHIJKLMNOPQRSTUVWXY")


def _nothing(_raw: bytes) -> bytes:
    return b""
