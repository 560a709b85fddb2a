"""Reads an 837P as a partner does: envelopes, transaction sets, and each claim with its lines, in one pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from hub.sandbox.amounts import cents_of
from hub.sandbox.claims import (
    Cas,
    Claim,
    Line,
    OtherCover,
    Person,
    PriorLine,
    Provider,
    TransactionSet,
)
from hub.x12.wire import Delimiters, Wire

ISA_ELEMENTS = 16
_OURS = Delimiters()
_SAFE = str.maketrans("*~:^", "    ")


class Group(msgspec.Struct, kw_only=True):
    """One GS to GE; `declared` is GE01, or -1 when the trailer is missing or does not echo GS06."""

    sender: str
    receiver: str
    control: str
    functional: str
    version: str
    sets: list[TransactionSet] = msgspec.field(default_factory=list)
    declared: int = -1


class Interchange(msgspec.Struct, kw_only=True):
    """One ISA to IEA: the header's elements, its groups, and the TA105 note code (`000` when it is good)."""

    header: list[str]
    groups: list[Group] = msgspec.field(default_factory=list)
    note: str = "000"
    closed: bool = False

    @property
    def control(self) -> str:
        """ISA13 as sent."""
        return self.header[13]


def read_interchanges(data: bytes) -> list[Interchange]:
    """Reads every interchange of a file. A file that does not even begin with an ISA gives an empty list.

    Structure faults of the envelopes become note codes and broken sets; a set whose amounts or loops cannot be
    read is marked broken, and the others stay good.
    """
    found: list[Interchange] = []
    walker = _Walker()
    wire = Wire(data)
    for block in wire:
        marks = block.delimiters
        plain = (marks.element, marks.component, marks.segment) == (_OURS.element, _OURS.component, _OURS.segment)
        for text in block.segments:
            parts = text.split(marks.element)
            if parts[0] == "ISA":
                walker.leave()
                found.append(_opened(parts, fixed=block.fixed_width))
                walker.enter(found[-1])
            elif found:
                walker.take(parts if plain else _translated(parts, marks))
    walker.leave()
    if wire.truncated and found:
        found[-1].note = "023"
    return found


def _opened(parts: list[str], *, fixed: bool) -> Interchange:
    note = "000"
    whole = len(parts) == ISA_ELEMENTS + 1
    header = [part.translate(_SAFE) for part in [*parts, *[""] * ISA_ELEMENTS][: ISA_ELEMENTS + 1]]
    if not fixed or not whole:
        note = "024"
    elif parts[12] != "00501":
        note = "017"
    elif parts[15] not in {"P", "T"}:
        note = "020"
    return Interchange(header=header, note=note)


def _translated(parts: list[str], marks: Delimiters) -> list[str]:
    """Elements with our component separator, and without our delimiters in their data."""
    if parts[0] not in {"SV1", "CLM", "SVD", "HI"}:
        return [part.translate(_SAFE) for part in parts]
    return [":".join(p.translate(_SAFE) for p in part.split(marks.component)) for part in parts]


