"""What the fuzzer found, each as a rule of its own: it stays found."""

from __future__ import annotations

import io
import zipfile
from types import SimpleNamespace

import pytest

from hub.errors import Problem
from hub.x12.ack import acknowledgement
from hub.x12.envelope import X12Reader
from hub.x12.guides import guide_named
from hub.x12.tools.repair import Mending
from hub.x12.tree import Node
from hub.x12.wire import Delimiters, Wire, rebuild
from hub.x12.write import check_root
from hub.x12.zipped import members


def texts(data: bytes, size: int) -> list[str]:
    """The segment texts of a file that comes in chunks of this size."""
    chunks = (data[at : at + size] for at in range(0, len(data), size))
    return [text for block in Wire(chunks) for text in block.segments]


@pytest.mark.parametrize("doubled", [b"~~", b"~~~~", b"~\n~\n", b"~\n\n~\n", b"~\n~"])
def test_a_doubled_terminator_is_no_segment(samples: SimpleNamespace, doubled: bytes) -> None:
    """What stands empty between two terminators is dropped, wherever the blocks of reading are cut."""
    data = samples.write("837P", samples.two_claims())
    broken = data[:106] + data[106:].replace(b"~", doubled, 20)
    whole = texts(broken, len(broken))
    assert whole == texts(data, len(data))
    assert all(texts(broken, size) == whole for size in (1, 7, 97, 333))


@pytest.mark.parametrize("between", [b"", b"\n", b"\r\n"])
def test_a_byte_order_mark_between_two_interchanges(samples: SimpleNamespace, between: bytes) -> None:
    """Files that were put one after another, each with its byte order mark, are read as two interchanges."""
    one, two = (b"\xef\xbb\xbf" + samples.write("835", samples.notice(), control_number=n) for n in (1, 2))
    reader = X12Reader(one + between + two)
    assert [transaction.check() for transaction in reader] == [[], []]
    assert (len(reader.interchanges), reader.findings) == (2, [])
    assert rebuild(one + between + two) == one + between + two


def archive(**content: bytes) -> bytes:
    """A ZIP with these members, not compressed, so that a flipped byte stays readable."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as made:
        for name, data in content.items():
            made.writestr(zipfile.ZipInfo(name), data)
    return packed.getvalue()


def test_a_member_whose_checksum_is_wrong_is_a_problem() -> None:
    """A damaged member is told of before a byte of it is given; its neighbours are read."""
    packed = archive(first=b"ISA*FIRST", second=b"ISA*SECOND").replace(b"*FIRST", b"*FURST")
    found = list(members(io.BytesIO(packed)))
    assert [isinstance(one, Problem) for one in found] == [True, False]


@pytest.mark.parametrize(
    ("old", "new", "nth"),
    [(b"PK\x03\x04", b"PK\x03\x05", 1), (b"PK\x01\x02", b"PK\x01\x03", 0), (b"PK\x05\x06", b"PK\x05\x07", 0)],
    ids=["a member's header", "the directory", "its end"],
)
def test_a_damaged_archive_is_a_problem(old: bytes, new: bytes, nth: int) -> None:
    """Whatever is wrong in the structure of an archive, it is said as a Problem and nothing is raised."""
    packed = archive(first=b"ISA*FIRST", second=b"ISA*SECOND")
    parts = packed.split(old)
    damaged = old.join(parts[: nth + 1]) + new + old.join(parts[nth + 1 :])
    assert any(isinstance(one, Problem) for one in members(io.BytesIO(damaged)))


def test_an_archive_whose_places_do_not_exist() -> None:
    """A directory that points before the file's begin is damage, not a crash."""
    packed = archive(first=b"ISA*FIRST")
    cut = packed[:4] + packed[12:]
    assert [isinstance(one, Problem) for one in members(io.BytesIO(cut))] == [True]


def test_a_level_without_its_elements_is_checked(samples: SimpleNamespace) -> None:
    """A tree whose HL lacks its elements gets findings from the writer's check; nothing is raised."""
    root = samples.two_claims()
    level = root.children("2000A")[0]
    level.items[0] = ("HL",)
    level.children("2000B")[0].items[0] = ("HL", "2")
    codes = {finding.code for finding in check_root(guide_named("837P"), root)}
    assert codes


