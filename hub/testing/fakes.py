"""Stand-ins without a network: a partner, a feed, one plugin for each port, and the context they are given.

The plugins here pass the same kits as real ones; the module itself is a plugin (`modules={"fake": fakes}`).
A `MemoryPartner` can be cut: after so many further bytes every call fails until it is healed.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import ClassVar

import msgspec
from pydantic import BaseModel, ConfigDict

from hub.clock import Clock, TurnedClock
from hub.model.facts import AnyFact, Reading
from hub.plugin.api import (
    Capabilities,
    Changes,
    Clearinghouse,
    Context,
    EhrSource,
    Errand,
    Evidence,
    InDoubt,
    Listing,
    Mention,
    Misconfigured,
    Notice,
    Notifier,
    Outgoing,
    PrintResult,
    PrintVendor,
    Problem,
    RawMessage,
    Ref,
    Refused,
    RetryLater,
    Step,
    Told,
    hookimpl,
)

HUB_API = 0
START = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)
FAKE = "fake+json"


class FakeLog:
    """Keeps the lines it is given."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, str | float | bool]]] = []

    def info(self, event: str, **values: str | float | bool) -> None:
        """Keep a line."""
        self.lines.append((event, values))

    def warning(self, event: str, **values: str | float | bool) -> None:
        """Keep a line."""
        self.lines.append((event, values))


class FakeState:
    """An instance's memory in a dict; give two contexts the same dict to act out a restart."""

    def __init__(self, saved: dict[str, bytes]) -> None:
        self.saved = saved

    def get(self, key: str) -> bytes | None:
        """What was put, or None."""
        return self.saved.get(key)

    def put(self, key: str, value: bytes) -> None:
        """Save at once."""
        self.saved[key] = value


class FakeSecrets:
    """Secrets by reference, from a dict."""

    def __init__(self, known: Mapping[str, str]) -> None:
        self._known = known

    def get(self, reference: str) -> str:
        """The secret; `Misconfigured` names the reference only."""
        if reference not in self._known:
            raise Misconfigured(f"no secret {reference}", fix="give it to FakeContext")
        return self._known[reference]


class FakeContext:
    """What a plugin is given in a test."""

    def __init__(
        self,
        instance: str = "fake",
        *,
        clock: Clock | None = None,
        secrets: Mapping[str, str] | None = None,
        saved: dict[str, bytes] | None = None,
        follows: tuple[str, ...] = (),
    ) -> None:
        self.instance = instance
        self.follows = follows
        self.mentions: dict[str, list[Mention]] = {}
        self.left: list[Errand] = []
        self.clock: Clock = clock or TurnedClock(START)
        self.secrets = FakeSecrets(secrets or {})
        self.log = FakeLog()
        self.state = FakeState({} if saved is None else saved)
        self.stop = threading.Event()

    def told_by(self, source: str, after: str = "", limit: int = 500) -> Told:
        """What a test put into `mentions[source]`; a position is how many were told."""
        if source not in self.follows:
            raise Misconfigured("the source is not followed", fix="give it to FakeContext")
        every, begin = self.mentions.get(source, []), int(after or 0)
        page = tuple(every[begin : begin + limit])
        end = begin + len(page)
        return Told(mentions=page, position=str(end), more=end < len(every))

    def errands(self) -> tuple[Errand, ...]:
        """What a test put into `left`; it takes out itself what is done."""
        return tuple(self.left)


class MemoryPartner:
    """A partner in memory: what we sent it, what it offers, and a wire that can be cut."""

    def __init__(self) -> None:
        self.hidden: dict[str, bytes] = {}
        self.sent: dict[str, bytes] = {}
        self.offered: dict[str, bytes] = {}
        self.growing: set[str] = set()
        self.cuts: int = 0
        self._left: int | None = None

    def visible(self) -> dict[str, bytes]:
        """The files that the partner would take."""
        return dict(self.sent)

    def offer(self, name: str, body: bytes) -> None:
        """Lay a file out for us."""
        self.offered[name] = body

    def offer_growing(self, name: str, body: bytes) -> None:
        """Lay out a file that is still being written."""
        self.offered[name] = body
        self.growing.add(name)

    def withdraw(self, name: str) -> None:
        """Take an offered file away."""
        self.offered.pop(name, None)

    def cut_after(self, size: int) -> None:
        """Let `size` more bytes pass, then fail everything."""
        self._left = size

    def heal(self) -> None:
        """Let everything pass again."""
        self._left = None

    def reach(self) -> None:
        """Fail where the wire is cut and nothing may pass."""
        if self._left is not None and self._left <= 0:
            self.cuts += 1
            raise ConnectionError

    def carry(self, piece: bytes) -> bytes:
        """As much of `piece` as gets through."""
        if self._left is None:
            return piece
        passed = piece[: self._left]
        self._left -= len(passed)
        return passed


class MemorySettings(BaseModel):
    """`partner`: the partner's object."""

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")
    partner: MemoryPartner


