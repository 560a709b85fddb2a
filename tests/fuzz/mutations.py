"""Damages X12 files at random: bytes, elements, segments, delimiters, envelopes; the same for the same chance."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random

FIXTURES = Path(__file__).parents[1] / "x12"
MOST_BYTES = 24_000
_ODD = (
    *(b"", b"*", b"~", b":", b"^", b"\n", b"\r\n", b"\x00", b" ", b"\xff", b"\xc3\xa9", b"\xef\xbb\xbf", b"\x1a"),
    *(
        b"ISA*",
        b"0",
        b"-1",
        b"9" * 40,
        b"1" * 5000,
        b"20250231",
        b"1.1.1",
        b"-.",
        b"1E9",
        b"Z" * 300,
        b"PK\x03\x04",
    ),
)
_TAGS = (
    b"",
    *b"ISA GS ST SE GE IEA TA1 HL LX CLM CLP CAS SVC SBR NM1 N4 REF DTP LS LE PLB BPR STC TRN HI SV1 XX".split(),
)
_MARKS = b"*:^~|>+!\\\x1c\x1d\x1e\n,;#"


def seeds() -> list[bytes]:
    """The files that mutations begin from: our good and faulty ones, and an archive of two of them."""
    found = [path.read_bytes() for path in sorted(FIXTURES.glob("*/*.x12"))]
    if not found:
        raise FileNotFoundError("tests/x12 has no files to begin from")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, data in enumerate(found[:2]):
            archive.writestr(zipfile.ZipInfo(f"{number}.x12"), data)
    return [*found, packed.getvalue()]


def mutated(base: list[bytes], random: Random) -> bytes:
    """One damaged file: a seed, and from one to eight mutations on it."""
    data = random.choice(base)
    for _ in range(1 + min(int(random.expovariate(0.7)), 7)):
        data = random.choice(_MUTATIONS)(data, random, base)[:MOST_BYTES]
    return data


def _flip(data: bytes, random: Random, base: list[bytes]) -> bytes:
    made = bytearray(data)
    for _ in range(random.randint(1, 6)):
        if made:
            made[random.randrange(len(made))] = random.randrange(256)
    return bytes(made)


def _insert(data: bytes, random: Random, base: list[bytes]) -> bytes:
    at = random.randint(0, len(data))
    return data[:at] + random.choice(_ODD) + data[at:]


def _cut_out(data: bytes, random: Random, base: list[bytes]) -> bytes:
    at, size = random.randint(0, len(data)), int(random.expovariate(0.02))
    return data[:at] + data[at + size :]


def _truncate(data: bytes, random: Random, base: list[bytes]) -> bytes:
    return data[: random.randint(0, len(data))]


def _segments(data: bytes) -> tuple[list[bytes], bytes]:
    term = data[105:106] if data[:3] == b"ISA" and len(data) > 106 else b"~"
    return data.split(term), term


def _on_segments(change: Callable[[list[bytes], Random, list[bytes]], None]) -> Callable[..., bytes]:
    def mutation(data: bytes, random: Random, base: list[bytes]) -> bytes:
        parts, term = _segments(data)
        change(parts, random, base)
        return term.join(parts)

    return mutation


def _drop(parts: list[bytes], random: Random, base: list[bytes]) -> None:
    at = random.randrange(len(parts))
    del parts[at : at + random.choice((1, 1, 1, 2, 5, 20))]


def _repeat(parts: list[bytes], random: Random, base: list[bytes]) -> None:
    at = random.randrange(len(parts))
    run = parts[at : at + random.choice((1, 1, 2, 4))]
    parts[at:at] = run * random.choice((1, 1, 2, 20))


def _swap(parts: list[bytes], random: Random, base: list[bytes]) -> None:
    a, b = random.randrange(len(parts)), random.randrange(len(parts))
    parts[a], parts[b] = parts[b], parts[a]


def _move(parts: list[bytes], random: Random, base: list[bytes]) -> None:
    taken = parts.pop(random.randrange(len(parts)))
    parts.insert(random.randint(0, len(parts)), taken)


def _retag(parts: list[bytes], random: Random, base: list[bytes]) -> None:
    at = random.randrange(len(parts))
    _, mark, rest = parts[at].partition(b"*")
    parts[at] = random.choice(_TAGS) + mark + rest


def _element(parts: list[bytes], random: Random, base: list[bytes]) -> None:
    at = random.randrange(len(parts))
    values = parts[at].split(b"*")
    values[random.randrange(len(values))] = random.choice(_ODD)
    parts[at] = b"*".join(values)


def _more_elements(parts: list[bytes], random: Random, base: list[bytes]) -> None:
    at = random.randrange(len(parts))
    parts[at] += b"*" * random.choice((1, 3, 40)) + random.choice(_ODD)


def _graft(parts: list[bytes], random: Random, base: list[bytes]) -> None:
    others, _ = _segments(random.choice(base))
    first = random.randrange(len(others))
    at = random.randint(0, len(parts))
    parts[at:at] = others[first : first + random.randint(1, 12)]


def _deep(parts: list[bytes], random: Random, base: list[bytes]) -> None:
    depth = random.randint(4, 400)
    levels = [f"HL*{n}*{n - 1}*{random.choice((20, 22, 23, 19))}*1".encode() for n in range(2, depth)]
    parts[min(len(parts), 4) : 4] = levels


def _numbers(parts: list[bytes], random: Random, base: list[bytes]) -> None:
    for at, part in enumerate(parts):
        if random.random() < 0.3:
            parts[at] = part.replace(random.choice((b"1", b"0", b"2")), random.choice((b"9", b"-", b".", b"11")))


def _remark(data: bytes, random: Random, base: list[bytes]) -> bytes:
    old, new = random.choice(b"*:^~"), random.choice(_MARKS)
    return data.replace(bytes([old]), bytes([new]))


def _endings(data: bytes, random: Random, base: list[bytes]) -> bytes:
    ending = random.choice((b"~\n", b"~\r\n", b"~\r", b"~ ", b"\n", b"~~"))
    return data.replace(b"~", ending, random.choice((-1, 1, 5)))


def _join(data: bytes, random: Random, base: list[bytes]) -> bytes:
    return data + random.choice((b"", b"\n", b" ", b"\xef\xbb\xbf")) + random.choice(base)


def _many(data: bytes, random: Random, base: list[bytes]) -> bytes:
    return data * random.choice((2, 3)) if len(data) < 3000 else data[:106] * random.choice((2, 100))


_MUTATIONS: tuple[Callable[..., bytes], ...] = (
    _flip,
    _insert,
    _cut_out,
    _truncate,
    _remark,
    _endings,
    _join,
    _many,
    *map(
        _on_segments,
        (
            _drop,
            _repeat,
            _swap,
            _move,
            _retag,
            _element,
            _element,
            _more_elements,
            _graft,
            _deep,
            _numbers,
            _numbers,
        ),
    ),
)
