"""What a file or message holds, as the command line shows it: text that nothing in it can make a terminal obey."""

from __future__ import annotations

import base64
from typing import Any

from hub.cli.ui import say


def record(body: bytes) -> dict[str, str]:
    """For `--json`: text as it is; what is no text (a PDF, another character set) in base64."""
    try:
        return {"content": body.decode()}
    except UnicodeDecodeError:
        return {"content_base64": base64.b64encode(body).decode()}


def draw(told: dict[str, Any]) -> None:
    """For a person, where a content was asked for."""
    if "content" in told:
        say(readable(told["content"]))
    if "content_base64" in told:
        say("its content is no UTF-8 text: take it from --content --json, where content_base64 holds the bytes")


def readable(content: str) -> str:
    """One segment of HL7 or X12 a line, and control characters by their number."""
    if content.startswith("ISA") and "\n" not in content:
        end = content[105:106] or "~"
        content = content.replace(end, end + "\n")
    lines = content.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(one if one.isprintable() or one in "\n\t" else f"\\x{ord(one):02x}" for one in lines)
