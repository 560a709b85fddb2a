"""What a plugin's commands are given: the hub behind `hub.plugin.api.desk`, opened when it is needed."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

import msgspec
from msgspec.structs import replace

from hub.cli import ui
from hub.cli.messages import item_of
from hub.cli.options import HERE
from hub.clock import Clock, SystemClock
from hub.config import Loaded, SecretStore, Settings, load
from hub.errors import HubError, Misconfigured, Problem
from hub.model.facts import AnyFact, Reading
from hub.plugin.api import Context
from hub.plugin.api.desk import Foreseen, Instance, KeptPiece, StoredMessage
from hub.plugin.host import ConnectorSpec, PluginHost, contexts
from hub.plugin.host.context import Following, HostContext
from hub.store import Nudge, Store, View
from hub.store.inbox import InboxItem
from hub.store.opening import Faulty, open_hub_store

_COLOURS = {"good": "32", "warning": "1;35", "error": "1;31", "name": "1;36", "value": "1", "aside": "2"}
_RICH = {"good": "green", "warning": "bold magenta", "error": "bold red", "name": "bold cyan", "value": "bold"}


class TheTerminal:
    """Standard output, as every command of the hub writes to it (`plugin.api.Terminal`)."""

    @property
    def coloured(self) -> bool:
        return ui.coloured()

    @property
    def width(self) -> int:
        return shutil.get_terminal_size().columns if sys.stdout.isatty() else 0

    def say(self, line: str = "") -> None:
        self._clear()
        ui.say(line)

    def paint(self, text: str, style: str) -> str:
        code = _COLOURS.get(style)
        return f"\x1b[{code}m{text}\x1b[0m" if code and text and self.coloured else text

    def table(
        self,
        title: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[Any]],
        *,
        right: Sequence[int] = (),
        styles: Sequence[str] = (),
    ) -> None:
        self._clear()
        named = ["dim" if one == "aside" else _RICH.get(one, "") for one in styles]
        ui.table(title, columns, rows, right=right, styles=named)

    def emit(self, value: Any) -> None:
        self._clear()
        ui.say(msgspec.json.encode(value).decode())

    def document(self, value: Any) -> None:
        self._clear()
        ui.print_json(value)

    def confirm(self, question: str) -> bool:
        self._clear()
        if not sys.stdin.isatty():
            return False
        return input(f"{question} (yes/no) ").strip().lower() in {"y", "yes"}

    def progress(self, text: str, done: int, total: int = 0) -> None:
        if sys.stderr.isatty():
            of = f" of {total:,}" if total else ""
            print(f"\r\x1b[2K{text} {done:,}{of}", end="", file=sys.stderr, flush=True)

    def fail(self, why: str, fix: str = "") -> NoReturn:
        self._clear()
        raise HubError(why, fix=fix)

    def _clear(self) -> None:
        """What `progress` wrote makes room."""
        if sys.stderr.isatty():
            print("\r\x1b[2K", end="", file=sys.stderr, flush=True)


class Given:
    """`ctx.obj` of a plugin's command: its name, the package it is from, and the two things that it works with."""

    def __init__(self, name: str, package: str) -> None:
        self.name, self.package = name, package
        self.terminal = TheTerminal()

    @contextmanager
    def desk(self, folder: Path | None = None, by: str = "") -> Iterator[TheDesk]:
        """As `plugin.api.Commands` says."""
        loaded = load(folder or Path(os.environ.get("HUB_CONFIG") or HERE))
        if not loaded.ok:
            raise Faulty(loaded.faults)
        with ExitStack() as undo:
            yield TheDesk(loaded, by or os.environ.get("HUB_USER") or "cli", undo)


class _Judge(msgspec.Struct, frozen=True, kw_only=True):
    """What of a hub judges claims (`hub.flow.base.Judging`)."""

    settings: Settings
    host: PluginHost
    clock: Clock
    folder: Path


class SavedState:
    """The state of one connector (`plugin.api.ports.State`), each look and each change a transaction of its own."""

    def __init__(self, store: Store, instance: str, practice: str, by: str) -> None:
        self._store, self._instance, self._practice, self._by = store, instance, practice, by

    def get(self, key: str) -> bytes | None:
        with self._store.view() as view:
            return view.plugin_state(self._instance).get(key)

    def put(self, key: str, value: bytes) -> None:
        with self._store.begin("admin") as tx:
            tx.plugin_state(self._instance).put(key, value)
            tx.event("connector.asked", "source", self._instance, practice=self._practice, actor=self._by)
            tx.then(Nudge("ingest.pull", self._instance))


