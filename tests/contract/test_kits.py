"""The kits: the fakes pass them, broken ports fail them, and every number of a contract has its test."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from types import ModuleType
from typing import Any

import pytest
from msgspec.structs import replace

from hub.errors import Problem
from hub.model.facts import ChargeFact, MergeFact, Reading
from hub.plugin.api import Evidence, Notice, Outgoing, PrintResult, Ref, RetryLater
from hub.testing.fakes import (
    FAKE,
    BoardSettings,
    FakeClearinghouse,
    FakeContext,
    FakeNotifier,
    FakePrinter,
    FakeSource,
    FeedSettings,
    MemoryBoard,
    MemoryFeed,
    MemoryPartner,
    MemorySettings,
    encode_facts,
)
from hub.testing.kits import (
    ClearinghouseKit,
    EhrSourceKit,
    NotifierKit,
    PiecingSourceKit,
    PrintVendorKit,
    Sample,
)
from hub.testing.kits import clearinghouse as clearinghouse_kit
from hub.testing.kits import notifier as notifier_kit
from hub.testing.kits import piecing as piecing_kit
from hub.testing.kits import printing as printing_kit
from hub.testing.kits import source as source_kit
from hub.testing.kits import transfer as transfer_kit
from hub.testing.piecing import FakePiecing, Scrap, message

MERGE = MergeFact(key="m1", version="1", kind="patient", from_key="ZZCANARYNAME", into_key="p2")
CHARGE = ChargeFact(key="c1", patient_key="p2", service_from=date(2026, 3, 1))


class TestFakeClearinghouse(ClearinghouseKit):
    """The in-memory clearinghouse keeps the contract that real ones keep."""

    question = ("270", b"ISA~")

    @pytest.fixture
    def partner(self) -> MemoryPartner:
        return MemoryPartner()

    @pytest.fixture
    def make_port(self, partner: MemoryPartner, context: FakeContext) -> Callable[[], FakeClearinghouse]:
        return lambda: FakeClearinghouse(MemorySettings(partner=partner), context)


class TestFakePrinter(PrintVendorKit):
    """The in-memory print vendor keeps the contract that real ones keep."""

    @pytest.fixture
    def partner(self) -> MemoryPartner:
        return MemoryPartner()

    @pytest.fixture
    def make_port(self, partner: MemoryPartner, context: FakeContext) -> Callable[[], FakePrinter]:
        return lambda: FakePrinter(MemorySettings(partner=partner), context)

    @pytest.fixture
    def result_file(self) -> tuple[bytes, tuple[PrintResult, ...]]:
        printed = PrintResult(number="1001", verdict="printed")
        returned = PrintResult(number="1002", verdict="returned", reason="A1")
        return b"1001 printed\n1002 returned A1\n", (printed, returned)


class TestFakeSource(EhrSourceKit):
    """The in-memory source keeps the contract that real ones keep."""

    @pytest.fixture
    def partner(self) -> MemoryFeed:
        return MemoryFeed()

    @pytest.fixture
    def make_port(self, partner: MemoryFeed, context: FakeContext) -> Callable[[], FakeSource]:
        return lambda: FakeSource(FeedSettings(feed=partner), context)

    @pytest.fixture
    def samples(self) -> tuple[Sample, ...]:
        merge = Sample(name="merge", content_type=FAKE, raw=encode_facts(MERGE), values=("ZZCANARYNAME",))
        charge = Sample(name="charge", content_type=FAKE, raw=encode_facts(CHARGE))
        both = Sample(name="both", content_type=FAKE, raw=encode_facts(MERGE, CHARGE))
        return merge, charge, both


class TestFakePiecing(PiecingSourceKit):
    """The source in miniature whose messages need each other keeps the contract that real ones keep."""

    @pytest.fixture
    def partner(self) -> MemoryFeed:
        return MemoryFeed()

    @pytest.fixture
    def make_port(self, partner: MemoryFeed, context: FakeContext) -> Callable[[], FakePiecing]:
        return lambda: FakePiecing(FeedSettings(feed=partner), context)

    @pytest.fixture
    def samples(self) -> tuple[Sample, ...]:
        visit = Scrap(key="visit:1", links=("role:1", "disease:1"), patient="patient:1")
        role, doctor = Scrap(key="role:1", links=("doctor:1",)), Scrap(key="doctor:1", says="ZZCANARYNAME")
        disease = Scrap(key="disease:1", says="?", patient="patient:1")
        plan = Scrap(key="plan:1", says="ZZ9", links=("firm:1",), patient="patient:1")
        parts = {"visit": (visit, role), "others": (doctor, disease, plan, Scrap(key="firm:1", says="X"))}
        return tuple(
            Sample(name=name, content_type=FAKE, raw=message(*some), values=("ZZCANARYNAME",))
            for name, some in parts.items()
        )


class TestFakeNotifier(NotifierKit):
    """The board in memory keeps the contract that real notifiers keep."""

    @pytest.fixture
    def partner(self) -> MemoryBoard:
        return MemoryBoard()

    @pytest.fixture
    def make_port(self, partner: MemoryBoard, context: FakeContext) -> Callable[[], FakeNotifier]:
        takes = frozenset({"alert", "recovered", "digest"})
        return lambda: FakeNotifier(BoardSettings(board=partner, takes=takes), context)


@pytest.mark.parametrize(
    "module", [transfer_kit, clearinghouse_kit, printing_kit, source_kit, piecing_kit, notifier_kit]
)
def test_every_number_has_a_test(module: ModuleType) -> None:
    """A contract's numbers and the numbers that its tests cite are the same."""
    promised = set(re.findall(r"^([A-Z]\d+) ", module.__doc__ or "", re.MULTILINE))
    kits = [it for it in vars(module).values() if isinstance(it, type) and it.__module__ == module.__name__]
    tests = [it for kit in kits for name, it in vars(kit).items() if name.startswith("test_")]
    cited = {
        number for it in tests for number in re.findall(r"\b[A-Z]\d+\b", (it.__doc__ or "").partition(":")[0])
    }
    assert promised
    assert cited == promised


