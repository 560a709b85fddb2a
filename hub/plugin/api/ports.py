"""The ports: what a plugin object must do, and what it is given.

A plugin class is called once per configured instance as `Plugin(settings, context)`: `settings` is an
instance of its own `Settings` (a pydantic model named as the class attribute `Settings`), `context` a
`Context`. Ports are synchronous and are called from threads, never two calls of one object at once,
unless a method says otherwise. Only the errors of `hub.plugin.api.errors` may be raised on purpose.
An EHR source may be made twice: one object reads, while the other is asked for changes, and listens.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from threading import Event as ThreadEvent
from typing import Any, ClassVar, Protocol, runtime_checkable

import msgspec
from pydantic import BaseModel

from hub.clock import Clock
from hub.model.facts import Piece, Reading
from hub.model.people import Identifier

API_VERSION = 0


class Log(Protocol):
    """A log that keeps allow-listed keys only; a value under another key is dropped and counted."""

    def info(self, event: str, **values: str | float | bool) -> None: ...
    def warning(self, event: str, **values: str | float | bool) -> None: ...


class State(Protocol):
    """A plugin instance's encrypted memory.

    What is put is saved in the transaction that stores what the call led to: never before it, never without.
    """

    def get(self, key: str) -> bytes | None: ...
    def put(self, key: str, value: bytes) -> None: ...


class Secrets(Protocol):
    """Resolves a secret reference (`env:NAME`, `file:path`); raises `Misconfigured` naming the reference only."""

    def get(self, reference: str) -> str: ...


class Mention(msgspec.Struct, frozen=True, kw_only=True):
    """What another source told of: `kind` encounter or patient, `key` that source's own key of it, `account` and
    `started_at` of the encounter as it knows them, `identifiers` of the patient (MRNs with who gave them), `at` when
    the hub read it, aware UTC. Its repr shows nothing of a patient.
    """

    kind: str
    key: str
    at: datetime
    patient_key: str = ""
    account: str = ""
    started_at: datetime | None = None
    identifiers: tuple[Identifier, ...] = ()

    def __repr__(self) -> str:
        return f"Mention({self.kind!r})"


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A page of mentions in the order in which they were read, and the position behind it (opaque text, nothing of a
    patient); `more`: there is another page now.
    """

    mentions: tuple[Mention, ...]
    position: str = ""
    more: bool = False


class Errand(msgspec.Struct, frozen=True, kw_only=True):
    """What a listener left to be done by the next pull: `body` is its own, `at` when it was made durable."""

    body: bytes
    at: datetime

    def __repr__(self) -> str:
        return f"Errand({len(self.body)} bytes)"


class Context(Protocol):
    """What the hub gives a plugin instance."""

    @property
    def instance(self) -> str:
        """The instance's name in `[connectors.NAME]`."""
        ...

    @property
    def clock(self) -> Clock: ...
    @property
    def secrets(self) -> Secrets: ...
    @property
    def log(self) -> Log: ...
    @property
    def state(self) -> State: ...
    @property
    def stop(self) -> ThreadEvent:
        """Set when the hub shuts down: long calls return soon after."""
        ...

    @property
    def follows(self) -> tuple[str, ...]:
        """The sources that `[connectors.NAME] follows` names: those whose mentions may be asked for."""
        ...

    def told_by(self, source: str, after: str = "", limit: int = 500) -> Told:
        """Which visits and patients the source `source` told of since the position `after` (empty: ever); ask only
        inside `changes`. Each message that was read counts, also one that told nothing new, and each visit once,
        where it was told of last; nothing is skipped, however late it was stored, but what is told of now is seen
        some ten seconds later. Raises `Misconfigured` for a source that `follows` does not name.
        """
        ...

    def errands(self) -> tuple[Errand, ...]:
        """What the listener of this instance left (`Inbox.errand`), oldest first, at most 100 a call; ask only inside
        `changes`. They are done once the hub has committed what that call returned; otherwise they come again.
        """
        ...


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a connector's step-by-step check: what was tried, whether it went well, what to do if not."""

    name: str
    ok: bool
    said: str
    fix: str = ""


class Ref(msgspec.Struct, frozen=True, kw_only=True):
    """A file that waits at a partner. `token` is what `open` and `done` need, stable across restarts;
    `modified_at` is the partner's time, aware UTC.
    """

    token: str
    name: str
    size: int
    modified_at: datetime


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """What `list` found, and the cursor for the next call (opaque text)."""

    refs: tuple[Ref, ...]
    cursor: str = ""


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """A frozen file on its way: `file_id` is ours and opaque, `name` what the partner shall see, `kind` the
    transaction (`837P`, `270`, `statements`, `manifest`), `digest` the SHA-256 of the bytes in hex.
    """

    file_id: str
    name: str
    kind: str
    size: int
    digest: str


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What proves a phase: `kind` (`staged`, `published`, `read-back-size`, `read-back-hash`, `receipt`) and a
    short plain note without patient data.
    """

    kind: str
    note: str = ""


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a partner connection can do. `sends` and `receives` name transactions; `in_doubt` is what may
    happen to a file in doubt: `resend-same-bytes`, `await-answer` or `ask`; `evidence` names the kinds of
    evidence that make a file sent.
    """

    sends: tuple[str, ...]
    receives: tuple[str, ...]
    realtime: tuple[str, ...] = ()
    in_doubt: str = "ask"
    evidence: tuple[str, ...] = ("read-back-size",)


