"""NDJSON off the wire: whatever the chunks, the same lines; whatever stands before, the same messages."""

from __future__ import annotations

import json
from random import Random

from hub_ehr_fhir.bulk.cursors import Place
from hub_ehr_fhir.bulk.lines import LEAST, MOST, Cutter, Gatherer, Line, Piece
from hypothesis import given, settings
from hypothesis import strategies as st

TEXTS = st.lists(
    st.sampled_from([b"", b"  ", b"\r", b'{"a":1}', b'{"b":"\xc3\xa9"}\r', b"no json", b"x" * 70]), max_size=12
)


def cut(body: bytes, sizes: list[int], longest: int = 1 << 20) -> list[Line]:
    """The lines of a body that comes in chunks of these sizes."""
    cutter, found, at = Cutter(longest=longest), list[Line](), 0
    for size in [*sizes, len(body)]:
        found += cutter.feed(body[at : at + size])
        at += size
    return [*found, *cutter.finish()]


def gathered(lines: list[bytes]) -> list[Piece]:
    """The messages of lines."""
    gatherer, found = Gatherer(), list[Piece]()
    for number, text in enumerate(lines):
        piece = gatherer.add("Patient", Line(text, number, text), Place(offset=number))
        found += [piece] if piece else []
    last = gatherer.flush()
    return [*found, last] if last else found


@given(TEXTS, st.booleans(), st.booleans(), st.lists(st.integers(1, 40), max_size=20))
@settings(max_examples=150, deadline=None)
def test_lines_do_not_depend_on_chunks(texts: list[bytes], bom: bool, ended: bool, sizes: list[int]) -> None:
    """Blank lines, carriage returns and the byte order mark go, all else stays as it is, also a last line without
    its ending; each line tells where it ends, and the bytes before that place.
    """
    body = (b"\xef\xbb\xbf" if bom else b"") + b"\n".join(texts) + (b"\n" if ended and texts else b"")
    found = cut(body, sizes)
    assert [one.text for one in found] == [one.strip(b"\r\n") for one in texts if one.strip()]
    assert all(body[: one.end].endswith(one.tail) and one.tail for one in found)


def test_a_line_that_is_too_long_goes_on_in_part() -> None:
    """Its beginning goes on, which is no JSON, and the lines after it are whole; memory is bounded meanwhile."""
    long = b'{"resourceType":"Patient","id":"' + b"a" * 100_000 + b'"}'
    body = b'{"id":1}\n' + long + b'\n{"id":2}\n'
    for sizes in ([10] * 9_000, [50_000], []):
        found = cut(body, sizes, longest=10_000)
        assert [one.text for one in found][::2] == [b'{"id":1}', b'{"id":2}']
        assert found[1].text == long[: len(found[1].text)]
        assert len(found[1].text) < 10_000
        assert [one.end for one in found] == [9, 9 + len(long) + 1, len(body)]


def test_messages_are_of_about_a_mib() -> None:
    """No message is larger than its bound and one line; none but the last is small."""
    some = Random(1)  # noqa: S311 - a test
    lines = [json.dumps({"id": n, "x": "y" * some.randrange(3000)}).encode() for n in range(5_000)]
    found = gathered(lines)
    assert b"".join(one.body for one in found) == b"\n".join(lines) + b"\n"
    assert all(LEAST <= len(one.body) <= MOST + 4_000 for one in found[:-1])
    assert sum(one.lines for one in found) == len(lines)
    assert found[0].end == Place(offset=found[0].lines - 1)


def test_a_change_makes_few_messages_new() -> None:
    """A resource that comes in between alters the message it stands in, not those after it: an export of all, each
    night, is known to the inbox but for what changed.
    """
    some = Random(2)  # noqa: S311 - a test
    lines = [json.dumps({"id": n, "x": some.randbytes(600).hex()}).encode() for n in range(12_000)]
    before = {one.external_id for one in gathered(lines)}
    after = {one.external_id for one in gathered([*lines[:300], b'{"id":"new"}', *lines[300:]])}
    assert len(before) > 12
    assert len(after - before) <= 2