class _Shows(FakeClearinghouse):
    def stage(self, file: Outgoing, body: Iterable[bytes]) -> Evidence:
        """Write under the final name at once."""
        self._partner.sent[file.name] = b"".join(body)
        return Evidence(kind="staged")


class _EndsShort(FakeClearinghouse):
    def open(self, ref: Ref) -> Iterator[bytes]:
        """End in silence where the wire is cut."""
        yield self._partner.carry(self._partner.offered[ref.token])


class _Overwrites(FakeClearinghouse):
    def publish(self, file: Outgoing) -> Evidence:
        """Replace whatever is there."""
        self._partner.sent.pop(file.name, None)
        return super().publish(file)


class _Raises(FakeSource):
    def read(self, raw: bytes, content_type: str) -> Reading:
        """Raise on what is not UTF-8."""
        raw.decode()
        return super().read(raw, content_type)


class _Tells(FakeSource):
    def read(self, raw: bytes, content_type: str) -> Reading:
        """Quote the message in a problem."""
        said = Problem(code="x", where="y", why=f"bad: {raw[:200]!r}")
        return Reading(facts=super().read(raw, content_type).facts, problems=(said,))


class _NewIds(FakeNotifier):
    def send(self, notice: Notice) -> Evidence:
        """Give each sending an id of its own."""
        return super().send(replace(notice, id=f"{notice.id}-{len(self._board.notices)}"))


class _Quotes(FakeNotifier):
    def send(self, notice: Notice) -> Evidence:
        """Say in an error what was to be sent."""
        try:
            return super().send(notice)
        except RetryLater as error:
            raise RetryLater(f"not sent: {notice.subject}") from error


class _Swallows(FakeNotifier):
    def send(self, notice: Notice) -> Evidence:
        """Take what does not arrive for sent."""
        try:
            return super().send(notice)
        except RetryLater:
            return Evidence(kind="receipt")


def _kit_says(kit: Any, test: str, port: Any, fresh: Any, partner: Any) -> None:
    made = {"port": port, "fresh": fresh, "partner": partner}
    function = getattr(kit, test)
    wanted = function.__code__.co_varnames[1 : function.__code__.co_argcount]
    function(**{name: made[name] for name in wanted})


@pytest.mark.parametrize(
    ("broken", "test"),
    [
        (_Shows, "test_stage_shows_nothing"),
        (_Shows, "test_cut_while_staging"),
        (_EndsShort, "test_cut_while_receiving"),
        (_Overwrites, "test_publish_never_replaces_another_file"),
    ],
)
def test_broken_transfers_are_seen(broken: type[FakeClearinghouse], test: str) -> None:
    """A kit that passes a broken port proves nothing: each of these must fail."""
    partner = MemoryPartner()
    port, fresh = (broken(MemorySettings(partner=partner), FakeContext()) for _ in range(2))
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        _kit_says(TestFakeClearinghouse(), test, port, fresh, partner)


@pytest.mark.parametrize(
    ("broken", "test"),
    [
        (_NewIds, "test_a_repeat_can_be_recognised"),
        (_Quotes, "test_errors_are_quiet"),
        (_Swallows, "test_away"),
        (_Swallows, "test_busy"),
    ],
)
def test_broken_notifiers_are_seen(broken: type[FakeNotifier], test: str) -> None:
    """A notifier whose repeats look new, that quotes what it tells, or that swallows a failure, fails its kit."""
    board = MemoryBoard()
    port, fresh = (broken(BoardSettings(board=board), FakeContext()) for _ in range(2))
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        _kit_says(TestFakeNotifier(), test, port, fresh, board)


@pytest.mark.parametrize(("broken", "error"), [(_Raises, UnicodeDecodeError), (_Tells, AssertionError)])
def test_broken_sources_are_seen(broken: type[FakeSource], error: type[Exception]) -> None:
    """A source that raises on bad data, or quotes it, fails its kit."""
    port = broken(FeedSettings(feed=MemoryFeed()), FakeContext())
    sample = Sample(name="merge", content_type=FAKE, raw=encode_facts(MERGE), values=("ZZCANARYNAME",))
    with pytest.raises(error):
        TestFakeSource().test_damaged_input_is_read(port, (sample,))
