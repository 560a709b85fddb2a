"""A source that nobody knows yet waits while the hub has visits of one that no settings name any more: it may be the
same one under another name, whose visits would all be billed again. A person says which it is."""

from __future__ import annotations

from typing import Any

from hub.config.settings import Settings
from hub.errors import Misconfigured
from hub.flow.base import Hub
from hub.store import View

KNOWN = "hub.known"
"""Under which key the state of a source keeps what follows."""
SETTLED, MET = b"1", b"0"
"""That this was settled; that it was met first when it billed nothing."""
BILLED = ("gathering", "incomplete", "waiting", "ready", "held", "proposal", "coded", "claimed", "patient")
"""Visits that were billed, or may be: of others (history, tests) nothing can be billed twice."""
READ = ("read", "read_in_part", "set_aside", "blocked", "informational", "test")
"""Messages that were looked into."""


def admit(hub: Hub, source: str) -> None:
    """Let a source tell of visits; raises `Misconfigured` while it may be another one under a new name. What was
    settled once is remembered: then this is one look at one row. One that bills nothing is looked at when it does.
    """
    with hub.store.view() as view:
        said = view.plugin_state(source).get(KNOWN)
        if said == SETTLED:
            return
        if (found := doubt(view, hub.settings, source)) is not None:
            raise found
        bills = _bills(hub.settings, source)
        if not bills and (said == MET or _was_read(view, source, hub.settings.practice_of(source))):
            return
    with hub.store.begin("ingest.receive") as tx:
        tx.plugin_state(source).put(KNOWN, SETTLED if bills else MET)


def gone(hub: Hub, source: str) -> bool:
    """Whether no settings name a source any more and nothing of it waits to be read, as of a connector that was
    renamed back: nobody is there to ask, and no person need look.
    """
    if source in hub.settings.connectors:
        return False
    with hub.store.view() as view:
        return not view.inbox.waiting("received", 1, source=source, kind="message")


def doubt(view: View, settings: Settings, source: str) -> Misconfigured | None:
    """Why a source is not read before a person has said whether it is another than those that there were."""
    said, practice = view.plugin_state(source).get(KNOWN), settings.practice_of(source)
    if said == SETTLED or not _bills(settings, source):
        return None
    if said is None and _was_read(view, source, practice):
        return None
    visits = view.encounters.tally("source", practice=practice, state=BILLED)
    others = visits.keys() - {source} - settings.connectors.keys() - {*settings.sources[source].other_than}
    return _doubtful(source, sorted(others)) if others else None


def _bills(settings: Settings, source: str) -> bool:
    told = settings.sources.get(source)
    return told is not None and told.bill_from is not None and bool(settings.practice_of(source))


def _was_read(view: View, source: str, practice: str) -> bool:
    """Whether a source was asked or read before anybody was asked about it: whoever set it up has let it in."""
    about: dict[str, Any] = {"practice": practice, "source": source, "limit": 1}
    if view.plugin_state(source).get("cursor"):  # empty: nothing was asked, or all of it is to be asked again
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
