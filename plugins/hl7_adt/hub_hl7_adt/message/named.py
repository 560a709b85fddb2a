"""A message's segments by name: `message.pid`, `message.all("FT1")`; named.pyi says what each of them holds."""

from __future__ import annotations

from typing import ClassVar

from hub_hl7_adt.message.parts import HEADERS, Frame, Segment


class Named:
    """The part of a message that finds segments by their name; `_kind` is what it makes of them."""

    __slots__ = ("_by_name", "_frame", "_order", "_texts", "header")

    header: Segment
    _kind: ClassVar[type[Segment]] = Segment
    _frame: Frame
    _texts: list[str]
    _by_name: dict[str, list[Segment]]
    _order: list[Segment]

    def all(self, name: bytes | str) -> list[Segment]:
        """Every segment of one name, in order."""
        if not self._order:
            self._split()
        return self._by_name.get(name if isinstance(name, str) else name.decode("latin-1"), [])

    def first(self, name: bytes | str) -> Segment | None:
        """The first segment of one name, if any."""
        if not self._order:
            self._split()
        found = self._by_name.get(name if isinstance(name, str) else name.decode("latin-1"))
        return found[0] if found else None

    def _split(self) -> None:
        """Every segment is split and told apart by its name, once."""
        frame, by_name, order, kind = self._frame, self._by_name, self._order, self._kind
        mark = frame.field
        order.append(self.header)
        by_name[self.header.name] = [self.header]
        for line in self._texts[1:]:
            fields = line.split(mark)
            name = fields[0]
            if name in HEADERS:
                fields.insert(1, mark)
            known = by_name.get(name)
            if known is None:
                segment = kind(fields, frame, 1, name)
                by_name[name] = [segment]
            else:
                segment = kind(fields, frame, len(known) + 1, name)
                known.append(segment)
            order.append(segment)
