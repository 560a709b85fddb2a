"""Paths into a record: which fields there are, of which types, and the code that makes and reads them."""

from __future__ import annotations

import types
from collections.abc import Iterable
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec

from hub.x12.shaping.rows import Column


@cache
def hints(record: type) -> dict[str, Any]:
    """The annotations of a record type, as types."""
    return get_type_hints(record)


@cache
def defaults(record: type) -> dict[str, Any]:
    """The default of each field that has one."""
    return {
        one.name: one.default if one.default is not msgspec.NODEFAULT else one.default_factory()
        for one in msgspec.structs.fields(record)
        if one.default is not msgspec.NODEFAULT or one.default_factory is not msgspec.NODEFAULT
    }


def inner_type(record: type, name: str) -> tuple[type, bool]:
    """The record type of a field, and whether it may be None."""
    hint = hints(record)[name]
    if get_origin(hint) in (Union, types.UnionType):
        known = [one for one in get_args(hint) if one is not type(None)]
        return known[0], len(known) < len(get_args(hint))
    return hint, False


def owner(record: type, path: str) -> tuple[type, str]:
    """The type that holds the last step of a path, and that step."""
    *steps, last = path.split(".")
    for step in steps:
        record = inner_type(record, step)[0]
    if last not in hints(record):
        raise TypeError(f"{record.__name__} has no field {last!r}")
    return record, last


def absent(record: type | None, column: Column) -> tuple[Any, ...]:
    """What an absent value stands for, as a tuple of one; empty where the value is required."""
    if column.required:
        return ()
    if record is None:
        return (None,)
    holder, name = owner(record, column.path)
    return (defaults(holder).get(name),)


def local(path: str) -> str:
    """The name of the local variable for a path."""
    return "f_" + path.replace(".", "_")


def prefixes(columns: Iterable[Column]) -> list[str]:
    """Every inner record that the columns reach into, outer ones first."""
    found: dict[str, None] = {}
    for column in columns:
        steps = column.path.split(".")[:-1]
        for depth in range(1, len(steps) + 1):
            found[".".join(steps[:depth])] = None
    return list(found)


def is_optional(record: type, prefix: str) -> bool:
    """Whether the inner record at this path may be None."""
    holder, name = owner(record, prefix)
    return inner_type(holder, name)[1]


def blank(column: Column) -> str:
    """Code for the value of a column that no segment told."""
    return "()" if column.last else "None" if column.kind else '""'