def test_a_line_of_blanks_is_one_segment_in_any_block(samples: SimpleNamespace) -> None:
    """Where lines end segments, a line of blanks counts the same wherever the blocks of reading are cut."""
    data = samples.write("835", samples.notice(), delimiters=Delimiters(segment="\n"))
    broken = data.replace(b"\nGE*", b"\n  \nGE*")
    whole = texts(broken, len(broken))
    assert all(texts(broken, size) == whole for size in (1, 7, 97, 333))


def test_delimiters_beyond_ascii_are_one_byte_each(samples: SimpleNamespace) -> None:
    """A header that names bytes beyond ASCII as its marks is read byte for byte, in any block."""
    data = samples.write("835", samples.notice()).replace(b"HELP", b"H\xc3\xa9LP")
    odd = data.replace(b"~", b"\xa7").replace(b":", b"\xa6")
    whole = texts(odd, len(odd))
    assert len(whole) == len(texts(data, len(data)))
    assert all(texts(odd, size) == whole for size in (1, 7, 97, 333))
    assert rebuild(odd) == odd


@pytest.mark.parametrize(
    "broken", [b"IEA\x00*1*000000001~", b"IEA~", b"GE~", b"SVC~", b"CLP~", b"BPR~", b"HL~", b"CLM~"]
)
def test_a_segment_without_its_elements_is_a_finding(samples: SimpleNamespace, broken: bytes) -> None:
    """A bare segment, in the place of the one that should stand there, is found fault with and nothing is raised."""
    tag = broken[:3].rstrip(b"~")
    for data in (
        samples.write("835", samples.ordinary_remittance()),
        samples.write("837P", samples.two_claims()),
    ):
        start = data.find(b"~" + tag + b"*") + 1
        damaged = data[:start] + broken + data[data.index(b"~", start) + 1 :] if start else data
        reader = X12Reader(damaged, strict=True)
        found = [finding for transaction in reader for finding in transaction.check()] + reader.findings
        assert bool(found) == bool(start) or b"\x00" in broken


@pytest.mark.parametrize("tag", ["ÖLX", "lx", "L~X", "\x14X", "Zß", "LONGER", ""])
def test_the_answer_to_a_garbled_segment_id_keeps_its_own_guide(samples: SimpleNamespace, tag: str) -> None:
    """Whatever stands where a segment id should, the 999 that tells of it can be written."""
    data = samples.write("837P", samples.two_claims()).replace(b"LX*1", tag.encode() + b"*1")
    reader = X12Reader(data)
    assert [bool(transaction.check()) for transaction in reader] == [True]
    answer = acknowledgement(reader.interchanges[0].groups[0])
    assert check_root(guide_named("999"), answer) == []


@pytest.mark.parametrize("excess", [b"*1" * 200, b":1" * 200])
def test_an_answer_to_far_too_many_elements_keeps_its_own_guide(samples: SimpleNamespace, excess: bytes) -> None:
    """Beyond element and part 99, which is as far as a 999 can count, it names the segment alone."""
    data = samples.write("837P", samples.two_claims()).replace(b"HC:G0439", b"HC:G0439" + excess)
    reader = X12Reader(data)
    assert [bool(transaction.check()) for transaction in reader] == [True]
    answer = acknowledgement(reader.interchanges[0].groups[0])
    assert check_root(guide_named("999"), answer) == []


def test_an_answer_to_a_group_that_claims_millions_of_sets_keeps_its_own_guide(samples: SimpleNamespace) -> None:
    """Where GE01 is larger than a 999 can say, the sets that came are counted."""
    data = samples.write("837P", samples.two_claims()).replace(b"~GE*1*", b"~GE*12345678*")
    reader = X12Reader(data)
    assert [transaction.check() for transaction in reader] == [[]]
    answer = acknowledgement(reader.interchanges[0].groups[0])
    assert check_root(guide_named("999"), answer) == []
    assert [values[2:4] for values in answer.items if not isinstance(values, Node) and values[0] == "AK9"] == [
        ("1", "1")
    ]


def test_an_interchange_without_a_number_is_not_mended(samples: SimpleNamespace) -> None:
    """An ISA13 of nothing but control characters would vanish with them, and the separators with it."""
    data = bytearray(samples.write("837P", samples.two_claims()))
    data[90:99] = b"\x00" * 9
    mending = Mending(bytes(data))
    assert b"".join(mending) == b""
    assert mending.problem