class _Walker:
    """Keeps the place in the file; one handler for each segment that the partner reads."""

    def __init__(self) -> None:
        self._interchange: Interchange | None = None
        self._group: Group | None = None
        self._set: TransactionSet | None = None
        self._reader = SetReader()

    def enter(self, interchange: Interchange) -> None:
        self._interchange = interchange
        self._group = self._set = None

    def leave(self) -> None:
        """The interchange ends here, whether it was closed or not."""
        if self._interchange is not None:
            if self._set is not None:
                self._set.broken = "2"
            if not self._interchange.closed and self._interchange.note == "000":
                self._interchange.note = "023"
        self._interchange = None

    def take(self, parts: list[str]) -> None:
        kind = parts[0]
        if self._set is not None:
            self._set.segments += 1
            if kind == "SE":
                self._close_set(parts)
            elif not self._set.broken:
                self._read(parts)
        elif kind == "ST":
            self._open_set(parts)
        else:
            self._envelope(kind, [*parts, *[""] * 9])

    def _read(self, parts: list[str]) -> None:
        current = self._set
        if current is None:
            return
        try:
            self._reader.take(parts)
        except (ValueError, IndexError):
            current.broken = "5"

    def _open_set(self, parts: list[str]) -> None:
        self._set = TransactionSet(
            control=parts[2] if len(parts) > 2 else "", version=parts[3] if len(parts) > 3 else "", segments=1
        )
        self._reader.begin(self._set)
        if self._group is not None:
            self._group.sets.append(self._set)

    def _close_set(self, parts: list[str]) -> None:
        current = self._set
        self._set = None
        if current is None:
            return
        said = parts[1] if len(parts) > 1 else ""
        echo = parts[2] if len(parts) > 2 else ""
        if echo != current.control:
            current.broken = "3"
        elif said != str(current.segments):
            current.broken = "4"

    def _envelope(self, kind: str, parts: list[str]) -> None:
        interchange, group = self._interchange, self._group
        if interchange is None:
            return
        if kind == "GS":
            self._group = Group(
                functional=parts[1], sender=parts[2], receiver=parts[3], control=parts[6], version=parts[8]
            )
            interchange.groups.append(self._group)
        elif kind == "GE" and group is not None:
            if parts[2] == group.control and parts[1].isdigit():
                group.declared = int(parts[1])
            self._group = None
        elif kind == "IEA":
            interchange.closed = True
            if interchange.note == "000":
                interchange.note = _trailer_note(interchange, parts)


def _trailer_note(interchange: Interchange, parts: list[str]) -> str:
    if parts[2] != interchange.control:
        return "001"
    if parts[1] != str(len(interchange.groups)):
        return "021"
    return "000"


