"""A process that purges at a given time, and is killed at the commit that `HUB_CRASH_AT` names: `URL INSTANT`."""

from __future__ import annotations

import sys
from datetime import datetime

from flowlab.keeper import KEYRING
from flowlab.old import KEPT
from hub.clock import TurnedClock
from hub.keep.purge import purge
from hub.store import open_store

clock = TurnedClock(datetime.fromisoformat(sys.argv[2]))
store = open_store(sys.argv[1], KEYRING, clock)
purge(store, KEPT, clock, by="child")
store.close()