class _MemoryTransfer:
    """The transfer phases over a `MemoryPartner`."""

    Settings: ClassVar[type[BaseModel]] = MemorySettings

    def __init__(self, settings: MemorySettings, context: Context) -> None:
        self.context = context
        self._partner = settings.partner

    def check(self) -> Iterator[Step]:
        """One step, which reaches for the partner."""
        try:
            self._partner.reach()
        except ConnectionError:
            yield Step(name="reach", ok=False, said="the partner does not answer", fix="heal it")
        else:
            yield Step(name="reach", ok=True, said="the partner answers")

    def close(self) -> None:
        """There is nothing to close."""

    def stage(self, file: Outgoing, body: Iterable[bytes]) -> Evidence:
        """Lay the body down under a hidden name."""
        hidden = self._partner.hidden
        hidden[file.file_id] = b""
        for piece in body:
            self._reach()
            passed = self._partner.carry(piece)
            hidden[file.file_id] += passed
            if len(passed) < len(piece):
                raise RetryLater("the wire was cut while sending", fix="wait")
        self._reach()
        return Evidence(kind="staged")

    def publish(self, file: Outgoing) -> Evidence:
        """Show it under its name, unless it is shown already."""
        self._reach()
        there = self._partner.sent.get(file.name)
        if there is not None and _digest(there) != file.digest:
            raise Refused("the partner holds another file of this name", fix="ask the partner")
        if there is None and file.file_id not in self._partner.hidden:
            raise InDoubt("neither the staged nor the published file is there", fix="ask the partner")
        body = self._partner.hidden.pop(file.file_id, there)
        if body is not None:
            self._partner.sent[file.name] = body
        return Evidence(kind="published")

    def confirm(self, file: Outgoing) -> Evidence | None:
        """Read the digest back."""
        self._reach()
        there = self._partner.sent.get(file.name)
        return Evidence(kind="read-back-hash") if there is not None and _digest(there) == file.digest else None

    def open(self, ref: Ref) -> Iterator[bytes]:
        """Stream an offered file in small pieces."""
        self._reach()
        body = self._partner.offered.get(ref.token)
        if body is None:
            raise Refused("the file is no longer there")
        for start in range(0, len(body), 512):
            passed = self._partner.carry(body[start : start + 512])
            if passed:
                yield passed
            if len(passed) < len(body[start : start + 512]):
                raise RetryLater("the wire was cut while receiving", fix="wait")

    def done(self, ref: Ref) -> None:
        """Remove the file, if it is still there."""
        self._reach()
        self._partner.withdraw(ref.token)

    def _listing(self) -> Listing:
        self._reach()
        now = self.context.clock.now()
        found = sorted((n, b) for n, b in self._partner.offered.items() if n not in self._partner.growing)
        return Listing(refs=tuple(Ref(token=n, name=n, size=len(b), modified_at=now) for n, b in found))

    def _reach(self) -> None:
        try:
            self._partner.reach()
        except ConnectionError:
            raise RetryLater("the partner does not answer", fix="wait") from None


class FakeClearinghouse(_MemoryTransfer):
    """A clearinghouse over a `MemoryPartner`; `ask("270", ...)` answers with the question."""

    capabilities = Capabilities(
        sends=("837P",), receives=("835", "999", "277CA"), realtime=("270",), evidence=("read-back-hash",)
    )

    def list(self, cursor: str) -> Listing:  # noqa: ARG002 - every waiting file is listed each time
        """What waits."""
        return self._listing()

    def ask(self, kind: str, body: bytes, deadline: datetime) -> bytes:  # noqa: ARG002 - answers at once
        """The question comes back."""
        if kind not in self.capabilities.realtime:
            raise Refused(f"{kind} is not answered in real time")
        self._reach()
        return body


class FakePrinter(_MemoryTransfer):
    """A print vendor over a `MemoryPartner`; a result file has lines `number verdict reason`."""

    capabilities = Capabilities(
        sends=("statements", "manifest"), receives=("results",), evidence=("read-back-hash",)
    )

    def results(self, cursor: str) -> Listing:  # noqa: ARG002 - every waiting file is listed each time
        """What waits."""
        return self._listing()

    def read_results(self, raw: bytes) -> tuple[PrintResult, ...]:
        """Lines to verdicts."""
        try:
            rows = [line.split() for line in raw.decode().splitlines()]
        except UnicodeDecodeError:
            raise Refused("this is no result file: it is not text") from None
        verdicts = {"printed", "rejected", "returned", "moved"}
        if not rows or any(len(row) not in (2, 3) or row[1] not in verdicts for row in rows):
            raise Refused("this is no result file: a line is not `number verdict reason`")
        return tuple(PrintResult(number=row[0], verdict=row[1], reason="".join(row[2:])) for row in rows)


