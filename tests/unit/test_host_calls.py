"""The guard: whatever a plugin does in a call, the hub goes on and no value is shown."""

from __future__ import annotations

import asyncio
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hub.clock import TurnedClock
from hub.errors import InDoubt, Misconfigured, Problem, Refused, RetryLater
from hub.model.facts import EncounterFact, Piece, PieceFact, Reading
from hub.plugin.api import Changes, Evidence, Listing, Outgoing, RawMessage, Ref
from hub.plugin.host import BufferedState, GuardedClearinghouse, GuardedSource, PluginFault
from hub.plugin.host.answers import anything
from hub.plugin.host.guard import Guard
from hub.testing.fakes import START, FakeClearinghouse, FakeContext, MemoryPartner, MemorySettings
from hub.testing.kits import outgoing

CANARY = "ZZCANARY, PATIENT"
HERE = __name__.partition(".")[0]


def guard(**given: Any) -> Guard:
    """A guard of nothing yet."""
    return Guard(instance="acme", plugin="fake", package=HERE, **{"deadline_seconds": 5.0, **given})


def port(inner: Any, **given: Any) -> GuardedClearinghouse:
    """A clearinghouse behind a guard."""
    return GuardedClearinghouse(inner, guard(**given), TurnedClock(START))


class Base(FakeClearinghouse):
    """A clearinghouse to break."""

    def __init__(self) -> None:
        self.partner = MemoryPartner()
        super().__init__(MemorySettings(partner=self.partner), FakeContext())


def shown(error: BaseException) -> str:
    """Everything that a log or a traceback with locals could show of an error."""
    texts = ["".join(traceback.format_exception(error)), repr(error), repr(vars(error)), repr(error.__cause__)]
    at = error.__traceback__
    while at is not None:
        if "plugin/host" in at.tb_frame.f_code.co_filename:
            texts.append(repr(at.tb_frame.f_locals))
        at = at.tb_next
    return "".join(texts)


class Leaky(Base):
    def list(self, cursor: str) -> Listing:
        """Raise with a patient's name, chained from another."""
        try:
            raise KeyError(CANARY)  # noqa: TRY301 - a chain is what is tested
        except KeyError as error:
            error.add_note(CANARY)
            raise ValueError(f"cannot file {CANARY}") from error


class LeakyDoor(Base):
    def list(self, cursor: str) -> Listing:
        """Raise a door error whose cause and notes hold a name."""
        try:
            raise KeyError(CANARY)  # noqa: TRY301 - a chain is what is tested
        except KeyError as error:
            later = RetryLater(
                "the partner is busy", after_seconds=30, fix="run: hub connector test NAME (env:NAME)"
            )
            later.add_note(CANARY)
            raise later from error


def test_fault_names_place_and_type_only() -> None:
    """A bug is reported by plugin, instance, method, type, file and line; its message and chain are gone."""
    with pytest.raises(PluginFault) as caught:
        port(Leaky()).list("")
    fault = caught.value
    assert (fault.plugin, fault.instance, fault.method, fault.cause) == ("fake", "acme", "list", "ValueError")
    assert "test_host_calls.py:" in fault.place
    assert not fault.place.startswith("/")
    assert "ZZCANARY" not in shown(fault)


def test_door_errors_lose_their_chain() -> None:
    """A door error crosses with its words and its wait, without what caused it."""
    with pytest.raises(RetryLater, match="the partner is busy") as caught:
        port(LeakyDoor()).list("")
    assert caught.value.after_seconds == 30
    assert "ZZCANARY" not in shown(caught.value)


def test_what_to_do_names_the_instance() -> None:
    """A plugin does not know what its instance is called: NAME in a command that it names becomes that."""
    with pytest.raises(RetryLater) as caught:
        port(LeakyDoor()).list("")
    assert caught.value.fix == "run: hub connector test acme (env:NAME)"


@pytest.mark.parametrize("error", [Misconfigured, RetryLater, Refused, InDoubt])
def test_four_errors_cross(error: type[Exception]) -> None:
    """Each of the four errors arrives as what it is."""

    def fail() -> None:
        raise error("said so")

    with pytest.raises(error, match="said so"):
        guard().call("list", fail, anything)


@pytest.mark.parametrize("raised", [SystemExit, KeyboardInterrupt, GeneratorExit, RecursionError, StopIteration])
def test_nothing_else_crosses(raised: type[BaseException]) -> None:
    """Even what ends programs is a fault of the plugin."""

    def fail() -> None:
        raise raised

    with pytest.raises(PluginFault, match=raised.__name__):
        guard().call("list", fail, anything)


