"""What differs from copy to copy: ids, control numbers and ledger numbers, found in texts and filled in anew."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from hub.store.crypto import DataKeys
from hub.store.schema import METADATA
from hub.store.session import Session

ID = re.compile(r"[a-z]+_[0-9A-HJKMNP-TV-Z]{26}")
WORD = re.compile(r"[A-Za-z0-9_]{8,}")
MARK = "\x01"
LINE = re.compile(r'"control_number":"L(\d+)"')
STATEMENT = re.compile(r'^{"number":"(\d+)"')
THROUGH = re.compile(r'"through_entry":(\d+)')
OF_FILE = re.compile(r"\d{6,9}")
TIME = slice(-26, -16)
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
#: Segment and element -> the scope of the number that stands there, and how it is written.
PLACES: dict[tuple[str, int], tuple[str, str]] = {
    ("ISA", 13): ("isa13", "#9"),
    ("IEA", 2): ("isa13", "#9"),
    ("GS", 6): ("gs06", ""),
    ("GE", 2): ("gs06", ""),
    ("ST", 2): ("st02", "#9"),
    ("SE", 2): ("st02", "#9"),
    ("TA1", 1): ("isa13", "#9"),
    ("AK1", 2): ("gs06", ""),
    ("AK2", 2): ("st02", "#9"),
}
#: In an interchange of a partner these are the partner's own numbers.
OUR_ENVELOPE = frozenset({"ISA", "IEA", "GS", "GE", "ST", "SE"})
Rows = list[tuple[Any, ...]]


class Template:
    """A text with places where something else stands in each copy."""

    __slots__ = ("_keys", "_parts")

    def __init__(self, marked: str) -> None:
        self._parts = marked.split(MARK)
        self._keys = self._parts[1::2]

    @property
    def fixed(self) -> bool:
        """Whether it is the same in every copy."""
        return not self._keys

    def fill(self, new: Mapping[Any, Any]) -> str:
        """The text of one copy."""
        parts = self._parts.copy()
        parts[1::2] = [new[key] for key in self._keys]
        return "".join(parts)


class Marks:
    """Every id and number of the rows that are copied, and what each is called in a copy."""

    def __init__(self, raw: Mapping[str, Rows], numbers: Mapping[str, list[tuple[str, str]]]) -> None:
        self.pcns = {value for value, _ in numbers.get("pcn", ())}
        self.numbers = {f"{scope}/{value}" for scope, values in numbers.items() for value, _ in values}
        self.ids: set[str] = set()
        self.keyed: set[str] = set()
        self.through: set[int] = set()
        self._blobs = _carriers(raw)
        self._mailboxes = {row["id"]: row["mailbox"] for row in _named("files", raw["files"])}
        for rows in raw.values():
            for row in rows:
                self.ids.update(found for cell in row if isinstance(cell, str) for found in ID.findall(cell))
        moments = sorted({one[TIME] for one in self.ids})
        self._rank = {moment: place for place, moment in enumerate(moments, 1)}
        self._after = _millis(moments[-1])
        self.spans: dict[str, int] = {}

    @property
    def span_millis(self) -> int:
        """How much later each copy is than the one before it."""
        return len(self._rank)

    def renamed(self, number: int, keys: DataKeys) -> dict[Any, Any]:
        """Each id as copy `number` has it: behind all before it, in the same order; and each keyed digest."""
        begin = self._after + (number - 1) * self.span_millis
        moments = {moment: _spelled(begin + place) for moment, place in self._rank.items()}
        new: dict[Any, Any] = {one: f"{one[:-26]}{moments[one[TIME]]}{one[-16:]}" for one in self.ids}
        new.update({old: keys.digest("copy", f"{begin}|{old}") for old in self.keyed})
        new.update({f"through/{no}": str(no + number * self.spans["ledger_entries"]) for no in self.through})
        new.update({None: None, "": ""})
        return new

    def words(self, text: str) -> Template:
        """Ids and patient control numbers wherever they stand."""
        return Template(self._words(text))

    def document(self, text: str) -> Template:
        """A document's JSON, with its line, statement and ledger numbers."""
        text = self._words(text)
        text = LINE.sub(self._numbered("line", '"control_number":"L{}"'), text)
        text = STATEMENT.sub(self._numbered("statement", '{{"number":"{}"'), text)
        self.through.update(int(no) for no in THROUGH.findall(text))
        return Template(THROUGH.sub(rf'"through_entry":{MARK}through/\1{MARK}', text))

    def interchange(self, text: str, mailbox: str, *, ours: bool) -> Template:
        """The bytes of an X12 file, ours or one that answers it."""
        return Template("~".join([self._segment(one, mailbox, ours=ours) for one in text.split("~")]))

    def blob(self, blob_id: str, body: bytes) -> Template | bytes:
        """The bytes of a blob; of those that are no X12 every copy has the same."""
        mailbox, ours = self._blobs.get(blob_id, ("", False))
        if not body.startswith(b"ISA"):
            return body
        made = self.interchange(body.decode(), mailbox, ours=ours)
        return body if made.fixed else made

    def st02(self, value: str, file_id: str) -> Template:
        """The transaction set that carries a submission."""
        return self.number("st02", value, self._mailboxes.get(file_id, ""), "#9")

    def file_name(self, name: str, mailbox: str, isa13: str | None) -> Template:
        """A file's name, which holds its number."""
        scope, width = ("isa13", "#9") if isa13 else ("print", "#6")
        return Template(OF_FILE.sub(lambda found: self._number(scope, found[0], mailbox, width), name))

    def number(self, scope: str, value: str, mailbox: str, width: str = "") -> Template:
        """A column that holds a number alone."""
        return Template(self._number(scope, value, mailbox, width))

    def _words(self, text: str) -> str:
        return WORD.sub(self._word, text)

    def _word(self, found: re.Match[str]) -> str:
        word = found[0]
        return f"{MARK}{word}{MARK}" if word in self.ids or word in self.pcns else word

    def _numbered(self, scope: str, around: str) -> Callable[[re.Match[str]], str]:
        def mark(found: re.Match[str]) -> str:
            key = f"{scope}/{found[1]}"
            return around.format(f"{MARK}{key}{MARK}") if key in self.numbers else found[0]

        return mark

    def _number(self, scope: str, value: str, mailbox: str, width: str) -> str:
        if not value.isdigit():
            return value
        key = f"{scope}:{mailbox}/{int(value)}" if mailbox else f"{scope}/{int(value)}"
        return f"{MARK}{key}{width}{MARK}" if key in self.numbers else value

    def _segment(self, text: str, mailbox: str, *, ours: bool) -> str:
        elements = text.split("*")
        tag = elements[0].strip()
        for at, value in enumerate(elements[1:], 1):
            place = PLACES.get((tag, at))
            if place and (ours or tag not in OUR_ENVELOPE):
                elements[at] = self._number(place[0], value, mailbox, place[1])
            elif tag == "REF" and at == 2 and elements[1] == "6R":
                elements[at] = value[:1] + self._number("line", value[1:], "", "")
            elif (tag, at) in {("BHT", 3), ("TRN", 2)} and "-" in value:
                isa13, _, st02 = value.partition("-")
                pair = (self._number("isa13", isa13, mailbox, ""), self._number("st02", st02, mailbox, "#9"))
                elements[at] = "-".join(pair)
            else:
                elements[at] = self._words(value)
        return "*".join(elements)


