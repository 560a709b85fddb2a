"""Writes the reference page of the settings from the models: `python -m hub.config.reference FILE`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hub.config.schema import json_schema
from hub.config.settings import FILES

_HEAD = """# Settings

Made from the models in `hub/config` by `python -m hub.config.reference docs/reference/settings.md`; a test keeps
it current. How to begin: [configure](../how-to/configure.md). Where a table is a list of rows, `[[name]]`
headers and inline rows (`name = [ { ... } ]`) mean the same.
"""


def reference() -> str:
    """The page, in Markdown."""
    schema = json_schema()
    return "\n".join([_HEAD, *(line for file in FILES for line in _file(file, schema))]).rstrip() + "\n"


def _file(file: str, schema: dict[str, Any]) -> Iterator[str]:
    yield f"## {file}\n"
    for key in FILES[file]:
        name, form = _header(key, schema["properties"][key])
        yield from _table(form, schema["$defs"][name], schema)


def _header(key: str, told: dict[str, Any]) -> tuple[str, str]:
    """The model behind a top-level key, and how its header is written."""
    if "$ref" in told:
        return _name(told), f"[{key}]"
    if "items" in told:
        return _name(told["items"]), f"[[{key}]]"
    inner = told.get("additionalProperties") or next(iter(told["patternProperties"].values()))
    return _name(inner), f"[{key}.NAME]"


def _name(told: dict[str, Any]) -> str:
    return str(told["$ref"]).rsplit("/", 1)[-1]


def _table(form: str, model: dict[str, Any], schema: dict[str, Any]) -> Iterator[str]:
    yield f"### `{form}`\n"
    yield f"{' '.join(str(model.get('description', '')).split())}\n"
    yield "| key | type | default | what it says |"
    yield "|---|---|---|---|"
    required = model.get("required", [])
    for key, told in model["properties"].items():
        default = "**required**" if key in required else _default(told)
        yield f"| `{key}` | {_type(told)} | {default} | {_cell(told.get('description', ''))} |"
    yield ""
    for key, told in model["properties"].items():
        for name in _tables(told):
            yield from _table(f"{form.strip('[]')}.{key}", schema["$defs"][name], schema)


def _tables(told: dict[str, Any]) -> list[str]:
    """Tables of ours inside a key, which follow their owner."""
    return [_name(part) for part in (told, *told.get("anyOf", ())) if "$ref" in part]


def _default(told: dict[str, Any]) -> str:
    value = told.get("default")
    if value in (None, "", [], {}) or isinstance(value, dict):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return _cell(f"`{value}`") if isinstance(value, (str, int)) else f"`{list(value)}`"


def _type(told: dict[str, Any]) -> str:
    if "$ref" in told:
        return "table"
    if "anyOf" in told:
        kinds = [_type(part) for part in told["anyOf"] if part.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    if "enum" in told or "const" in told:
        words = told.get("enum") or [told["const"]]
        return " ".join(f"`{word}`" for word in words)
    if told.get("type") == "array":
        return f"list of {_type(told['items'])}"
    if told.get("type") == "object":
        return "table"
    return {"integer": "number", "boolean": "true or false", "string": _text(told)}.get(
        str(told.get("type")), str(told.get("type"))
    )


def _text(told: dict[str, Any]) -> str:
    return {"date": "date", "date-time": "moment", "time": "time of day"}.get(str(told.get("format")), "text")


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(reference(), encoding="utf-8")
