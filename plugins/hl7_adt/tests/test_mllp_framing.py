"""The framing: any bytes, dealt out in any way, give the same blocks, and nothing raises."""

from __future__ import annotations

import pytest
from hub_hl7_adt.mllp.framing import Broken, Framer, framed
from hypothesis import given, settings
from hypothesis import strategies as st

MSG = b"MSH|^~\\&|A|B|C|D|20260101||ADT^A01|1|P|2.5\rPID|1\r"
OTHER = MSG.replace(b"|1|P", b"|2|P")
MOST = 1000


def cut(*chunks: bytes, most: int = MOST) -> list[bytes | Broken]:
    """All that a stream gives, its end included."""
    framer = Framer(most)
    found: list[bytes | Broken] = []
    for chunk in chunks:
        found += framer.feed(chunk)
    return found + framer.end()


@pytest.mark.parametrize(
    ("stream", "blocks"),
    [
        (framed(MSG), [MSG]),
        (framed(MSG) * 3, [MSG] * 3),
        (b"HTTP noise\x00\xff" + framed(MSG), [MSG]),
        (b"\x0b" + MSG + b"\x1c\n" + framed(OTHER), [MSG, OTHER]),
        (b"\x0b" + MSG + b"\x1c\r\n" + framed(OTHER), [MSG, OTHER]),
        (b"\x0b" + MSG + b"\x1c" + framed(OTHER), [MSG, OTHER]),
        (b"\x0b" + MSG + b"\x1c", [MSG]),
        (b"\x0b" + MSG + framed(OTHER), [MSG, OTHER]),
        (b"\x0b\x0b" + MSG + b"\x1c\r", [MSG]),
        (b"\x0b\x1c\r" + framed(MSG), [MSG]),
        (framed(MSG[:-1]), [MSG[:-1]]),
        (framed(MSG + b"ZZ1|a\x1cb\r"), [MSG + b"ZZ1|a\x1cb\r"]),
        (framed(MSG + b"ZZ1|a\x0bb\r"), [MSG + b"ZZ1|a\x0bb\r"]),
        (framed(MSG.replace(b"\r", b"\n")), [MSG.replace(b"\r", b"\n")]),
        (framed(b"\xff\xfe\x00"), [b"\xff\xfe\x00"]),
    ],
)
def test_blocks_of_the_field(stream: bytes, blocks: list[bytes]) -> None:
    """Noise before VT, no CR after FS, no FS before the next VT, no last CR, LF, FS or VT in a value: read."""
    assert cut(stream) == blocks
    assert cut(*(bytes([byte]) for byte in stream)) == blocks


def test_a_part_is_never_a_message() -> None:
    """What ends in the midst of a segment, or with the connection, is broken off and not taken for a message."""
    part = MSG[:-3]
    assert cut(b"\x0b" + part + framed(OTHER)) == [Broken(kind="broken_off", head=part), OTHER]
    assert cut(framed(OTHER) + b"\x0b" + MSG) == [OTHER, Broken(kind="broken_off", head=MSG)]


@pytest.mark.parametrize("after", [framed(OTHER), b"\n" + framed(OTHER)])
@pytest.mark.parametrize("step", [1, 7, 300, 10_000])
def test_what_is_too_large_is_given_up_while_it_is_read(after: bytes, step: int) -> None:
    """It is told once, little of it is held, and the stream is found again at the next block."""
    stream = framed(MSG + b"ZZ1|" + b"x" * 5000) + after
    framer, found, held = Framer(MOST), [], 0
    for at in range(0, len(stream), step):
        found += framer.feed(stream[at : at + step])
        held = max(held, framer.waiting_bytes)
    assert [type(one) for one in found] == [Broken, bytes]
    assert found[0].kind == "too_large"
    assert found[0].head.startswith(MSG)
    assert found[1] == OTHER
    assert held <= MOST + max(step, 10)


def test_the_cap_is_exact() -> None:
    """A block of just the cap is taken, one byte more is not."""
    assert cut(framed(b"x" * MOST)) == [b"x" * MOST]
    assert [one.kind for one in cut(framed(b"x" * (MOST + 1))) if isinstance(one, Broken)] == ["too_large"]


def test_a_rest_ends_a_block_without_cr() -> None:
    """An FS that came last waits for what follows; where nothing does, it is the end."""
    framer = Framer(MOST)
    assert framer.feed(b"\x0b" + MSG + b"\x1c") == []
    assert framer.undecided
    assert framer.rest() == [MSG]
    assert not framer.undecided
    assert framer.feed(b"\r" + framed(OTHER)) == [OTHER]


PIECES = [
    b"\x0b",
    b"\x1c",
    b"\r",
    b"\n",
    b"MSH|",
    b"FHS|",
    b"BHS",
    b"MS",
    b"x",
    b"\xff",
    b"\x0bMSH|^~\\&|",
    b"\x1c\r",
]
STREAMS = st.one_of(st.binary(max_size=120), st.lists(st.sampled_from(PIECES), max_size=60).map(b"".join))


@settings(deadline=None, max_examples=400)
@given(STREAMS, st.lists(st.integers(1, 30), max_size=80), st.sampled_from([1, 5, 12, 40, 1000]))
def test_any_chunks_give_the_same_blocks(stream: bytes, sizes: list[int], most: int) -> None:
    """However a stream is dealt out, the blocks and what is broken are the same, and nothing raises."""
    chunks, at = [], 0
    for size in sizes:
        chunks.append(stream[at : at + size])
        at += size
    chunks.append(stream[at:])
    assert cut(*chunks, most=most) == cut(stream, most=most)


@settings(deadline=None)
@given(st.lists(st.sampled_from([MSG, OTHER, b"x", b"MSH|\xff"]), max_size=20), st.integers(1, 200))
def test_what_is_framed_comes_back(messages: list[bytes], step: int) -> None:
    """Every framed message comes back unchanged, in order."""
    stream = b"".join(framed(one) for one in messages)
    assert cut(*(stream[at : at + step] for at in range(0, len(stream), step))) == messages
