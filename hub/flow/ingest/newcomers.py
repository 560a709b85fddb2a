"""A source that nobody knows yet waits while the hub has visits of one that no settings name any more: it may be the
same one under another name, whose visits would all be billed again. A person says which it is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hub.config.settings import Settings
from hub.errors import Misconfigured
from hub.flow.base import Hub
from hub.store import View

KNOWN = "hub.known"
"""Under which key the state of a source keeps that this was settled."""
BILLED = ("gathering", "incomplete", "waiting", "ready", "held", "proposal", "coded", "claimed", "patient")
"""Visits that were billed, or may be: of others (history, tests) nothing can be billed twice."""
READ = ("read", "read_in_part", "set_aside", "blocked", "informational", "test")
"""Messages that were looked into."""


def admit(hub: Hub, source: str) -> None:
    """Let a source tell of visits; raises `Misconfigured` while it may be another one under a new name. What was
    settled once is remembered: then this is one look at one row.
    """
    with hub.store.view() as view:
        if view.plugin_state(source).get(KNOWN) is not None:
            return
        if (found := doubt(view, hub.settings, source)) is not None:
            raise found
    with hub.store.begin("ingest.receive") as tx:
        tx.plugin_state(source).put(KNOWN, b"1")


def doubt(view: View, settings: Settings, source: str) -> Misconfigured | None:
    """Why a source is not read before a person has said whether it is another than those that there were."""
    others = sorted(_others(view, settings, source)) if view.plugin_state(source).get(KNOWN) is None else []
    return _doubtful(source, others) if others else None


def _others(view: View, settings: Settings, source: str) -> Iterable[str]:
    """The sources of the practice that `source` may have been called before."""
    told = settings.sources.get(source)
    practice = settings.practice_of(source)
    if told is None or told.bill_from is None or not practice:
        return  # it bills nothing
    if not _was_read(view, source, practice):
        visits = view.encounters.tally("source", practice=practice, state=BILLED)
        yield from visits.keys() - {source} - settings.connectors.keys() - {*told.other_than}


def _was_read(view: View, source: str, practice: str) -> bool:
    """Whether a source was asked or read before anybody was asked about it: whoever set it up has let it in."""
    about: dict[str, Any] = {"practice": practice, "source": source, "limit": 1}
    if view.plugin_state(source).get("cursor") is not None:
        return True
    if view.facts.heads(**about) or view.encounters.heads(**about):
        return True
    return bool(view.inbox.find(source=source, kind="message", state=READ, limit=1))


def _doubtful(source: str, others: list[str]) -> Misconfigured:
    names = ", ".join(f'"{one}"' for one in others)
    return Misconfigured(
        f"{source} is new here, and the hub has visits of {names}, which no settings name any more: if that is the "
        "same system under a new name, every visit would be billed again",
        fix=f"the same system: name it {others[0]} again, in [connectors] and [sources]; another one: say so by "
        f"other_than = [{names}] under [sources.{source}] in practices.toml",
    )


__all__ = ["admit", "doubt"]
