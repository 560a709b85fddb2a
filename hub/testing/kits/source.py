"""The contract of an `EhrSource`.

S1  The class has what its port needs: `Settings`, every method, each with the port's arguments.
S2  `check` yields steps; `close` is harmless twice.
S3  Every sample reads into facts (or pieces), and `read` gives a `Reading` whose every field is of its type.
S4  `read` is pure: the same bytes give the same reading, from any object, and it opens no connection.
S5  Every fact has a key; two facts of one kind, key and version in one reading are equal.
S6  A reading survives its way through the store (encoded and decoded, it is the same).
S7  `read` is total: cut, damaged, empty, binary, deeply nested or huge input gives a `Reading`, never a raise.
S8  What is not read is a problem: input of another content type, and bytes that are none, give no facts and
    at least one problem.
S9  Every problem says where and why, and holds none of the sample's values.
S10 `changes("")` gives `Changes`; following the cursor ends, repeats no message and misses none.
S11 A message offered later is found with the last cursor, from a new object as well.
S12 Every message that `changes` gives can be read by `read`.
"""

from __future__ import annotations

import random
import socket
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import msgspec
import pytest

from hub.model.facts import Reading
from hub.plugin.api import Changes, EhrSource, RawMessage, Step
from hub.plugin.host import answers
from hub.plugin.host.offers import misfits
from hub.testing.fakes import FakeContext
from hub.testing.kits.partner import able

NOISE = (
    b"",
    b"\x00",
    b"\xff\xfe" * 50,
    b"[" * 20000,
    b'{"a":' * 5000,
    b"MSH|",
    b"\x0b\x1c\r",
    b"A|" * 20000,
    b"null",
    b"[]",
)


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """A whole message that your source reads; `values` are texts in it that no problem may show (names, ids)."""

    name: str
    content_type: str
    raw: bytes
    values: tuple[str, ...] = ()