class TheDesk:
    """One hub (`plugin.api.Desk`); the store and plugins are opened at first need and closed by `undo`."""

    def __init__(self, loaded: Loaded, by: str, undo: ExitStack) -> None:
        self._loaded, self._settings, self._by, self._undo = loaded, loaded.settings, by, undo
        self._hosts: dict[str, PluginHost] = {}
        self._viewed: set[str] = set()

    @property
    def by(self) -> str:
        return self._by

    @cached_property
    def store(self) -> Store:
        secrets = SecretStore(self._loaded.folder)
        file = self._loaded.store_url(secrets.get).removeprefix("sqlite:///")
        if "://" not in file and not Path(file).exists():  # looking makes no database
            raise Misconfigured("there is no database yet", fix="run: hub db upgrade")
        store = open_hub_store(self._loaded, secrets, SystemClock())
        self._undo.callback(store.close)
        return store

    def instances(self, plugin: str = "", kind: str = "") -> tuple[Instance, ...]:
        found = (
            Instance(name=name, plugin=one.plugin, kind=one.kind, enabled=one.enabled)
            for name, one in self._settings.connectors.items()
        )
        return tuple(one for one in found if plugin in ("", one.plugin) and kind in ("", one.kind))

    def settings(self, instance: str) -> Any:
        return self._host(instance).settings(instance)

    def context(self, instance: str) -> Context:
        one = self._settings.connectors.get(instance)
        if one is None:
            raise _unknown(instance)
        return _contexts(self._loaded)(instance)

    def state(self, instance: str) -> SavedState:
        if instance not in self._settings.connectors:
            raise _unknown(instance)
        return SavedState(self.store, instance, self._settings.practice_of(instance), self._by)

    def read(self, instance: str, body: bytes, content_type: str) -> Reading:
        return self._host(instance).source(instance).read(body, content_type)

    def edited(self, instance: str, body: bytes, content_type: str, place: str, value: str) -> bytes:
        return self._host(instance).source(instance).edited(body, content_type, place, value)

    def _host(self, instance: str) -> PluginHost:
        """The host of this instance, for as long as the desk stands."""
        if instance not in self._hosts:
            self._hosts[instance] = host = _host_of(self._loaded, instance)
            self._undo.callback(host.close)
        return self._hosts[instance]

    def payers(self, instance: str) -> Mapping[str, str]:
        return self._source(instance, "payers")

    def payer(self, instance: str, token: str, name: str = "") -> str:
        return self._settings.payer_of_token(instance, token, name)

    def payer_names(self) -> Mapping[str, str]:
        return {key: payer.name for key, payer in self._settings.payers.items()}

    def facilities(self, instance: str) -> Mapping[str, str]:
        return {**self._source(instance, "facilities"), **self._source(instance, "departments")}

    def places(self, instance: str) -> Mapping[str, str]:
        return self._source(instance, "places")

    def _source(self, instance: str, part: str) -> dict[str, str]:
        policy = self._settings.sources.get(instance)
        return {} if policy is None else dict(getattr(policy, part))

    def charge_codes(self, system: str = "") -> frozenset[tuple[str, str]]:
        rows = ((str(row.system), row.code) for row in self._settings.charges)
        return frozenset(row for row in rows if system in ("", row[0]))

    def charge(self, system: str, code: str, on: date) -> str:
        row = self._settings.charge_row(system, code, on)
        return row.hcpcs if row else ""

    def diagnosis(self, system: str, code: str, on: date) -> str:
        row = self._settings.diagnosis_row(system, code, on)
        return row.icd10 if row else ""

    def priced(self, hcpcs: str, on: date) -> bool:
        return any(row.hcpcs == hcpcs and row.holds(on) for row in self._settings.fees)

    def provider(self, identifier: str) -> str:
        found = self._settings.provider(identifier)
        return found.npi if found else ""

    def foresee(
        self, instance: str, facts: Sequence[AnyFact], visit: str, *, kept: bool = False
    ) -> Foreseen | None:
        from hub.flow.visits.foresight import foresee, foresee_kept

        judge, faults = self._judge
        if kept:
            seen = foresee_kept(judge, self.store, instance, facts, visit)
        else:
            seen = foresee(judge, instance, facts, visit)
        return seen and replace(seen, warnings=(*seen.warnings, *faults))

    @cached_property
    def _judge(self) -> tuple[_Judge, tuple[Problem, ...]]:
        """What judges claims: settings with every plugin that they name; and which of these could not be loaded."""
        from hub.app import load_plugins

        clock, secrets = SystemClock(), SecretStore(self._loaded.folder)
        host, faults = load_plugins(self._loaded, secrets, clock, lambda _instance, _key: None)
        self._undo.callback(host.close)
        warnings = tuple(replace(one, severity="warning") for one in faults)
        return _Judge(settings=self._settings, host=host, clock=clock, folder=self._loaded.folder), warnings

    def pieces(
        self, instance: str, keys: Collection[str] = (), patients: Collection[str] = (), limit: int = 500
    ) -> tuple[KeptPiece, ...]:
        from hub.flow.ingest.pieces import look_up

        practice = self._settings.practice_of(instance)
        with self.store.view() as view:
            found = look_up(view, instance, practice, keys, patients, limit)
        fresh = {message for message, _ in found} - self._viewed
        if fresh:
            with self.store.begin("admin") as tx:
                for one in sorted(fresh):
                    tx.event("message.viewed", "message", one, practice=practice, actor=self._by)
            self._viewed |= fresh
        return tuple(KeptPiece(piece=piece, message=message) for message, piece in found)

    def messages(
        self, source: str = "", state: str | Sequence[str] = "", limit: int = 50
    ) -> tuple[StoredMessage, ...]:
        equals: dict[str, Any] = {"kind": "message"}
        if source:
            equals["source"] = source
        if state:
            equals["state"] = state if isinstance(state, str) else list(state)
        with self.store.view() as view:
            return tuple(_told(view, item) for item in reversed(view.inbox.newest(limit, **equals)))

    def message(self, id: str) -> StoredMessage:  # noqa: A002
        with self.store.view() as view:
            item = item_of(view, id)
            told = _told(view, item, view.blobs.content(item.blob_id))
        with self.store.begin("admin") as tx:
            tx.event("message.viewed", "message", item.id, practice=item.practice, actor=self._by)
        return told

    def bodies(self, ids: Sequence[str]) -> Iterator[StoredMessage]:
        for one in ids:
            yield self.message(one)

    def replay(self, id: str) -> str:  # noqa: A002
        from hub.flow.ingest import mending

        with self.store.begin("admin") as tx:
            return mending.replay(tx, item_of(tx, id), self._by)

    def edit(self, id: str, body: bytes, why: str) -> str:  # noqa: A002
        from hub.flow.ingest import mending

        with self.store.begin("admin") as tx:
            return mending.edit(tx, item_of(tx, id), body, self._by, why)

    def skip(self, id: str, why: str) -> str:  # noqa: A002
        from hub.flow.ingest import mending

        with self.store.begin("admin") as tx:
            return mending.skip(tx, item_of(tx, id), self._by, why)


