"""Plugin state and cursors: small encrypted values by instance and key, saved with what they led to."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Integer, Table, Text, select, update

from hub.errors import Stale
from hub.store.once import insert_new
from hub.store.schema import METADATA, Instant, clear, encrypted
from hub.store.session import Session

_VERSION = "part of what is authenticated"

PLUGIN_STATE = Table(
    "plugin_state",
    METADATA,
    clear("instance", Text, primary_key=True, why="the name of a connector in our own configuration"),
    clear("key", Text, primary_key=True, why="a name the plugin chose in its code, never data"),
    clear("row_version", Integer, why=_VERSION),
    clear("key_id", Integer, why="which data key seals the value"),
    clear("updated_at", Instant, why="its age"),
    encrypted("body", "may hold cursors and tokens of a partner"),
)


class PluginState:
    """The state of one plugin instance inside one transaction or view. Values are bytes, nothing is logged."""

    def __init__(self, session: Session, instance: str) -> None:
        self._session = session
        self._instance = instance

    def get(self, key: str) -> bytes | None:
        """What was put last, or None."""
        row = self._session.conn.execute(select(PLUGIN_STATE).where(*self._at(key))).one_or_none()
        if row is None:
            return None
        return self._session.keys.open(row.key_id, self.aad(key, row.row_version), bytes(row.body))

    def put(self, key: str, value: bytes) -> None:
        """Replace the value; another writer of the same key at the same time raises `Stale`."""
        query = select(PLUGIN_STATE.c.row_version).where(*self._at(key))
        version = self._session.conn.execute(query).scalar_one_or_none()
        key_id, body = self._session.keys.seal(self.aad(key, (version or 0) + 1), value)
        sealed = {"key_id": key_id, "body": body, "updated_at": self._session.now}
        changed = self._add(key, sealed) if version is None else self._replace(key, version, sealed)
        if not changed:
            raise Stale("the plugin's state was changed at the same time")

    def keys(self) -> list[str]:
        """The keys that hold something."""
        query = select(PLUGIN_STATE.c.key).where(PLUGIN_STATE.c.instance == self._instance)
        return list(self._session.conn.scalars(query.order_by(PLUGIN_STATE.c.key)))

    def _add(self, key: str, sealed: dict[str, object]) -> bool:
        row = {"instance": self._instance, "key": key, "row_version": 1, **sealed}
        return insert_new(self._session, PLUGIN_STATE, [row]) == 1

    def _replace(self, key: str, version: int, sealed: dict[str, object]) -> bool:
        where = (*self._at(key), PLUGIN_STATE.c.row_version == version)
        query = update(PLUGIN_STATE).where(*where).values(row_version=version + 1, **sealed)
        return self._session.conn.execute(query).rowcount == 1

    def _at(self, key: str) -> tuple[ColumnElement[bool], ...]:
        return (PLUGIN_STATE.c.instance == self._instance, PLUGIN_STATE.c.key == key)

    def aad(self, key: str, version: int) -> bytes:
        """What a sealed value is bound to."""
        return f"plugin_state|{self._instance}|{key}|{version}".encode()
