"""A message's segments by name: `message.pid`, `message.all("FT1")`; named.pyi says what each of them holds."""

from __future__ import annotations

from functools import lru_cache

from hub_hl7_adt.message.lookup import is_table, unknown
from hub_hl7_adt.message.parts import Frame, Segment


@lru_cache(maxsize=256)
def _said(name: bytes) -> str:
    return name.decode("ascii", errors="replace")


class Named:
    """The part of a message that finds segments by their name."""

    __slots__ = ("_by_name", "_frame", "_grouped", "_texts")

    _frame: Frame
    _texts: list[str]
    _by_name: dict[bytes | str, list[Segment]]
    _grouped: dict[str, list[str]] | None

    def all(self, name: bytes | str) -> list[Segment]:
        """Every segment of one name, in order."""
        found = self._by_name.get(name)
        return self._made(name) if found is None else found

    def _made(self, name: bytes | str) -> list[Segment]:
        said = _said(name) if isinstance(name, bytes) else name
        lines = (self._grouped or self._lines_by_name()).get(said)
        if lines is None:
            found = self._by_name[name] = []
            return found
        frame = self._frame
        found = [Segment(line, frame, n, said) for n, line in enumerate(lines, 1)]
        self._by_name[said] = self._by_name[said.encode()] = found
        return found

    def first(self, name: bytes | str) -> Segment | None:
        """The first segment of one name, if any."""
        found = self._by_name.get(name)
        if found is None:
            found = self._made(name)
        return found[0] if found else None

    def _lines_by_name(self) -> dict[str, list[str]]:
        grouped = self._grouped
        if grouped is None:
            grouped, mark = {}, self._frame.field
            for line in self._texts:
                name = line[:3]
                if line[3:4] != mark and len(line) != 3:
                    name = line.split(mark, 1)[0]
                if name in grouped:
                    grouped[name].append(line)
                else:
                    grouped[name] = [line]
            self._grouped = grouped
        return grouped

    def __getattr__(self, name: str) -> Segment:
        said = name.upper()
        if len(name) != 3 or not name.islower() or not (is_table(said) or said.startswith("Z")):
            raise unknown(name)
        found = self.all(said)
        return found[0] if found else Segment("", self._frame, 1, said)
