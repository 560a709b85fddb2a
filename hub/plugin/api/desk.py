"""What a plugin's own commands (`hub NAME ...`) are given: a terminal to speak through, and a desk to work at.

A plugin offers commands by an entry point in the group `hub.commands`: its name is the word after `hub`, and it
names a `typer.Typer`. `ctx.obj` of every command is a `Commands`. Typer belongs to the plugin there; everything of
the hub comes through these objects, so that a command needs no other import than `hub.plugin.api` and `hub.model`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime
from pathlib import Path
from typing import Any, NoReturn, Protocol

import msgspec

from hub.errors import Problem
from hub.model.claim import Claim
from hub.model.encounter import Charge, Encounter
from hub.model.facts import AnyFact, Piece, Reading
from hub.plugin.api.ports import Context, State


class Instance(msgspec.Struct, frozen=True, kw_only=True):
    """A configured connector: its `name` in `[connectors.NAME]`, the entry point `plugin`, the `kind` that
    configuration says (may be empty), and whether it is `enabled`.
    """

    name: str
    plugin: str
    kind: str
    enabled: bool


class StoredMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message as the hub keeps it. `state` is where it stands (`read`, `set_aside`, `blocked` ...), `reason` why,
    `problems` its open work items. `original_id`: the message that this one is an edit of; `edited_id`: the newest
    edit of this one. `body` is filled by `Desk.message` alone.
    """

    id: str
    source: str
    content_type: str
    state: str
    reason: str
    received_at: datetime
    problems: tuple[Problem, ...] = ()
    original_id: str = ""
    edited_id: str = ""
    body: bytes = b""

    def __repr__(self) -> str:
        return f"StoredMessage({self.id!r}, {self.state!r})"


class Foreseen(msgspec.Struct, frozen=True, kw_only=True):
    """What a visit would come to by some facts alone. `state`: what they make of the visit (`gathering`: its patient
    is not known, `waiting`, `ready`, `history`: before `bill_from`, `cancelled`, `test`); `encounter` with its places
    and payers as configured, `charges` coded and priced as far as they could be, and the `claims`, which are made
    whatever the state, where no `problems` hold them. `self_pay`: the patient is billed instead. `warnings` hold
    nothing. `bill_from` None: nothing of that connector is billed.

    Where the hub's store was asked, too: `facts`, all that it would then keep of the visit and has not billed;
    `known`, what the visit is there now (empty: it is not there), and `billed`, how many of its charges went out.
    """

    practice: str
    state: str
    encounter: Encounter
    charges: tuple[Charge, ...] = ()
    claims: tuple[Claim, ...] = ()
    self_pay: bool = False
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    bill_from: date | None = None
    hold_days: int = 0
    facts: tuple[AnyFact, ...] = ()
    known: str = ""
    billed: int = 0

    def __repr__(self) -> str:
        return f"Foreseen({self.state!r}, {len(self.claims)} claims)"


class KeptPiece(msgspec.Struct, frozen=True, kw_only=True):
    """A piece that the hub keeps, as its plugin told it, and the id of the message that told it."""

    piece: Piece
    message: str

    def __repr__(self) -> str:
        return f"KeptPiece({self.message!r})"


class Terminal(Protocol):
    """How a command speaks: as every other command of the hub does."""

    @property
    def coloured(self) -> bool:
        """Whether somebody watches who wants colours."""
        ...

    @property
    def width(self) -> int:
        """Letters in a line; 0 where nobody watches (a pipe, a file): then nothing is folded."""
        ...

    def say(self, line: str = "") -> None:
        """One line for a person."""
        ...

    def paint(self, text: str, style: str) -> str:
        """`text` in a colour where colours are wanted: `good`, `warning`, `error`, `name`, `value`, `aside`."""
        ...

    def table(
        self,
        title: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[Any]],
        *,
        right: Sequence[int] = (),
        styles: Sequence[str] = (),
    ) -> None:
        """A table, columns of `right` set to the right, `styles` as of `paint` (or empty) for each row; plain text,
        one line a row, where nobody watches.
        """
        ...

    def emit(self, value: Any) -> None:
        """A record, dict or list as one line of JSON, for scripts that read line by line."""
        ...

    def document(self, value: Any) -> None:
        """The same, indented, as one answer: what `--json` of the hub's own commands prints."""
        ...

    def confirm(self, question: str) -> bool:
        """Ask a person; no where nobody watches: such a command has an option that says yes."""
        ...

    def progress(self, text: str, done: int, total: int = 0) -> None:
        """How far a long command is (`total` 0: not known), on standard error, where somebody watches."""
        ...

    def fail(self, why: str, fix: str = "") -> NoReturn:
        """End with exit code 2 and one plain message: what is wrong, and what to do about it. No values in it."""
        ...