def written(table: str) -> tuple[str, ...]:
    """The columns that are written: not those that the database makes of others."""
    return tuple(column.name for column in METADATA.tables[table].columns if column.computed is None)


def _named(table: str, rows: Rows) -> list[dict[str, Any]]:
    return [dict(zip(written(table), row, strict=True)) for row in rows]


def _carriers(raw: Mapping[str, Rows]) -> dict[str, tuple[str, bool]]:
    """Blob -> (the mailbox it belongs to, whether it is a file of ours)."""
    came = {row["blob_id"]: (row["source"], False) for row in _named("inbox", raw["inbox"])}
    return {**came, **{row["blob_id"]: (row["mailbox"], True) for row in _named("files", raw["files"])}}


def numbers_of(session: Session) -> dict[str, list[tuple[str, str]]]:
    """(value, what it was used for) of every control number, by scope, in the order in which they were taken."""
    found: dict[str, list[tuple[str, str]]] = {}
    for scope, value, ref in session.conn.exec_driver_sql("SELECT scope, value, ref FROM control_numbers"):
        found.setdefault(scope, []).append((value, ref))
    for values in found.values():
        values.sort(key=lambda one: (len(one[0]), one[0]))
    return found


def _millis(moment: str) -> int:
    number = 0
    for sign in moment:
        number = number * 32 + _CROCKFORD.index(sign)
    return number


def _spelled(millis: int) -> str:
    return "".join([_CROCKFORD[millis >> shift & 31] for shift in range(45, -1, -5)])