class Plugin(Protocol):
    """What every plugin class has: its settings model, and a constructor that does no I/O."""

    Settings: ClassVar[type[BaseModel]]

    def __init__(self, settings: Any, context: Context) -> None: ...
    def check(self) -> Iterator[Step]:
        """Try the connection step by step without changing anything at the partner."""
        ...

    def close(self) -> None:
        """Let go of connections; harmless twice."""
        ...


class Transfer(Plugin, Protocol):
    """The phases in which a file leaves. The hub journals before and after each, so every phase must be safe
    to repeat after a crash: `stage` puts the whole body under a temporary name (replacing a partial one),
    `publish` makes it visible under `name` (and is harmless when it already is, with the same size), `confirm`
    only looks. `stage` raising leaves nothing visible; `publish` raises `InDoubt` when it cannot know.
    """

    def stage(self, file: Outgoing, body: Iterable[bytes]) -> Evidence: ...
    def publish(self, file: Outgoing) -> Evidence: ...
    def confirm(self, file: Outgoing) -> Evidence | None:
        """Evidence that the partner has the file, or None when it cannot be told."""
        ...


@runtime_checkable
class Clearinghouse(Transfer, Protocol):
    """Carries frozen bytes to and from a clearinghouse, and knows no claim."""

    @property
    def capabilities(self) -> Capabilities: ...
    def list(self, cursor: str) -> Listing:
        """Files that wait and are whole as far as can be told; never one that is still being written."""
        ...

    def open(self, ref: Ref) -> Iterator[bytes]:
        """Stream the file; raises `RetryLater` when fewer bytes came than the partner says it holds."""
        ...

    def done(self, ref: Ref) -> None:
        """The bytes are durable here: archive, delete or leave as the profile says. Harmless twice, works
        after a restart, and for a file that is already gone.
        """
        ...

    def ask(self, kind: str, body: bytes, deadline: datetime) -> bytes:
        """Real-time request and answer; raises `Refused` where `capabilities.realtime` does not name `kind`."""
        ...


