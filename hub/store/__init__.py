"""The only room that knows SQL: named transactions over encrypted documents, rows, blobs and journals."""

from __future__ import annotations

from hub.store.crypto import Damaged, Keyring
from hub.store.nudge import Nudge
from hub.store.store import Store, open_store
from hub.store.tx import Tx, View

__all__ = ["Damaged", "Keyring", "Nudge", "Store", "Tx", "View", "open_store"]