def _listing(**changed: Any) -> Listing:
    whole: dict[str, Any] = {
        "token": "t",
        "name": "n",
        "size": 1,
        "modified_at": datetime(2026, 1, 1, tzinfo=UTC),
    }
    return Listing(refs=(Ref(**{**whole, **changed}),))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (None, "a Listing"),
        ({"refs": []}, "a Listing"),
        (_listing(size=CANARY), r"see \.refs\[0\]\.size"),
        (_listing(name=None), r"see \.refs\[0\]\.name"),
        (_listing(modified_at=datetime(2026, 1, 1)), "lacks a time zone"),  # noqa: DTZ001 - the fault in question
        (Listing(refs=(CANARY,)), r"see \.refs"),  # type: ignore[arg-type]
        (Listing(refs=(object(),)), "a Listing"),  # type: ignore[arg-type]
    ],
)
def test_wrong_answers_are_faults(answer: Any, said: str) -> None:
    """A wrong type, however deep, is a fault that names the field and never what came."""

    class Wrong(Base):
        def list(self, cursor: str) -> Listing:
            return answer  # type: ignore[no-any-return]

    with pytest.raises(PluginFault, match=said) as caught:
        port(Wrong()).list("")
    assert "ZZCANARY" not in shown(caught.value)


class WrongEverywhere(Base):
    capabilities = "all"  # type: ignore[assignment]

    def stage(self, file: Outgoing, body: Iterable[bytes]) -> Evidence:
        return "staged"  # type: ignore[return-value]

    def publish(self, file: Outgoing) -> Evidence:
        return None  # type: ignore[return-value]

    def confirm(self, file: Outgoing) -> Evidence | None:
        return True  # type: ignore[return-value]

    def open(self, ref: Ref) -> Iterator[bytes]:
        yield "text"  # type: ignore[misc]

    def done(self, ref: Ref) -> None:
        return 1  # type: ignore[return-value]

    def ask(self, kind: str, body: bytes, deadline: datetime) -> bytes:
        return "text"  # type: ignore[return-value]

    def check(self) -> Iterator[Any]:
        yield "fine"


REF = Ref(token="t", name="n", size=1, modified_at=START)
CALLS: dict[str, Callable[[GuardedClearinghouse], object]] = {
    "capabilities": lambda it: it.capabilities,
    "stage": lambda it: it.stage(outgoing(b"x"), [b"x"]),
    "publish": lambda it: it.publish(outgoing(b"x")),
    "confirm": lambda it: it.confirm(outgoing(b"x")),
    "open": lambda it: list(it.open(REF)),
    "done": lambda it: it.done(REF),
    "ask": lambda it: it.ask("270", b"x", START + timedelta(seconds=5)),
    "check": lambda it: list(it.check()),
}


@pytest.mark.parametrize("method", CALLS)
def test_every_method_is_checked(method: str) -> None:
    """No method of the port gives back what the plugin made up."""
    with pytest.raises(PluginFault, match=f"acme.{method}: returned what is not"):
        CALLS[method](port(WrongEverywhere()))


def test_reading_is_checked_and_total() -> None:
    """`read` may raise nothing, not even a door error, and every fact is checked."""

    class Bad:
        def read(self, raw: bytes, content_type: str) -> Reading:
            if raw == b"door":
                raise Refused(CANARY)
            return Reading(problems=(Problem(code=1, where="", why=""),))  # type: ignore[arg-type]

    source = GuardedSource(Bad(), guard(), TurnedClock(START))
    with pytest.raises(PluginFault, match="Refused at") as caught:
        source.read(b"door", "x")
    assert "ZZCANARY" not in shown(caught.value)
    with pytest.raises(PluginFault, match=r"a Reading \(see \.problems\[0\]\.code\)"):
        source.read(b"", "x")