class RawMessage(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes as they came. `external_id` is the source's own id for the message or file, used with a digest of
    the body to recognise repeats; `content_type`: `fhir+json`, `fhir+ndjson`, `hl7v2`. `once`: another body
    under an `external_id` that is known is refused, for senders whose ids are their own.
    """

    external_id: str
    content_type: str
    body: bytes
    once: bool = False

    def __repr__(self) -> str:
        return f"RawMessage({self.content_type!r}, {len(self.body)} bytes)"


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """What a pull found, and the cursor that follows it; `more` asks for another call at once. `due`: nobody was
    asked, since whoever it is is left alone until that instant; a person who waits for it is told.
    """

    messages: tuple[RawMessage, ...]
    cursor: str = ""
    more: bool = False
    due: datetime | None = None


class Inbox(Protocol):
    """Where a listening source puts what it receives."""

    async def put(self, message: RawMessage, *, peer: str = "") -> str:
        """Returns after the commit: `new`, `known` (the same bytes under the same id came before) or `refused`
        (`once`, and other bytes came under that id: nothing was stored). Waits while the store is merely slow, for
        a bounded time; raises `RetryLater` when it is away, full or slower than that. `peer` names the sending
        system (its address or configured name, nothing of a patient): messages are counted by it.
        """
        ...

    async def put_many(self, messages: Sequence[RawMessage], *, peer: str = "") -> tuple[str, ...]:
        """Each as `put`, in their order, in as few transactions as can be. What one is told does not depend on its
        neighbours; after `RetryLater` none of them may be told yes, and all of them may be sent again.
        """
        ...

    async def errand(self, body: bytes, *, peer: str = "") -> None:
        """Leave something to be done by the next pull, which begins at once, and finds it under `context.errands()`:
        what a sender names without sending it. Durable and bounded as `put`, in which it raises `RetryLater`.
        """
        ...

    def answered(self, peer: str, answers: Mapping[str, int], slowest_ms: float = 0.0) -> None:
        """Count what senders were told (`AA`, `AE`, `AR`, HTTP statuses), for the health of the connection `peer`
        (its address or configured name, nothing of a patient). Never waits and never raises.
        """
        ...


@runtime_checkable
class EhrSource(Plugin, Protocol):
    """Brings raw messages in and reads them into facts."""

    def changes(self, cursor: str) -> Changes:
        """Pull what is new since `cursor` (empty at first). A source that only listens returns no messages."""
        ...

    def read(self, raw: bytes, content_type: str) -> Reading:
        """Pure and total: bytes to facts and problems. Never raises for bad data, never looks outside. A message
        that must not be applied in part says so (`Reading.poison`), and names the `lanes` that then stand still
        until it is mended; one on which `read` itself fails is set aside and stops nothing.
        """
        ...


@runtime_checkable
class MendingSource(EhrSource, Protocol):
    """A source that can change one place of a message and nothing else, for a person who mends it."""

    def edited(self, raw: bytes, content_type: str, place: str, value: str) -> bytes:
        """The message with `value` at `place` (as its problems name places: `FT1[2]-7.1`). Pure. Raises `Refused` for
        a place that is none, or that the message cannot have.
        """
        ...


@runtime_checkable
class PiecingSource(EhrSource, Protocol):
    """A source whose messages hold parts that mean something only beside others (`Reading.pieces`)."""

    def read_joined(self, piece: Piece, linked: Sequence[Piece]) -> Reading:
        """What `piece`, which has links, says beside what it links to: the pieces that are known of those reached by
        links, however far (the hub bounds how far and how much), each once, sorted by key, never `piece` itself; what
        is missing has not come yet. Pure and total as `read`, and called again whenever one of them comes or changes.

        Its facts are whole (never `partial`) and stand against what messages told under the same version. They are of
        the piece itself, with its key and version; where it decides about others (an account in which order policies
        pay), also theirs, with their keys and versions, and those stand against what these pieces tell themselves (of
        two that decide about one, that with the greater key). Whatever of `linked` is there, missing or withdrawn, it
        tells of itself the same facts; what a claim would be short without makes its visit not `ready`, and what was
        deleted (`Piece.withdrawn`) does not. Its problems are those of `piece` (`Piece.place` says where it stood),
        not that something is missing. It brings no pieces.
        """
        ...


@runtime_checkable
class ListeningSource(EhrSource, Protocol):
    """A source that also waits for messages (MLLP, web hooks).

    Every node with the role `listener` calls `serve`, in a loop of its own and beside the other calls, and calls it
    again, later and later, should it end before `stop` or raise. So where several nodes listen, each binds its own
    address. Tell the sender yes only after `inbox.put` has returned; where it raises `RetryLater`, tell the sender
    to come again, or nothing. `serve` returns soon after `stop`; what it puts into `state` is saved with the next
    `changes`. An instance that by its settings does not listen says so with an attribute `listens`, False.
    """

    async def serve(self, inbox: Inbox, stop: ThreadEvent) -> None: ...


class PrintResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one statement: `verdict` printed, rejected, returned, moved; `reason` a short code."""

    number: str
    verdict: str
    reason: str = ""


@runtime_checkable
class PrintVendor(Transfer, Protocol):
    """Pushes statement runs (PDF and manifest) to a print vendor and reads back what became of them."""

    @property
    def capabilities(self) -> Capabilities: ...
    def results(self, cursor: str) -> Listing:
        """Result files that wait."""
        ...

    def open(self, ref: Ref) -> Iterator[bytes]: ...
    def done(self, ref: Ref) -> None: ...
    def read_results(self, raw: bytes) -> tuple[PrintResult, ...]:
        """Pure: a result file to verdicts; raises `Refused` for a file that is not one."""
        ...


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """What a person is told: `kind` alert, recovered, digest or alive; `key` what it is about (the key of a
    condition, `several`, or a day); `level` alarm, warning or ok; `subject` one line, `lines` the text; `since`
    when it began, aware UTC; `hub` what this hub is called. It holds codes, counts, times, amounts and our own ids,
    never a patient's value. A notice that is sent again has the same `id`, so a repeat can be recognised.
    """

    id: str
    kind: str
    key: str
    level: str
    subject: str
    lines: tuple[str, ...]
    since: datetime
    hub: str


@runtime_checkable
class Notifier(Plugin, Protocol):
    """Tells people, or another system, of alarms."""

    @property
    def takes(self) -> frozenset[str]:
        """Which kinds of notices it wants: `alert`, `recovered`, `digest`, `alive`. Always the same."""
        ...

    def send(self, notice: Notice) -> Evidence:
        """Send it, and say what proves that it was taken. Sending is at least once: the hub repeats it with the
        same `id` after `RetryLater`, `InDoubt` or a crash, and what is sent shows that id. `Refused` drops this
        notice only; a kind that is not in `takes` is refused.
        """
        ...


class ScrubFinding(msgspec.Struct, frozen=True, kw_only=True):
    """What a scrub rule found on a claim: where in the claim, why, what to do; `hold` False only warns."""

    rule: str
    where: str
    why: str
    fix: str
    hold: bool = True
