"""What a check is given to look at, and what a check is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from hub.clock import Clock, SystemClock
from hub.config.settings import Settings
from hub.errors import HubError, Misconfigured
from hub.flow.base import Hub
from hub.plugin.host import PluginHost
from hub.store import Damaged
from hub.store.engine import Engines
from hub.store.vitals import NodeRow, Vitals, told
from hub.watch.catalogue import bad
from hub.watch.finding import Finding

SILENT = timedelta(minutes=2)
"""A node that was silent for longer is taken for dead."""
REMEMBERED = timedelta(days=1)
"""A node that was silent for longer is gone for good."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """What can be looked at: the settings always, the rest where there is one. `alone` is False where it is the
    running hub that looks, from whichever of its nodes has the turn.
    """

    settings: Settings
    folder: Path
    clock: Clock
    engines: Engines | None = None
    host: PluginHost | None = None
    alone: bool = True

    @classmethod
    def of(cls, hub: Hub) -> Place:
        """The place of a hub that runs."""
        return cls(
            settings=hub.settings,
            folder=hub.folder,
            clock=hub.clock,
            engines=hub.store.engines,
            host=hub.host,
            alone=False,
        )

    @property
    def now(self) -> datetime:
        """The present instant."""
        return self.clock.now()

    @property
    def real_time(self) -> bool:
        """Whether the clock is the machine's: a turned one is meant to differ from every other."""
        return isinstance(self.clock, SystemClock)

    @property
    def data(self) -> Path:
        """The data folder."""
        return (self.folder / self.settings.hub.data).resolve()

    @property
    def backups(self) -> Path:
        """The backup folder."""
        return (self.folder / self.settings.backup.folder).resolve()

    @property
    def lag(self) -> timedelta:
        """What is later than this is late."""
        return timedelta(minutes=self.settings.watch.lag_minutes)

    @property
    def mailbox_age(self) -> timedelta:
        """A file that waits longer at a partner, or for one, has waited too long."""
        return timedelta(hours=self.settings.watch.mailbox_hours)


def living(place: Place, vitals: Vitals) -> list[NodeRow]:
    """The nodes that run."""
    return [one for one in vitals.nodes(place.now - SILENT) if one.stopped_at is None]


Findings = Iterator[Finding]
Plain = Callable[[Place], Findings]
Asking = Callable[[Place, Vitals], Findings]


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One check: what it looks at; `asks` where it needs the database. `part` groups checks for `--only`, `codes` are
    those of its findings.
    """

    part: str
    codes: tuple[str, ...]
    look: Plain | None = None
    asks: Asking | None = None

    @property
    def name(self) -> str:
        """Its part, and what it is called there: `flow.lanes`."""
        return f"{self.part}.{(self.look or self.asks).__name__}"  # type: ignore[union-attr]


def made(name: str, findings: Callable[[], Findings]) -> list[Finding]:
    """What a check finds. A bug in it is a finding too; what the store says of itself goes through."""
    try:
        with told():
            return list(findings())
    except HubError:
        raise
    except Exception as error:  # noqa: BLE001 - a check that fails must not hide the others
        return [bad("check.failed", name, f"the check {name} failed with {type(error).__name__}")]


def store_trouble(error: HubError) -> Finding:
    """What is wrong with the store, by what it said."""
    said, fix = str(error), error.fix
    if isinstance(error, Damaged):
        return bad("store.damaged", "", said, fix=fix)
    if "hub db upgrade" in fix or "newer hub" in said:
        return bad("store.tables", "", said, fix=fix)
    if "master key" in said:
        return bad("key.master", "", said, fix=fix)
    kind = "the set-up is wrong" if isinstance(error, Misconfigured) else "it may pass by itself"
    return bad("store.away", "", f"{said} ({kind})", fix=fix)
