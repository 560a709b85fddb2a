"""A notice as its reader sees it."""

from __future__ import annotations

from hub.plugin.api import Notice, Refused


def subject(notice: Notice) -> str:
    """The subject on one line."""
    return " ".join(notice.subject.split())


def body(notice: Notice) -> str:
    """The text; a line break within a line is one in the text, and nothing else."""
    return "\n".join("\n".join(line.splitlines()) for line in notice.lines)


def wanted(notice: Notice, takes: frozenset[str]) -> None:
    """Refuse a kind that is not taken."""
    if notice.kind not in takes:
        raise Refused("this notifier does not take notices of this kind", fix="see `takes` in its settings")