class Piecing:
    """A source whose answers a test gives."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers

    def read(self, raw: bytes, content_type: str) -> Reading:
        """What the test says."""
        return self.answers["read"]

    def read_joined(self, piece: Piece, linked: Sequence[Piece]) -> Reading:
        """What the test says."""
        return self.answers["joined"]


def test_pieces_without_somebody_to_read_them_are_a_fault() -> None:
    """A plugin that tells pieces has `read_joined`; one that has not is told so, and none of them is kept."""

    class Without:
        def read(self, raw: bytes, content_type: str) -> Reading:
            return Reading(pieces=(Piece(key="a", version="1"),))

    source = GuardedSource(Without(), guard(), TurnedClock(START))
    assert not source.joins
    (fault,) = source.read_many([(b"", "x")])
    assert isinstance(fault, PluginFault)
    assert "read_joined" in str(fault)
    with_it = GuardedSource(Piecing(read=Without().read(b"", "x")), guard(), TurnedClock(START))
    assert with_it.joins
    assert with_it.read(b"", "x").pieces


@pytest.mark.parametrize(
    "answer",
    [
        None,
        Reading(pieces=(Piece(key="a", version="1"),)),
        Reading(facts=(PieceFact(key="a"),)),
        Reading(facts=(EncounterFact(key="a", patient_key="b", partial=True),)),
    ],
)
def test_what_is_joined_is_checked(answer: Any) -> None:
    """A joined reading has whole facts and brings no pieces; one that does not is a fault beside the others."""
    source = GuardedSource(Piecing(joined=answer), guard(), TurnedClock(START))
    piece = Piece(key="a", version="1", body=b"ZZCANARY")
    (fault,) = source.read_joined_many([(piece, ())])
    assert isinstance(fault, PluginFault)
    assert "ZZCANARY" not in shown(fault)
    with pytest.raises(PluginFault):
        source.read_joined(piece, ())
    good = Reading(facts=(EncounterFact(key="a", patient_key="b"),))
    assert GuardedSource(Piecing(joined=good), guard(), TurnedClock(START)).read_joined(piece, ()) == good


def test_many_messages_in_one_turn_are_judged_one_by_one() -> None:
    """A message on which a plugin fails is a fault beside the readings of the others, told and counted as a call of
    its own; one that hangs is a fault for all."""
    freed, told = threading.Event(), list[PluginFault]()

    class Picky:
        def read(self, raw: bytes, content_type: str) -> Reading:
            if raw == b"hang":
                freed.wait()
            if raw == b"bad":
                raise ValueError(CANARY)
            return Reading(not_billable=raw.decode()) if raw != b"wrong" else CANARY  # type: ignore[return-value]

    guarded = guard(on_fault=told.append)
    source = GuardedSource(Picky(), guarded, TurnedClock(START))
    assert source.read_many([]) == []
    first, bad, wrong, last = source.read_many(
        [(raw, "x") for raw in (b"test", b"bad", b"wrong", b"informational")]
    )
    assert [one.not_billable for one in (first, last) if isinstance(one, Reading)] == ["test", "informational"]
    assert isinstance(bad, PluginFault)
    assert isinstance(wrong, PluginFault)
    assert (bad.cause, wrong.cause) == ("ValueError", "returned what is not a Reading")
    assert told == [bad, wrong]
    assert "ZZCANARY" not in shown(bad)
    (count,) = guarded.counts()
    assert (count.calls, count.faults) == (4, 2)
    guarded.deadline_seconds = 0.2
    with pytest.raises(PluginFault) as hung:
        source.read_many([(b"test", "x"), (b"hang", "x")])
    freed.set()
    assert hung.value.hung


def test_changes_keep_their_bytes() -> None:
    """Checking an answer does not alter it."""
    messages = (RawMessage(external_id="1", content_type="hl7v2", body=b"\xff\x00"),)

    class Good:
        def changes(self, cursor: str) -> Changes:
            return Changes(messages=messages, cursor="2")

    assert GuardedSource(Good(), guard(), TurnedClock(START)).changes("") == Changes(
        messages=messages, cursor="2"
    )


def test_hung_call_is_a_fault_and_holds_the_instance() -> None:
    """A call that does not end is given up; the instance refuses the next, and the hub goes on."""
    freed = threading.Event()
    told: list[PluginFault] = []

    class Hangs(Base):
        def list(self, cursor: str) -> Listing:
            freed.wait()
            return Listing(refs=())

    hung = port(Hangs(), deadline_seconds=0.05, on_fault=told.append)
    with pytest.raises(PluginFault) as first:
        hung.list("")
    with pytest.raises(PluginFault) as second:
        hung.done(REF)
    freed.set()
    assert first.value.hung
    assert second.value.hung
    assert hung.held
    assert [fault.method for fault in told] == ["list", "done"]


def test_hung_iterator_is_a_fault() -> None:
    """A stream that stops in the middle is given up like a call."""
    freed = threading.Event()

    class Hangs(Base):
        def open(self, ref: Ref) -> Iterator[bytes]:
            yield b"begins"
            freed.wait()

    guarded = guard()
    stream = GuardedClearinghouse(Hangs(), guarded, TurnedClock(START)).open(REF)
    assert next(stream) == b"begins"
    guarded.deadline_seconds = 0.2
    with pytest.raises(PluginFault) as caught:
        next(stream)
    freed.set()
    assert caught.value.hung


def test_slow_body_is_not_a_hung_call() -> None:
    """The deadline is silence: the time our own body takes is not the plugin's."""
    clock = threading.Event()

    def slow() -> Iterator[bytes]:
        yield b"one"
        clock.wait(1.1)
        yield b"two"

    inner = Base()
    port(inner, deadline_seconds=1.0).stage(outgoing(b"onetwo"), slow())
    assert inner.partner.hidden == {"fil_kit1": b"onetwo"}