def _host_of(loaded: Loaded, instance: str) -> PluginHost:
    """A host of one connector. It is given no saved state: reading looks at nothing but bytes."""
    one = loaded.settings.connectors.get(instance)
    if one is None:
        raise _unknown(instance)
    spec = ConnectorSpec(plugin=one.plugin, kind=one.kind, settings=one.settings)
    host, problems = PluginHost.load({instance: spec}, context_for=_contexts(loaded))
    if problems:
        host.close()
        first = problems[0]
        raise Misconfigured(f"{first.where}: {first.why}", fix=first.fix or "run: hub check")
    return host


def _contexts(loaded: Loaded) -> Callable[[str], HostContext]:
    """What instances are given at a desk: no saved state, and names of whom they follow without what was told."""
    followed = {name: Following(names=tuple(one.follows)) for name, one in loaded.settings.connectors.items()}
    return contexts(
        clock=SystemClock(),
        secrets=SecretStore(loaded.folder),
        load=lambda _instance, _key: None,
        following=lambda instance: followed.get(instance, Following()),
    )


def _unknown(instance: str) -> Misconfigured:
    return Misconfigured(f"there is no connector {instance}", fix="hub connector list")


def _told(view: View, item: InboxItem, body: bytes = b"") -> StoredMessage:
    original, edited = view.held_lanes.links(item.id)
    work = view.work.list(aggregate_id=item.id)
    return StoredMessage(
        id=item.id,
        source=item.source,
        content_type=item.content_type,
        state=item.state,
        reason=item.reason,
        received_at=item.received_at,
        problems=tuple(Problem(code=one.reason, where=one.where, why=one.why, fix=one.fix) for one in work),
        original_id=original,
        edited_id=edited,
        body=body,
    )
