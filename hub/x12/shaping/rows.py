"""The declaration of a shape as data: rows, columns, loops inside.

A place is a segment id with the codes that its first element may have: `REF 6R`, `DTM 472,150`, `N3`. Another
element that holds the code is named by `@`: `HL@3 22`, `HI@1.1 ABK`. Columns are tokens, one per value:

    03=last                 text; "" where it is absent
    02=charge:money!        of a kind of `kinds.py`; `!` is required: absent it is `Unreadable`
    05=units:number/known   where it is absent the field has its default, and the field `known` is False
    01.2=code               a part of a composite
    01.3-6=modifiers        the texts of a run of parts or elements, as a tuple; `~` for `=` keeps empty ones
    02#1                    a constant; `08#XX?09` one that stands only where element 09 does
    03=name.last            a field of a record inside; several rows may fill one

A typed value that is absent is None, or the default of its field where that is not None. Of several codes with a
column of their own, the first is shown as "".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from hub.x12.shaping.kinds import KINDS, Kind

_TOKEN = re.compile(
    r"(\d\d)(?:\.(\d+))?(?:-(\d+))?(?:#([^?\s]+)(?:\?(\d\d))?|([=~])([\w.]*)(?::(\w+))?(!)?(?:/([\w.]+))?)"
)
_PLACE = re.compile(r"(\w+)(?:@(\d+)(\.1)?)?(?: (\S+))?")


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """One value of a segment: element `at`, its `part` (0: the whole), up to `last` where it is a run of texts.

    `gaps` keeps the empty ones between them.
    """

    at: int
    part: int = 0
    last: int = 0
    path: str = ""
    kind: str = ""
    required: bool = False
    told: str = ""
    constant: str = ""
    beside: int = 0
    gaps: bool = False


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A segment of the loop. `field` gathers any number of them, else its columns are fields of the record."""

    tag: str
    codes: tuple[str, ...] = ()
    code_at: int = 1
    code_in_part: bool = False
    columns: tuple[Column, ...] = ()
    field: str = ""
    type: type | None = None
    item: tuple[Column, ...] = ()
    times: int = 0
    breaks: str = ""
    few: bool = False
    usual: int = 0


class Inner(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A loop inside, opened by a segment; `many` gathers any number of them."""

    tag: str
    codes: tuple[str, ...]
    code_at: int
    code_in_part: bool
    field: str
    shape: Shape
    many: bool


class Shape(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One record type bound to one loop; make it with `shape`."""

    type: type
    loop: str
    rows: tuple[Row | Inner, ...]
    given: tuple[str, ...] = ()
    derive: Mapping[str, tuple[Any, ...]] = {}
    ends: frozenset[str] = frozenset()
    kinds: Mapping[str, Kind] = {}
    often: tuple[str, ...] = ()


def shape(
    type: type,  # noqa: A002 - it is one
    loop: str,
    *rows: Row | Inner,
    given: Sequence[str] = (),
    derive: Mapping[str, tuple[Any, ...]] | None = None,
    ends: Sequence[str] = (),
    kinds: Sequence[Kind] = (),
    often: Sequence[str] = (),
) -> Shape:
    """Binds a record type to a loop: rows in the guide's order, the opener first.

    `given` are constructor arguments that the caller passes to the reader; `derive` gives fields that are
    computed from others after reading: `{"field": (function, "source", ...)}`; `ends` the segment ids that
    end the outermost loop; `often` the fields that are nearly always there, for speed.
    """
    known = {**KINDS, **{one.name: one for one in kinds}}
    return Shape(
        type=type,
        loop=loop,
        rows=rows,
        given=tuple(given),
        derive=derive or {},
        ends=frozenset(ends) | {""},
        kinds=known,
        often=tuple(often),
    )


def row(place: str, columns: str, *, few: bool = False, usual: int = 0) -> Row:
    """A segment that stands once, such as `row("REF 6R", "02=control_number")`.

    For speed: `few` says that its texts repeat, `usual` how many elements it seldom has more than.
    """
    tag, codes, code_at, in_part = _place(place)
    return Row(
        tag=tag,
        codes=codes,
        code_at=code_at,
        code_in_part=in_part,
        columns=_fixed(place, columns),
        few=few,
        usual=usual,
    )


def each(
    place: str,
    field: str,
    type: type | None,  # noqa: A002 - it is one
    columns: str,
    item: str = "",
    *,
    times: int = 0,
    breaks: str = "",
    few: bool = False,
) -> Row:
    """Segments that gather in a tuple of records; with `item` a group of elements that stands up to `times` times.

    `breaks` is a field for the places of groups that begin a segment of their own though the one before has room.
    `few` says that their texts repeat, so that what was made of them is kept and used again.
    """
    tag, codes, code_at, in_part = _place(place)
    return Row(
        tag=tag,
        codes=codes,
        code_at=code_at,
        code_in_part=in_part,
        columns=_fixed(place, columns) if not item else _columns(columns),
        field=field,
        type=type,
        item=_columns(item),
        times=times,
        breaks=breaks,
        few=few,
    )


def values(place: str, field: str, column: str, *, few: bool = False) -> Row:
    """Segments of which one value each gathers in a tuple: `values("LQ HE", "remarks", "02:code")`."""
    at, _, named = column.partition(":")
    return each(place, field, None, f"{at}=value" + (f":{named}" if named else ""), few=few)


def one(place: str, field: str, inner: Shape) -> Inner:
    """A loop inside that stands once: a record or None."""
    tag, codes, code_at, in_part = _place(place)
    return Inner(
        tag=tag, codes=codes, code_at=code_at, code_in_part=in_part, field=field, shape=inner, many=False
    )


def many(place: str, field: str, inner: Shape) -> Inner:
    """A loop inside that repeats: a tuple of records."""
    return msgspec.structs.replace(one(place, field, inner), many=True)


def _place(place: str) -> tuple[str, tuple[str, ...], int, bool]:
    found = _PLACE.fullmatch(place)
    if found is None:
        raise ValueError(f"cannot read the place {place!r}")
    tag, at, part, codes = found.groups()
    return tag, tuple(codes.split(",")) if codes else (), int(at or 1), bool(part)


def _fixed(place: str, columns: str) -> tuple[Column, ...]:
    """The columns of a row, its single code as a constant."""
    _, codes, at, in_part = _place(place)
    made = _columns(columns)
    there = any(one.at == at and (not in_part or one.part == 1) for one in made)
    if codes and not there:
        if len(codes) > 1:
            raise ValueError(f"{place!r}: which of the codes it was needs a column")
        made = (Column(at=at, part=int(in_part), constant=codes[0]), *made)
    return tuple(sorted(made, key=lambda one: (one.at, one.part)))


def _columns(tokens: str) -> tuple[Column, ...]:
    made = []
    for token in tokens.split():
        found = _TOKEN.fullmatch(token)
        if found is None:
            raise ValueError(f"cannot read the column {token!r}")
        at, part, last, constant, beside, sign, path, kind, required, told = found.groups()
        made.append(
            Column(
                at=int(at),
                part=int(part or 0),
                last=int(last or 0),
                path=path or "",
                kind=kind or "",
                required=bool(required),
                told=told or "",
                constant=constant or "",
                beside=int(beside or 0),
                gaps=sign == "~",
            )
        )
    return tuple(made)


Reader = Callable[..., tuple[Any, int]]
Writer = Callable[..., None]
