"""A process that reads pieces, and is killed at the commit that `HUB_CRASH_AT` names: `URL`."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from types import SimpleNamespace

from flowlab.house import SOURCE, House
from flowlab.keeper import KEYRING
from hub.clock import TurnedClock
from hub.flow import ingest
from hub.flow.ingest import pieces
from hub.flow.visits import assemble
from hub.store import open_store
from hub.testing import piecing

pieces.PAGE, pieces.SPREAD = 3, 4
store = open_store(sys.argv[1], KEYRING, TurnedClock(datetime(2026, 3, 2, 14, tzinfo=UTC)))
house = House(store, store.clock)
reads = SimpleNamespace(
    joins=True,
    read_many=lambda some: [piecing.read(body) for body, _ in some],
    read_joined_many=lambda asks: [piecing.read_joined(piece, linked) for piece, linked in asks],
)
house.host.source = lambda name: reads
house.run(ingest.read, SOURCE)
house.run(assemble.assemble, SOURCE)
store.close()
