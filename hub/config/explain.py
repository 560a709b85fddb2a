"""Turns what TOML and pydantic say into faults that a person can mend, without a value in them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from hub.config.faults import Path
from hub.config.settings import HOME, Settings

_TYPES = {
    "string_type": "text in quotes",
    "int_type": "a whole number without quotes",
    "bool_type": "true or false, without quotes",
    "date_type": "a date without quotes, as in 2026-01-31",
    "date_from_datetime_inexact": "a date without quotes, as in 2026-01-31",
    "datetime_type": "a date and time without quotes, as in 2026-01-31T00:00:00Z",
    "time_type": "a time of day without quotes, as in 16:30:00",
    "tuple_type": "a list in square brackets",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
}
_TOML = {
    "Cannot overwrite a value": "this key is given twice",
    "Cannot declare": "this table is given twice",
    "Cannot mutate immutable namespace": "this table is closed already",
    "Cannot redefine namespace": "this table is given twice",
    "Duplicate inline table key": "this key is given twice",
    "Expected '=' after a key": "a key has no `=`",
    "Expected newline or end of document": "two things stand on one line, or a value lacks its quotes",
    "Unclosed array": "a list lacks its `]`",
    "Unterminated string": "a text lacks its closing quote",
    "Expected ']": "a table's name lacks its `]`",
    "Invalid value": "a value is missing or lacks its quotes",
    "Invalid initial character for a key part": "a key begins with a character that needs quotes",
    "Unescaped '\\'": "a backslash in a text must be doubled",
    "Illegal character": "a character that TOML does not allow stands here (a line break in a text?)",
}


def toml_fault(message: str, text: str) -> tuple[int, str]:
    """Line and plain words for a message of `tomllib`."""
    found = re.search(r"at line (\d+)", message)
    line = int(found[1]) if found else text.count("\n") + 1
    plain = next((said for start, said in _TOML.items() if message.startswith(start)), "this is no TOML")
    return line, plain


def near(word: str, known: Iterable[str]) -> str:
    """`did you mean "x"?` for the closest known word, or empty."""
    close = difflib.get_close_matches(word.casefold(), list(known), n=1, cutoff=0.6)
    return f'did you mean "{close[0]}"?' if close else ""


def said(error: Mapping[str, Any]) -> tuple[Path, str, str, str]:
    """A pydantic error as (path, wrong, expected, fix)."""
    path: Path = tuple(part for part in error["loc"] if part != "[key]")
    kind, context = error["type"], error.get("ctx", {})
    owner, field, whole = _field(path)
    expected = (field.description or "") if field else ""
    words = (_limits(kind, context), expected, "")
    if "[key]" in error["loc"]:
        words = ("cannot be a name", "letters, digits, _ and -, at most 40", "")
    elif kind == "missing":
        words = ("is missing", expected, f"add {path[-1]} = ...")
    elif kind == "extra_forbidden":
        words = ("is an unknown key", "", _unknown(path, owner))
    elif kind == "hub_form":
        words = (context["why"], "" if whole else expected, context["fix"])
    elif kind == "literal_error":
        words = ("is none of the words allowed here", str(context["expected"]), "")
    elif kind in _TYPES:
        words = ("is of another type", _TYPES[kind], "")
    return (path, *words)


def _limits(kind: str, context: Mapping[str, Any]) -> str:
    if kind in {"string_too_long", "too_long"}:
        return f"is longer than {context['max_length']}"
    if kind in {"string_too_short", "too_short"}:
        return "is empty or too short"
    for name, words in {"ge": "less than", "gt": "not above", "le": "more than", "lt": "not below"}.items():
        if name in context:
            return f"is {words} {context[name]}"
    return "has not the form that is wanted"


def _unknown(path: Path, model: type[BaseModel] | None) -> str:
    name = str(path[-1])
    if len(path) == 1:
        return near(name, HOME) or f"remove it; the files' tables are: {', '.join(HOME)}"
    keys = [field.alias or key for key, field in model.model_fields.items()] if model else []
    return near(name, keys) or f"remove it; known here: {', '.join(keys)}"


def _field(path: Path) -> tuple[type[BaseModel] | None, FieldInfo | None, bool]:
    """The table of ours that holds a path's last key, the field that speaks of it, and whether the path names a
    whole table (`practices.main`, `fees[3]`) rather than a value.
    """
    shape: Any = Settings
    owner: type[BaseModel] | None = None
    field: FieldInfo | None = None
    for part in path:
        shape = _bare(shape)
        if isinstance(shape, type) and issubclass(shape, BaseModel):
            owner = shape
            field = next((info for key, info in shape.model_fields.items() if (info.alias or key) == part), None)
            shape = field.annotation if field else None
        else:
            owner, shape = None, next(iter(reversed([arg for arg in get_args(shape) if arg is not ...])), None)
    shape = _bare(shape)
    return owner, field, isinstance(shape, type) and issubclass(shape, BaseModel)


def _bare(shape: Any) -> Any:
    """A type without its `Annotated` and without `| None`."""
    if get_origin(shape) is Annotated:
        return _bare(get_args(shape)[0])
    inner = [arg for arg in get_args(shape) if arg is not type(None)]
    optional = len(inner) == 1 and type(None) in get_args(shape)
    return _bare(inner[0]) if optional else shape
