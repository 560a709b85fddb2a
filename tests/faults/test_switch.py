"""A practice changes its clearinghouse in the middle of everything: what is on its way ends where it began."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from faultlab.books import broken
from faultlab.life import Life
from faultlab.scene import PPO
from faultlab.visits import drops
from faultlab.world import PLAIN, Now, World
from msgspec.structs import replace

from hub.cli.demo.settings import _clearinghouse, _secret
from hub.config import load
from hub.flow import batch
from hub.sandbox.sandbox import Sandbox

pytestmark = pytest.mark.campaign

VISITS = tuple(dataclasses.replace(PPO, day=day) for day in (0, 0, 1, 1, 1))


class TwoHouses(World):
    """A world with a second clearinghouse, which the practice does not know yet."""

    def __init__(self, folder: Path) -> None:
        self.other: Sandbox | None = None
        super().__init__(folder, drops(VISITS), options=PLAIN)
        for part in ("clearinghouse", "printer"):
            (folder / "second" / part / "taken").mkdir(parents=True)
        self.other = Sandbox.start(folder / "second", self.clock, 2, replace(PLAIN))

    def __exit__(self, *told: object) -> None:
        super().__exit__(*told)
        if self.other is not None:
            self.other.stop()

    def turn(self, instant: datetime) -> Now:
        """Both clearinghouses answer what is due."""
        now = super().turn(instant)
        if self.other is None:
            return now
        self.other.advance()
        dues = [due for due in (now.due, self.other.next_due()) if due is not None]
        return replace(now, due=min(dues, default=None))

    def switch(self) -> None:
        """What docs/how-to/configure.md says: connector, mailbox, ids, enrolments; then one line."""
        assert self.other is not None
        text = (self.config / "hub.toml").read_text()
        block = _clearinghouse("clearinghouse_sftp", self.other, self.work)
        block = block.replace("connectors.clearinghouse", "connectors.second").replace("file:c", "file:second-c")
        mailbox = text[text.index("[mailboxes.clearinghouse]") :].replace(".clearinghouse", ".second")
        text = text.replace('default = "clearinghouse"', 'default = "second"') + block + "\n" + mailbox
        (self.config / "hub.toml").write_text(text)
        _secret(self.config / "second-clearinghouse.key", Path(self.other.clearinghouse.key_file).read_text())
        payers = (self.config / "payers.toml").read_text()
        (self.config / "payers.toml").write_text(
            re.sub(r'clearinghouse = ("DM\d+")', r"clearinghouse = \1, second = \1", payers)
        )
        rows = (self.config / "enrolments.toml").read_text()
        more = re.sub(
            r"(  \{.*)clearinghouse = \"clearinghouse\"(.*\n)", r'\g<0>\1clearinghouse = "second"\2', rows
        )
        (self.config / "enrolments.toml").write_text(more)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[TwoHouses]:
    """Two clearinghouses, five visits on two days."""
    with TwoHouses(tmp_path) as made:
        yield made


def test_a_switch_in_mid_flight_loses_nothing(world: TwoHouses, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was sent to the old clearinghouse is answered and paid from there, what was frozen for it is still sent
    there, and what was only ready goes to the new one: each claim leaves once, and all are paid.
    """
    before = Life(world.place, world.ask)
    before.run(1)
    before._turn(before.now.at.date().replace(day=before.now.at.day + 1), 11)
    before.steps("ingest.pull", "ingest.ripen")
    monkeypatch.setattr(batch, "FILE_CLAIMS", 2)
    batch.freeze(before.app.hub, "clearinghouse")
    with before.app.store.view() as view:
        assert view.claims.tally() == {"accepted": 2, "frozen": 2, "ready": 1}
    before.app.close()
    world.switch()
    assert [fault for fault in load(world.config).faults if "connectors" in fault.key] == []
    after = Life(world.place, world.ask)
    try:
        after.run(60)
        with after.app.store.view() as view:
            assert view.claims.tally() == {"paid": 5}
            assert {file.mailbox for file in view.files.find(kind="837P")} == {"clearinghouse", "second"}
            deposited = view.book.total(account="cash_clearing")
            assert [item.reason for item in view.work.list(limit=100)] == []
        assert broken(after.app) == []
        assert after.troubles == []
    finally:
        after.app.close()
    assert world.other is not None
    old, new = world.sandbox.report(), world.other.report()
    assert [sorted(one.received.values()) for one in (old, new)] == [[1, 1, 1, 1], [1]]
    assert deposited == sum(one.cents for one in (*old.payments, *new.payments)) > 0
