"""The contract of a `PiecingSource`, beside that of an `EhrSource`.

J1  The class has `read_joined` with the port's arguments.
J2  `read_joined` is pure: the same pieces give the same reading, from any object, and it opens no connection.
J3  It is total: whatever is missing, withdrawn or damaged, it gives a `Reading`, never a raise.
J4  Its facts are whole and have keys, its problems show no value, and it brings no pieces.
J5  Of the piece itself it tells the same facts (kinds and keys), whatever of `linked` is there or was deleted.
J6  A piece has a key, and of one key and version there are no two in a message; it does not link to itself.
"""

from __future__ import annotations

import random
import socket
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import msgspec
import pytest

from hub.model.facts import Piece, Reading
from hub.plugin.api import PiecingSource
from hub.plugin.host import answers
from hub.plugin.host.offers import misfits
from hub.testing.kits.source import EhrSourceKit, Sample

Case = tuple[Piece, tuple[Piece, ...]]


class PiecingSourceKit(EhrSourceKit):
    """Give `make_port` and `samples`, of which at least one brings a piece that links to another of the samples."""

    PORT: ClassVar[type] = PiecingSource

    @pytest.fixture
    def cases(self, port: Any, samples: tuple[Sample, ...]) -> tuple[Case, ...]:
        """Each piece of the samples that has links, with what it reaches among them."""
        known: dict[str, Piece] = {}
        for sample in samples:
            known |= {one.key: one for one in port.read(sample.raw, sample.content_type).pieces}
        found = tuple((one, tuple(_reached(one, known))) for one in known.values() if one.links)
        assert any(linked for _, linked in found), "give samples that bring a piece and what it links to"
        return found

    def test_joined_fits_the_port(self, port: Any) -> None:
        """J1: the host can call it."""
        assert misfits(type(port), PiecingSource) == []

    def test_joined_is_pure(
        self, port: Any, fresh: Any, cases: tuple[Case, ...], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """J2: it depends on the pieces alone."""

        def refuse(*_: object) -> None:
            raise AssertionError("read_joined opened a connection")

        monkeypatch.setattr(socket.socket, "connect", refuse)
        for piece, linked in cases:
            said = [_joined(one, piece, linked) for one in (port, port, fresh)]
            assert said[0] == said[1] == said[2], piece.key

    def test_joined_is_total(self, port: Any, cases: tuple[Case, ...], samples: tuple[Sample, ...]) -> None:
        """J3, J4: damage gives a reading, and no problem shows a value."""
        chance = random.Random(7)
        values = [value for sample in samples for value in sample.values if len(value) > 2]
        for piece, linked in cases:
            for one, others in _damaged(piece, linked, chance):
                for problem in _joined(port, one, others).problems:
                    said = f"{problem.code} {problem.where} {problem.why} {problem.fix}"
                    assert not [value for value in values if value in said], f"{problem.code} shows a value"

    def test_joined_facts_are_whole(self, port: Any, cases: tuple[Case, ...]) -> None:
        """J4: nothing of a fact is left to another message."""
        for piece, linked in cases:
            reading = _joined(port, piece, linked)
            assert reading.pieces == ()
            assert all(fact.key and not getattr(fact, "partial", False) for fact in reading.facts)

    def test_joined_tells_the_same_facts(self, port: Any, cases: tuple[Case, ...]) -> None:
        """J5: a fact that was told is not taken back by silence."""
        chance = random.Random(11)
        for piece, linked in cases:
            whole = _own(port, piece, linked)
            for _ in range(6):
                some = tuple(one for one in linked if chance.random() < 0.5)
                gone = tuple(msgspec.structs.replace(one, withdrawn=chance.random() < 0.5) for one in linked)
                assert _own(port, piece, some) == whole, f"{piece.key}: what is missing takes a fact away"
                assert _own(port, piece, gone) == whole, f"{piece.key}: what was deleted takes a fact away"

    def test_pieces_have_keys(self, port: Any, samples: tuple[Sample, ...]) -> None:
        """J6: a key and a version name one piece."""
        for sample in samples:
            seen: dict[tuple[str, str], Piece] = {}
            for one in port.read(sample.raw, sample.content_type).pieces:
                assert one.key, sample.name
                assert one.key not in one.links, sample.name
                assert seen.setdefault((one.key, one.version), one) == one, f"{sample.name}: {one.key} twice"


def _joined(port: Any, piece: Piece, linked: tuple[Piece, ...]) -> Reading:
    return answers.record(Reading)(port.read_joined(piece, linked))


def _own(port: Any, piece: Piece, linked: tuple[Piece, ...]) -> set[str]:
    return {type(fact).__name__ for fact in _joined(port, piece, linked).facts if fact.key == piece.key}


def _reached(piece: Piece, known: dict[str, Piece]) -> list[Piece]:
    found: dict[str, Piece] = {}
    ends = set(piece.links)
    while ends:
        found |= {key: known[key] for key in ends if key in known}
        ends = {link for key in ends if key in known for link in known[key].links} - found.keys() - {piece.key}
    return [found[key] for key in sorted(found)]


def _damaged(
    piece: Piece, linked: tuple[Piece, ...], chance: random.Random
) -> Iterator[tuple[Piece, tuple[Piece, ...]]]:
    """With nothing, with some, with deleted ones, and with bodies that are cut or are none."""
    broken: tuple[Callable[[bytes], bytes], ...] = (
        lambda body: body[: chance.randrange(len(body) + 1)],
        lambda _: b"\xff\x00",
        lambda _: b"[" * 20_000,
    )
    yield piece, ()
    yield msgspec.structs.replace(piece, withdrawn=True), linked
    for damage in broken:
        yield msgspec.structs.replace(piece, body=damage(piece.body)), linked
        yield piece, tuple(msgspec.structs.replace(one, body=damage(one.body)) for one in linked)