def test_our_own_body_error_is_ours() -> None:
    """An error of the hub's own body is raised as it is, and counts as no fault of the plugin."""

    class Swallows(Base):
        def stage(self, file: Outgoing, body: Iterable[bytes]) -> Evidence:
            try:
                return super().stage(file, body)
            except RetryLater:
                return Evidence(kind="staged")

    def broken() -> Iterator[bytes]:
        yield b"x"
        raise LookupError("the blob lacks a chunk")

    for inner in (Base(), Swallows()):
        guarded = port(inner)
        with pytest.raises(LookupError, match="lacks a chunk"):
            guarded.stage(outgoing(b"xx"), broken())
        assert not guarded.held


def test_body_is_read_in_the_callers_thread() -> None:
    """The store is never used from a plugin's thread."""
    seen: list[threading.Thread] = []

    def body() -> Iterator[bytes]:
        seen.append(threading.current_thread())
        yield b"x"

    port(Base()).stage(outgoing(b"x"), body())
    assert seen == [threading.current_thread()]


def test_one_call_at_a_time() -> None:
    """Never two calls of one instance at once, and all in one thread."""
    inside: list[int] = []
    most: list[int] = []
    threads: set[int] = set()

    class Counts(Base):
        def list(self, cursor: str) -> Listing:
            inside.append(1)
            most.append(len(inside))
            threads.add(threading.get_ident())
            inside.pop()
            return Listing(refs=())

    guarded = port(Counts())
    callers = [threading.Thread(target=lambda: [guarded.list("") for _ in range(50)]) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(most) == 200
    assert max(most) == 1
    assert len(threads) == 1


def test_abandoned_stream_is_closed() -> None:
    """A stream that is not read to its end lets the plugin clean up."""
    closed: list[bool] = []

    class Cleans(Base):
        def open(self, ref: Ref) -> Iterator[bytes]:
            try:
                yield b"one"
                yield b"two"
            finally:
                closed.append(True)

    stream = port(Cleans()).open(REF)
    assert next(stream) == b"one"
    stream.close()  # type: ignore[attr-defined]
    assert closed == [True]


def test_calls_are_counted() -> None:
    """Calls, faults and seconds are kept by method; the steps of a stream are one call."""
    guarded = guard()
    house = GuardedClearinghouse(Leaky(), guarded, TurnedClock(START))
    with pytest.raises(PluginFault):
        house.list("")
    assert list(guarded.iterate("open", lambda: iter([b"a", b"b"]), anything)) == [b"a", b"b"]
    counts = {count.method: count for count in guarded.counts()}
    assert (counts["list"].calls, counts["list"].faults) == (1, 1)
    assert (counts["open"].calls, counts["open"].faults) == (1, 0)
    assert counts["list"].seconds > 0


def test_trace_prints_names_and_durations(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`HUB_TRACE_PLUGINS=1` shows each call with its duration, names only; without it nothing is printed."""
    with pytest.raises(PluginFault):
        port(Leaky()).list(CANARY)
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("HUB_TRACE_PLUGINS", "1")
    with pytest.raises(PluginFault):
        port(Leaky()).list(CANARY)
    said = capsys.readouterr().err
    assert said.startswith("hub: fake acme.list ")
    assert said.endswith(" ms FAULT\n")
    assert "ZZCANARY" not in said


class _Saved:
    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], bytes] = {}

    def plugin_state(self, instance: str) -> Any:
        rows = self.rows

        class Saves:
            def put(self, key: str, value: bytes) -> None:
                rows[instance, key] = value

        return Saves()


class Listens:
    """A source that listens in one of several ways."""

    def __init__(self, how: str) -> None:
        self.how = how

    async def serve(self, inbox: Any, stop: threading.Event) -> None:
        """Put one message, then end as told."""
        await inbox.put(RawMessage(external_id="1", content_type="hl7v2", body=b"x"))
        if self.how == "fails":
            raise ValueError(CANARY)
        if self.how == "busy":
            raise RetryLater("the port is taken")
        while self.how == "deaf" or not stop.is_set():  # noqa: ASYNC110 - `stop` is a thread's event
            await asyncio.sleep(0.01)


class _Inbox:
    def __init__(self, stop: threading.Event) -> None:
        self.got: list[bytes] = []
        self.stop = stop

    async def put(self, message: RawMessage, *, peer: str = "") -> str:
        self.got.append(message.body)
        self.stop.set()
        return "new"

    async def put_many(self, messages: Sequence[RawMessage], *, peer: str = "") -> tuple[str, ...]:
        return tuple([await self.put(message, peer=peer) for message in messages])

    def answered(self, peer: str, answers: Mapping[str, int], slowest_ms: float = 0.0) -> None:
        """Nothing is counted."""


@pytest.mark.parametrize(("how", "error"), [("fails", PluginFault), ("busy", RetryLater), ("deaf", PluginFault)])
def test_bad_listeners_are_faults(how: str, error: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    """A listener that fails, or does not hear `stop`, is a fault without values, and nothing else ends."""
    monkeypatch.setattr("hub.plugin.host.ports.STOP_GRACE_SECONDS", 0.1)
    stop = threading.Event()
    source = GuardedSource(Listens(how), guard(), TurnedClock(START))
    with pytest.raises(error) as caught:
        asyncio.run(source.serve(_Inbox(stop), stop))
    assert "ZZCANARY" not in shown(caught.value)
    assert getattr(caught.value, "hung", False) == (how == "deaf")


def test_good_listeners_end() -> None:
    """A listener that hears `stop` ends, and what it put has arrived."""
    stop = threading.Event()
    inbox = _Inbox(stop)
    source = GuardedSource(Listens(""), guard(), TurnedClock(START))
    assert source.listens
    asyncio.run(source.serve(inbox, stop))
    assert inbox.got == [b"x"]


def test_state_is_saved_with_what_it_led_to() -> None:
    """Puts wait for the transaction; those of a failed call are forgotten; `get` sees what was put."""
    saved = _Saved()
    state = BufferedState("acme", lambda instance, key: saved.rows.get((instance, key)))
    guarded = guard(memory=state)

    def put_and_fail() -> None:
        state.put("cursor", b"wrong")
        raise ValueError

    guarded.call("list", lambda: state.put("cursor", b"1"), anything)
    with pytest.raises(PluginFault):
        guarded.call("list", put_and_fail, anything)
    assert state.get("cursor") == b"1"
    assert saved.rows == {}
    assert state.pending() == {"cursor": b"1"}
    state.commit(saved)
    assert saved.rows == {("acme", "cursor"): b"1"}
    assert state.pending() == {}
    assert state.get("cursor") == b"1"
    state.put("cursor", b"2")
    state.discard()
    assert state.get("cursor") == b"1"


@pytest.mark.parametrize(
    ("key", "value"), [("ZZCANARY, ZOE", b"1"), ("", b"1"), ("k" * 61, b"1"), ("cursor", "1")]
)
def test_state_keys_are_words(key: str, value: Any) -> None:
    """Keys stand in clear in the store: a key that could be data is the plugin's fault, and so is a value that is
    not bytes.
    """
    state = BufferedState("acme", lambda _instance, _key: None)
    with pytest.raises(PluginFault, match="TypeError"):
        guard(memory=state).call("list", lambda: state.put(key, value), anything)
    assert state.pending() == {}


def test_hung_call_can_save_nothing_later() -> None:
    """What a call puts after it was given up is ignored."""
    freed, ended = threading.Event(), threading.Event()
    state = BufferedState("acme", lambda _instance, _key: None)

    def late() -> None:
        freed.wait()
        state.put("cursor", b"late")
        ended.set()

    with pytest.raises(PluginFault):
        guard(memory=state, deadline_seconds=0.05).call("list", late, anything)
    freed.set()
    assert ended.wait(60)
    assert state.pending() == {}