class EhrSourceKit:
    """Give `make_port` and `samples`; and `partner` with `offer(name, body)` where your source pulls."""

    PORT: ClassVar[type] = EhrSource
    damages = 40
    offered: tuple[bytes, ...] = ()
    """Messages that the partner may offer, each different; where empty, the samples' own bytes."""

    @pytest.fixture
    def context(self) -> FakeContext:
        """A context for your port, if you need one."""
        return FakeContext("kit")

    @pytest.fixture
    def partner(self) -> Any:
        """Yours to give where the source pulls: `offer(name, body)` adds a message."""
        return None

    @pytest.fixture
    def make_port(self) -> Callable[[], Any]:
        """Yours to give: a function that makes a new object, as after a restart."""
        raise NotImplementedError("give the fixture `make_port`")

    @pytest.fixture
    def samples(self) -> tuple[Sample, ...]:
        """Yours to give: at least one message that reads into facts."""
        raise NotImplementedError("give the fixture `samples`")

    @pytest.fixture
    def port(self, make_port: Callable[[], Any]) -> Iterator[Any]:
        """One object, closed at the end."""
        made = make_port()
        yield made
        made.close()

    @pytest.fixture
    def fresh(self, make_port: Callable[[], Any]) -> Iterator[Any]:
        """A second object, as after a restart."""
        made = make_port()
        yield made
        made.close()

    def test_class_fits_the_port(self, port: Any) -> None:
        """S1: the class has the settings, the methods and the arguments that the host will use."""
        assert misfits(type(port), self.PORT) == []

    def test_check_and_close(self, make_port: Callable[[], Any]) -> None:
        """S2: a check is a walk of steps, and closing is harmless."""
        made = make_port()
        assert all(isinstance(step, Step) for step in made.check())
        made.close()
        made.close()

    def test_samples_read(self, port: Any, samples: tuple[Sample, ...]) -> None:
        """S3: samples become facts of the right types."""
        assert samples
        for sample in samples:
            assert _tells(_read(port, sample.raw, sample.content_type)), sample.name

    def test_reading_is_pure(
        self, port: Any, fresh: Any, samples: tuple[Sample, ...], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """S4: reading depends on the bytes alone."""

        def refuse(*_: object) -> None:
            raise AssertionError("read opened a connection")

        monkeypatch.setattr(socket.socket, "connect", refuse)
        for sample in samples:
            said = [_read(one, sample.raw, sample.content_type) for one in (port, port, fresh)]
            assert said[0] == said[1] == said[2], sample.name

    def test_facts_have_keys(self, port: Any, samples: tuple[Sample, ...]) -> None:
        """S5: a key and a version name one fact."""
        for sample in samples:
            seen: dict[tuple[str, str, str], object] = {}
            for fact in _read(port, sample.raw, sample.content_type).facts:
                assert fact.key, sample.name
                name = (type(fact).__name__, fact.key, fact.version)
                assert seen.setdefault(name, fact) == fact, f"{sample.name}: two {name[0]} of one key and version"

    def test_readings_survive_the_store(self, port: Any, samples: tuple[Sample, ...]) -> None:
        """S6: what is stored is what was read."""
        for sample in samples:
            reading = _read(port, sample.raw, sample.content_type)
            assert msgspec.json.decode(msgspec.json.encode(reading), type=Reading) == reading

    def test_damaged_input_is_read(self, port: Any, samples: tuple[Sample, ...]) -> None:
        """S7, S9: damage gives a reading, and no problem shows a value."""
        chance = random.Random(7)
        for sample in samples:
            for raw in _damaged(sample.raw, self.damages, chance):
                _quiet(_read(port, raw, sample.content_type), sample)

    def test_noise_is_a_problem(self, port: Any, samples: tuple[Sample, ...]) -> None:
        """S7, S8: bytes that are no message give no facts and never raise; damaged ones say so."""
        for kind in sorted({sample.content_type for sample in samples}):
            for raw in NOISE:
                reading = _read(port, raw, kind)
                assert not _tells(reading)
            assert _read(port, b"\xff\xfe no message \x00", kind).problems

    def test_other_content_types(self, port: Any, samples: tuple[Sample, ...]) -> None:
        """S8: a content type that the source does not read is a problem."""
        for sample in samples:
            reading = _read(port, sample.raw, "application/x-none")
            assert not _tells(reading)
            assert reading.problems

    def test_problems_are_plain(self, port: Any, samples: tuple[Sample, ...]) -> None:
        """S9: every problem has a place and a reason, and none shows a value."""
        for sample in samples:
            for kind in (sample.content_type, "application/x-none"):
                _quiet(_read(port, sample.raw, kind), sample)

    def test_changes(self, partner: Any, port: Any, samples: tuple[Sample, ...]) -> None:
        """S10: the cursor leads through all messages, once each, and ends."""
        able(partner, "offer")
        bodies = self._offered(samples)
        for number, body in enumerate(bodies):
            partner.offer(f"m{number}", body)
        found, _ = self._pull(port, "")
        assert len({(m.external_id, m.body) for m in found}) == len(found)
        assert {m.body for m in found} == set(bodies)

    def test_later_messages(self, partner: Any, port: Any, fresh: Any, samples: tuple[Sample, ...]) -> None:
        """S11: a cursor never hides what comes after it."""
        able(partner, "offer")
        first, *rest = self._offered(samples)
        partner.offer("m0", first)
        _, cursor = self._pull(port, "")
        for number, body in enumerate(rest, 1):
            partner.offer(f"m{number}", body)
        found, _ = self._pull(fresh, cursor)
        assert {m.body for m in found} >= set(rest)

    def test_changes_can_be_read(self, partner: Any, port: Any, samples: tuple[Sample, ...]) -> None:
        """S12: what is pulled can be read."""
        able(partner, "offer")
        partner.offer("m0", self._offered(samples)[0])
        found, _ = self._pull(port, "")
        assert found
        assert all(_tells(_read(port, m.body, m.content_type)) for m in found)

    def _offered(self, samples: tuple[Sample, ...]) -> tuple[bytes, ...]:
        return self.offered or tuple(dict.fromkeys(sample.raw for sample in samples))

    def _pull(self, port: Any, cursor: str) -> tuple[list[RawMessage], str]:
        found: list[RawMessage] = []
        for _ in range(200):
            changes = answers.record(Changes)(port.changes(cursor))
            found += changes.messages
            cursor = changes.cursor
            if not changes.more:
                return found, cursor
        raise AssertionError("changes never ended")


def _tells(reading: Reading) -> bool:
    return bool(reading.facts or reading.pieces)


def _read(port: Any, raw: bytes, content_type: str) -> Reading:
    """A reading whose fields are checked as the host checks them."""
    return answers.record(Reading)(port.read(raw, content_type))


def _damaged(raw: bytes, count: int, chance: random.Random) -> Iterator[bytes]:
    """`raw` cut, with bytes flipped, and with a stretch taken out, `count` of each at most."""
    size = max(len(raw), 1)
    for _ in range(count):
        at = chance.randrange(size)
        yield raw[:at]
        yield raw[:at] + bytes([chance.randrange(256)]) + raw[at + 1 :]
        yield raw[:at] + raw[at + chance.randrange(1, 40) :]


def _quiet(reading: Reading, sample: Sample) -> None:
    for problem in reading.problems:
        assert problem.code, sample.name
        assert problem.where, sample.name
        assert problem.why, sample.name
        said = f"{problem.code} {problem.where} {problem.why} {problem.fix}"
        shown = [value for value in sample.values if len(value) > 2 and value in said]
        assert not shown, f"{sample.name}: {problem.code} shows a value"
