"""A hub and its world in one process, for faults that need no death."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from faultlab.books import broken
from faultlab.life import MOST_DAYS, Life
from faultlab.visits import Drop, Kind, drops
from faultlab.world import PLAIN, World
from hub.app import App
from hub.cli.act import Choice, _deeds
from hub.sandbox.options import SandboxOptions
from hub.sandbox.sftp_server import SftpServer
from hub.store.work import OpenItem

PPO = Kind(day=0, source="hl7", payers=("ppo",))


class Scene:
    """A world with a hub in it that lives here; `life.troubles` holds what its runner was troubled by."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.life = Life(world.place, world.ask)

    @property
    def app(self) -> App:
        """The hub."""
        return self.life.app

    def run(self, days: int = MOST_DAYS) -> None:
        """Live on, until nothing is awaited or for so many days."""
        self.life.run(days)

    def pass_days(self, days: int) -> None:
        """Nothing happens for so many days; then a hub has one more day."""
        self.world.turn(self.world.clock.now() + timedelta(days=days))
        self.life.now = self.world.turn(self.world.clock.now())
        self.life.clock.turn_to(self.life.now.at)
        self.run(1)

    def work(self, reason: str = "") -> list[OpenItem]:
        """The open work items whose reason begins so."""
        with self.app.store.view() as view:
            return [item for item in view.work.list(limit=10_000) if item.reason.startswith(reason)]

    def states(self, collection: str) -> dict[str, int]:
        """How many of a collection stand in which state."""
        with self.app.store.view() as view:
            found: dict[str, int] = getattr(view, collection).tally("state")
            return found

    def resolve(self, item: OpenItem, **deed: bool) -> None:
        """A person works an item as `hub work resolve` does: resend=True, release=True."""
        choice = Choice(how="looked into it", by="biller", **deed)
        with self.app.store.begin("work.resolve") as tx:
            tx.work.resolve(item.id, choice.how, choice.by)
            for each in _deeds(choice):
                each(tx, self.app.settings, item, choice)
        self.life.runner.run_until_idle()

    def deposited(self) -> int:
        """Cents that stand in cash clearing: what all remittances together brought."""
        with self.app.store.view() as view:
            return view.book.total(account="cash_clearing")

    def paid(self) -> int:
        """Cents that the payers' own books say they paid."""
        return sum(one.cents for one in self.world.sandbox.report().payments)

    def broken(self) -> list[str]:
        """Exceptions of the promises."""
        return broken(self.app)

    @property
    def server(self) -> SftpServer:
        """The clearinghouse's server."""
        return self.world.sandbox.clearinghouse_mailbox.server

    def mended(self, lane: str = "clearinghouse") -> None:
        """A person says that a connection is mended: its items are closed, its lane is let go."""
        for item in self.work():
            if item.aggregate == "connector":
                with self.app.store.begin("work.resolve") as tx:
                    tx.work.resolve(item.id, "mended", "it")
        self.life.runner.release(lane)

    def deliver(self, name: str, body: bytes) -> None:
        """The clearinghouse lays a file out."""
        self.world.sandbox.clearinghouse_mailbox.server.place(f"outbound/{name}", body)


@contextmanager
def scene(
    folder: Path,
    files: Iterable[Drop] | None = None,
    *,
    options: SandboxOptions = PLAIN,
    claims: int = 1,
    prepare: Callable[[World], None] = lambda _: None,
) -> Iterator[Scene]:
    """A scene with these files, or with `claims` plain PPO visits of one day; `prepare` sees the world first."""
    wanted = drops((PPO,) * claims) if files is None else files
    with World(folder, wanted, options=options) as world:
        prepare(world)
        made = Scene(world)
        try:
            yield made
        finally:
            made.app.close()