class SetReader:
    """Reads the segments of one 837P transaction set into its claims; raises ValueError or IndexError for a set
    that cannot be read. Sources: 005010X222A1 loops 1000A, 2000A to 2000C, 2300, 2320, 2330, 2400, 2430.
    """

    def __init__(self) -> None:
        self._handlers: dict[str, Callable[[list[str]], None]] = {
            "BHT": self._bht, "HL": self._hl, "NM1": self._nm1, "N3": self._n3, "N4": self._n4,
            "REF": self._ref, "SBR": self._sbr, "CLM": self._clm, "LX": self._lx, "SV1": self._sv1,
            "DTP": self._dtp, "CAS": self._cas, "AMT": self._amt, "SVD": self._svd,
        }  # fmt: skip

    def begin(self, current: TransactionSet) -> None:
        """Start on a new set."""
        self._set = current
        self._level = ""
        self._person = ""
        self._provider = Provider()
        self._subscriber = self._patient = Person()
        self._rank = self._filing = self._payer_id = self._payer_name = ""
        self._claim: Claim | None = None
        self._other: OtherCover | None = None
        self._line: Line | None = None

    def take(self, parts: list[str]) -> None:
        """One segment."""
        handler = self._handlers.get(parts[0])
        if handler is not None:
            handler(parts)

    def _bht(self, parts: list[str]) -> None:
        self._set.reference = parts[3]

    def _hl(self, parts: list[str]) -> None:
        self._level = parts[3]
        self._claim = self._other = self._line = None
        if self._level == "20":
            self._provider = Provider()
        elif self._level == "22":
            self._subscriber = self._patient = Person()

    def _sbr(self, parts: list[str]) -> None:
        filing = parts[9] if len(parts) > 9 else ""
        if self._claim is None:
            self._rank, self._filing = parts[1], filing
        else:
            self._other = OtherCover(rank=parts[1], filing=filing)
            self._claim.others.append(self._other)

    def _nm1(self, parts: list[str]) -> None:
        self._person = code = parts[1]
        if self._claim is None:
            self._outer_name(code, parts)
        elif self._line is None:
            if self._other is None:
                if code == "82":
                    self._claim.rendering_npi = _at(parts, 9)
            elif code == "IL":
                self._other.subscriber = _person(parts)
            elif code == "PR":
                self._other.payer_name, self._other.payer_id = parts[3], _at(parts, 9)

    def _outer_name(self, code: str, parts: list[str]) -> None:
        if code == "IL":
            self._subscriber = self._patient = _person(parts)
        elif code == "QC":
            person = _person(parts)
            person.qualifier, person.id = self._subscriber.qualifier, self._subscriber.id
            self._patient = person
        elif code == "PR":
            self._payer_name, self._payer_id = parts[3], _at(parts, 9)
        elif code == "85":
            self._provider.name, self._provider.npi = _full_name(parts), _at(parts, 9)
        elif code == "41":
            self._set.submitter_name, self._set.submitter_id = _full_name(parts), _at(parts, 9)

    def _n3(self, parts: list[str]) -> None:
        if self._person == "85" and self._claim is None:
            self._provider.street = parts[1]

    def _n4(self, parts: list[str]) -> None:
        if self._person == "85" and self._claim is None:
            provider = self._provider
            provider.city, provider.state, provider.postal = parts[1], _at(parts, 2), _at(parts, 3)

    def _ref(self, parts: list[str]) -> None:
        code = parts[1]
        if self._line is not None:
            if code == "6R":
                self._line.control = parts[2]
        elif self._claim is not None:
            if code == "F8" and self._other is None:
                self._claim.original = parts[2]
        elif self._person == "85" and code in {"EI", "SY"}:
            self._provider.tax_id = parts[2]

    def _clm(self, parts: list[str]) -> None:
        place = parts[5].split(":")
        self._other = self._line = None
        self._claim = Claim(
            pcn=parts[1],
            charge=cents_of(parts[2]),
            place=place[0],
            frequency=place[2],
            rank=self._rank,
            filing=self._filing,
            payer_id=self._payer_id,
            payer_name=self._payer_name,
            provider=self._provider,
            subscriber=self._subscriber,
            patient=self._patient,
        )
        self._set.claims.append(self._claim)

    def _lx(self, parts: list[str]) -> None:
        if self._claim is None:
            raise ValueError("a line stands outside a claim")
        self._other = None
        self._line = Line(number=parts[1])
        self._claim.lines.append(self._line)

    def _sv1(self, parts: list[str]) -> None:
        if self._line is None:
            raise ValueError("a service stands outside a line")
        self._line.procedure = ":".join(parts[1].split(":")[:6]).rstrip(":")
        self._line.charge = cents_of(parts[2])
        self._line.units = _at(parts, 4) or "1"

    def _dtp(self, parts: list[str]) -> None:
        if parts[1] == "472" and self._line is not None:
            begins, _, ends = parts[3].partition("-")
            self._line.begins, self._line.ends = begins, ends or begins

    def _svd(self, parts: list[str]) -> None:
        if self._line is not None:
            prior = PriorLine(payer_id=parts[1], paid=cents_of(parts[2]), adjustments=[])
            self._line.prior.append(prior)

    def _cas(self, parts: list[str]) -> None:
        if self._line is not None and self._line.prior:
            self._line.prior[-1].adjustments.extend(_triplets(parts))
        elif self._other is not None:
            self._other.adjustments.extend(_triplets(parts))

    def _amt(self, parts: list[str]) -> None:
        if parts[1] == "D" and self._other is not None and self._line is None:
            self._other.paid = cents_of(parts[2])


def _at(parts: list[str], position: int) -> str:
    return parts[position] if len(parts) > position else ""


def _person(parts: list[str]) -> Person:
    return Person(
        last=_at(parts, 3), first=_at(parts, 4), middle=_at(parts, 5), qualifier=_at(parts, 8), id=_at(parts, 9)
    )


def _full_name(parts: list[str]) -> str:
    return " ".join(part for part in (_at(parts, 4), _at(parts, 3)) if part)


def _triplets(parts: list[str]) -> Iterable[Cas]:
    """CAS02-04, CAS05-07 and so on, with their group."""
    for at in range(2, len(parts) - 1, 3):
        if parts[at]:
            yield parts[1], parts[at], cents_of(parts[at + 1])
