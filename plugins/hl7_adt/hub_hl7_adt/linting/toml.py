"""A proposed profile as TOML, each setting with its reason above it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from hub_hl7_adt.linting.proposals import Proposal


def profile(proposals: Iterable[Proposal], width: int = 100) -> str:
    """The lines of `[connectors.NAME.settings]`; what a person must confirm is a comment."""
    parts = []
    for one in sorted(proposals, key=lambda one: isinstance(one.value, dict)):
        reason = textwrap.fill(
            one.reason, width, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False
        )
        line = _line(one.key, one.value)
        parts.append(f"{reason}\n{line}" if one.sure else f"{reason}\n{textwrap.indent(line, '# ')}")
    return "\n\n".join(parts) + "\n" if parts else ""


def _line(key: str, value: Any) -> str:
    if not isinstance(value, dict):
        return f"{key} = {_written(value)}"
    rows = [f"  {_string(name)} = {_written(one)}," for name, one in value.items()]
    if len(rows) < 3:
        return f"{key} = {{ {', '.join(row.strip().rstrip(',') for row in rows)} }}"
    return "\n".join(f"{key}.{_string(name)} = {_written(one)}" for name, one in value.items())


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return str(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(_written(one) for one in value)}]"
    return _string(str(value))


def _string(text: str) -> str:
    kept = "".join(char if char >= " " and char != "\x7f" else " " for char in text)
    return '"' + kept.replace("\\", "\\\\").replace('"', '\\"') + '"'