class MemoryFeed:
    """What a fake EHR has to say."""

    def __init__(self) -> None:
        self.messages: list[RawMessage] = []

    def offer(self, name: str, body: bytes) -> None:
        """Add one message of content type `fake+json`."""
        self.messages.append(RawMessage(external_id=name, content_type=FAKE, body=body))


class FeedSettings(BaseModel):
    """`feed`: the feed's object; `page` messages come at a time."""

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")
    feed: MemoryFeed
    page: int = 2


class FakeSource:
    """A source whose messages are JSON lists of facts (`encode_facts`)."""

    Settings: ClassVar[type[BaseModel]] = FeedSettings

    def __init__(self, settings: FeedSettings, context: Context) -> None:
        self.context = context
        self._feed = settings.feed
        self._page = settings.page

    def check(self) -> Iterator[Step]:
        """One step that goes well."""
        yield Step(name="feed", ok=True, said="the feed is here")

    def close(self) -> None:
        """There is nothing to close."""

    def changes(self, cursor: str) -> Changes:
        """A page of messages; the cursor is a position."""
        start = int(cursor or 0)
        end = min(start + self._page, len(self._feed.messages))
        return Changes(
            messages=tuple(self._feed.messages[start:end]), cursor=str(end), more=end < len(self._feed.messages)
        )

    def read(self, raw: bytes, content_type: str) -> Reading:
        """JSON to facts."""
        if content_type != FAKE:
            return _unread("fake.type", "content type", "the content type is not one that this source reads")
        try:
            return Reading(facts=msgspec.json.decode(raw, type=tuple[AnyFact, ...]))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return _unread("fake.json", "message", "it is not a JSON list of facts")


def _unread(code: str, where: str, why: str) -> Reading:
    return Reading(problems=(Problem(code=code, where=where, why=why, fix="send it again, whole"),))


class MemoryBoard:
    """A notice board in memory: what was put up, each with its id, and a way to it that can be cut."""

    def __init__(self) -> None:
        self.notices: list[Notice] = []
        self.open = True
        self.wants = True
        self.wait_seconds: float | None = None

    def received(self) -> list[tuple[str, str]]:
        """(id, text) of every notice that came, repeats too."""
        return [(one.id, "\n".join((one.subject, *one.lines))) for one in self.notices]

    def cut_after(self, size: int) -> None:  # noqa: ARG002 - a notice goes whole or not at all
        """Let nothing through."""
        self.open = False

    def heal(self) -> None:
        """Let everything through again."""
        self.open, self.wants, self.wait_seconds = True, True, None

    def refuse(self) -> None:
        """Want none of the notices from now on."""
        self.wants = False

    def busy(self, wait_seconds: float) -> None:
        """Ask to come again after so long."""
        self.wait_seconds = wait_seconds


class BoardSettings(BaseModel):
    """`board`: the board's object; `takes`: the kinds of notices that it wants."""

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")
    board: MemoryBoard
    takes: frozenset[str] = frozenset({"alert", "recovered", "digest", "alive"})


class FakeNotifier:
    """A notifier over a `MemoryBoard`."""

    Settings: ClassVar[type[BaseModel]] = BoardSettings

    def __init__(self, settings: BoardSettings, context: Context) -> None:
        self.context = context
        self._board = settings.board
        self._takes = settings.takes

    @property
    def takes(self) -> frozenset[str]:
        """As its settings say."""
        return self._takes

    def check(self) -> Iterator[Step]:
        """One step, which reaches for the board."""
        said = "the board is there" if self._board.open else "the board is away"
        yield Step(name="reach", ok=self._board.open, said=said, fix="" if self._board.open else "heal it")

    def close(self) -> None:
        """There is nothing to close."""

    def send(self, notice: Notice) -> Evidence:
        """Put it up."""
        if not self._board.open:
            raise RetryLater("the board is away", fix="wait")
        if self._board.wait_seconds is not None:
            raise RetryLater("the board is busy", after_seconds=self._board.wait_seconds, fix="wait")
        if notice.kind not in self._takes or not self._board.wants:
            raise Refused("the board does not want this notice")
        self._board.notices.append(notice)
        return Evidence(kind="receipt")


def encode_facts(*facts: AnyFact) -> bytes:
    """A message that `FakeSource` reads."""
    return msgspec.json.encode(facts)


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


@hookimpl
def hub_clearinghouses() -> Mapping[str, type[Clearinghouse]]:
    """Offer the fake clearinghouse as `memory`."""
    return {"memory": FakeClearinghouse}


@hookimpl
def hub_print_vendors() -> Mapping[str, type[PrintVendor]]:
    """Offer the fake print vendor as `memory-print`."""
    return {"memory-print": FakePrinter}


@hookimpl
def hub_notifiers() -> Mapping[str, type[Notifier]]:
    """Offer the fake notifier as `memory-board`."""
    return {"memory-board": FakeNotifier}


@hookimpl
def hub_ehr_sources() -> Mapping[str, type[EhrSource]]:
    """Offer the fake source as `memory-feed`."""
    return {"memory-feed": FakeSource}