class Desk(Protocol):
    """The hub of one settings folder, as a command may use it. Nothing is opened before it is needed: what only asks
    settings works without a database. What acts or shows a patient's data is recorded with who did it.
    """

    @property
    def by(self) -> str:
        """Who works here, as the audit trail says."""
        ...

    def instances(self, plugin: str = "", kind: str = "") -> tuple[Instance, ...]:
        """The configured connectors (of that plugin, of that kind)."""
        ...

    def settings(self, instance: str) -> Any:
        """The checked settings of a connector: an object of its plugin's own `Settings`. Raises `Misconfigured`."""
        ...

    def context(self, instance: str) -> Context:
        """What the plugin would be given for a connector, so that a command can ask the outside as it does: secrets
        by reference, whom it follows. No state was saved there, and none is. Raises `Misconfigured`.
        """
        ...

    def state(self, instance: str) -> State:
        """What the plugin remembers of a connector, as it is saved now. What is put there is saved at once and
        recorded with who did it, and the next pull of the connector comes now: by this a command asks the running
        hub for something. Raises `Misconfigured` for an unknown one.
        """
        ...

    def read(self, instance: str, body: bytes, content_type: str) -> Reading:
        """What this connector makes of a message, as the hub would read it; nothing is stored."""
        ...

    def edited(self, instance: str, body: bytes, content_type: str, place: str, value: str) -> bytes:
        """The message with one place of it changed, by its plugin's own `edited`; nothing is stored."""
        ...

    def payers(self, instance: str) -> Mapping[str, str]:
        """The source's plan token or name -> payer, as configured (`[sources.NAME.payers]`)."""
        ...

    def payer(self, instance: str, token: str, name: str = "") -> str:
        """The payer that a plan's token, else its name, means to the hub; empty: it is not mapped."""
        ...

    def payer_names(self) -> Mapping[str, str]:
        """Every configured payer -> its name on claims."""
        ...

    def facilities(self, instance: str) -> Mapping[str, str]:
        """The source's places and departments -> facility, as configured."""
        ...

    def places(self, instance: str) -> Mapping[str, str]:
        """The source's kinds of visit and places -> place of service, as configured."""
        ...

    def charge_codes(self, system: str = "") -> frozenset[tuple[str, str]]:
        """(system, code) of every row of the charge map, or of one system."""
        ...

    def charge(self, system: str, code: str, on: date) -> str:
        """The HCPCS code for which a source's code is charged on that day; empty: no row says so."""
        ...

    def diagnosis(self, system: str, code: str, on: date) -> str:
        """The ICD-10-CM code that a source's diagnosis is billed as on that day; empty: no row says so."""
        ...

    def priced(self, hcpcs: str, on: date) -> bool:
        """Whether the fee schedule has a price for the code on that day."""
        ...

    def provider(self, identifier: str) -> str:
        """The NPI of the clinician with this NPI, or whom a source calls so; empty: not in providers.toml."""
        ...

    def foresee(
        self, instance: str, facts: Sequence[AnyFact], visit: str, *, kept: bool = False
    ) -> Foreseen | None:
        """What the hub would make of the visit with that key, had this connector told these facts and no others; with
        `kept`, told them now, beside all that the hub keeps: coded, priced, built and scrubbed as its own would be,
        by the rules of payers, mailboxes and plugins, too. Nothing is stored. None: no such visit would be known.
        """
        ...

    def pieces(
        self, instance: str, keys: Collection[str] = (), patients: Collection[str] = (), limit: int = 500
    ) -> tuple[KeptPiece, ...]:
        """The pieces that the hub keeps of a connector: those of these keys, and at most `limit` of those whose
        `patient_key` is one of these. Looking is recorded for the messages that told them.
        """
        ...

    def messages(
        self, source: str = "", state: str | Sequence[str] = "", limit: int = 50
    ) -> tuple[StoredMessage, ...]:
        """The newest messages, the newest last, without their bytes."""
        ...

    def message(self, id: str) -> StoredMessage:  # noqa: A002
        """One message with its bytes. Looking is recorded (`message.viewed`). Raises `HubError` for an unknown id."""
        ...

    def bodies(self, ids: Sequence[str]) -> Iterator[StoredMessage]:
        """Many messages with their bytes, in that order, few in memory at a time. Looking is recorded for each."""
        ...

    def replay(self, id: str) -> str:  # noqa: A002
        """Let the hub read a message again; says what was done. `Refused` where it is past that."""
        ...

    def edit(self, id: str, body: bytes, why: str) -> str:  # noqa: A002
        """Store a mended message in the place of one that cannot be applied, which is kept and linked; returns the id
        of the new one. `why` in a few words without patient data. `Refused` where it is past that.
        """
        ...

    def skip(self, id: str, why: str) -> str:  # noqa: A002
        """Let a message go that will not be applied, for a recorded reason; says what was done."""
        ...


class Commands(Protocol):
    """`ctx.obj` of a plugin's command."""

    @property
    def terminal(self) -> Terminal: ...
    def desk(self, folder: Path | None = None, by: str = "") -> AbstractContextManager[Desk]:
        """The hub of that settings folder (else `HUB_CONFIG`, else `config`), worked at by `by` (else `HUB_USER`,
        else `cli`). Raises `Misconfigured` where the settings have faults.
        """
        ...
